"""A server that takes reports, and one that hangs up. Nothing here sees the bug in reporter.py.

    socksan run -- python3 -m pytest                      # exit status 66, and the report names the test
    socksan run -- python3 -m pytest --socksan-fail       # the test itself fails
"""
import socket
import threading

import pytest

from reporter import Reporter


class Server(threading.Thread):
    """Answers as many reports as it is told to, reads one more, and hangs up."""

    def __init__(self, answers):
        super().__init__()
        self.answers = answers
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.start()

    def run(self):
        connection, _ = self.listener.accept()
        with self.listener, connection:
            while connection.recv(100) and self.answers:
                self.answers -= 1
                connection.sendall(b"taken\n")


@pytest.fixture
def connect():
    made = []

    def connect(answers):
        server = Server(answers)
        reporter = Reporter(server.listener.getsockname())
        made.append((reporter, server))
        return reporter

    yield connect
    for reporter, server in made:
        reporter.close()
        server.join()


def test_reports_are_taken(connect):
    reporter = connect(answers=2)
    assert reporter.report("one")
    assert reporter.report("two")


def test_a_server_that_hangs_up_is_no_trouble(connect):
    reporter = connect(answers=0)
    assert not reporter.report("one")
    assert not reporter.report("two")
