# shellcheck shell=bash
# lib_run.sh: what the tests of `socksan run` are written with, and how their scripts begin: it takes the script's own
# arguments, sets $build, $socksan and $python, and brings lib_tests.sh.

build=$(cd "${1:?usage: $(basename "$0") BUILD [NAME]}" && pwd) || exit 1
only=${2:-}
socksan=$build/socksan
python=/usr/bin/python3
# shellcheck source=tests/e2e/lib_tests.sh
. "$(dirname "$0")/lib_tests.sh"
unset LD_PRELOAD SOCKSAN_OPTIONS

# Runs a command with its output in the files `out` and `err`, and its exit status in $status.
try() {
    status=0
    "$@" >out 2>err </dev/null || status=$?
}

run() {
    try "$socksan" run "$@"
}

expect_status() {
    [ "$status" = "$1" ] || fail "exit status $status instead of $1: $(tail -n 3 err)"
}

# One line on standard error that holds all the words, and nothing else.
expect_line() {
    [ "$(wc -l <err)" = 1 ] || fail "not one line on standard error: $(cat err)"
    local word
    for word in "$@"; do
        grep -qF -e "$word" err || fail "\"$word\" is not in: $(cat err)"
    done
}

# A refusal: the exit status, one line with these words, and the command (which would make the file `started`) not
# started.
expect_refusal() {
    expect_status "$1"
    shift
    expect_line "$@"
    [ ! -e started ] || fail "the command was started"
    [ -z "$(ls -A "$TMPDIR")" ] || fail "left behind: $(ls -A "$TMPDIR")"
}

# Compares what a command writes and returns with and without socksan.
expect_same() {
    "$@" >bare.out 2>bare.err </dev/null
    local bare=$?
    run --quiet -- "$@"
    expect_status "$bare"
    cmp -s bare.out out || fail "differs: $(diff bare.out out | head -n 5)"
}

compile() {
    local compiler=${CC:-cc}
    command -v "$compiler" >/dev/null || skip "no C compiler"
    "$compiler" "$@" 2>compile.err || skip "cannot compile with $*: $(head -n 1 compile.err)"
}

# json EXPRESSION: a Python expression about the report `r` in report.json.
json() {
    [ -x "$python" ] || skip "$python is not installed"
    "$python" -c "import json, sys; r = json.load(open('report.json')); sys.exit(not ($1))" 2>json.err ||
        fail "not true of the report: $1: $(tail -n 1 json.err) $(head -c 600 report.json)"
}

# A program that writes to a socket whose peer has closed, and was told so.
make_bug() {
    [ -x "$python" ] || skip "$python is not installed"
    cat >bug.py <<'END'
import socket, sys
left, right = socket.socketpair()
right.close()
left.recv(1)
try:
    left.send(b"too late")
except BrokenPipeError:
    pass
sys.exit(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
END
}
