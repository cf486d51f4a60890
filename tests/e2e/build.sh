#!/usr/bin/env bash
# build.sh: how the tree is built and installed: the usual variables, any directories, any compiler, any distribution's
# flags, the same bytes wherever the sources are.
#
#   tests/e2e/build.sh BUILD [NAME]
#
# Prints `ok NAME`, `FAIL NAME: why` or `SKIP NAME: why` for each test; with NAME runs those whose name contains it.
# Exit status 1 where one failed. BUILDS=all builds with every compiler that is installed and with every set of flags,
# too (`make check-build`): about a minute of processor time each.
#
# shellcheck disable=SC2317 # tests are called through their names
set -uo pipefail

build=$(cd "${1:?usage: build.sh BUILD [NAME]}" && pwd) || exit 1
only=${2:-}
top=$(cd "$(dirname "$0")/../.." && pwd)
programs=$build/tests/programs
# shellcheck source=tests/e2e/lib_tests.sh
. "$top/tests/e2e/lib_tests.sh"
# shellcheck source=tests/e2e/lib_build.sh
. "$top/tests/e2e/lib_build.sh"
unset LD_PRELOAD SOCKSAN_OPTIONS MAKEFLAGS MAKELEVEL MAKEOVERRIDES DESTDIR PREFIX BUILD
unset CC CFLAGS CPPFLAGS LDFLAGS LDLIBS SAN COVERAGE STATIC V
export LC_ALL=C.UTF-8 DEBUGINFOD_URLS=''

[ -e "$build/libsocksan.so" ] || { echo "SKIP build: this build has no library"; exit 77; }

# --- Installing -------------------------------------------------------------------------------------------------------

install_to() { # DESTDIR VARIABLE=VALUE...
    local destdir=$1
    shift
    make -s -C "$top" -o all "BUILD=$build" "DESTDIR=$destdir" "$@" install >log 2>&1 ||
        fail "install $*: $(tail -n 3 log)"
}

# Neither the compiler nor anything else of the build is run: another user may install, without the flags, from a
# read-only tree.
t_install_compiles_nothing() {
    make -C "$top" "BUILD=$build" CC=false AR=false CFLAGS=-O3 "DESTDIR=$PWD/root" install >log 2>&1 ||
        fail "$(tail -n 3 log)"
    ! grep -E '^  (CC|LINK|GEN|AR) ' log || fail "$(cat log)"
}

# The command finds its library from its own place: moved, called by a link, by its path or by PATH.
t_relocatable() {
    install_to "$PWD/root" PREFIX=/usr/local
    mkdir any
    mv root/usr/local any/where
    ln -s any/where/bin/socksan link
    works any/where/bin/socksan "$programs"
    works ./link "$programs"
    (PATH="$PWD/any/where/bin:$PATH" && works socksan "$programs") || exit 1
}

t_relocatable_multiarch() {
    install_to "$PWD/root" PREFIX=/usr LIBDIR=/usr/lib/some-linux-gnu
    [ -s root/usr/lib/some-linux-gnu/socksan/libsocksan.so ] || fail "the library is not in LIBDIR"
    mv root moved
    works moved/usr/bin/socksan "$programs"
}

# Nothing in common: no link can be right both below DESTDIR and where the tree ends up, but the command itself is.
t_relocatable_apart() {
    install_to "$PWD/root" PREFIX=/usr BINDIR=/opt/bin LIBDIR=/srv/lib
    [ "$(readlink root/opt/bin/socksan)" = /srv/lib/socksan/socksan ] || fail "$(ls -l root/opt/bin)"
    mv root moved
    works moved/srv/lib/socksan/socksan "$programs"
}

t_relocatable_from_the_build() {
    mkdir other
    cp -r "$build/socksan" "$build/libsocksan.so" "$build/python" other/
    works other/socksan "$programs"
}

# LD_PRELOAD holds no path with a blank. The command says so, and takes a copy of the library from elsewhere.
t_directories_with_blanks() {
    local prefix="/opt/its  tools & more" root="$PWD/a root's"
    local where=("PREFIX=$prefix" "LIBDIR=$prefix/lib/some-linux-gnu")
    install_to "$root" "${where[@]}"
    ! "$root$prefix/bin/socksan" run -- true >log 2>&1 || fail "preloads what it cannot"
    grep -q 'LD_PRELOAD cannot hold a path with a blank' log || fail "$(cat log)"
    cp "$root$prefix"/lib/some-linux-gnu/socksan/libsocksan.so .
    "$root$prefix/bin/socksan" run --shim=libsocksan.so -- "$programs/repeat" one >log 2>&1
    [ $? = 66 ] || fail "with a copy of the library: $(tail -n 3 log)"
    grep -qxF "prefix=$prefix" "$root$prefix/lib/some-linux-gnu/pkgconfig/socksan.pc" ||
        fail "$(cat "$root$prefix"/lib/some-linux-gnu/pkgconfig/socksan.pc)"
    make -s -C "$top" "BUILD=$build" "DESTDIR=$root" "${where[@]}" uninstall >log 2>&1 || fail "uninstall: $(cat log)"
    find "$root" ! -type d >left
    [ ! -s left ] || fail "uninstall leaves $(cat left)"
}

# --- The usual variables ----------------------------------------------------------------------------------------------

# What make would run: each compilation and each link of library and command has all that was asked for.
expect_flags() { # COMMAND...
    "$@" -n -C "$top" V=1 "BUILD=$PWD/new" all >log 2>&1 || fail "$(tail -n 3 log)"
    grep -E '(^| )-c -o ' log >compiled
    grep -E -e '-o [^ ]*/(libsocksan\.so|socksan) ' log >linked
    [[ $(wc -l <compiled) -gt 100 && $(wc -l <linked) = 2 ]] || fail "no build: $(tail -n 3 log)"
    ! grep -vE '^the-cc .*-DOUR_CPPFLAGS.*-DOUR_CFLAGS' compiled >wrong || fail "flags are missing: $(head -n 1 wrong)"
    ! grep -vE '^the-cc .*-DOUR_CFLAGS.*-DOUR_LDFLAGS' linked >wrong || fail "flags are missing: $(head -n 1 wrong)"
    grep -qE -e '/socksan .*-lour_ldlibs' linked || fail "LDLIBS is missing: $(cat linked)"
}

variables=(CC=the-cc CPPFLAGS=-DOUR_CPPFLAGS CFLAGS=-DOUR_CFLAGS LDFLAGS=-DOUR_LDFLAGS LDLIBS=-lour_ldlibs)

t_variables_of_the_command_line() {
    expect_flags make "${variables[@]}"
}

t_variables_of_the_environment() {
    expect_flags env "${variables[@]}" make
}

# --- Compilers and flags ----------------------------------------------------------------------------------------------

# Builds below the current directory, without a warning, and tries what was built.
builds() { # VARIABLE=VALUE...
    local make=(make -k -C "$top" "BUILD=$PWD/build" "-j$(nproc)" "$@")
    if ! "${make[@]}" all "$PWD/build/tests/programs/repeat" >log 2>&1; then
        fail "$*: $(grep -E 'error|Error' log | head -n 5)"
    fi
    ! grep -E 'warning:' log >warnings || fail "$*: $(head -n 5 warnings)"
    "$top/scripts/check-exports" "$PWD/build" >log 2>&1 || fail "$*: $(cat log)"
    works build/socksan build/tests/programs
}

# A flag that this compiler or linker does not have at all is no matter of ours.
need_flags() { # CC CFLAGS LDFLAGS
    echo 'int main(void) { return 0; }' >try.c
    # shellcheck disable=SC2086 # several words each
    "$1" $2 $3 -o try try.c >try.log 2>&1 || skip "$1 cannot link with these: $(grep -m 1 -iE 'error|cannot' try.log)"
}

compiles() { # CC
    builds "CC=$1"
}

compiles_lto_fortified() { # CC
    local flags='-O2 -g -flto=auto -D_FORTIFY_SOURCE=3'
    need_flags "$1" "$flags" ''
    builds "CC=$1" "CFLAGS=$flags"
}

# What the distributions give every package, as of 2025: CFLAGS, CPPFLAGS and LDFLAGS. Fedora's -specs= files and
# annobin are left out, because only Fedora has them; what the first ask for, PIE and binding at once, Debian's compiler
# does by default or is here.
hardening='-fstack-clash-protection -fcf-protection -fno-omit-frame-pointer -mno-omit-leaf-frame-pointer'
fedora_cflags="-O2 -flto=auto -ffat-lto-objects -fexceptions -g -grecord-gcc-switches -pipe -Wall
    -Werror=format-security -Wp,-U_FORTIFY_SOURCE,-D_FORTIFY_SOURCE=3 -Wp,-D_GLIBCXX_ASSERTIONS -fstack-protector-strong
    -m64 -march=x86-64
    -mtune=generic -fasynchronous-unwind-tables -mtls-dialect=gnu2 $hardening"
fedora_ldflags='-Wl,-z,relro -Wl,--as-needed -Wl,-z,pack-relative-relocs -Wl,-z,now -Wl,--build-id=sha1'
arch_cflags="-march=x86-64 -mtune=generic -O2 -pipe -fno-plt -fexceptions -Wp,-D_FORTIFY_SOURCE=3 -Wformat
    -Werror=format-security -flto=auto $hardening"
arch_ldflags='-Wl,-O1 -Wl,--sort-common -Wl,--as-needed -Wl,-z,relro -Wl,-z,now -Wl,-z,pack-relative-relocs -flto=auto'
ubuntu_cflags="-g -O2 -flto=auto -ffat-lto-objects -fstack-protector-strong -Wformat -Werror=format-security $hardening"
ubuntu_cppflags='-Wdate-time -D_FORTIFY_SOURCE=3'
ubuntu_ldflags='-Wl,-Bsymbolic-functions -flto=auto -ffat-lto-objects -Wl,-z,relro'

with_flags() { # CFLAGS CPPFLAGS LDFLAGS
    local cflags cppflags ldflags
    cflags=$(tr -s '[:space:]' ' ' <<<"$1") cppflags=$2 ldflags=$3
    [ "$(uname -m)" = x86_64 ] || [[ $cflags != *-march=x86-64* ]] || skip "flags for x86-64"
    need_flags gcc "$cflags $cppflags" "$ldflags"
    builds CC=gcc "CFLAGS=$cflags" "CPPFLAGS=$cppflags" "LDFLAGS=$ldflags"
}

debian_flags() { # VARIABLE
    DEB_BUILD_MAINT_OPTIONS=hardening=+all dpkg-buildflags --get "$1"
}

# The same sources in two directories, of names of different lengths, one with a blank in it: the same command, the same
# library.
same_bytes() { # VARIABLE=VALUE...
    local directory
    for directory in a 'much longer/name with blanks'; do
        mkdir -p "$directory"
        (
            cd "$top" || exit 1
            git ls-files -z --cached 2>/dev/null | xargs -0r ls -d -- 2>/dev/null | grep . ||
                find . -mindepth 1 -maxdepth 1 ! -name .git ! -name build
        ) | tar -C "$top" -T - -c | tar -C "$directory" -x
        (cd "$directory" && make "-j$(nproc)" "$@" all) >log 2>&1 || fail "$*, in $directory: $(tail -n 3 log)"
        (cd "$directory/build" && sha256sum socksan libsocksan.so) >"$directory/sums"
    done
    diff a/sums 'much longer/name with blanks/sums' || fail "$*: the bytes differ"
}

if [ "${BUILDS:-}" = all ]; then
    for path in $(compgen -c | grep -xE '(gcc|clang)(-[0-9]+)?' | sort -uV); do
        name=${path//-/_}
        eval "t_compiler_${name}() { compiles $path; }"
        eval "t_compiler_${name}_lto_fortified() { compiles_lto_fortified $path; }"
    done
    t_flags_fedora() { with_flags "$fedora_cflags" '' "$fedora_ldflags"; }
    t_flags_arch() { with_flags "$arch_cflags" '' "$arch_ldflags"; }
    t_flags_ubuntu() { with_flags "$ubuntu_cflags" "$ubuntu_cppflags" "$ubuntu_ldflags"; }
    t_flags_debian() {
        need dpkg-buildflags
        with_flags "$(debian_flags CFLAGS)" "$(debian_flags CPPFLAGS)" "$(debian_flags LDFLAGS)"
    }
    t_flags_none() { builds CFLAGS= ; }
    t_flags_size() { builds CFLAGS=-Os; }
    t_flags_debug() { builds 'CFLAGS=-O0 -g3'; }
    t_same_bytes() { same_bytes CC=gcc; }
    t_same_bytes_lto() { same_bytes CC=gcc 'CFLAGS=-O2 -g -flto=auto'; }
    t_same_bytes_debian() {
        need dpkg-buildflags
        same_bytes CC=gcc "CFLAGS=$(debian_flags CFLAGS)" "CPPFLAGS=$(debian_flags CPPFLAGS)" \
            "LDFLAGS=$(debian_flags LDFLAGS)"
    }
    t_same_bytes_clang() {
        need clang
        same_bytes CC=clang
    }
fi

run_tests
