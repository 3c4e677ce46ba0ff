"""The language of conditions: `parse` reads and type-checks one, `Condition.holds` tells whether it is true of `Facts`.

    condition  = both ("or" both)*                 sum     = product (("+" | "-") product)*
    both       = negation ("and" negation)*        product = factor (("*" | "/") factor)*
    negation   = "not" negation | comparison       factor  = ("-" | "+") factor | number | name | true | false
    comparison = sum (("<" | "<=" | ...) sum)*               | "(" condition ")"

No calls, attributes, subscripts or texts. What passes `parse` can be evaluated on any facts and never raises.
"""

import difflib
import operator
from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec

from tabsmith.conditions.computing import NotComputableError, computed, shown, value_of
from tabsmith.conditions.facts import Facts
from tabsmith.conditions.names import NAMES, Kind
from tabsmith.conditions.tokens import Token, refused, tokens
from tabsmith.errors import ConditionError

DEEPEST: Final = 25
"""Parentheses and negations that may stand in each other."""

_COMPARISONS: Final[dict[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_ARTICLE: Final[dict[Kind, str]] = {"number": "a number", "truth": "true or false"}


class Outcome(msgspec.Struct, frozen=True):
    """Whether a condition held, and why: its text with the values filled in. `computed` is False where it had no value
    (a division by zero); then it did not hold."""

    held: bool
    why: str
    computed: bool = True


class _Term(NamedTuple):
    """A part of a condition: its kind, how it is computed, and where it begins. A truth is computed as 0 or 1."""

    kind: Kind
    compute: Callable[[Facts], float]
    start: int


class Condition:
    """A condition that was understood. `name` is that of a built-in one, else ""; `running` says that it speaks only of
    what grows over a run."""

    def __init__(self, text: str, compute: Callable[[Facts], float], names: tuple[Token, ...], name: str = "") -> None:
        self.text = text
        self.name = name
        self.names = tuple(dict.fromkeys(each.text for each in names))
        self.running = bool(names) and all(NAMES[each].running for each in self.names)
        self._compute = compute
        self._places = names

    def holds(self, facts: Facts) -> Outcome:
        """Whether it is true of `facts`, with the values that made it so."""
        filled = self._filled(facts)
        try:
            return Outcome(held=bool(self._compute(facts)), why=filled)
        except NotComputableError as error:
            return Outcome(held=False, why=f"{filled}: cannot be computed, {error}", computed=False)

    def called(self, name: str) -> "Condition":
        """The same condition under a name."""
        return Condition(self.text, self._compute, self._places, name)

    def _filled(self, facts: Facts) -> str:
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


def parse(text: str) -> Condition:
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

        def compute(facts: Facts) -> bool:
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

        def compute(facts: Facts) -> float:
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
        if token.text not in NAMES:
            near = difflib.get_close_matches(token.text.lower(), NAMES, n=1, cutoff=0.0)[0]
            raise refused(
                self._text,
                token.start,
                f"There is no name {token.text!r} in conditions. The nearest one is {near!r}.",
                "`tabsmith config breakpoints` lists all names.",
            )
        self._names.append(token)
        return _Term(NAMES[token.text].kind, lambda facts: value_of(facts, token.text), token.start)

    def _deeper(self, rule: Callable[[], _Term]) -> _Term:
        self._depth += 1
        if self._depth > DEEPEST:
            raise refused(
                self._text, self._next().start, f"More than {DEEPEST} parts stand in each other.", "Make it simpler."
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

    def _want(self, term: _Term, kind: Kind, why: str) -> None:
        if term.kind != kind:
            raise refused(self._text, term.start, f"Here stands {_ARTICLE[term.kind]}, but {why}.")

    def _unexpected(self, what: str = "", at: int = -1) -> ConditionError:
        token = self._next()
        if token.kind == "end":
            return refused(self._text, token.start if at < 0 else at, what or "The condition breaks off.")
        return refused(self._text, token.start, f"{token.text!r} is not expected here. {what}".strip())
