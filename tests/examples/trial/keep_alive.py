"""A Twisted protocol that sends a sign of life now and then.

The bug: the timer goes on when the connection is lost. Twisted throws away what is written to a transport that is gone,
and says nothing. fixed/keep_alive.py has the mended twin.
"""
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

    def send(self):
        self.sent += 1
        self.transport.write(b"alive\n")
