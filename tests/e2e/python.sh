#!/usr/bin/env bash
# python.sh: the adapter for Python. Programs of Twisted and asyncio that nobody prepared (tests/python/*.py) write to
# connections that are gone, or take care not to.
#
#   tests/e2e/python.sh BUILD [NAME...]
#
# Each misuse has its honest twin, for which the report is silent. The programs' own clocks run in tenths of a second;
# nothing here measures time.
#
# shellcheck disable=SC2317 # tests are called through their names
# shellcheck source=tests/e2e/lib_python.sh
. "$(dirname "$0")/lib_python.sh"

# --- A line client that goes on talking -------------------------------------------------------------------------------

test_twisted_line() {
    can_import twisted || return
    audit tx_line_client bad
    line=$(line_of tx_line_client anyone) report_says <<'EOF'
only(["dropped-by-framework"])
dropped | shows({count: 1, bytes_offered: 15, bytes_accepted: 0, severity: "error", knowledge: "told", errno: "",
 outcome: "rejected", sigpipe: "none"})
dropped | written_at("say_one_more"; $ENV.line)
dropped | notes("^lost: own loseConnection, .* earlier$")
 and notes("^ended at: .*tx_line_client.py\", line [0-9]+ in finish$") and notes("^runtime: Twisted$")
 and notes("^timed call: callLater.* Talker.say_one_more, ran once, not pending any more$")
 and notes("^scheduled at: .*tx_line_client.py\", line [0-9]+ in connectionLost$")
socket_of(dropped) | .protocol == "tcp" and .origin == "connect" and .peer_port > 0 and .closed_ns > 0
EOF
    prints '^lost ConnectionDone$'
    text_says 'evidence lost: own loseConnection, [0-9.]+ [mu]?s earlier'
    text_says 'outcome rejected: the runtime made no system call: nothing was sent'
    ! grep -q delivered "$dir/report.txt" || echo "something is called delivered"
}

test_twisted_line_ok() {
    can_import twisted || return
    audit tx_line_client ok
    is_silent
}

test_asyncio_line() {
    audit aio_line_client bad
    line=$(line_of aio_line_client anyone) report_says <<'EOF'
only(["dropped-by-framework"])
dropped | shows({count: 1, bytes_offered: 14, bytes_accepted: 0, severity: "error", knowledge: "told", errno: "",
 outcome: "rejected", sigpipe: "none"})
dropped | written_at("say_one_more"; $ENV.line)
dropped | notes("^lost: own close, .* earlier$") and notes("^ended at: .*aio_line_client.py\", line [0-9]+ in finish$")
 and notes("^runtime: asyncio$") and notes("^timed call: task .* of main, slept 2 times, ")
socket_of(dropped) | .protocol == "tcp" and .origin == "connect" and .peer_port > 0 and .closed_ns > 0
EOF
}

test_asyncio_line_ok() {
    audit aio_line_client ok
    is_silent
}

# The same on another of Twisted's reactors.
on_reactor() { # MODULE
    can_import twisted || return
    run_audited "$python" -c "import runpy, sys; from twisted.internet import $1; $1.install()
sys.argv[1:] = ['bad']; runpy.run_path('$programs/tx_line_client.py', run_name='__main__')"
    report_says <<'EOF'
only(["dropped-by-framework"])
dropped | shows({count: 1, bytes_offered: 15}) and notes("^lost: own loseConnection, ")
 and notes("^timed call: callLater.* Talker.say_one_more, ran once, not pending any more$")
EOF
}

test_twisted_select_reactor() {
    on_reactor selectreactor
}

test_twisted_poll_reactor() {
    on_reactor pollreactor
}

test_twisted_asyncio_reactor() {
    on_reactor asyncioreactor
}

# --- By the clock, after the connection -------------------------------------------------------------------------------

# One incident, with a count; what wrote is still to run when the program ends.
outlives() { # PROGRAM MODE CLOCK FUNCTION STATE
    audit "$1" "$2"
    clock=$3 function=$4 state=$5 report_says <<'EOF'
only(["dropped-by-framework"])
dropped | .count > 2 and .bytes_offered == 15 * .count and shows({severity: "error", outcome: "rejected"})
dropped | written_by("beat") and notes("^cause: a timed call outlived its connection$")
 and notes("^lost: the peer closed, ") and notes("^timed call: \($ENV.clock)") and notes("[, ]\($ENV.state)$")
 and notes("^(scheduled|started) at: .*_keep_alive.py\", line [0-9]+ in \($ENV.function)$")
EOF
    text_says 'cause: a timed call outlived its connection'
}

test_twisted_looping() {
    can_import twisted || return
    outlives tx_keep_alive looping 'LoopingCall\(50 ms\) KeepsAlive.beat, ran [0-9]+ times' connectionMade \
        'still pending'
}

test_twisted_looping_ok() {
    can_import twisted || return
    audit tx_keep_alive looping_ok
    is_silent
}

test_twisted_later() {
    can_import twisted || return
    outlives tx_keep_alive later 'callLater\(50 ms\) KeepsAlive.beat_again, ran [0-9]+ times' beat_again \
        'still pending'
}

test_twisted_later_ok() {
    can_import twisted || return
    audit tx_keep_alive later_ok
    is_silent
}

test_twisted_inline_callbacks() {
    can_import twisted || return
    outlives tx_keep_alive cooperates 'callLater\(50 ms\) .*, ran [0-9]+ times' beat_on 'still pending'
}

test_twisted_inline_callbacks_ok() {
    can_import twisted || return
    audit tx_keep_alive cooperates_ok
    is_silent
}

test_asyncio_later() {
    outlives aio_keep_alive later 'call_later\(50 ms\) KeepsAlive.beat_again, ran [0-9]+ times' beat_again \
        'still pending'
}

test_asyncio_later_ok() {
    audit aio_keep_alive later_ok
    is_silent
}

test_asyncio_task() {
    outlives aio_keep_alive task 'task .* of KeepsAlive.beat_on, slept [0-9]+ times' connection_made 'still running'
}

test_asyncio_task_ok() {
    audit aio_keep_alive task_ok
    is_silent
}

# One incident for a thousand writes in a loop.
floods() { # PROGRAM
    audit "$1" flood
    line=$(line_of "$1" 'self.transport.write(message)') report_says <<'EOF'
only(["dropped-by-framework"])
dropped | shows({count: 1000, bytes_offered: 11890, knowledge: "told", outcome: "rejected"})
dropped | written_at("send_all"; $ENV.line) and notes("KeepsAlive.send_all, ran once, not pending any more$")
dropped | .note | contains("outlived") | not
EOF
}

test_twisted_flood() {
    can_import twisted || return
    floods tx_keep_alive
}

test_twisted_flood_ok() {
    can_import twisted || return
    audit tx_keep_alive flood_ok
    is_silent
}

test_asyncio_flood() {
    floods aio_keep_alive
}

test_asyncio_flood_ok() {
    audit aio_keep_alive flood_ok
    is_silent
}

# What still runs writes to another connection, too, which lives: it has not outlived what it is for.
broadcasts() { # PROGRAM
    audit "$1" broadcast
    report_says <<'EOF'
only(["dropped-by-framework"])
dropped | .count > 2 and written_by("broadcast") and notes("still (pending|running)$")
dropped | .note | contains("outlived") | not
EOF
}

test_twisted_broadcast() {
    can_import twisted || return
    broadcasts tx_keep_alive
}

test_asyncio_broadcast() {
    broadcasts aio_keep_alive
}

# --- Behind a link that fails -----------------------------------------------------------------------------------------

# The program takes the loopback of a network of its own down, and up again.
in_own_network() { # PROGRAM MODE
    in_network=(unshare --net)
    [ "$(id -u)" = 0 ] || in_network+=(--map-root-user)
    "${in_network[@]}" ip link set lo up 2>"$dir/why" ||
        { echo "SKIP: no network namespace can be made here: $(one_line <"$dir/why")"; return 1; }
    audit "$@"
}

# The server was killed behind the link: what was written meanwhile is lost, and the rest has no connection any more.
link_dies() { # PROGRAM FUNCTION
    in_own_network "$1" dies || return
    function=$2 report_says <<'EOF'
kinds | unique - ["write-after-reset"] | . == ["dropped-by-framework", "write-to-silent-peer"] or error(tojson)
incident("write-to-silent-peer") | .count > 1 and .bytes_lost > 0 and .bytes_lost <= .bytes_offered
incident("write-to-silent-peer") | shows({outcome: "lost", severity: "warning", errno: "", told_by: null})
 and notes("^timed call: \($ENV.function)\\(200 ms\\) Client.send_message, ran [0-9]+ times, ")
 and notes("^scheduled at: .*_link.py\", line [0-9]+ in send_message$")
incident("write-to-silent-peer") | if .stacks.write | any(.function == "doWrite")
 then notes("^your call: .* in send_message$") else written_by("send_message") end
incident("write-to-silent-peer").last_ns < dropped_told.first_ns
dropped_told.first_ns as $dropped | incidents("write-after-reset") | all(.last_ns < $dropped and .outcome == "rejected")
dropped_told | shows({outcome: "rejected"}) and written_by("send_message") and .count > 1
dropped_told | notes("^cause: a timed call outlived its connection$") and notes("^lost: by ")
incident("write-to-silent-peer").socket == dropped_told.socket
EOF
    ! grep -q delivered "$dir/report.txt" || echo "something is called delivered"
}

test_twisted_link_dies() {
    can_import twisted || return
    link_dies tx_link callLater
}

test_asyncio_link_dies() {
    link_dies aio_link call_later
}

# The server is there again with the link: everything arrives, late.
link_heals() { # PROGRAM
    in_own_network "$1" heals || return
    report_says <<'EOF'
only(["write-to-silent-peer"])
incident("write-to-silent-peer") | shows({outcome: "delivered", severity: "note", errno: "", bytes_lost: 0})
incident("write-to-silent-peer") | .count > 1 and .bytes_accepted == .bytes_offered
EOF
    text_says "outcome delivered: late: the link came back, and the peer's TCP acknowledged the bytes"
}

test_twisted_link_heals() {
    can_import twisted || return
    link_heals tx_link
}

test_asyncio_link_heals() {
    link_heals aio_link
}

run_tests
