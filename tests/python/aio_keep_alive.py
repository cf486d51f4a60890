"""asyncio: something that runs by the clock and outlives its connection. The server hangs up; the client

    later       keeps alive by a call_later that schedules itself again  (later_ok: it is cancelled in connection_lost)
    task        keeps alive in a task that sleeps and writes             (task_ok: it is cancelled)
    flood       writes a list of messages, once, in a loop               (flood_ok: it looks first)
    broadcast   a task writes to two connections, of which one lives on
"""
import asyncio
import sys

MODE = sys.argv[1].partition("_ok")[0]
WELL = sys.argv[1].endswith("_ok")
INTERVAL = 0.05


class HangsUp(asyncio.Protocol):
    """Closes when it has received something twice, unless it is to stay."""

    received = 0

    def __init__(self, stays):
        self.stays = stays

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.received += 1
        if self.received == 2 and not self.stays:
            self.transport.close()


class KeepsAlive(asyncio.Protocol):
    call = task = None
    alive = False

    def connection_made(self, transport):
        self.alive = True
        self.transport = transport
        self.loop = asyncio.get_running_loop()
        if MODE == "later":
            self.beat_again()
        elif MODE == "task":
            self.task = self.loop.create_task(self.beat_on())
        elif MODE == "flood":
            self.transport.write(b"1")
            self.loop.call_later(INTERVAL, self.transport.write, b"2")
            self.loop.call_later(10 * INTERVAL, self.send_all, [b"message %d\n" % i for i in range(1000)])

    def connection_lost(self, error):
        self.alive = False
        for each in (self.call, self.task):
            if WELL and each:
                each.cancel()

    def beat(self):
        self.transport.write(b"are you there?\n")

    def beat_again(self):
        self.call = self.loop.call_later(INTERVAL, self.beat_again)
        self.beat()

    async def beat_on(self):
        while True:
            self.beat()
            await asyncio.sleep(INTERVAL)

    def send_all(self, messages):
        for message in messages:
            if self.alive or not WELL:
                self.transport.write(message)


async def broadcast(protocols):
    while True:
        for each in protocols:
            each.transport.write(b"news\n")
        await asyncio.sleep(INTERVAL)


async def main():
    loop = asyncio.get_running_loop()
    connected = []
    servers = []
    for stays in (False, True)[:1 + (MODE == "broadcast")]:
        server = await loop.create_server(lambda stays=stays: HangsUp(stays), "127.0.0.1", 0)
        servers.append(server)
        _, client = await loop.create_connection(KeepsAlive, *server.sockets[0].getsockname())
        connected.append(client)
    if MODE == "broadcast":
        task = loop.create_task(broadcast(connected))
        assert task
    await asyncio.sleep(20 * INTERVAL)


asyncio.run(main())
