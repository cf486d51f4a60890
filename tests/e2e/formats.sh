#!/usr/bin/env bash
# formats.sh: every report format of one real run, each held against its own schema or, where that has none, against
# what its readers need, and all of them against the JSON report of the same run.
#
#   tests/e2e/formats.sh BUILD [NAME]
#
# Prints `ok NAME`, `FAIL NAME: why` or `SKIP NAME: why` for each test; with NAME runs those whose name contains it.
#
# shellcheck disable=SC2317 # tests are called through their names
set -u

build=$(cd "${1:?usage: formats.sh BUILD [NAME]}" && pwd) || exit 1
only=${2:-}
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
socksan=$build/socksan
python=/usr/bin/python3
failed=0
# shellcheck source=tests/e2e/lib_report.sh
. "$here/lib_report.sh"

# Where the run takes place is the top of a checkout, whatever service runs this.
unset SOCKSAN_OPTIONS LD_PRELOAD GITHUB_WORKSPACE CI_PROJECT_DIR
export LC_ALL=C.UTF-8 DEBUGINFOD_URLS=''
cd "$top" || exit 1

scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT

# The reports are made once, by the run itself, and once more from its traces.
formats="json jsonl html junit sarif github perfetto otlp text"
make_reports() {
    local format outputs=()
    for format in $formats; do
        outputs+=("--format=$format" "--output=$scratch/$format")
    done
    mkdir "$scratch/run" "$scratch/traces"
    "$socksan" run --error-exitcode=0 --log-dir="$scratch/traces" "${outputs[@]}" -- \
        bash "$here/lib_mixed_run.sh" "$scratch/run" "$build/tests/programs" >"$scratch/out" 2>"$scratch/err" || {
        echo "FAIL run: socksan ended with $?: $(tail -n 1 "$scratch/err")"
        exit 1
    }
    [ "$(jq '.incidents | length' "$scratch/json")" -ge 4 ] || {
        echo "FAIL run: there are not enough incidents"
        exit 1
    }
}

# Every part of the run that could be had has something to tell: a format that is good has told all of it.
every_part() {
    local part program condition
    for part in 'nginx|.kind == "write-after-reset" and .bytes_lost > 0' 'python3|.kind == "dropped-by-framework"' \
        'python3|.outcome == "lost"' 'double_close|.kind == "write-after-close"' 'threads|.severity == "warning"'; do
        program=${part%%|*} condition=${part#*|}
        case $program in
            nginx) PATH=$PATH:/usr/sbin command -v nginx >/dev/null || continue ;;
            python3) [[ $condition != *framework* ]] || $python -c 'import twisted' 2>/dev/null || continue ;;
        esac
        jq -e --arg program "$program" \
            "[.processes[] | select(.exe | split(\"/\")[-1] | startswith(\$program)) | .pid] as \$pids |
            any(.incidents[]; (.pid as \$pid | any(\$pids[]; . == \$pid)) and ($condition))" \
            "$scratch/json" >/dev/null ||
            echo "$program has no incident with $condition"
    done
}

own_schema() { # CHECK of lib_formats.py
    "$python" -c 'import jsonschema' 2>/dev/null || { echo "SKIP: python3-jsonschema is not installed"; return; }
    check "$1"
}

run_test() { # NAME COMMAND...: prints what is wrong, and nothing where all is well
    local name=$1
    [[ -z $only || formats/$name == *"$only"* ]] || return 0
    shift
    conclude "$name" < <("$@" 2>&1) || failed=1
}

check() { # CHECK of lib_formats.py
    "$python" "$here/lib_formats.py" "$1" "$scratch" "$top" "$build"
}

junit_schema() {
    command -v xmllint >/dev/null || { echo "SKIP: xmllint is not installed"; return; }
    xmllint --noout --nonet --schema tests/schemas/junit.xsd "$scratch/junit" 2>&1 | grep -v ' validates$'
}

# The schema comes in a package of the npm registry; it is kept beside the build.
sarif_schema_package='@microsoft/jest-sarif@1.0.0-beta.0'
sarif_schema_sum=2d99159ae54a3eea97f81781cff48780548657c35949f4b7f25e99a2ba4de4f8
get_sarif_schema() {
    local schema=$build/schemas/sarif-2.1.0.json dir=$scratch/npm
    if [ ! -e "$schema" ]; then
        command -v npm >/dev/null || { echo "SKIP: the schema cannot be had: npm is not installed"; return 1; }
        mkdir -p "$dir" "$build/schemas"
        (cd "$dir" && timeout 60 npm pack --silent --ignore-scripts "$sarif_schema_package" && tar -xzf ./*.tgz) \
            >"$dir/log" 2>&1 || { echo "SKIP: the schema cannot be had: npm reaches no registry"; return 1; }
        mv "$dir/package/lib/schemas/sarif-2.1.0-rtm.5.json" "$schema"
    fi
    echo "$sarif_schema_sum  $schema" | sha256sum --quiet --check >/dev/null 2>&1 ||
        { echo "the schema is not the one that is expected"; return 1; }
}

sarif_schema() {
    "$python" -c 'import jsonschema' 2>/dev/null || { echo "SKIP: python3-jsonschema is not installed"; return; }
    get_sarif_schema || return
    "$python" "$here/lib_formats.py" sarif_schema "$scratch" "$top" "$build/schemas/sarif-2.1.0.json"
}

# A report that is made later, from the traces, differs only by what `run` alone knows.
made_again() {
    local format
    for format in $formats; do
        "$socksan" report --error-exitcode=0 --format="$format" --output="$scratch/again.$format" "$scratch/traces" ||
            echo "$format: ended with $?"
    done
    cmp "$scratch/perfetto" "$scratch/again.perfetto"
    diff <(jq -S .incidents "$scratch/json") <(jq -S .incidents "$scratch/again.json")
    diff <(grep -v '"type":"unaudited"\|"type":"summary"' "$scratch/jsonl") \
        <(grep -v '"type":"summary"' "$scratch/again.jsonl")
}

# Rules that suppress everything: nothing fails, and SARIF alone says what was suppressed.
suppressed() {
    local format out=$scratch/suppressed
    mkdir -p "$out"
    echo '*:*' >"$out/rules"
    for format in $formats; do
        "$socksan" report --suppressions="$out/rules" --format="$format" --output="$out/$format" "$scratch/traces" \
            >"$out/log" 2>&1 || { echo "$format: ended with $?: $(tail -n 1 "$out/log")"; return; }
    done
    ! grep -q '<failure' "$out/junit" || echo "junit has a failure"
    ! grep -qE '^::(error|notice)' "$out/github" || echo "github has annotations"
    ! grep -q '<article class="incident' "$out/html" || echo "html has incidents"
    ! grep -q 'socksan.incident' "$out/otlp" || echo "otlp has incidents"
    jq -e '.runs[0].results | length > 0 and all(.suppressions | length == 1 and .[0].kind == "external")' \
        "$out/sarif" >/dev/null || echo "sarif does not say that all are suppressed"
    jq -se 'map(select(.type == "incident")) | length > 0 and all(.suppressed_by == "*:*")' "$out/jsonl" >/dev/null ||
        echo "jsonl does not say that all are suppressed"
}

# What cannot be written is told.
full_disk() {
    local format
    [ -e /dev/full ] || { echo "SKIP: there is no /dev/full"; return; }
    for format in $formats; do
        "$socksan" report --format="$format" --output=/dev/full "$scratch/traces" >"$scratch/log" 2>&1
        [ $? = 125 ] && grep -q "cannot write the $format report" "$scratch/log" ||
            echo "$format: $(cat "$scratch/log")"
    done
}

[ -x "$python" ] || { echo "SKIP formats: python3 is not installed"; exit 77; }
command -v jq >/dev/null || { echo "SKIP formats: jq is not installed"; exit 77; }
make_reports
run_test every_part every_part
run_test json.schema own_schema json_schema
run_test json.schema_is_complete own_schema json_complete
run_test jsonl.schema own_schema jsonl_schema
run_test jsonl check jsonl
run_test junit.schema junit_schema
run_test junit check junit
run_test sarif.schema sarif_schema
run_test sarif check sarif
run_test github check github
run_test perfetto.schema own_schema perfetto_schema
run_test perfetto check perfetto
run_test otlp.schema own_schema otlp_schema
run_test otlp check otlp
run_test html check html
run_test made_again made_again
run_test suppressed suppressed
run_test full_disk full_disk
exit $failed
