#!/usr/bin/env bash
# terminal.sh: what socksan does differently where it writes to a terminal: colour, and progress for those who wait.
#
#   tests/e2e/terminal.sh BUILD [NAME]
#
# Prints `ok NAME`, `FAIL NAME: why` or `SKIP NAME: why` for each test; with NAME runs those whose name contains it.
# Exit status 1 where one failed. Each test is a function t_NAME, run in an empty directory of its own.
#
# shellcheck disable=SC2317 # tests are called through their names
set -uo pipefail

build=$(cd "${1:?usage: terminal.sh BUILD [NAME]}" && pwd) || exit 1
only=${2:-}
socksan=$build/socksan
program=$build/tests/programs/demo_keepalive
# shellcheck source=tests/e2e/lib_tests.sh
. "$(dirname "$0")/lib_tests.sh"
unset LD_PRELOAD SOCKSAN_OPTIONS NO_COLOR
export LC_ALL=C.UTF-8 DEBUGINFOD_URLS='' TERM=xterm
escape=$'\033'

# Runs a shell's command line on a terminal of its own; what the terminal was given is in the file `terminal`, the exit
# status in $status.
on_terminal() { # COMMAND
    need script
    status=0
    script -q -e -c "$1" /dev/null >terminal 2>&1 </dev/null || status=$?
}

has() { # FILE WORDS
    grep -qF -e "$2" "$1" || fail "\"$2\" is not in $1: $(head -c 600 "$1" | cat -v)"
}

has_not() { # FILE WORDS
    ! grep -qF -e "$2" "$1" || fail "\"$2\" is in $1: $(head -c 600 "$1" | cat -v)"
}

# Six traces on a disk so slow that opening each takes a fifth of a second: more than a second for all.
slow_traces() {
    local i paths=()
    traces=$PWD/traces
    mkdir "$traces"
    for i in 1 2 3 4 5 6; do
        "$build/tests/unit/make_trace" "$traces/$i.trace" --incidents 20 --sockets 100 --pid $((1000 + i)) ||
            fail "cannot make a trace"
        paths+=(-P "$traces/$i.trace")
    done
    need strace
    slow="strace -o /dev/null ${paths[*]} -e trace=openat -e inject=openat:delay_enter=200000"
    $slow true 2>strace.err || skip "strace cannot delay system calls here: $(tail -n 1 strace.err)"
}

t_colour_only_on_a_terminal() {
    on_terminal "'$socksan' run -- '$program'"
    [ "$status" = 66 ] || fail "exit status $status"
    has terminal "${escape}[31mERROR"
    "$socksan" run -- "$program" >out 2>err
    has err ERROR
    has_not err "$escape"
}

t_no_color_is_honoured() {
    on_terminal "NO_COLOR=1 '$socksan' run -- '$program'"
    has terminal ERROR
    has_not terminal "$escape"
    # As the convention has it, an empty value counts for nothing.
    on_terminal "NO_COLOR= '$socksan' run -- '$program'"
    has terminal "${escape}["
    on_terminal "TERM=dumb '$socksan' run -- '$program'"
    has_not terminal "$escape"
    NO_COLOR=1 "$socksan" run --color=always -- "$program" >out 2>err
    has err "${escape}["
}

t_progress_of_slow_work() {
    slow_traces
    on_terminal "$slow '$socksan' report --error-exitcode=0 --format=json --output=slow.json $traces"
    [ "$status" = 0 ] || fail "exit status $status"
    has terminal 'socksan: reading traces: '
    has terminal 'socksan: writing the json report: '
    # What was written last takes the line away.
    [ "$(tail -c 4 terminal)" = $'\r'"${escape}[K" ] || fail "the line stays: $(tail -c 60 terminal | cat -v)"
    "$socksan" report --error-exitcode=0 --format=json --output=fast.json "$traces"
    cmp slow.json fast.json || fail "the report is another one"
    grep -q '[[:cntrl:]]\[K' slow.json && fail "progress is in the report"
    return 0
}

t_progress_stays_out_of_a_report_on_the_terminal() {
    slow_traces
    on_terminal "$slow '$socksan' sockets $traces"
    has terminal 'reading traces: '
    "$socksan" sockets "$traces" >plain
    # After the last time that the line was taken away there is the list, and nothing else.
    awk -v RS="\r${escape}[[]K" 'END { printf "%s", $0 }' terminal | tr -d '\r' | diff - plain >differences ||
        fail "$(head -c 600 differences | cat -v)"
}

t_complaints_do_not_mix_with_progress() {
    slow_traces
    # A record whose size cannot be, in the last one.
    printf '\1\0\0\0' | dd of="$traces/6.trace" bs=1 seek=4096 conv=notrunc status=none
    "$socksan" report --error-exitcode=0 "$traces" >out 2>err
    [ -s err ] || fail "the damage is not told"
    on_terminal "$slow '$socksan' report --error-exitcode=0 $traces >out"
    has terminal "${escape}[Ksocksan: $(sed -n '1s/^socksan: //p' err)"
}

t_quiet_shows_no_progress() {
    slow_traces
    local command
    for command in "report --error-exitcode=0 --format=json --output=slow.json $traces" "sockets $traces" \
        "diff --fail-on=none $traces $traces"; do
        on_terminal "$slow '$socksan' ${command%% *} --quiet ${command#* } >out"
        [ "$status" = 0 ] || fail "$command: exit status $status: $(cat -v terminal)"
        [ ! -s terminal ] || fail "$command: $(cat -v terminal)"
    done
}

t_no_progress_where_there_is_no_terminal() {
    slow_traces
    $slow "$socksan" report --error-exitcode=0 --format=json --output=slow.json "$traces" >out 2>err
    [ ! -s err ] || fail "$(cat -v err)"
    on_terminal "TERM=dumb $slow '$socksan' report --error-exitcode=0 --format=json --output=slow.json $traces"
    [ ! -s terminal ] || fail "$(cat -v terminal)"
}

t_progress_of_a_baseline_and_a_run() {
    slow_traces
    on_terminal "$slow '$socksan' run --baseline=$traces -- true >out"
    [ "$status" = 0 ] || fail "exit status $status: $(cat -v terminal)"
    has terminal 'socksan: reading traces: '
    on_terminal "$slow '$socksan' run --baseline=$traces --quiet -- true >out"
    [ ! -s terminal ] || fail "$(cat -v terminal)"
}

run_tests
