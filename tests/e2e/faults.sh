#!/usr/bin/env bash
# faults.sh: whichever of the library's own system calls fails, and however, the program does not notice, and what the
# report cannot tell on that account it says so.
#
#   tests/e2e/faults.sh BUILD [NAME]
#
# libsocksan-fault.so fails the N-th call that it makes itself (tests/faults/inject.c); tests/programs/fault_subject
# runs once for each N. Prints `ok NAME`, `FAIL NAME: why` or `SKIP NAME: why`; with NAME runs those tests whose name
# contains it. Tries every N (of some tests every fourth) with one of the errors, in turn, unless FAULTS=all asks for
# each with each (`make faults`).
set -uo pipefail

build=$(cd "${1:?usage: faults.sh BUILD [NAME]}" && pwd) || exit 1
only=${2:-}
socksan=$build/socksan
library=$build/tests/libsocksan-fault.so
subject=$build/tests/programs/fault_subject
base=$(mktemp -d) || exit 1
trap 'rm -rf "$base"' EXIT
unset LD_PRELOAD SOCKSAN_OPTIONS SOCKSAN_FAULT
export LC_ALL=C.UTF-8 DEBUGINFOD_URLS=
failed=0
most=2000 # calls; more than the program makes
# errno(3): EINTR EAGAIN ENOMEM EMFILE ENOSPC
errors=(4 11 12 24 28)

# What the report tells of the program, without what changes from run to run.
facts='[.incidents[] | [.kind, .knowledge, .outcome, .severity, .count, .bytes_lost, .sigpipe, .errno]
    + ([.stacks.write, .stacks.told, .stacks.closed, .stacks.opened] | map(.[0].function))] | sort'
# Whether it says itself that there is more.
admits='.summary.lost_records > 0 or ([.processes[].coverage[]] | length > 0)'

# Runs the subject with this fault in a directory of its own. Prints what is wrong; nothing else. Status 9: it never
# happened.
try_fault() { # DIRECTORY OPTIONS FAULT
    local dir=$1 status=0 told='' argument=${2:+kept}
    mkdir -p "$dir/traces"
    SOCKSAN_FAULT=$3 SOCKSAN_FAULT_MARK=$dir/mark SOCKSAN_OPTIONS=log_path=$dir/traces/:$2 LD_PRELOAD=$library \
        timeout -k 5 120 "$subject" "$argument" </dev/null >"$dir/out" 2>"$dir/err" || status=$?
    [ -e "$dir/mark" ] || return 9
    [ $status = 7 ] || echo "fault $3: it ended with $status: $(head -n 2 "$dir/err")"
    cmp -s "$base/out.$argument" "$dir/out" || echo "fault $3: it printed $(head -n 2 "$dir/out")"
    [ ! -s "$dir/err" ] || told=yes
    ! grep -v '^socksan: ' "$dir/err" >/dev/null || echo "fault $3: standard error: $(head -n 2 "$dir/err")"
    if [ -z "$(ls -A "$dir/traces")" ]; then
        # where every call fails, so does the one that would say why
        [[ -n $told || $3 == *+* ]] || echo "fault $3: no trace and not a word"
    else
        status=0
        timeout 120 "$socksan" report --format=json --error-exitcode=0 "$dir/traces" >"$dir/report" \
            2>"$dir/report.err" ||
            status=$?
        # an empty file, since that could not be removed either; the report says so
        [[ $3 != *+* || $status != 3 || ! -s $dir/report.err ]] || return 0
        [ $status = 0 ] || echo "fault $3: the report ends with $status: $(head -n 1 "$dir/report.err")"
        [ -n "$told" ] || jq -e --slurpfile whole "$base/facts" "($facts) == \$whole[0] or ($admits)" "$dir/report" \
            >/dev/null ||
            echo "fault $3: untold: $(jq -c --slurpfile whole "$base/facts" \
            "[\$whole[0] - ($facts), ($facts) - \$whole[0]]" \
                "$dir/report")"
    fi
    return 0
}

# Tries one fault after the other, two at a time, until one does not happen any more.
try_all() { # NAME STEP OPTIONS FAULT: N in FAULT is the number, E one error after the other
    local n dir each running=0 step=$2
    [[ -z $only || $1 == *"$only"* ]] || return 0
    : >"$base/$1.wrong"
    rm -f "$base/$1.end"
    [ "${FAULTS:-}" != all ] || step=1
    for ((n = 1; n < most; n += step)); do
        [ ! -e "$base/$1.end" ] || break
        if [ "${FAULTS:-}" = all ]; then
            each=("${errors[@]}")
        else
            each=("${errors[n % ${#errors[@]}]}")
        fi
                dir=$base/$1.$n
        {
            for error in "${each[@]}"; do
                fault=${4/N/$n}
                try_fault "$dir" "$3" "${fault/E/$error}" >>"$base/$1.wrong" || echo "$n" >>"$base/$1.end"
                rm -rf "$dir"
            done
        } &
        running=$((running + 1))
        [ $running -lt 2 ] || wait -n
    done
    wait
    if [ ! -e "$base/$1.end" ]; then
        echo "no end after $most calls" >>"$base/$1.wrong"
    fi
    if [ -s "$base/$1.wrong" ]; then
        failed=1
        echo "FAIL $1: $(wc -l <"$base/$1.wrong") of them; $(head -n 3 "$base/$1.wrong" | tr '\n' '|')"
    else
        echo "ok $1"
        echo "   ($(sort -n "$base/$1.end" |
            head -n 1) is the first call that no run gets to; every $step. was failed," \
            "with ${#each[@]} of ${#errors[@]} errors)"
    fi
}

# The first calls under `socksan run`, by which a process signs in: the command tells whom it has not heard of.
under_a_run() {
    local fault status dir=$base/run
    [[ -z $only || under_a_run == *"$only"* ]] || return 0
    : >"$base/wrong"
    for fault in 1:short {1..8}:{4,12,24,28}; do
        rm -rf "$dir" && mkdir -p "$dir" && status=0
        SOCKSAN_FAULT=$fault SOCKSAN_FAULT_MARK=$dir/mark "$socksan" run --shim="$library" --format=json \
            --output="$dir/report" --error-exitcode=0 -- "$subject" </dev/null >"$dir/out" 2>"$dir/err" || status=$?
        [ -e "$dir/mark" ] || echo "fault $fault never happened"
        cmp -s "$base/out." "$dir/out" || echo "fault $fault: it printed $(head -n 2 "$dir/out")"
        case $status in
            7) jq -e --slurpfile whole "$base/facts" \
                "($facts) == \$whole[0] or ($admits) or .summary.unaudited_processes > 0" \
                "$dir/report" >/dev/null || echo "fault $fault: untold" ;;
            125) [ -s "$dir/err" ] || echo "fault $fault: nobody was audited, and not a word" ;;
            *) echo "fault $fault: it ended with $status" ;;
        esac
    done >>"$base/wrong" 2>&1
    # what is cut short or interrupted is no reason to go without
    for fault in 1:short {1..4}:4; do
        SOCKSAN_FAULT=$fault "$socksan" run --shim="$library" --format=json --output="$dir/report" --error-exitcode=0 \
            -- \
            "$subject" </dev/null >/dev/null 2>&1
        jq -e --slurpfile whole "$base/facts" "($facts) == \$whole[0]" "$dir/report" >/dev/null ||
            echo "fault $fault: not the whole report"
    done >>"$base/wrong" 2>&1
    if [ -s "$base/wrong" ]; then
        failed=1
        echo "FAIL under_a_run: $(head -n 3 "$base/wrong" | tr '\n' '|')"
    else
        echo "ok under_a_run"
    fi
}

if ! command -v jq >/dev/null; then
    echo "SKIP faults: jq is not installed"
    exit 77
fi

"$subject" </dev/null >"$base/out." 2>&1 || true
"$subject" kept </dev/null >"$base/out.kept" 2>&1 || true
mkdir "$base/whole"
SOCKSAN_OPTIONS=log_path=$base/whole/ LD_PRELOAD=$library "$subject" </dev/null >/dev/null 2>&1
if ! "$socksan" report --format=json --error-exitcode=0 "$base/whole" 2>/dev/null | jq -e "$facts" >"$base/facts" ||
    [ "$(jq length "$base/facts")" != 7 ]; then
    echo "FAIL faults: not the seven incidents even without a fault"
    exit 1
fi

try_all one_call 1 '' N:E
try_all one_call_with_the_quarantine 4 quarantine=8 N:E
try_all all_calls_from_there 4 '' N+:E
under_a_run
exit $failed
