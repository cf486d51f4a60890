"""Starts socksan's adapter in every Python of a run, then makes room for the sitecustomize that would have been
imported.

`socksan run` puts this directory in front of PYTHONPATH. The directory leaves sys.path again at once, so the program
finds there what it finds without an audit. Whatever Python this is, of version 2 even, this file must pass it by.
"""


def _say(os, text):
    """Puts a line into the report, where libsocksan.so is there (shim/runtime/runtime_channel.h)."""
    try:
        os.write(-0x736F636B, ("socksan gap\0" + "0\0" + text + "\0").encode("ascii", "replace"))
    except Exception:
        pass


def _start(name):
    import os
    import sys

    here = os.path.dirname(os.path.abspath(__file__))
    why = None
    try:
        if sys.version_info < (3, 8) or sys.implementation.name != "cpython":
            why = "needs CPython 3.8"
        else:
            import socksan_adapter

            socksan_adapter.start()
    except Exception:
        why = "failed: %s" % sys.exc_info()[1]
    if why:
        _say(os, "Python %s: the adapter %s" % (sys.version.split()[0], why))
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != here]
    sys.path_importer_cache.pop(here, None)
    # The import system gives out what stands here once this file has run: the next one on the way, where there is one.
    kept = sys.modules.pop(name)
    __import__(name)
    del kept


_start(__name__)
