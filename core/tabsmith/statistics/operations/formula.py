"""A regression's formula, read by a small grammar: names, + - * : **, C(), log() and I() with arithmetic.

Nothing of a person's text is evaluated. What is understood is written anew with the columns called v0, v1 ..., so that
formulaic sees no text but ours.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from tabsmith.errors import FormulaError, UnknownColumnError
from tabsmith.text import clean, did_you_mean, similar

_LONGEST: Final = 2_000  # characters
_DEEPEST: Final = 20  # brackets in brackets
_MOST_COLUMNS: Final = 200
_MOST_POWER: Final = 10
_MOST_CROSSING: Final = 3
_TOKEN: Final = re.compile(
    r"\s*(?:(?P<quoted>`[^`]+`|\"[^\"]+\"|'[^']+')|(?P<number>\d+(?:\.\d+)?)|(?P<name>[^\W\d][\w.]*)"
    r"|(?P<sign>\*\*|[~+\-*:/(),^]))"
)
_EXAMPLE: Final = "Write it as in: price ~ area + C(district) + log(income), odd names in `backticks`."


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula that was understood: its sides with columns called v0, v1 ..., and the columns' names in that order."""

    outcome: str
    predictors: str
    columns: tuple[str, ...]
    outcome_column: str
    categories: tuple[str, ...]  # columns within C()


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # "name", "number" or the sign itself; "end"
    text: str
    quoted: bool = False


def read_formula(text: str, names: Sequence[str]) -> Formula:
    """The formula `text` on a table with columns `names`. Raises FormulaError and UnknownColumnError."""
    if len(text) > _LONGEST:
        raise FormulaError(f"The formula is longer than {_LONGEST:,} characters.", next_step="Use fewer terms.")
    reader = _Reader(_tokens(text), names)
    outcome = reader.outcome()
    predictors = reader.terms(0)
    reader.expect("end")
    columns = tuple(reader.columns)
    if len(columns) < 2:
        raise FormulaError("The formula names no predictor.", next_step=_EXAMPLE)
    return Formula(outcome, predictors, columns, columns[0], tuple(reader.categories))


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    position = 0
    text = text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise FormulaError(
                f"The formula has {clean(text[position:].strip(), 20)!r} at character {position + 1}, which formulas do not use.",
                next_step=_EXAMPLE,
            )
        position = match.end()
        if match["quoted"]:
            tokens.append(_Token("name", match["quoted"][1:-1], quoted=True))
        elif match["number"]:
            tokens.append(_Token("number", match["number"]))
        elif match["name"]:
            tokens.append(_Token("name", match["name"]))
        else:
            sign = "**" if match["sign"] == "^" else match["sign"]
            tokens.append(_Token(sign, sign))
    return [*tokens, _Token("end", "its end")]


class _Reader:
    """Reads tokens by recursive descent; each method returns the text that it understood, written anew."""

    def __init__(self, tokens: Sequence[_Token], names: Sequence[str]) -> None:
        self._tokens = tokens
        self._position = 0
        self._names = set(names)
        self.columns: list[str] = []
        self.categories: list[str] = []

    def outcome(self) -> str:
        found = self._logarithm(0) if self._is_call("log") else self._name()
        self.expect("~")
        return found

    def terms(self, depth: int) -> str:
        """term, then + or - and further ones."""
        sign = self._take() if self._kind() in {"+", "-"} else ""
        found = sign + self._term(depth)
        while self._kind() in {"+", "-"}:
            found += f" {self._take()} {self._term(depth)}"
        return found

    def expect(self, kind: str) -> None:
        if self._kind() != kind:
            token = self._tokens[self._position]
            wanted = "its end" if kind == "end" else kind
            raise FormulaError(
                f"The formula has {clean(token.text, 30)} where {wanted} was expected.", next_step=_EXAMPLE
            )
        self._position += 1

    def _term(self, depth: int) -> str:
        found = self._factor(depth)
        while self._kind() in {"*", ":", "**"}:
            sign = self._take()
            found += f"**{self._whole(2, _MOST_CROSSING)}" if sign == "**" else f"{sign}{self._factor(depth)}"
        return found

    def _factor(self, depth: int) -> str:
        if self._kind() == "number":
            return self._whole(0, 1)
        if self._kind() == "(":
            return self._bracketed(depth, self.terms)
        if self._is_call("C"):
            self._position += 1
            self.expect("(")
            name = self._name()
            self.expect(")")
            self.categories.append(self.columns[int(name[1:])])
            return f"C({name})"
        if self._is_call("log"):
            return self._logarithm(depth)
        if self._is_call("I"):
            self._position += 1
            return f"I{self._bracketed(depth, self._arithmetic)}"
        return self._name()

    def _logarithm(self, depth: int) -> str:
        self._position += 1
        return f"log{self._bracketed(depth, self._arithmetic)}"

    def _bracketed(self, depth: int, inside: Callable[[int], str]) -> str:
        if depth >= _DEEPEST:
            raise FormulaError("The formula has too many brackets within brackets.", next_step="Write it with fewer.")
        self.expect("(")
        found = inside(depth + 1)
        self.expect(")")
        return f"({found})"

    def _arithmetic(self, depth: int) -> str:
        found = self._take() if self._kind() == "-" else ""
        found += self._operand(depth)
        while self._kind() in {"+", "-", "*", "/", "**"}:
            sign = self._take()
            found += f" {sign} {self._whole(2, _MOST_POWER) if sign == '**' else self._operand(depth)}"
        return found

    def _operand(self, depth: int) -> str:
        if self._kind() == "number":
            return self._take()
        if self._kind() == "(":
            return self._bracketed(depth, self._arithmetic)
        if self._is_call("log"):
            return self._logarithm(depth)
        return self._name()

    def _whole(self, least: int, most: int) -> str:
        token = self._tokens[self._position]
        if token.kind != "number" or not token.text.isdigit() or not least <= int(token.text) <= most:
            raise FormulaError(
                f"The formula has {clean(token.text, 30)} where a whole number from {least} to {most} was expected.",
                next_step=_EXAMPLE,
            )
        return str(int(self._take()))

    def _name(self) -> str:
        token = self._tokens[self._position]
        if token.kind != "name":
            raise FormulaError(
                f"The formula has {clean(token.text, 30)} where a column was expected.", next_step=_EXAMPLE
            )
        if token.text not in self._names:
            nearest = similar(token.text, self._names)
            raise UnknownColumnError(
                f"The table has no column {clean(token.text)}.",
                next_step=did_you_mean(nearest, _EXAMPLE),
                column=token.text,
                nearest=nearest,
            )
        self._position += 1
        if token.text not in self.columns:
            self.columns.append(token.text)
            if len(self.columns) > _MOST_COLUMNS:
                raise FormulaError(f"The formula names more than {_MOST_COLUMNS} columns.", next_step="Use fewer.")
        return f"v{self.columns.index(token.text)}"

    def _is_call(self, name: str) -> bool:
        token = self._tokens[self._position]
        return (
            token.text == name
            and not token.quoted
            and token.kind == "name"
            and self._tokens[self._position + 1].kind == "("
        )

    def _kind(self) -> str:
        return self._tokens[self._position].kind

    def _take(self) -> str:
        self._position += 1
        return self._tokens[self._position - 1].text
