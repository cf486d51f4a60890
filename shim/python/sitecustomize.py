"""Starts socksan's adapter in every Python of a run, then makes room for the sitecustomize that would have been
imported.

`socksan run` puts this directory in front of PYTHONPATH. The directory leaves sys.path again at once, so the program
finds there what it finds without an audit. Whatever Python this is, of version 2 even, this file must pass it by.
"""


def _start(name):
    import os
    import sys

    here = os.path.dirname(os.path.abspath(__file__))
    try:
        if sys.version_info >= (3, 8) and sys.implementation.name == "cpython":
            import socksan_adapter

            socksan_adapter.start()
    except Exception:
        pass
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != here]
    sys.path_importer_cache.pop(here, None)
    # The import system gives out what stands here once this file has run: the next one on the way, where there is one.
    kept = sys.modules.pop(name)
    __import__(name)
    del kept


_start(__name__)
