"""Twisted over TLS: what is written after the program's own loseConnection (`closing`), which TLS throws away while
the goodbye is under way, and after connectionLost (`lost`). `starttls_lost` turns a plain connection into one with
TLS first; with `peer_lost` and `starttls_peer_lost` it is the server that closes. With `ok` nothing is written. The
second argument is a file with a certificate and its key."""
import sys

from twisted.internet import defer, endpoints, protocol, reactor, ssl, task

MODE = sys.argv[1]
server_options = ssl.DefaultOpenSSLContextFactory(sys.argv[2], sys.argv[2])
client_options = ssl.ClientContextFactory()
STEP = 0.2


class Server(protocol.Protocol):
    def dataReceived(self, data):
        if data == b"let us whisper":
            self.transport.write(b"yes")
            self.transport.startTLS(server_options)
        else:
            self.transport.write(data)
            if "peer" in MODE:
                self.transport.loseConnection()


class Client(protocol.Protocol):
    whispers = False

    def connectionMade(self):
        self.transport.write(b"let us whisper" if "starttls" in MODE else b"hello")

    def dataReceived(self, data):
        if data == b"yes":
            self.transport.startTLS(client_options)
            self.transport.write(b"hello")
        elif not self.whispers:
            self.whispers = True
            reactor.callLater(0, self.finish)

    def finish(self):
        if "peer" not in MODE:
            self.transport.loseConnection()
        if MODE == "closing":
            self.transport.write(b"one more thing")

    def connectionLost(self, reason):
        print("lost", reason.type.__name__)
        if MODE.endswith("lost"):
            reactor.callLater(STEP, self.say_one_more, self.transport)
        reactor.callLater(2 * STEP, reactor.stop)

    def say_one_more(self, transport):
        transport.writeSequence([b"anyone ", b"there?"])


async def main():
    plain = "starttls" in MODE
    factory = protocol.Factory.forProtocol(Server)
    port = reactor.listenTCP(0, factory, interface="127.0.0.1") if plain else reactor.listenSSL(
        0, factory, server_options, interface="127.0.0.1")
    number = port.getHost().port
    if plain:
        await endpoints.connectProtocol(endpoints.TCP4ClientEndpoint(reactor, "127.0.0.1", number), Client())
    else:
        reactor.connectSSL("127.0.0.1", number, protocol.ClientFactory.forProtocol(Client), client_options)


task.deferLater(reactor, 0, lambda: defer.ensureDeferred(main()))
reactor.run()
