#!/usr/bin/env bash
# traps.sh: the traps of preloading (CONTRIBUTING.md has the table) whose tests need more than a program and its
# expectation: rights, directories, an environment of their own.
#
#   tests/e2e/traps.sh BUILD [NAME]
#
# Prints `ok NAME`, `FAIL NAME: why` or `SKIP NAME: why` for each test; with NAME runs those whose name contains it.
#
# shellcheck disable=SC2016,SC2317 # $ is for jq; tests are called through their names
set -uo pipefail

build=$(cd "${1:?usage: traps.sh BUILD [NAME]}" && pwd) || exit 1
only=${2:-}
socksan=$build/socksan
programs=$build/tests/programs
# shellcheck source=tests/e2e/lib_tests.sh
. "$(dirname "$0")/lib_tests.sh"
unset LD_PRELOAD SOCKSAN_OPTIONS
export LC_ALL=C.UTF-8 DEBUGINFOD_URLS=

# Runs a program bare and audited: both must end with this status and print the same.
run_both() { # STATUS COMMAND...
    local wanted=$1 status=0
    shift
    timeout -k 5 60 "$@" >bare.out 2>bare.err </dev/null || status=$?
    [ "$status" = "$wanted" ] || fail "bare: ended with $status: $(head -n 2 bare.err)"
    status=0
    timeout -k 5 60 "$socksan" run --format=json --output=report.json --format=text --output=report.txt \
        --error-exitcode=0 \
        -- "$@" >out 2>err </dev/null || status=$?
    [ "$status" = "$wanted" ] || fail "audited: ended with $status: $(head -n 2 err)"
    cmp -s bare.out out || fail "printed: $(head -n 2 out)"
    cmp -s bare.err err || fail "standard error: $(head -n 2 err)"
}

expect() { # EXPRESSION over the report
    jq -e "$1" report.json >/dev/null || fail "not so: $1: $(jq -c '[.summary, .processes[].coverage]' report.json)"
}

as_root() {
    [ "$(id -u)" = 0 ] || skip "needs root"
}

# The directory of a run is root's own: user 65534 has to reach the program, not the traces.
t_p15_scrubbed_environment() {
    run_both 7 "$programs/trap_p15_scrubbed"
    expect '.summary.unaudited_processes >= 1'
    grep -qi 'not audited' report.txt || fail "the report says nothing of it: $(tail -n 3 report.txt)"
}

t_p18_chroot_and_dropped_privileges() {
    as_root
    mkdir empty
    run_both 0 "$programs/trap_p18_changed_rights" chroot "$PWD/empty"
    expect '[.incidents[] | .kind, .stacks.write[0].function] == ["write-after-peer-close", "write_afterwards"]'
    expect '.summary.processes == 2'
    [ -z "$(ls -A empty)" ] || fail "left behind: $(ls -A empty)"
}

# It has no socket yet when it becomes somebody who may not make a trace there.
t_p18_dropped_privileges() {
    as_root
    run_both 0 "$programs/trap_p18_changed_rights" user
    expect '[.incidents[] | .kind, .stacks.write[0].function] == ["write-after-peer-close", "write_afterwards"]'
}

# May write to no file at all, the roster of the run included, when it makes its first socket: the report says so.
t_p18_no_file_at_all() {
    local status=0
    "$socksan" run --output=report.txt -- bash -c 'ulimit -f 0; exec "$0" memory' "$programs/trap_p18_changed_rights" \
        >out 2>err </dev/null || status=$?
    [ "$status$(cat out)" = 0 ] || fail "ended with $status: $(head -n 2 out err)"
    ! grep -q 'no incidents$' report.txt || fail "reported as clean"
}

t_p18_little_address_space() {
    run_both 0 "$programs/trap_p18_changed_rights" memory
    expect '[.incidents[] | .kind, .stacks.write[0].function] == ["write-after-peer-close", "write_afterwards"]'
    expect '.summary.lost_records == 0'
}

t_p18_no_files() {
    run_both 0 "$programs/trap_p18_changed_rights" file
    expect '[.incidents[] | .kind, .stacks.write[0].function] == ["write-after-peer-close", "write_afterwards"]'
    expect '[.processes[].coverage[]] == ["shared_file"]'
}

# A trace that can be read or replaced by others tells them what the program did: nobody but its owner can, whatever the
# umask.
t_traces_are_private() {
    (umask 000 && mkdir -m 777 logs && "$socksan" run --log-dir="$PWD/logs/kept" -- "$programs/fault_subject" \
        >out 2>err </dev/null)
    [ "$(stat -c %a logs/kept)" = 700 ] || fail "the directory has $(stat -c %a logs/kept)"
    find logs/kept -type f -printf '%m %f\n' | grep -v '^600 ' >modes && fail "not private: $(cat modes)"
    (umask 000 && mkdir by-hand && SOCKSAN_OPTIONS=log_path=by-hand/ LD_PRELOAD=$build/libsocksan.so \
        "$programs/fault_subject" >out 2>err </dev/null)
    find by-hand -type f -printf '%m %f\n' | grep -v '^600 ' >modes && fail "not private: $(cat modes)"
    [ -n "$(ls -A by-hand)" ] || fail "no trace"
}

# What lies where a trace would go stays what it is, and what a link there points to, too: the trace takes another name.
t_traces_follow_no_links() {
    local n
    mkdir logs
    echo mine >victim
    # the pid is the next one that this shell makes, so the links are laid by the process itself, before it becomes the
    # program
    SOCKSAN_OPTIONS=log_path=logs/ LD_PRELOAD='' bash -c 'for n in 0 1; do
        ln -s "$PWD/victim" "logs/fault_subject.$$.$n.trace"; done
        echo theirs >"logs/fault_subject.$$.2.trace"; ln -s "$PWD/new" "logs/fault_subject.$$.3.trace"
        LD_PRELOAD=$1 exec "$2"' sh "$build/libsocksan.so" "$programs/fault_subject" >out 2>err </dev/null
    [ "$(cat victim)" = mine ] || fail "a link was followed"
    [ ! -e new ] || fail "a link to nothing was followed"
    [ "$(cat logs/fault_subject.*.2.trace)" = theirs ] || fail "a file was overwritten"
    n=$(find logs -name 'fault_subject.*.4.trace' -type f -size +4k | wc -l)
    [ "$n" = 1 ] || fail "no trace with another name: $(ls logs)"
}

# Following a link in /proc/self/fd holds the file: a socket that another thread closes meanwhile would outlive its
# close.
t_sockets_are_not_held() {
    need strace
    SOCKSAN_OPTIONS=log_path=$PWD/ strace -f -e trace=readlinkat -E LD_PRELOAD="$build/libsocksan.so" -o calls \
        "$programs/echo" tcp4 >out 2>err </dev/null || skip "strace cannot run a program here: $(tail -n 1 err)"
    [ -n "$(find . -name 'echo.*.trace')" ] || fail "it was not audited"
    ! grep '/proc/self/fd/.*"socket:' calls >held || fail "looked at: $(head -n 3 held)"
}

if ! command -v jq >/dev/null; then
    echo "SKIP traps: jq is not installed"
    exit 77
fi

run_tests
