#!/usr/bin/env bash
# html.sh: the HTML report in a real browser: it loads without a word on the console and without asking for anything,
# its links lead somewhere, its filters filter, it obeys the colours that are wanted, a keyboard gets everywhere, and
# all of it can be read where no script runs.
#
#   tests/e2e/html.sh BUILD [NAME]
#
# Prints `ok NAME`, `FAIL NAME: why` or `SKIP NAME: why` for each check in lib_html.py.
set -u

build=$(cd "${1:?usage: html.sh BUILD [NAME]}" && pwd) || exit 1
name=${2:-}
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
programs=$build/tests/programs
python=/usr/bin/python3

unset SOCKSAN_OPTIONS LD_PRELOAD
export LC_ALL=C.UTF-8 DEBUGINFOD_URLS=''

skip() {
    echo "SKIP html: $1"
    exit 77
}

[ -x "$python" ] || skip "python3 is not installed"
browser=$("$python" \
    -c "import sys; sys.path.insert(0, '$here'); import lib_browser; print(lib_browser.find_program() or '')")
[ -n "$browser" ] || skip "chromium is not installed"

scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT

# A run of several processes with incidents of several kinds: both ends in one, threads, a descriptor mix-up.
# shellcheck disable=SC2016 # for the other shell
"$build/socksan" run --error-exitcode=0 --format=html --output="$scratch/run.html" -- bash -c '
    "$0/row_b_peer_close" bad tcp4; "$0/threads" bad; "$0/repeat" two; "$0/half_then_full" bad; "$0/close_own" bad close
    exit 0' "$programs" >"$scratch/out" 2>&1 || { echo "FAIL html: socksan: $(tail -n 1 "$scratch/out")"; exit 1; }
# As many connections as a browser shall show with ease, and one run about which there is nothing to say.
"$build/tests/unit/make_trace" "$scratch/large.trace" --incidents 400 --sockets 4000 || exit 1
"$build/socksan" report --error-exitcode=0 --format=html --output="$scratch/large.html" "$scratch/large.trace" || exit 1
"$build/socksan" run --format=html --output="$scratch/clean.html" -- "$programs/echo" tcp4 >"$scratch/out" 2>&1
[ -s "$scratch/clean.html" ] || { echo "FAIL html: socksan: $(tail -n 1 "$scratch/out")"; exit 1; }

cd "$top" || exit 1
exec "$python" "$here/lib_html.py" "$scratch" "$name"
