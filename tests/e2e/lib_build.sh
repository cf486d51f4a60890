# shellcheck shell=bash
# lib_build.sh: what the scripts share that build, install or unpack socksan and then try what they got. They source
# lib_tests.sh first, for fail().

# A planted bug is found, with its stack, and its honest twin is not accused. Neither depends on how fast the machine
# is.
works() { # COMMAND DIRECTORY-OF-TEST-PROGRAMS
    local status
    timeout 120 "$1" run -- "$2/repeat" one >works.out 2>works.err
    status=$?
    [ $status = 66 ] || fail "$1: status $status with a bug: $(tail -n 5 works.out works.err)"
    grep -q 'written by *send in write_here (.*repeat.c:[0-9]*)' works.err ||
        fail "$1: no stack: $(grep -A 3 'written by' works.err)"
    timeout 120 "$1" run -- "$2/repeat" ok >works.out 2>works.err || fail "$1: no bug, and yet: $(tail -n 5 works.err)"
    grep -q 'ERROR SUMMARY: 0 errors, 0 warnings, 0 notes' works.err ||
        fail "$1: no bug, and yet: $(tail -n 5 works.err)"
}
