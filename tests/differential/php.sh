# shellcheck shell=bash disable=SC2034,SC2154,SC2317 # read and called by scripts/differential-foreign
# php.sh: PHP's tests of sockets, streams, HTTP, processes and of its built-in web server. The extensions are built
# in: a shared one is loaded with RTLD_DEEPBIND, and so calls libc past every preloaded library.

suite_source=php8.2
suite_packages='libssl-dev'
suite_limit=500

suite_build() {
    ./configure --disable-all --enable-cli --disable-cgi --disable-phpdbg --enable-sockets --enable-pcntl \
        --enable-posix \
        --with-openssl --quiet CFLAGS=-O1
    make -s -j2 sapi/cli/php
}

suite_tests='ext/sockets/tests ext/pcntl/tests ext/standard/tests/streams ext/standard/tests/network
    ext/standard/tests/http sapi/cli/tests'

# A test leaves files beside itself, so the tests are copied.
suite_run() { # [TEST...]
    local tests=("$@")
    [ $# -gt 0 ] || read -r -d '' -a tests <<<"$suite_tests"
    (cd "$suite" && tar -cf - run-tests.php ext/*/tests sapi/cli/tests) | tar -xf -
    export SKIP_ONLINE_TESTS=1 SKIP_SLOW_TESTS=1 NO_INTERACTION=1 TEST_PHP_EXECUTABLE=$suite/sapi/cli/php
    "$suite/sapi/cli/php" -n run-tests.php -n -q --no-color --no-progress --set-timeout 30 "${tests[@]}" 2>&1
}

suite_results() {
    sed -nE 's/^PASS .*\[([^]]+\.phpt)\].*/\1\tpassed/p; s/^(SKIP|XFAIL|BORK) .*\[([^]]+\.phpt)\].*/\2\tskipped/p
        s/^(FAIL|WARN|LEAK|WARN&FAIL|XLEAK) .*\[([^]]+\.phpt)\].*/\2\tfailed/p'
}
