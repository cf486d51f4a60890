"""asyncio sends later what does not fit into the socket's buffer: a client that goes on after the peer's FIN has a
timed call write much to a peer that takes a part of it and then resets. The loop's sends lose bytes; who had asked
for them is the program's line. With `ok` the peer has closed its sending half only, and takes it all."""
import asyncio
import socket
import struct
import sys

STEP = 0.1
SIZE = 20000000


def send_much(transport):
    transport.write(bytes(SIZE))


async def take(loop, peer, left):
    while left > 0:
        left -= len(await loop.sock_recv(peer, 1 << 20))


async def main():
    loop = asyncio.get_running_loop()
    listener = socket.create_server(("127.0.0.1", 0))
    reader, writer = await asyncio.open_connection(*listener.getsockname())
    peer, _ = listener.accept()
    peer.setblocking(False)
    peer.shutdown(socket.SHUT_WR)
    assert await reader.read() == b""
    loop.call_later(STEP, send_much, writer.transport)
    await asyncio.sleep(2 * STEP)
    if sys.argv[1] == "ok":
        await take(loop, peer, SIZE)
    else:
        await take(loop, peer, SIZE // 2)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()
    await asyncio.sleep(STEP)
    writer.close()


asyncio.run(main())
