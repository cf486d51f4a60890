#!/usr/bin/env bash
# permissions.sh: who may read what the audit writes: its owner, whatever the umask, and nobody else; and what is said
# of a trace that may not be read.
#
#   tests/e2e/permissions.sh BUILD [NAME]
#
# Root may read everything, so where root runs this, what is tested runs as the user 65534.
#
# shellcheck disable=SC2016,SC2317 # $ is for the other shell; tests are called through their names
set -u

build=$(cd "${1:?usage: permissions.sh BUILD [NAME]}" && pwd) || exit 1
only=${2:-}
here=$(cd "$(dirname "$0")" && pwd)

unset SOCKSAN_OPTIONS LD_PRELOAD
export LC_ALL=C.UTF-8 DEBUGINFOD_URLS=
# shellcheck source=tests/e2e/lib_tests.sh
. "$here/lib_tests.sh"

# The build may lie where another user cannot go.
before_each() {
    mkdir bin &&
        cp "$build/socksan" "$build/libsocksan.so" "$build/tests/programs/told" "$build/tests/programs/detached" bin &&
        chmod 755 "$base" . bin && chmod 777 .. ../tmp . && chmod -R a+rX bin
}

# Runs lines of a shell as a user who is not root, with what is tested on its path.
plainly() { # SCRIPT [ARGUMENT...]
    local script=$1 user=()
    shift
    if [ "$(id -u)" = 0 ]; then
        need setpriv
        user=(setpriv --reuid=65534 --regid=65534 --clear-groups)
        "${user[@]}" true 2>"$base/why" || skip "cannot become another user: $(cat "$base/why")"
        "${user[@]}" test -x "$PWD/bin/socksan" || skip "another user cannot go to $PWD"
    fi
    PATH=$PWD/bin:$PATH ${user[@]+"${user[@]}"} bash -c "$script" sh "$@" </dev/null
}

expect() { # EXPRESSION over the report
    jq -e "$1" report.json >/dev/null || fail "not so: $1: $(jq -c '[.summary, .unaudited]' report.json)"
}

expect_private() { # DIRECTORY
    find "$1" -type f -printf '%m %f\n' | grep -v '^600 ' >modes && fail "not private: $(cat modes)"
    [ -n "$(ls "$1")" ] || fail "no trace in $1"
}

# --- Whatever the umask -----------------------------------------------------------------------------------------------

t_run_with_any_umask() {
    local mask status
    need jq
    for mask in 0777 0700 0077 0000; do
        status=0
        rm -rf kept report.*
        plainly 'umask $1; socksan run --log-dir=kept --format=json --output=report.json -- told fin read bad' "$mask" \
            2>err || status=$?
        [ "$status" = 66 ] || fail "umask $mask: ended with $status: $(cat err)"
        plainly 'cat report.json >report.copy' 2>err || fail "umask $mask: its owner cannot read the report: $(cat err)"
        expect '[.incidents[].kind] == ["write-after-peer-close"] and .summary.unaudited_processes == 0'
        [ "$(stat -c %a kept)" = 700 ] || fail "umask $mask: the directory has $(stat -c %a kept)"
        expect_private kept
    done
}

t_temporary_directory_with_any_umask() {
    local status=0
    plainly 'umask 0777; socksan run -- told fin read bad' 2>err || status=$?
    [ "$status" = 66 ] || fail "ended with $status: $(cat err)"
    grep -q 'write-after-peer-close' err || fail "not reported: $(cat err)"
    [ -z "$(ls -A "$TMPDIR")" ] || fail "left behind: $(ls -A "$TMPDIR")"
}

# The umask is the program's own, from before its start or set by it.
t_preload_with_any_umask() {
    need jq
    mkdir by-hand && chmod 777 by-hand
    plainly 'umask 0777; SOCKSAN_OPTIONS=log_path=$PWD/by-hand/ LD_PRELOAD=$PWD/bin/libsocksan.so told fin read bad
        umask 022; SOCKSAN_OPTIONS=log_path=$PWD/by-hand/ LD_PRELOAD=$PWD/bin/libsocksan.so detached bad' 2>err ||
        fail "$(cat err)"
    expect_private by-hand
    plainly 'socksan report --error-exitcode=0 --format=json by-hand' >report.json 2>err || fail "$(cat err)"
    expect '.summary.error == 1 and .summary.warning == 1 and .summary.unaudited_processes == 0'
}

t_the_umask_stays() {
    local mask
    for mask in 0777 0027 0000; do
        plainly 'umask $1; socksan run --output=/dev/null -- bash -c "umask; told fin read ok; umask"' "$mask" \
            >out 2>err ||
            fail "umask $mask: $(cat err)"
        [ "$(sort -u out)" = "$mask" ] || fail "umask $mask became $(tr '\n' ' ' <out)"
    done
}

# --- A trace that may not be read -------------------------------------------------------------------------------------

t_run_with_an_unreadable_trace() {
    local status=0
    need jq
    plainly 'socksan run --log-dir=kept --format=text --output=report.txt --format=json --output=report.json -- \
        bash -c "told fin read bad; told fin read ok; chmod 0 \$(ls kept/*.trace | head -n 1)"' \
        2>err || status=$?
    [ "$status" = 66 ] || fail "ended with $status: $(cat err)"
    expect '.summary.unaudited_processes == 1 and .unaudited[0].reason == "Permission denied"'
    expect '(.unaudited[0].path | endswith(".trace")) and .summary.processes == 1'
    grep -q 'NOT AUDITED' report.txt || fail "the report says nothing of it: $(cat report.txt)"
    ! grep -q 'no incidents$' report.txt || fail "reported as clean"
}

# Neither is a run whose only trace it is.
t_report_of_an_unreadable_trace() {
    local format status
    need jq
    plainly 'socksan run --quiet --log-dir=kept -- told fin read ok && chmod 0 kept/*.trace' 2>err || fail "$(cat err)"
    status=0
    plainly 'socksan report --quiet kept/*.trace' >out 2>err || status=$?
    [ "$status" = 66 ] || fail "ended with $status: $(cat err)"
    tr -s ' \n' ' ' <out | grep -q 'NOT AUDITED: cannot read the trace .*\.trace: Permission denied' ||
        fail "not said: $(cat out)"
    for format in json jsonl junit html; do
        plainly 'socksan report --error-exitcode=0 "--format=$1" kept' "$format" >report 2>err ||
            fail "$format: $(cat err)"
        grep -q 'Permission denied' report || fail "$format does not say so: $(cat report)"
    done
    status=0
    plainly 'socksan report --fail-on=none kept' >out 2>err || status=$?
    [ "$status" = 0 ] || fail "though nothing is to fail: $status"
}

t_report_of_an_unreadable_directory() {
    local status=0
    plainly 'socksan run --quiet --log-dir=kept -- told fin read ok && mkdir closed && chmod 0 closed' 2>err ||
        fail "$(cat err)"
    plainly 'socksan report closed kept' >out 2>err || status=$?
    [ "$status" = 66 ] || fail "ended with $status: $(cat err)"
    tr -s ' \n' ' ' <out | grep -q 'NOT AUDITED: cannot read the trace closed: Permission denied' ||
        fail "not said: $(cat out)"
    chmod 755 closed
}

# What is not known cannot be compared, and a list without it is not whole.
t_other_commands_and_an_unreadable_trace() {
    local status=0
    plainly 'for n in 1 2; do socksan run --quiet --log-dir=kept -- told fin read ok; done
        chmod 0 "$(ls kept/*.trace | head -n 1)"' 2>err || fail "$(cat err)"
    plainly 'socksan sockets kept' >out 2>err || status=$?
    [ "$status" = 125 ] || fail "sockets ended with $status: $(cat err)"
    [ "$(grep -c 'listens\|127.0.0.1' out)" -gt 0 ] || fail "sockets does not list the rest: $(cat out)"
    status=0
    plainly 'socksan diff kept kept' >out 2>err || status=$?
    [ "$status" = 125 ] || fail "diff ended with $status: $(cat err)"
}

# What is not there is no trace, and no failure of the audit.
t_report_of_nothing() {
    local status=0
    plainly 'socksan report missing missing/missing.trace' >out 2>err || status=$?
    [ "$status" = 3 ] || fail "ended with $status: $(cat err)"
    ! grep -q 'NOT AUDITED' out || fail "$(cat out)"
}

run_tests
