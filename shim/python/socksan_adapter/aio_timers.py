"""asyncio's timed calls: loop.call_later and call_at, and tasks that sleep.

How a timer was scheduled is kept outside it, under its address, until it runs or is cancelled: timers have no room for
it. A sleeping task is woken by a timer too; that counts as a run of the task.
"""
import sys
import weakref

from . import numbers, reports, stacks
from .reports import Run, Timer, annotate, here
from .wrapping import FILE, wrap

TWISTEDS_REACTOR = "twisted.internet.asyncioreactor"  # its timers are the clock of calls that are known otherwise

_getframe = sys._getframe
_timers = {}  # id of a TimerHandle -> how it was scheduled
_tasks = weakref.WeakKeyDictionary()  # task -> its Run
_current_task = None
_wake_sleeper = None
_loop_file = ""  # where BaseEventLoop is


# --- Timers ---


def _is_scheduled(handle):
    return not handle._cancelled and id(handle) in _timers


def _hide(made):
    """In debug mode asyncio keeps the stack of the call, from which each function on the way takes itself away."""
    stack = getattr(made, "_source_traceback", None)
    if isinstance(stack, list):
        stack[:] = [entry for entry in stack if entry.filename != FILE]


def _make_call_at(original):
    def call_at(self, when, callback, *args, context=None):
        handle = original(self, when, callback, *args, context=context)
        try:
            _note_timer(self, handle, callback)
        except Exception:
            pass
        return handle

    return call_at


def _note_timer(loop, handle, callback):
    _hide(handle)
    frame = stacks.outside(_getframe(2))
    delay = here.delay
    if delay is not None:  # by way of call_later
        while frame.f_code.co_filename in (FILE, _loop_file):
            frame = frame.f_back
    if callback is _wake_sleeper or frame.f_globals.get("__name__") == TWISTEDS_REACTOR:
        _timers.pop(id(handle), None)  # of one that had this address and went with its loop
        if callback is _wake_sleeper:
            _sleeps(loop)
        return
    place = stacks.place(frame)
    run = here.run
    _timers[id(handle)] = Timer(place, delay, run and run.goes_on(callback, place, handle, delay))


def _make_call_later(original):
    def call_later(self, delay, callback, *args, context=None):
        here.delay = delay
        try:
            handle = original(self, delay, callback, *args, context=context)
        finally:
            here.delay = None
        _hide(handle)
        return handle

    return call_later


def _make_run(original):
    def _run(self):
        timer = _timers.pop(id(self), None)
        if timer is None:
            return original(self)
        outer = here.run
        run = timer.run
        if run is None:
            run = Run("call_at" if timer.delay is None else "call_later", timer.place, timer.delay, _is_scheduled)
        run.begin(self._callback)
        here.run = run
        try:
            return original(self)
        finally:
            here.run = outer
            _ended(run)

    return _run


def _ended(run):
    try:
        if numbers[0] != run.events:
            annotate(run.events, run=run)
        run.finish()
    except Exception:
        pass


def _make_cancel(original):
    def cancel(self):
        _timers.pop(id(self), None)
        return original(self)

    return cancel


def patch_events(module):
    wrap(module.TimerHandle, "_run", _make_run)
    wrap(module.TimerHandle, "cancel", _make_cancel)


# --- Tasks ---


def _is_under_way(task):
    return not task.done()


def _task_run(task, place=()):
    run = _tasks.get(task)
    if run is None:
        run = _tasks[task] = Run("task", place, None, _is_under_way)
        run.latest = weakref.ref(task)
    return run


def _make_create_task(original):
    def create_task(self, coro, **kwargs):
        task = original(self, coro, **kwargs)
        try:
            _hide(task)
            _task_run(task, stacks.place(_getframe(1)))
        except Exception:
            pass  # a factory's task, say, of which no weak reference can be had
        return task

    return create_task


def _sleeps(loop):
    """A task goes to sleep: one more time around is over."""
    try:
        task = _current_task(loop)
        if task is None:
            return
        run = _task_run(task)
        run.count += 1
        if here.delay is not None:
            run.delay = here.delay
        if run.dead or run.live:
            run.settle()
    except Exception:
        pass


def _run_of_this_task():
    """The Run of the task under way, None where there is none."""
    try:
        task = _current_task()
        if task is None:
            return None
        run = _task_run(task)
        if run.name is None:
            code = task.get_coro()
            run.name = "%s of %s" % (task.get_name(), getattr(code, "__qualname__", type(code).__name__))
        return run
    except Exception:
        return None  # no loop is running


def _make_cancel_all(original):
    """asyncio.run is about to cancel whatever has not ended by itself."""

    def _cancel_all_tasks(loop):
        reports.tell_of_runs(for_good=True)
        return original(loop)

    return _cancel_all_tasks


def patch_runners(module):
    wrap(module, "_cancel_all_tasks", _make_cancel_all)


def patch_base_events(module):
    global _current_task, _wake_sleeper, _loop_file
    _loop_file = module.BaseEventLoop.call_at.__code__.co_filename
    _current_task = module.tasks.current_task
    _wake_sleeper = module.futures._set_result_unless_cancelled
    reports.asyncio_run = _run_of_this_task
    loop = module.BaseEventLoop
    wrap(loop, "call_at", _make_call_at)
    wrap(loop, "call_later", _make_call_later)
    wrap(loop, "create_task", _make_create_task, exact=False)
