"""An ASL linter's findings in the state machines, and each of their JSONata expressions read.

Prints a line for each finding, and fails where there is one. Usage: state_machines.py FILE...
"""

import json
import sys

from jsonata import Jsonata
from statelint.config import Config
from statelint.linter import Linter
from statelint.problem import ProblemType

# statelint wants 2 written as 2.0, and knows no ARN with a substitution in it.
IGNORED = {ProblemType.FLOAT, ProblemType.URI}

# It knows no JSONata there: https://docs.aws.amazon.com/step-functions/latest/dg/state-wait.html
SECONDS_BY_JSONATA = '.Seconds is "{% $waitSeconds %}" but should be an Integer'

# What Step Functions adds to JSONata:
# https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
OF_STEP_FUNCTIONS = {"states", "partition", "range", "hash", "random", "uuid", "parse"}


def texts(value, path=""):
    """Every text in a definition, with where it stands."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict | list):
        fields = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in fields:
            yield from texts(inner, f"{path}.{key}")


def assigned(value):
    """Every variable that a state of the definition assigns."""
    if isinstance(value, dict):
        yield from value.get("Assign", {})
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from assigned(inner)


def symbols(symbol, seen):
    """Every symbol of an expression that was read."""
    if isinstance(symbol, list | tuple):
        for inner in symbol:
            yield from symbols(inner, seen)
    elif hasattr(symbol, "type") and id(symbol) not in seen:
        seen.add(id(symbol))
        yield symbol
        for inner in list(vars(symbol).values()):
            yield from symbols(inner, seen)


def misread(expression, known):
    """What is wrong with an expression: its syntax, or a variable that nobody assigns."""
    try:
        read = Jsonata(expression)
    except Exception as error:  # noqa: BLE001 (its parser raises more than its own kind)
        return [str(error)]
    found = list(symbols(read.ast, set()))
    bound = {symbol.lhs.value for symbol in found if symbol.type == "bind"}
    for function in (symbol for symbol in found if symbol.type == "lambda"):
        bound |= {argument.value for argument in function.arguments}
    names = {symbol.value for symbol in found if symbol.type == "variable"}
    unknown = sorted(names - bound - known - {""})
    return [f"nobody assigns ${name}" for name in unknown]


def findings(file):
    for problem in Linter.validate(file, Config(ignored_problem_types=IGNORED)):
        if not problem.endswith(SECONDS_BY_JSONATA):
            yield problem
    with open(file, encoding="utf-8") as definition:
        definition = json.load(definition)
    known = OF_STEP_FUNCTIONS | set(Jsonata.static_frame.bindings) | set(assigned(definition))
    for path, text in texts(definition):
        if text.startswith("{%"):
            for problem in misread(text.removeprefix("{%").removesuffix("%}"), known):
                yield f"{path}: {problem}"


def main(files):
    found = [f"{file}: {finding}" for file in files for finding in findings(file)]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
