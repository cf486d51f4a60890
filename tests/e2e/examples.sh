#!/usr/bin/env bash
# examples.sh: the projects in tests/examples/, each with the installed command, as their readers would have it: their
# tests pass, though there is a bug; under socksan they fail because of it; and those of the mended twin, in fixed/,
# pass.
#
#   tests/e2e/examples.sh BUILD [NAME]
#
# Prints `ok NAME`, `FAIL NAME: why` or `SKIP NAME: why` for each test; with NAME runs those whose name contains it.
# Exit status 1 where one failed. Each test is a function t_NAME, run in a copy of all examples.
#
# shellcheck disable=SC2317 # tests are called through their names
set -uo pipefail

build=$(cd "${1:?usage: examples.sh BUILD [NAME]}" && pwd) || exit 1
only=${2:-}
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
python=/usr/bin/python3
# shellcheck source=tests/e2e/lib_tests.sh
. "$(dirname "$0")/lib_tests.sh"
unset LD_PRELOAD SOCKSAN_OPTIONS GITHUB_WORKSPACE CI_PROJECT_DIR MAKEFLAGS DESTDIR AUDIT SOCKSAN CC CFLAGS
export LC_ALL=C.UTF-8 DEBUGINFOD_URLS='' PYTHONDONTWRITEBYTECODE=1

[ -e "$build/libsocksan.so" ] || { echo "SKIP examples: this build has no library"; exit 77; }
make -s -C "$top" -o all "BUILD=$build" "PREFIX=$base/usr" install >"$base/log" 2>&1 || {
    echo "FAIL examples: cannot install: $(tail -n 1 "$base/log")"
    exit 1
}
export PATH=$base/usr/bin:$PATH PKG_CONFIG_PATH=$base/usr/lib/pkgconfig

before_each() {
    cp -r "$top/tests/examples/." .
}

has() { # FILE WORDS
    grep -qF -e "$2" "$1" || fail "\"$2\" is not in $1: $(tail -c 600 "$1")"
}

# Runs a command that passes, or fails; its output is in `log`.
passes() { # WHAT COMMAND...
    local what=$1
    shift
    timeout 120 "$@" >log 2>&1 || fail "$what: status $?: $(tail -c 600 log)"
}

fails() { # WHAT COMMAND...
    local what=$1
    shift
    ! timeout 120 "$@" >log 2>&1 || fail "$what passes: $(tail -c 600 log)"
}

# What the report says where there is an incident, and where there is none.
found='socksan: ERROR SUMMARY: 1 error, 0 warnings, 0 notes'
nothing='socksan: ERROR SUMMARY: 0 errors, 0 warnings, 0 notes'

# The twin without the bug; newer than what was built, whatever the clock's resolution.
mend() {
    local file
    for file in fixed/*; do
        cp "$file" .
        touch -d '+2 seconds' "$(basename "$file")"
    done
}

t_make() {
    cd make || exit 1
    passes 'make check' make check
    fails 'make check AUDIT=1' make check AUDIT=1
    has log 'ERROR 1 of 1: write-after-peer-close'
    has log 'send in metrics_push (metrics.c:'
    has log "$found"
    mend
    passes 'the mended twin' make check AUDIT=1
    has log "$nothing"
}

# The other way: the whole of `make check`, make and all.
t_make_from_outside() {
    cd make || exit 1
    fails 'socksan run -- make check' socksan run -- make check
    has log "$found"
    mend
    passes 'the mended twin' socksan run -- make check
    has log "$nothing"
}

build_cmake() { # FLAG...
    passes 'cmake' cmake -S . -B build "$@"
    passes 'cmake --build' cmake --build build
}

t_ctest_launcher() {
    need cmake
    cd cmake || exit 1
    build_cmake
    passes 'ctest' ctest --test-dir build
    build_cmake -DAUDIT=ON
    fails 'ctest, audited' ctest --test-dir build
    has log '1 tests failed out of 2'
    has log '2 - restart (Failed)'
    has build/Testing/Temporary/LastTest.log 'send in pool_ask ('
    mend
    build_cmake
    passes 'the mended twin' ctest --test-dir build
    grep -c "$nothing" build/Testing/Temporary/LastTest.log >audited
    [ "$(cat audited)" = 2 ] || fail "the mended twin was not audited"
}

t_ctest_memcheck() {
    need cmake
    cd cmake || exit 1
    build_cmake
    fails 'ctest -T memcheck' ctest --test-dir build -T memcheck
    has log '2 - restart (Failed)'
    has build/Testing/Temporary/MemoryChecker.1.log "$nothing"
    has build/Testing/Temporary/MemoryChecker.2.log 'send in pool_ask ('
    mend
    build_cmake
    rm -rf build/Testing
    passes 'the mended twin' ctest --test-dir build -T memcheck
    has build/Testing/Temporary/MemoryChecker.2.log "$nothing"
}

t_meson() {
    need meson
    need ninja
    cd meson || exit 1
    passes 'meson setup' meson setup build
    passes 'meson test' meson test -C build
    fails 'meson test --wrapper' meson test -C build --wrapper 'socksan run --'
    # A log of its own for the wrapper.
    has build/meson-logs/testlog-socksan.txt 'send in pass_on ('
    fails 'meson test --setup' meson test -C build --setup=socksan
    mend
    passes 'the mended twin' meson test -C build --wrapper 'socksan run --'
    has build/meson-logs/testlog-socksan.txt "$nothing"
    passes 'the mended twin' meson test -C build --setup=socksan
}

t_criterion() {
    pkg-config --exists criterion || skip "criterion is not installed"
    cd criterion || exit 1
    passes 'make check' make check
    fails 'make check AUDIT=1' make check AUDIT=1
    has log 'running      peer_leaves'
    has sockets.xml 'name="peer_leaves"'
    [ "$(grep -c '<failure' sockets.xml)" = 1 ] || fail "not one failure: $(cat sockets.xml)"
    mend
    passes 'the mended twin' make check AUDIT=1
    ! grep -q '<failure' sockets.xml || fail "$(cat sockets.xml)"
}

t_pytest() {
    "$python" -c 'import pytest' 2>/dev/null || skip "pytest is not installed"
    cd pytest || exit 1
    passes pytest "$python" -m pytest
    fails 'socksan run -- pytest' socksan run -- "$python" -m pytest
    has log '2 passed'
    has log 'test_reporter.py::test_a_server_that_hangs_up_is_no_trouble'
    has log "$found"
    fails 'pytest --socksan-fail' socksan run --error-exitcode=0 -- "$python" -m pytest --socksan-fail
    has log '1 failed, 1 passed'
    mend
    passes 'the mended twin' socksan run -- "$python" -m pytest --socksan-fail
    has log '2 passed'
    has log "$nothing"
}

t_trial() {
    "$python" -c 'import twisted.trial' 2>/dev/null || skip "twisted is not installed"
    cd trial || exit 1
    passes trial "$python" -m twisted.trial test_keep_alive
    fails 'socksan run -- trial' socksan run -- "$python" -m twisted.trial test_keep_alive
    has log 'PASSED (successes=2)'
    has log 'dropped-by-framework'
    has log 'running      test_keep_alive.KeepAliveTests.test_peer_leaves'
    has log "$found"
    mend
    passes 'the mended twin' socksan run -- "$python" -m twisted.trial test_keep_alive
    has log "$nothing"
}

# The files for CI services: their syntax, and what they have a shell do, but for what installs something.
need_yaml() {
    "$python" -c 'import yaml, jsonschema' 2>/dev/null || skip "python3-yaml and python3-jsonschema are not installed"
}

keeps_to_its_schema() { # FILE SCHEMA
    "$python" "$here/lib_examples.py" check "$1" "$top/tests/schemas/$2" >wrong 2>&1 || fail "$(tail -n 1 wrong)"
    [ ! -s wrong ] || fail "$1: $(cat wrong)"
}

t_github_workflow() {
    need_yaml
    local workflow=$PWD/ci/github-workflow.yml
    keeps_to_its_schema "$workflow" github-workflow.json
    cd make || exit 1
    "$python" "$here/lib_examples.py" script "$workflow" Build >build.sh || fail "no step Build"
    "$python" "$here/lib_examples.py" script "$workflow" 'Test under socksan' >test.sh || fail "no step that tests"
    passes Build bash -e build.sh
    GITHUB_WORKSPACE=$PWD fails 'the step that tests' bash -e test.sh
    grep -qE '^::error .*file=metrics\.c,line=[0-9]+' log || fail "no annotation: $(grep :: log)"
    "$python" -c 'import json; assert json.load(open("socksan.sarif"))["runs"][0]["results"]' || fail "no SARIF"
    [ -s socksan.html ] || fail "no HTML"
    mend
    passes Build bash -e build.sh
    GITHUB_WORKSPACE=$PWD passes 'the mended twin' bash -e test.sh
    ! grep -q '^::error' log || fail "$(cat log)"
}

t_gitlab_job() {
    need_yaml
    local job=$PWD/ci/gitlab-ci.yml
    keeps_to_its_schema "$job" gitlab-ci.json
    cd make || exit 1
    "$python" "$here/lib_examples.py" script "$job" sockets >test.sh || fail "no job"
    passes 'an earlier report' make test_metrics
    passes 'an earlier report' socksan run --format=json --output=known.json -- true
    CI_PROJECT_DIR=$PWD fails 'the job' bash -e test.sh
    grep -q '<failure' socksan.xml || fail "no failure in JUnit XML"
    [ -s socksan.html ] || fail "no HTML"
    # Known is what an earlier report had.
    fails 'an earlier report' socksan run --format=json --output=known.json -- make check
    CI_PROJECT_DIR=$PWD passes 'the job, with the incident known' bash -e test.sh
    passes 'an earlier report' socksan run --format=json --output=known.json -- true
    mend
    CI_PROJECT_DIR=$PWD passes 'the mended twin' bash -e test.sh
    ! grep -q '<failure' socksan.xml || fail "$(cat socksan.xml)"
}

run_tests
