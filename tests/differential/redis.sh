# shellcheck shell=bash disable=SC2034,SC2154,SC2317 # read and called by scripts/differential-foreign
# redis.sh: those units of redis' Tcl suite that are about connections: clients and their limits, blocking, pub/sub,
# replication, cluster links, the server's end. One client at a time, so that each line of its output belongs to a
# known unit.

suite_source=redis
suite_packages='tcl procps'
suite_programs='tclsh ps'
suite_limit=600

suite_build() {
    make -s -j2 -C src MALLOC=libc redis-server redis-cli redis-benchmark redis-check-aof redis-check-rdb redis-sentinel
}

# Without integration/replication, integration/psync2* and others that load the machine for minutes.
suite_units='
unit/auth unit/protocol unit/networking unit/pubsub unit/pubsubshard unit/quit unit/multi unit/info unit/limits
unit/obuf-limits unit/querybuf unit/pendingquerybuf unit/replybufsize unit/client-eviction unit/tracking
unit/introspection unit/introspection-2 unit/shutdown unit/pause unit/wait unit/slowlog
unit/cluster/links unit/cluster/misc
unit/type/list
integration/block-repl integration/replication-2 integration/replication-3 integration/replication-buffer
integration/shutdown
integration/redis-cli integration/redis-benchmark integration/logging integration/failover
'

suite_run() { # [TEST...]
    local unit units
    cp -r "$suite/tests" "$suite/runtest" "$suite/redis.conf" . && ln -s "$suite/src" src
    read -r -d '' -a units <<<"$suite_units"
    # The name of a test begins with its unit's.
    [ $# = 0 ] || mapfile -t units < <(printf '%s\n' "$@" | sed 's/: .*//' | sort -u)
    for unit in "${units[@]}"; do
        echo "unit $unit"
        timeout -k 5 300 ./runtest --clients 1 --single "$unit" </dev/null
    done
}

suite_results() {
    sed 's/\x1b\[[0-9;]*m//g' | sed -nE '/^unit /{ s///; h }
        s/ \([0-9.]+ (ms|seconds)\)$//
        /^\[(ok|err|exception|ignore|skip)\]: /{ G; s/^\[ok\]: (.*)\n(.*)/\2: \1\tpassed/p
            s/^\[err\]: (.*) in tests\/.*\n(.*)/\2: \1\tfailed/p
            s/^\[exception\]: (.*)\n(.*)/\2\tfailed: \1/p
            s/^\[(ignore|skip)\]: (.*)\n(.*)/\3: \2\tskipped/p }'
}
