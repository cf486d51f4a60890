#!/usr/bin/env bash
# known_incidents.sh: suppressions, baselines and `socksan diff` on a real program, rebuilt in between.
#
#   tests/e2e/known_incidents.sh BUILD [NAME]
#
# Prints `ok NAME`, `FAIL NAME: why` or `SKIP NAME: why` for each test; with NAME runs those whose name contains it.
# Exit status 1 where one failed. Each test is a function t_NAME, run in an empty directory of its own.
#
# shellcheck disable=SC2317 # tests are called through their names
set -uo pipefail

build=$(cd "${1:?usage: known_incidents.sh BUILD [NAME]}" && pwd) || exit 1
only=${2:-}
top=$(cd "$(dirname "$0")/../.." && pwd)
socksan=$build/socksan
# shellcheck source=tests/e2e/lib_tests.sh
. "$(dirname "$0")/lib_tests.sh"
unset LD_PRELOAD SOCKSAN_OPTIONS GITHUB_WORKSPACE CI_PROJECT_DIR
export LC_ALL=C.UTF-8 DEBUGINFOD_URLS=

# Runs socksan; its output in `out` and `err`, its exit status in $status.
try() {
    status=0
    "$socksan" "$@" >out 2>err </dev/null || status=$?
}

expect_status() {
    [ "$status" = "$1" ] || fail "exit status $status instead of $1: $(tail -n 3 err)"
}

expect() { # FILE WORDS
    grep -qF -e "$2" "$1" || fail "\"$2\" is not in: $(cat "$1")"
}

# A program that answers a peer though read told it of the end; with -DPLANTED it does so in another place, too.
write_program() { # FILE
    cat >"$1" <<'PROGRAM'
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

static __attribute__((noinline)) int answer(int fd)
{
	int result = (int)write(fd, "answer", 6);

	__asm__ volatile("");
	return result;
}

static __attribute__((noinline)) int remind(int fd)
{
	int result = (int)write(fd, "reminder", 8);

	__asm__ volatile("");
	return result;
}

int main(void)
{
	int ends[2];
	char byte;

	signal(SIGPIPE, SIG_IGN);
	socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
	close(ends[1]);
	if (read(ends[0], &byte, 1) != 0)
		return 1;
	answer(ends[0]);
#ifdef PLANTED
	remind(ends[0]);
#else
	(void)remind;
#endif
	return 0;
}
PROGRAM
}

compile() { # COMPILER OUT SOURCE FLAG...
    local compiler=$1 out=$2 source=$3
    shift 3
    command -v "$compiler" >/dev/null || skip "$compiler is not installed"
    "$compiler" -g -o "$out" "$@" "$source" 2>/dev/null || fail "$compiler cannot compile $source"
}

t_what_is_proposed_suppresses() {
    write_program program.c
    compile gcc program program.c -O1
    try run --gen-suppressions -- ./program
    expect_status 66
    expect err '# answer (program.c:7)'
    grep -A 1 '^# answer' err >rules
    try run --suppressions=rules -- ./program
    expect_status 0
    expect err 'suppressed 1 incident by write-after-peer-close:^answer$'
    expect err '(1 suppressed)'
}

t_the_shims_option_names_rules_too() {
    write_program program.c
    compile gcc program program.c -O1
    echo '*:^answer$' >rules
    SOCKSAN_OPTIONS=suppressions=rules try run -- ./program
    expect_status 0
    try run --options=suppressions=rules -- ./program
    expect_status 0
}

t_bad_rules_start_nothing() {
    echo 'nonsense' >rules
    try run --suppressions=rules -- touch started
    expect_status 125
    expect err 'rules:1: expected KIND:PATTERN, found "nonsense"'
    [ ! -e started ] || fail "the command was started"
}

t_unused_rules_are_told() {
    echo 'double-close:nobody' >rules
    try run --suppressions=rules -- true
    expect_status 0
    expect err 'unused suppression double-close:nobody (rules:1)'
}

# Another compiler, another level of optimisation, moved lines, another directory: the same incidents. A planted one is
# new.
t_a_baseline_survives_a_rebuild() {
    write_program program.c
    compile gcc program program.c -O1
    try run --format=json --output=base.json -- ./program
    expect_status 66
    mkdir elsewhere
    { printf '/* moved */\n%.0s' 1 2 3 4 5 6 7; cat program.c; } >elsewhere/renamed.c
    compile clang elsewhere/program elsewhere/renamed.c -O2
    try run --baseline=base.json -- elsewhere/program
    expect_status 0
    expect err 'baseline base.json: 1 incident known'
    compile clang elsewhere/program elsewhere/renamed.c -O2 -DPLANTED
    try run --baseline=base.json --format=json --output=new.json --format=text -- elsewhere/program
    expect_status 66
    expect err 'ERROR 1 of 1: '
    expect err 'in remind (elsewhere/renamed.c:'
}

# What rebuild_elsewhere builds: threads, processes, TCP and AF_UNIX, late writes, double closes, stale descriptors.
programs="threads half_then_full close_own dup_close double_close row_c_reset row_h_unix_peer_close exec_inherits
    udp_refused"

# Each of them once, misusing its connections, and the program of this file.
write_suite() { # FILE
    cat >"$1" <<'SUITE'
cd "$1" || exit 1
./threads bad
./half_then_full bad
./close_own close bad
./dup_close dup bad
./double_close taken bad
./row_c_reset tcp4 linger
./row_h_unix_peer_close pair bad
./exec_inherits bad
./udp_refused tcp4 bad
./program
exit 0
SUITE
}

# With the other compiler, at another level of optimisation, from another directory, with all lines moved.
rebuild_elsewhere() { # DIRECTORY
    local name other=clang
    [[ $(head -n 1 "$build/flags") != clang* ]] || other=gcc
    mkdir -p "$1/shim" "$1/tests/programs"
    cp "$top/shim/socksan.h" "$1/shim/"
    cp "$top/tests/programs/support.h" "$1/tests/programs/"
    for name in $programs; do
        { printf '/* moved */\n%.0s' 1 2 3 4 5 6 7; cat "$top/tests/programs/$name.c"; } >"$1/tests/programs/$name.c"
        compile "$other" "$1/$name" "$1/tests/programs/$name.c" -O2 -std=gnu11 -D_GNU_SOURCE= -pthread -I"$1" -w
    done
    { printf '/* moved */\n%.0s' 1 2 3; cat program.c; } >"$1/program.c"
    compile "$other" "$1/program" "$1/program.c" -O2
}

expect_changes() { # BASE NEW WHAT: how many are new and gone
    "$socksan" diff --fail-on=none --format=json "$1" "$2" >changes.json || fail "diff ended with $?"
    [ "$(jq -r '"\(.new | length) new, \(.gone | length) gone"' changes.json)" = "$3" ] ||
        fail "not $3: $(jq -c '.new, .gone' changes.json)"
}

t_a_baseline_of_many_programs_survives_a_rebuild() {
    local name
    write_program program.c
    write_suite suite
    mkdir here
    for name in $programs; do
        ln -s "$build/tests/programs/$name" here/
    done
    compile gcc here/program program.c -O1
    try run --format=json --output=base.json -- bash suite here
    expect_status 66
    [ "$(jq '[.incidents[].fingerprint] | unique | length' base.json)" -ge 10 ] || fail "too few incidents: $(cat err)"

    rebuild_elsewhere elsewhere
    try run --baseline=base.json --log-dir=traces -- bash suite elsewhere
    expect_status 0
    expect err 'socksan: ERROR SUMMARY: 0 errors, 0 warnings, 0 notes'
    expect_changes base.json traces '0 new, 0 gone'

    # A planted bug is new, and nothing else is.
    compile gcc elsewhere/program elsewhere/program.c -O2 -DPLANTED
    try run --baseline=base.json --log-dir=planted -- bash suite elsewhere
    expect_status 66
    expect err 'ERROR 1 of 1: write-after-peer-close'
    expect err 'in remind ('
    expect_changes base.json planted '1 new, 0 gone'
    [[ $(jq -r '.new[0].place' changes.json) == remind* ]] || fail "another one: $(jq -c .new changes.json)"
}

t_diff_of_runs() {
    write_program program.c
    compile gcc old program.c -O1
    compile gcc new program.c -O2 -DPLANTED
    try run --format=jsonl --output=old.jsonl -- ./old
    try run --log-dir=traces -- ./new
    try diff old.jsonl traces
    expect_status 66
    expect out 'ERROR new: write-after-peer-close'
    expect out 'DIFF SUMMARY: 1 new, 0 gone, 1 still there'
    try diff traces old.jsonl
    expect_status 0
    expect out 'DIFF SUMMARY: 0 new, 1 gone, 1 still there'
}

t_diff_refuses_what_it_cannot_compare() {
    echo '{"schema": "something else"}' >a.json
    try diff a.json a.json
    expect_status 125
    expect err 'expected a report of schema socksan-report/1'
    try diff a.json
    expect_status 125
}

run_tests
