"""Tests that write while a connection is being made: one is refused, an error; the other may try again, a note. For
pytest."""
import errno
import socket
import threading

import pytest


def connecting():
    """A listener whose queue is full, and a connection to it that is being made."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    kept = [socket.socket() for _ in range(8)]
    for one in kept:
        one.setblocking(False)
        one.connect_ex(listener.getsockname())
    try:
        kept[-1].getpeername()
    except OSError:
        return listener, kept
    pytest.skip("here the queue of a listener does not fill up")


def test_refused():
    listener, kept = connecting()
    kept[-1].setblocking(True)
    timer = threading.Timer(0.2, listener.close)
    timer.start()
    with pytest.raises(OSError):
        kept[-1].send(b"hello")
    timer.join()


def test_tries():
    listener, kept = connecting()
    with pytest.raises(OSError) as caught:
        kept[-1].send(b"hello")
    assert caught.value.errno == errno.EAGAIN
