# shellcheck shell=bash disable=SC2034,SC2154,SC2317 # read and called by scripts/differential-foreign
# libevent.sh: libevent's regression tests, with each of its three back ends for Linux.

suite_source=libevent
suite_packages='libssl-dev'
suite_limit=500

suite_build() {
    ./configure --disable-shared --disable-samples --quiet
    make -s -j2 check_PROGRAMS= all
    make -s -j2 test/regress
}

suite_run() { # [TEST...]
    local backend names
    for backend in epoll poll select; do
        # The name of a test begins with its back end's.
        mapfile -t names < <(printf '%s\n' "$@" | sed -n "s/^$backend: //p")
        [ $# = 0 ] || [ ${#names[@]} -gt 0 ] || continue
        echo "back end $backend"
        (
            [ $backend = epoll ] || export EVENT_NOEPOLL=1
            [ $backend != select ] || export EVENT_NOPOLL=1
            "$suite/test/regress" ${names[@]+"${names[@]}"} 2>&1
        )
    done
}

# What a test prints itself comes between its name and its result. One that fails can be tried again: the last result
# counts.
suite_results() {
    awk '/^back end / { backend = $3 }
        /^[a-z_0-9]+\/[^ :]+: / { name = backend ": " substr($1, 1, length($1) - 1) }
        name != "" && /FAILED\]$/ { result[name] = "failed" }
        name != "" && /OK$/ { result[name] = "passed" }
        name != "" && /(SKIPPED|DISABLED)$/ { result[name] = "skipped" }
        END { for (name in result) print name "\t" result[name] }'
}

suite_known() { # WAY TEST
    case "$1 $2" in
        quarantined\ *:\ dns/bufferevent_connect_hostname_emfile)
            # It wants no number to be left; those that the quarantine kept are given back, since they are short.
            echo "it lowers RLIMIT_NOFILE to the number that it was given last;" \
                "with a quarantine, lower ones can be had"
            ;;
    esac
}
