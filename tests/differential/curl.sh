# shellcheck shell=bash disable=SC2034,SC2154,SC2317 # read and called by scripts/differential-foreign
# curl.sh: curl's runtests, which starts servers of its own for each protocol and drives the command and the library.

suite_source=curl
suite_packages='libssl-dev zlib1g-dev perl python3'
suite_programs='perl python3'
suite_limit=900

suite_build() {
    ./configure --with-openssl --disable-shared --enable-debug --disable-ldap --without-brotli --without-zstd \
        --without-libpsl \
        --without-libssh2 --without-nghttp2 --without-librtmp --without-libidn2 --disable-dependency-tracking --quiet
    make -s -j2 -C lib
    make -s -j2 -C src
    make -s -j2 -C tests/server
    make -s -j2 -C tests/libtest
}

suite_parts=4
suite_network=own_network

# Runs these tests with servers and ports of their own, in a farm of links since it writes beside its tests.
run_part() { # PART TEST...
    local part=$1
    shift
    mkdir "part-$part" && cd "part-$part" || return 1
    cp -as "$suite/tests" tests && ln -s "$suite"/{src,lib,docs,include,curl-config} . || return 1
    cd tests || return 1
    srcdir=. $suite_network perl -I. runtests.pl -a -n -am "$@" '!flaky' '!timing-dependent'
}

# This version runs one test at a time, and most of them wait; so a few parts of it run side by side. Left out is what
# its makers say of themselves that it is flaky or that it depends on time.
suite_run() { # [TEST...]
    local tests=("$@") part size
    export USER=${USER:-$(id -un)}
    own_network true 2>/dev/null || suite_parts=1 suite_network=
    [ $# -gt 0 ] || mapfile -t tests < <(cd "$suite/tests/data" && printf '%s\n' test[0-9]* | sed 's/test//' | sort -n)
    size=$(((${#tests[@]} + suite_parts - 1) / suite_parts))
    for ((part = 0; part < suite_parts && part * size < ${#tests[@]}; part++)); do
        run_part $part "${tests[@]:part * size:size}" >"log-$part" 2>&1 &
    done
    wait
    cat log-*
}

# A failure need not have a line of its own, but all are named at the end of a part. What is skipped is not named.
suite_results() {
    awk '/^PASS: [0-9]+ - / { print $2 "\tpassed" }
        sub(/^TESTFAIL: These test cases failed: /, "") { for (i = 1; i <= NF; i++) print $i "\tfailed" }'
}
