"""Twisted's timed calls: reactor.callLater and LoopingCall.

None of our frames is on the stack while such a call runs, so its tracebacks are unchanged, and no code of ours runs on
each turn of the reactor's loop. The reactor marks a delayed call as called just before running it, and a LoopingCall
forgets the delayed call that ran it: these attributes become properties, which reveal when a run begins. Its end is
detected when someone asks (reports.reactor_run).
"""
import _thread
import sys
import weakref

from . import stacks
from .reports import Run, Timer, reactor, reactor_run
from .wrapping import wrap

_getframe = sys._getframe
_run_until_current = _loop_call = None  # the code of what runs them


def _begin(run, function):
    previous = reactor.run
    if previous is not None and previous is not run:
        previous.finish()
    run.begin(function)
    reactor.run = run
    reactor.thread = _thread.get_ident()


# --- callLater ---


def _is_active(call):
    return call.active()


def _make_call_later(original):
    def callLater(self, delay, callable, *args, **kw):
        call = original(self, delay, callable, *args, **kw)
        try:
            _note_call(call, delay, callable)
        except Exception:
            pass
        return call

    return callLater


def _note_call(call, delay, function):
    place = stacks.place(_getframe(2))
    run = reactor_run() if reactor.run is not None else None
    call.__dict__["_socksan"] = Timer(place, delay, run and run.goes_on(function, place, call, delay))


def _called(self):
    return self.__dict__["called"]


def _set_called(self, value):
    self.__dict__["called"] = value
    if not value:
        return
    try:
        timer = self.__dict__.pop("_socksan", None)
        if timer is not None:  # else it is of another clock, that of a test
            _begin(timer.run or Run("callLater", timer.place, timer.delay, _is_active, _run_until_current), self.func)
    except Exception:
        pass


def patch_base(module):
    global _run_until_current
    _run_until_current = module.ReactorBase.runUntilCurrent.__code__
    if wrap(module.ReactorBase, "callLater", _make_call_later):
        module.DelayedCall.called = property(_called, _set_called)


# --- LoopingCall ---


def _is_running(loop):
    return loop.running


def _make_start(original):
    def start(self, interval, now=True):
        if self.running:
            return original(self, interval, now)
        run, outer = _note_loop(self, interval)
        try:
            return original(self, interval, now)
        finally:
            if run is not None and reactor.run is run:  # it has run once, in here
                run.finish()
                reactor.run = outer

    return start


def _note_loop(loop, interval):
    try:
        run = Run("LoopingCall", stacks.place(_getframe(2)), interval, _is_running, _loop_call)
        run.latest = weakref.ref(loop)
        loop.__dict__["_socksan"] = run
        return run, reactor_run()
    except Exception:
        return None, None


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
        if before is None:  # the first time, within what runs now: that is not over
            reactor.run = None
            _begin(run, self.f)
        elif not before.cancelled:
            _begin(run, self.f)
    except Exception:
        pass


def patch_task(module):
    global _loop_call
    _loop_call = module.LoopingCall.__call__.__code__
    if wrap(module.LoopingCall, "start", _make_start):
        module.LoopingCall.call = property(_call, _set_call)
