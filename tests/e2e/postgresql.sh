#!/usr/bin/env bash
# postgresql.sh: reports of several runs and hosts in a real PostgreSQL server, which this starts for itself: what is
# loaded, that loading again changes nothing, what is refused, and the answers of the five queries, held against the
# reports by jq.
#
#   tests/e2e/postgresql.sh BUILD [NAME]
#
# Prints `ok NAME`, `FAIL NAME: why` or `SKIP NAME: why` for each test; with NAME runs those whose name contains it.
#
# shellcheck disable=SC2317 # tests are called through their names
set -u

build=$(cd "${1:?usage: postgresql.sh BUILD [NAME]}" && pwd) || exit 1
only=${2:-}
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
socksan=$build/socksan
failed=0
# shellcheck source=tests/e2e/lib_report.sh
. "$here/lib_report.sh"

unset SOCKSAN_OPTIONS LD_PRELOAD "${!PG@}"
export LC_ALL=C.UTF-8 DEBUGINFOD_URLS=''
cd "$top" || exit 1

skip() {
    echo "SKIP postgresql: $1"
    exit 77
}

command -v jq >/dev/null || skip "jq is not installed"
command -v psql >/dev/null || skip "psql is not installed"
# Debian keeps the server's programs out of PATH.
for bin in $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V -r) \
    "$(dirname "$(command -v initdb || echo /nonexistent/x)")"; do
    [ ! -x "$bin/initdb" ] || [ ! -x "$bin/pg_ctl" ] || break
done
[ -x "$bin/initdb" ] || skip "the PostgreSQL server is not installed"

scratch=$(mktemp -d) || exit 1
cluster=$scratch/cluster
as_server=()
if [ "$(id -u)" = 0 ]; then
    # The server does not run as root.
    command -v setpriv >/dev/null || skip "setpriv is not installed"
    user=$(id -u nobody) group=$(id -g nobody)
    as_server=(setpriv --reuid="$user" --regid="$group" --clear-groups)
    chmod 755 "$scratch"
fi
mkdir "$cluster"
[ "$(id -u)" != 0 ] || chown "$user:$group" "$cluster"

stop_server() {
    "${as_server[@]}" "$bin/pg_ctl" -D "$cluster/data" -m immediate -w stop >/dev/null 2>&1
    rm -rf "$scratch"
}
trap stop_server EXIT

# Its own cluster, reached by a socket in a directory of ours alone: no port, no configuration of the machine's.
start_server() {
    (cd "$cluster" && "${as_server[@]}" "$bin/initdb" -D "$cluster/data" -U tester -A trust -E UTF8 --no-locale \
        --no-sync &&
        "${as_server[@]}" "$bin/pg_ctl" -D "$cluster/data" -l "$cluster/log" -w -t 60 \
            -o "-c listen_addresses='' -c unix_socket_directories='$cluster' -c fsync=off" start) >"$scratch/server" \
            2>&1
}

start_server || { echo "FAIL postgresql: the server does not start: $(tail -n 3 "$scratch/server" | tr '\n' '|')"; \
    exit 1; }
export PGHOST=$cluster PGUSER=tester PGDATABASE=postgres

run_test() { # NAME FUNCTION: prints what is wrong, and nothing where all is well
    [[ -z $only || postgresql/$1 == *"$only"* ]] || return 0
    conclude "$1" < <("$2" 2>&1) || failed=1
}

sql() { # STATEMENT
    psql -X -A -t -q -c "$1"
}

query() { # NAME [ARGUMENT]...: one of the five, a row a line, columns between bars
    psql -X -A -t -q "${@:2}" -f "scripts/postgresql/$1.sql"
}

# Each statement starts from nothing.
clear_tables() {
    sql 'drop schema if exists socksan cascade' 2>/dev/null
}

expect() { # WHAT FOUND EXPECTED
    [ "$2" = "$3" ] || printf '%s: found\n%s\nexpected\n%s\n' "$1" "$2" "$3"
}

# All there is but when it was loaded.
contents() {
    sql "select md5(string_agg(line, '|' order by line)) from (
        select to_jsonb(t) - 'loaded_at' #>> '{}' as line from socksan.runs t
        union all select t::text from socksan.processes t union all select t::text from socksan.sockets t
        union all select t::text from socksan.incidents t) as lines"
}

# --- Reports ----------------------------------------------------------------------------------------------------------

# A real run, and made-up ones of two other hosts, whose clocks show 2023.
make_reports() {
    # shellcheck disable=SC2016 # for the other shell
    "$socksan" run --error-exitcode=0 --format=jsonl --output="$scratch/real.jsonl" -- bash -c '
        "$0/row_b_peer_close" bad tcp4; "$0/close_own" close bad; "$0/echo" unix; exit 0' "$build/tests/programs" \
        >"$scratch/out" 2>&1 || return 1
    [ "$(jq -s 'map(select(.type == "incident")) | length' "$scratch/real.jsonl")" -ge 2 ] || return 1
    mkdir "$scratch/fleet"
    "$build/tests/unit/make_fleet" "$scratch/fleet" --traces 6 --hosts 2 --incidents 60 --sockets 600 || return 1
    for host in 0 1; do
        "$socksan" report --error-exitcode=0 --format=jsonl --output="$scratch/host$host.jsonl" \
            "$scratch/fleet/host000$host"-*.trace || return 1
    done
}

load() { # ARGUMENT...
    scripts/load-postgresql "$@"
}

load_all() {
    clear_tables
    load --host=alpha --service=ticker --run=17 "$scratch/real.jsonl"
    load --host=beta "$scratch/host0.jsonl"
    load --host=gamma --service=shop "$scratch/host1.jsonl"
}

# --- Loading ----------------------------------------------------------------------------------------------------------

loads_everything() {
    local file=$scratch/real.jsonl count
    load_all
    for count in 'processes|process' 'incidents|incident'; do
        expect "$count" "$(sql "select count(*) from socksan.${count%|*} where host = 'alpha'")" \
            "$(jq -s --arg type "${count#*|}" 'map(select(.type == $type)) | length' "$file")"
    done
    expect runs "$(sql "select host, run, service, errors, sockets from socksan.runs where host = 'alpha'")" \
        "$(jq -r 'select(.type == "summary") | "alpha|17|ticker|\(.error)|\(.sockets)"' "$file")"
    expect sockets "$(sql "select count(*) from socksan.sockets where host = 'alpha'")" \
        "$(jq -s 'map(select(.type == "incident") | .socket | values) | unique | length' "$file")"
    expect titles \
        "$(sql "select title, bytes_lost, outcome from socksan.incidents where host = 'alpha' order by first_ns")" \
        "$(jq -rs 'map(select(.type == "incident")) | sort_by(.first_ns)[] | "\(.title)|\(.bytes_lost)|\(.outcome)"' \
        "$file")"
    # To the nearest microsecond, which is what PostgreSQL has.
    expect times "$(sql "select extract(epoch from first_at)::numeric(20,6) from socksan.incidents where host = 'alpha'
            order by first_ns")" \
        "$(jq -rs 'map(select(.type == "incident")) | sort_by(.first_ns)[] | .time' "$file" |
            while read -r time; do date -u -d "$time" +%s%N; done |
            awk '{ us = substr($0, 11, 6) + (substr($0, 17, 3) >= 500); s = substr($0, 1, 10) + (us == 1000000)
                printf "%d.%06d\n", s, us % 1000000 }')"
}

all_sockets() {
    clear_tables
    load --sockets --host=alpha "$scratch/real.jsonl"
    expect sockets "$(sql 'select count(*) from socksan.sockets')" \
        "$(jq -s 'map(select(.type == "socket")) | length' "$scratch/real.jsonl")"
}

again_changes_nothing() {
    local before
    load_all
    before=$(contents)
    load --host=beta "$scratch/host0.jsonl"
    load --host=alpha --service=ticker --run=17 "$scratch/real.jsonl"
    load --host=gamma --service=shop - <"$scratch/host1.jsonl"
    expect contents "$(contents)" "$before"
}

# A later report of the same traces: the incident is the same one, with a higher count.
later_report() {
    load_all
    jq -c 'if .type == "incident" then .count += 5 | .outcome = "lost" else . end' "$scratch/host0.jsonl" \
        >"$scratch/later"
    load --host=beta "$scratch/later"
    expect incidents "$(sql "select count(*), sum(writes), count(*) filter (where outcome = 'lost')
            from socksan.incidents where host = 'beta'")" \
        "$(jq -rs 'map(select(.type == "incident")) | "\(length)|\(map(.count) | add)|\(length)"' "$scratch/later")"
    expect runs "$(sql "select count(*) from socksan.runs where host = 'beta'")" 2
}

refused() { # WHY FILE
    local output
    output=$(load --host=delta "$2" 2>&1) && echo "$2 was loaded"
    [[ $output == *"$1"* ]] || echo "expected \"$1\" in: $output"
    [[ $output == *"$2 was not loaded"* ]] || echo "not told that it was not loaded: $output"
    expect "rows of $2" "$(sql "select count(*) from socksan.runs where host = 'delta'")" 0
}

refuses_what_is_no_report() {
    load_all
    head -n -1 "$scratch/real.jsonl" >"$scratch/cut"
    refused 'cut short' "$scratch/cut"
    cat "$scratch/real.jsonl" "$scratch/real.jsonl" >"$scratch/two"
    refused 'one report is one file' "$scratch/two"
    echo '{"schema":"socksan-report/1"}' >"$scratch/other"
    refused 'line 1 is no line of a report' "$scratch/other"
    : >"$scratch/empty"
    refused 'it is empty' "$scratch/empty"
    # Damage inside a line: what stood before it is taken back.
    sed 's/"pid":/"pid":x/' "$scratch/real.jsonl" >"$scratch/damaged"
    refused 'invalid input syntax' "$scratch/damaged"
}

# Files that can be loaded are, whatever stands beside them.
others_are_loaded() {
    clear_tables
    load --host=beta "$scratch/nonexistent" "$scratch/host0.jsonl" >"$scratch/out" 2>&1 && echo "ended with 0"
    grep -q 'nonexistent cannot be read' "$scratch/out" || cat "$scratch/out"
    expect runs "$(sql 'select count(*) from socksan.runs')" 1
}

# Names come from the programs: quotes, what looks like SQL or like an escape, and the NUL that PostgreSQL cannot hold.
hostile_names() {
    clear_tables
    jq -c 'if .type == "incident" then .label = "a\u0000b\u0000\u0000c\\u0000 '"'"'; drop table x; -- \"q\" \\. $$"
        else . end' "$scratch/real.jsonl" >"$scratch/hostile"
    load --host="o'hara" --service="a'b\\c\"d" "$scratch/hostile"
    expect names "$(sql 'select distinct host, service, label from socksan.incidents')" \
        "o'hara|a'b\\c\"d|a�b��c\\u0000 '; drop table x; -- \"q\" \\. \$\$"
}

# --- The five queries -------------------------------------------------------------------------------------------------

incidents_of() { # FILE SERVICE: the incidents with what the queries group by
    jq -c --arg service "$2" 'select(.type == "incident" and .suppressed_by == null) | .service = $service' "$1"
}

all_incidents() {
    incidents_of "$scratch/real.jsonl" ticker
    incidents_of "$scratch/host0.jsonl" server
    incidents_of "$scratch/host1.jsonl" shop
}

# The made-up traces are of November 2023, the second host's an hour later; the real one is of now.
new_this_week() {
    load_all
    expect "this week" "$(query new-this-week | cut -d '|' -f 4,5 | sort)" \
        "$(incidents_of "$scratch/real.jsonl" ticker | jq -r '"ticker|\(.fingerprint)"' | sort -u)"
    expect "that week" "$(query new-this-week -v now='2023-11-15 12:00Z' | cut -d '|' -f 4,5,7 | sort)" \
        "$(all_incidents | jq -rs 'map(select(.service != "ticker")) | group_by([.service, .fingerprint])[] |
            "\(.[0].service)|\(.[0].fingerprint)|\(length)"' | sort)"
    expect "between the hosts" "$(query new-this-week -v now='2023-11-14 22:30Z' | cut -d '|' -f 4 | sort -u)" server
    expect "a week later" "$(query new-this-week -v now='2023-11-30 12:00Z')" ''
}

by_service() {
    load_all
    expect services "$(query by-service | cut -d '|' -f 1-5,8 | sort)" \
        "$(all_incidents | jq -rs 'group_by(.service)[] | . as $all | def of($s): map(select(.severity == $s)) | length;
            "\(.[0].service)|\(of("error"))|\(of("warning"))|\(of("note"))|\(map(.fingerprint) | unique | length)|" +
            "\(map(.bytes_lost) | add)"' | sort)"
}

by_fingerprint() {
    load_all
    expect fingerprints "$(query by-fingerprint | cut -d '|' -f 1-3,5-8 | sort)" \
        "$(all_incidents | jq -rs 'group_by(.fingerprint)[] | (map(.severity) | if index("error") then "error"
                elif index("warning") then "warning" else "note" end) as $worst |
            "\(.[0].fingerprint)|\(.[0].kind)|\($worst)|\(length)|\(map(.count) | add)|" +
            "\(map(.service) | unique | length)|\(map(.service) | unique | join(", "))"' | sort)"
    # Of a place the source is told where it is known.
    query by-fingerprint | cut -d '|' -f 4 | grep -qE '^[a-z_]+ \([a-z_]+\.c:[0-9]+\)$' || query by-fingerprint
}

by_peer() {
    load_all
    expect peers "$(query by-peer | cut -d '|' -f 1-3,5,6 | sort)" \
        "$(for file in real host0 host1; do
            jq -cs '(map(select(.type == "socket") | {key: .id, value: .}) | from_entries) as $sockets |
                .[] | select(.type == "incident" and .suppressed_by == null) |
                {severity, count, bytes_lost, peer: ($sockets[.socket // ""] | if (.peer // "") == "" then "unknown"
                    elif .origin == "accept" or (.protocol | startswith("unix")) then .peer
                    else "\(.peer):\(.peer_port)" end)}' "$scratch/$file.jsonl"
        done | jq -rs 'group_by(.peer)[] | "\(.[0].peer)|\(length)|\(map(select(.severity == "error")) | length)|" +
            "\(map(.count) | add)|\(map(.bytes_lost) | add)"' | sort)"
}

bytes_lost() {
    load_all
    expect bytes "$(query bytes-lost | sort)" \
        "$(all_incidents | jq -rs 'map(select(.bytes_lost > 0) | .day = .time[:10]) | group_by([.day, .service])[] |
            "\(.[0].day)|\(.[0].service)|\(map(.bytes_lost) | add)|\(length)|" +
            "\(map(select(.knowledge == "told")) | length)|\(map(.bytes_lost) | max)"' | sort)"
}

make_reports || { echo "FAIL postgresql: no reports: $(tail -n 1 "$scratch/out")"; exit 1; }
run_test loads_everything loads_everything
run_test all_sockets all_sockets
run_test again_changes_nothing again_changes_nothing
run_test later_report later_report
run_test refuses_what_is_no_report refuses_what_is_no_report
run_test others_are_loaded others_are_loaded
run_test hostile_names hostile_names
run_test new_this_week new_this_week
run_test by_service by_service
run_test by_fingerprint by_fingerprint
run_test by_peer by_peer
run_test bytes_lost bytes_lost
exit $failed
