"""asyncio, behind a link that fails: a client sends a message every few hundred milliseconds, by call_later, for
ever. The link is taken down, and later up again; meanwhile (`dies`) the server was killed, or (`heals`) it was not.

To be run in a network namespace of its own, as root: the link is the namespace's loopback."""
import asyncio
import os
import subprocess
import sys

INTERVAL = 0.2
MODE = sys.argv[1]


def link(state):
    subprocess.run(["ip", "link", "set", "lo", state], check=True)


class Client(asyncio.Protocol):
    sent = 0

    def __init__(self, over):
        self.over = over

    def connection_made(self, transport):
        self.transport = transport
        self.loop = asyncio.get_running_loop()
        self.send_message()
        self.loop.call_later(1, link, "down")
        if MODE == "dies":
            self.loop.call_later(3, server.kill)
        else:
            self.loop.call_later(8, self.over.set_result, None)
        self.loop.call_later(3.2, link, "up")

    def send_message(self):
        self.sent += 1
        self.transport.write(b"message %d\n" % self.sent)
        self.loop.call_later(INTERVAL, self.send_message)

    def connection_lost(self, error):
        print("lost after", self.sent)
        if not self.over.done():
            self.loop.call_later(5 * INTERVAL, self.over.set_result, None)


async def main(port):
    loop = asyncio.get_running_loop()
    over = loop.create_future()
    await loop.create_connection(lambda: Client(over), "127.0.0.1", port)
    await asyncio.wait_for(over, 25)


link("up")
server = subprocess.Popen([sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "link_server.py")],
                          stdout=subprocess.PIPE)
asyncio.run(main(int(server.stdout.readline())))
server.kill()
