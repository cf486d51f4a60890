#!/usr/bin/env bash
# run_command.sh: `socksan run` from end to end: exit statuses, outputs, and that the command does not notice.
#
#   tests/e2e/run_command.sh BUILD [NAME]
#
# Prints `ok NAME`, `FAIL NAME: why` or `SKIP NAME: why` for each test; with NAME runs those whose name contains it.
# Exit status 1 where one failed. Each test is a function t_NAME, run in an empty directory of its own.
#
# shellcheck disable=SC2016,SC2317 # $ is for the command under test; tests are called through their names
set -uo pipefail

# shellcheck source=tests/e2e/lib_run.sh
. "$(dirname "$0")/lib_run.sh"

# --- Exit statuses --------------------------------------------------------------------------------

t_status_is_the_commands() {
    run -- sh -c 'exit 0'
    expect_status 0
    run -- sh -c 'exit 3'
    expect_status 3
    run sh -c 'exit 4' # without the dashes
    expect_status 4
}

t_status_of_a_signal() {
    run -- sh -c 'kill -KILL $$'
    expect_status 137
    run -- sh -c 'kill -PIPE $$'
    expect_status 141
}

t_status_of_incidents() {
    make_bug
    run -- "$python" bug.py
    expect_status 66
    run --error-exitcode=9 -- "$python" bug.py
    expect_status 9
    run --error-exitcode=0 -- "$python" bug.py
    expect_status 0
    run --fail-on=none -- "$python" bug.py
    expect_status 0
    run -- "$python" bug.py 5
    expect_status 5
}

t_report_of_an_incident() {
    make_bug
    run --format=json --output=report.json -- "$python" bug.py
    expect_status 66
    json 'r["schema"] == "socksan-report/1" and r["summary"]["error"] == 1'
    json 'r["incidents"][0]["kind"] == "write-after-peer-close" and r["incidents"][0]["knowledge"] == "told"'
    json 'r["incidents"][0]["outcome"] == "rejected" and r["incidents"][0]["bytes_offered"] == 8'
    [ ! -s err ] || fail "standard error: $(head -n 3 err)"
}

# --- The command does not notice ------------------------------------------------------------------

t_output_is_the_commands() {
    run -- printf 'a\0b\n'
    expect_status 0
    printf 'a\0b\n' | cmp -s - out || fail "differs: $(od -c out)"
}

t_input_is_the_commands() {
    status=0
    printf 'text' | "$socksan" run --quiet -- cat >out 2>err || status=$?
    expect_status 0
    [ "$(cat out)" = text ] || fail "read: $(cat out)"
}

t_descriptors_are_untouched() {
    exec 7<&0 9>descriptor
    expect_same sh -c 'ls /proc/$$/fd; exec 9>&-; ls /proc/$$/fd'
    exec 7<&- 9>&-
}

t_closed_streams_stay_closed() {
    cat >streams.sh <<'END'
for fd in 0 1 2; do
    [ ! -e /proc/$$/fd/$fd ] || echo $fd is open >>streams
done
END
    "$socksan" run -- sh streams.sh <&- >&- 2>&-
    [ ! -e streams ] || fail "$(cat streams)"
}

t_signals_are_untouched() {
    expect_same sh -c 'grep -E "^Sig(Blk|Ign|Cgt)" /proc/self/status'
    (
        trap '' INT HUP PIPE CHLD
        expect_same grep -E '^Sig(Blk|Ign)' /proc/self/status
    ) || exit 1
}

t_attributes_are_untouched() {
    umask 027
    expect_same sh -c 'umask; ulimit -a; pwd; cut -d" " -f5,6 /proc/self/stat; cat /proc/self/cgroup'
}

t_environment_is_untouched() {
    export LD_PRELOAD='' WITH_NEWLINE=$'a\nb' EMPTY=
    # PYTHONPATH is how the adapter gets into Python programs; tests/e2e/python.sh looks after what stood there before
    env | grep -vE '^(LD_PRELOAD|PYTHONPATH|_)=' | sort >bare
    run --quiet -- env
    expect_status 0
    grep -vE '^(LD_PRELOAD|SOCKSAN_OPTIONS|PYTHONPATH|_)=' out | sort | cmp -s bare - || fail "$(diff bare out)"
}

t_earlier_preloads_stay() {
    ! ldd "$socksan" | grep -q libasan ||
        skip "socksan itself has AddressSanitizer, which wants to be the first library"
    mkdir other
    cp "$build/libsocksan.so" other
    LD_PRELOAD="libm.so.6 $PWD/other/libsocksan.so:libdl.so.2" run --quiet -- sh -c 'echo "$LD_PRELOAD"'
    expect_status 0
    grep -qxF "$build/libsocksan.so:libm.so.6:libdl.so.2" out || fail "preloaded: $(cat out)"
}

t_file_without_a_format_is_a_script() {
    echo 'echo "script $1"; exit 6' >script
    chmod +x script
    run --quiet -- ./script argument
    expect_status 6
    [ "$(cat out)" = "script argument" ] || fail "$(cat out)"
}

t_scripts_run() {
    printf '#!/usr/bin/env sh\necho "$0 $1"\n' >script
    chmod +x script
    PATH=$PWD:$PATH run --quiet -- script argument
    expect_status 0
    [ "$(cat out)" = "$PWD/script argument" ] || fail "$(cat out)"
}

# One file may have many names, and it is known by the one that it was called by; a script is not its interpreter's
# name.
t_programs_have_the_name_they_are_called_by() {
    local told=$build/tests/programs/told name
    ln -s "$told" mail-server
    run --error-exitcode=0 -- ./mail-server fin read bad
    expect_status 0
    grep -q 'program *mail-server (pid' err || fail "no mail-server: $(grep program err)"
    run --error-exitcode=0 -- "$told" fin read bad
    grep -q 'program *told (pid' err || fail "no told: $(grep program err)"
    make_bug
    { echo "#!$python" && cat bug.py; } >script && chmod +x script
    run --error-exitcode=0 -- ./script
    name=$(basename "$(readlink -f "$python")")
    grep -q "program *$name (pid" err || fail "no $name: $(grep program err)"
}

# AddressSanitizer's shared runtime wants to be the first library.
make_asan_program() {
    cat >program.c <<'END'
#include <stdlib.h>
int main(int argc, char **argv)
{
	char *bytes = malloc(4);
	int status = argc > 1 ? bytes[argc + 3] : 5;

	(void)argv;
	free(bytes);
	return status;
}
END
    compile -g -fsanitize=address -o program program.c
    unset ASAN_OPTIONS
    ./program
    [ $? = 5 ] || skip "programs with AddressSanitizer do not run here"
}

t_address_sanitizer() {
    make_asan_program
    run -- ./program
    expect_status 5
    ASAN_OPTIONS=exitcode=44 run -- ./program overflow
    expect_status 44
    grep -q heap-buffer-overflow err || fail "nothing found: $(head -n 3 err)"
}

t_address_sanitizer_in_a_child() {
    make_asan_program
    run -- sh -c './program; exit $?'
    expect_status 5
}

# --- Shim options, traces, outputs ----------------------------------------------------------------

t_inherited_options_are_checked() {
    SOCKSAN_OPTIONS=nonsense=1:stack_depth=9 run --quiet --options=verbosity=0 --quarantine=3 -- \
        sh -c 'echo "$SOCKSAN_OPTIONS"; true'
    expect_status 0
    expect_line nonsense "not passed on"
    grep -q 'stack_depth=9:verbosity=0:quarantine=3:log_path=' out || fail "$(cat out)"
    grep -q nonsense out && fail "$(cat out)"
    true
}

t_traces_are_private_and_go() {
    run -- sh -c 'stat -c %a "$TMPDIR"/socksan-*; stat -c %a "$TMPDIR"/socksan-*/*'
    expect_status 0
    [ "$(head -n 1 out)" = 700 ] || fail "mode of the directory: $(head -n 1 out)"
    [ "$(sed 1d out | sort -u)" = 600 ] || fail "mode of the files: $(sed 1d out)"
    [ -z "$(ls -A "$TMPDIR")" ] || fail "left behind: $(ls -A "$TMPDIR")"
}

t_log_dir_keeps_traces() {
    make_bug
    run --log-dir=logs -- "$python" bug.py
    expect_status 66
    [ "$(stat -c %a logs)" = 700 ] || fail "mode $(stat -c %a logs)"
    [ "$(find logs -name '*.trace' | wc -l)" = 1 ] || fail "traces: $(ls logs)"
    [ "$(find logs -type f | wc -l)" = 1 ] || fail "more than traces: $(ls logs)"
    # Nobody writes to it any more: it is as large as what is in it.
    [ "$(stat -c %s logs/*.trace)" -lt 1000000 ] || fail "not trimmed: $(ls -l logs)"
    try "$socksan" report logs
    expect_status 66
    # Another run into the same directory reports itself only.
    run --log-dir=logs -- true
    expect_status 0
    run --log-dir=logs --format=json --output=report.json -- "$python" bug.py
    json 'r["summary"]["error"] == 1 and r["summary"]["processes"] == 1'
}

t_log_dir_with_an_odd_name() {
    make_bug
    run --log-dir="a:b \"c=d" -- "$python" bug.py
    expect_status 66
    [ "$(find . -name '*.trace' | wc -l)" = 1 ] || fail "traces: $(ls ./a*)"
}

t_outputs_go_where_they_are_named() {
    make_bug
    run --format=text --output=report.txt --format=json --output=report.json -- "$python" bug.py
    expect_status 66
    [ ! -s err ] || fail "standard error: $(head -n 3 err)"
    [ ! -s out ] || fail "standard output: $(head -n 3 out)"
    [ -s report.txt ] || fail "no text"
    json 'r["summary"]["error"] == 1'
}

t_existing_output_survives_a_refusal() {
    echo precious >report.txt
    run --output=report.txt nonexistent-command
    expect_refusal 127 "not found"
    [ "$(cat report.txt)" = precious ] || fail "emptied"
}

t_full_disk_is_said() {
    [ -e /dev/full ] || skip "no /dev/full"
    make_bug
    run --output=/dev/full -- "$python" bug.py
    expect_status 125
    grep -q 'No space left' err || fail "$(cat err)"
    status=0
    "$socksan" --help >/dev/full 2>err || status=$?
    expect_status 125
    expect_line 'No space left'
}

t_control_characters_are_escaped() {
    run $'\e[31mred\a'
    expect_status 127
    grep -q $'\e\\|\a' err && fail "raw: $(od -c err | head -n 3)"
    mkdir $'\e[2J'
    cp /bin/true $'\e[2J/\e[2J'
    run -- $'./\e[2J/\e[2J' $'\e[2J'
    expect_status 0
    grep -q $'\e' err && fail "raw: $(od -c err | head -n 3)"
    true
}

# --- Children -------------------------------------------------------------------------------------

t_children_are_audited() {
    make_bug
    run --format=json --output=report.json -- sh -c "$python bug.py; $python bug.py; true"
    expect_status 66
    json 'r["summary"]["error"] == 2 and r["summary"]["unaudited_processes"] == 0'
}

t_escaped_children_are_told() {
    echo 'int main(void) { return 0; }' >program.c
    compile -static -o program program.c
    run -- sh -c "$PWD/program; env -i /bin/true; true"
    tr -s " \n" " " <err >words # which are broken into lines
    grep -q "$PWD/program" words || fail "not named: $(cat err)"
    grep -q "statically linked" words || fail "no reason: $(cat err)"
    run --format=json --output=report.json -- sh -c "$PWD/program; env -i /bin/true; true"
    json 'r["summary"]["unaudited_processes"] == 2'
}

t_failed_executions_are_no_escapes() {
    run --format=json --output=report.json -- sh -c '/nonexistent/program; /etc/passwd; true'
    expect_status 0
    json 'r["summary"]["unaudited_processes"] == 0'
}

t_daemons_keep_their_traces() {
    local daemon
    run -- sh -c 'setsid sleep 60 >/dev/null 2>&1 </dev/null & echo $!; sleep 1'
    expect_status 0
    daemon=$(cat out)
    grep -q 'still running' err || fail "not said: $(cat err)"
    [ -n "$(ls -A "$TMPDIR")" ] || fail "the directory of a running process was removed"
    kill -0 "$daemon" || fail "the daemon was ended"
    kill "$daemon"
}

# --- The command line -----------------------------------------------------------------------------

t_help_and_version() {
    local subcommand
    try "$socksan" --help
    expect_status 0
    for subcommand in run report sockets explain; do
        grep -q "socksan $subcommand" out || fail "$subcommand is not listed"
        "$socksan" help "$subcommand" >help.out || fail "no help for $subcommand"
        "$socksan" "$subcommand" --help | cmp -s - help.out || fail "two helps for $subcommand"
        [ -s help.out ] || fail "empty help for $subcommand"
    done
    try "$socksan" --version
    expect_status 0
    grep -Eqx 'socksan [0-9][0-9.]*.*' out || fail "$(cat out)"
    run --version
    expect_status 0
}

t_unknown_subcommands() {
    try "$socksan" nonsense
    expect_status 125
    expect_line nonsense help
    try "$socksan" help nonsense
    expect_status 125
    expect_line nonsense
    try "$socksan"
    expect_status 125
}

# --- All of them ----------------------------------------------------------------------------------

run_tests
