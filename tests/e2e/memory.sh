#!/usr/bin/env bash
# memory.sh: what the audit takes of the memory that a program may have, lock and dump, and of the size its files may
# have. Each test runs a program bare and audited.
#
#   tests/e2e/memory.sh BUILD [NAME]
#
# Prints `ok NAME`, `FAIL NAME: why` or `SKIP NAME: why` for each test; with NAME runs those whose name contains it.
#
# shellcheck disable=SC2016,SC2317 # $ is for inner shells; tests are called through their names
set -uo pipefail

build=$(cd "${1:?usage: memory.sh BUILD [NAME]}" && pwd) || exit 1
only=${2:-}
library=$build/libsocksan.so
program=$build/tests/programs/memory_limits
# shellcheck source=tests/e2e/lib_tests.sh
. "$(dirname "$0")/lib_tests.sh"
unset LD_PRELOAD SOCKSAN_OPTIONS
export LC_ALL=C.UTF-8 DEBUGINFOD_URLS=

# What the audit takes at most, in KiB (DESIGN.md, section 3, "Memory").
address_space=2048 # of RLIMIT_AS, for the first socket
# of RLIMIT_MEMLOCK: what cannot be told from the program's; malloc's first 132 KiB, where the program had none yet
unknown=200
unwinder=260 # and what the unwinder has mapped for a thread, if a stack was taken before
in_dump=512 # in a core dump

before_each() {
    chmod 755 "$base" "$base"/* .. . && mkdir -m 777 traces
}

# Before a command: takes its rights away. The kernel holds nobody to RLIMIT_MEMLOCK who may lock memory.
as_nobody=()
[ "$(id -u)" != 0 ] ||
    as_nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all --inh-caps=-all)

bare() {
    status=0
    timeout 60 "$@" >bare 2>bare.err </dev/null || status=$?
    [ "$status" = 7 ] || fail "bare: exit status $status: $(head -n 3 bare.err)"
}

audited() {
    status=0
    LD_PRELOAD=$library SOCKSAN_OPTIONS=log_path=traces/ timeout 60 "$@" >audited 2>audited.err </dev/null || status=$?
    [ "$status" = 7 ] || fail "audited: exit status $status: $(head -n 3 audited.err)"
    [ ! -s audited.err ] || fail "standard error: $(head -n 3 audited.err)"
}

# The report has that many bad writes in write_too_late, and nothing was lost.
expect_writes() {
    timeout 60 "$build/socksan" report --format=json --error-exitcode=0 traces >report.json 2>report.err ||
        fail "socksan report: $(head -n 3 report.err)"
    jq -e --argjson writes "$1" '([.incidents[].count] | add) == $writes and .summary.lost_records == 0' report.json \
        >/dev/null || fail "not $1 writes: $(jq -c '[.summary, [.incidents[].count] | add]' report.json)"
}

# Bare and audited agree but for `pages` of 4 KiB and KiB locked, of which at most $1 KiB.
expect_like_bare() {
    [ "$(head -n 1 bare)" = "$(head -n 1 audited)" ] || fail "bare: $(head -n 1 bare); audited: $(head -n 1 audited)"
    paste bare audited | awk -v most="$1" '
        $1 == "locked" && $5 - $2 > most { print "locked " $5 - $2 " KiB more"; exit 1 }
        $1 == "pages" && ($2 - $4) * 4 > most { print ($2 - $4) * 4 " KiB fewer can be mapped"; exit 1 }' >why ||
        fail "$(cat why)"
}

# --- mlockall ---------------------------------------------------------------------------------------------------------

lock_test() { # FLAGS KIB-BEYOND-ITS-SIZE TOLERATED [first]
    local kib
    "${as_nobody[@]}" "$program" size >/dev/null 2>&1 || [ $? = 7 ] || skip "an ordinary user cannot run the program"
    kib=$(($("$program" size) + $2))
    bare "${as_nobody[@]}" "$program" lock "$1" "$kib" "${@:4}"
    audited "${as_nobody[@]}" "$program" lock "$1" "$kib" "${@:4}"
    expect_like_bare "$3"
    expect_writes "$((100 + $# / 4))"
}

t_lock_current() { lock_test 1 "$unknown" "$unknown"; }
t_lock_current_with_much_room() { lock_test 1 5000 "$unknown"; }
t_lock_current_after_a_stack() { lock_test 1 $((unknown + unwinder)) $((unknown + unwinder)) first; }
t_lock_current_on_fault() { lock_test 5 "$unknown" "$unknown"; }
t_lock_future() { lock_test 2 0 0; }
t_lock_both() { lock_test 3 512 "$unknown"; }
t_lock_both_with_much_room() { lock_test 3 5000 "$unknown"; }
t_lock_too_much() { lock_test 1 -64 0; }
t_lock_nothing_allowed() { lock_test 3 "-$("$program" size)" 0; }

# --- a trace that somebody truncates ----------------------------------------------------------------------------------

# Runs it until it is half through, calls the function $1 with its trace, and lets it go on to its end, which is as
# bare.
truncated() { # FUNCTION
    local pid i
    rm -f half go traces/*
    LD_PRELOAD=$library SOCKSAN_OPTIONS=log_path=traces/ timeout 60 "$program" busy 2000 >audited 2>audited.err \
        </dev/null &
    pid=$!
    for ((i = 0; i < 2000; i++)); do
        [ ! -e half ] || break
        sleep 0.01
    done
    [ -e half ] || fail "it did not come half through"
    "$1" traces/*.trace
    touch go
    status=0
    wait "$pid" || status=$?
    [ "$status $(<audited)" = "7 end" ] || fail "exit status $status, printed: $(head -n 2 audited)"
    [ ! -s audited.err ] || fail "standard error: $(head -n 3 audited.err)"
}

report_text() {
    status=0
    timeout 60 "$build/socksan" report traces >report.txt 2>&1 || status=$?
}

empty() { : >"$1"; }

# The log is shorter than a quarter of a MiB then, and the file far longer.
halve() { truncate -s 100000 "$1"; }

cut_the_end() { truncate -s 1000000 "$1"; }

t_truncated_to_nothing() {
    local round
    for ((round = 0; round < 5; round++)); do
        truncated empty
    done
    report_text
    [ "$status" != 0 ] || fail "a report that looks clean: $(tail -n 3 report.txt)"
    grep -qF 'expected a header of' report.txt || fail "not why: $(head -n 3 report.txt)"
}

# What lies before the cut is read, and that something is missing is said.
t_truncated_to_a_half() {
    truncated halve
    report_text
    tr -s ' \n' ' ' <report.txt >words
    grep -q 'had its trace truncated while it ran.* records lost: there was no trace' words ||
        fail "not said: $(tail -n 6 report.txt)"
    timeout 60 "$build/socksan" report --format=json --error-exitcode=0 traces >report.json 2>/dev/null
    jq -e '([.incidents[].count] | add) > 50 and .processes[0].coverage == ["trace_truncated"]' report.json \
        >/dev/null ||
        fail "$(jq -c '[.summary, .processes[0].coverage, ([.incidents[].count] | add)]' report.json)"
}

# Where the log had not come to yet.
t_truncated_behind_the_log() {
    truncated cut_the_end
    report_text
    timeout 60 "$build/socksan" report --format=json --error-exitcode=0 traces >report.json 2>/dev/null
    jq -e '([.incidents[].count] | add) > 50' report.json >/dev/null || fail "$(jq -c .summary report.json)"
}

# Again and again, whatever the program is just doing.
t_truncated_at_any_moment() {
    local round
    for ((round = 0; round < 20; round++)); do
        rm -f traces/* half
        touch go
        LD_PRELOAD=$library SOCKSAN_OPTIONS=log_path=traces/ timeout 60 "$program" busy 4000 >audited 2>&1 </dev/null &
        while [ "$(head -qc 7 traces/*.trace 2>/dev/null | tr -d "\0")" != socksan ]; do sleep 0.01; done
        while kill -0 "$!" 2>/dev/null; do truncate -s $((RANDOM * 8)) traces/*.trace; done
        status=0
        wait "$!" || status=$?
        [ "$status $(<audited)" = "7 end" ] ||
            fail "round $round: exit status $status, printed: $(head -n 2 audited)"
    done
}

# --- other limits -----------------------------------------------------------------------------------------------------

t_address_space() {
    bare bash -c 'ulimit -v 20000 && exec "$0" map' "$program"
    audited bash -c 'ulimit -v 20000 && exec "$0" map' "$program"
    [ $(($(<bare) - $(<audited))) -le "$address_space" ] || fail "$(<bare) KiB bare, $(<audited) KiB audited"
    echo "   $(($(<bare) - $(<audited))) KiB of address space"
    expect_writes 1
}

# Dumps core in a directory of its own. Prints how many KiB.
dump() { # COMMAND...
    rm -f core*
    (
        ulimit -c unlimited
        exec "$@" dump
    ) >out 2>err </dev/null
    [ $? = 134 ] || fail "no abort: $(head -n 3 err)"
    wc -c core* | awk '{ print int($1 / 1024) }'
}

t_core_dump() {
    local bare audited
    [[ $(</proc/sys/kernel/core_pattern) =~ ^core ]] ||
        skip "core dumps go elsewhere: $(</proc/sys/kernel/core_pattern)"
    bare=$({ dump "$program"; } 2>/dev/null) || exit
    audited=$({ dump env LD_PRELOAD="$library" SOCKSAN_OPTIONS=log_path=traces/ "$program"; } 2>/dev/null) || exit
    [ $((audited - bare)) -le "$in_dump" ] || fail "$bare KiB bare, $audited KiB audited"
    echo "   $((audited - bare)) KiB of a core dump"
}

# A limit that leaves no room for a trace: the program is not killed by SIGXFSZ, and the report says that there is none.
t_no_file_size() {
    local kib
    for kib in 0 4; do
        status=0
        timeout 60 "$build/socksan" run -- bash -c 'ulimit -f '"$kib"' && exec "$0" lock 0 0' "$program" \
            >/dev/null 2>err </dev/null || status=$?
        [ "$status" = 7 ] || fail "ulimit -f $kib: exit status $status: $(head -n 3 err)"
        tr -s ' \n' ' ' <err | grep -q 'a process could write nothing to it,.*not everything was audited' ||
            fail "ulimit -f $kib: $(tail -n 5 err)"
    done
}

run_tests
