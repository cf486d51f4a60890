"""What is known of closed connections and of the calls that write to them, and how it is reported.

A transport that is watched has a Watch; each place in the program that writes to it in vain has a Drop there, which
is one incident with a count. What runs by the clock (a delayed call, a loop of them, a task that sleeps) is a Run.
All text is made when there is something to report.
"""
import _thread
import functools
import os
import socket
import sys
import time
import types
import weakref

from . import EVENTS, at_end, numbers, page, stacks, tell

PLACE_OF_A_DROP = 6  # frames that make two writes of one transport the same incident
CALLERS = 4  # write calls that are remembered for bytes which a transport has buffered
FRAMES_SHOWN = 3
FRAMES_OF_A_FRAMEWORK = 8  # through which the program's own line is looked for
MOST_DROPS_KEPT = 1000  # of runs, to be reported again at the end
NAMED = (types.FunctionType, types.MethodType, types.BuiltinFunctionType)

# The frameworks' directories: their frames say little about where the program scheduled something.
framework_directories = [os.path.dirname(os.__file__) + "/asyncio/"]
is_frameworks = {}  # file -> whether it is in one of them


class _Here(_thread._local):
    run = None  # the innermost Run of asyncio's that is under way in this thread
    delay = None  # of a call that is just being scheduled


class _Reactor:
    """Belongs to the thread that runs Twisted's reactor: no other may write to its transports."""

    __slots__ = ("run", "thread")

    def __init__(self):
        self.run = None  # the last Run that began; it may be over
        self.thread = 0  # in which it began


here = _Here()
reactor = _Reactor()
when_it_matters = []  # what is to be done once a run has written in vain: then it matters whether runs write elsewhere
asyncio_run = None  # set with asyncio: gives the Run of the task that is running, or None
_drops_of_runs = []


class Watch:
    """What is known about one transport."""

    __slots__ = ("name", "socket", "why", "when", "end", "told", "state", "callers", "drops", "events", "last_byte")

    def __init__(self, name):
        self.name = name  # of the framework
        self.socket = 0  # what libsocksan.so calls it
        self.why = None  # the connection ended
        self.when = None
        self.end = None  # the place where the program ended it
        self.told = False  # the program knows of the end
        self.state = None  # not None: what is written to it is not what it seems
        self.callers = ()  # place, run, place, run ...: who asked for the bytes that wait
        self.drops = None
        self.events = numbers[0]  # when its incidents were last looked for
        self.last_byte = page[EVENTS]

    def look(self, sock):
        """Reports who requested the writes that went wrong since the last look."""
        since = self.events
        self.events = numbers[0]
        self.last_byte = page[EVENTS]
        self.take_socket(sock)
        if self.callers and self.socket:
            annotate(since, self.callers, sock=self.socket)

    def ended_by(self, why, place):
        """The program itself closes the connection."""
        if self.why is None:
            self.why, self.end, self.when, self.told = why, place, time.monotonic(), True

    def lost(self, why):
        """The connection has ended; if the program closed it itself, that reason takes precedence."""
        if self.why is None:
            self.why, self.when = why, time.monotonic()

    def take_socket(self, sock):
        """Identifies the socket while it is open; a stand-in for a socket has a meaningless descriptor."""
        if not self.socket and isinstance(sock, socket.socket) and sock.fileno() >= 0:
            self.socket = tell(b"socket", b"%d" % sock.fileno()) or 0

    def asked_by(self, place, run, others_wait):
        """Notes who wrote bytes that the transport buffers, possibly among bytes of other callers."""
        self.callers = (self.callers[-2 * (CALLERS - 1):] if others_wait else ()) + (place, run)


class Timer:
    """How a call was scheduled."""

    __slots__ = ("place", "delay", "run")

    def __init__(self, place, delay, run):
        self.place = place
        self.delay = delay
        self.run = run  # the earlier times that this one goes on with


class Run:
    """Something that runs on a timer, possibly repeatedly."""

    __slots__ = ("what", "name", "place", "delay", "count", "live", "dead", "dead_runs", "latest", "pending",
                 "function", "code", "runner", "drops", "events", "__weakref__")

    def __init__(self, what, place, delay, pending, runner=None):
        self.what = what
        self.runner = runner  # Twisted's: the code of what calls it
        self.name = None
        self.place = place
        self.delay = delay
        self.count = 0
        self.live = self.dead = 0  # writes of this time: that went on their way, that went nowhere
        self.dead_runs = 0  # how often in a row all of them went nowhere
        self.latest = None  # weak: what stands for it in its framework
        self.pending = pending  # whether that is still to run
        self.function = None  # while it runs
        self.code = None  # of a function in Python
        self.drops = None
        self.events = 0

    def begin(self, function):
        self.function = function
        self.count += 1
        self.events = numbers[0]
        try:
            if self.dead or self.live:
                self.settle()  # the time before, of which nobody had seen that it was over
            self.code = _code_of(function)
            if self.name is None:
                self.name = _name_of(function)
        except Exception:
            pass

    def finish(self):
        self.function = None
        if self.dead or self.live:
            self.settle()

    def settle(self):
        """One run has ended: were all its writes dropped?"""
        self.dead_runs = 0 if self.live else self.dead_runs + 1
        self.live = self.dead = 0
        if self.drops and self.dead_runs and not self.dead_runs & (self.dead_runs - 1):
            for drop in self.drops:
                drop.amend()

    def goes_on(self, function, place, handle, delay):
        """A call is scheduled while this runs: returns this Run if it is the same one again, else None."""
        if not self.is_again(function, place):
            return None
        self.latest = weakref.ref(handle)
        self.delay = delay
        return self

    def is_again(self, function, place):
        """Whether scheduling `function` here, while this runs, is what makes this run again."""
        ours = self.function
        if ours is function:
            return True
        if type(ours) is type(function) is types.MethodType and ours.__self__ is function.__self__:
            return ours.__func__ is function.__func__
        code = _code_of(function)
        return code is not None and code is self.code and stacks.are_same_lines(place[:4], self.place[:4])

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
        state = ("still pending" if self.is_pending() else "not pending any more" if self.function is None
                 else "under way then")
        lines = ["timed call: %s%s %s, ran %s, %s" % (self.what, delay, self.name, _times(self.count), state)]
        return lines + _named_frames("scheduled at", self.place)


class Drop:
    """Dropped writes from one place to one connection: an incident."""

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
            if run.dead_runs > 1 and run.is_pending():
                lines.insert(0, "cause: a timed call outlived its connection")
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


def _innermost(function):
    """What a functools.partial finally calls. Other objects are the program's and are left alone."""
    while type(function) is functools.partial:
        function = function.func
    return function


def _code_of(function):
    """The code that runs when this is called; None if it is not Python code."""
    function = _innermost(function)
    if type(function) not in NAMED:
        function = type(function).__call__
    if type(function) is types.MethodType:
        function = function.__func__
    return function.__code__ if type(function) is types.FunctionType else None


def _name_of(function):
    function = _innermost(function)
    return getattr(function if type(function) in NAMED else type(function), "__qualname__", "a function")


def place_of_caller(frame):
    """The framework's frames that led here, and the program's first frame above them."""
    found = ()
    frame = stacks.outside(frame)
    while frame is not None and len(found) <= 2 * FRAMES_OF_A_FRAMEWORK:
        file = frame.f_code.co_filename
        found += frame.f_code, frame.f_lasti
        if file not in is_frameworks:
            is_frameworks[file] = file.startswith(tuple(framework_directories))
        if not is_frameworks[file]:
            break
        frame = frame.f_back
    return found


def _named_frames(name, place):
    lines = stacks.lines_of(place, tuple(framework_directories))[:FRAMES_SHOWN]
    return ["%s: %s" % (name if i == 0 else "from", line) for i, line in enumerate(lines)]


def _lines_of_end(watch):
    """What became of the connection."""
    ago = ""
    if watch.when is not None:
        ago = ", %s earlier" % _duration(time.monotonic() - watch.when)
    lines = ["lost: %s%s" % (watch.why or "no reason is known", ago)]
    if watch.end:
        lines += _named_frames("ended at", watch.end)[:1]
    lines.append("runtime: %s" % watch.name)
    return lines


def reactor_run():
    """Twisted's current Run, or None.

    Nothing tells when one is over; but while it runs, what runs it stands on the stack. The reactor's own loop runs
    other things, too: there the function that it called must stand above it. Looked at only where a Run has begun and
    not been found to be over since.
    """
    run = reactor.run
    if run is None or reactor.thread != _thread.get_ident():
        return None
    frame = sys._getframe(1)
    inner = None
    while frame is not None:
        code = frame.f_code
        if code is run.runner:
            if inner is run.code or run.what == "LoopingCall":
                return run
            break
        inner = code
        frame = frame.f_back
    reactor.run = None
    run.finish()
    return None


def run_under_way():
    return reactor_run() or here.run or (asyncio_run() if asyncio_run is not None else None)


def count_live():
    """A write was passed on."""
    run = run_under_way()
    if run is not None:
        run.live += 1


def dropped(watch, size, told, frame, why=None, connection=None):
    """A write of `size` bytes was dropped. `frame` is the program's calling frame; `connection` is its name."""
    place = stacks.place(frame, PLACE_OF_A_DROP)
    _note_drop(watch, size, told, place, run_under_way(), lambda: stacks.text_of(frame), why, connection)


def dropped_later(watch, size, told, place, run, why=None):
    """The same for a buffered write: where it was made, and the Run that was current then."""
    _note_drop(watch, size, told, place[:2 * PLACE_OF_A_DROP], run, lambda: stacks.text_of_place(place), why, None)


def _note_drop(watch, size, told, place, run, text, why, connection):
    while run is not None and when_it_matters:
        when_it_matters.pop()()
    if watch.drops is None:
        watch.drops = {}
    drop = watch.drops.get((place, told))
    if drop is None:
        # CPython specializes a line after its first calls, so later offsets differ from earlier ones.
        lines = stacks.numbers_of_lines(place)
        drop = watch.drops[place, told] = watch.drops.get((lines, told))
    if run is not None:
        run.dead += 1
    if drop is not None:
        drop.count += 1
        tell(b"again", b"%d" % drop.id, b"%d" % size)
        if run is not None and run.function is None and not drop.count & (drop.count - 1):
            drop.amend()
        return
    said = _lines_of_end(watch)
    if why:
        said[0] = "lost: " + why
    if connection and not watch.socket:
        said.append("connection: " + connection)
    drop = watch.drops[place, told] = watch.drops[lines, told] = Drop(said, run)
    drop.count = 1
    if run is not None:
        if run.drops is None:
            run.drops = []
        run.drops.append(drop)
        if len(_drops_of_runs) < MOST_DROPS_KEPT:
            _drops_of_runs.append(drop)
    drop.id = tell(b"dropped", b"%d" % bool(told), b"-1", b"%d" % watch.socket, b"%d" % size, drop.note(),
                   text()) or 0


def annotate(since, callers=(), run=None, sock=0):
    """Adds to what libsocksan.so has found in this thread since then: which calls requested it, and on which timer."""
    try:
        lines = []
        reactor_run()  # finds out whether the last one is over
        for i in range(len(callers) - 2, -1, -2):
            asked = _named_frames("your call", callers[i])
            if asked and asked[0] not in lines:
                lines += asked
            run = run or callers[i + 1]
        run = run or (None if callers else run_under_way())
        if run is not None:
            lines += run.lines()
        if lines:
            tell(b"annotate", b"%d" % since, b"%d" % sock, stacks.encode("\n".join(lines)))
    except Exception:
        pass


def tell_of_runs(for_good=False):
    """Reports again, for each Run whose writes were dropped, how often it ran and whether it was still pending.

    `for_good`: what is still to run now is about to be taken away, so that this is the last word on it.
    """
    reactor_run()
    for drop in _drops_of_runs:
        drop.amend()
    if for_good:
        _drops_of_runs[:] = [drop for drop in _drops_of_runs if not drop.run.is_pending()]


at_end.append(tell_of_runs)
