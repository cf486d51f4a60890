"""The pytest plugin `socksan`: a section of the summary names the tests that caused incidents, and --socksan-fail fails
them."""
from _pytest.config import hookimpl

from . import ERROR, KINDS, NOTE, SEVERITIES, WARNING, numbers, set_label

_SEVERITY_NAMES = {NOTE: "note", WARNING: "warning", ERROR: "error"}

_counted = list(numbers)
_by_test = {}


def _news():
    """What was counted since the last look: {"kind (severity)": how often}. How severe an incident is, the library
    says; it moves what it had counted when the kernel tells what became of the bytes, so a difference can be
    negative."""
    global _counted
    now = list(numbers)
    news = {}
    for i in range(1, len(now)):
        if now[i] != _counted[i]:
            kind, severity = divmod(i - 1, SEVERITIES)
            name = "%s (%s)" % (KINDS[kind], _SEVERITY_NAMES[severity])
            news[name] = news.get(name, 0) + now[i] - _counted[i]
    _counted = now
    return news


def _words(found):
    return ", ".join("%d %s" % (count, name) for name, count in sorted(found.items()) if count > 0)


def pytest_addoption(parser):
    parser.getgroup("socksan").addoption(
        "--socksan-fail", nargs="?", const="error", choices=("error", "warning"),
        help="fail a test for which socksan reports an error; with =warning, also one for which it reports only a "
             "warning, such as a race")


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
            count > 0 and ("(error)" in name or (worst == "warning" and "(warning)" in name))
            for name, count in found.items()):
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
        if _words(found):
            terminalreporter.write_line("%s: %s" % (test, _words(found)))
