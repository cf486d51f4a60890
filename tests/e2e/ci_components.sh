#!/usr/bin/env bash
# ci_components.sh: action.yml for GitHub and templates/socksan.yml for GitLab: their syntax, and their shell lines, run
# for real against a release's archive, on a project with a bug and on its mended twin.
#
#   tests/e2e/ci_components.sh BUILD [NAME]
#
# RELEASE=DIR uses the archive and SHA256SUMS there, as `make release` makes them; otherwise what `make install`
# installs is packed in the same way. Prints `ok NAME`, `FAIL NAME: why` or `SKIP NAME: why` for each test; with NAME
# runs those whose name contains it. Exit status 1 where one failed.
#
# shellcheck disable=SC2317 # tests are called through their names
set -uo pipefail

build=$(cd "${1:?usage: ci_components.sh BUILD [NAME]}" && pwd) || exit 1
only=${2:-}
top=$(cd "$(dirname "$0")/../.." && pwd)
python=/usr/bin/python3
# shellcheck source=tests/e2e/lib_tests.sh
. "$top/tests/e2e/lib_tests.sh"
unset LD_PRELOAD SOCKSAN_OPTIONS MAKEFLAGS MAKELEVEL MAKEOVERRIDES DESTDIR CC CFLAGS LDFLAGS LDLIBS
unset GITHUB_OUTPUT GITHUB_STEP_SUMMARY GITHUB_WORKSPACE CI_PROJECT_DIR
export LC_ALL=C.UTF-8 DEBUGINFOD_URLS=''

components() {
    "$python" "$top/tests/e2e/lib_ci_components.py" "$@"
}

# --- A release --------------------------------------------------------------------------------------------------------

version=$(sed -n 's/^VERSION := //p' "$top/Makefile")
release=socksan-$version-linux-$(uname -m)
releases=$base/releases

# Where curl finds it, as in a real one: RELEASES/vVERSION/.
make_release() {
    local directory=$releases/v$version
    mkdir -p "$directory"
    if [ -n "${RELEASE:-}" ]; then
        cp "$RELEASE/$release.tar.gz" "$RELEASE/SHA256SUMS" "$directory/"
        return
    fi
    make -s -C "$top" -o all "BUILD=$build" "DESTDIR=$base/$release" PREFIX= install &&
        tar -C "$base" -czf "$directory/$release.tar.gz" "$release" &&
        (cd "$directory" && sha256sum "$release.tar.gz" >SHA256SUMS)
}

[ -e "$build/libsocksan.so" ] || { echo "SKIP ci_components: this build has no library"; exit 77; }
"$python" -c 'import yaml, jsonschema' 2>/dev/null ||
    { echo "SKIP ci_components: python3-yaml and python3-jsonschema are not installed"; exit 77; }
command -v curl >/dev/null || { echo "SKIP ci_components: curl is not installed"; exit 77; }
make_release >"$base/log" 2>&1 || { echo "FAIL ci_components: no release: $(tail -n 1 "$base/log")"; exit 1; }

# The project with the bug, as a service has checked it out.
before_each() {
    mkdir checkout runner-temp
    cp -r "$top/tests/examples/make/." checkout/
    export RUNNER_TEMP=$PWD/runner-temp GITHUB_WORKSPACE=$PWD/checkout GITHUB_SERVER_URL=https://nowhere.invalid
    cd checkout || return
    make -s test_metrics
}

mend() {
    cp fixed/* .
    make -s --always-make test_metrics
}

# As a service begins a job: nothing of the last one is left.
action() { # INPUT=VALUE...
    rm -rf "${RUNNER_TEMP:?}"/*
    components action "$top/action.yml" "releases=file://$releases" "$@" >../log 2>&1
}

job() { # INPUT=VALUE...
    components run "$top/templates/socksan.yml" "releases=file://$releases" "$@" >../log 2>&1
}

expect() { # STATUS WHAT COMMAND...
    local status wanted=$1 what=$2
    shift 2
    "$@"
    status=$?
    [ "$status" = "$wanted" ] || fail "$what: status $status, not $wanted: $(tail -n 8 ../log)"
}

logged() { # EXPRESSION
    grep -qE "$1" ../log || fail "not in the log: $1: $(tail -n 20 ../log)"
}

# --- What they say ----------------------------------------------------------------------------------------------------

t_version() {
    local file
    for file in action.yml templates/socksan.yml; do
        [ "$(components default "$top/$file" version)" = "$version" ] ||
            fail "$file has another version than the Makefile"
    done
}

# The published schema of actions comes with this package of the npm registry; it is kept beside the build.
validator='@action-validator/core@0.6.0'
validator_sum=a48f55be8d76a1d0e66dd9bbdfdd583c09e2bd5110539f1b4cd9512d442843bd
t_action_keeps_to_the_published_schema() {
    local archive=$build/schemas/action-validator.tgz
    need node
    if [ ! -e "$archive" ]; then
        need npm
        mkdir -p "$build/schemas"
        timeout 60 npm pack --silent --ignore-scripts "$validator" >log 2>&1 ||
            skip "the schema cannot be had: npm reaches no registry"
        mv ./*.tgz "$archive"
    fi
    echo "$validator_sum  $archive" | sha256sum --quiet --check >log 2>&1 ||
        fail "$archive is not the one that is expected"
    tar -xzf "$archive"
    cat >check.js <<'JS'
const { validateAction } = require("./package/action_validator.js");
const result = validateAction(require("fs").readFileSync(process.argv[2], "utf8"));
for (const error of result.errors)
    console.log(JSON.stringify(error));
if (result.actionType !== "action")
    console.log("not an action: " + result.actionType);
JS
    node check.js "$top/action.yml" >wrong 2>&1 || fail "$(tail -n 1 wrong)"
    [ ! -s wrong ] || fail "$(cat wrong)"
    # It would have said so.
    sed 's/using: composite/using: nothing/' "$top/action.yml" >bad.yml
    node check.js bad.yml >wrong 2>&1
    [ -s wrong ] || fail "the validator accepts everything"
}

# Each shell line that shellcheck can see for itself.
t_shell() {
    need shellcheck
    "$python" - "$top" <<'PY' || fail "cannot be taken apart"
import sys, yaml
top = sys.argv[1]
for number, step in enumerate(yaml.safe_load(open(top + "/action.yml"))["runs"]["steps"]):
    if "run" in step:
        open("action%d.bash" % number, "w").write("#!/bin/bash\nset -eo pipefail\n" + step["run"])
(job,) = list(yaml.safe_load_all(open(top + "/templates/socksan.yml")))[1].values()
open("job.sh", "w").write("#!/bin/sh\nset -e\n" + "\n".join(job["script"]) + "\n")
PY
    # SC2154: variables that the service sets.
    shellcheck -e SC2154 action*.bash job.sh >log 2>&1 || fail "$(head -n 20 log)"
    # Nothing of an input is part of the text that a shell reads.
    ! grep -nE '\$\{\{|\$\[\[' action*.bash job.sh >log || fail "an input in shell text: $(cat log)"
}

t_component_keeps_to_its_schema() {
    components spec "$top/templates/socksan.yml" >header.json
    components job "$top/templates/socksan.yml" command=true releases=nowhere >job.json || fail "no job"
    "$python" "$top/tests/e2e/lib_examples.py" check header.json "$top/tests/schemas/gitlab-component.json" >wrong
    "$python" "$top/tests/e2e/lib_examples.py" check job.json "$top/tests/schemas/gitlab-ci.json" >>wrong
    [ ! -s wrong ] || fail "$(cat wrong)"
    components job "$top/templates/socksan.yml" releases=nowhere >/dev/null 2>&1 && fail "a job without a command"
    components job "$top/templates/socksan.yml" command=true releases=x other=1 >/dev/null 2>&1 &&
        fail "an unknown input"
    return 0
}

# --- What they do -----------------------------------------------------------------------------------------------------

t_action_finds_the_bug() {
    expect 66 'the action' action 'command=make check' 'formats=text github sarif junit'
    logged '^::error .*file=metrics\.c,line=[0-9]+'
    logged 'ERROR 1 of 1: write-after-peer-close'
    logged "^uses github/codeql-action/upload-sarif@v3 .*\"sarif_file\": \"$PWD/socksan-reports/socksan.sarif\""
    logged '^uses actions/upload-artifact@v4 .*"path": "socksan-reports"'
    logged "^output junit=$PWD/socksan-reports/socksan.xml"
    grep -q '<failure' socksan-reports/socksan.xml || fail "no failure in JUnit XML"
    "$python" -c 'import json; assert json.load(open("socksan-reports/socksan.sarif"))["runs"][0]["results"]' ||
        fail "no SARIF"
    grep -q '^    ERROR 1 of 1: write-after-peer-close' "$RUNNER_TEMP/GITHUB_STEP_SUMMARY" || fail "no summary"
    mend
    expect 0 'the mended twin' action 'command=make check' 'formats=text github sarif junit'
    ! grep -q '^::error' ../log || fail "an annotation without a bug: $(cat ../log)"
    ! grep -q '<failure' socksan-reports/socksan.xml || fail "a failure without a bug"
}

t_action_baseline_and_options() {
    expect 66 'an early report' action 'command=make check' formats=json
    ! grep -q 'upload-sarif' ../log || fail "a SARIF file that nobody asked for"
    cp socksan-reports/socksan.json known.json
    expect 0 'with a baseline' action 'command=make check' baseline=known.json
    expect 0 'with options' action 'command=make check' 'options=--fail-on=none --quarantine=8'
    expect 125 'without the baseline' action 'command=make check' baseline=nowhere.json
    expect 125 'with an unknown format' action 'command=make check' formats=nonsense
    expect 66 'in another directory, without an artifact' action 'command=make check' working-directory=../checkout \
        reports=a/b artifact=
    [ -s a/b/socksan.txt ] || fail "no report in a/b"
    ! grep -q upload-artifact ../log || fail "an artifact that nobody asked for"
}

# The command's own failure stays its own; quotes and more reach it as they are; lines end with the first that fails.
t_action_command() {
    expect 3 'a command that fails' action 'command=exit 3'
    # shellcheck disable=SC2016 # for the other shell
    expect 0 'a command of several lines' action \
        "$(printf 'command=%s\n%s' 'test "$(echo "a  b")" = "a  b"' "echo 'it'\\''s done' >said")"
    [ "$(cat said)" = "it's done" ] || fail "$(cat said)"
    expect 1 'a line that fails' action "$(printf 'command=false\ntrue')"
    # shellcheck disable=SC2016 # for nobody
    expect 125 'no text of an input is run' action 'command=true' 'formats=text $(touch run) `touch run`' \
        'options=; touch run'
    [ ! -e run ] || fail "an input was run"
}

# By default an action's releases are those of the repository that it comes from.
t_action_own_releases() {
    mkdir -p ../server/owner/socksan/releases
    ln -s "$releases" ../server/owner/socksan/releases/download
    GITHUB_SERVER_URL=file://$(cd .. && pwd)/server expect 0 'with its own releases' action command=true releases=
}

t_damaged_release() {
    local archive=$releases/v$version/$release.tar.gz
    cp "$archive" ../saved
    printf x >>"$archive"
    action command=true && fail "the action takes a damaged archive"
    job command=true && fail "the component takes a damaged archive"
    mv ../saved "$archive"
    action command=true version=9.9.9 && fail "a version that is not there"
    job command=true version=9.9.9 && fail "a version that is not there"
    return 0
}

t_component_finds_the_bug() {
    expect 66 'the component' job 'command=make check'
    logged 'ERROR 1 of 1: write-after-peer-close'
    grep -q '<failure' socksan-reports/socksan.xml || fail "no failure in JUnit XML"
    [ -s socksan-reports/socksan.html ] || fail "no HTML"
    mend
    expect 0 'the mended twin' job 'command=make check'
    ! grep -q '<failure' socksan-reports/socksan.xml || fail "a failure without a bug"
}

t_component_baseline_and_options() {
    expect 66 'an early report' job 'command=make check' 'formats=json sarif' reports=r
    [ -s r/socksan.sarif ] || fail "no SARIF"
    expect 0 'with a baseline' job 'command=make check' baseline=r/socksan.json
    expect 0 'with options' job 'command=make check' options=--fail-on=none
    expect 3 'a command that fails' job 'command=exit 3'
    # The job's artifacts are what the script writes.
    components job "$top/templates/socksan.yml" command=true releases=nowhere reports=r job=sockets >job.json
    "$python" - <<'PY' || fail "$(cat job.json)"
import json
job = json.load(open("job.json"))["sockets"]
assert job["artifacts"]["paths"] == ["r/"] and job["artifacts"]["reports"]["junit"] == "r/socksan.xml"
assert all(variable["expand"] is False for variable in job["variables"].values())
PY
}

run_tests
