#!/usr/bin/env bash
# node.sh: programs of Node under `socksan run`: what a read tells them, and their changes to epoll, which newer
# versions of libuv make through a ring of io_uring.
#
#   tests/e2e/node.sh BUILD [NAME]
#
# NODES: the nodes to try, with blanks between them; `node` unless said.
#
# shellcheck disable=SC2317 # tests are called through their names
set -u

build=$(cd "${1:?usage: node.sh BUILD [NAME]}" && pwd) || exit 1
only=${2:-}
here=$(cd "$(dirname "$0")" && pwd)
programs=$here/../node

unset SOCKSAN_OPTIONS LD_PRELOAD NODE_OPTIONS UV_USE_IO_URING
export LC_ALL=C.UTF-8 DEBUGINFOD_URLS=
# shellcheck source=tests/e2e/lib_tests.sh
. "$here/lib_tests.sh"
# shellcheck source=tests/e2e/lib_report.sh
. "$here/lib_report.sh"

# Calls a function for each node that there is, with its path and version; the test is skipped where there is none.
each_node() { # FUNCTION
    local node found='' nodes
    need jq
    read -r -a nodes <<<"${NODES:-node}"
    for node in "${nodes[@]}"; do
        command -v "$node" >/dev/null || continue
        found=1
        "$1" "$node" "$("$node" --version)"
    done
    [ -n "$found" ] || skip "there is no ${NODES:-node}"
}

run_audited() { # NODE SCRIPT [ARGUMENT...]
    local node=$1 status=0
    shift
    timeout -k 5 300 "$build/socksan" run --format=json --output=report.json --error-exitcode=0 -- "$node" "$@" \
        >out 2>err </dev/null || status=$?
    [ "$status" = 0 ] || fail "$node ended with $status: $(tail -n 3 err)"
}

# Reads expressions and holds the report against them.
judge() { # VERSION
    local reasons
    cat >expressions
    reasons=$(report_check report.json "" expressions)
    [ -z "$reasons" ] || fail "$1: $reasons"
}

is_told() {
    run_audited "$1" "$programs/told.js" bad
    judge "$2" <<'END'
[.incidents[].kind] | length >= 1 and all(. == "write-after-peer-close" or . == "write-after-reset")
.incidents[0] | shows({kind: "write-after-peer-close", knowledge: "told", severity: "error", bytes_offered: 10})
.incidents[0].told_by.call == "read" and (.incidents[0].stacks.told | length > 0)
socket_of(.incidents[0]) | .origin == "connect" and .connected_ns > 0 and .connected_ns < .peer_closed_ns
not_warned_of_io_uring
END
}

t_is_told_by_a_read() {
    each_node is_told
}

believes_it() {
    run_audited "$1" "$programs/told.js" ok
    judge "$2" <<'END'
silent_and_open
not_warned_of_io_uring
END
}

t_believes_what_it_was_told() {
    each_node believes_it
}

run_tests
