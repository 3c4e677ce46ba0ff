"""Conditions on an iteration that people write as breakpoints, such as `quality < 0.5 and iteration > 3`.

Each field of `IterationMetrics` is a variable. `parse_condition` checks an expression or the name of a built-in one,
`Condition.holds` evaluates it. An expression is Python's own syntax, parsed with `ast` and cut down to what a condition
needs: numbers, the variables, `true` and `false`, `+ - * /`, comparisons (also chained: `0.4 < quality <= 0.5`), `and`,
`or`, `not` and parentheses. Every other node is refused. A checked expression can be evaluated on any metrics and never
raises.
"""

import ast
import math
import operator
import re
from collections.abc import Callable, Iterator
from typing import Annotated, Final, Literal, TypeAlias, get_args, get_type_hints

import msgspec
from msgspec import Meta

from tabsmith.errors import ConditionError
from tabsmith.text import clean, nearest

RUNNING = {"running": True}
"""Marks a metric that only grows over a run. A condition on such metrics alone fires once, when it becomes true."""


class IterationMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """The metrics of one iteration, taken when its decision is made and stored with it."""

    iteration: Annotated[int, Meta(description="Number of the iteration, from 1.", extra=RUNNING)] = 0
    valid: Annotated[bool, Meta(description="The recipe passed its checks.")] = False
    scored: Annotated[bool, Meta(description="The recipe has a score.")] = False
    quality: Annotated[float, Meta(description="Quality of the iteration, 0 to 1.")] = 0.0
    confidence: Annotated[float, Meta(description="Confidence of the decision, 0 to 1.")] = 0.0
    champion_changed: Annotated[bool, Meta(description="The recipe became the champion.")] = False
    gain: Annotated[
        float, Meta(description="How much better (+) or worse (-) than the best so far then, as a share.")
    ] = 0.0
    disagreement: Annotated[
        float, Meta(description="How far the agent's own confidence and the grade are apart, 0 to 1.")
    ] = 0.0
    retries: Annotated[int, Meta(description="How often the agent was asked again in this iteration.")] = 0
    rate_limits: Annotated[int, Meta(description="How often the server refused for now in this iteration.")] = 0
    iteration_seconds: Annotated[float, Meta(description="Seconds that the iteration took.")] = 0.0
    iteration_tokens: Annotated[int, Meta(description="Tokens that the iteration used.")] = 0
    iteration_dollars: Annotated[float, Meta(description="Dollars that the iteration cost, as far as known.")] = 0.0
    failures: Annotated[int, Meta(description="Failures of the agent in a row, this one included.")] = 0
    tries: Annotated[int, Meta(description="Recipes scored so far.", extra=RUNNING)] = 0
    seconds: Annotated[float, Meta(description="Seconds of work so far.", extra=RUNNING)] = 0.0
    tokens: Annotated[int, Meta(description="Tokens used so far.", extra=RUNNING)] = 0
    dollars: Annotated[float, Meta(description="Dollars spent so far, as far as known.", extra=RUNNING)] = 0.0
    time_used: Annotated[float, Meta(description="Share of the time limit used, 0 to 1.", extra=RUNNING)] = 0.0
    budget_used: Annotated[
        float, Meta(description="Largest share used of any limit but time, 0 to 1.", extra=RUNNING)
    ] = 0.0
    accepted: Annotated[bool, Meta(description="The task's acceptance command ended with 0.")] = False
    rejected: Annotated[bool, Meta(description="The task's acceptance command failed, or could not run.")] = False


VariableType: TypeAlias = Literal["number", "truth"]


class Variable(msgspec.Struct, frozen=True):
    """A variable of conditions. `running` says that it only grows over a run."""

    name: str
    kind: VariableType
    running: bool
    description: str


def _variable(name: str, annotation: object) -> Variable:
    inner, meta = get_args(annotation)[:2]
    kind: VariableType = "truth" if inner is bool else "number"
    return Variable(name, kind, bool((meta.extra or {}).get("running")), meta.description or "")


VARIABLES: Final = {
    name: _variable(name, annotation)
    for name, annotation in get_type_hints(IterationMetrics, include_extras=True).items()
}
"""Every variable by its name, in the order of `IterationMetrics`."""


MAX_LENGTH: Final = 300
"""Characters of an expression."""
MAX_DEPTH: Final = 25
"""Parentheses, negations and signs that may be nested."""

_ARITHMETIC: Final[dict[type[ast.operator], tuple[str, Callable[[float, float], float]]]] = {
    ast.Add: ("+", operator.add),
    ast.Sub: ("-", operator.sub),
    ast.Mult: ("*", operator.mul),
    ast.Div: ("/", operator.truediv),
}
_COMPARISONS: Final[dict[type[ast.cmpop], tuple[str, Callable[[float, float], bool]]]] = {
    ast.Lt: ("<", operator.lt),
    ast.LtE: ("<=", operator.le),
    ast.Gt: (">", operator.gt),
    ast.GtE: (">=", operator.ge),
    ast.Eq: ("==", operator.eq),
    ast.NotEq: ("!=", operator.ne),
}
_TYPE_NAMES: Final[dict[VariableType, str]] = {"number": "a number", "truth": "true or false"}

_NUMBER: Final = r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_MALFORMED_NUMBER: Final = re.compile(rf"(?<![\w.])(?!{_NUMBER}(?![\w.]))\.?[0-9][\w.]*")
_LEADING_ZEROS: Final = re.compile(r"(?<![\w.])0[0-9]+(?![\w.])")
_FOREIGN: Final = re.compile(
    r"[^A-Za-z0-9_ \t<>=!+\-*/().]|(?<![<>=!])=(?!=)|(?<=[<>=!]=)=|!(?!=)|(?<![0-9])\.(?![0-9])"
)
_KEYWORDS: Final = re.compile(r"\b(?:and|or|not|true|false)\b", re.IGNORECASE)
_TOKEN: Final = re.compile(rf"[ \t]*({_NUMBER}|\w+|[<>=!]=|\S|$)")

_HELP: Final = "A condition compares names and numbers, as in: quality < 0.5 and iteration > 3"
_FOREIGN_HELP: Final = {
    "=": "A single = compares nothing; write ==.",
    "≥": "Write >= for at least.",
    "≤": "Write <= for at most.",
    "≠": "Write != for different.",
    "%": "Shares go from 0 to 1: write 0.8 for 80 %.",
    "&": "Write `and`.",
    "|": "Write `or`.",
    "!": "Write `not`, or != for different.",
    "'": "A condition holds no text.",
    '"': "A condition holds no text.",
    "[": "A condition has no lists.",
    ".": "A name has no parts.",
    ",": "One condition at a time; a number has no comma.",
}


class ConditionResult(msgspec.Struct, frozen=True):
    """Whether a condition held, and why: its text with the values filled in.

    `computed` is False if the condition has no value, as after a division by zero; such a condition did not hold.
    """

    held: bool
    why: str
    computed: bool = True


class Condition:
    """A checked expression.

    `name` is the name of a built-in condition, else "". `running` is True if every variable only grows over a run.
    """

    def __init__(self, text: str, tree: ast.expr, name: str = "") -> None:
        self.text = text
        self.name = name
        self._tree = tree
        nodes = (node for node in ast.walk(tree) if isinstance(node, ast.Name))
        self._variables = sorted(nodes, key=lambda node: node.col_offset)
        self.names = tuple(dict.fromkeys(node.id for node in self._variables))
        self.running = bool(self.names) and all(VARIABLES[name].running for name in self.names)

    def holds(self, metrics: IterationMetrics) -> ConditionResult:
        """Whether the condition is true of `metrics`, with the values that decided it."""
        explanation = self._with_values(metrics)
        try:
            return ConditionResult(held=bool(_evaluate(self._tree, metrics)), why=explanation)
        except _NotComputableError as error:
            return ConditionResult(held=False, why=f"{explanation}: cannot be computed, {error}", computed=False)

    def with_name(self, name: str) -> "Condition":
        """The same condition as a built-in one called `name`."""
        return Condition(self.text, self._tree, name)

    def _with_values(self, metrics: IterationMetrics) -> str:
        parts: list[str] = []
        end = 0
        for node in self._variables:
            stop = node.col_offset + len(node.id)
            parts += [self.text[end:stop], " ", _format_value(getattr(metrics, node.id))]
            end = stop
        return "".join([*parts, self.text[end:]])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Condition) and (self.text, self.name) == (other.text, other.name)

    def __hash__(self) -> int:
        return hash((self.text, self.name))

    def __repr__(self) -> str:
        return f"Condition({self.text!r})"


def compile_expression(text: str) -> Condition:
    """The condition that `text` writes out. Raises ConditionError, with the place of the mistake."""
    text = text.strip(" \t\r\n")
    _check_characters(text)
    tree = _parse(text)
    _Checker(text).check(tree, "truth", "a condition is true or false")
    return Condition(text, tree)


def _refusal(text: str, at: int, what: str, next_step: str = _HELP) -> ConditionError:
    """The error for a mistake at character `at` (from 0)."""
    return ConditionError(what, where=f"character {at + 1} of {clean(text, 80)!r}", next_step=next_step)


def _unexpected(text: str, at: int) -> ConditionError:
    """The error for a token at or after character `at` that the syntax does not allow there."""
    token = _TOKEN.match(text, at)
    if token is None or not token[1]:
        return _refusal(text, at, "The condition breaks off.")
    return _refusal(text, token.start(1), f"{token[1]!r} is not expected here.")


def _check_characters(text: str) -> None:
    """Refuse what Python would read as something else: other characters, other forms of numbers, deep nesting."""
    if not text:
        raise _refusal(text, 0, "The condition is empty.")
    if len(text) > MAX_LENGTH:
        raise _refusal(text, MAX_LENGTH, f"The condition is longer than {MAX_LENGTH} characters.", "Make it shorter.")
    foreign, number = _FOREIGN.search(text), _MALFORMED_NUMBER.search(text)
    if number and (foreign is None or number.start() < foreign.start()):
        raise _refusal(text, number.start(), f"{number[0][:40]!r} is neither a number nor a name.")
    if foreign:
        character = clean(foreign[0]) or "a character that cannot be seen"
        help_text = _FOREIGN_HELP.get(foreign[0], _HELP)
        raise _refusal(text, foreign.start(), f"{character!r} is no part of a condition.", help_text)
    for index, depth in enumerate(_paren_depths(text)):
        if depth > MAX_DEPTH:
            raise _too_deep(text, index)


def _too_deep(text: str, at: int) -> ConditionError:
    return _refusal(text, at, f"More than {MAX_DEPTH} parts stand in each other.", "Make it simpler.")


def _paren_depths(text: str) -> Iterator[int]:
    """For each character the number of parentheses that are open there."""
    depth = 0
    for character in text:
        depth += (character == "(") - (character == ")")
        yield depth


def _parse(text: str) -> ast.expr:
    source = _KEYWORDS.sub(lambda word: word[0].capitalize() if word[0][0] in "tTfF" else word[0].lower(), text)
    source = _LEADING_ZEROS.sub(lambda digits: str(int(digits[0])).ljust(len(digits[0])), source)
    try:
        return ast.parse(source, mode="eval").body
    except SyntaxError as error:
        at = error.offset - 1 if error.offset else len(text)  # Python says 0 at the end of the text
        if "never closed" in error.msg:
            raise _refusal(text, at, "The parenthesis is not closed.") from None
        if "forgot a comma" in error.msg:
            raise _refusal(text, at, "An `and` or an `or` is missing in these parentheses.") from None
        raise _unexpected(text, at) from None


class _Checker:
    """Checks that a tree holds allowed nodes only, and numbers and truths where they belong."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._depths = list(_paren_depths(text))

    def check(self, node: ast.expr, wanted: VariableType, why: str, *, nested: int = 0) -> None:
        """Check a node that has to be of the type `wanted`."""
        self._require(node, self._type_of(node, nested), wanted, why)

    def _require(self, node: ast.expr, kind: VariableType, wanted: VariableType, why: str) -> None:
        if kind != wanted:
            raise _refusal(self._text, node.col_offset, f"Here stands {_TYPE_NAMES[kind]}, but {why}.")

    def _type_of(self, node: ast.expr, nested: int) -> VariableType:
        """The type of a node under `nested` negations and signs."""
        if self._depths[node.col_offset] + nested > MAX_DEPTH:
            raise _too_deep(self._text, node.col_offset)
        match node:
            case ast.Constant(value=bool()):
                return "truth"
            case ast.Constant(value=int() | float() as value):
                if not math.isfinite(value):
                    raise _refusal(self._text, node.col_offset, "The number is too large.")
                return "number"
            case ast.Name(id=name) if name in VARIABLES:
                return VARIABLES[name].kind
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                self.check(operand, "truth", "`not` turns what is true or false", nested=nested + 1)
                return "truth"
            case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
                sign = self._text[node.col_offset]
                self.check(operand, "number", f"`{sign}` stands before numbers", nested=nested + 1)
                return "number"
            case ast.BoolOp(op=connective, values=values):
                word = "and" if isinstance(connective, ast.And) else "or"
                for value_node in values:
                    self.check(value_node, "truth", f"`{word}` joins what is true or false", nested=nested)
                return "truth"
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
                why = f"`{_ARITHMETIC[type(op)][0]}` computes with numbers"
                self.check(left, "number", why, nested=nested)
                self.check(right, "number", why, nested=nested)
                return "number"
            case ast.Compare():
                self._check_comparison(node, nested)
                return "truth"
        raise self._refused(node)

    def _check_comparison(self, node: ast.Compare, nested: int) -> None:
        left, left_type = node.left, self._type_of(node.left, nested)
        for op, right in zip(node.ops, node.comparators, strict=True):
            if type(op) not in _COMPARISONS:
                raise self._unexpected_after(left)
            sign = _COMPARISONS[type(op)][0]
            if sign not in ("==", "!="):
                self._require(left, left_type, "number", f"`{sign}` compares numbers")
            right_type = self._type_of(right, nested)
            self._require(right, right_type, left_type, f"`{sign}` compares like with like")
            left, left_type = right, right_type

    def _refused(self, node: ast.expr) -> ConditionError:
        """The error for a node that the language does not have."""
        match node:
            case ast.Name(id=name):
                return _refusal(
                    self._text,
                    node.col_offset,
                    f"There is no name {name!r} in conditions. The nearest one is {nearest(name, VARIABLES, cutoff=0.0)!r}.",
                    "`tabsmith config breakpoints` lists all names.",
                )
            case ast.Call(func=ast.Name(id=name)):
                return _refusal(self._text, node.col_offset, f"{name!r} is called, and a condition calls nothing.")
            case ast.Attribute(value=operand):
                at = self._text.index(".", operand.end_col_offset)
                return _refusal(self._text, at, "'.' is no part of a condition.", _FOREIGN_HELP["."])
            case ast.BinOp(left=left):  # `**`, `//`, `<<` or `>>`: the second character is one too many
                return self._unexpected_after(left, skip=1)
            case ast.IfExp(body=operand) | ast.Call(func=operand):
                return self._unexpected_after(operand)
        return _unexpected(self._text, node.col_offset)

    def _unexpected_after(self, node: ast.expr, *, skip: int = 0) -> ConditionError:
        """The error for the operator that follows a node, `skip` characters further on."""
        end = node.end_col_offset or 0
        rest = self._text[end:]
        return _unexpected(self._text, end + len(rest) - len(rest.lstrip(" \t)")) + skip)


class _NotComputableError(Exception):
    """The condition has no value for these metrics."""


def _evaluate(node: ast.expr, metrics: IterationMetrics) -> float:
    """The value of a checked node; a truth is 0 or 1. Raises _NotComputableError."""
    match node:
        case ast.Constant(value=int() | float() as value):
            return float(value)
        case ast.Name(id=name):
            return _finite(_as_float(getattr(metrics, name)), f"{name} is not a finite number")
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not _evaluate(operand, metrics)
        case ast.UnaryOp(op=op, operand=operand):
            value = _evaluate(operand, metrics)
            return -value if isinstance(op, ast.USub) else value
        case ast.BoolOp(op=op, values=values):
            # `any` and `all` stop early, so `iteration > 3 and tokens / (iteration - 3) > 9` never divides by zero.
            join = all if isinstance(op, ast.And) else any
            return join(_evaluate(operand, metrics) for operand in values)
        case ast.BinOp(left=left, op=op, right=right):
            first, second = _evaluate(left, metrics), _evaluate(right, metrics)
            if second == 0 and isinstance(op, ast.Div):
                raise _NotComputableError("a division by zero")
            return _finite(_ARITHMETIC[type(op)][1](first, second), "a number too large")
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            value = _evaluate(left, metrics)
            for comparison, right in zip(ops, comparators, strict=True):
                following = _evaluate(right, metrics)
                if not _COMPARISONS[type(comparison)][1](value, following):
                    return False
                value = following
            return True
    raise TypeError(f"{type(node).__name__} was not checked")


def _finite(value: float, problem: str) -> float:
    if not math.isfinite(value):
        raise _NotComputableError(problem)
    return value


def _as_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:  # a whole number beyond all floats
        return math.inf if value > 0 else -math.inf


def _format_value(value: float) -> str:
    """A metric as an explanation shows it: `true`, `7`, `0.42`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) and abs(value) < 10**15 else f"{_as_float(value):.6g}"


class BuiltInCondition(msgspec.Struct, frozen=True):
    """A condition with a name, the expression that it stands for, and its meaning in a sentence."""

    name: str
    expression: str
    meaning: str


BUILT_IN: Final = {
    condition.name: condition
    for condition in (
        BuiltInCondition("low confidence", "confidence < 0.3", "The decision on the iteration was a close one."),
        BuiltInCondition("consecutive failures", "failures >= 3", "The agent failed three times in a row."),
        BuiltInCondition("time", "time_used >= 0.8", "80 % of the time limit is used."),
        BuiltInCondition("rate limit", "rate_limits > 0", "The model's server refused the agent for now."),
        BuiltInCondition("budget 80 %", "budget_used >= 0.8", "80 % of a limit other than time is used."),
        BuiltInCondition("budget 95 %", "budget_used >= 0.95", "95 % of a limit other than time is used."),
        BuiltInCondition("champion changed", "champion_changed", "A challenger became the champion."),
        BuiltInCondition("task accepted", "accepted", "The acceptance command of a task ended with 0."),
        BuiltInCondition("task rejected", "rejected", "The acceptance command of a task failed, or could not run."),
        BuiltInCondition(
            "agents disagree", "disagreement >= 0.5", "The agent's own confidence and the grade are far apart."
        ),
    )
}

_SIMILARITY: Final = 0.7  # of a misspelt name to a built-in one
_OPERATORS: Final = re.compile(r"[<>=!+*/()]")


def parse_condition(text: str) -> Condition:
    """The built-in condition called `text`, or the condition that `text` writes out. Raises ConditionError."""
    name = " ".join(re.sub(r"\s*%", " %", text).lower().split())
    built_in = BUILT_IN.get(name)
    if built_in is not None:
        return compile_expression(built_in.expression).with_name(built_in.name)
    try:
        return compile_expression(text)
    except ConditionError as error:
        close = "" if _OPERATORS.search(text) else nearest(name, BUILT_IN, cutoff=_SIMILARITY)
        if not close:
            raise
        raise ConditionError(
            f"There is no built-in condition {clean(text, 60)!r}. The nearest one is {close!r}.",
            where=error.where,
            next_step="`tabsmith config breakpoints` lists all of them.",
        ) from error
