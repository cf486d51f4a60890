"""Twisted, behind a link that fails: a client sends a message every few hundred milliseconds, from a callLater, for
ever. The link is taken down, and later up again; meanwhile (`dies`) the server was killed, or (`heals`) it was not.

To be run in a network namespace of its own, as root: the link is the namespace's loopback."""
import os
import subprocess
import sys

from twisted.internet import protocol, reactor

INTERVAL = 0.2
MODE = sys.argv[1]


def link(state):
    subprocess.run(["ip", "link", "set", "lo", state], check=True)


class Client(protocol.Protocol):
    sent = 0

    def connectionMade(self):
        self.send_message()
        reactor.callLater(1, link, "down")
        if MODE == "dies":
            reactor.callLater(3, server.kill)
        else:
            reactor.callLater(8, reactor.stop)
        reactor.callLater(3.2, link, "up")

    def send_message(self):
        self.sent += 1
        self.transport.write(b"message %d\n" % self.sent)
        reactor.callLater(INTERVAL, self.send_message)

    def connectionLost(self, reason):
        print("lost after", self.sent)
        reactor.callLater(5 * INTERVAL, reactor.stop)


link("up")
server = subprocess.Popen([sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "link_server.py")],
                          stdout=subprocess.PIPE)
factory = protocol.ClientFactory.forProtocol(Client)
reactor.callWhenRunning(reactor.connectTCP, "127.0.0.1", int(server.stdout.readline()), factory)
reactor.callLater(25, reactor.stop)
reactor.run()
server.kill()
