"""A Twisted protocol that sends a sign of life now and then, until the connection is lost."""
from twisted.internet import protocol, task


class KeepAlive(protocol.Protocol):
    period = 0.01

    def __init__(self, clock):
        self.clock = clock
        self.sent = 0
        self.timer = task.LoopingCall(self.send)
        self.timer.clock = clock

    def connectionMade(self):
        self.timer.start(self.period)

    def connectionLost(self, reason=protocol.connectionDone):
        self.timer.stop()

    def send(self):
        self.sent += 1
        self.transport.write(b"alive\n")
