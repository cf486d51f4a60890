#!/usr/bin/env bash
# programs.sh: run each program of tests/programs bare and audited, and hold its report against what is expected.
#
#   tests/e2e/programs.sh BUILD [NAME...]
#
# An expectation is tests/programs/PROGRAM.expect or PROGRAM.CASE.expect. It begins with directives:
#
#   # args: WORD...      the program's arguments; {} stands for an item of `each`
#   # each: ITEM...      one case for each item, which the expressions know as $each
#   # options: WORD...   options of `socksan run`; {} as in args
#   # status: N          how the program exits, 0 unless said
#   # signal: NAME       or the signal that ends it
#   # audited: N         how it exits under the audit, where the quarantine changes what its calls find
#
# Then come jq expressions over the JSON report, one a line (a line that begins with a space continues the one
# before), each of which must be true; tests/e2e/report.jq defines what they share. A program runs bare first, then
# under `socksan run`: both must end as directed, and print the same. A program that ends with 77 when it runs bare
# cannot be tested here, and says why on its standard error. With NAMEs, only cases whose name contains one of them.
set -u

build=$(cd "${1:?usage: programs.sh BUILD [NAME...]}" && pwd) || exit 1
shift
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
jobs=4 # at once
limit=120 # seconds, for one run of a program: only what hangs takes so long, on a busy machine, too

unset SOCKSAN_OPTIONS LD_PRELOAD
export LC_ALL=C.UTF-8 DEBUGINFOD_URLS=
# shellcheck source=tests/e2e/lib_report.sh
. "$here/lib_report.sh"

directive() { # FILE NAME
    sed -n "s/^# $2: *//p" "$1"
}

run_limited() { # OUT ERR COMMAND...
    local out=$1 err=$2
    shift 2
    # The shell's own word on a killed child goes nowhere.
    { timeout -k 5 "$limit" "$@" </dev/null >"$out" 2>"$err"; } 2>/dev/null
}

# Prints why a case failed, and nothing where it did not.
check_case() { # EXPECT PROGRAM EACH DIRECTORY
    local expect=$1 program=$build/tests/programs/$2 each=$3 dir=$4 wanted status audited words options stream
    words=$(directive "$expect" args)
    read -r -a words <<<"${words//\{\}/$each}"
    options=$(directive "$expect" options)
    read -r -a options <<<"${options//\{\}/$each}"
    wanted=$(directive "$expect" status)
    [ -z "$(directive "$expect" signal)" ] || wanted=$((128 + $(kill -l "$(directive "$expect" signal)")))

    run_limited "$dir/bare.out" "$dir/bare.err" "$program" ${words[@]+"${words[@]}"}
    status=$?
    if [ $status = 77 ] && [ "${wanted:-0}" != 77 ]; then
        echo "SKIP $(head -n 1 "$dir/bare.err")"
        return
    fi
    if [ $status != "${wanted:-0}" ]; then
        echo "bare: ended with $status, not ${wanted:-0}; $(head -n 1 "$dir/bare.err")"
        return
    fi
    run_limited "$dir/out" "$dir/err" "$build/socksan" run --format=json --output="$dir/report.json" \
        --error-exitcode=0 ${options[@]+"${options[@]}"} -- "$program" ${words[@]+"${words[@]}"}
    status=$?
    audited=$(directive "$expect" audited)
    wanted=${audited:-$wanted}
    if [ $status != "${wanted:-0}" ]; then
        echo "audited: ended with $status, not ${wanted:-0}; $(head -n 1 "$dir/err")"
        return
    fi
    for stream in out err; do
        cmp -s "$dir/bare.$stream" "$dir/$stream" ||
            echo "audited, its std$stream differs: $(diff "$dir/bare.$stream" "$dir/$stream" | tr '\n' ' ')"
    done
    report_check "$dir/report.json" "$each" "$expect"
}

run_case() { # EXPECT PROGRAM NAME EACH
    local dir reasons
    dir=$(mktemp -d "$scratch/XXXXXX")
    reasons=$(check_case "$1" "$2" "$4" "$dir")
    if [ -z "$reasons" ]; then
        echo "ok $3"
    elif [[ $reasons == "SKIP "* ]]; then
        echo "SKIP $3: ${reasons#SKIP }"
    else
        echo "FAIL $3: $(one_line <<<"$reasons")"
    fi
    rm -rf "$dir"
}

scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
: >"$scratch/results"

if ! command -v jq >/dev/null; then
    echo "SKIP programs: jq is not installed"
    exit 77
fi

selected() { # NAME WANTED...
    local name=$1 wanted
    shift
    [ $# -gt 0 ] || return 0
    for wanted; do
        [[ $name == *"$wanted"* ]] && return 0
    done
    return 1
}

start_case() { # EXPECT PROGRAM NAME EACH
    while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do
        wait -n
    done
    run_case "$@" | tee -a "$scratch/results" &
}

for expect in "$top"/tests/programs/*.expect; do
    case_name=$(basename "$expect" .expect)
    items=$(directive "$expect" each)
    if [ -z "$items" ]; then
        selected "$case_name" "$@" && start_case "$expect" "${case_name%%.*}" "$case_name" ""
        continue
    fi
    for item in $items; do
        selected "$case_name.$item" "$@" && start_case "$expect" "${case_name%%.*}" "$case_name.$item" "$item"
    done
done
wait

# What no expectation names is not tested: that must not go unnoticed. (programs/uring_plugin is loaded by
# uring_loader.)
if [ $# = 0 ]; then
    for source in "$top"/tests/programs/*.c; do
        program=$(basename "$source" .c)
        compgen -G "${source%.c}*.expect" >/dev/null || grep -qrs -- "programs/$program\b" "$here" "$top/scripts" ||
            echo "FAIL $program: nothing says what is expected of it" | tee -a "$scratch/results"
    done
fi

[ -s "$scratch/results" ] || echo "programs.sh: no case has that in its name: $*" >&2
! grep -q '^FAIL' "$scratch/results"
