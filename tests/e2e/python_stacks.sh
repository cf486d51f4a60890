#!/usr/bin/env bash
# python_stacks.sh: the Python stack of an incident, on every CPython that this machine has: the distribution's, those
# on PATH, pyenv's and uv's. And what is said of one that socksan does not know.
#
#   tests/e2e/python_stacks.sh BUILD [NAME...]
#
# shellcheck disable=SC2317 # tests are called through their names
# shellcheck source=tests/e2e/lib_python.sh
. "$(dirname "$0")/lib_python.sh"

# --- Two bugs in two places -------------------------------------------------------------------------------------------

# Two functions write too late by the same helper of the standard library: they are two places, with the callers' lines.
two_places() { # PYTHON VERSION
    run_audited "$1" "$programs/two_places.py"
    case $2 in
        3.[0-7].*) echo "SKIP: CPython $2 is older than what socksan supports (docs/PYTHON.md)"; return ;;
        3.9.* | 3.10.*) # they export nothing that a stack could be taken with
            text_says 'ran a Python interpreter whose stacks cannot be read'
            return ;;
    esac
    helper=$(line_of two_places 'connection.send(') order=$(line_of two_places 'of an order') \
        logout=$(line_of two_places 'of a logout') report_says <<'EOF'
only(["write-after-peer-close", "write-after-peer-close"])
[.incidents[].fingerprint] | unique | length == 2
.incidents | all(written_at("send"; $ENV.helper))
[.incidents[].stacks.write[] | select(.language == "python") | "\(.function):\(.line)"]
 | (index("finish_order:\($ENV.order)") != null and index("log_out:\($ENV.logout)") != null) or error(tojson)
.incidents[0].stacks.told | any(.[]; .function == "connect_to_nobody") or error("told by nobody")
.processes[0].coverage == [] and .processes[0].gaps == [] or error("something is not covered")
EOF
    text_says 'finish_order \(.*two_places.py:[0-9]+\)'
    text_says 'log_out \(.*two_places.py:[0-9]+\)'
}

# From wherever Python code can run: what the report has is what Python itself says of its stack.
shapes() { # PYTHON VERSION
    case $2 in
        3.[0-7].*) echo "SKIP: CPython $2 is older than what socksan supports (docs/PYTHON.md)"; return ;;
        3.9.* | 3.10.*) echo "SKIP: CPython $2 exports nothing that a stack could be taken with (docs/PYTHON.md)"; \
            return ;;
    esac
    run_audited "$1" "$programs/stacks.py"
    sort -n "$dir/out" >"$dir/said"
    # Up to 3.12 the interpreter prints itself what is not ASCII.
    jq -r '.incidents[] | "\(.bytes_offered / .count) " + ([.stacks.write[] | select(.language == "python")
        | "\(.function):\(.line)"] | join(" ") | gsub("\\\\xf6\\\\xdf"; "öß"))' "$dir/report.json" |
        sort -n >"$dir/taken"
    [ "$(wc -l <"$dir/said")" -ge 20 ] || echo "it says $(wc -l <"$dir/said") stacks: $(one_line <"$dir/said")"
    diff "$dir/said" "$dir/taken" | cut -c 1-200
    report_says <<<'.processes | all(.coverage == [] and .gaps == [])'
}

# Each interpreter once, whatever its names are.
interpreters() {
    local file
    {
        echo "$python"
        compgen -c python3. | grep -E '^python3\.[0-9]+$' | sort -u | while read -r file; do type -P "$file"; done
        compgen -G "${PYENV_ROOT:-$HOME/.pyenv}/versions/3*/bin/python3"
        compgen -G "${UV_PYTHON_INSTALL_DIR:-$HOME/.local/share/uv/python}/*/bin/python3"
    } | while read -r file; do
        "$file" -c 'import os, platform, sys
if sys.implementation.name == "cpython": print(platform.python_version(), os.path.realpath(sys.executable))' 2>/dev/null
    done | sort -u
}

number=0
while read -r version file; do
    number=$((number + 1))
    name=test_two_places_${version//[!0-9a-z]/_}_$number
    printf -v quoted %q "$file"
    eval "$name() { two_places $quoted $version; }
        ${name/two_places/shapes}() { shapes $quoted $version; }"
done < <(interpreters)

# --- What is not covered ----------------------------------------------------------------------------------------------

# Something that looks like an interpreter of the declared version, and writes too late.
interpreter_says() { # PY_VERSION_HEX, or nothing where it declares none
    local compiler=${CC:-cc}
    command -v "$compiler" >/dev/null || { echo "SKIP: there is no C compiler"; return 1; }
    "$compiler" -g -rdynamic ${1:+-DVERSION="$1"} -x c -o "$dir/interpreter" - <<'EOF' || return
#include <sys/socket.h>
#include <unistd.h>

#ifdef VERSION
struct { char cookie[8]; unsigned long long words[200]; } _PyRuntime = {"xdebugpy", {VERSION}};
#endif

void *PyGILState_GetThisThreadState(void)
{
	return 0;
}

int main(void)
{
	int ends[2];

	return socketpair(AF_UNIX, SOCK_STREAM, 0, ends) || close(ends[1]) || send(ends[0], "in vain", 7, MSG_NOSIGNAL) > 0;
}
EOF
    run_audited "$dir/interpreter"
    text_says 'ran a Python interpreter whose stacks cannot be read: native frames alone'
    report_says <<'EOF'
only(["write-after-peer-close"])
incident("write-after-peer-close") | by("write"; "main") and all(.stacks.write[]; .language == "native")
.processes[0].coverage == ["no_python_stacks"]
EOF
}

test_no_python_stacks() {
    interpreter_says
    report_says <<<'.processes[0].gaps == []'
}

test_unknown_version() {
    interpreter_says 0x036301f0ull || return
    text_says 'pid [0-9]+: CPython 3.99.1: this version of socksan does not know how its stacks are laid out'
}

# A version that is known, and whose table makes no sense.
test_unknown_layout() {
    interpreter_says 0x030d00f0ull || return
    text_says 'pid [0-9]+: CPython 3.13.0: this version of socksan does not know'
}

# What is not as the adapter knows it is left as it is, and the report names it. A forked child is told of, too.
test_refused_wraps() {
    mkdir -p "$dir/fake/twisted/internet"
    echo '__version__ = "99.1"' >"$dir/fake/twisted/__init__.py"
    touch "$dir/fake/twisted/internet/__init__.py"
    cat >"$dir/fake/twisted/internet/tcp.py" <<'EOF'
class abstract:
    class FileDescriptor:
        def connectionLost(self, reason):
            pass


class Connection:
    def write(self, data, urgent):
        return urgent

    def writeSequence(self, data):
        pass

    def loseConnection(self):
        pass
EOF
    PYTHONPATH=$dir/fake run_audited "$python" -c '
import os, socket
from twisted.internet import tcp
ends = socket.socketpair()
print(tcp.Connection().write(b"", urgent="untouched"))
if os.fork() == 0:
    socket.socket()
    os._exit(0)
os.wait()'
    prints '^untouched$'
    text_says 'twisted 99.1: dropped writes not watched'\
' \(twisted.internet.tcp: Connection.write, Connection.abortConnection\)'
    text_says 'but not everything was audited'
    report_says <<'EOF'
.processes | length == 2 and all(.coverage == ["runtime_gaps"] and (.gaps | length) == 1)
EOF
}

# Without it a test has no name; no write is lost for that.
test_refused_runner() {
    mkdir -p "$dir/fake/_pytest"
    echo '__version__ = "99.1"' >"$dir/fake/_pytest/__init__.py"
    echo 'get_config = 1' >"$dir/fake/_pytest/config.py"
    PYTHONPATH=$dir/fake run_audited "$python" -c 'import _pytest.config, socket; socket.socketpair()'
    text_says 'pytest 99.1: names of tests not watched \(_pytest.config: _pytest.config.get_config\)'
    report_says <<<'.processes[0] | .coverage == [] and (.gaps | length) == 1'
}

run_tests
