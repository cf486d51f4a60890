"""lib_ci_components.py: does with action.yml and templates/socksan.yml what the services do, for ci_components.sh.

    lib_ci_components.py action FILE INPUT=VALUE...   run the action's steps, with the variables that GitHub sets
    lib_ci_components.py job FILE INPUT=VALUE...      print the job that the component becomes with these inputs, as
                                                      JSON
    lib_ci_components.py run FILE INPUT=VALUE...      run its script, as GitLab's runner does
    lib_ci_components.py spec FILE                    print the component's inputs, as JSON
    lib_ci_components.py default FILE INPUT           print an input's default

Inputs that are not there, or missing, end it with status 2, as the services refuse them. What an action only `uses` is
printed as `uses NAME {with}`, where its condition holds.
"""
import json
import os
import re
import subprocess
import sys
import tempfile

import yaml


def refuse(why):
    print(why, file=sys.stderr)
    sys.exit(2)


def inputs_of(declared, given):
    """The value of each declared input, from `NAME=VALUE` words and the defaults."""
    values = {name: (rules or {}).get("default") for name, rules in declared.items()}
    for word in given:
        name, _, value = word.partition("=")
        if name not in values:
            refuse("there is no input %s" % name)
        values[name] = value
    missing = [name for name, value in values.items() if value is None]
    if missing:
        refuse("missing: %s" % " ".join(missing))
    return {name: str(value) for name, value in values.items()}


# --- GitHub ----------------------------------------------------------------------------------------------------------

TOKEN = re.compile(r"\s*(?:('(?:[^']|'')*')|(&&|\|\||==|!=|!|\(|\))|([A-Za-z_][A-Za-z0-9_.-]*))")
OPERATORS = {"&&": " and ", "||": " or ", "!": " not "}


def evaluate(expression, context):
    """An expression of GitHub's, as far as action.yml uses them: names, strings, comparisons, always()."""
    python, position = "", 0
    expression = expression.replace("always()", "'always'").strip()
    while position < len(expression):
        token = TOKEN.match(expression, position)
        if not token:
            refuse("an expression that is not understood: %s" % expression)
        position = token.end()
        text, operator, name = token.groups()
        if text:
            python += repr(text[1:-1].replace("''", "'"))
        elif operator:
            python += OPERATORS.get(operator, operator)
        else:
            value = context
            for part in name.split("."):
                value = value.get(part, "") if isinstance(value, dict) else ""
            python += repr(value)
    return eval(python, {"__builtins__": {}})  # pylint: disable=eval-used


def expand(text, context):
    return re.sub(r"\$\{\{(.*?)\}\}", lambda found: str(evaluate(found.group(1), context)), str(text))


def read_outputs(path):
    with open(path) as file:
        return dict(line.rstrip("\n").split("=", 1) for line in file if "=" in line)


def run_step(step, context, files):
    """Runs a step's lines as GitHub does where `shell: bash` is said; returns the status."""
    if step.get("shell") != "bash":
        refuse("a step without `shell: bash`")
    environment = dict(os.environ, **files,
                       **{name: expand(value, context) for name, value in step.get("env", {}).items()})
    with open(files["GITHUB_PATH"]) as file:
        environment["PATH"] = ":".join(file.read().split("\n")[::-1] + [environment["PATH"]]).lstrip(":")
    with tempfile.NamedTemporaryFile("w", suffix=".sh", dir=os.environ["RUNNER_TEMP"]) as script:
        script.write(expand(step["run"], context))
        script.flush()
        return subprocess.run(["bash", "--noprofile", "--norc", "-eo", "pipefail", script.name], env=environment,
                              cwd=expand(step.get("working-directory", "."), context), check=False).returncode


def run_action(path, given):
    with open(path) as file:
        action = yaml.safe_load(file)
    context = {"inputs": inputs_of(action["inputs"], given), "steps": {},
               "github": {"server_url": os.environ.get("GITHUB_SERVER_URL", ""), "action_repository": "owner/socksan"}}
    failed = 0
    for step in action["runs"]["steps"]:
        condition = expand(step.get("if", "success()").replace("success()", ""), context)
        if condition in ("False", "") and "if" in step or failed and "always()" not in step.get("if", ""):
            continue
        if "uses" in step:
            print("uses %s %s" % (step["uses"], json.dumps({key: expand(value, context)
                                                            for key, value in step["with"].items()}, sort_keys=True)))
            continue
        files = {name: os.path.join(os.environ["RUNNER_TEMP"], name)
                 for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_PATH")}
        for name in files.values():
            open(name, "a").close()
        sys.stdout.flush()
        failed = failed or run_step(step, context, files)
        if "id" in step:
            context["steps"][step["id"]] = {"outputs": read_outputs(files["GITHUB_OUTPUT"])}
    for name, output in action["outputs"].items():
        print("output %s=%s" % (name, expand(output["value"], context)))
    return failed


# --- GitLab ----------------------------------------------------------------------------------------------------------


def load_component(path):
    with open(path) as file:
        header, jobs = yaml.safe_load_all(file)
    return header, jobs


def interpolate(node, values):
    if isinstance(node, dict):
        return {interpolate(key, values): interpolate(value, values) for key, value in node.items()}
    if isinstance(node, list):
        return [interpolate(value, values) for value in node]
    if not isinstance(node, str):
        return node

    def value_of(found):
        if found.group(1) not in values:
            refuse("no input has the name %s" % found.group(1))
        return values[found.group(1)]
    return re.sub(r"\$\[\[ *inputs\.([A-Za-z0-9_-]+) *\]\]", value_of, node)


def job_of(path, given):
    header, jobs = load_component(path)
    return interpolate(jobs, inputs_of(header["spec"]["inputs"], given))


def run_job(path, given):
    (job,) = job_of(path, given).values()
    environment = dict(os.environ, **{name: variable["value"] for name, variable in job["variables"].items()})
    return subprocess.run(["sh", "-e", "-c", "\n".join(job["script"])], env=environment, check=False).returncode


def default_of(path, name):
    with open(path) as file:
        documents = list(yaml.safe_load_all(file))
    return documents[0].get("spec", documents[0])["inputs"][name]["default"]


if __name__ == "__main__":
    verb, file_name, *words = sys.argv[1:]
    if verb == "action":
        sys.exit(run_action(file_name, words))
    elif verb == "run":
        sys.exit(run_job(file_name, words))
    elif verb == "job":
        print(json.dumps(job_of(file_name, words)))
    elif verb == "spec":
        print(json.dumps(load_component(file_name)[0]))
    elif verb == "default":
        print(default_of(file_name, words[0]))
