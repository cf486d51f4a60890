"""A peer that listens, and one that hangs up, on a real reactor with a clock of the test's own. Nothing here sees the
bug in keep_alive.py.

    socksan run -- trial test_keep_alive
"""
from twisted.internet import defer, endpoints, protocol, reactor, task
from twisted.trial import unittest

from keep_alive import KeepAlive


class Peer(protocol.Protocol):
    """Hangs up when it has heard as many signs of life as its factory says."""

    def connectionMade(self):
        self.heard = b""

    def dataReceived(self, data):
        self.heard += data
        if self.heard.count(b"\n") >= self.factory.patience:
            self.transport.loseConnection()

    def connectionLost(self, reason):
        self.factory.gone.callback(self.heard)


class KeepAliveTests(unittest.TestCase):
    @defer.inlineCallbacks
    def connect(self, patience):
        self.clock = task.Clock()
        self.factory = protocol.Factory.forProtocol(Peer)
        self.factory.patience = patience
        self.factory.gone = defer.Deferred()
        port = yield endpoints.TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(self.factory)
        self.addCleanup(port.stopListening)
        client = yield endpoints.connectProtocol(
            endpoints.TCP4ClientEndpoint(reactor, "127.0.0.1", port.getHost().port), KeepAlive(self.clock))
        self.addCleanup(lambda: client.timer.running and client.timer.stop())
        return client

    @defer.inlineCallbacks
    def wait_until_lost(self, client):
        """Until the reactor has told the client that its peer is gone."""
        while client.transport.connected:
            yield task.deferLater(reactor, 0, lambda: None)

    @defer.inlineCallbacks
    def test_peer_hears(self):
        client = yield self.connect(patience=2)
        self.clock.advance(KeepAlive.period)
        self.assertEqual((yield self.factory.gone), b"alive\nalive\n")
        yield self.wait_until_lost(client)

    @defer.inlineCallbacks
    def test_peer_leaves(self):
        client = yield self.connect(patience=1)
        self.assertEqual((yield self.factory.gone), b"alive\n")
        yield self.wait_until_lost(client)
        self.clock.advance(KeepAlive.period)
