#!/usr/bin/env bash
# python_transports.sh: writes that Twisted and asyncio throw away on UNIX, UDP and TLS transports, before a connection
# and after an abort; and the program's line behind what they had kept in a buffer.
#
#   tests/e2e/python_transports.sh BUILD [NAME...]
#
# shellcheck disable=SC2317 # tests are called through their names
# shellcheck source=tests/e2e/lib_python.sh
. "$(dirname "$0")/lib_python.sh"

# --- Other transports -------------------------------------------------------------------------------------------------

# One write that was thrown away, from this function, after that.
drops_one() { # RUNTIME BYTES FUNCTION NOTE
    runtime=$1 bytes=$2 function=$3 wanted=$4 report_says <<'EOF'
only(["dropped-by-framework"])
dropped | shows({count: 1, bytes_offered: ($ENV.bytes | tonumber), bytes_accepted: 0, outcome: "rejected",
 severity: "error"})
dropped | written_by($ENV.function) and notes("^runtime: \($ENV.runtime)$") and notes($ENV.wanted)
EOF
}

test_twisted_transports() {
    local mode bytes function wanted
    can_import twisted || return
    while read -r mode bytes function wanted; do
        {
            audit tx_other_transports "$mode"
            drops_one Twisted "$bytes" "$function" "$wanted"
        } | sed "s/^/$mode: /"
    done <<'EOF'
unix 7 runUntilCurrent ^lost: own loseConnection,
abort 7 abort ^lost: own abortConnection,
half 10 writeConnectionLost ^lost: own loseWriteConnection
early 9 startedConnecting ^lost: it was not connected yet
udp 7 runUntilCurrent ^lost: own stopListening,
unix_udp 7 runUntilCurrent ^lost: own stopListening,
EOF
}

test_twisted_transports_ok() {
    can_import twisted || return
    audit tx_other_transports ok
    prints '^server received bye$'
    is_silent
}

test_asyncio_transports() {
    local mode
    for mode in unix udp; do
        {
            audit aio_other_transports $mode
            drops_one asyncio 7 say_one_more '^lost: own close, '
        } | sed "s/^/$mode: /"
    done
}

# The first write finds the reset out, the next two have no connection: and nobody could have told the program.
test_asyncio_untold() {
    audit aio_other_transports untold
    report_says <<'EOF'
only(["write-after-reset", "dropped-by-framework"])
incident("write-after-reset") | shows({count: 1, bytes_offered: 5, outcome: "rejected", errno: "ECONNRESET",
 severity: "warning"})
dropped | shows({count: 2, bytes_offered: 11, severity: "warning"}) and notes("^lost: by ConnectionReset")
EOF
}

test_asyncio_transports_ok() {
    audit aio_other_transports ok
    prints '^server received 10000010$'
    is_silent
}

# Pipes of subprocesses are left out.
test_asyncio_pipe_ok() {
    audit aio_other_transports pipe
    is_silent
}

make_certificate() {
    command -v openssl >/dev/null || { echo "SKIP: openssl is not installed"; return 1; }
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$dir/key" -out "$dir/cert" \
        -subj /CN=localhost -days 2 >/dev/null 2>&1 || { echo "no certificate can be made"; return 1; }
    cat "$dir/key" "$dir/cert" >"$dir/both.pem"
}

test_twisted_tls() {
    local mode bytes function wanted
    can_import twisted && can_import OpenSSL && make_certificate || return
    while read -r mode bytes function wanted; do
        {
            audit tx_tls "$mode" "$dir/both.pem"
            drops_one Twisted "$bytes" "$function" "$wanted"
        } | sed "s/^/$mode: /"
    done <<'EOF'
closing 14 finish ^lost: own loseConnection,
lost 13 say_one_more ^lost: own loseConnection,
starttls_lost 13 say_one_more ^lost: own loseConnection,
peer_lost 13 say_one_more ^lost: the peer closed,
starttls_peer_lost 13 say_one_more ^lost: the peer closed,
EOF
}

test_twisted_tls_ok() {
    local mode
    can_import twisted && can_import OpenSSL && make_certificate || return
    for mode in ok starttls_ok; do
        {
            audit tx_tls $mode "$dir/both.pem"
            report_says <<<'silent' # the goodbyes cross
        } | sed "s/^/$mode: /"
    done
}

test_asyncio_tls() {
    local mode bytes function wanted
    make_certificate || return
    while read -r mode bytes function wanted; do
        {
            audit aio_tls "$mode" "$dir/both.pem"
            drops_one asyncio "$bytes" "$function" "$wanted"
        } | sed "s/^/$mode: /"
    done <<'EOF'
closing 15 finish ^lost: own close,
lost 14 say_one_more ^lost: own close,
abort 15 finish ^lost: own abort,
EOF
}

test_asyncio_tls_ok() {
    make_certificate || return
    audit aio_tls ok "$dir/both.pem"
    is_silent
}

# --- What the runtime writes later ------------------------------------------------------------------------------------

# The reactor's send loses the bytes; the program's line that asked for them is named.
test_twisted_buffered() {
    can_import twisted || return
    audit tx_buffered bad
    line=$(line_of tx_buffered 'self.transport.write(b"all is well")') report_says <<'EOF'
only(["write-after-peer-close"])
incident("write-after-peer-close") | shows({outcome: "lost", count: 1, bytes_offered: 11, severity: "error"})
incident("write-after-peer-close") | notes("^your call: .*tx_buffered.py\", line \($ENV.line) in send_state$")
 and notes("^timed call: callLater.* Client.send_state, ran once, ")
EOF
}

test_twisted_buffered_ok() {
    can_import twisted || return
    audit tx_buffered ok
    prints '^server received all is well$'
    report_says <<'EOF'
only(["write-after-peer-close"])
incident("write-after-peer-close") | shows({outcome: "delivered", severity: "note"})
EOF
}

test_asyncio_buffered() {
    audit aio_buffered bad
    line=$(line_of aio_buffered 'transport.write(bytes(SIZE))') report_says <<'EOF'
any(.incidents[]; .severity == "error") or error("no error")
[.incidents[] | select(.stacks.write[0].function | test("^_write_(ready|sendmsg)$"))] | length >= 1 and all(
 notes("^your call: .*aio_buffered.py\", line \($ENV.line) in send_much$")
 and notes("^timed call: call_later.* send_much, ran once, not pending any more$"))
EOF
}

test_asyncio_buffered_ok() {
    audit aio_buffered ok
    report_says <<'EOF'
.incidents | length >= 1 and all(shows({kind: "write-after-peer-close", outcome: "delivered", severity: "note"}))
EOF
}

run_tests
