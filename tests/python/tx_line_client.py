"""A Twisted line client that goes on talking: it connects, sends a line, loses its connection on purpose, and sends
another line later. With `ok` it looks whether it still has a connection."""
import sys

from twisted.internet import defer, endpoints, protocol, reactor, task
from twisted.protocols.basic import LineReceiver

STEP = 0.2  # seconds


class Echo(LineReceiver):
    def lineReceived(self, line):
        self.sendLine(line)


class Talker(LineReceiver):
    has_connection = False

    def connectionMade(self):
        self.has_connection = True
        self.sendLine(b"hello")
        reactor.callLater(STEP, self.finish)

    def lineReceived(self, line):
        print("received", line.decode())

    def finish(self):
        self.transport.loseConnection()

    def connectionLost(self, reason):
        self.has_connection = False
        print("lost", reason.type.__name__)
        reactor.callLater(STEP, self.say_one_more)

    def say_one_more(self):
        if self.has_connection or sys.argv[1] != "ok":
            self.sendLine(b"anyone there?")
        reactor.callLater(STEP, reactor.stop)


@defer.inlineCallbacks
def main():
    server = endpoints.serverFromString(reactor, "tcp:0:interface=127.0.0.1")
    port = yield server.listen(protocol.Factory.forProtocol(Echo))
    client = endpoints.clientFromString(reactor, "tcp:127.0.0.1:%d" % port.getHost().port)
    yield endpoints.connectProtocol(client, Talker())


task.deferLater(reactor, 0, main)
reactor.run()
