"""results.py: what came of each test of a run, as lines of its name, a tab and its result.

    results.py regrtest LOG XML     CPython's regrtest: the JUnit file, and subtests and whole modules from the log
    results.py trial LOG            Twisted's trial, with --reporter=timing

A result is `passed`, `failed`, or `skipped: why`. Where there is no JUnit file, because the run did not come to its
end, the tests that the log names are listed.
"""
import re
import sys
import xml.etree.ElementTree


def regrtest(log_file, xml_file):
    try:
        cases = xml.etree.ElementTree.parse(xml_file).iter("testcase")
    except (OSError, xml.etree.ElementTree.ParseError):
        cases = []
    # In memory of what the log repeats: a subtest is only there, under its test's name with its parameters.
    seen = set()
    for case in cases:
        name = case.get("name")
        skipped = case.find("skipped")
        if name is None or name in seen:
            continue
        seen.add(name)
        if skipped is not None:
            yield name, "skipped: " + (skipped.text or "")
        elif case.find("failure") is not None or case.find("error") is not None:
            yield name, "failed"
        else:
            yield name, "passed"
    with open(log_file, errors="replace") as log:
        for line in log:
            heading = re.match(r"(?:FAIL|ERROR): (\S+) \(([\w.]+)\)(.*)", line)
            running = re.match(r"(\w+) \(([\w.]+)\)(?: \.\.\.|$)", line)
            if heading and heading[2] + heading[3] not in seen:
                seen.add(heading[2] + heading[3])
                yield heading[2] + heading[3], "failed"
            elif running and not cases and running[2] not in seen:
                seen.add(running[2])
                yield running[2], "begun"


def trial(log_file):
    words = {"OK": "passed", "FAILURE": "failed", "ERROR": "failed", "SKIPPED": "skipped", "TODO": "skipped: to do",
             "SUCCESS!?!": "failed: unexpected success"}
    text = open(log_file, errors="replace").read()
    # What a test prints itself comes between its name and its result.
    for name, between, word in re.findall(r"^([\w.]+\.test[\w.]*) \.\.\.((?:(?!^[\w.]+\.test[\w.]* \.\.\.).)*?)"
                                          r"\[(OK|FAILURE|ERROR|SKIPPED|TODO|SUCCESS!\?!)\]", text, re.M | re.S):
        yield name, words[word]


for name, result in regrtest(*sys.argv[2:]) if sys.argv[1] == "regrtest" else trial(sys.argv[2]):
    print(name, " ".join(result.split()), sep="\t")
