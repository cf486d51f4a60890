#!/usr/bin/env bash
# hostile.sh: traces that were made to hurt whoever reads them (tests/unit/make_hostile.c): what they say neither acts
# on a terminal, a CI service or a parser, nor opens what is no file, nor shows other people's files, nor takes more
# than a few seconds and 300 MiB.
#
#   tests/e2e/hostile.sh BUILD [NAME]
#
# shellcheck disable=SC2317 # tests are called through their names
set -uo pipefail

build=$(cd "${1:?usage: hostile.sh BUILD [NAME]}" && pwd) || exit 1
only=${2:-}
top=$(cd "$(dirname "$0")/../.." && pwd)
socksan=$build/socksan
make_hostile=$build/tests/unit/make_hostile
lib=$top/tests/e2e/lib_hostile.py
# shellcheck source=tests/e2e/lib_tests.sh
. "$(dirname "$0")/lib_tests.sh"
unset LD_PRELOAD SOCKSAN_OPTIONS GITHUB_WORKSPACE CI_PROJECT_DIR
export LC_ALL=C.UTF-8 DEBUGINFOD_URLS=''
formats="text json jsonl html junit sarif github perfetto otlp"

report() { # TRACE [OPTION...]
    timeout 120 "$socksan" report --error-exitcode=0 "${@:2}" "$1"
}

checked() { # FORMAT FILE WHAT
    python3 "$lib" text "$1" "$2" >why 2>&1 || fail "$3: $(tail -n 1 why)"
}

# --- Text -------------------------------------------------------------------------------------------------------------

t_text_acts_in_no_format() {
    local format
    need python3
    "$make_hostile" a.trace text
    for format in $formats; do
        report a.trace --format="$format" >out 2>err || fail "$format: status $?"
        checked "$format" out "$format"
        [ ! -s err ] || checked text err "$format, standard error"
    done
}

t_text_acts_in_no_other_command() {
    need python3
    "$make_hostile" a.trace text
    report a.trace --gen-suppressions --max-incidents=0 >out 2>err || fail "status $?"
    checked text out --gen-suppressions
    "$socksan" sockets a.trace >out 2>err || fail "sockets: status $?"
    checked text out sockets
    report a.trace --format=json >a.json
    report a.trace --format=json | jq -c '.incidents = []' >none.json
    "$socksan" diff --error-exitcode=0 none.json a.json >out 2>err || fail "diff: status $?"
    checked text out diff
    "$socksan" diff --error-exitcode=0 --format=json none.json a.trace >out 2>err || fail "diff: status $?"
    checked json out "diff, json"
    "$socksan" explain $'\e[31m\n::error::x' >out 2>&1
    checked text out explain
    report $'\e[31m\n::error::x' >out 2>&1
    checked text out "a name that is not there"
}

# The rules that are proposed for hostile names are rules, and suppress what they were proposed for.
t_proposed_rules_work() {
    "$make_hostile" a.trace text
    report a.trace --gen-suppressions --max-incidents=0 2>/dev/null | sed -n '/^# Suppressions/,/^$/p' >rules
    grep -qv '^#' rules || fail "no rule: $(head -n 3 rules)"
    report a.trace --suppressions=rules >out 2>err || fail "status $?: $(head -n 1 err)"
    grep -q '^socksan: suppressed' out || fail "none of them suppresses anything: $(tail -n 1 out)"
}

t_xml_is_well_formed() {
    need xmllint
    "$make_hostile" a.trace text
    report a.trace --format=junit >out.xml 2>err || fail "status $?"
    xmllint --noout out.xml 2>why || fail "$(head -n 1 why)"
}

# --- Names of files ---------------------------------------------------------------------------------------------------

# Nobody may open the FIFO: a writer that does not wait would find its reader.
t_modules_that_are_no_files_are_not_opened() {
    local format name
    need strace
    mkfifo pipe
    for name in "$PWD/pipe" /dev/zero /dev/null /dev/tty "$PWD" /proc/self/mem; do
        "$make_hostile" a.trace module "$name"
        for format in text html; do
            strace -f -e trace=open,openat -o calls timeout 60 "$socksan" report --error-exitcode=0 --format="$format" \
                a.trace \
                >out 2>err || fail "$name: status $?"
            ! grep -F "\"$name\"" calls | grep -v O_PATH ||
                fail "$name was opened: $(grep -F "\"$name\"" calls | head -n 1)"
            ! grep -F "\"$name\"" calls | grep -qv ENOENT || [ "$name" = /proc/self/mem ] ||
                grep -F "\"$name\"" calls | grep -q O_PATH ||
                fail "$name was not even looked at"
        done
    done
}

show_source() { # NAME [OPTION...]: the html report of a trace whose frames are in that file
    "$make_hostile" a.trace source "$1"
    report a.trace --format=html "${@:2}" >out.html 2>err || fail "$1: status $?"
}

t_source_is_the_trees_own() {
    mkdir tree other
    seq -f 'inner line %g' 50 >tree/a.py
    seq -f 'secret line %g' 50 >other/b.py
    seq -f 'secret line %g' 50 >other/shadow
    ln -s ../other/b.py tree/link.py
    ln -s ../other/shadow tree/shadow.py
    ln -s ../other tree/folder
    cd tree || fail "no tree"
    show_source a.py
    grep -q 'inner line 7' out.html || fail "a file of the tree is not shown"
    show_source "$PWD/a.py"
    grep -q 'inner line 7' out.html || fail "a file of the tree is not shown by its whole name"
    for name in link.py shadow.py folder/b.py ../other/b.py "$PWD/../other/b.py" "$PWD/link.py"; do
        show_source "$name"
        ! grep -q 'secret line' out.html || fail "$name is shown"
    done
    show_source "$(cd .. && pwd)/other/b.py" --source-root=../other
    grep -q 'secret line 7' out.html || fail "--source-root does not show it"
    show_source shadow.py --source-root=../other
    ! grep -q 'secret line' out.html || fail "what is no source is shown from --source-root"
    "$socksan" report --source-root=nowhere a.trace >out 2>err
    [ $? = 125 ] || fail "a missing directory is taken"
    grep -q 'source-root=nowhere: expected a directory' err || fail "a missing directory: $(cat err)"
}

# What only root can read is where a link could do the most harm.
t_root_shows_nobody_the_shadow_file() {
    [ "$(id -u)" = 0 ] || skip "not root"
    [ -r /etc/shadow ] || skip "there is no /etc/shadow"
    ln -s /etc/shadow shadow.py
    for name in shadow.py "$PWD/shadow.py" /etc/shadow; do
        for option in --quiet --source-root=. --source-root=/; do
            show_source "$name" "$option"
            ! grep -qF "$(head -n 1 /etc/shadow | cut -c1-30)" out.html || fail "$name with $option"
        done
    done
}

# --- Cost -------------------------------------------------------------------------------------------------------------

# A megabyte of whatever costs most, in every format. The bounds are the process's own: processor time, which a busy
# machine does not change, several times what is needed; and memory.
t_a_megabyte_costs_seconds() {
    local kind format shown
    need python3
    [ -z "$(find "$build" -maxdepth 1 -name flags -exec grep -l fsanitize {} +)" ] ||
        skip "a sanitizer reserves all memory there is"
    for i in 0 1 2 3 4 5 6 7 8 9 10 11; do
        yes x | head -c 7000000 >"big$i.py"
    done
    for kind in modules processes images stacks frames python names sockets tuples peers pairs incidents labels \
        sources; do
        "$make_hostile" a.trace "$kind" 1000000
        shown=$formats
        # Addresses are looked up before any format is written, so two of them show all.
        [ "$kind" != images ] || shown="text json"
        for format in $shown; do
            python3 "$lib" bound 600 15 "$socksan" report --error-exitcode=0 --format="$format" a.trace >out 2>err ||
                fail "$kind, $format: status $?: $(tail -n 1 err)"
        done
        python3 "$lib" bound 600 15 "$socksan" sockets a.trace >out 2>err ||
            fail "$kind, sockets: status $?: $(tail -n 1 err)"
    done
}

t_limits_are_said_once() {
    local format
    need jq
    "$make_hostile" a.trace frames 1000000
    for format in json jsonl otlp perfetto; do
        report a.trace --format="$format" >out 2>err || fail "$format: status $?"
        [ "$(grep -o 'stacks: showed' out | wc -l)" = 1 ] || fail "$format: said $(grep -c 'stacks: showed' out) times"
    done
    report a.trace --format=json | jq -e '.limits | length == 1' >/dev/null || fail "json: no limits"
    "$make_hostile" a.trace text
    report a.trace --format=json | jq -e 'has("limits") | not' >/dev/null || fail "a limit was met for nothing"
}

run_tests
