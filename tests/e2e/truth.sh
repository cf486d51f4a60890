#!/usr/bin/env bash
# truth.sh: the report against the kernel's own record, in short: our test programs, and one test suite of CPython's.
#
#   tests/e2e/truth.sh BUILD [NAME...]
#
# scripts/truth does the work, and has many more to run. With NAMEs, only tests whose name contains one of them. Where
# the kernel's tracepoints cannot be used (no root, no bpftrace, no tracing file system) or the recorder is not there,
# each test is skipped with the reason.
set -u

build=$(cd "${1:?usage: truth.sh BUILD [NAME...]}" && pwd) || exit 1
shift
names=("$@")
truth=$(cd "$(dirname "$0")/../.." && pwd)/scripts/truth
output=$(mktemp) || exit 1
trap 'rm -f "$output"' EXIT
failed=0

# shellcheck source=tests/e2e/lib_names.sh
. "$(dirname "$0")/lib_names.sh"

# The record counts a state as certain after 50 microseconds. On a machine with other work a process loses its processor
# for longer than that between our look and the kernel's, so this is for a quiet machine, and is asked for.
for name in programs test_poplib; do
    wanted "$name" || continue
    if [ "${SOCKSAN_TRUTH:-0}" != 1 ]; then
        echo "SKIP $name: compares times of microseconds and wants a quiet machine: SOCKSAN_TRUTH=1 asks for it"
        continue
    fi
    "$truth" --build "$build" "$name" >"$output" 2>&1 </dev/null
    case $? in
        0) echo "ok $name" ;;
        77) echo "SKIP $name: $(sed -n 's/^SKIP: //p' "$output" | head -n 1)" ;;
        *)
            cat "$output"
            echo "FAIL $name: $(grep -E '^ +(NOT EXPLAINED|FAILED): ' "$output" | head -n 3 | tr -s ' \n' ' ')"
            failed=1
            ;;
    esac
done
exit $failed
