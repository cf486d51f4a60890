"""Two bugs of one program: two functions write, by the same helper of the standard library, to a peer that is gone."""
import http.client
import signal
import socket

signal.signal(signal.SIGPIPE, signal.SIG_IGN)


def connect_to_nobody():
    ours, theirs = socket.socketpair()
    theirs.close()
    assert ours.recv(1) == b""
    connection = http.client.HTTPConnection("nobody")
    connection.sock = ours
    return connection


def send(connection):
    try:
        connection.send(b"too late")
    except BrokenPipeError:
        print("broken pipe")


def finish_order():
    connection = connect_to_nobody()
    send(connection)  # of an order


def log_out():
    connection = connect_to_nobody()
    send(connection)  # of a logout


finish_order()
log_out()
