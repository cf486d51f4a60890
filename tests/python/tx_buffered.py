"""Twisted sends later what it was asked to write: a client that goes on after the peer's FIN, as half-closing
protocols do, has a timed call write to a peer that is wholly gone. The reactor's send loses the bytes; who had asked
for them is the program's line. With `ok` the peer has closed its sending half only, and takes them."""
import sys

from twisted.internet import interfaces, protocol, reactor
from zope.interface import implementer

STEP = 0.1


@implementer(interfaces.IHalfCloseableProtocol)
class Server(protocol.Protocol):
    def connectionMade(self):
        if sys.argv[1] == "ok":
            self.transport.loseWriteConnection()
        else:
            self.transport.loseConnection()

    def dataReceived(self, data):
        print("server received", data.decode())

    def readConnectionLost(self):
        self.transport.loseConnection()

    def writeConnectionLost(self):
        pass


@implementer(interfaces.IHalfCloseableProtocol)
class Client(protocol.Protocol):
    def readConnectionLost(self):
        reactor.callLater(STEP, self.send_state)

    def writeConnectionLost(self):
        pass

    def send_state(self):
        self.transport.write(b"all is well")


def main():
    port = reactor.listenTCP(0, protocol.Factory.forProtocol(Server), interface="127.0.0.1")
    reactor.connectTCP("127.0.0.1", port.getHost().port, protocol.ClientFactory.forProtocol(Client))
    reactor.callLater(4 * STEP, reactor.stop)


reactor.callWhenRunning(main)
reactor.run()
