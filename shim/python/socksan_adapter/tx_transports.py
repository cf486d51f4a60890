"""Twisted's transports: which writes they throw away.

tcp.Connection is the transport of TCP and of AF_UNIX streams, on every reactor. Its write does nothing once it is not
connected; after abortConnection it takes bytes that it will never send. A TLS protocol that stands in front of it
throws away what is written after its own loseConnection, or once the TLS session has failed. A datagram port that was
closed raises an AttributeError, which usually ends in a log.

More than 400 lines: a dozen wrappers of a few lines each, which share what is watched of a transport.

What TLS itself writes to the connection below is not the program's: it goes by FileDescriptor.write or is recognised.
"""
import os
import sys

from . import EVENTS, at_end, numbers, page, stacks
from .reports import (
    Watch, annotate, count_live, dropped, dropped_later, framework_directories, is_frameworks, place_of_caller, reactor,
    reactor_run, run_under_way, when_it_matters)
from .wrapping import wrap

ABORTED = "aborted"  # states of a Watch
UNDER_TLS = "under TLS"
FRAMES_OF_A_WAITING_WRITE = 10

_getframe = sys._getframe


def _watch(transport):
    watch = transport.__dict__.get("_socksan")
    if watch is None:
        watch = transport.__dict__["_socksan"] = Watch("Twisted")
    return watch


def _size(data):
    """Bytes of what was to be written; of an iterator that was used up nobody knows."""
    if isinstance(data, (bytes, bytearray, memoryview)):
        return len(data)
    return sum(len(part) for part in data) if isinstance(data, (list, tuple)) else 0


def _place_of_caller():
    """Who called the method whose wrapper calls this: nowhere, where that was no Python."""
    try:
        return stacks.place(_getframe(2))
    except ValueError:
        return ()


# --- Streams ---


def _lost_write(transport, watch, data):
    """The write has returned, and its bytes go nowhere."""
    frame = stacks.outside(_getframe(3))
    caller = frame
    while caller is not None and caller.f_globals.get("__name__") == "twisted.internet._newtls":
        caller = caller.f_back  # startTLS's way around itself
    if caller is not None and caller.f_globals.get("__name__") == "twisted.protocols.tls":
        return
    why = connection = None
    watch.take_socket(transport.__dict__.get("socket"))
    if watch.state is not ABORTED and not transport.disconnected:
        if transport.connected:
            why = "own loseWriteConnection"
        else:
            why = "it was not connected yet" if "socket" in transport.__dict__ else "it was never connected"
    peer = getattr(transport, "realAddress", None) or getattr(transport, "client", None)
    if peer:
        connection = "to %s" % (peer,)
    dropped(watch, _size(data), True, frame, why, connection)


def _unusual_write(transport, watch, data, before, frame):
    """What a write has to do that is not as most are. Whether anything was put into the transport's buffer, and is to
    stay."""
    try:
        if page[EVENTS] != watch.last_byte:
            watch.look(transport.__dict__.get("socket"))
        if watch.state is ABORTED or not transport.connected or transport._writeDisconnected:
            if _size(data) or not isinstance(data, (bytes, list, tuple)):
                _lost_write(transport, watch, data)
        elif watch.state is None and transport._tempDataLen != before:
            watch.asked_by(place_of_caller(frame), reactor_run(), before or transport.dataBuffer)
    except Exception:
        pass


def _make_write(original):
    def write(self, data):
        try:
            before = self._tempDataLen
        except AttributeError:  # a double of a test's, which was not made as a connection is
            return original(self, data)
        result = original(self, data)
        try:
            watch = self.__dict__.get("_socksan") or _watch(self)
            frame = _getframe(1)
            if (self._tempDataLen == before or before or page[EVENTS] != watch.last_byte or watch.state is not None
                    or reactor.run is not None or self.dataBuffer or is_frameworks.get(frame.f_code.co_filename, True)):
                _unusual_write(self, watch, data, before, frame)
            else:
                watch.callers = (frame.f_code, frame.f_lasti), None
        except Exception:
            pass
        return result

    return write


def _make_counting_write(original):
    def write(self, data):
        try:
            before = self._tempDataLen
        except AttributeError:  # a double of a test's, which was not made as a connection is
            return original(self, data)
        result = original(self, data)
        if self._tempDataLen != before:
            count_live()
        return result

    return write


def _make_lose_connection(original):
    def loseConnection(self):
        if self.connected and not self.disconnecting:
            # When it will be over is not known yet: bytes may be waiting, and what is written now is still sent.
            _watch(self).end = _place_of_caller()
        return original(self)

    return loseConnection


def _make_abort_connection(original):
    def abortConnection(self):
        if not self.disconnected and not self._aborting:
            watch = _watch(self)
            watch.ended_by("own abortConnection", _place_of_caller())
            watch.state = ABORTED
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
    if transport.disconnecting and getattr(transport, "TLS", False) and _watch(transport).end is None:
        return _why_tls_ended(transport.protocol)  # which has closed the connection below, not the program
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
        if not transport.disconnecting and watch.state is not ABORTED:
            watch.end = None  # not what ended it
        watch.told = True
        if page[EVENTS] != watch.last_byte:
            watch.look(transport.socket)
        watch.take_socket(transport.socket)
    except Exception:
        pass


def patch_tcp(module):
    framework_directories.append(os.path.dirname(os.path.dirname(module.__file__)) + "/")
    connection = module.Connection
    wrap(connection, "write", _make_write)
    wrap(connection, "writeSequence", _make_write)
    wrap(connection, "loseConnection", _make_lose_connection)
    wrap(connection, "abortConnection", _make_abort_connection)
    wrap(module.abstract.FileDescriptor, "connectionLost", _make_connection_lost(connection))

    def count():
        wrap(connection, "write", _make_counting_write)
        wrap(connection, "writeSequence", _make_counting_write)

    def look_at_all():
        """Some have run into something with their last writes, and were not touched since."""
        if not numbers[0]:
            return
        import gc

        for each in gc.get_objects():
            if issubclass(type(each), connection):  # isinstance would ask the objects themselves
                watch = each.__dict__.get("_socksan")
                if watch is not None and watch.events != numbers[0]:
                    watch.look(each.__dict__.get("socket"))

    when_it_matters.append(count)
    at_end.append(look_at_all)


# --- TLS ---


def _below(protocol):
    """The watch of the connection that a TLS protocol runs over, where there is one."""
    transport = protocol.__dict__.get("transport")
    transport = getattr(transport, "__dict__", {}).get("_connection", transport)  # startTLS goes through a bypass
    return getattr(transport, "__dict__", {}).get("_socksan")


def _has_waiting(protocol):
    """Whether bytes written earlier wait for the handshake, or in the connection below."""
    transport = protocol.transport
    return bool(getattr(protocol, "_appSendBuffer", None) or getattr(transport, "dataBuffer", None)
                or getattr(transport, "_tempDataLen", 0))


def _tls_goes_nowhere(protocol):
    return protocol._lostTLSConnection or (protocol.disconnecting and protocol._producer is None)


def _watch_of_lost_tls(protocol):
    watch = _watch(protocol)
    below = _below(protocol)
    if below is not None and not watch.socket:
        watch.socket = below.socket
    watch.take_socket(getattr(protocol.transport, "socket", None))
    return watch, None if watch.why else "the TLS session failed"


def _lost_tls_write(protocol, data, frame):
    try:
        size = _size(data)
        if size:
            watch, why = _watch_of_lost_tls(protocol)
            told = bool(protocol.disconnecting or not protocol.connected)
            dropped(watch, size, told, stacks.outside(frame), why)
    except Exception:
        pass


def _lost_waiting(protocol, waiting):
    """What a TLS protocol had gathered has nowhere to go: it was written while the connection was there."""
    try:
        watch, why = _watch_of_lost_tls(protocol)
        for place, run, size in waiting:
            dropped_later(watch, size, False, place, run, why)
    except Exception:
        pass


def _make_tls_write(original):
    def write(self, data):
        waiting = _take_waiting(self)
        if _tls_goes_nowhere(self):
            result = original(self, data)
            if waiting is None:
                _lost_tls_write(self, data, _getframe(1))
            else:
                _lost_waiting(self, waiting)
            return result
        below = _note_tls_write(self, waiting)
        try:
            return original(self, data)
        finally:
            if below is not None and below.state is UNDER_TLS:
                below.state = None

    return write


def _note_tls_write(protocol, waiting):
    """What is written to the connection below now is for the one who called here, or for those whose writes were
    gathered."""
    try:
        below = _below(protocol)
        if below is None or below.state is not None:
            return None
        others_wait = _has_waiting(protocol)
        if not waiting:
            waiting = ((place_of_caller(_getframe(2)), reactor_run(), 0),)
        for place, run, _ in waiting:
            below.asked_by(place, run, others_wait)
            others_wait = True
        below.state = UNDER_TLS
        return below
    except Exception:
        return None


# Twisted 23.10 gathers small writes (_AggregateSmallWrites) and hands them to TLSMemoryBIOProtocol.write the next time
# around: who made them is taken down beside the gathering one, until then.


def _take_waiting(protocol):
    """The writes that are handed on in this call, as (place, run, size); None where none were gathered."""
    aggregator = protocol.__dict__.get("_aggregator")
    return None if aggregator is None else aggregator.__dict__.pop("_socksan", None)


def _make_aggregate(original):
    def write(self, data):
        protocol = _protocol_of(self)
        if protocol is None:
            return original(self, data)
        if _tls_goes_nowhere(protocol):
            self.__dict__.setdefault("_socksan", [])  # not to be told again when it is handed on
            _lost_tls_write(protocol, data, _getframe(1))
        else:
            _note_waiting(self, data, _getframe(1))
        return original(self, data)

    return write


def _protocol_of(aggregator):
    """Whose bytes these are, where they go to its write directly."""
    protocol = getattr(getattr(aggregator, "_write", None), "__self__", None)
    return protocol if getattr(protocol, "_aggregator", None) is aggregator else None


def _note_waiting(aggregator, data, frame):
    try:
        place = stacks.place(frame, FRAMES_OF_A_WAITING_WRITE)
        aggregator.__dict__.setdefault("_socksan", []).append((place, run_under_way(), _size(data)))
    except Exception:
        pass


def _make_tls_lose_connection(original):
    def loseConnection(self):
        if not self.disconnecting and self.connected:
            _watch(self).ended_by("own loseConnection", _place_of_caller())
        return original(self)

    return loseConnection


def _make_tls_abort_connection(original):
    def abortConnection(self):
        _watch(self).ended_by("own abortConnection", _place_of_caller())
        return original(self)

    return abortConnection


def _make_tls_connection_lost(original):
    def connectionLost(self, reason):
        _note_tls_loss(self, reason)
        return original(self, reason)

    return connectionLost


def _why_tls_ended(protocol):
    failed = getattr(protocol, "_reason", None)
    return "the peer closed" if failed is None else "by a TLS error: %s" % failed.type.__name__


def _note_tls_loss(protocol, reason):
    try:
        watch = _watch(protocol)
        below = _below(protocol)
        if below is not None:
            watch.socket = watch.socket or below.socket
        if protocol._reason is None and below is not None and below.why and not below.end:
            watch.lost(below.why)
        else:
            watch.lost(_why_tls_ended(protocol))
    except Exception:
        pass


def patch_tls(module):
    protocol = module.TLSMemoryBIOProtocol
    wrap(protocol, "write", _make_tls_write)
    wrap(protocol, "loseConnection", _make_tls_lose_connection)
    wrap(protocol, "abortConnection", _make_tls_abort_connection)
    wrap(protocol, "connectionLost", _make_tls_connection_lost)
    if hasattr(module, "_AggregateSmallWrites"):
        wrap(module._AggregateSmallWrites, "write", _make_aggregate)


# --- Datagrams ---


def _no_socket(port, data):
    """A write has raised AttributeError; where that is because the port has no socket (any more), it went nowhere."""
    try:
        if "socket" in port.__dict__:
            return
        watch = _watch(port)
        dropped(watch, _size(data), True, _getframe(3), None if watch.why else "it was not listening yet")
    except Exception:
        pass


def _datagram(original, port, data, *address):
    """One datagram, for the two signatures of write."""
    events = numbers[0]
    try:
        return original(port, data, *address)
    except AttributeError:
        _no_socket(port, data)
        raise
    finally:
        if numbers[0] != events:
            annotate(events)


def _make_datagram_write(original):
    def write(self, datagram, addr=None):
        return _datagram(original, self, datagram, addr)

    return write


def _make_connected_datagram_write(original):
    def write(self, data):
        return _datagram(original, self, data)

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
