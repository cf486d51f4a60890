#!/usr/bin/env bash
# run_signals.sh: what signals do to `socksan run`, to its command and to its report.
#
#   tests/e2e/run_signals.sh BUILD [NAME]
#
# Prints `ok NAME`, `FAIL NAME: why` or `SKIP NAME: why` for each test; with NAME runs those whose name contains it.
# Exit status 1 where one failed. Each test is a function t_NAME, run in an empty directory of its own.
#
# shellcheck disable=SC2016,SC2317 # $ is for the command under test; tests are called through their names
set -uo pipefail

# shellcheck source=tests/e2e/lib_run.sh
. "$(dirname "$0")/lib_run.sh"

t_interrupt_is_left_to_the_command() {
    run -- sh -c 'kill -INT $PPID; kill -QUIT $PPID; exit 4'
    expect_status 4
}

until_there() { # FILE
    for _ in $(seq 300); do
        [ ! -e "$1" ] || return 0
        sleep 0.1
    done
    fail "$1 does not come"
}

# Of all signals that end a program; the shell ignores two of them for what it runs in the background.
t_signals_are_handed_on() {
    local signal pid
    mkfifo fifo
    for signal in TERM HUP USR1 USR2 ALRM INT QUIT; do
        env --default-signal=INT,QUIT "$socksan" run -- sh -c 'echo >ready; read line <fifo' >out 2>err &
        pid=$!
        until_there ready
        kill -"$signal" "$pid"
        status=0
        wait "$pid" || status=$?
        rm -f ready
        expect_status $((128 + $(kill -l "$signal")))
        [ -s err ] || fail "no report after SIG$signal"
    done
    [ -z "$(ls -A "$TMPDIR")" ] || fail "left behind: $(ls -A "$TMPDIR")"
}

# A report that waits until somebody reads it.
begin_slow_report() {
    mkfifo report
    env --default-signal=INT,QUIT "$socksan" run --format=json --output=report -- sh -c 'echo >ready' 2>err &
    pid=$!
    until_there ready
    for _ in $(seq 300); do
        pgrep -P "$pid" >/dev/null || return 0
        sleep 0.1
    done
    fail "the command does not end"
}

t_signals_do_not_end_the_report() {
    local signal pid
    begin_slow_report
    for signal in TERM HUP TERM; do
        kill -"$signal" "$pid"
    done
    grep -q '"schema"' report || fail "no report: $(cat err)"
    wait "$pid" || fail "status $?"
    [ -z "$(ls -A "$TMPDIR")" ] || fail "left behind: $(ls -A "$TMPDIR")"
}

t_an_interrupted_report_leaves_the_traces() {
    local pid directory
    begin_slow_report
    for _ in $(seq 100); do # until the report is begun, it is ignored
        kill -INT "$pid" 2>/dev/null || break
        sleep 0.1
    done
    status=0
    wait "$pid" || status=$?
    expect_status 130
    directory=$(sed -n 's/^socksan: interrupted: the traces stay in \([^ ]*\) .*/\1/p' err)
    [ -d "$directory" ] || fail "no directory named: $(cat err)"
    rm -r "$directory"
}

t_ignored_hangup_stays_ignored() {
    (
        trap '' HUP
        run -- sh -c 'kill -HUP $PPID $$; exit 7'
        expect_status 7
    ) || exit 1
}

run_tests
