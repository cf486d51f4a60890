#!/usr/bin/env bash
# differential_foreign.sh: what scripts/differential makes of other projects' suites, shown on suites made up here:
# what is the same is so called, what differs is found and named, what is unstable without us is told apart, and
# nothing outlives its run.
#
#   tests/e2e/differential_foreign.sh BUILD [NAME]
# shellcheck disable=SC2016,SC2317 # $ is for the suites; tests are called through their names
set -u

build=$(cd "${1:?usage: differential_foreign.sh BUILD [NAME]}" && pwd) || exit 1
only=${2:-}
here=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/e2e/lib_tests.sh
. "$here/tests/e2e/lib_tests.sh"

before_each() {
    need jq
    need python3
    mkdir suites
    export DIFFERENTIAL_SUITES=$PWD/suites DIFFERENTIAL_CACHE=$PWD/cache
}

# A suite whose tests are shell functions: each prints its result.
make_suite() { # NAME: the body of suite_run on standard input
    {
        printf '%s\n' 'suite_limit=60' 'suite_version="made up"' 'suite_results() { sed -n "s/: /\t/p"; }' \
            'suite_run() {'
        cat
        echo '}'
    } >"suites/$1.sh"
}

compare() { # ROW: leaves what it printed in ./output
    "$here/scripts/differential" --build "$build" "$@" >output 2>&1 </dev/null
    status=$?
}

has() { # PATTERN
    grep -qE -e "$1" output || fail "no line like '$1': $(cat output)"
}

t_same() {
    make_suite good <<'END'
    python3 -c "import socket; a, b = socket.socketpair(); a.send(b'x'); b.recv(1)" && echo "pair: passed"
    echo "other: failed"
    echo "last: skipped: as it says"
END
    compare good-suite
    [ "$status" = 0 ] || fail "status $status: $(cat output)"
    has '^good-suite +1/1/1 +3/0/0 +3/0/0 +same '
    has '^    made up$'
}

t_different() {
    make_suite bad <<'END'
    echo "steady: passed"
    [ -z "${LD_PRELOAD:-}" ] && echo "preloaded: passed" || echo "preloaded: failed"
END
    compare bad-suite
    [ "$status" = 1 ] || fail "status $status: $(cat output)"
    has '^bad-suite +2/0/0 +1/0/1 +1/0/1 +DIFFERENT '
    has '^    DIFFERENT: preloaded$'
    grep -q 'DIFFERENT: steady' output && fail "a test that is the same is named"
    has 'THERE ARE DIFFERENCES'
}

# What a suite's file explains is counted and printed, and no failure; in that way alone.
t_known() {
    make_suite known <<'END'
    [[ ${SOCKSAN_OPTIONS:-} == *quarantine* ]] && echo "numbers: failed" || echo "numbers: passed"
END
    echo 'suite_known() { [ "$1 $2" != "quarantined numbers" ] || echo "as numbers are"; }' >>suites/known.sh
    compare known-suite
    [ "$status" = 0 ] || fail "status $status: $(cat output)"
    has '^known-suite +1/0/0 +1/0/0 +0/0/1 +explained '
    has '^    known: numbers: as numbers are$'
    sed -i 's/quarantined numbers/audited numbers/' suites/known.sh
    compare known-suite
    [ "$status" = 1 ] || fail "status $status: $(cat output)"
}

# Only what differs runs again, and it is known by its name.
t_runs_again_what_differs() {
    make_suite again <<END
    echo "[\$*]" >>$PWD/runs
    echo "one two: passed"
    echo "three: passed \${LD_PRELOAD:+audited}"
END
    compare again-suite
    [ "$(tr -d '\n' <runs)" = '[][][][three][three][three][three]' ] || fail "ran $(cat runs)"
}

t_unstable() {
    make_suite odd <<END
    echo . >>$PWD/count
    echo "turns: passed \$((\$(wc -l <$PWD/count) % 2))"
    echo "steady: passed"
END
    compare odd-suite
    [ "$status" = 0 ] || fail "status $status: $(cat output)"
    has '^odd-suite +2/0/0 +1/1/0 '
    has '^    unstable bare: turns$'
}

t_lacks_and_no_source() {
    make_suite poor <<<'echo "one: passed"'
    echo 'suite_programs="no-such-program"' >>suites/poor.sh
    compare poor-suite
    [ "$status" = 77 ] || fail "status $status"
    has '^SKIP: poor-suite: no-such-program is not installed'
}

# In namespaces of its own: the only device is the loopback, no process of the machine is seen, and one that is left
# ends with the run.
t_confined() {
    unshare --net --pid --fork --mount-proc true 2>/dev/null || skip "no namespaces here"
    make_suite wild <<'END'
    echo "devices: passed $(tr -d ' ' </proc/net/dev | sed -n 's/:.*//p' | tr '\n' ' ')"
    echo "first: passed $(tr '\0' ' ' </proc/1/cmdline | cut -d ' ' -f 1)"
    setsid sleep 1234.5678 >/dev/null 2>&1 &
END
    compare --keep "$PWD/kept" wild-suite
    [ "$(sort kept/wild-suite.bare.results)" = \
        "$(printf '%s\t%s\n' '(end)' 'status 0' devices 'passed lo ' first 'passed sh' |
        sort)" ] || fail "$(cat kept/wild-suite.bare.results)"
    ! pgrep -f 'sleep 1234\.5678' >/dev/null || fail "a process is left"
}

# Where nothing can be confined the row says so, and no result is made of it.
t_not_confined() {
    make_suite open <<<'echo "one: passed"'
    mkdir bin
    printf '#!/bin/sh\nexit 1\n' >bin/unshare
    chmod +x bin/unshare
    PATH=$PWD/bin:$PATH compare open-suite
    [ "$status" = 0 ] || fail "status $status: $(cat output)"
    has '^open-suite +1/0/0 +1/0/0 +1/0/0 +same '
    has "^    no namespaces here; the suite shares the machine's loopback device\$"
}

run_tests
