"""lib_examples.py: reads the examples for CI services, for examples.sh.

    lib_examples.py check FILE SCHEMA        prints what is wrong, and nothing where all is well
    lib_examples.py script FILE NAME         the shell script of a step, or of a GitLab job, by its name
"""
import json
import sys

import yaml


def load(path):
    with open(path) as file:
        document = yaml.safe_load(file)
    # YAML 1.1 takes the key `on` for a truth value.
    if True in document:
        document["on"] = document.pop(True)
    return document


def check(path, schema_path):
    import jsonschema

    with open(schema_path) as file:
        schema = json.load(file)
    jsonschema.Draft7Validator.check_schema(schema)
    for error in jsonschema.Draft7Validator(schema).iter_errors(load(path)):
        print("%s: %s" % ("/".join(map(str, error.absolute_path)), error.message))


def script(path, name):
    document = load(path)
    if "jobs" in document:
        steps = [step for job in document["jobs"].values() for step in job["steps"] if step.get("name") == name]
        print(steps[0]["run"])
    else:
        print("\n".join(document[name]["script"]))


if __name__ == "__main__":
    {"check": check, "script": script}[sys.argv[1]](*sys.argv[2:])
