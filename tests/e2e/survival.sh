#!/usr/bin/env bash
# survival.sh: whatever becomes of a process, its trace has what had happened until then; and whatever becomes of the
# trace, the process does not notice.
#
#   tests/e2e/survival.sh BUILD [NAME]
#
# Prints `ok NAME`, `FAIL NAME: why` or `SKIP NAME: why` for each test; with NAME runs those whose name contains it.
# Exit status 1 where one failed. Each test is a function t_NAME, run in an empty directory of its own. Runs in a mount
# name space of its own where that is allowed, so that it can mount small and read-only file systems.
#
# shellcheck disable=SC2016,SC2317 # $ is for jq and inner shells; tests are called through their names
set -uo pipefail

if [ -z "${SURVIVAL_UNSHARED:-}" ]; then
    for unshare in "unshare --mount" "unshare --mount --map-root-user"; do
        if $unshare mount -t tmpfs none /mnt 2>/dev/null; then
            SURVIVAL_UNSHARED=1 exec $unshare "$BASH" "$0" "$@"
        fi
    done
fi

build=$(cd "${1:?usage: survival.sh BUILD [NAME]}" && pwd) || exit 1
only=${2:-}
socksan=$build/socksan
library=$build/libsocksan.so
busy=$build/tests/programs/survival_busy
# shellcheck source=tests/e2e/lib_tests.sh
. "$(dirname "$0")/lib_tests.sh"

cleanup() {
    local place
    for place in "$base"/*/work/*/; do
        mountpoint -q "$place" && umount -l "$place"
    done
    rm -rf "$base"
}
trap cleanup EXIT
unset LD_PRELOAD SOCKSAN_OPTIONS
export LC_ALL=C.UTF-8 DEBUGINFOD_URLS=

# --- What the tests are written with ------------------------------------------------------------

# Runs a program with its output in the files `out` and `err`, and its exit status in $status.
try() {
    status=0
    { timeout -k 5 120 "$@" >out 2>err </dev/null; } 2>/dev/null || status=$?
}

# The same with the library preloaded by hand.
audited() { # OPTIONS COMMAND...
    local options=$1
    shift
    try env SOCKSAN_OPTIONS="$options" LD_PRELOAD="$library" "$@"
}

expect_status() {
    [ "$status" = "$1" ] || fail "exit status $status instead of $1: $(head -n 3 err)"
}

# The program `finish`es as it does bare.
expect_unchanged() {
    expect_status 7
    [ "$(cat out)" = "200 rounds of each" ] || fail "printed: $(head -n 3 out)"
}

# Nothing on standard error but one line that holds these words.
expect_word() {
    [ "$(wc -l <err)" = 1 ] || fail "not one line on standard error: $(head -n 5 err)"
    local word
    for word in "socksan: " "$@"; do
        grep -qF -e "$word" err || fail "\"$word\" is not in: $(cat err)"
    done
}

expect_silence() {
    [ ! -s err ] || fail "standard error: $(head -n 3 err)"
}

# Makes report.json of traces, or of whole directories.
report() {
    timeout 120 "$socksan" report --format=json --error-exitcode=0 "$@" >report.json 2>report.err ||
        fail "socksan report ends with $?: $(head -n 3 report.err)"
}

# An expression over report.json that must be true.
expect() { # EXPRESSION [JQ OPTION...]
    local expression=$1 result
    shift
    result=$(jq -r "$@" "$expression" report.json 2>&1) || fail "$expression: $result"
    [ "$result" = true ] || fail "not so: $expression: $(jq -c '[.summary, .processes[0].ended]' report.json)"
}

# What the witness of survival_busy has seen: its numbers in its order.
read_witness() {
    read -r refused_by_unix lost_by_tcp refused_by_tcp refused_after_shutdown process \
        <<<"$(od -An -v -t u8 witness | tr -s ' \n' ' ')"
}

# The report has every write that the witness saw, and at most the one of each thread that was under way.
expect_all_witnessed() {
    read_witness
    expect '
        def writes($function): [.incidents[] | select(.stacks.write[0].function == $function)];
        def complete($function; $seen): ($seen | tonumber) as $seen | [writes($function)[].count] | add // 0
            | . >= $seen and . <= $seen + 1 or error("\(.) of \($seen) writes in \($function)");
        complete("write_to_closed_pair"; $unix) and complete("lose_a_write"; $lost)
        and complete("write_after_reset"; $tcp) and complete("write_after_shutdown"; $shut)
        and ([writes("lose_a_write")[].bytes_lost] | add // 0 | . >= 5 * ($lost | tonumber) or error("\(.) bytes lost"))
        and (.summary.lost_records == 0 or error("\(.summary.lost_records) records were lost"))' \
        --arg unix "$refused_by_unix" --arg lost "$lost_by_tcp" --arg tcp "$refused_by_tcp" \
        --arg shut "$refused_after_shutdown"
}

wait_for_witness() {
    local i
    for ((i = 0; i < 500; i++)); do
        if [ -s witness ]; then
            read_witness
            [ "${process:-0}" = 0 ] || return 0
        fi
        sleep 0.01
    done
    fail "the program did not start"
}

small_disk() { # SIZE
    mkdir small
    mount -t tmpfs -o size="$1" none small 2>/dev/null || skip "no right to mount a small file system"
}

# --- Killed in the middle -----------------------------------------------------------------------

# It had done nothing yet, and had not come to write the first words of its trace.
died_at_birth() {
    read_witness
    [ $((refused_by_unix + lost_by_tcp + refused_by_tcp + refused_after_shutdown)) = 0 ] &&
        ! "$socksan" report --error-exitcode=0 traces >/dev/null 2>&1
}

# Thirty times, or fewer on a slow machine, each at another moment; KILLS=1000 asks for so many (`make soak`).
t_kill_in_the_middle() {
    local round pid rounds=${KILLS:-30} end=$((SECONDS + 10)) seen=0 early=0
    for ((round = 0; round < rounds && (${KILLS:-0} > 0 || round < 5 || SECONDS < end); round++)); do
        rm -rf traces witness
        mkdir traces
        env SOCKSAN_OPTIONS=log_path=traces/ LD_PRELOAD="$library" "$busy" witness forever >out 2>err </dev/null &
        pid=$!
        wait_for_witness
        sleep "0.$(printf %03d $((RANDOM % 50)))"
        kill -9 "$pid"
        { wait "$pid"; } 2>/dev/null
        status=$?
        [ "$status" = 137 ] || fail "the program ended by itself, with $status: $(head -n 1 err)"
        if died_at_birth; then
            early=$((early + 1))
            continue
        fi
        report traces
        expect_all_witnessed
        expect '.processes | length == 1 and .[0].ended == "killed" and .[0].pid == ($pid | tonumber)' --arg pid "$pid"
        seen=$((seen + refused_by_unix + lost_by_tcp + refused_by_tcp + refused_after_shutdown))
    done
    expect_silence
    [ "$seen" -gt 1000 ] || fail "only $seen incidents in $round rounds"
    echo "   killed $round times, $early of them before its trace was begun;" \
        "each of the $seen bad writes that the witness had seen complete was in the report"
}

# The command that was killed is reported by the run itself.
t_kill_under_a_run() {
    local run
    "$socksan" run --format=json --output=report.json --error-exitcode=0 -- \
        "$busy" witness forever >out 2>err </dev/null &
    run=$!
    wait_for_witness
    sleep 0.05
    kill -9 "$process"
    status=0
    wait "$run" || status=$?
    expect_status 137
    expect_all_witnessed
    expect '.processes[0].ended == "killed"'
}

# Even where all of the audit is killed with it, the traces stay.
t_kill_the_run_as_well() {
    local run
    mkdir traces
    "$socksan" run --log-dir=traces --quiet -- "$busy" witness forever >out 2>err </dev/null &
    run=$!
    wait_for_witness
    sleep 0.05
    kill -9 "$run" "$process"
    { wait "$run"; } 2>/dev/null
    report traces
    expect_all_witnessed
}

# --- Other ends while threads are busy ----------------------------------------------------------

ends_while_busy() { # END STATUS WORD-OF-THE-REPORT
    mkdir traces
    audited log_path=traces/ "$busy" witness "$1"
    expect_status "$2"
    expect_silence
    report traces
    expect_all_witnessed
    expect ".processes[0].ended == \"$3\""
}

t_exit_while_busy() { ends_while_busy exit 7 exited; }
t__exit_while_busy() { ends_while_busy _exit 7 exited; }
t_quick_exit_while_busy() { ends_while_busy quick_exit 7 exited; }
t_abort_while_busy() { ends_while_busy abort 134 killed; }

t_exec_while_busy() {
    ends_while_busy exec 7 exec
    expect '.processes | length == 2 and .[0].pid == .[1].pid and .[1].ended == "exited"'
    expect '[.incidents[] | select(.stacks.write[0].function == "write_after_exec") | .count] == [1]'
}

t_sigpipe_while_busy() {
    ends_while_busy pipe 141 killed
    expect '[.incidents[] | select(.stacks.write[0].function == "write_fatally") | [.outcome, .sigpipe, .count]]
        == [["rejected", "fatal", 1]]'
}

# --- Killed by SIGPIPE --------------------------------------------------------------------------

# One incident is the fatal one, and there is none besides those that are named.
killed_by_sigpipe() { # CASE FUNCTION KIND KNOWLEDGE [OTHER-FUNCTION]
    try "$socksan" run --format=json --output=report.json --error-exitcode=0 -- \
        "$build/tests/programs/survival_sigpipe" "$1"
    expect_status 141
    expect_silence
    expect '[.incidents[] | select(.sigpipe == "fatal")] | length == 1 and
        (.[0] | [.kind, .knowledge, .outcome, .errno, .count, .bytes_offered, .stacks.write[0].function]
            | . == [$kind, $knowledge, "rejected", "EPIPE", 1, 7, $function] or error(tojson))' \
        --arg function "$2" --arg kind "$3" --arg knowledge "$4"
    expect '[.incidents[] | select(.sigpipe != "fatal") | .stacks.write[0].function]
        | join(" ") == $others or error(tojson)' --arg others "${5:-}"
}

t_sigpipe_unix() { killed_by_sigpipe unix write_fatally write-after-peer-close kernel; }
t_sigpipe_second_write() { killed_by_sigpipe second write_fatally write-after-reset kernel lose_a_write; }
t_sigpipe_after_the_end_was_read() { killed_by_sigpipe unread write_fatally write-after-reset told lose_a_write; }
t_sigpipe_after_a_reset_was_read() { killed_by_sigpipe reset write_fatally write-after-reset told; }
t_sigpipe_in_a_blocked_write() { killed_by_sigpipe blocked write_fatally write-after-peer-close kernel; }
t_sigpipe_after_own_shutdown() { killed_by_sigpipe shutdown write_fatally write-after-shutdown told; }
t_sigpipe_unconnected() { killed_by_sigpipe unconnected write_fatally write-before-connect told; }
t_sigpipe_in_a_thread() { killed_by_sigpipe thread write_fatally write-after-peer-close kernel; }
t_sigpipe_after_a_handled_one() { killed_by_sigpipe handled write_twice write-after-peer-close told write_twice; }

# --- No room ------------------------------------------------------------------------------------

# What was recorded is reported, what was not is counted, and the program runs on.
expect_losses() {
    expect '.summary.lost_records > 0 and .processes[0].lost_records > 0 and .processes[0].ended == "exited"'
    expect '.incidents | length > 0'
    timeout 120 "$socksan" report --error-exitcode=0 "$@" >report.txt 2>&1 || fail "the text report ends with $?"
    grep -qiE 'lost|could not be recorded' report.txt ||
        fail "the text report says nothing of losses: $(tail -n 5 report.txt)"
}

t_disk_full() {
    small_disk 256k
    audited log_path=small/ "$busy" witness finish
    expect_unchanged
    expect_silence
    report small
    expect_losses small
}

t_disk_full_from_the_start() {
    small_disk 40k
    audited log_path=small/ "$busy" witness finish
    expect_unchanged
    expect_word "no space left" small/
    [ -z "$(ls -A small)" ] || fail "left behind: $(ls -A small)"
}

# Others fill the disk in the middle, and give it back later.
t_disk_full_for_a_while() {
    local run
    small_disk 3m
    env SOCKSAN_OPTIONS=log_path=small/ LD_PRELOAD="$library" "$busy" witness forever >out 2>err </dev/null &
    run=$!
    wait_for_witness
    cat /dev/zero >small/others 2>/dev/null
    sleep 0.3
    kill -0 "$run" 2>/dev/null || fail "it has died"
    rm small/others
    sleep 0.1
    kill -9 "$run"
    { wait "$run"; } 2>/dev/null
    expect_silence
    report small
    expect '.processes[0].lost_records > 0 and (.incidents | length > 0)'
}

t_disk_full_under_a_run() {
    small_disk 256k
    try "$socksan" run --log-dir=small --format=json --output=report.json --error-exitcode=0 -- "$busy" witness finish
    expect_unchanged
    expect_losses small
}

t_no_room_for_a_trace_under_a_run() {
    small_disk 40k
    try "$socksan" run --log-dir=small -- "$build/tests/programs/threads" ok
    [ "$status" = 66 ] || fail "ends with $status: $(tail -n 5 err)"
    tr -s ' \n' ' ' <err | grep -q 'no trace: [^ ]*: No space left on device' || fail "not why: $(tail -n 5 err)"
}

t_trace_full() {
    mkdir traces
    audited log_path=traces/:max_trace=64K "$busy" witness finish
    expect_unchanged
    expect_silence
    [ "$(stat -c %s traces/*)" = 65536 ] || fail "its size is $(stat -c %s traces/*)"
    report traces
    expect_losses traces
}

t_limited_file_sizes() {
    mkdir traces
    audited log_path=traces/ bash -c 'ulimit -f 200 && exec "$0" witness finish' "$busy"
    expect_unchanged
    expect_silence
    [ "$(stat -c %s traces/survival_busy*)" -le 204800 ] || fail "its size is $(stat -c %s traces/*)"
    report traces
    expect_losses traces
}

# --- No place -----------------------------------------------------------------------------------

t_missing_directory() {
    audited log_path=missing/ "$busy" witness finish
    expect_unchanged
    expect_word "no such directory" missing/
}

t_read_only_directory() {
    mkdir traces
    if ! { mount -t tmpfs -o ro none traces; } 2>/dev/null; then
        [ "$(id -u)" != 0 ] || skip "no right to mount a read-only file system"
        chmod a-w traces
    fi
    audited log_path=traces/ "$busy" witness finish
    expect_unchanged
    expect_word traces/
    grep -qE 'read-only|permission denied' err || fail "not why: $(cat err)"
}

t_name_that_is_a_file() {
    echo text >traces
    audited log_path=traces/ "$busy" witness finish
    expect_unchanged
    expect_word "error 20" traces/
}

# After it was found good, and before the first socket.
t_directory_that_vanishes_before() {
    mkdir traces
    audited log_path=traces/ sh -c 'rm -r traces && exec "$0" witness finish' "$busy"
    expect_unchanged
    expect_word "no such directory" traces/
}

t_directory_that_vanishes_in_between() {
    local run
    mkdir traces
    env SOCKSAN_OPTIONS=log_path=traces/ LD_PRELOAD="$library" "$busy" witness forever >out 2>err </dev/null &
    run=$!
    wait_for_witness
    rm -rf traces
    sleep 0.1
    kill -0 "$run" 2>/dev/null || fail "it has died"
    kill "$run"
    { wait "$run"; } 2>/dev/null
    expect_silence
}

# The command takes the run's own directory away: its result is its own, and nobody is told that all was well.
t_directory_of_a_run_that_vanishes() {
    try "$socksan" run -- sh -c 'rm -rf "$TMPDIR"/* && exec "$0" witness finish' "$busy"
    [ "$(cat out)" = "200 rounds of each" ] || fail "printed: $(head -n 3 out)"
    [ "$status" != 0 ] || fail "exit status 0"
    [ -s err ] || fail "not a word"
    ! grep -qE 'ERROR SUMMARY: 0 errors' err || fail "reported as clean: $(tail -n 1 err)"
}

# --- All of them --------------------------------------------------------------------------------

if ! command -v jq >/dev/null; then
    echo "SKIP survival: jq is not installed"
    exit 77
fi

run_tests
