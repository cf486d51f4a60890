"""Names the running test of unittest, trial and pytest, and reports what is not covered."""
from . import label, set_label, tell
from .wrapping import wrap


def _name(test):
    """Names the test unless its runner has named it already. Returns whether it did."""
    try:
        if not label():
            set_label(test.id())
            return True
    except Exception:
        pass
    return False


def _make_call(original):
    def __call__(self, *args, **kwds):
        named = _name(self)
        try:
            return original(self, *args, **kwds)
        finally:
            if named:
                set_label("")

    return __call__


def _make_run(original):
    """The only part of a unittest test that trial calls."""

    def run(self, result=None):
        named = _name(self)
        try:
            return original(self, result)
        finally:
            if named:
                set_label("")

    return run


def patch_unittest(module):
    wrap(module.TestCase, "__call__", _make_call)
    wrap(module.TestCase, "run", _make_run)


def _make_install_observer(original):
    """trial calls a test's run from several places, but this just before the test and the next one just after it."""

    def _installObserver(self):
        if _name(self):
            self.__dict__["_socksan"] = True
        return original(self)

    return _installObserver


def _make_remove_observer(original):
    def _removeObserver(self):
        if self.__dict__.pop("_socksan", False):
            set_label("")
        return original(self)

    return _removeObserver


def patch_trial(module):
    if wrap(module.SynchronousTestCase, "_installObserver", _make_install_observer):
        wrap(module.SynchronousTestCase, "_removeObserver", _make_remove_observer)


def _make_get_config(original):
    def get_config(*args, **kwargs):  # pytest 9 added one to those of 8
        config = original(*args, **kwargs)
        try:
            from . import pytest_plugin

            config.pluginmanager.register(pytest_plugin, "socksan")
        except Exception:
            pass
        return config

    return get_config


def patch_pytest(module):
    wrap(module, "get_config", _make_get_config, exact=False)


def patch_uvloop(module):
    """Its transports are compiled: the writes they drop cannot be seen."""
    tell(b"opaque")
