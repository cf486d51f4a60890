#!/usr/bin/env bash
# run_refusals.sh: what `socksan run` refuses, and why it says so, before anything is started.
#
#   tests/e2e/run_refusals.sh BUILD [NAME]
#
# Prints `ok NAME`, `FAIL NAME: why` or `SKIP NAME: why` for each test; with NAME runs those whose name contains it.
# Exit status 1 where one failed. Each test is a function t_NAME, run in an empty directory of its own.
#
# shellcheck disable=SC2016,SC2317 # $ is for the command under test; tests are called through their names
set -uo pipefail

# shellcheck source=tests/e2e/lib_run.sh
. "$(dirname "$0")/lib_run.sh"

# --- Refusals -------------------------------------------------------------------------------------

t_refuses_wrong_options() {
    run --nonsense touch started
    expect_refusal 125 --nonsense
    run -Z touch started
    expect_refusal 125 -Z
    run --log-dir
    expect_refusal 125 --log-dir
    run --format=nonsense touch started
    expect_refusal 125 nonsense text json
    run --error-exitcode=many touch started
    expect_refusal 125 error-exitcode
    run --color=blue touch started
    expect_refusal 125 blue
    run --quarantine=-1 touch started
    expect_refusal 125 quarantine
    run --options=qarantine=5 touch started
    expect_refusal 125 qarantine
    run --options=log_path=/tmp/ touch started
    expect_refusal 125 log_path --log-dir
}

t_refuses_no_command() {
    run
    expect_refusal 125 "no command"
    run --
    expect_refusal 125 "no command"
}

t_refuses_what_is_not_there() {
    run nonexistent-command
    expect_refusal 127 nonexistent-command "not found"
    run ./nonexistent
    expect_refusal 127 "No such file"
    PATH="" run nonexistent-command
    expect_refusal 127 "not found"
    printf '#!/nonexistent/interpreter\n' >script
    chmod +x script
    run ./script
    expect_refusal 127 /nonexistent/interpreter
}

t_refuses_what_cannot_be_executed() {
    echo text >file
    run ./file
    expect_refusal 126 "Permission denied"
    run /
    expect_refusal 126 "Is a directory"
    printf '\177ELF and no more' >damaged
    chmod +x damaged
    run ./damaged
    expect_refusal 126 damaged
}

t_refuses_static_programs() {
    echo 'int main(void) { return 0; }' >program.c
    compile -static -o program program.c
    run ./program
    expect_refusal 125 "statically linked" "link it dynamically"
    compile -static-pie -o program program.c
    run ./program
    expect_refusal 125 "statically linked"
}

t_refuses_scripts_of_static_programs() {
    echo 'int main(void) { return 0; }' >program.c
    compile -static -o program program.c
    printf '#!%s/program\n' "$PWD" >script
    printf '#!/usr/bin/env program\n' >env-script
    chmod +x script env-script
    run ./script
    expect_refusal 125 "its interpreter $PWD/program is statically linked"
    PATH=$PWD:$PATH run ./env-script
    expect_refusal 125 "its interpreter $PWD/program is statically linked"
}

t_refuses_musl() {
    echo 'int main(void) { return 0; }' >program.c
    compile -Wl,--dynamic-linker=/lib/ld-musl-x86_64.so.1 -o program program.c
    run ./program
    expect_refusal 125 musl
}

t_refuses_go_without_libc() {
    cat >program.c <<'END'
__asm__(".section .note.go.buildid, \"a\", @note\n.long 4, 4, 4\n.asciz \"Go\\0\"\n.asciz \"abc\"\n.text");
int main(void) { return 0; }
END
    compile -static -o program program.c
    run ./program
    expect_refusal 125 "Go program"
}

t_refuses_other_machines() {
    cp /bin/true program
    printf '\x2b\x00' | dd of=program bs=1 seek=18 conv=notrunc status=none # e_machine: SPARC V9
    run ./program
    expect_refusal 125 SPARC "libsocksan.so is"
}

t_refuses_privileged_programs() {
    if [ "$(id -u)" != 0 ]; then
        [ -u /usr/bin/passwd ] || skip "no set-user-ID program"
        run /usr/bin/passwd --help
    else
        cp /bin/true program
        chown 1:1 program
        chmod 4755 program
        run ./program
    fi
    expect_refusal 125 "gains privileges" set-user-ID
}

t_audits_set_user_id_of_oneself() {
    cp /bin/true program
    chmod 4755 program
    run ./program
    expect_status 0
}

t_refuses_file_capabilities() {
    [ "$(id -u)" = 0 ] || skip "only root can give capabilities to a file"
    need setcap
    need setpriv
    cp /bin/true program
    setcap cap_net_raw+ep program 2>/dev/null || skip "no file capabilities here"
    run ./program # root has them anyway
    expect_status 0
    setpriv --reuid=1 --regid=1 --clear-groups test -x "$socksan" || skip "another user cannot reach the build"
    chmod 755 "$base" .. . && chmod 777 "$TMPDIR"
    try setpriv --reuid=1 --regid=1 --clear-groups "$socksan" run ./program
    expect_refusal 125 "file capabilities"
}

t_refuses_unwritable_outputs() {
    run --output=nonexistent/report.txt touch started
    expect_refusal 125 nonexistent/report.txt "No such file"
    run --output=. touch started
    expect_refusal 125 "Is a directory"
    : >file
    run --log-dir=file touch started
    expect_refusal 125 file "not a directory"
    run --log-dir=nonexistent/logs touch started
    expect_refusal 125 nonexistent/logs
    TMPDIR=/nonexistent run touch started
    expect_refusal 125 /nonexistent TMPDIR
}

t_refuses_to_run_without_its_library() {
    run --shim=/nonexistent/libsocksan.so touch started
    expect_refusal 125 /nonexistent/libsocksan.so
    echo text >libsocksan.so
    run --shim=libsocksan.so touch started
    expect_refusal 125 "not a shared library"
    mkdir "a b"
    cp "$build/libsocksan.so" "a b"
    run --shim="a b/libsocksan.so" touch started
    expect_refusal 125 "blank or a colon"
}

t_finds_the_installed_library() {
    mkdir -p prefix/bin prefix/lib/socksan
    cp "$socksan" prefix/bin
    cp "$build/libsocksan.so" prefix/lib/socksan
    try prefix/bin/socksan run -- sh -c 'echo "$LD_PRELOAD"'
    expect_status 0
    grep -qxF "$PWD/prefix/lib/socksan/libsocksan.so" out || fail "preloaded: $(cat out)"
}

t_nobody_audited_is_an_error() {
    # A library that can be preloaded and audits nothing.
    run --shim="$(ldd /bin/sh | awk '/libc.so/ {print $3}')" -- true
    expect_status 125
    run -- sh -c 'exit 0'
    expect_status 0
}

run_tests
