#!/usr/bin/env bash
# foreign.sh: programs that cannot be audited, started by one that is, run as they do without us; and one inside
# Valgrind.
#
#   tests/e2e/foreign.sh BUILD [NAME]
#
# Prints `ok NAME`, `FAIL NAME: why` or `SKIP NAME: why` for each test; with NAME runs those whose name contains it.
# Exit status 1 where one failed.
#
# shellcheck disable=SC2016,SC2317 # $ is for inner shells; tests are called through their names
set -uo pipefail

build=$(cd "${1:?usage: foreign.sh BUILD [NAME]}" && pwd) || exit 1
only=${2:-}
socksan=$build/socksan
# shellcheck source=tests/e2e/lib_tests.sh
. "$(dirname "$0")/lib_tests.sh"
unset LD_PRELOAD SOCKSAN_OPTIONS
export LC_ALL=C.UTF-8 DEBUGINFOD_URLS=

musl_program() {
    need musl-gcc
    cat >musl.c <<'END'
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	printf("%s, %d arguments, preload: %s, variable: %s\n", argv[0], argc, getenv("LD_PRELOAD"), getenv("VARIABLE"));
	return 5;
}
END
    musl-gcc -o musl musl.c || fail "musl-gcc cannot compile"
    printf '#!%s\n' "$PWD/musl" >script
    chmod +x script
}

# Runs a command bare and audited; both must print the same. Leaves the report in `report`.
alike() { # COMMAND...
    VARIABLE=kept "$@" >bare 2>bare.err
    VARIABLE=kept "$socksan" run --error-exitcode=0 --output=report -- "$@" >audited 2>audited.err
    cmp -s bare audited || fail "$* prints: $(diff bare audited)"
    cmp -s bare.err audited.err || fail "$* says: $(diff bare.err audited.err)"
}

t_musl_child() {
    musl_program
    alike sh -c './musl a b; echo $?; ./script; echo $?; PATH=$PWD:$PATH; musl; echo $?'
    tr -s ' \n' ' ' <report | grep -q 'NOT AUDITED: pid [0-9]* [^ ]*musl: it is linked against musl instead of glibc' ||
        fail "not listed: $(cat report)"
}

# By each function that starts a program, the vforked children of subprocess among them.
t_musl_child_by_each_call() {
    need python3
    musl_program
    cat >calls.py <<'END'
import ctypes, os, subprocess, sys
libc = ctypes.CDLL(None)
words = (ctypes.c_char_p * 3)(b"one", b"two", None)
environment = (ctypes.c_char_p * (len(os.environ) + 1))(*[f"{n}={v}".encode() for n, v in os.environ.items()], None)
program, name = os.path.abspath("musl").encode(), b"musl"
os.environ["PATH"] = os.getcwd() + ":" + os.environ["PATH"]
fd = os.open("musl", os.O_RDONLY)
calls = {
    "execve": lambda: libc.execve(program, words, environment),
    "execv": lambda: libc.execv(program, words),
    "execvp": lambda: libc.execvp(name, words),
    "execvpe": lambda: libc.execvpe(name, words, environment),
    "execl": lambda: libc.execl(program, b"one", b"two", None),
    "execlp": lambda: libc.execlp(name, b"one", b"two", None),
    "execle": lambda: libc.execle(program, b"one", b"two", None, environment),
    "execveat": lambda: libc.execveat(-100, program, words, environment, 0),
    "execveat, by its descriptor": lambda: libc.execveat(fd, b"", words, environment, 0x1000),
    "fexecve": lambda: libc.fexecve(fd, words, environment),
    "syscall": lambda: libc.syscall(59, program, words, environment),
}
if os.uname().machine != "x86_64":
    del calls["syscall"]
for call, run in calls.items():
    print(call, flush=True)
    if not os.fork():
        run()
        os._exit(1)
    print(os.waitstatus_to_exitcode(os.wait()[1]), flush=True)
for spawn in (libc.posix_spawn, libc.posix_spawnp):
    pid = ctypes.c_int()
    error = spawn(ctypes.byref(pid), program, None, None, words, environment)
    status = os.waitpid(pid.value, 0)[1] # the child prints too
    print(error, os.waitstatus_to_exitcode(status), sep="\n", flush=True)
for i in range(3):
    print(subprocess.run([program, "x"], close_fds=True).returncode, flush=True)
END
    alike python3 calls.py
    [ "$(grep -c '^5$' audited)" = 16 ] || fail "$(cat audited)"
}

# As the command itself it is refused, with the reason.
t_musl_command() {
    musl_program
    "$socksan" run -- ./musl >out 2>err && fail "status 0"
    grep -q 'musl.*is linked against musl instead of glibc' err || fail "$(cat err)"
    [ ! -s out ] || fail "it ran: $(cat out)"
}

# The loader of another machine says on standard error that it cannot preload us.
t_other_machine() {
    local loader=/lib/ld-linux.so.2
    "$loader" --version >/dev/null 2>&1 || skip "no 32-bit loader here (libc6-i386)"
    alike sh -c "$loader --version; $loader --list /lib32/libc.so.6 | sed 's/0x.*//'"
}

t_valgrind() {
    need valgrind
    alike valgrind -q --error-exitcode=9 true
    valgrind -q --error-exitcode=9 "$build/tests/programs/row_b_peer_close" tcp4 bad >bare 2>&1 ||
        skip "Valgrind complains bare"
    "$socksan" run --error-exitcode=0 --output=report -- valgrind -q --error-exitcode=9 \
        "$build/tests/programs/row_b_peer_close" tcp4 bad >audited 2>&1 || fail "status $?: $(head -n 20 audited)"
    cmp -s bare audited || fail "$(diff bare audited)"
}

run_tests
