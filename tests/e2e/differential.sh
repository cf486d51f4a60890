#!/usr/bin/env bash
# differential.sh: some of the rows of scripts/differential, the quick ones: real programs and suites have the same
# results bare and audited. `make differential` has them all.
#
#   tests/e2e/differential.sh BUILD [NAME...]
#
# With NAMEs, only rows whose name contains one of them. A row whose program is not installed is skipped with the
# reason.
set -u

build=$(cd "${1:?usage: differential.sh BUILD [NAME...]}" && pwd) || exit 1
shift
names=("$@")
differential=$(cd "$(dirname "$0")/../.." && pwd)/scripts/differential
output=$(mktemp) || exit 1
trap 'rm -f "$output"' EXIT
failed=0

# shellcheck source=tests/e2e/lib_names.sh
. "$(dirname "$0")/lib_names.sh"

for name in test_epoll test_httplib perl redis memcached asan-gcc tsan-gcc throws; do
    wanted "$name" || continue
    "$differential" --build "$build" "$name" >"$output" 2>&1 </dev/null
    case $? in
        0) echo "ok $name" ;;
        77) echo "SKIP $name: $(sed -nE "s/^SKIP: ($name: )?//p" "$output" | head -n 1)" ;;
        *)
            cat "$output"
            echo "FAIL $name: $(grep -E '^ +(DIFFERENT|the end): |NO REPORT' "$output" | head -n 3 | tr -s ' \n' ' ')"
            failed=1
            ;;
    esac
done
exit $failed
