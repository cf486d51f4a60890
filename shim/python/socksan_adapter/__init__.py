"""socksan's adapter for Python: reports the writes that Twisted and asyncio drop silently.

When such a framework is imported, some of its methods are wrapped. A wrapper returns and raises what the method does;
what it notes on the way it hands to libsocksan.so, by a write to a descriptor that no process has
(shim/runtime/runtime_channel.h): no foreign-function interface is loaded, no thread started, nothing is opened. Nothing
in here raises into the program.

This module is all that a program has of the adapter which imports no framework, so it imports next to nothing itself.
"""
import sys
from posix import write as _write

# The build inserts what is shared with the library (scripts/python-table): @TABLE@

CHANNEL = -0x736F636B

# The page that libsocksan.so keeps its numbers in, and reads the label from (shim/verdict/tally.h).
page = bytearray(PAGE_BYTES)
page[:13] = b"socksan page\0"
# [0]: bad writes and closes so far; then by kind and severity
numbers = memoryview(page)[EVENTS_AT:NUMBERS_END].cast("Q")
# Index of a byte of numbers[0] that changes with each event: comparing one byte is cheaper than comparing the number.
EVENTS = EVENTS_AT + (0 if sys.byteorder == "little" else 7)
_label_words = memoryview(page)[LABEL_TURN_AT:LABEL_AT].cast("I")

# Called without arguments when the interpreter ends.
at_end = []

# What is wrapped, by what, and what is missed where wrapping fails. Without the transports, dropped writes go unseen.
_PATCHES = {
    "asyncio.base_events": ("aio_timers", "patch_base_events", "timers"),
    "asyncio.events": ("aio_timers", "patch_events", "timers"),
    "asyncio.runners": ("aio_timers", "patch_runners", "timers"),
    "asyncio.selector_events": ("aio_transports", "patch_selector_events", "dropped writes"),
    "asyncio.sslproto": ("aio_transports", "patch_sslproto", "dropped writes"),
    "twisted.internet.base": ("tx_timers", "patch_base", "timers"),
    "twisted.internet.task": ("tx_timers", "patch_task", "timers"),
    "twisted.internet.tcp": ("tx_transports", "patch_tcp", "dropped writes"),
    "twisted.internet.udp": ("tx_transports", "patch_udp", "dropped writes"),
    "twisted.internet.unix": ("tx_transports", "patch_unix", "dropped writes"),
    "twisted.protocols.tls": ("tx_transports", "patch_tls", "dropped writes"),
    "twisted.trial._synctest": ("test_runners", "patch_trial", "names of tests"),
    "unittest.case": ("test_runners", "patch_unittest", "names of tests"),
    "_pytest.config": ("test_runners", "patch_pytest", "names of tests"),
    "uvloop": ("test_runners", "patch_uvloop", "dropped writes"),
}


def tell(verb, *arguments):
    """Sends a message to libsocksan.so; returns its answer, a number, or None where there is none."""
    try:
        return _write(CHANNEL, b"socksan " + b"\0".join((verb,) + arguments) + b"\0")
    except Exception:
        return None


def label():
    """What the process is running, as last given to set_label."""
    return bytes(page[LABEL_AT:LABEL_AT + _label_words[1]]).decode("utf-8", "replace")


def set_label(text):
    """Names what the process is running; an empty text ends that. Incidents carry the name."""
    name = text.encode("utf-8", "replace")[:LABEL_BYTES]
    _label_words[0] = (_label_words[0] + 1) & 0xFFFFFFFF
    page[LABEL_AT:LABEL_AT + len(name)] = name
    _label_words[1] = len(name)
    _label_words[0] = (_label_words[0] + 1) & 0xFFFFFFFF


def _patch(module):
    """Wraps the known parts of a module; reports what is not watched in a version that does not match."""
    where, name, lost = _PATCHES[module.__name__]
    refused = []
    try:
        from .wrapping import refused

        getattr(__import__(__name__ + "." + where, fromlist=["*"]), name)(module)
    except Exception as error:
        refused.append("%s: %s" % (type(error).__name__, error))
    if refused:
        text = "%s: %s not watched (%s: %s)" % (_product(module), lost, module.__name__, ", ".join(refused))
        del refused[:]
        tell(b"gap", b"%d" % (lost == "dropped writes"), text.encode("utf-8", "replace")[:400].replace(b"\n", b" "))


def _product(module):
    """The package that a module belongs to, with its version."""
    package = module.__name__.partition(".")[0]
    version = getattr(sys.modules.get(package), "__version__", None)
    return "%s %s" % (package.strip("_"), version or "of Python %d.%d.%d" % sys.version_info[:3])


class _Finder:
    """First on sys.meta_path until every framework has been imported; leaves the finding to the others."""

    def __init__(self):
        self.waiting = set(_PATCHES)

    def find_spec(self, name, path=None, target=None):
        if name not in self.waiting:
            return None
        for finder in list(sys.meta_path):
            find_spec = None if finder is self else getattr(finder, "find_spec", None)
            spec = find_spec(name, path, target) if find_spec else None
            if spec is not None:
                self.watch(spec.loader, name)
                return spec
        return None

    def watch(self, loader, name):
        """Makes the loader, which stays otherwise unchanged, run the patch after the module."""
        run = getattr(loader, "exec_module", None)
        if run is None or isinstance(loader, type):
            return

        def exec_module(module):
            loader.__dict__.pop("exec_module", None)
            loader.exec_module(module)
            if module.__name__ == name:
                self.met(module)

        try:
            loader.exec_module = exec_module
        except Exception:
            pass

    def met(self, module):
        self.waiting.discard(module.__name__)
        if not self.waiting and self in sys.meta_path:
            sys.meta_path.remove(self)
        _patch(module)


def _end():
    for function in at_end:
        try:
            function()
        except Exception:
            pass
    tell(b"no-page")  # this memory will be given back


def start():
    """Starts watching if libsocksan.so is loaded and asks for it."""
    if tell(b"hello") != 1 or _write(CHANNEL, page) != 1:
        return
    import atexit

    atexit.register(_end)
    finder = _Finder()
    for name in list(finder.waiting):
        if name in sys.modules:  # a .pth file has imported it
            finder.met(sys.modules[name])
    sys.meta_path.insert(0, finder)
