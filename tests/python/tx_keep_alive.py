"""Twisted: something that runs by the clock and outlives its connection. The server hangs up; the client

    looping     keeps alive by a LoopingCall that nobody stops           (looping_ok: it is stopped in connectionLost)
    later       keeps alive by a callLater that schedules itself again   (later_ok: it is cancelled)
    cooperates  does the same in an inline callback that sleeps
    flood       writes a list of messages, once, in a loop               (flood_ok: it looks first)
    broadcast   writes to two connections by the clock, of which one lives on
"""
import sys

from twisted.internet import defer, endpoints, protocol, reactor, task

MODE = sys.argv[1].partition("_ok")[0]
WELL = sys.argv[1].endswith("_ok")
INTERVAL = 0.05


class HangsUp(protocol.Protocol):
    """Closes when it has received something, unless it is to stay."""

    received = 0

    def dataReceived(self, data):
        self.received += 1
        if self.received == 2 and not self.factory.stays:
            self.transport.loseConnection()


class KeepsAlive(protocol.Protocol):
    loop = call = None
    alive = False

    def connectionMade(self):
        self.alive = True
        if MODE == "looping":
            self.loop = task.LoopingCall(self.beat)
            self.loop.start(INTERVAL)
        elif MODE == "later":
            self.beat_again()
        elif MODE == "cooperates":
            self.beat_on()
        elif MODE == "flood":
            self.transport.write(b"1")
            reactor.callLater(INTERVAL, self.transport.write, b"2")
            reactor.callLater(10 * INTERVAL, self.send_all, [b"message %d\n" % i for i in range(1000)])

    def connectionLost(self, reason):
        self.alive = False
        if WELL and self.loop:
            self.loop.stop()
        if WELL and self.call:
            self.call.cancel()

    def beat(self):
        self.transport.write(b"are you there?\n")

    def beat_again(self):
        self.call = reactor.callLater(INTERVAL, self.beat_again)
        self.beat()

    @defer.inlineCallbacks
    def beat_on(self):
        while self.alive or not WELL:
            self.beat()
            yield task.deferLater(reactor, INTERVAL, lambda: None)

    def send_all(self, messages):
        for message in messages:
            if self.alive or not WELL:
                self.transport.write(message)


def broadcast(protocols):
    for each in protocols:
        each.transport.write(b"news\n")


@defer.inlineCallbacks
def main():
    connected = []
    for stays in (False, True)[:1 + (MODE == "broadcast")]:
        factory = protocol.Factory.forProtocol(HangsUp)
        factory.stays = stays
        port = yield endpoints.serverFromString(reactor, "tcp:0:interface=127.0.0.1").listen(factory)
        client = endpoints.clientFromString(reactor, "tcp:127.0.0.1:%d" % port.getHost().port)
        connected.append((yield endpoints.connectProtocol(client, KeepsAlive())))
    if MODE == "broadcast":
        task.LoopingCall(broadcast, connected).start(INTERVAL)
    reactor.callLater(20 * INTERVAL, reactor.stop)


task.deferLater(reactor, 0, main)
reactor.run()
