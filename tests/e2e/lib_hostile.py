"""lib_hostile.py: what hostile.sh asks of reports and of those who make them.

    lib_hostile.py text FORMAT FILE          FILE, a report of a trace full of hostile text, holds nothing that acts
    lib_hostile.py bound MIB SECONDS CMD...  runs CMD with at most so much memory and processor time
"""

import json
import os
import resource
import sys
import unicodedata
import xml.etree.ElementTree as tree

# What moves a cursor, turns the reading direction, or cannot be seen; newlines and tabs are looked at by their own
# rule.
CATEGORIES = ("Cc", "Cf", "Cs", "Zl", "Zp")
COMMANDS = ("##[", "##vso[", "##teamcity[")


def check_bytes(form, data):
    text = data.decode("utf-8")  # strict: raises where it is not valid
    for number, character in enumerate(text):
        if character in "\n" or (character == "\t" and form == "html"):
            continue
        if unicodedata.category(character) in CATEGORIES or character in "\ufffe\uffff":
            yield f"character {number} is U+{ord(character):04X}: {text[max(0, number - 30):number]!r}"
            return
    for line in text.splitlines():
        start = line.lstrip()
        if start.startswith("::") and not (form == "github" and line.startswith(
                ("::error ", "::warning ", "::notice "))):
            yield f"a line begins like a command: {line[:60]!r}"
        if any(command in line for command in COMMANDS):
            yield f"a command in a line: {line[:200]!r}"


def check_grammar(form, data):
    if form in ("json", "sarif", "perfetto"):
        json.loads(data)
    elif form in ("jsonl", "otlp"):
        for line in data.splitlines():
            json.loads(line)
    elif form == "junit":
        tree.fromstring(data)
    elif form == "html":
        for word in (b"<script>alert", b"<script>alert(1)"):
            if word in data:
                yield "markup of the trace"
    elif form == "github":
        for line in data.decode().splitlines():
            if not line.startswith("::"):
                yield f"a line that is no command: {line[:60]!r}"


def check_text(form, path):
    with open(path, "rb") as file:
        data = file.read()
    if not data:
        sys.exit("nothing was written")
    for trouble in [*check_bytes(form, data), *check_grammar(form, data)][:3]:
        sys.exit(trouble)


def bound(mib, seconds, command):
    resource.setrlimit(resource.RLIMIT_AS, (mib << 20, mib << 20))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    os.execv(command[0], command)


if sys.argv[1] == "text":
    check_text(*sys.argv[2:])
else:
    bound(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
