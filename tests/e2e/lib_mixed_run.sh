#!/usr/bin/env bash
# lib_mixed_run.sh: a run with a bit of everything, to be audited by formats.sh: nginx whose clients cut their downloads
# off, a Twisted client with a timer that outlives its connection, and C programs, one of which closes somebody else's
# descriptor. What is not installed is left out.
#
#   lib_mixed_run.sh SCRATCH PROGRAMS
#
# shellcheck disable=SC2317 # called through their names
set -u

scratch=$1 programs=$2
here=$(cd "$(dirname "$0")" && pwd)
python=/usr/bin/python3

accepts() { # PORT
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

wait_until() { # COMMAND...
    local i
    for ((i = 0; i < 500; i++)); do
        "$@" >/dev/null 2>&1 && return 0
        sleep 0.02
    done
    return 1
}

# The client asks for a large file, reads a little and is killed while the server is held up.
cut_download() { # PORT SERVER
    # shellcheck disable=SC2016 # for the other shell
    { bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$1" && printf "GET /big HTTP/1.0\r\n\r\n" >&3 &&
        head -c 1000 <&3 >/dev/null && kill -STOP "$2" && kill -KILL $$' cut "$1" "$2"; } 2>/dev/null
    kill -CONT "$2"
}

ask_and_go() { # PORT SERVER
    kill -STOP "$2"
    # shellcheck disable=SC2016
    { bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$1" && printf "GET /big HTTP/1.0\r\n\r\n" >&3 &&
        kill -KILL $$' ask "$1"; } 2>/dev/null
    kill -CONT "$2"
}

run_nginx() {
    local port server kind
    port=$((20000 + RANDOM % 12000))
    mkdir -p "$scratch/html" "$scratch/temporary"
    head -c 8000000 /dev/zero >"$scratch/html/big"
    {
        [ "$(id -u)" != 0 ] || echo "user $(id -un);"
        echo "daemon off; master_process off; pid $scratch/pid; error_log $scratch/error.log info;"
        echo "events { worker_connections 64; }"
        echo "http { access_log off; sendfile on; keepalive_timeout 5;"
        for kind in client_body proxy fastcgi uwsgi scgi; do
            echo "${kind}_temp_path $scratch/temporary/$kind;"
        done
        echo "server { listen 127.0.0.1:$port; root $scratch/html; } }"
    } >"$scratch/nginx.conf"
    nginx -p "$scratch" -e "$scratch/error.log" -c "$scratch/nginx.conf" &
    server=$!
    if wait_until accepts "$port"; then
        ask_and_go "$port" "$server"
        cut_download "$port" "$server"
        # An answer to another client shows that the server has dealt with those that went.
        wait_until accepts "$port"
        curl -s "http://127.0.0.1:$port/big" -o /dev/null
    fi
    kill -QUIT "$server"
    wait "$server"
}

run_python() {
    "$python" - <<'E'
import socket

def notify_peer(connection, line):
    connection.sendall(line)

listener = socket.create_server(("127.0.0.1", 0))
ours = socket.create_connection(listener.getsockname())
theirs, _ = listener.accept()
theirs.close()
assert ours.recv(10) == b""
notify_peer(ours, b"good")
try:
    notify_peer(ours, b"bye")
except BrokenPipeError:
    pass
E
}

PATH=$PATH:/usr/sbin
! command -v nginx >/dev/null || ! command -v curl >/dev/null || run_nginx
[ ! -x $python ] || run_python
if $python -c 'import twisted' 2>/dev/null && [ -e "$here/../python/tx_keep_alive.py" ]; then
    timeout 120 $python "$here/../python/tx_keep_alive.py" later
fi
"$programs/double_close" taken bad
"$programs/close_own" close bad
"$programs/threads" bad
"$programs/half_then_full" bad
exit 0
