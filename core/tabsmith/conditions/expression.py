"""The language of conditions: `compile_expression` reads and type-checks one, `Condition.holds` tells whether it is true of `IterationMetrics`.

    condition  = both ("or" both)*                 sum     = product (("+" | "-") product)*
    both       = negation ("and" negation)*        product = factor (("*" | "/") factor)*
    negation   = "not" negation | comparison       factor  = ("-" | "+") factor | number | name | true | false
    comparison = sum (("<" | "<=" | ...) sum)*               | "(" condition ")"

No calls, attributes, subscripts or texts. What passes `compile_expression` can be evaluated on any facts and never raises.

A condition's text cut into words, numbers and signs; what is no part of the language is refused at its place.

Computing with facts: finite numbers only, and what has no value says why.
"""

import difflib
import math
import operator
import re
from collections.abc import Callable
from typing import Final, Literal, NamedTuple, TypeAlias

import msgspec

from tabsmith.conditions.metrics import VARIABLES, IterationMetrics, VariableType
from tabsmith.errors import ConditionError
from tabsmith.text import clean

MAX_LENGTH: Final = 300
"""Characters that a condition may have."""

TokenKind: TypeAlias = Literal["name", "number", "keyword", "sign", "end"]

_KEYWORDS: Final = ("and", "or", "not", "true", "false")
_TOKEN: Final = re.compile(
    r"[ \t]*(?:(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z_0-9]*)"
    r"|(?P<sign><=|>=|==|!=|[<>+\-*/()]))"
)
_HELP: Final = "A condition compares names and numbers, as in: quality < 0.5 and iteration > 3"
_WHY_NOT: Final = {
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
    "[": "A condition picks nothing out of lists.",
    ".": "A condition reaches into nothing: names have no parts.",
    ",": "One condition at a time; a number has no comma.",
}


class Token(msgspec.Struct, frozen=True):
    """A piece of the text, from `start` to `end`."""

    kind: TokenKind
    text: str
    start: int
    end: int


def refused(text: str, at: int, what: str, next_step: str = _HELP) -> ConditionError:
    """The error for a mistake at character `at` (from 0)."""
    return ConditionError(what, where=f"character {at + 1} of {clean(text, 80)!r}", next_step=next_step)


def tokens(text: str) -> tuple[Token, ...]:
    """All of `text`, and an end. Raises ConditionError."""
    if len(text) > MAX_LENGTH:
        raise refused(text, MAX_LENGTH, f"The condition is longer than {MAX_LENGTH} characters.", "Make it shorter.")
    found: list[Token] = []
    at = 0
    end = len(text.rstrip(" \t"))
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            at += len(text[at:]) - len(text[at:].lstrip(" \t"))
            sign = text[at]
            shown = clean(sign) or "a character that cannot be seen"
            raise refused(text, at, f"{shown!r} is no part of a condition.", _WHY_NOT.get(sign, _HELP))
        found.append(_token(match, text))
        at = match.end()
    return (*found, Token("end", "", end, end))


def _token(match: re.Match[str], text: str) -> Token:
    group = match.lastgroup
    assert group is not None
    start, end = match.span(group)
    word = match[group]
    if group == "number":
        if text[end : end + 1].isalnum() or text[end : end + 1] in ("_", "."):
            raise refused(text, start, f"{clean(text[start : end + 8])!r} is neither a number nor a name.")
        if not math.isfinite(float(word)):
            raise refused(text, start, "The number is too large.")
        return Token("number", word, start, end)
    if group == "sign":
        return Token("sign", word, start, end)
    if word.lower() in _KEYWORDS:
        return Token("keyword", word.lower(), start, end)
    return Token("name", word, start, end)


class NotComputableError(Exception):
    """The condition has no value for these facts."""


def computed(sign: str, left: float, right: float) -> float:
    """`left` and `right` added, subtracted, multiplied or divided. Raises NotComputableError."""
    match sign:
        case "+":
            value = left + right
        case "-":
            value = left - right
        case "*":
            value = left * right
        case _:
            if right == 0:
                raise NotComputableError("a division by zero")
            value = left / right
    if not math.isfinite(value):
        raise NotComputableError("a number too large")
    return value


def value_of(facts: IterationMetrics, name: str) -> float:
    """The fact of that name; a truth is 0 or 1. Raises NotComputableError."""
    number = _as_float(getattr(facts, name))
    if not math.isfinite(number):
        raise NotComputableError(f"{name} is not a finite number")
    return number


def _as_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:  # a whole number beyond all floats
        return math.inf if value > 0 else -math.inf


def shown(value: float) -> str:
    """A fact as it stands in an explanation: `true`, `7`, `0.42`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) and abs(value) < 10**15 else f"{_as_float(value):.6g}"


MAX_DEPTH: Final = 25
"""Parentheses and negations that may stand in each other."""

_COMPARISONS: Final[dict[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_ARTICLE: Final[dict[VariableType, str]] = {"number": "a number", "truth": "true or false"}


class ConditionResult(msgspec.Struct, frozen=True):
    """Whether a condition held, and why: its text with the values filled in. `computed` is False where it had no value
    (a division by zero); then it did not hold."""

    held: bool
    why: str
    computed: bool = True


class _Term(NamedTuple):
    """A part of a condition: its kind, how it is computed, and where it begins. A truth is computed as 0 or 1."""

    kind: VariableType
    compute: Callable[[IterationMetrics], float]
    start: int


class Condition:
    """A condition that was understood. `name` is that of a built-in one, else ""; `running` says that it speaks only of
    what grows over a run."""

    def __init__(
        self, text: str, compute: Callable[[IterationMetrics], float], names: tuple[Token, ...], name: str = ""
    ) -> None:
        self.text = text
        self.name = name
        self.names = tuple(dict.fromkeys(each.text for each in names))
        self.running = bool(names) and all(VARIABLES[each].running for each in self.names)
        self._compute = compute
        self._places = names

    def holds(self, facts: IterationMetrics) -> ConditionResult:
        """Whether it is true of `facts`, with the values that made it so."""
        filled = self._filled(facts)
        try:
            return ConditionResult(held=bool(self._compute(facts)), why=filled)
        except NotComputableError as error:
            return ConditionResult(held=False, why=f"{filled}: cannot be computed, {error}", computed=False)

    def called(self, name: str) -> "Condition":
        """The same condition under a name."""
        return Condition(self.text, self._compute, self._places, name)

    def _filled(self, facts: IterationMetrics) -> str:
        parts: list[str] = []
        at = 0
        for place in self._places:
            parts += [self.text[at : place.end], " ", shown(getattr(facts, place.text))]
            at = place.end
        return "".join([*parts, self.text[at:]])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Condition) and (self.text, self.name) == (other.text, other.name)

    def __hash__(self) -> int:
        return hash((self.text, self.name))

    def __repr__(self) -> str:
        return f"Condition({self.text!r})"


def compile_expression(text: str) -> Condition:
    """The condition that `text` says. Raises ConditionError, with the place, for anything that is none."""
    text = text.strip(" \t\r\n")
    return _Parser(text).whole()


class _Parser:
    """Recursive descent over the tokens, a method for each rule of the grammar. Repetition is a loop, so that only
    parentheses, `not` and signs go deeper."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokens(text)
        self._at = 0
        self._depth = 0
        self._names: list[Token] = []

    def whole(self) -> Condition:
        if self._next().kind == "end":
            raise refused(self._text, 0, "The condition is empty.")
        term = self._either()
        if self._next().kind != "end":
            raise self._unexpected()
        self._want(term, "truth", "a condition is true or false")
        return Condition(self._text, term.compute, tuple(self._names))

    def _either(self) -> _Term:
        return self._logical("or", self._both, any)

    def _both(self) -> _Term:
        return self._logical("and", self._negation, all)

    def _logical(self, word: str, below: Callable[[], _Term], join: Callable[..., bool]) -> _Term:
        first = below()
        terms = [first]
        while self._next().kind == "keyword" and self._next().text == word:
            self._take()
            terms.append(below())
        if len(terms) == 1:
            return first
        for term in terms:
            self._want(term, "truth", f"`{word}` joins what is true or false")
        computes = [term.compute for term in terms]
        # any and all stop where the answer is known, so `iteration > 3 and tokens / (iteration - 3) > 9` is safe.
        return _Term("truth", lambda facts: join(compute(facts) for compute in computes), first.start)

    def _negation(self) -> _Term:
        token = self._next()
        if token.kind != "keyword" or token.text != "not":
            return self._comparison()
        self._take()
        term = self._deeper(self._negation)
        self._want(term, "truth", "`not` turns what is true or false")
        compute = term.compute
        return _Term("truth", lambda facts: not compute(facts), token.start)

    def _comparison(self) -> _Term:
        first = self._sum()
        links: list[tuple[str, _Term]] = []
        while self._next().kind == "sign" and self._next().text in _COMPARISONS:
            links.append((self._take().text, self._sum()))
        if not links:
            return first
        before = first
        for sign, term in links:
            if sign not in ("==", "!="):
                self._want(before, "number", f"`{sign}` compares numbers")
            self._want(term, before.kind, f"`{sign}` compares like with like")
            before = term
        chain = [(_COMPARISONS[sign], term.compute) for sign, term in links]

        def compute(facts: IterationMetrics) -> bool:
            left = first.compute(facts)
            for compare, follow in chain:
                right = follow(facts)
                if not compare(left, right):
                    return False
                left = right
            return True

        return _Term("truth", compute, first.start)

    def _sum(self) -> _Term:
        return self._arithmetic(("+", "-"), self._product)

    def _product(self) -> _Term:
        return self._arithmetic(("*", "/"), self._factor)

    def _arithmetic(self, signs: tuple[str, ...], below: Callable[[], _Term]) -> _Term:
        first = below()
        steps: list[tuple[str, _Term]] = []
        while self._next().kind == "sign" and self._next().text in signs:
            steps.append((self._take().text, below()))
        if not steps:
            return first
        for sign, term in [(steps[0][0], first), *steps]:
            self._want(term, "number", f"`{sign}` computes with numbers")
        computes = [(sign, term.compute) for sign, term in steps]

        def compute(facts: IterationMetrics) -> float:
            value = first.compute(facts)
            for sign, follow in computes:
                value = computed(sign, value, follow(facts))
            return value

        return _Term("number", compute, first.start)

    def _factor(self) -> _Term:
        token = self._next()
        if token.kind not in ("number", "name") and token.text not in ("true", "false", "-", "+", "("):
            raise self._unexpected()
        self._take()
        match token.kind, token.text:
            case "number", text:
                value = float(text)
                return _Term("number", lambda _: value, token.start)
            case "keyword", "true" | "false":
                truth = token.text == "true"
                return _Term("truth", lambda _: truth, token.start)
            case "name", _:
                return self._named(token)
            case "sign", "-" | "+":
                term = self._deeper(self._factor)
                self._want(term, "number", f"`{token.text}` stands before numbers")
                compute = term.compute
                return _Term("number", compute if token.text == "+" else lambda facts: -compute(facts), token.start)
            case _:
                inner = self._deeper(self._either)
                if self._next().text != ")":
                    raise self._unexpected("The parenthesis is not closed.", token.start)
                self._take()
                return inner._replace(start=token.start)

    def _named(self, token: Token) -> _Term:
        if self._next().text == "(":
            raise refused(self._text, token.start, f"{token.text!r} is called, and a condition calls nothing.")
        if token.text not in VARIABLES:
            near = difflib.get_close_matches(token.text.lower(), VARIABLES, n=1, cutoff=0.0)[0]
            raise refused(
                self._text,
                token.start,
                f"There is no name {token.text!r} in conditions. The nearest one is {near!r}.",
                "`tabsmith config breakpoints` lists all names.",
            )
        self._names.append(token)
        return _Term(VARIABLES[token.text].kind, lambda facts: value_of(facts, token.text), token.start)

    def _deeper(self, rule: Callable[[], _Term]) -> _Term:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise refused(
                self._text, self._next().start, f"More than {MAX_DEPTH} parts stand in each other.", "Make it simpler."
            )
        term = rule()
        self._depth -= 1
        return term

    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self._tokens[self._at]
        self._at += token.kind != "end"
        return token

    def _want(self, term: _Term, kind: VariableType, why: str) -> None:
        if term.kind != kind:
            raise refused(self._text, term.start, f"Here stands {_ARTICLE[term.kind]}, but {why}.")

    def _unexpected(self, what: str = "", at: int = -1) -> ConditionError:
        token = self._next()
        if token.kind == "end":
            return refused(self._text, token.start if at < 0 else at, what or "The condition breaks off.")
        return refused(self._text, token.start, f"{token.text!r} is not expected here. {what}".strip())
