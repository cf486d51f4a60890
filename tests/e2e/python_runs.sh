#!/usr/bin/env bash
# python_runs.sh: how the adapter stands beside a program: test suites under unittest, trial and pytest, an existing
# sitecustomize, a runtime that is not covered, and the adapter turned off.
#
#   tests/e2e/python_runs.sh BUILD [NAME...]
#
# shellcheck disable=SC2317 # tests are called through their names
# shellcheck source=tests/e2e/lib_python.sh
. "$(dirname "$0")/lib_python.sh"

# --- Test suites ------------------------------------------------------------------------------------------------------

# One of the three tests in tests/python/suite.py writes too late, and the incident has its name.
labels() { # LABEL
    label=$1 report_says <<'EOF'
only(["write-after-peer-close"])
incident("write-after-peer-close") | shows({count: 1, label: $ENV.label, severity: "error"})
 and written_by("test_late_write")
EOF
}

test_unittest() {
    PYTHONPATH=$programs run_audited "$python" -m unittest suite
    prints '^Ran 3 tests'
    labels suite.Connections.test_late_write
}

test_trial() {
    can_import twisted || return
    PYTHONPATH=$programs run_audited "$python" -m twisted.trial --temp-directory="$dir/trial" suite
    prints '^PASSED \(successes=3\)'
    labels suite.Connections.test_late_write
}

pytest() { # OPTION...
    can_import pytest || return
    run_audited "$python" -m pytest -p no:cacheprovider --rootdir="$programs" "$programs/suite.py" "$@"
}

test_pytest() {
    pytest || return
    prints '^=+ 3 passed'
    prints '^=+ socksan =+$'
    prints '^suite.py::Connections::test_late_write: 1 write-after-peer-close \(error\)$'
    labels suite.py::Connections::test_late_write
}

test_pytest_fail() {
    expected_status=1
    pytest --socksan-fail || return
    prints '^FAILED .*suite.py::Connections::test_late_write'
    prints '^=+ 1 failed, 2 passed'
    labels suite.py::Connections::test_late_write
}

# What is an error, the report and the plugin decide by the same table.
test_pytest_severity() {
    can_import pytest || return
    expected_status=1
    run_audited "$python" -m pytest -p no:cacheprovider --rootdir="$programs" "$programs/severity.py" --socksan-fail
    prints '^FAILED .*severity.py::test_refused'
    prints '^severity.py::test_refused: 1 write-before-connect \(error\)$'
    prints '^severity.py::test_tries: 1 write-before-connect \(note\)$'
    prints '^=+ 1 failed, 1 passed'
    report_says <<<'[.incidents[] | [.label, .severity]] | sort ==
 [["severity.py::test_refused", "error"], ["severity.py::test_tries", "note"]]'
}

test_pytest_ok() {
    pytest --socksan-fail -k 'not late' || return
    prints '^=+ 2 passed'
    ! grep -qE "^=+ socksan =+\$" "$dir/out" || echo "there is a section, and nothing to say in it"
    is_silent
}

# --- Beside the program -----------------------------------------------------------------------------------------------

test_turned_off() {
    can_import twisted || return
    SOCKSAN_OPTIONS=python=0 audit tx_line_client bad
    is_silent
}

# The program finds what it would find, its own sitecustomize among it, and nothing of ours on its path.
test_sitecustomize() {
    local look='import sys, sitecustomize; print(sys.path, sitecustomize.__file__, sitecustomize.here)'
    mkdir "$dir/own"
    echo 'import sys; here = "it is I"; print("customized", file=sys.stderr)' >"$dir/own/sitecustomize.py"
    PYTHONPATH=$dir/own "$python" -c "$look" >"$dir/bare" 2>&1
    PYTHONPATH=$dir/own run_audited "$python" -c "$look"
    prints '^customized$'
    cmp "$dir/bare" "$dir/out"
    PYTHONPATH=$dir/own audit aio_line_client bad
    prints '^customized$'
    report_says <<<'only(["dropped-by-framework"])'
}

# With Python itself nothing of ours comes but one module, and no framework.
test_imports() {
    run_audited "$python" -c 'import sys; print(sorted(n for n in sys.modules if "socksan" in n or "asyncio" in n))'
    prints "^\['socksan_adapter'\]$"
}

test_uvloop() {
    can_import uvloop || return
    run_audited "$python" -c 'import asyncio, socket, uvloop
socket.socket().close(); uvloop.install(); asyncio.run(asyncio.sleep(0))'
    text_says 'used a runtime that may drop writes silently \(such as uvloop\): not fully audited'
}

run_tests
