"""An asyncio line client that goes on talking: it connects, sends a line, closes its connection, and sends another line
later. With `ok` it looks whether it still has a connection."""
import asyncio
import sys

STEP = 0.2  # seconds


async def echo(reader, writer):
    async for line in reader:
        writer.write(line)
    writer.close()


class Talker:
    def __init__(self, reader, writer):
        self.reader = reader
        self.writer = writer

    async def talk(self):
        self.writer.write(b"hello\n")
        print("received", (await self.reader.readline()).decode().strip())
        await asyncio.sleep(STEP)
        self.finish()
        await asyncio.sleep(STEP)
        self.say_one_more()

    def finish(self):
        self.writer.close()

    def say_one_more(self):
        if not self.writer.is_closing() or sys.argv[1] != "ok":
            self.writer.write(b"anyone there?\n")


async def main():
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    await Talker(*await asyncio.open_connection(*server.sockets[0].getsockname())).talk()
    server.close()


asyncio.run(main())
