"""A test suite in which one test writes to a connection that is gone, and passes. For unittest, trial and pytest."""
import socket
import unittest


def pair():
    listener = socket.create_server(("127.0.0.1", 0))
    ours = socket.create_connection(listener.getsockname())
    theirs, _ = listener.accept()
    listener.close()
    return ours, theirs


class Connections(unittest.TestCase):
    def setUp(self):
        self.ours, self.theirs = pair()

    def tearDown(self):
        self.ours.close()
        self.theirs.close()

    def test_early_write(self):
        self.ours.sendall(b"hello")
        self.assertEqual(self.theirs.recv(10), b"hello")

    def test_late_write(self):
        self.theirs.close()
        self.assertEqual(self.ours.recv(10), b"")
        self.ours.sendall(b"too late")

    def test_no_write(self):
        self.assertNotEqual(self.ours.fileno(), self.theirs.fileno())


if __name__ == "__main__":
    unittest.main()
