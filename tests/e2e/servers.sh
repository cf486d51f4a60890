#!/usr/bin/env bash
# servers.sh: real programs of the distribution under `socksan run`, each once with a peer that goes and once with one
# that behaves: redis-server, nginx, curl, Python.
#
#   tests/e2e/servers.sh BUILD [NAME...]
#
# Everything is started and ended here, on ports of 127.0.0.1 that were free; every wait has a bound. What is not
# installed is skipped. With NAMEs, only tests whose name contains one of them.
#
# shellcheck disable=SC2015,SC2317 # tests are called through their names
set -u

build=$(cd "${1:?usage: servers.sh BUILD [NAME...]}" && pwd) || exit 1
shift
here=$(cd "$(dirname "$0")" && pwd)
bound=60 # seconds, for one wait

unset SOCKSAN_OPTIONS LD_PRELOAD PYTHONSTARTUP
export LC_ALL=C.UTF-8 DEBUGINFOD_URLS='' PATH=$PATH:/usr/sbin
# shellcheck source=tests/e2e/lib_report.sh
. "$here/lib_report.sh"

scratch=$(mktemp -d) || exit 1
started=() # process ids that must not outlive us
failed=0

clean_up() {
    local pid
    for pid in ${started[@]+"${started[@]}"}; do
        kill -KILL "$pid" 2>/dev/null
    done
    rm -rf "$scratch"
}
trap clean_up EXIT

# --- What the tests are written with ---------------------------------------------------------------------

# Waits until the command succeeds.
wait_until() { # COMMAND...
    local i
    for ((i = 0; i < bound * 50; i++)); do
        "$@" >/dev/null 2>&1 && return 0
        sleep 0.02
    done
    return 1
}

accepts() { # PORT
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

gone() { # PID
    ! kill -0 "$1" 2>/dev/null
}

free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 12000))
        accepts "$port" || break
    done
    echo "$port"
}

child_of() { # PID
    local children
    children=$(cat "/proc/$1/task/$1/children" 2>/dev/null)
    [ -n "$children" ] && echo "${children%% *}"
}

has_child() { # PID
    child_of "$1" >/dev/null
}

# Starts a command under socksan in the background, which reads from $input; its report is $dir/report.json. Sets
# $auditor and $audited, the process ids of socksan and of the command.
input=/dev/null
start_audited() { # COMMAND...
    "$build/socksan" run --format=json --output="$dir/report.json" --error-exitcode=0 -- "$@" \
        <"$input" >"$dir/out" 2>"$dir/err" &
    auditor=$!
    started+=("$auditor")
    wait_until has_child "$auditor" || return 1
    audited=$(child_of "$auditor")
    started+=("$audited")
}

# Ends what start_audited started, by the signal, and waits for the report.
stop_audited() { # SIGNAL
    kill "-$1" "$audited"
    wait_until gone "$auditor" || return 1
    wait "$auditor"
    [ -s "$dir/report.json" ]
}

# Runs a line of another shell that ends by killing itself, without a word on that.
killed() { # SCRIPT [ARGUMENT...]
    local script=$1
    shift
    { bash -c "$script" killed "$@"; } 2>/dev/null
    return 0
}

# A client that sends a request, in one piece, and is killed at once, before it has read anything.
client_killed() { # PORT REQUEST
    printf '%b' "$2" >"$dir/request"
    # shellcheck disable=SC2016 # for the other shell
    killed 'exec 3<>"/dev/tcp/127.0.0.1/$1" && cat "$2" >&3 && kill -KILL $$' "$1" "$dir/request"
}

# Reads expressions and holds the report against them.
judge() { # EACH
    report_check "$dir/report.json" "${1:-}"
}

# shellcheck source=tests/e2e/lib_names.sh
. "$(dirname "$0")/lib_names.sh"
names=("$@")

# Runs a test: a function that prints what is wrong, and nothing where all is well. NEEDS is the program it needs.
run_test() { # NEEDS NAME FUNCTION [ARGUMENT...]
    local needs=$1 name=$2
    shift 2
    wanted "$name" || return 0
    if ! command -v "$needs" >/dev/null; then
        echo "SKIP $name: $needs is not installed"
        return 0
    fi
    dir=$scratch/$name
    mkdir -p "$dir"
    "$@" >"$dir/reasons" 2>&1
    conclude "$name" <"$dir/reasons" || failed=1
}

# --- redis-server ----------------------------------------------------------------------------------------

start_redis() {
    port=$(free_port)
    start_audited redis-server --port "$port" --bind 127.0.0.1 --save '' --appendonly no --dir "$dir" \
        --enable-debug-command yes && wait_until accepts "$port" || { echo "redis-server did not start"; return 1; }
    redis-cli -p "$port" set big "$(printf '%100000s' '')" >"$dir/set"
    grep -q OK "$dir/set" || echo "no value was set"
}

# The client asks for 200 kB and is killed while the server is busy: the answers come after it has gone.
redis_killed() {
    start_redis || return
    client_killed "$port" 'DEBUG SLEEP 0.3\r\nGET big\r\nGET big\r\n'
    redis-cli -p "$port" ping >"$dir/ping" || echo "the server does not answer"
    stop_audited TERM || { echo "no report"; return; }
    judge <<'E'
only(["write-after-peer-close"])
incident("write-after-peer-close") | shows({knowledge: "kernel", outcome: "lost", severity: "warning", call: "writev",
 errno: "", sigpipe: "none", count: 1})
incident("write-after-peer-close") | .bytes_accepted > 5 and .bytes_lost > 0
incident("write-after-peer-close") | [.stacks.write[].function] | index("writeToClient") and index("main")
 or error(join(" < "))
socket_of(incident("write-after-peer-close")) | shows({origin: "accept", protocol: "tcp", local: "127.0.0.1",
 peer: "127.0.0.1"})
writes_after("peer_close") == 1
E
}

redis_well() {
    start_redis || return
    [ "$(redis-cli -p "$port" get big | wc -c)" = 100001 ] || echo "the value is not there"
    stop_audited TERM || { echo "no report"; return; }
    judge <<<'silent_and_open'
}

# --- nginx -----------------------------------------------------------------------------------------------

start_nginx() { # MASTER_PROCESS
    port=$(free_port)
    mkdir -p "$dir/html" "$dir/temporary"
    head -c 8000000 /dev/zero >"$dir/html/big"
    {
        [ "$(id -u)" != 0 ] || echo "user $(id -un);"
        echo "daemon off; master_process $1; worker_processes 1; pid $dir/pid; error_log $dir/error.log info;"
        echo "events { worker_connections 64; }"
        echo "http { access_log off; sendfile on; keepalive_timeout 5;"
        for kind in client_body proxy fastcgi uwsgi scgi; do
            echo "${kind}_temp_path $dir/temporary/$kind;"
        done
        echo "server { listen 127.0.0.1:$port; root $dir/html; } }"
    } >"$dir/nginx.conf"
    start_audited nginx -p "$dir" -e "$dir/error.log" -c "$dir/nginx.conf" && wait_until accepts "$port" ||
        { echo "nginx did not start: $(tail -n 1 "$dir/err")"; return 1; }
    worker=$audited
    if [ "$1" = on ]; then
        wait_until has_child "$audited" || { echo "nginx has no worker"; return 1; }
        worker=$(child_of "$audited")
        started+=("$worker")
    fi
}

# The client asks for a large file and is killed while the worker is held up. nginx learns that it has gone from the
# very event that brings the request, and answers all the same.
nginx_killed() { # MASTER_PROCESS
    start_nginx "$1" || return
    kill -STOP "$worker"
    client_killed "$port" 'GET /big HTTP/1.0\r\n\r\n'
    kill -CONT "$worker"
    [ "$(curl -s "http://127.0.0.1:$port/big" | wc -c)" = 8000000 ] || echo "the next download is not whole"
    stop_audited QUIT || { echo "no report"; return; }
    judge "$1" <<'E'
only(["write-after-peer-close", "write-after-reset"])
incident("write-after-peer-close") | shows({knowledge: "told", outcome: "lost", severity: "error", call: "writev",
 errno: "", sigpipe: "none", count: 1}) and .bytes_lost > 0 and .told_by.call == "epoll_wait"
incident("write-after-peer-close") | [.stacks.write[].function] | index("ngx_writev_chain") or index("ngx_writev")
 or index("ngx_linux_sendfile_chain") or error(join(" < "))
incident("write-after-reset") | shows({knowledge: "told", outcome: "rejected", severity: "error", call: "sendfile",
 errno: "EPIPE", count: 1})
socket_of(incident("write-after-reset")) | shows({origin: "accept", protocol: "tcp", peer: "127.0.0.1"})
.processes | any(.ended == "exited")
E
}

# The client is killed in the middle of the download. nginx sees the reset, asks what it was, and writes no more: what
# it had written before and nobody acknowledged is lost, and nobody had known.
nginx_aborted() {
    start_nginx off || return
    # shellcheck disable=SC2016 # for the other shell
    killed 'exec 3<>"/dev/tcp/127.0.0.1/$1" && printf "GET /big HTTP/1.0\r\n\r\n" >&3 && head -c 1000 <&3 >/dev/null &&
        kill -STOP "$2" && kill -KILL $$' "$port" "$worker"
    kill -CONT "$worker"
    [ "$(curl -s "http://127.0.0.1:$port/big" | wc -c)" = 8000000 ] || echo "the next download is not whole"
    stop_audited QUIT || { echo "no report"; return; }
    judge <<'EOF'
only(["write-after-reset"])
incident("write-after-reset") | shows({knowledge: "nobody", outcome: "lost", severity: "warning"}) and .bytes_lost > 0
EOF
}

nginx_well() {
    start_nginx "$1" || return
    for _ in 1 2 3; do
        [ "$(curl -s "http://127.0.0.1:$port/big" | wc -c)" = 8000000 ] || echo "the download is not whole"
    done
    stop_audited QUIT || { echo "no report"; return; }
    judge <<<'silent_and_open'
}

# --- curl ------------------------------------------------------------------------------------------------

blocked_in_read_of_stdin() { # PID
    grep -q '^0 0x0 ' "/proc/$1/syscall"
}

# curl uploads its standard input. The server resets while curl waits for more of it; then more comes, and curl, which
# has not been told, sends it.
curl_reset() {
    local port line status input=$dir/upload
    mkfifo "$input"
    # Open for both, so that neither end waits for the other.
    exec 4<>"$input"
    coproc SERVER { exec "$build/tests/programs/resetting_server" first; }
    started+=("$SERVER_PID")
    read -r -t "$bound" port <&"${SERVER[0]}" || { echo "the server did not start"; return; }
    start_audited curl -sS -H 'Expect:' -T - "http://127.0.0.1:$port/" 4>&- || { echo "curl did not start"; return; }
    echo first >&4
    read -r -t "$bound" line <&"${SERVER[0]}" && [ "$line" = received ] || echo "nothing was received"
    wait_until blocked_in_read_of_stdin "$audited" || echo "curl does not wait for its input"
    echo >&"${SERVER[1]}"
    read -r -t "$bound" line <&"${SERVER[0]}" && [ "$line" = reset ] || echo "the server did not reset"
    echo second >&4
    exec 4>&-
    wait "$auditor"
    status=$?
    [ "$status" = 55 ] || echo "curl ended with $status, not 55: $(cat "$dir/err")"
    judge <<'E'
only(["write-after-reset"])
incident("write-after-reset") | shows({knowledge: "kernel", outcome: "rejected", severity: "warning", call: "send",
 errno: "ECONNRESET", sigpipe: "none", count: 1, bytes_accepted: 0})
incident("write-after-reset") | .stacks.write | any(.module | test("libcurl"))
incident("write-after-reset") | [.stacks.write[].function] | index("curl_easy_perform") or index("curl_multi_perform")
 or error(join(" < "))
socket_of(incident("write-after-reset")) | shows({origin: "connect", protocol: "tcp", peer: "127.0.0.1", end: "reset"})
E
}

curl_well() {
    local port
    port=$(free_port)
    mkdir "$dir/served"
    head -c 3000000 /dev/zero >"$dir/served/file"
    /usr/bin/python3 -m http.server --bind 127.0.0.1 --directory "$dir/served" "$port" >"$dir/server" 2>&1 &
    local server=$!
    started+=("$server")
    wait_until accepts "$port" || { echo "the server did not start"; return; }
    "$build/socksan" run --format=json --output="$dir/report.json" -- \
        curl -sS -o "$dir/1" "http://127.0.0.1:$port/file" -o "$dir/2" "http://127.0.0.1:$port/file" ||
        echo "curl failed"
    kill "$server"
    cmp "$dir/served/file" "$dir/2" || echo "the download is not whole"
    judge <<<'silent_and_open'
}

# --- Python ----------------------------------------------------------------------------------------------

python=/usr/bin/python3

python_script() { # WELL
    cat <<'E'
import socket
import sys

def notify_peer(connection, line):
    connection.sendall(line)

def look(connection):
    return connection.recv(10)

well = sys.argv[1] == "well"
listener = socket.create_server(("127.0.0.1", 0))
ours = socket.create_connection(listener.getsockname())
theirs, _ = listener.accept()
if well:
    notify_peer(ours, b"hello")
theirs.close()
if well:
    ours.close()
    sys.exit(0)
assert look(ours) == b""
notify_peer(ours, b"good")
try:
    notify_peer(ours, b"bye")
except BrokenPipeError:
    print("broken pipe")
E
}

python_misuse() {
    python_script >"$dir/script.py"
    "$build/socksan" run --format=json --output="$dir/report.json" --error-exitcode=0 -- \
        "$python" "$dir/script.py" bad >"$dir/out" || echo "the script failed"
    [ "$(cat "$dir/out")" = "broken pipe" ] || echo "the script does not see what it sees without an audit"
}

python_told() {
    python_misuse
    judge <<'E'
only(["write-after-peer-close", "write-after-reset"])
incident("write-after-peer-close") | shows({knowledge: "told", outcome: "lost", severity: "error", call: "send",
 bytes_lost: 4, sigpipe: "none"}) and .told_by.call == "recv"
incident("write-after-reset") | shows({knowledge: "told", outcome: "rejected", severity: "error", call: "send",
 errno: "EPIPE", bytes_offered: 3, sigpipe: "none"})
.incidents | all([.stacks.write[].function] | index("_PyEval_EvalFrameDefault") and index("Py_BytesMain"))
E
}

# The stacks as the script's author knows them.
python_stacks() {
    python_misuse
    judge <<'E'
.incidents | length == 2 and all(.stacks.write | any(.function == "notify_peer" and .language == "python"
 and (.file | endswith("script.py")) and .line == 5))
incident("write-after-peer-close") | .stacks.told | any(.function == "look" and .language == "python")
E
}

python_well() {
    python_script >"$dir/script.py"
    "$build/socksan" run --format=json --output="$dir/report.json" -- "$python" "$dir/script.py" well ||
        echo "the script failed"
    judge <<<'silent_and_open'
}

# ---------------------------------------------------------------------------------------------------------

command -v jq >/dev/null || { echo "SKIP servers: jq is not installed"; exit 77; }

run_test redis-server redis.killed redis_killed
run_test redis-server redis.well redis_well
for master in off on; do
    run_test nginx "nginx.killed.master_$master" nginx_killed "$master"
    run_test nginx "nginx.well.master_$master" nginx_well "$master"
done
run_test nginx nginx.aborted nginx_aborted
run_test curl curl.reset curl_reset
run_test curl curl.well curl_well
run_test "$python" python.told python_told
run_test "$python" python.stacks python_stacks
run_test "$python" python.well python_well
exit $failed
