# shellcheck shell=bash
# lib_tests.sh: tests that are functions t_NAME, each run in a subshell, in an empty directory of its own and with a
# TMPDIR of its own. A script sets $only to part of the names that it shall run, or to nothing, sources this, defines
# the tests, and ends with run_tests. A function before_each, where there is one, fills the directory first. $base is
# the directory above them all; it goes when the script ends.

: "${only=}"
base=$(mktemp -d) || exit 1
# Nothing that is mounted there, by a test that was killed while it made a root, belongs to us.
trap 'rm -rf --one-file-system "$base"' EXIT

# --- For a test to end with -------------------------------------------------------------------------------------------

fail() { # WHY
    printf '%s\n' "$*" >"$base/why"
    exit 1
}

skip() { # WHY
    printf '%s\n' "$*" >"$base/why"
    exit 77
}

need() { # PROGRAM
    command -v "$1" >/dev/null || skip "$1 is not installed"
}

# --- All of them ------------------------------------------------------------------------------------------------------

# Prints `ok NAME`, `FAIL NAME: why` or `SKIP NAME: why` for each test, and exits: with 1 where one failed.
run_tests() {
    local name dir failed=0
    for name in $(compgen -A function t_); do
        name=${name#t_}
        [[ $name == *"$only"* ]] || continue
        dir=$base/$name
        mkdir -p "$dir/work" "$dir/tmp"
        : >"$base/why"
        export TMPDIR=$dir/tmp
        (
            cd "$dir/work" || exit 1
            if declare -F before_each >/dev/null; then
                before_each || fail "the directory cannot be filled"
            fi
            "t_$name"
        )
        case $? in
            0) echo "ok $name" ;;
            77) echo "SKIP $name: $(cat "$base/why")" ;;
            *)
                failed=1
                echo "FAIL $name: $(head -c 1500 "$base/why" | tr '\n' '|')"
                ;;
        esac
    done
    exit $failed
}
