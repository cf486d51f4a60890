"""What is known of connections that are gone and of the calls that write to them, and how it is told.

A transport that is watched has a Watch; each place in the program that writes to it in vain has a Drop there, which is one
incident with a count. What runs by the clock (a delayed call, a loop of them, a task that sleeps) is a Run. All text is made
when there is something to report.
"""
import _thread
import os
import socket
import time

from . import at_end, numbers, stacks, tell

PLACE_OF_A_DROP = 6  # frames that make two writes of one transport the same incident
CALLERS = 4  # write calls that are remembered for bytes which a transport has buffered
FRAMES_SHOWN = 3
MOST_DROPS_KEPT = 1000  # of runs, to be told of again at the end

# Files whose frames say little about where the program scheduled something: the frameworks' directories.
framework_directories = [os.path.dirname(os.__file__) + "/asyncio/"]


class _Here(_thread._local):
    run = None  # the innermost Run of asyncio's that is under way in this thread
    delay = None  # of a call that is just being scheduled


class _ReactorThread:
    """The same of the one thread in which Twisted's reactor runs: nobody else may write to its transports."""

    __slots__ = ("run",)

    def __init__(self):
        self.run = None


here = _Here()
reactor_thread = _ReactorThread()
asyncio_run = None  # set with asyncio: gives the Run of the task that is running, or None
live_task = None  # set with asyncio: counts a write of the task that is running which went on its way
suspect_tasks = False  # a task has written in vain: from now on it matters whether tasks write elsewhere
_drops_of_runs = []


class Watch:
    """What is known of one transport."""

    __slots__ = ("name", "socket", "why", "when", "end", "over", "told", "place", "callers", "drops")

    def __init__(self, name):
        self.name = name  # of the framework
        self.socket = 0  # what libsocksan.so calls it
        self.why = None  # the connection ended
        self.when = None
        self.end = None  # the place where the program ended it
        self.over = False  # the program aborted it: what is written from here on goes nowhere
        self.told = False  # the program knows of the end
        self.place = None  # where the program called, while a layer between (TLS) hides it
        self.callers = ()  # place, run, place, run ...: who asked for the bytes that wait
        self.drops = None

    def ended_by(self, why, place):
        """The program itself ends the connection."""
        if self.why is None:
            self.why, self.end, self.when, self.told = why, place, time.monotonic(), True

    def lost(self, why):
        """The connection is over; what the program had done to that end counts more."""
        if self.why is None:
            self.why, self.when = why, time.monotonic()

    def take_socket(self, sock):
        """Asks who the socket is while it is open; what only stands in for one has a number that means nothing."""
        if not self.socket and isinstance(sock, socket.socket) and sock.fileno() >= 0:
            self.socket = tell(b"socket", b"%d" % sock.fileno()) or 0


class Run:
    """Something that runs by the clock, again and again perhaps."""

    __slots__ = ("what", "name", "place", "delay", "count", "live", "dead", "dead_runs", "latest", "pending", "function",
                 "drops", "events", "__weakref__")

    def __init__(self, what, place, delay, pending):
        self.what = what
        self.name = None
        self.place = place
        self.delay = delay
        self.count = 0
        self.live = self.dead = 0  # writes of this time: that went on their way, that went nowhere
        self.dead_runs = 0  # how often in a row all of them went nowhere
        self.latest = None  # weak: what stands for it in its framework
        self.pending = pending  # whether that is still to run
        self.function = None  # while it runs
        self.drops = None
        self.events = 0

    def begin(self, function):
        self.count += 1
        self.live = self.dead = 0
        self.function = function
        self.events = numbers[0]
        if self.name is None:
            self.name = _name_of(function)

    def finish(self):
        self.function = None
        if numbers[0] != self.events:
            annotate(self.events, run=self)
        if self.dead or self.live:
            self.settle()

    def settle(self):
        """One time is over: were all its writes in vain?"""
        if self.live:
            self.dead_runs = 0
        elif self.dead:
            self.dead_runs += 1
            if self.drops and not self.dead_runs & (self.dead_runs - 1):
                for drop in self.drops:
                    drop.amend()

    def is_again(self, function, place):
        """Whether scheduling `function` here, while this runs, is what makes it run again."""
        ours = self.function
        if ours is function or (type(ours) is type(function) and ours == function):
            return True
        code = getattr(getattr(function, "__func__", function), "__code__", None)
        return (code is not None and code is getattr(getattr(ours, "__func__", ours), "__code__", None)
                and place[:4] == self.place[:4])

    def is_pending(self):
        latest = self.latest() if self.latest is not None else None
        return latest is not None and self.pending(latest)

    def lines(self):
        """What is said of it."""
        if self.what == "task":
            state = "still running" if self.is_pending() else "not running any more"
            if not self.count:
                return ["task: %s, %s" % (self.name, state)] + _named_frames("started at", self.place)
            slept = "slept %s, %s the last time" % (_times(self.count), _duration(self.delay or 0))
            return ["timed call: task %s, %s, %s" % (self.name, slept, state)] + _named_frames("started at", self.place)
        delay = "" if self.delay is None else "(%s)" % _duration(self.delay)
        state = "still pending" if self.is_pending() else "not pending any more"
        lines = ["timed call: %s%s %s, ran %s, %s" % (self.what, delay, self.name, _times(self.count), state)]
        return lines + _named_frames("scheduled at", self.place)


class Drop:
    """Writes from one place to one connection that are thrown away: an incident."""

    __slots__ = ("id", "count", "watch_lines", "run")

    def __init__(self, watch_lines, run):
        self.id = 0
        self.count = 0
        self.watch_lines = watch_lines
        self.run = run

    def note(self):
        lines = list(self.watch_lines)
        run = self.run
        if run is not None:
            if run.dead_runs and run.is_pending():
                lines.insert(0, "found: write by a timed call that outlived its connection")
            lines += run.lines()
        return stacks.encode("\n".join(lines))

    def amend(self):
        if self.id:
            tell(b"amend", b"%d" % self.id, self.note())


def _duration(seconds):
    for unit, size in (("s", 1), ("ms", 1e-3)):
        if seconds >= size:
            return "%.3g %s" % (seconds / size, unit)
    return "%.0f us" % (seconds / 1e-6) if seconds > 0 else "0 s"


def _times(count):
    return "once" if count == 1 else "%d times" % count


def _name_of(function):
    for attribute in ("f", "func"):  # LoopingCall, functools.partial
        function = getattr(function, attribute, function)
    name = getattr(function, "__qualname__", None)
    return name if isinstance(name, str) else type(function).__qualname__


def _named_frames(name, place):
    lines = stacks.lines_of(place, tuple(framework_directories))[:FRAMES_SHOWN]
    return ["%s: %s" % (name if i == 0 else "from", line) for i, line in enumerate(lines)]


def _lines_of_end(watch):
    """What became of the connection."""
    ago = ""
    if watch.when is not None:
        ago = ", %s before" % _duration(time.monotonic() - watch.when)
    lines = ["lost: %s%s" % (watch.why or "it is not known how", ago)]
    if watch.end:
        lines += _named_frames("ended at", watch.end)[:1]
    lines.append("runtime: %s" % watch.name)
    return lines


def _run_under_way():
    return reactor_thread.run or here.run or (asyncio_run() if asyncio_run is not None else None)


def dropped(watch, size, told, frame, why=None, connection=None):
    """A write of `size` bytes was thrown away. `frame` is the program's that called; `connection` says which it was."""
    global suspect_tasks
    place = stacks.place(frame, PLACE_OF_A_DROP)
    run = _run_under_way()
    suspect_tasks = suspect_tasks or (run is not None and run.what == "task")
    if watch.drops is None:
        watch.drops = {}
    drop = watch.drops.get((place, told))
    if run is not None:
        run.dead += 1
    if drop is not None:
        drop.count += 1
        tell(b"again", b"%d" % drop.id, b"%d" % size)
        if run is not None and run.function is None and not drop.count & (drop.count - 1):
            drop.amend()
        return
    lines = _lines_of_end(watch)
    if why:
        lines[0] = "lost: " + why
    if connection and not watch.socket:
        lines.append("connection: " + connection)
    drop = watch.drops[place, told] = Drop(lines, run)
    drop.count = 1
    if run is not None:
        if run.drops is None:
            run.drops = []
        run.drops.append(drop)
        if len(_drops_of_runs) < MOST_DROPS_KEPT:
            _drops_of_runs.append(drop)
    drop.id = tell(b"dropped", b"%d" % bool(told), b"-1", b"%d" % watch.socket, b"%d" % size, drop.note(),
                   stacks.text_of(frame)) or 0


def annotate(since, callers=(), run=None):
    """Adds to what libsocksan.so found since then, in this thread: which calls had asked for it, and by which clock."""
    lines = []
    seen = set()
    for i in range(len(callers) - 2, -1, -2):
        if callers[i] not in seen:
            seen.add(callers[i])
            lines += _named_frames("asked for at", callers[i])
        run = run or callers[i + 1]
    run = run or _run_under_way()
    if run is not None:
        lines += run.lines()
    if lines:
        tell(b"annotate", b"%d" % since, stacks.encode("\n".join(lines)))


def tell_of_runs(for_good=False):
    """Says again, of each run whose writes were thrown away, how often it ran and whether it would run on.

    `for_good`: what is still to run now is about to be taken away, so that this is the last word on it.
    """
    for drop in _drops_of_runs:
        drop.amend()
    if for_good:
        _drops_of_runs[:] = [drop for drop in _drops_of_runs if not drop.run.is_pending()]


at_end.append(tell_of_runs)
