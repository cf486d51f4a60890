# shellcheck shell=bash disable=SC2034,SC2154,SC2317 # read and called by scripts/differential-foreign
# ltp.sh: the Linux Test Project's tests of the system calls of sockets, descriptors, polling, pipes, fork and exec.
# Debian 12 and 13 have no package of it: DIFFERENTIAL_SOURCE_ltp must name a checkout.

suite_source=ltp
suite_packages='autoconf automake m4 pkg-config'
suite_programs='autoconf automake aclocal m4 pkg-config'
suite_limit=900

suite_calls='accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg recvmsg send
    sendmmsg sendmsg sendto sendfile setsockopt shutdown socket socketcall socketpair
    close close_range dup dup2 dup3 fcntl pipe pipe2 eventfd eventfd2 splice tee vmsplice read readv write writev
    epoll epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_wait poll ppoll pselect select
    execl execle execlp execv execve execveat execvp fork vfork'

# They provoke a race, or use up all process numbers, for minutes.
suite_left_out='bind06 fork13 sendmsg03 setsockopt06 setsockopt07'

suite_build() {
    local call
    make -s autotools
    ./configure --quiet
    make -s -j2 -C include/mk 2>/dev/null || true
    make -s -j2 -C lib
    mkdir -p testcases/bin
    for call in $suite_calls; do
        [ -d "testcases/kernel/syscalls/$call" ] || continue
        # Some want what this machine lacks; the others are built all the same.
        make -s -k -j2 -C "testcases/kernel/syscalls/$call" || echo "$call: not all of it is built"
        find "testcases/kernel/syscalls/$call" -type f -executable -exec cp {} testcases/bin/ \;
    done
}

# As LTP's own list names them: a tag and a command. Each in a directory of its own.
suite_run() { # [TEST...]
    local tag command
    export LTPROOT=$suite PATH=$suite/testcases/bin:$PATH LTP_COLORIZE_OUTPUT=0 LTP_TIMEOUT_MUL=2
    while read -r tag command; do
        [ -x "$suite/testcases/bin/${command%% *}" ] || continue
        [[ " $suite_left_out " != *" $tag "* ]] || continue
        [ $# = 0 ] || [[ " $* " == *" $tag "* ]] || continue
        mkdir "$tag"
        (cd "$tag" && timeout -k 5 60 sh -c "$command") 2>&1 </dev/null
        echo "test $tag: status $?"
        rm -rf "$tag"
    done < <(grep -E '^[a-z]' "$suite/runtest/syscalls")
}

# The status has a bit for each sort of result: 1 failed, 2 broken, 4 warned, 32 not here.
suite_results() {
    awk '/TPASS/ { passed++ }
        /TFAIL/ { failed++ }
        /TBROK/ { broken++ }
        /^test [^ ]+: status [0-9]+$/ {
            result = sprintf("failed: status %d, %d passed, %d failed, %d broken", $4, passed, failed, broken)
            if ($4 == 0) result = "passed"
            if ($4 == 32) result = "skipped"
            print substr($2, 1, length($2) - 1) "\t" result
            passed = failed = broken = 0
        }'
}
