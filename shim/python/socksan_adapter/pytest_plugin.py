"""The pytest plugin `socksan`: says which test caused an incident, in a section of the summary; --socksan-fail fails
it."""
from _pytest.config import hookimpl

from . import KNOWLEDGES, numbers, set_label

KINDS = ("a note", "write-after-peer-close", "write-after-reset", "write-after-shutdown", "write-after-close",
         "write-to-reused-fd", "write-before-connect", "write-to-silent-peer", "lost-on-close", "double-close",
         "dropped-by-framework")
OWN_DOING = ("write-after-shutdown", "write-after-close", "write-to-reused-fd", "write-before-connect", "double-close")
NEVER_ERRORS = ("a note", "write-to-silent-peer", "lost-on-close")
TOLD = 3

_counted = list(numbers)
_by_test = {}


def _severity(kind, knowledge):
    """As the report will have it, by what is known so far."""
    if kind == KINDS[0]:
        return "note"
    return "error" if kind in OWN_DOING or (knowledge == TOLD and kind not in NEVER_ERRORS) else "warning"


def _news():
    """What was counted since the last look: {"kind (severity)": how often}."""
    global _counted
    now = list(numbers)
    news = {}
    if now[0] != _counted[0]:
        for i in range(1, len(now)):
            if now[i] > _counted[i]:
                kind = KINDS[(i - 1) // KNOWLEDGES]
                name = "%s (%s)" % (kind, _severity(kind, (i - 1) % KNOWLEDGES))
                news[name] = news.get(name, 0) + now[i] - _counted[i]
        _counted = now
    return news


def _words(found):
    return ", ".join("%d %s" % (count, name) for name, count in sorted(found.items()))


def pytest_addoption(parser):
    parser.getgroup("socksan").addoption(
        "--socksan-fail", nargs="?", const="error", choices=("error", "warning"),
        help="fail a test that writes to a connection which is gone, as socksan has it; with =warning also where the "
             "program could not know")


@hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_protocol(item):
    _news()
    set_label(item.nodeid)
    try:
        yield
    finally:
        set_label("")


@hookimpl(hookwrapper=True, trylast=True)
def pytest_runtest_makereport(item):
    outcome = yield
    found = _news()
    if not found:
        return
    report = outcome.get_result()
    report.socksan = found
    worst = item.config.getoption("--socksan-fail", None)
    if worst and report.outcome == "passed" and any(
            "(error)" in name or (worst == "warning" and "(warning)" in name) for name in found):
        report.outcome = "failed"
        report.longrepr = "socksan: %s" % _words(found)


def pytest_runtest_logreport(report):
    for name, count in (getattr(report, "socksan", None) or {}).items():
        found = _by_test.setdefault(report.nodeid, {})
        found[name] = found.get(name, 0) + count


def pytest_terminal_summary(terminalreporter):
    if not _by_test:
        return
    terminalreporter.section("socksan")
    for test, found in _by_test.items():
        terminalreporter.write_line("%s: %s" % (test, _words(found)))
