"""Writes too late from wherever Python code can run, each of a size of its own, and prints for each what Python itself
says of the stack: the size, then "function:line" from the innermost frame outwards."""
import asyncio
import atexit
import functools
import os
import signal
import socket
import sys
import threading


def gone():
    ours, theirs = socket.socketpair()
    theirs.close()
    return ours


def say(size, frame):
    found = []
    while frame is not None:
        found.append("%s:%d" % (frame.f_code.co_name, frame.f_lineno))
        frame = frame.f_back
    os.write(1, ("%d %s\n" % (size, " ".join(found))).encode())
    return b"x" * size


def late(size):
    try:
        gone().send(say(size, sys._getframe()))
    except BrokenPipeError:
        pass


HEAD = 34  # lines that a sub-interpreter runs, too


def generator():
    yield 1
    late(3)
    yield 2


async def coroutine():
    await asyncio.sleep(0)
    late(4)


class Noisy:
    late(5)

    def __init__(self):
        self.partial = functools.partial(late, 6)

    def __getattr__(self, name):
        late(7)
        return lambda: late(8)

    @property
    def größe(self):
        return late(9)


def recurse(depth):
    return late(10) if depth == 0 else recurse(depth - 1)


def in_many_lines(
    first,
    second=0,
):
    (
        late
    )(
        first +
        second
    )


def spread():
    try:
        raise ValueError
    except ValueError:
        with open(os.devnull):
            for _ in [0]:
                [late(size) for size in (12,)]


late(1)
thread = threading.Thread(target=late, args=(2,))
thread.start()
thread.join()
list(generator())
asyncio.run(coroutine())
noisy = Noisy()
noisy.partial()
noisy.anything()
noisy.größe
recurse(20)
in_many_lines(11)
spread()
exec(compile("def far_down(x=0):\n" + 3000 * "    x = x + 1 if x else 2\n" + "    late(13)\nfar_down()\n", "far.py",
             "exec"))
signal.signal(signal.SIGUSR1, lambda number, frame: late(14))
os.kill(os.getpid(), signal.SIGUSR1)
if os.fork() == 0:
    late(15)
    os._exit(0)
os.wait()
sorted([1, 2], key=lambda x: late(15 + x) or x)
exec("late(18)")
atexit.register(late, 19)


try:
    import _interpreters  # CPython 3.13
except ImportError:
    pass
else:
    with open(__file__) as source:
        head = "".join(source.readlines()[:HEAD])
    interpreter = _interpreters.create()
    _interpreters.exec(interpreter, "exec(compile(%r, %r, 'exec'))\nlate(21)\n" % (head, __file__))
    _interpreters.destroy(interpreter)


class Dying:
    def __del__(self):
        late(20)


Dying()
