#!/usr/bin/env bash
# silent_peer.sh: connections whose link goes away without a word, and comes back or does not; and peers that are only
# slow.
#
#   tests/e2e/silent_peer.sh BUILD [NAME...]
#
# Each test has two network namespaces of its own, with a pair of virtual devices between them, and takes the peer's end
# down: what is sent is lost on the way, and nothing says so. The client (tests/programs/silent_peer.c) is audited and
# is told on its standard input what to do. Everything is waited for, with a bound; everything made here goes again.
# Where namespaces may not be made, all tests are skipped. With NAMEs, only tests whose name contains one of them.
#
# shellcheck disable=SC2317 # tests are called through their names
set -u

build=$(cd "${1:?usage: silent_peer.sh BUILD [NAME...]}" && pwd) || exit 1
shift
here=$(cd "$(dirname "$0")" && pwd)
program=$build/tests/programs/silent_peer
bound=120 # seconds, for one test
our_address=192.0.2.1 their_address=192.0.2.2

unset SOCKSAN_OPTIONS LD_PRELOAD
export LC_ALL=C.UTF-8 DEBUGINFOD_URLS='' PATH=$PATH:/usr/sbin:/sbin
# shellcheck source=tests/e2e/lib_report.sh
. "$here/lib_report.sh"

# --- Namespaces ------------------------------------------------------------------------------------------

# The pair of devices between the hosts "$ours" and "$theirs".
make_link() {
    ip -n "$ours" link add link0 type veth peer name link0 netns "$theirs" &&
        ip -n "$ours" addr add "$our_address/24" dev link0 && ip -n "$theirs" addr add "$their_address/24" dev link0 &&
        ip -n "$ours" link set link0 up && ip -n "$theirs" link set link0 up
}

make_network() {
    ip netns add "$ours" && ip netns add "$theirs" && make_link
}

link() { # up|down
    ip -n "$theirs" link set link0 "$1"
}

# The peer's host is gone for good with all it knew, and another has its address.
replace_peer() {
    stop_server
    ip -n "$ours" link del link0 && ip netns del "$theirs" && ip netns add "$theirs" && make_link
}

# --- The two ends ----------------------------------------------------------------------------------------

start_server() { # sink|idle
    local port_file=$dir/port i
    ip netns exec "$theirs" timeout "$bound" "$program" server "$their_address" "$1" >"$port_file" &
    server=$!
    for ((i = 0; i < 500; i++)); do
        [ ! -s "$port_file" ] || break
        sleep 0.01
    done
    port=$(cat "$port_file")
    [ -n "$port" ] || { echo "the server does not start"; return 1; }
}

# The program itself rather than the command that limits its time.
server_program() {
    pgrep -P "$server" | head -n 1
}

stop_server() {
    local pid
    [ -n "${server:-}" ] || return 0
    pid=$(server_program)
    kill -KILL ${pid:+"$pid"} "$server" 2>/dev/null
    wait "$server" 2>/dev/null
    server=
}

# Starts the audited client. A peer that has acknowledged nothing for so many milliseconds counts as silent.
start_client() { # MILLISECONDS
    mkfifo "$dir/in" "$dir/out"
    exec 5<>"$dir/out" 6<>"$dir/in"
    ip netns exec "$ours" timeout -k 5 "$bound" "$build/socksan" run --error-exitcode=0 --options="silent_after=$1" \
        --format=json --output="$dir/report.json" --format=text --output="$dir/report.txt" \
        -- "$program" client "$their_address" "$port" <"$dir/in" >"$dir/out" 2>"$dir/err" 5>&- 6>&- &
    client=$!
}

# Tells the client to do something; it must answer as expected.
tell() { # EXPECTED COMMAND...
    local expected=$1 answer=
    shift
    echo "$*" >&6
    read -r -t "$bound" answer <&5
    [ "$answer" = "$expected" ] || { echo "$*: answered '$answer', not '$expected'"; return 1; }
}

# Lets the client end, and holds its report against the expressions on standard input.
client_ends() {
    exec 6>&-
    wait "$client" || { echo "the client ended with $?: $(head -n 1 "$dir/err")"; return 1; }
    client=
    report_check "$dir/report.json" ""
}

# The text report says so, in words of its own.
says() { # PATTERN
    tr -s ' \n' ' ' <"$dir/report.txt" | grep -qE -- "$1" || echo "the text report does not say: $1"
}

clean_up() {
    trap '' TERM INT HUP
    stop_server
    [ -z "$client" ] || kill -TERM "$client" 2>/dev/null
    ip netns del "$ours" 2>/dev/null
    ip netns del "$theirs" 2>/dev/null
}

# --- The tests: each prints why it failed, and nothing where it did not ----------------------------------------

# The link goes down, the program writes on, the link comes back: everything arrives, late.
test_heals() {
    start_server sink && start_client 300 || return
    tell ok write 3 && tell ok acked && link down && tell ok write 3 && tell ok overdue &&
        tell ok write 10 && link up && tell ok write 3 && tell ok acked && tell ok close || return
    client_ends <<'EOF'
only(["write-to-silent-peer"])
incident("write-to-silent-peer") | shows({knowledge: "kernel", outcome: "delivered", severity: "note", errno: "",
 sigpipe: "none", call: "send", bytes_lost: 0, told_by: null})
incident("write-to-silent-peer") | .count >= 5 and .count <= 13
# and what had been written before it came out
incident("write-to-silent-peer") | .bytes_offered >= 64 * .count and .bytes_offered <= 16 * 64
 and .bytes_accepted == .bytes_offered and by("write"; "write_regularly") and by("opened"; "main")
no_writes_after_end
[.sockets[] | .bytes_unacked_at_close] == [0]
EOF
    says "acknowledged nothing for [0-9.]+ (ms|s)" && says "[1-9][0-9]* retransmissions?"
}

# The link stays down until the program's own TCP_USER_TIMEOUT ends the connection.
test_times_out() {
    start_server sink && start_client 300 || return
    tell ok timeout 2000 && tell ok write 3 && tell ok acked && link down && tell ETIMEDOUT write 100 &&
        tell ok close || return
    client_ends <<'EOF'
only(["write-to-silent-peer", "write-after-reset"])
incident("write-to-silent-peer") | shows({knowledge: "kernel", outcome: "lost", severity: "warning", errno: "",
 call: "send"})
# all that was written since the link went, also what had been written before it came out
incident("write-to-silent-peer") as $silent | .sockets[0] | $silent.bytes_lost == .bytes_sent - 3 * 64
 and $silent.bytes_lost > 0 and $silent.bytes_lost <= $silent.bytes_accepted
incident("write-after-reset") | shows({knowledge: "kernel", outcome: "rejected", severity: "warning",
 errno: "ETIMEDOUT", count: 1, bytes_offered: 64, bytes_lost: 0}) and by("write"; "write_regularly")
incident("write-after-reset").title | contains("timed out") and (contains("reset") | not)
.sockets | length == 1 and (.[0] | .end == "reset" and .user_timeout_ms == 2000)
EOF
}

# One write, and a read that waits for the answer until the timeout: no later write is there to tell.
test_found_by_read() {
    start_server sink && start_client 1000 || return
    tell ok timeout 1500 && tell ok write 3 && tell ok acked && link down && tell ok write 1 &&
        tell ETIMEDOUT read && tell ok close || return
    client_ends <<'EOF'
only(["write-to-silent-peer"])
incident("write-to-silent-peer") | shows({knowledge: "nobody", outcome: "lost", severity: "warning", count: 1,
 bytes_offered: 64, bytes_accepted: 64, bytes_lost: 64, errno: "ETIMEDOUT", call: "send", told_by: null})
incident("write-to-silent-peer") | .stacks.write == [] and by("opened"; "main")
no_writes_after_end
EOF
}

# The send buffer is full before it comes out: it is a write that is not accepted that finds out, and a later one that
# tells, once the kernel has sent again and made some room, for which it gets the time.
test_buffer_is_full() {
    start_server sink && start_client 300 || return
    tell ok timeout 3000 && tell ok write 3 && tell ok acked && link down && tell ETIMEDOUT fill 80 &&
        tell ok close || return
    client_ends <<'EOF'
only(["write-to-silent-peer", "write-after-reset"])
incident("write-to-silent-peer") | shows({knowledge: "kernel", outcome: "lost", severity: "warning"})
incident("write-to-silent-peer") as $silent | .sockets[0] | $silent.bytes_lost == .bytes_sent - 3 * 64
incident("write-after-reset") | shows({outcome: "rejected", errno: "ETIMEDOUT", bytes_offered: 1})
 and by("write"; "write_until_full")
EOF
}

# The peer's host has restarted meanwhile and knows nothing of the connection: a reset where the answer should be.
test_peer_restarts() {
    start_server sink && start_client 300 || return
    tell ok write 3 && tell ok acked && link down && tell ok write 3 && tell ok overdue && tell ok write 5 &&
        replace_peer && tell ECONNRESET read && tell ok close || return
    client_ends <<'EOF'
only(["write-to-silent-peer"])
incident("write-to-silent-peer") | shows({knowledge: "kernel", outcome: "lost", severity: "warning"})
incident("write-to-silent-peer") as $silent | .sockets[0] | $silent.bytes_lost == 8 * 64 and .end == "reset"
EOF
}

# The program ends while nobody knows yet.
test_exits_meanwhile() {
    start_server sink && start_client 300 || return
    tell ok write 3 && tell ok acked && link down && tell ok write 3 && tell ok overdue && tell ok write 5 ||
        return
    client_ends <<'EOF'
only(["write-to-silent-peer"])
incident("write-to-silent-peer") | shows({knowledge: "kernel", outcome: "unconfirmed", severity: "warning",
 bytes_lost: 0})
.sockets[0].bytes_unacked_at_close == 8 * 64
EOF
}

# The link is away for less time than counts as silence.
test_short_outage() {
    start_server sink && start_client 5000 || return
    tell ok write 3 && tell ok acked && link down && tell ok write 3 && tell ok overdue && link up &&
        tell ok write 10 && tell ok acked && tell ok close || return
    client_ends <<<'silent_and_open'
}

# Nothing is written while the link is away.
test_nothing_written() {
    start_server sink && start_client 300 || return
    tell ok write 3 && tell ok acked && link down && sleep 1 && link up && tell ok write 5 && tell ok acked &&
        tell ok close || return
    client_ends <<<'silent_and_open'
}

# The peer does not read: its window closes, and its TCP acknowledges every probe of it.
test_peer_does_not_read() {
    start_server idle && start_client 300 || return
    tell ok fill 20 && tell ok write 0 && tell ok close || return
    client_ends <<'EOF'
silent_and_open
[.sockets[] | .bytes_unacked_at_close > 0] == [true]
EOF
}

# The peer is stopped, but its kernel acknowledges what arrives.
test_peer_is_stopped() {
    start_server sink && start_client 300 || return
    tell ok write 3 || return
    kill -STOP "$(server_program)"
    tell ok write 15 && tell ok acked && tell ok close || return
    client_ends <<<'silent_and_open'
}

# The link is slow, and everything is acknowledged in the end.
test_peer_is_far() {
    ip netns exec "$theirs" tc qdisc add dev link0 root netem delay 250ms 2>/dev/null ||
        { echo "SKIP: no delay can be put on the link (sch_netem)"; return; }
    start_server sink && start_client 300 || return
    tell ok write 20 && tell ok acked && tell ok close || return
    client_ends <<<'silent_and_open'
}

# --- Running them ----------------------------------------------------------------------------------------

selected() { # NAME WANTED...
    local name=$1 wanted
    shift
    [ $# -gt 0 ] || return 0
    for wanted; do
        [[ silent_peer.$name == *"$wanted"* ]] && return 0
    done
    return 1
}

run_test() { # NAME
    local name=$1
    dir=$scratch/$name server='' client='' ours=socksan-$$-$name-a theirs=socksan-$$-$name-b
    mkdir "$dir"
    trap clean_up EXIT
    trap 'exit 143' TERM INT HUP
    make_network 2>"$dir/network" || { echo "FAIL $name: no network: $(one_line <"$dir/network")"; return; }
    "test_$name" >"$dir/reasons" 2>&1
    conclude "$name" <"$dir/reasons"
}

scratch=$(mktemp -d) || exit 1
running=()
trap 'rm -rf "$scratch"' EXIT
trap 'trap "" TERM INT HUP; kill -TERM ${running[@]+"${running[@]}"} 2>/dev/null; wait; exit 143' TERM INT HUP

for tool in jq ip pgrep; do
    command -v $tool >/dev/null || { echo "SKIP silent_peer: $tool is not installed"; exit 77; }
done
probe=socksan-$$-probe
if ! ip netns add "$probe" 2>"$scratch/why" ||
    ! ip -n "$probe" link add link0 type veth peer name link1 2>"$scratch/why"; then
    ip netns del "$probe" 2>/dev/null
    echo "SKIP silent_peer: network namespaces may not be made here: $(one_line <"$scratch/why")"
    exit 77
fi
ip netns del "$probe"

# All at once: they wait most of the time.
mapfile -t names < <(declare -F | sed -n 's/^declare -f test_//p')
for name in "${names[@]}"; do
    selected "$name" "$@" || continue
    (run_test "$name") >"$scratch/$name.result" &
    running+=($!)
done
wait
cat "$scratch"/*.result 2>/dev/null
! grep -q '^FAIL' "$scratch"/*.result
