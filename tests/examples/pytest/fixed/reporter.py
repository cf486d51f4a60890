"""Sends reports to a server, a line each, and waits for its answer.

When the server has hung up, the connection is closed, and reports are dropped.
"""
import socket


class Reporter:
    def __init__(self, address):
        self.connection = socket.create_connection(address)

    def report(self, line):
        """Returns whether the server took it. Losing a report is no reason to fail."""
        if not self.connection:
            return False
        try:
            self.connection.sendall(line.encode() + b"\n")
            answer = self.connection.recv(16)
        except OSError:
            answer = b""
        if not answer:
            self.close()
        return answer == b"taken\n"

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None
