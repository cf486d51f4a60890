#!/usr/bin/env bash
# halt.sh: halt_on_error=1 ends a program exactly where the report calls an incident an error.
#
#   tests/e2e/halt.sh BUILD [NAME]
#
# Each test runs tests/programs/halts.c twice, without the option and with it.
#
# shellcheck disable=SC2317 # tests are called through their names
set -uo pipefail

build=$(cd "${1:?usage: halt.sh BUILD [NAME]}" && pwd) || exit 1
only=${2:-}
# shellcheck source=tests/e2e/lib_tests.sh
. "$(dirname "$0")/lib_tests.sh"
unset LD_PRELOAD SOCKSAN_OPTIONS

severities() { # REPORT
    jq -r '[.incidents[].severity] | unique | join(" ")' "$1"
}

# The severity in the report is $2. With the option the program ends with 66: before it goes on ($3 = before), or at its
# very end (end), since nothing tells earlier that the incident stands; or it ends as ever (never).
halts() { # CASE SEVERITY before|end|never
    local audit=("$build/socksan" run --error-exitcode=0 --format=json) program=$build/tests/programs/halts status=0
    "${audit[@]}" --output=free.json -- "$program" "$1" >free.out 2>free.err </dev/null || status=$?
    [ "$status" != 77 ] || skip "$(head -n 1 free.err)"
    [ "$status" = 0 ] || fail "without the option: exit status $status: $(cat free.err)"
    [ "$(severities free.json)" = "$2" ] || fail "without the option: $(severities free.json)"
    "${audit[@]}" --output=halted.json --options=halt_on_error=1 -- "$program" "$1" >halted.out 2>halted.err \
        </dev/null || status=$?
    [ "$(severities halted.json)" = "$2" ] || fail "with the option: $(severities halted.json)"
    case $3 in
        before) [ "$status" = 66 ] && [ ! -s halted.out ] ;;
        end) [ "$status" = 66 ] && [ -s halted.out ] ;;
        never) [ "$status" = 0 ] && [ -s halted.out ] ;;
    esac || fail "with the option: exit status $status, printed \"$(cat halted.out)\""
}

t_write_after_close() { halts closed error before; }
t_write_after_shutdown() { halts shut error before; }
t_refused_while_connecting() { halts refused error before; }
t_write_after_being_told() { halts told error before; }
t_double_close_once_another_follows() { halts twice error before; }
t_double_close_at_the_end() { halts twice_last error end; }
t_not_told() { halts untold warning never; }
t_try_while_connecting() { halts connecting note never; }
t_half_close() { halts half note never; }
t_sweep() { halts swept '' never; }

run_tests
