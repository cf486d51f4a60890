"""Twisted's timed calls: reactor.callLater and LoopingCall.

Nothing of ours stands on the stack while such a call runs, so that its tracebacks are what they would be. The reactor marks a
delayed call as called right before it runs it, and a LoopingCall forgets the delayed call that ran it: these attributes become
properties, which tell when a run begins. It ends where the next begins, or where the reactor, having run all that was due,
looks whether it has been stopped.
"""
import sys
import weakref

from . import stacks
from .reports import Run, reactor_thread
from .wrapping import wrap

_getframe = sys._getframe


class _Timer:
    """How a delayed call was scheduled."""

    __slots__ = ("place", "delay", "run")

    def __init__(self, place, delay, run):
        self.place = place
        self.delay = delay
        self.run = run  # the earlier calls that this one goes on with


def _begin(run, function):
    previous = reactor_thread.run
    if previous is not None:
        previous.finish()
    if run is not None:
        run.begin(function)
    reactor_thread.run = run


# --- callLater ---


def _is_active(call):
    return call.active()


def _make_call_later(original):
    def callLater(self, delay, callable, *args, **kw):
        call = original(self, delay, callable, *args, **kw)
        place = stacks.place(_getframe(1))
        run = reactor_thread.run
        if run is not None:
            if run.is_again(callable, place):
                run.latest = weakref.ref(call)
                run.delay = delay
            else:
                run = None
        call.__dict__["_socksan"] = _Timer(place, delay, run)
        return call

    return callLater


def _called(self):
    return self.__dict__["called"]


def _set_called(self, value):
    self.__dict__["called"] = value
    if not value:
        return
    try:
        timer = self.__dict__.pop("_socksan", None)
        run = None
        if timer is not None:
            run = timer.run or Run("callLater", timer.place, timer.delay, _is_active)
        _begin(run, self.func)
    except Exception:
        pass


def _just_stopped(self):
    if reactor_thread.run is not None:
        _begin(None, None)
    return self.__dict__["_justStopped"]


def _set_just_stopped(self, value):
    self.__dict__["_justStopped"] = value


def patch_base(module):
    reactor = module.ReactorBase
    if "_justStopped" not in reactor.runUntilCurrent.__code__.co_names:
        return  # a version that would not tell us where a run ends
    if wrap(reactor, "callLater", _make_call_later):
        reactor._justStopped = property(_just_stopped, _set_just_stopped)
        module.DelayedCall.called = property(_called, _set_called)


# --- LoopingCall ---


def _is_running(loop):
    return loop.running


def _make_start(original):
    def start(self, interval, now=True):
        if self.running:
            return original(self, interval, now)
        run = Run("LoopingCall", stacks.place(_getframe(1)), interval, _is_running)
        run.latest = weakref.ref(self)
        self.__dict__["_socksan"] = run
        outer = reactor_thread.run
        try:
            return original(self, interval, now)
        finally:
            if reactor_thread.run is run:  # it has run once, in here
                run.finish()
                reactor_thread.run = outer

    return start


def _call(self):
    return self.__dict__.get("call")


def _set_call(self, value):
    before = self.__dict__.get("call")
    self.__dict__["call"] = value
    if value is not None or not self.running:
        return
    run = self.__dict__.get("_socksan")
    if run is None:
        return
    try:
        if before is None or not before.cancelled:
            outer = reactor_thread.run
            if before is None and outer is not None:
                reactor_thread.run = None  # started by what runs: that is not over
            _begin(run, self.f)
    except Exception:
        pass


def patch_task(module):
    if wrap(module.LoopingCall, "start", _make_start):
        module.LoopingCall.call = property(_call, _set_call)
