"""Twisted's transports: which writes they throw away.

tcp.Connection is the transport of TCP and of AF_UNIX streams, on every reactor. Its write does nothing once it is not connected;
after abortConnection it takes bytes that it will never send. A TLS protocol that stands in front of it throws away what is
written after its own loseConnection, or once the TLS session has failed. A datagram port that was closed raises an
AttributeError, which usually ends in a log.

What TLS itself writes to the connection below is not the program's: it goes by FileDescriptor.write or is recognised.
"""
import os
import sys

from . import numbers, stacks
from .reports import CALLERS, Watch, annotate, dropped, framework_directories, reactor_thread
from .wrapping import wrap

MORE_CALLERS = 2 * (CALLERS - 1)  # that are kept of those which have bytes waiting

_getframe = sys._getframe
_known_code = {}  # whether it is Twisted's


def _watch(transport):
    watch = transport.__dict__.get("_socksan")
    if watch is None:
        watch = transport.__dict__["_socksan"] = Watch("Twisted")
    return watch


def _caller():
    """The frame that called the method whose wrapper's helper calls this."""
    return _getframe(3)


def _size(data):
    """Bytes of what was to be written; of an iterator that was used up nobody knows."""
    if isinstance(data, (bytes, bytearray, memoryview)):
        return len(data)
    return sum(len(part) for part in data) if isinstance(data, (list, tuple)) else 0


# --- Streams ---


def _lost_write(transport, data):
    """The write has returned, and its bytes go nowhere."""
    try:
        size = _size(data)
        if not size and isinstance(data, (bytes, list, tuple)):
            return
        watch = _watch(transport)
        frame = _caller()
        if frame is not None and frame.f_code.co_name == "_flushSendBIO":
            return
        why = connection = None
        watch.take_socket(transport.__dict__.get("socket"))
        if not watch.over and not transport.disconnected:
            if transport.connected:
                why = "own loseWriteConnection"
            else:
                why = "it was not connected yet" if "socket" in transport.__dict__ else "it was never connected"
        peer = getattr(transport, "realAddress", None) or getattr(transport, "client", None)
        if peer:
            connection = "to %s" % (peer,)
        dropped(watch, size, True, frame, why, connection)
    except Exception:
        pass


def _place(frame):
    """Where the program called: its own line, and what stands between where that is Twisted's."""
    code = frame.f_code
    is_ours = _known_code.get(code)
    if is_ours is None:
        is_ours = _known_code[code] = code.co_filename.startswith(tuple(framework_directories))
    outer = frame.f_back
    if not is_ours or outer is None:
        return code, frame.f_lasti
    return code, frame.f_lasti, outer.f_code, outer.f_lasti


def _make_write(original):
    def write(self, data):
        try:
            watch = self._socksan
        except AttributeError:
            watch = _watch(self)
        if not self.connected or self._writeDisconnected or watch.over:
            result = original(self, data)
            _lost_write(self, data)
            return result
        run = reactor_thread.run
        if run is not None:
            run.live += 1
        if self._tempDataBuffer or self.dataBuffer:
            watch.callers = watch.callers[-MORE_CALLERS:] + (watch.place or _place(_getframe(1)), run)
        else:
            watch.callers = watch.place or _place(_getframe(1)), run
        return original(self, data)

    return write


def _make_write_some_data(original):
    def writeSomeData(self, data):
        events = numbers[0]
        result = original(self, data)
        if numbers[0] != events:
            _wrote_in_vain(self, events)
        return result

    return writeSomeData


def _wrote_in_vain(transport, events):
    try:
        annotate(events, _watch(transport).callers)
    except Exception:
        pass


def _make_lose_connection(original):
    def loseConnection(self):
        if self.connected and not self.disconnecting:
            # When it will be over is not known yet: bytes may be waiting, and what is written now is still sent.
            _watch(self).end = stacks.place(_getframe(1))
        return original(self)

    return loseConnection


def _make_abort_connection(original):
    def abortConnection(self):
        if not self.disconnected and not self._aborting:
            watch = _watch(self)
            watch.ended_by("own abortConnection", stacks.place(_getframe(1)))
            watch.over = True
        return original(self)

    return abortConnection


def _make_connection_lost(connection):
    """Of FileDescriptor, which Connection.connectionLost calls before it closes the socket and tells the protocol."""

    def make(original):
        def connectionLost(self, reason):
            if isinstance(self, connection) and "socket" in self.__dict__:
                _note_loss(self, reason)
            return original(self, reason)

        return connectionLost

    return make


def _why(transport, reason):
    name = reason.type.__name__
    if transport.disconnecting:
        return "own loseConnection" + ("" if name == "ConnectionDone" else ", then %s" % reason.value)
    if name == "ConnectionDone":
        return "the peer closed"
    if name == "ConnectionLost":
        return "by a reset or another error"
    return "by %s" % name


def _note_loss(transport, reason):
    try:
        watch = _watch(transport)
        if transport.connected:
            watch.lost(_why(transport, reason))
        if not transport.disconnecting and not watch.over:
            watch.end = None  # not what ended it
        watch.told = True
        watch.take_socket(transport.socket)
    except Exception:
        pass


def patch_tcp(module):
    framework_directories.append(os.path.dirname(os.path.dirname(module.__file__)) + "/")
    connection = module.Connection
    wrap(connection, "write", _make_write)
    wrap(connection, "writeSequence", _make_write)
    wrap(connection, "writeSomeData", _make_write_some_data)
    wrap(connection, "loseConnection", _make_lose_connection)
    wrap(connection, "abortConnection", _make_abort_connection)
    wrap(module.abstract.FileDescriptor, "connectionLost", _make_connection_lost(connection))


# --- TLS ---


def _below(protocol):
    """The watch of the connection that a TLS protocol runs over, where there is one."""
    transport = protocol.__dict__.get("transport")
    transport = getattr(transport, "__dict__", {}).get("_connection", transport)  # startTLS goes through a bypass
    return getattr(transport, "__dict__", {}).get("_socksan")


def _lost_tls_write(protocol, data):
    try:
        size = _size(data)
        if not size:
            return
        watch = _watch(protocol)
        below = _below(protocol)
        if below is not None and not watch.socket:
            watch.socket = below.socket
        watch.take_socket(getattr(protocol.transport, "socket", None))
        told = bool(protocol.disconnecting or not protocol.connected)
        dropped(watch, size, told, _caller(), None if watch.why else "the TLS session failed")
    except Exception:
        pass


def _make_tls_write(original):
    def write(self, data):
        if self._lostTLSConnection or (self.disconnecting and self._producer is None):
            result = original(self, data)
            _lost_tls_write(self, data)
            return result
        below = _below(self)
        if below is None or below.place is not None:
            return original(self, data)
        below.place = _place(_getframe(1))  # what it writes there now is for the one who calls here
        try:
            return original(self, data)
        finally:
            below.place = None

    return write


def _make_tls_lose_connection(original):
    def loseConnection(self):
        if not self.disconnecting and self.connected:
            _watch(self).ended_by("own loseConnection", stacks.place(_getframe(1)))
        return original(self)

    return loseConnection


def _make_tls_abort_connection(original):
    def abortConnection(self):
        _watch(self).ended_by("own abortConnection", stacks.place(_getframe(1)))
        return original(self)

    return abortConnection


def _make_tls_connection_lost(original):
    def connectionLost(self, reason):
        _note_tls_loss(self, reason)
        return original(self, reason)

    return connectionLost


def _note_tls_loss(protocol, reason):
    try:
        watch = _watch(protocol)
        below = _below(protocol)
        if below is not None:
            watch.socket = watch.socket or below.socket
        failed = protocol._reason
        watch.lost("by a TLS error: %s" % failed.type.__name__ if failed is not None
                   else below.why if below is not None and below.why and not below.end
                   else "the peer closed")
    except Exception:
        pass


def patch_tls(module):
    protocol = module.TLSMemoryBIOProtocol
    wrap(protocol, "write", _make_tls_write)
    wrap(protocol, "loseConnection", _make_tls_lose_connection)
    wrap(protocol, "abortConnection", _make_tls_abort_connection)
    wrap(protocol, "connectionLost", _make_tls_connection_lost)


# --- Datagrams ---


def _no_socket(port, data):
    """A write has raised AttributeError; where that is because the port has no socket (any more), it went nowhere."""
    try:
        if "socket" in port.__dict__:
            return
        watch = _watch(port)
        dropped(watch, _size(data), True, _caller(), None if watch.why else "it was not listening yet")
    except Exception:
        pass


def _make_datagram_write(original):
    def write(self, datagram, addr=None):
        try:
            return original(self, datagram, addr)
        except AttributeError:
            _no_socket(self, datagram)
            raise

    return write


def _make_connected_datagram_write(original):
    def write(self, data):
        try:
            return original(self, data)
        except AttributeError:
            _no_socket(self, data)
            raise

    return write


def _make_port_lost(original):
    def connectionLost(self, reason=None):
        try:
            watch = _watch(self)
            watch.lost("own stopListening")
            watch.take_socket(self.socket)
        except Exception:
            pass
        return original(self, reason)

    return connectionLost


def patch_udp(module):
    wrap(module.Port, "write", _make_datagram_write)
    wrap(module.Port, "connectionLost", _make_port_lost)


def patch_unix(module):
    if hasattr(module, "DatagramPort"):
        wrap(module.DatagramPort, "write", _make_datagram_write)
        wrap(module.DatagramPort, "connectionLost", _make_port_lost)
        wrap(module.ConnectedDatagramPort, "write", _make_connected_datagram_write)
