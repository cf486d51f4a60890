"""The peer of the programs whose link goes down: takes what comes. Prints its port first. Where it is killed it
leaves nothing behind: the connection is reset."""
import socket
import struct

listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
connection, _ = listener.accept()
connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
while connection.recv(4096):
    pass
