#!/usr/bin/env bash
# documentation.sh: manual pages, completions, socksan.pc and what `make install` puts where. What the build fills in
# from tables is held against what the command and the library say of themselves.
#
#   tests/e2e/documentation.sh BUILD [NAME]
#
# Prints `ok NAME`, `FAIL NAME: why` or `SKIP NAME: why` for each test; with NAME runs those whose name contains it.
# Exit status 1 where one failed. Each test is a function t_NAME, run in an empty directory of its own.
#
# shellcheck disable=SC2317 # tests are called through their names
set -uo pipefail

build=$(cd "${1:?usage: documentation.sh BUILD [NAME]}" && pwd) || exit 1
only=${2:-}
top=$(cd "$(dirname "$0")/../.." && pwd)
socksan=$build/socksan
completions=$build/filled
man=$build/filled/socksan.1
# shellcheck source=tests/e2e/lib_tests.sh
. "$(dirname "$0")/lib_tests.sh"
unset LD_PRELOAD SOCKSAN_OPTIONS MANPATH
export LC_ALL=C.UTF-8
subcommands="run report sockets diff explain"

# Fails where two lists, words on standard input of each, are not the same.
same() { # WHAT ONE-COMMAND OTHER-COMMAND
    diff <($2 | sort -u) <($3 | sort -u) >differences ||
        fail "$1: $2 and $3 differ: $(grep '^[<>]' differences | tr '\n' ' ')"
    [ -n "$($2)" ] || fail "$1: there are none"
}

# Whether a line of standard input is this one. Reads all of it: who writes it must not find a closed pipe.
offers() { # LINE
    awk -v line="$1" '$0 == line { found = 1 } END { exit !found }'
}

# --- What the command and the library say -----------------------------------------------------------------------------

help_options() { # SUBCOMMAND: --name, or --name= where it takes a value, and short ones
    "$socksan" "$1" --help | sed -nE 's/^  ((-[a-z]), )?(--[a-z-]+=?).*/\2 \3/p' | tr -s ' ' '\n' | sed '/^$/d'
}

help_formats() {
    "$socksan" run --help | sed -n '/^Formats: /,/^$/p' | sed 's/^Formats: //' | tr -d ' ' | tr , '\n' | sed '/^$/d'
}

help_subcommands() {
    "$socksan" help | sed -nE 's/^  socksan ([a-z]+).*/\1/p'
}

help_kinds() {
    "$socksan" explain | sed -nE 's/^  ([a-z]+(-[a-z]+)+) .*/\1/p'
}

library_options() {
    LD_PRELOAD=$build/libsocksan.so SOCKSAN_OPTIONS=help=1 env true 2>&1 | sed -nE 's/^  ([a-z_]+)=.*/\1/p'
}

library_functions() {
    grep -oE '\bsocksan_[a-z_]+\(' "$top/shim/socksan.h" | tr -d '('
}

# --- What the manual pages say ----------------------------------------------------------------------------------------

# Titles are a pattern: the whole of it must match.
section() { # PAGE MACRO TITLE
    awk -v macro="$2" -v title="^($3)\$" '
        $1 == ".Sh" || $1 == ".Ss" { inside = $1 == macro && substr($0, 5) ~ title; next }
        inside' "$1"
}

man_options() { # SUBCOMMAND
    section "$man" .Ss "Options of (.*[ ,])?$1(,? .*)?" |
        sed -nE -e 'h; s/^\.It Fl ([a-z]) .*/-\1/p; g' -e 's/^\.It (Fl [a-z] , )?Fl Fl ([a-z-]+)$/--\2/p' \
            -e 's/^\.It Fl Fl ([a-z-]+) Ns = .*/--\1=/p'
}

man_kinds() {
    section "$man" .Sh INCIDENTS | sed -n 's/^\.It Cm //p'
}

man_formats() {
    section "$man" .Sh FORMATS | sed -n 's/^\.It Cm //p'
}

man_subcommands() {
    section "$man" .Sh SYNOPSIS | sed -n 's/^\.Cm //p'
}

man_subcommands_told() {
    section "$man" .Ss Subcommands | sed -n 's/^\.It Cm //p'
}

man_library_options() {
    section "$build/filled/libsocksan.7" .Sh OPTIONS | sed -nE 's/^\.It Cm ([a-z_]+) Ns = .*/\1/p'
}

man_functions() {
    section "$build/filled/libsocksan.7" .Sh 'PROGRAMMING INTERFACE' |
        sed -nE 's/^\.(It F[no]|Fo) (socksan_[a-z_]+).*/\2/p'
}

# --- What the completions offer ---------------------------------------------------------------------------------------

bash_completes() { # WORD...: what is offered for the last
    bash --norc --noprofile -c '
        . "$1/socksan.bash"
        shift
        COMP_WORDS=(socksan "$@") COMP_CWORD=$#
        _socksan socksan "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf "%s\n" ${COMPREPLY[@]+"${COMPREPLY[@]}"}
    ' bash "$completions" "$@"
}

bash_options() { bash_completes "$1" --; }
bash_formats() { bash_completes run --format = ''; }
bash_subcommands() { bash_completes '' | grep -v '^-'; }
bash_kinds() { bash_completes explain ''; }

# The specifications that the completion gives zsh's own functions.
zsh_completes() { # WORD...
    zsh -f -c '
        _arguments() { print -rl -- "$@" }
        _describe() { print -rl -- ${(P)2%%:*} }
        words=(socksan "${@:2}") CURRENT=$#
        . "$1/_socksan"
    ' zsh "$completions" "$@"
}

zsh_options() {
    zsh_completes "$1" -- | sed -nE 's/^(\([^)]*\))?\*?(--?[a-z-]+=?).*/\2/p' | grep -vx -e '-S'
}
zsh_formats() { zsh_completes run -- | sed -nE 's/^\*--format=.*:\(([a-z ]+)\)$/\1/p' | tr ' ' '\n'; }
zsh_subcommands() { zsh -f -c 'words=(socksan x) CURRENT=1
    _arguments() { : }
    _describe() { print -rl -- ${(P)2%%:*} }
    . "$1/_socksan"; _socksan_subcommands' zsh "$completions"; }
zsh_kinds() { zsh -f -c 'words=(socksan x) CURRENT=1
    _arguments() { : }
    _describe() { print -rl -- ${(P)2} }
    . "$1/_socksan"; _socksan_kinds' zsh "$completions"; }

fish_completes() { # LINE
    HOME=$PWD XDG_CONFIG_HOME=$PWD XDG_DATA_HOME=$PWD fish --no-config \
        -c "source $completions/socksan.fish; complete -C '$1'" |
        cut -f 1
}
fish_options() { fish_completes "socksan $1 --"; }
fish_formats() { fish_completes 'socksan run --format=' | sed 's/^--format=//'; }
fish_subcommands() { fish_completes 'socksan '; }
fish_kinds() { fish_completes 'socksan explain '; }

# --- Tests ------------------------------------------------------------------------------------------------------------

t_manual_has_every_option() {
    local name
    for name in $subcommands; do
        same "options of $name" "help_options $name" "man_options $name"
    done
    same formats help_formats man_formats
    same subcommands help_subcommands man_subcommands
    same subcommands help_subcommands man_subcommands_told
    same kinds help_kinds man_kinds
}

t_manual_of_the_library() {
    [ -e "$build/libsocksan.so" ] || skip "this build has no library"
    same options library_options man_library_options
    same functions library_functions man_functions
}

t_manual_is_well_formed() {
    need mandoc
    # That a page which is not installed cannot be found is no fault of this one.
    mandoc -Tlint "$man" "$build/filled/libsocksan.7" 2>/dev/null |
        grep -v -e 'referenced manual not found' >complaints
    [ ! -s complaints ] || fail "$(cat complaints)"
}

t_manual_is_well_formed_for_groff() {
    need man
    local page
    for page in "$man" "$build/filled/libsocksan.7"; do
        MANWIDTH=80 man --warnings -E UTF-8 -l "$page" >shown 2>complaints || fail "$(cat complaints)"
        [ ! -s complaints ] || fail "$(cat complaints)"
        [ -s shown ] || fail "$page gives nothing"
    done
}

t_bash_completes() {
    local name
    for name in $subcommands; do
        bash_long() { bash_options "$name"; }
        help_long() { help_options "$name" | grep '^--'; }
        same "options of $name" help_long bash_long
    done
    same formats help_formats bash_formats
    same subcommands help_subcommands bash_subcommands
    same kinds help_kinds bash_kinds
    [ "$(bash_completes run --format = js | tr '\n' ' ')" = 'json jsonl ' ] || fail 'run --format=js'
    [ "$(bash_completes run --format=js | tr '\n' ' ')" = '--format=json --format=jsonl ' ] ||
        fail 'run --format=js, one word'
    [ "$(bash_completes diff --format js)" = json ] || fail 'diff --format js'
    [ "$(bash_completes run --fail-on = error,wa)" = error,warning ] || fail 'run --fail-on=error,wa'
    [ "$(bash_completes explain lost)" = lost-on-close ] || fail 'explain lost'
    [ "$(bash_completes help ex)" = explain ] || fail 'help ex'
    mkdir directory
    : >directory.trace
    [ "$(bash_completes run --log-dir = dir)" = directory ] || fail 'run --log-dir=dir'
    [ "$(bash_completes report dir | tr '\n' ' ')" = 'directory directory.trace ' ] || fail 'report dir'
    # Behind the options there is a command, and behind that its own words.
    bash_completes run --quiet mkdi | offers mkdir || fail 'run --quiet mkdi'
    bash_completes run -- mkdi | offers mkdir || fail 'run -- mkdi'
    bash_completes run --color never mkdi | offers mkdir || fail 'run --color never mkdi'
    [ "$(bash_completes run --color = never -- cat directory.t)" = directory.trace ] || fail 'run -- cat directory.t'
    [ -z "$(bash_completes run cat --for)" ] || fail 'run cat --for'
}

t_zsh_completes() {
    need zsh
    zsh -f -n "$completions/_socksan" || fail "zsh cannot parse it"
    local name
    for name in $subcommands; do
        same "options of $name" "help_options $name" "zsh_options $name"
    done
    same formats help_formats zsh_formats
    same subcommands help_subcommands zsh_subcommands
    same kinds help_kinds zsh_kinds
    # And zsh finds it by its first line.
    zsh -f -c 'fpath=($1 $fpath); autoload -U compinit && compinit -u -D && print $_comps[socksan]' zsh "$completions" \
        >found
    [ "$(cat found)" = _socksan ] || fail "compinit does not find it: $(cat found)"
}

t_fish_completes() {
    need fish
    fish --no-config -n "$completions/socksan.fish" || fail "fish cannot parse it"
    local name
    for name in $subcommands; do
        fish_long() { fish_options "$name"; }
        help_long() { help_options "$name" | sed -n 's/^\(--[a-z-]*\).*/\1/p'; }
        same "options of $name" help_long fish_long
    done
    same formats help_formats fish_formats
    same subcommands help_subcommands fish_subcommands
    same kinds help_kinds fish_kinds
    fish_completes 'socksan run --fail-on=error,wa' | offers '--fail-on=error,warning' || fail '--fail-on=error,wa'
    # Values that are words of their own are no command.
    values() { help_options run | sed -n 's/=$//p'; }
    known_values() { sed -n '/case  *--format/,/set takes_value/p' "$completions/socksan.fish" |
        grep -o -e '--[a-z-]*'; }
    same 'options with values' values known_values
    : >word
    fish_completes 'socksan run --color never cat wor' | offers word || fail 'run --color never cat wor'
}

t_install() {
    need pkg-config
    local make=(make -s -C "$top" -o all "BUILD=$build" "DESTDIR=$PWD/root" PREFIX=/usr/local) root=$PWD/root/usr/local
    [ -e "$build/libsocksan.so" ] || skip "this build has no library"
    "${make[@]}" install >log 2>&1 || fail "$(tail -n 3 log)"
    local file
    for file in bin/socksan lib/socksan/libsocksan.so lib/socksan/python/sitecustomize.py include/socksan.h \
        share/man/man1/socksan.1 share/man/man7/libsocksan.7 share/bash-completion/completions/socksan \
        share/zsh/site-functions/_socksan share/fish/vendor_completions.d/socksan.fish \
        share/socksan/report-schema.json lib/pkgconfig/socksan.pc; do
        [ -s "$root/$file" ] || fail "$file is not installed"
    done
    cmp "$top/shim/socksan.h" "$root/include/socksan.h" || fail "the header is another one"
    grep -q @ "$root/lib/pkgconfig/socksan.pc" && fail "socksan.pc has gaps: $(cat "$root/lib/pkgconfig/socksan.pc")"

    # A program finds the header by it, and where the library is.
    export PKG_CONFIG_PATH=$root/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$PWD/root
    pkg-config --validate socksan || fail "socksan.pc is not valid"
    [ "socksan $(pkg-config --modversion socksan)" = "$("$socksan" version)" ] || fail "another version"
    local preload
    preload=$(pkg-config --variable=preload socksan)
    [ -e "${preload/#\/usr/$PWD/root/usr}" ] || [ -e "$preload" ] || fail "no library at $preload"
    printf '#include <socksan.h>\nint main(void) { return socksan_label ? socksan_incident_count() != 0 : 2; }\n' \
        >main.c
    # shellcheck disable=SC2046 # several words
    gcc -o main main.c $(pkg-config --cflags socksan) || fail "a program with socksan.h cannot be built"
    ./main
    [ $? = 2 ] || fail "the functions are there without the library"

    # The installed command works from where it was moved to, and runs the installed library.
    mv "$root" moved
    moved/bin/socksan run -- ./main >out 2>err || fail "the installed command: $(cat err)"
    grep -q 'audited 1 process' err || fail "$(cat err)"
    mv moved "$root"
    "${make[@]}" uninstall || fail "uninstall"
    find root -type f >left
    [ ! -s left ] || fail "uninstall leaves $(cat left)"
}

run_tests
