"""Lints state machines with statelint, and checks their JSONata expressions and their format.

Prints one line for each finding, and fails if there is one. With --format, formats the files instead.
Usage: state_machines.py [--format] FILE...
"""

import json
import sys

from jsonata import Jsonata
from statelint.config import Config
from statelint.linter import Linter
from statelint.problem import ProblemType

# statelint requires 2.0 instead of 2, and rejects ARNs that contain a substitution.
IGNORED = {ProblemType.FLOAT, ProblemType.URI}

# statelint doesn't accept JSONata for Seconds: https://docs.aws.amazon.com/step-functions/latest/dg/state-wait.html
SECONDS_BY_JSONATA = '.Seconds is "{% $states.input.waitSeconds %}" but should be an Integer'

# The maximum length of an object on one line, and of a line with an expression.
WIDTH, LONGEST_EXPRESSION = 132, 160

# The variable and the functions that Step Functions adds to JSONata:
# https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
STEP_FUNCTIONS_NAMES = {"states", "partition", "range", "hash", "random", "uuid", "parse"}


def texts(value, path=""):
    """Yields each string in a definition, with its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict | list):
        fields = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in fields:
            yield from texts(inner, f"{path}.{key}")


def assigned(value):
    """Yields each variable that a state of the definition assigns."""
    if isinstance(value, dict):
        yield from value.get("Assign", {})
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from assigned(inner)


def symbols(symbol, seen):
    """Yields each symbol of a parsed expression."""
    if isinstance(symbol, list | tuple):
        for inner in symbol:
            yield from symbols(inner, seen)
    elif hasattr(symbol, "type") and id(symbol) not in seen:
        seen.add(id(symbol))
        yield symbol
        for inner in list(vars(symbol).values()):
            yield from symbols(inner, seen)


def expression_errors(expression, known):
    """Returns what is wrong with an expression: its syntax, or variables that no state assigns."""
    try:
        parsed = Jsonata(expression)
    except Exception as error:  # noqa: BLE001 (the parser also raises other errors than its own)
        return [str(error)]
    found = list(symbols(parsed.ast, set()))
    bound = {symbol.lhs.value for symbol in found if symbol.type == "bind"}
    for function in (symbol for symbol in found if symbol.type == "lambda"):
        bound |= {argument.value for argument in function.arguments}
    names = {symbol.value for symbol in found if symbol.type == "variable"}
    unknown = sorted(names - bound - known - {""})
    return [f"no state assigns ${name}" for name in unknown]


def on_one_line(value, width):
    """Returns whether a value is formatted on one line.

    That is a list of plain values, or an object that fits and contains no objects. A state always takes several lines.
    """
    if isinstance(value, dict):
        has_objects = any(isinstance(inner, dict) for field in value.values() for inner in [field, *listed(field)])
        return "Type" not in value and not has_objects and len(json.dumps(value, ensure_ascii=False)) <= width
    return not any(isinstance(element, dict | list) for element in listed(value))


def listed(value):
    """Returns a list unchanged, and an empty list for any other value."""
    return value if isinstance(value, list) else []


def formatted(value, indent=0, key=None):
    """Formats a field or a value as JSON."""
    begin = "" if key is None else f"{json.dumps(key)}: "
    if on_one_line(value, WIDTH - indent - len(begin) - 1):
        text = json.dumps(value, ensure_ascii=False)
    else:
        fields = value.items() if isinstance(value, dict) else ((None, element) for element in value)
        lines = [" " * (indent + 2) + formatted(field, indent + 2, name) for name, field in fields]
        opening, closing = "{}" if isinstance(value, dict) else "[]"
        text = "\n".join([opening, ",\n".join(lines), " " * indent + closing])
    return begin + text + ("\n" if indent == 0 else "")


def misformatted(file, text):
    """Yields what is wrong with the format of a definition."""
    if text != formatted(json.loads(text)):
        yield f"not formatted: run `python lint/state_machines.py --format {file}`"
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > LONGEST_EXPRESSION and "{%" in line:
            yield f"line {number} has more than {LONGEST_EXPRESSION} characters"


def findings(file):
    for problem in Linter.validate(file, Config(ignored_problem_types=IGNORED)):
        if not problem.endswith(SECONDS_BY_JSONATA):
            yield problem
    with open(file, encoding="utf-8") as opened:
        text = opened.read()
    yield from misformatted(file, text)
    definition = json.loads(text)
    known = STEP_FUNCTIONS_NAMES | set(Jsonata.static_frame.bindings) | set(assigned(definition))
    for path, text in texts(definition):
        if text.startswith("{%"):
            for problem in expression_errors(text.removeprefix("{%").removesuffix("%}"), known):
                yield f"{path}: {problem}"


def format_file(file):
    with open(file, "r+", encoding="utf-8") as opened:
        text = formatted(json.load(opened))
        opened.seek(0)
        opened.truncate()
        opened.write(text)


def main(files):
    if files[:1] == ["--format"]:
        for file in files[1:]:
            format_file(file)
        return 0
    found = [f"{file}: {finding}" for file in files for finding in findings(file)]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
