#!/usr/bin/env bash
# hooks.sh: what holds for each function that the library interposes, tried on each of them.
#
#   tests/e2e/hooks.sh BUILD [NAME]
#
# tests/programs/hook_calls has a good call of every function, runs bare and under `socksan run`, and what it prints is
# compared. Prints `ok NAME`, `FAIL NAME: why` or `SKIP NAME: why` for each test; with NAME runs those whose name
# contains it. Exit status 1 where one failed.
#
# shellcheck disable=SC2317 # tests are called through their names
set -uo pipefail

build=$(cd "${1:?usage: hooks.sh BUILD [NAME]}" && pwd) || exit 1
only=${2:-}
calls=$build/tests/programs/hook_calls
# shellcheck source=tests/e2e/lib_tests.sh
. "$(dirname "$0")/lib_tests.sh"
unset LD_PRELOAD SOCKSAN_OPTIONS
export LC_ALL=C.UTF-8 DEBUGINFOD_URLS=

# Exported, and not in front of anything: the public API, and what AddressSanitizer asks for its options.
own_names='^socksan_|^__asan_default_options$'
# These do not return, and their argument is what setjmp made: the programs of tests/race jump.
jumps='^(_|sig)?longjmp$|^__longjmp_chk$'

audited() { # COMMAND...
    timeout -k 5 300 "$build/socksan" run --error-exitcode=0 --output=report.txt -- "$@"
}

t_each_hook_has_a_call() {
    local missing
    nm -D --defined-only "$build/libsocksan.so" | awk '{ print $3 }' | grep -vE "$own_names|$jumps" | sort -u >exported
    "$calls" names | sort -u >tried
    missing=$(comm -23 exported tried)
    [ -z "$missing" ] || fail "no call of $(echo "$missing" | tr '\n' ' ')in tests/programs/hook_calls.h"
}

# No pointer of the program's is read before the kernel, or libc, has accepted it.
t_bad_pointers() {
    timeout -k 5 300 "$calls" pointers >bare 2>bare.err || fail "bare: $(head -n 3 bare.err)"
    audited "$calls" pointers >with 2>with.err || fail "audited: $(head -n 3 with.err)"
    cmp -s bare with || fail "$(diff bare with)"
    # 1,300 outcomes on x86-64 with liburing 2.3: a table that was emptied by mistake would not be noticed otherwise
    [ "$(wc -l <bare)" -gt 1000 ] || fail "only $(wc -l <bare) outcomes"
}

# Prints each call with what it took more than bare, in bytes.
stack_difference() { # STATE
    timeout -k 5 300 "$calls" stack "$1" >bare 2>bare.err || fail "bare: $(head -n 3 bare.err)"
    audited "$calls" stack "$1" >with 2>with.err || fail "audited: $(head -n 3 with.err)"
    paste -d ' ' bare with | awk '{ if ($1 != $3) exit 1; print $1, $4 - $2 }' ||
        fail "the calls differ: $(diff bare with)"
}

# Of the program's stack: 1 KiB at most; a write by number is known to take more.
small_stack() { # STATE
    stack_difference "$1" >used
    awk '$2 > ($1 ~ /^syscall/ ? 1024 : 1024)' used >over
    [ ! -s over ] || fail "on a socket that is $1: $(tr '\n' ';' <over)"
    [ "$(wc -l <used)" -gt 300 ] || fail "only $(wc -l <used) calls"
}

t_stack_of_a_healthy_socket() {
    small_stack healthy
}

t_stack_of_an_ended_socket() {
    small_stack ended
}

t_stack_of_a_closed_socket() {
    small_stack closed
}

run_tests
