#!/usr/bin/env bash
# race.sh: threads that fight over descriptors, a little of each scenario (`make race` does it for long); and a JVM,
# which closes channels under threads that are blocked on them.
#
#   tests/e2e/race.sh BUILD [NAME]
#
# shellcheck disable=SC2317 # tests are called through their names
set -u

build=$(cd "${1:?usage: race.sh BUILD [NAME]}" && pwd) || exit 1
here=$(cd "$(dirname "$0")" && pwd)
only=${2:-}
unset SOCKSAN_OPTIONS LD_PRELOAD
# shellcheck source=tests/e2e/lib_tests.sh
. "$here/lib_tests.sh"

race() { # SCENARIO
    need python3
    BUILDS=race SECONDS=60 ROUNDS=150 python3 "$here/../../scripts/race" "$build" "$1" >out 2>&1 || fail "$(cat out)"
}

t_reopen() { race reopen; }
t_dup2() { race dup2; }
t_blocked() { race blocked; }
t_epoll() { race epoll; }
t_poll() { race poll; }
t_select() { race select; }
t_fork() { race fork; }
t_signals() { race signals; }
t_accept() { race accept; }

t_java_closes_a_blocked_channel() {
    need javac
    javac -d . "$here/../race/BlockedClose.java" >out 2>&1 || skip "javac does not compile: $(cat out)"
    "$build/socksan" run --fail-on=none --output=report java -cp . BlockedClose 5 >out 2>&1 ||
        fail "ended with $?: $(cat out)"
    [ "$(cat out)" = "closed 5 of 5" ] || fail "$(cat out)"
}

run_tests
