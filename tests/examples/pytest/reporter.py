"""Sends reports to a server, a line each, and waits for its answer.

The bug: an empty read is the end of the connection, and report() takes it for an answer that says no. The next report
is written to a connection that is over. fixed/reporter.py has the mended twin.
"""
import socket


class Reporter:
    def __init__(self, address):
        self.connection = socket.create_connection(address)

    def report(self, line):
        """Returns whether the server took it. Losing a report is no reason to fail."""
        try:
            self.connection.sendall(line.encode() + b"\n")
            return self.connection.recv(16) == b"taken\n"
        except OSError:
            return False

    def close(self):
        self.connection.close()
