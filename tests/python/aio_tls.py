"""asyncio over TLS: what is written after the program's own close (`closing`), after connection_lost (`lost`), after
an abort (`abort`). With `ok` nothing is. The second argument is a file with a certificate and its key."""
import asyncio
import ssl
import sys

MODE = sys.argv[1]
STEP = 0.2


async def echo(reader, writer):
    async for line in reader:
        writer.write(line)
    writer.close()


def finish(writer):
    if MODE == "abort":
        writer.transport.abort()
    else:
        writer.close()
    if MODE in ("closing", "abort"):
        writer.write(b"one more thing\n")


def say_one_more(writer):
    if MODE == "lost":
        writer.writelines([b"anyone ", b"there?\n"])


async def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[2])
    server = await asyncio.start_server(echo, "127.0.0.1", 0, ssl=context)
    trusting = ssl.create_default_context()
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname(), ssl=trusting)
    writer.write(b"hello\n")
    print("received", (await reader.readline()).decode().strip())
    finish(writer)
    await asyncio.sleep(STEP)
    say_one_more(writer)
    await asyncio.sleep(STEP)
    server.close()


asyncio.run(main())
