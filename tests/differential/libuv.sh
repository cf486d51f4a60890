# shellcheck shell=bash disable=SC2034,SC2154,SC2317 # read and called by scripts/differential-foreign
# libuv.sh: libuv's own suite. Each test is a process of its own, with helpers as further processes.

suite_source=libuv1
suite_packages='autoconf automake libtool'
suite_programs='autoconf automake libtoolize'
suite_limit=600

suite_build() {
    sh autogen.sh
    ./configure --disable-shared --quiet
    make -s -j2 test/run-tests
}

suite_run() { # [TEST...]
    local name names=("$@")
    mkdir test && cp -r "$suite/test/fixtures" test/
    # As root it runs only where it is told to.
    export UV_RUN_AS_ROOT=1
    [ $# -gt 0 ] || mapfile -t names < <("$suite/test/run-tests" --list | awk '{ print $1 }' | sort)
    for name in "${names[@]}"; do
        timeout -k 5 60 "$suite/test/run-tests" "$name" 2>&1
    done
}

# What a test printed can stand before its result, on the same line.
suite_results() {
    sed -nE 's/^(# )*ok [0-9]+ - ([^ ]+)$/\2\tpassed/p; s/^(# )*ok [0-9]+ - ([^ ]+) # SKIP.*/\2\tskipped/p
        s/^(# )*not ok [0-9]+ - ([^ ]+).*/\2\tfailed/p'
}
