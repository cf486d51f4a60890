# shellcheck shell=bash
# lib_report.sh: hold a JSON report against expressions. Sourced by the tests that read reports.

# Turns jq expressions into one jq program that prints a line for each that is not true, and first of all whether the
# report is sound; a remark "# loses: WHY" says that records may be lost. A line that begins with a space continues the
# one before; one that begins with # is a remark. report.jq defines what the expressions share; $report is the whole
# report in each of them.
report_program() { # [FILE]
    awk '
        function finish() {
            if (expression != "")
                printf "  , ($report | try ((\n%s\n) | if . == true then empty else \"line %d: is \\(tojson)\" end)" \
                    " catch \"line %d: \\(.)\")\n", expression, line, line
            expression = ""
        }
        BEGIN {
            print "include \"report\"; . as $report | [empty"
            loses = "false"
        }
        /^# loses:/ { loses = "true" }
        /^#/ || /^[[:space:]]*$/ { finish(); next }
        /^[[:space:]]/ { expression = expression "\n" $0; next }
        { finish(); line = NR; expression = $0 }
        END {
            finish()
            print "  , ($report | try (if sound(" loses ") then empty else \"unsound\" end) catch \"unsound: \\(.)\")"
            print "] | .[]"
        }
    ' "$@"
}

# Prints what of the expressions (a file, or standard input) is not true of the report, a line each.
report_check() { # REPORT EACH [EXPRESSIONS]
    local report=$1 each=$2 program
    shift 2
    program=$(report_program "$@")
    jq -r -L "$(dirname "${BASH_SOURCE[0]}")" --arg each "$each" "$program" "$report" 2>&1 ||
        echo "the report or the expressions cannot be read"
}

# Several lines of reasons as one.
one_line() {
    tr '\n' '|' | sed 's/|*$//; s/|/ | /g'
}

# A test printed what is wrong, or a line that begins with SKIP:, or nothing where all is well. Prints what that comes
# to, and fails where the test did.
conclude() { # NAME <REASONS
    local reasons
    reasons=$(one_line)
    case $reasons in
        '') echo "ok $1" ;;
        SKIP:*) echo "SKIP $1:${reasons#SKIP:}" ;;
        *)
            echo "FAIL $1: ${reasons:0:1500}"
            return 1
            ;;
    esac
}
