# shellcheck shell=bash
# lib_python.sh: run programs in Python audited and hold their reports against expressions (lib_report.sh, python.jq).
#
# Sourced by python*.sh, which are started as SCRIPT BUILD [NAME...] and define functions test_NAME. Each prints why it
# failed, or a line that begins with SKIP:, or nothing where all is well; $dir is a directory of its own meanwhile.
# run_tests, at the end of the script, runs those whose name contains one of the NAMEs.
set -u

build=$(cd "${1:?usage: $(basename "$0") BUILD [NAME...]}" && pwd) || exit 1
shift
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
programs=$(cd "$here/../python" && pwd)
python=${SOCKSAN_PYTHON:-/usr/bin/python3} # the distribution's, for which its Twisted is
bound=300                                  # seconds, for one program: only what hangs takes so long
wanted=("$@")

unset SOCKSAN_OPTIONS LD_PRELOAD PYTHONPATH PYTHONASYNCIODEBUG PYTEST_ADDOPTS
export LC_ALL=C.UTF-8 DEBUGINFOD_URLS='' PATH=$PATH:/usr/sbin:/sbin PYTHONDONTWRITEBYTECODE=1
# shellcheck source=tests/e2e/lib_report.sh
. "$here/lib_report.sh"


# Runs a command in front of which socksan stands; its output is in $dir/out, the report in $dir/report.json and .txt.
run_audited() { # COMMAND...
    local status
    timeout -k 5 "$bound" "${in_network[@]}" "$build/socksan" run --error-exitcode=0 \
        --format=json --output="$dir/report.json" --format=text --output="$dir/report.txt" -- "$@" >"$dir/out" 2>&1
    status=$?
    [ $status = "$expected_status" ] ||
        echo "exit status $status, not $expected_status: $(tail -n 3 "$dir/out" | one_line)"
}

# Runs a program of tests/python.
audit() { # PROGRAM ARGUMENT...
    local program=$1
    shift
    run_audited "$python" "$programs/$program.py" "$@"
}

# Holds the report against the expressions on standard input.
report_says() {
    { echo 'include "python";' && report_program; } >"$dir/program.jq"
    jq -r -L "$here" --arg each '' -f "$dir/program.jq" "$dir/report.json" 2>&1 ||
        echo "the report or the expressions cannot be read"
}

is_silent() {
    report_says <<<'silent_and_open'
}

# The text report, or what the program printed, has this.
text_says() { # PATTERN
    tr -s ' \n' ' ' <"$dir/report.txt" | grep -qE -- "$1" || echo "the text report does not say: $1"
}

prints() { # PATTERN
    grep -qE -- "$1" "$dir/out" || echo "it does not print: $1"
}

# The number of the line in a program of tests/python that has this text.
line_of() { # PROGRAM TEXT
    grep -nF -- "$2" "$programs/$1.py" | head -n 1 | cut -d : -f 1
}

can_import() { # MODULE
    "$python" -c "import $1" 2>/dev/null || { echo "SKIP: no module $1 for $python"; return 1; }
}

# --- Running them -----------------------------------------------------------------------------------------------------

is_wanted() { # NAME
    local part
    [ ${#wanted[@]} -gt 0 ] || return 0
    for part in "${wanted[@]}"; do
        [[ $(basename "$0" .sh).$1 == *"$part"* ]] && return 0
    done
    return 1
}

run_test() { # NAME
    local name=$1 in_network=() expected_status=0
    dir=$scratch/$name
    mkdir "$dir"
    "test_$name" >"$dir/reasons" 2>&1
    conclude "$name" <"$dir/reasons"
}

# A few at a time, for they wait most of the time; those that wait longest, for a link, first.
run_tests() {
    local names name
    command -v jq >/dev/null || { echo "SKIP python: jq is not installed"; exit 77; }
    [ -x "$python" ] || { echo "SKIP python: there is no $python"; exit 77; }
    scratch=$(mktemp -d) || exit 1
    export TMPDIR=$scratch # the programs make their sockets there
    trap 'rm -rf "$scratch"' EXIT
    # shellcheck disable=SC2046 # a list
    trap 'trap "" TERM; kill -TERM $(jobs -p) 2>/dev/null; wait; exit 143' TERM INT HUP
    mapfile -t names < <(declare -F | sed -n 's/^declare -f test_//p' | sed '/link/!s/^/z /' | sort | sed 's/^z //')
    for name in "${names[@]}"; do
        is_wanted "$name" || continue
        while [ "$(jobs -rp | wc -l)" -ge 6 ]; do
            wait -n
        done
        (run_test "$name") >"$scratch/$name.result" &
    done
    wait
    cat "$scratch"/*.result 2>/dev/null
    ! grep -q '^FAIL' "$scratch"/*.result 2>/dev/null
}
