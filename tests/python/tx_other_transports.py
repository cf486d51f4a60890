"""Twisted's other transports. What is written after

    unix          the loss of an AF_UNIX stream (a keep-alive)
    abort         abortConnection, before connectionLost
    half          loseWriteConnection
    early         nothing: the connection does not stand yet
    udp           stopListening, to a UDP port that is not there any more
    unix_udp      the same of an AF_UNIX datagram port
    ok            writes that are all right: while it closes, into a half-closed connection
"""
import os
import sys
import tempfile

from twisted.internet import interfaces, protocol, reactor
from zope.interface import implementer

MODE = sys.argv[1]
STEP = 0.1


class Sink(protocol.Protocol):
    def dataReceived(self, data):
        print("server received", data.decode())
        self.transport.write(b"thanks")


@implementer(interfaces.IHalfCloseableProtocol)
class Client(protocol.Protocol):
    def connectionMade(self):
        self.transport.write(b"hello")

    def dataReceived(self, data):
        getattr(self, MODE, lambda: None)()

    def readConnectionLost(self):
        self.transport.loseConnection()

    def writeConnectionLost(self):
        self.transport.write(b"half of it")

    def abort(self):
        self.transport.abortConnection()
        self.transport.write(b"in vain")

    def half(self):
        self.transport.loseWriteConnection()

    def unix(self):
        self.transport.loseConnection()
        reactor.callLater(STEP, self.transport.write, b"in vain")

    def ok(self):
        self.transport.loseConnection()
        self.transport.write(b"bye")  # still sent


class Early(protocol.ClientFactory):
    protocol = Client

    def startedConnecting(self, connector):
        if MODE == "early":
            connector.transport.write(b"too early")


class Datagrams(protocol.DatagramProtocol):
    def use(self, port, target):
        self.transport.write(b"hello", target)
        port.stopListening()
        reactor.callLater(STEP, self.transport.write, b"in vain", target)


def main():
    directory = tempfile.mkdtemp()
    path = os.path.join(directory, "socket")
    if MODE == "udp":
        datagrams = Datagrams()
        port = reactor.listenUDP(0, datagrams, interface="127.0.0.1")
        datagrams.use(port, ("127.0.0.1", port.getHost().port))
    elif MODE == "unix_udp":
        datagrams = Datagrams()
        port = reactor.listenUNIXDatagram(path, datagrams)
        datagrams.use(port, path)
    elif MODE == "unix":
        reactor.listenUNIX(path, protocol.Factory.forProtocol(Sink))
        reactor.connectUNIX(path, Early())
    else:
        port = reactor.listenTCP(0, protocol.Factory.forProtocol(Sink), interface="127.0.0.1")
        reactor.connectTCP("127.0.0.1", port.getHost().port, Early())
    reactor.callLater(4 * STEP, reactor.stop)


reactor.callWhenRunning(main)
reactor.run()
