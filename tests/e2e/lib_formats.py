"""lib_formats.py: holds one report format of a run against what its readers need, and against the run's JSON report.

    lib_formats.py CHECK DIRECTORY TOP [SCHEMA]

DIRECTORY holds a report in each format, called by the format's name. Prints what is wrong, and nothing where all is
well.
"""

import collections
import html.parser
import json
import os
import re
import sys
import urllib.parse
import xml.etree.ElementTree

DIRECTORY, TOP = sys.argv[2], sys.argv[3]
LEVELS = {"error": "error", "warning": "warning", "note": "notice"}


def read(name):
    with open(os.path.join(DIRECTORY, name), encoding="utf-8") as file:
        return file.read()


def expect(condition, *words):
    if not condition:
        print(*words)


def report():
    return json.loads(read("json"))


def places(incidents):
    """Incidents as the formats group them: one for each fingerprint and severity."""
    groups = collections.defaultdict(list)
    for incident in incidents:
        groups[incident["fingerprint"], incident["severity"]].append(incident)
    return groups


def check_jsonl():
    whole = report()
    lines = [json.loads(line) for line in read("jsonl").splitlines()]
    expect(lines[-1]["type"] == "summary" and lines[-1]["schema"] == whole["schema"], "the last line is no summary")
    for name, key in (("process", "processes"), ("socket", "sockets"), ("incident", "incidents")):
        found = [{k: v for k, v in line.items() if k not in ("type", "time", "wall_ns")}
                 for line in lines if line["type"] == name]
        expect(found == whole[key], f"{key} are not those of the JSON report")
    for line in lines:
        if line["type"] in ("process", "incident"):
            expect(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", line["time"]), "time", line.get("time"))
    summary = {k: v for k, v in lines[-1].items() if k not in ("type", "schema", "version")}
    expect(summary == whole["summary"], "the summaries differ")


def check_junit():
    whole = report()
    root = xml.etree.ElementTree.fromstring(read("junit"))
    cases = root.findall(".//testcase")
    failures = root.findall(".//failure")
    errors = [incident for incident in whole["incidents"] if incident["severity"] == "error"]
    expect(int(root.get("tests")) == len(cases), "tests is not the number of test cases")
    expect(int(root.get("failures")) == len(failures), "failures is not their number")
    expect(len(failures) == len({(i["pid"], i["label"]) for i in errors}), "not one failure for each that failed")
    text = "\n".join("".join(failure.itertext()) for failure in failures)
    flat = " ".join(text.split())
    for (_, severity), incidents in places(whole["incidents"]).items():
        if severity != "error":
            continue
        one = next((i for i in incidents if i["title"] in flat), None)
        expect(one, "no text has the title:", incidents[0]["title"])
    for failure in failures:
        expect(failure.get("type") in text and failure.get("message"), "a failure without its kind or message")
        for part in ("program", "connection", "outcome", "operations", "likely cause"):
            expect(re.search(rf"^  {part} ", failure.text, re.M), f"a failure without its {part}")


def closed(schema):
    """The schema with no member allowed that it does not describe."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    parts = {name: closed(part) for name, part in schema.items()}
    if schema.get("type") == "object" and "properties" in schema:
        parts["additionalProperties"] = False
    return parts


def validate(schema_path, documents, part=None, change=None):
    """Prints how the documents break the schema, or a part of it."""
    import jsonschema

    with open(schema_path, encoding="utf-8") as file:
        schema = json.load(file)
    if change:
        schema = change(schema)
    if part:
        schema = {"$schema": schema["$schema"], "$defs": schema["$defs"], "$ref": f"#/$defs/{part}"}
    validator = jsonschema.validators.validator_for(schema)(schema)
    validator.check_schema(schema)
    for number, document in enumerate(documents, 1):
        for error in list(validator.iter_errors(document))[:10]:
            print(f"document {number}", "/".join(map(str, error.path)), error.message[:200])


def lines(name):
    return map(json.loads, read(name).splitlines())


def own_schema(name):
    return os.path.join(TOP, "tests", "schemas", name + ".json")


def check_sarif_schema():
    validate(sys.argv[4], [json.loads(read("sarif"))])


def report_schema():
    return os.path.join(sys.argv[4], "filled", "report-schema.json")


def check_json_schema():
    validate(report_schema(), [report()])


def check_json_complete():
    validate(report_schema(), [report()], change=closed)


def check_jsonl_schema():
    validate(report_schema(), lines("jsonl"), "line")


def check_perfetto_schema():
    validate(own_schema("trace-event"), [json.loads(read("perfetto"))])


def check_otlp_schema():
    validate(own_schema("otlp-logs"), lines("otlp"))


def check_sarif():
    whole = report()
    log = json.loads(read("sarif"))
    expect(log["version"] == "2.1.0" and len(log["runs"]) == 1, "not one run of version 2.1.0")
    run = log["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    root = urllib.parse.unquote(urllib.parse.urlsplit(run["originalUriBaseIds"]["%SRCROOT%"]["uri"]).path)
    expect(os.path.samefile(root, TOP), "the root is", root)
    expect(run["invocations"][0]["exitCode"] == 0, "the command's exit code is not there")
    results = run["results"]
    expect(sorted(r["partialFingerprints"]["primaryLocationLineHash"].split(":")[0] for r in results) ==
           sorted(fingerprint for fingerprint, _ in places(whole["incidents"])),
           "results are not the places of the JSON report")
    worst = [("error", "warning", "note").index(result["level"]) for result in results]
    expect(worst == sorted(worst), "the worst do not come first")
    for rule in rules:
        expect(rule["help"]["text"] and rule["help"]["markdown"], "a rule without help")
        expect(len(rule["properties"]["tags"]) <= 10, "more tags than are shown")
    for result in results:
        expect(rules[result["ruleIndex"]]["id"] == result["ruleId"], "ruleIndex does not fit")
        # GitHub refuses a file with a result that lies nowhere.
        expect(result["message"]["text"] and len(result["locations"]) == 1, "message or locations", result)
        expect(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "a result that lies nowhere")
        check_sarif_locations(result)
    # Something in a run of this size leads from the opening of a connection by way of the telling to the write.
    expect(any(len(r["codeFlows"][0]["threadFlows"][0]["locations"]) >= 3 for r in results if "codeFlows" in r),
           "no code flow of three steps")


def check_sarif_locations(result):
    flow = result["codeFlows"][0]["threadFlows"][0]["locations"] if "codeFlows" in result else []
    expect(len(flow) <= 1000, "more locations than are shown")
    expect([step["executionOrder"] for step in flow] == list(range(1, len(flow) + 1)), "steps are out of order")
    times = [step["executionTimeUtc"] for step in flow if "executionTimeUtc" in step]
    expect(times == sorted(times), "steps are not in the order of time", times)
    expect([step["importance"] for step in flow].count("essential") <= 1, "more than one essential step")
    for location in result["locations"] + result["relatedLocations"] + [step["location"] for step in flow]:
        physical = location.get("physicalLocation")
        if not physical:
            continue
        uri = physical["artifactLocation"]["uri"]
        expect(not re.search(r"[ \\]", uri), "no URI:", uri)
        expect(physical.get("region", {}).get("startLine", 1) >= 1, "a line below 1")
        if "uriBaseId" in physical["artifactLocation"]:
            expect(not uri.startswith(("/", "file:", "../")), "not relative to the root:", uri)
        else:
            expect(uri.startswith(("file:///", "../")), "neither absolute nor relative:", uri)


def check_github():
    whole = report()
    counts = collections.Counter(severity for _, severity in places(whole["incidents"]))
    shown = collections.Counter()
    commands = read("github").splitlines()
    for line in commands:
        match = re.fullmatch(r"::(error|warning|notice) ((?:[a-zA-Z]+=[^,:]*,?)+)::(.*)", line)
        if not match:
            print("no command:", line)
            continue
        properties = dict(part.split("=", 1) for part in match[2].split(","))
        expect(not re.search(r"%(?!25|0A|0D)", match[3]) or "not annotated" in match[3], "not escaped:", match[3])
        shown[match[1]] += properties["title"].startswith("socksan%3A ")
        if "file" in properties:
            path = urllib.parse.unquote(properties["file"])
            expect(not path.startswith(("/", "../")) and int(properties["line"]) >= 1, "place", properties)
    expect(any("file=tests/programs/" in line for line in commands), "no annotation is placed")
    for severity, level in LEVELS.items():
        expect(shown[level] <= 10, f"{shown[level]} {level} annotations")
        if sum(counts.values()) < 9 and "not everything was audited" not in read("github"):
            expect(shown[level] == counts[severity], f"{shown[level]} {level} annotations, not {counts[severity]}")


def check_perfetto():
    whole = report()
    events = json.loads(read("perfetto"))["traceEvents"]
    tracks = collections.defaultdict(list)
    named = {(e["pid"], e["tid"]) for e in events if e["ph"] == "M" and e["name"] == "thread_name"}
    for event in events:
        expect(isinstance(event["pid"], int) and isinstance(event["tid"], int), "pid or tid is no integer")
        expect(event["ph"] in "MXisf", "phase", event["ph"])
        expect((event["pid"], event["tid"]) in named, "a track without a name")
        if event["ph"] == "X":
            tracks[event["pid"], event["tid"]].append((round(event["ts"] * 1000), round(event["dur"] * 1000)))
    for slices in tracks.values():
        ends = []
        for begin, length in sorted(slices, key=lambda s: (s[0], -s[1])):
            while ends and ends[-1] <= begin:
                ends.pop()
            expect(not ends or begin + length <= ends[-1], "slices that overlap")
            ends.append(begin + length)
    expect(len([e for e in events if e.get("cat") == "connection" and e["ph"] == "X"]) == len(whole["sockets"]),
           "not one track for each socket")
    expect(len([e for e in events if e.get("cat") == "incident"]) == len(whole["incidents"]),
           "not one instant for each incident")
    starts = {(e["name"], e["id"]): e for e in events if e["ph"] == "s"}
    expect(starts, "no arrows")
    for event in events:
        if event["ph"] not in "sf":
            continue
        expect(any(b <= round(event["ts"] * 1000) < b + d for b, d in tracks[event["pid"], event["tid"]]),
               "an arrow that touches no slice", event)
        if event["ph"] == "f":
            start = starts.get((event["name"], event["id"]))
            expect(start and start["ts"] <= event["ts"], "an arrow without a beginning", event)


def check_otlp():
    whole = report()
    records = []
    for line in read("otlp").splitlines():
        request = json.loads(line)
        expect(list(request) == ["resourceLogs"], "members of a line", list(request))
        for resource in request["resourceLogs"]:
            attributes(resource["resource"]["attributes"])
            for scope in resource["scopeLogs"]:
                expect(scope["scope"]["name"] == "socksan", "scope")
                records += scope["logRecords"]
    found = collections.Counter()
    for record in records:
        expect(re.fullmatch(r"\d{19}", record["timeUnixNano"]), "timeUnixNano", record["timeUnixNano"])
        severity = record["severityNumber"], record["severityText"]
        expect(severity in ((9, "INFO"), (13, "WARN"), (17, "ERROR")), "severity", severity)
        expect(list(record["body"]) == ["stringValue"], "body")
        values = attributes(record["attributes"])
        if record["eventName"] == "socksan.incident":
            found[values["socksan.id"], values["socksan.kind"], record["body"]["stringValue"]] += 1
    expect(found == collections.Counter((i["id"], i["kind"], i["title"]) for i in whole["incidents"]),
           "records are not the incidents of the JSON report")
    expect(records[-1]["eventName"] == "socksan.summary", "no summary")


def attributes(items):
    """The attributes of a resource or a record, by their keys."""
    values = {}
    for item in items:
        expect(set(item) == {"key", "value"} and len(item["value"]) == 1, "an attribute", item)
        (kind, value), = item["value"].items()
        expect(kind in ("stringValue", "intValue", "arrayValue"), "a value of type", kind)
        expect(kind != "intValue" or re.fullmatch(r"\d+", value), "an integer that is no string of digits", value)
        expect(item["key"] not in values, "twice:", item["key"])
        values[item["key"]] = value
    return values


class Document(html.parser.HTMLParser):
    """Checks nesting, and collects what is needed."""

    VOID = {"meta", "input"}

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open = []
        self.text = []
        self.links = []

    def _look(self, attrs):
        names = dict(attrs)
        expect(not any(name.startswith("on") or name in ("src", "style") for name in names), "attributes", names)
        if "href" in names:
            self.links.append(names["href"])

    def handle_starttag(self, tag, attrs):
        self._look(attrs)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self._look(attrs)

    def handle_endtag(self, tag):
        expect(self.open and self.open[-1] == tag, f"</{tag}> ends", self.open[-3:])
        if self.open:
            self.open.pop()

    def handle_data(self, data):
        self.text.append(data)


def check_html():
    whole = report()
    document = Document()
    document.feed(read("html"))
    expect(document.open == [], "not closed:", document.open)
    expect(all(link.startswith("#") for link in document.links), "links that leave the page")
    text = "".join(document.text)
    for incidents in places(whole["incidents"]).values():
        expect(any(i["title"] in text for i in incidents), "no title:", incidents[0]["title"])


if __name__ == "__main__":
    globals()["check_" + sys.argv[1]]()
