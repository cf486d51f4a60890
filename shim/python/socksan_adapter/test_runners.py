"""Names the test that is running: unittest, trial, pytest. And says what is not covered."""
from . import label, set_label, tell
from .wrapping import wrap


def _make_call(original):
    def __call__(self, *args, **kwds):
        named = False
        try:
            if not label():  # what runs the tests may have a name of its own for this one
                set_label(self.id())
                named = True
        except Exception:
            pass
        try:
            return original(self, *args, **kwds)
        finally:
            if named:
                set_label("")

    return __call__


def patch_unittest(module):
    wrap(module.TestCase, "__call__", _make_call)


def patch_trial(module):
    wrap(module.TestCase, "__call__", _make_call)


def _make_get_config(original):
    def get_config(args=None, plugins=None):
        config = original(args, plugins)
        try:
            from . import pytest_plugin

            config.pluginmanager.register(pytest_plugin, "socksan")
        except Exception:
            pass
        return config

    return get_config


def patch_pytest(module):
    wrap(module, "get_config", _make_get_config)


def patch_uvloop(module):
    """Its transports are compiled: what they throw away nobody sees."""
    tell(b"opaque")
