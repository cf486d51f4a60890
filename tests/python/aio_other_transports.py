"""asyncio's other transports. What is written

    unix     to an AF_UNIX stream after its own close
    udp      to a connected datagram transport after its own close
    untold   in one go to a connection that turns out to be reset with the first of these writes
    ok       while a transport closes and still has something in its buffer; into a half-closed connection
    pipe     to a subprocess that has gone: not our business
"""
import asyncio
import os
import socket
import struct
import sys
import tempfile

MODE = sys.argv[1]
STEP = 0.1


def say_one_more(write):
    write(b"in vain")


async def unix():
    path = os.path.join(tempfile.mkdtemp(), "socket")
    await asyncio.start_unix_server(lambda reader, writer: None, path)
    _, writer = await asyncio.open_unix_connection(path)
    writer.write(b"hello")
    writer.close()
    await asyncio.sleep(STEP)
    say_one_more(writer.write)


async def udp():
    loop = asyncio.get_running_loop()
    server, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, ("127.0.0.1", 0))
    client, _ = await loop.create_datagram_endpoint(
        asyncio.DatagramProtocol, remote_addr=server.get_extra_info("sockname"))
    client.sendto(b"hello")
    client.close()
    await asyncio.sleep(STEP)
    say_one_more(client.sendto)


def send_all(transport, messages):
    for message in messages:
        transport.write(message)


async def untold():
    listener = socket.create_server(("127.0.0.1", 0))
    reader, writer = await asyncio.open_connection(*listener.getsockname())
    peer, _ = listener.accept()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()
    send_all(writer.transport, [b"first", b"second", b"third"])
    await asyncio.sleep(STEP)


async def ok():
    async def take(reader, writer):
        data = await reader.read()
        print("server received", len(data))
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(bytes(10000000))
    writer.close()
    writer.write(b"still sent")
    await asyncio.sleep(5 * STEP)


async def pipe():
    process = await asyncio.create_subprocess_exec("cat", stdin=asyncio.subprocess.PIPE)
    process.stdin.close()
    await process.wait()
    process.stdin.write(b"in vain")


asyncio.run(globals()[MODE]())
