#!/usr/bin/env bash
# fuzz_regressions: what fuzzing has found once stays mended, and no fuzz target fails on a few thousand changed inputs.
#
#   fuzz_regressions.sh BUILD
#
# For each target of tests/fuzz/: its regressions and seeds as they are, and each of them changed some times over, with
# the same random numbers every time. `make fuzz` is the long way, which looks for what is new.
set -uo pipefail
build=${1:?}
# What ends a target has to leave its input behind (replay.c).
export ASAN_OPTIONS=detect_leaks=0:abort_on_error=1 UBSAN_OPTIONS=print_stacktrace=1:abort_on_error=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR=$work

"$build/tests/fuzz/make_seeds" "$work/seeds" || exit 1
for program in "$build"/tests/fuzz/fuzz_*; do
    [[ $program != *.* ]] || continue
    target=${program##*/fuzz_}
    inputs=()
    for directory in "tests/fuzz/regressions/$target" "tests/fuzz/seeds/$target" "$work/seeds/$target"; do
        [ ! -d "$directory" ] || inputs+=("$directory")
    done
    if [ ${#inputs[@]} = 0 ]; then
        # Programs stand in for what only `make fuzz` makes.
        inputs=("$build/tests/programs/echo")
    fi
    if ! "$program" "${inputs[@]}" >"$work/out" 2>&1; then
        echo "FAIL $target: on an input as it is: $(tail -n 1 "$work/out")"
    elif ! "$program" --mutate 60 "${inputs[@]}" >"$work/out" 2>&1; then
        echo "FAIL $target: on a changed input: $(tail -n 1 "$work/out")"
    else
        echo "ok $target"
        continue
    fi
    sed 's/^/  /' "$work/out"
    mv crash-fuzz_* "$build/" 2>/dev/null
done
