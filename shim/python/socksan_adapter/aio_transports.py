"""asyncio's transports: which writes they throw away.

A selector transport counts in _conn_lost what it is asked to write once its end is decided, and writes nothing; so does
SSLProtocol for the transport that it shows to the program. What SSLProtocol itself writes to the transport below it is
not the program's. Pipes of subprocesses are none of our business.
"""
import os
import sys

from . import EVENTS, numbers, page, stacks
from .reports import Watch, annotate, count_live, dropped, place_of_caller, run_under_way, when_it_matters
from .wrapping import FILE, wrap

_getframe = sys._getframe
_directory = _tls_file = ""  # asyncio's, and in it the one whose writes and closes are not the program's
_on_eof = _run_callback = None  # code: of what closes a transport for its peer; of what the loop calls all else by


def _way_from(frame):
    """How asyncio came here: the code of its own frames from here outwards, and the first frame that is the program's,
    None where asyncio's loop itself called. How many frames lie between differs from version to version."""
    codes = []
    while frame is not None:
        code = frame.f_code
        if code is _run_callback:
            return codes, None
        if code.co_filename != FILE and not code.co_filename.startswith(_directory):
            break
        codes.append(code)
        frame = frame.f_back
    return codes, frame


def _is_tls(codes):
    return any(code.co_filename == _tls_file for code in codes)


def _watch(transport):
    watch = transport.__dict__.get("_socksan")
    if watch is None:
        watch = transport.__dict__["_socksan"] = Watch("asyncio")
    return watch


def _size(data):
    if isinstance(data, memoryview):
        return data.nbytes
    return len(data)


def _size_of_all(parts):
    return sum(_size(part) for part in parts) if isinstance(parts, (list, tuple)) else 0


def _connection(transport):
    """The addresses as the transport took them down when it was made."""
    ends = [transport.get_extra_info(name) for name in ("sockname", "peername")]
    return "%s -> %s" % tuple(ends) if any(ends) else None


# --- Transports of sockets ---


def _lost_write(transport, size):
    """A write was thrown away."""
    try:
        frame = stacks.outside(_getframe(3))
        while frame is not None and frame.f_globals.get("__name__") == "asyncio.transports":
            frame = frame.f_back  # writelines, which joins and writes
        if not size or frame is None or _is_tls(_way_from(frame)[0]):
            return
        watch = _watch(transport)
        watch.take_socket(transport._sock)
        dropped(watch, size, watch.told or transport._sock is None, frame, connection=_connection(transport))
    except Exception:
        pass


def _unusual_write(transport, data, before, size_of):
    """The write was thrown away, or ran into a dead connection, or went into the transport's buffer, in part
    perhaps."""
    try:
        if page[EVENTS] != before:
            annotate(numbers[0] - (page[EVENTS] - before) % 256)
        if transport._conn_lost:
            # It is 1 where the end was decided just now, in this very write, or where there was nothing to write.
            if transport._conn_lost > 1:
                _lost_write(transport, size_of(data))
        elif transport._buffer:
            _watch(transport).asked_by(place_of_caller(_getframe(2)), run_under_way(), True)
    except Exception:
        pass


def _make_write(original):
    def write(self, data):
        before = page[EVENTS]
        result = original(self, data)
        if self._conn_lost or self._buffer or page[EVENTS] != before:
            _unusual_write(self, data, before, _size)
        return result

    return write


def _make_writelines(original):
    def writelines(self, list_of_data):
        before = page[EVENTS]
        result = original(self, list_of_data)
        if self._conn_lost or self._buffer or page[EVENTS] != before:
            _unusual_write(self, list_of_data, before, _size_of_all)
        return result

    return writelines


def _make_counting_write(original):
    def write(self, data):
        result = original(self, data)
        if not self._conn_lost:
            count_live()
        return result

    return write


def _make_write_ready(original):
    def _write_ready(self):
        events = numbers[0]
        try:
            return original(self)
        finally:
            watch = self.__dict__.get("_socksan")
            if watch is not None:
                if numbers[0] != events:
                    annotate(events, watch.callers)
                if not self._buffer:
                    watch.callers = ()

    return _write_ready


def _closed_sendto(transport, data):
    try:
        _lost_write(transport, _size(data))
    except Exception:
        pass


def _make_sendto(original):
    def sendto(self, data, addr=None):
        lost = self._conn_lost
        before = page[EVENTS]
        try:
            result = original(self, data, addr)
        except AttributeError:
            if self._sock is None:
                _closed_sendto(self, data)
            raise
        if (lost and self._conn_lost != lost) or page[EVENTS] != before:
            _unusual_write(self, data, before, _size)
        return result

    return sendto


def _make_close(original):
    def close(self):
        if not self._closing:
            _note_close(self)
        return original(self)

    return close


def _note_close(transport):
    try:
        watch = _watch(transport)
        frame = _getframe(2)
        codes, program = _way_from(frame)
        if _on_eof in codes:
            watch.lost("the peer closed")
            watch.told = True  # eof_received has been called
        elif not _is_tls(codes):
            watch.ended_by("own close", stacks.place(program or frame))
        watch.take_socket(transport._sock)
    except Exception:
        pass


def _make_abort(original):
    def abort(self):
        if not self._conn_lost:
            _note_own_end(self, "own abort")
        return original(self)

    return abort


def _note_own_end(transport, why):
    try:
        frame = _getframe(2)
        codes, program = _way_from(frame)
        if not _is_tls(codes):
            _watch(transport).ended_by(why, stacks.place(program or frame))
    except Exception:
        pass


def _make_force_close(original):
    def _force_close(self, exc):
        if not self._conn_lost:
            _note_end(self, exc)
        return original(self, exc)

    return _force_close


def _note_end(transport, error):
    try:
        watch = _watch(transport)
        if error is not None:
            watch.lost("by %s" % ("%s: %s" % (type(error).__name__, error)).rstrip(": "))
        watch.take_socket(transport._sock)
    except Exception:
        pass


def patch_selector_events(module):
    global _directory, _tls_file, _on_eof, _run_callback
    _directory = os.path.dirname(module.__file__) + os.sep
    _tls_file = _directory + "sslproto.py"
    _run_callback = module.events.Handle._run.__code__
    _on_eof = module._SelectorSocketTransport._read_ready__on_eof.__code__
    base = module._SelectorTransport
    wrap(base, "close", _make_close)
    wrap(base, "abort", _make_abort)
    wrap(base, "_force_close", _make_force_close)
    stream = module._SelectorSocketTransport
    wrap(stream, "write", _make_write)
    if "writelines" in stream.__dict__:
        wrap(stream, "writelines", _make_writelines)
    for name in ("_write_ready", "_write_sendmsg", "_write_send"):
        if name in stream.__dict__:
            wrap(stream, name, _make_write_ready)
    wrap(module._SelectorDatagramTransport, "sendto", _make_sendto)

    def count():
        wrap(stream, "write", _make_counting_write)
        if "writelines" in stream.__dict__:
            wrap(stream, "writelines", _make_counting_write)

    when_it_matters.append(count)


# --- TLS ---


def _lost_tls_write(transport, protocol, size):
    try:
        if not size:
            return
        watch = _watch(transport)
        below = protocol.__dict__.get("_socksan")
        own = protocol._transport
        if below is None and own is not None:
            below = own.__dict__.get("_socksan")
            watch.take_socket(getattr(own, "_sock", None))
        if below is not None:
            watch.socket = watch.socket or below.socket
            if watch.why is None and below.why:
                watch.lost(below.why)
        told = watch.told or protocol._transport is None
        dropped(watch, size, told, _getframe(2), None if watch.why else "the peer closed, or TLS failed")
    except Exception:
        pass


def _went_nowhere(protocol):
    """Whether what is written now would be thrown away, as a number that then changes; None in a version without
    that."""
    below = protocol._transport
    return getattr(protocol, "_conn_lost", None), getattr(below, "_conn_lost", 0) if below is not None else -1


def _make_tls_write(size_of):
    def make(original):
        def write(self, data):
            protocol = self._ssl_protocol
            lost = _went_nowhere(protocol)
            result = original(self, data)
            if lost[1] or _went_nowhere(protocol)[0] != lost[0]:
                _lost_tls_write(self, protocol, size_of(data))
            return result

        return write

    return make


def _make_tls_close(why):
    def make(original):
        def close(self):
            if not self._closed:
                _note_own_end(self, why)
            return original(self)

        return close

    return make


def _make_tls_connection_lost(original):
    def connection_lost(self, exc):
        watch = getattr(self._transport, "__dict__", {}).get("_socksan")
        if watch is not None:
            self.__dict__["_socksan"] = watch
        return original(self, exc)

    return connection_lost


def patch_sslproto(module):
    transport = module._SSLProtocolTransport
    wrap(transport, "write", _make_tls_write(_size))
    if "writelines" in transport.__dict__:
        wrap(transport, "writelines", _make_tls_write(_size_of_all))
    wrap(transport, "close", _make_tls_close("own close"))
    wrap(transport, "abort", _make_tls_close("own abort"))
    wrap(module.SSLProtocol, "connection_lost", _make_tls_connection_lost)
