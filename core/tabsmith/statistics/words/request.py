"""What a question asks for, put in order: which concepts it has, and which column plays which part in it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

import msgspec

from tabsmith.statistics.selected_rows import is_number, is_time
from tabsmith.statistics.words.names import TableNames, is_group
from tabsmith.statistics.words.pieces import QuestionPiece
from tabsmith.text import clean

Part: TypeAlias = Literal["subject", "by", "where", "on", "to", "with", "for", "in", "between", "controls", "function"]
"""The part that a column plays: what is asked about, what parts the rows, what chooses them, what it is set against."""

_PARTS: Final[dict[str, Part]] = {
    "role:by": "by", "role:where": "where", "role:on": "on", "role:to": "to", "role:with": "with", "role:for": "for",
    "role:in": "in", "role:between": "between", "role:controls": "controls", "role:function": "function",
}  # fmt: skip
_BACK_TO_SUBJECT: Final = (
    "operation:",
    "aggregate:",
    "distribution",
    "share",
    "distinct",
    "drivers",
    "predict",
    "train",
)


class NamedColumn(msgspec.Struct, frozen=True):
    """A column of the question: its part, and where it stands among the pieces."""

    name: str
    part: Part
    at: int


class NamedValue(msgspec.Struct, frozen=True):
    """A value of the question: the columns that hold it, and how it was named."""

    candidates: tuple[tuple[str, str], ...]
    part: Part
    text: str
    negated: bool = False
    of_column: bool = False  # its column stands before it: "city is Bern"


@dataclass
class Request:
    """The parts of one question."""

    names: TableNames
    concepts: list[tuple[str, int]] = field(default_factory=list)
    columns: list[NamedColumn] = field(default_factory=list)
    values: list[NamedValue] = field(default_factory=list)
    numbers: list[str] = field(default_factory=list)
    bounds: list[str] = field(default_factory=list)  # "age > 30": rows chosen by more than equality
    periods: list[str] = field(default_factory=list)  # "per month"
    unread: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    open_filter: str = ""  # a column after "where" without a value
    unknown_value: tuple[str, str] | None = None  # a column and a value that it does not hold

    def has(self, *prefixes: str) -> bool:
        """Whether a concept begins with one of these."""
        return any(concept.startswith(prefixes) for concept, _ in self.concepts)

    def of(self, prefix: str) -> list[str]:
        """What follows `prefix` in the concepts that begin with it, each once, in their order."""
        return list(
            dict.fromkeys(concept.removeprefix(prefix) for concept, _ in self.concepts if concept.startswith(prefix))
        )

    def place(self, prefix: str) -> int:
        """Where the first concept that begins with `prefix` stands; -1 if there is none."""
        return next((at for concept, at in self.concepts if concept.startswith(prefix)), -1)

    def named(self, *parts: Part) -> list[str]:
        """The columns that play one of these parts, each once; all columns without `parts`."""
        return list(dict.fromkeys(column.name for column in self.columns if not parts or column.part in parts))

    def numbers_to_offer(self, *without: str) -> list[str]:
        """Up to four columns of numbers to choose from, `without` these."""
        return [
            column.name for column in self.names.profile.columns
            if is_number(column) and column.distinct > 2 and column.name not in without
        ][:4]  # fmt: skip

    def numbers_of(self, columns: Sequence[str]) -> list[str]:
        return [name for name in columns if is_number(self.names.column(name))]


def read_request(pieces: Sequence[QuestionPiece], names: TableNames) -> Request:
    """Put the pieces of a question in order, from left to right."""
    request = Request(names)
    reader = _Reader(request, pieces)
    at = 0
    while at < len(pieces):
        at += reader.read(at)
    return request


class _Reader:
    """Goes through the pieces and remembers which part the next column plays."""

    def __init__(self, request: Request, pieces: Sequence[QuestionPiece]) -> None:
        self.request, self.pieces = request, pieces
        self.part: Part = "subject"
        self.negated = False
        self.dated = False  # "before", "since": what comes next is a time

    def read(self, at: int) -> int:
        """Read the piece at `at` and return how many pieces were read."""
        piece = self.pieces[at]
        if piece.remark:
            self.request.remarks.append(piece.remark)
        match piece.kind:
            case "concept":
                return self._concept(at, piece)
            case "column":
                return self._column(at, piece)
            case "value":
                self._value(piece, of_column=False)
            case "number":
                return self._number(at, piece)
            case "unknown":
                self.request.unread.append(piece.text)
        return 1

    def _next(self, at: int) -> QuestionPiece | None:
        return self.pieces[at] if at < len(self.pieces) else None

    def _concept(self, at: int, piece: QuestionPiece) -> int:
        concept = piece.concept
        if concept == "negative question":
            self.request.concepts.append(("operation:relate", at))
        elif concept in {"greater", "smaller"}:
            return self._bound(at, piece)
        elif concept == "period":
            self._period(piece)
        elif concept == "not":
            self.negated = True
        elif concept == "tilde":
            self.request.concepts.append(("family:formula", at))
            self.part = "on"
        elif concept in _PARTS:
            self.part = _PARTS[concept]
            self.request.concepts.append((concept, at))
            if concept == "role:controls":
                self.request.concepts.append(("operation:regress", at))
        else:
            if concept.startswith(_BACK_TO_SUBJECT):
                self.part = "subject"
            if concept == "role:of" and self.part not in {"by", "subject"}:
                self.part = "subject"
            self.request.concepts.append((concept, at))
        return 1

    def _bound(self, at: int, piece: QuestionPiece) -> int:
        following = self._next(at + 1)
        if following is not None and following.kind == "number":
            self.request.bounds.append(f"{piece.text} {following.text}")
            return 2
        if following is not None and following.kind == "column" and piece.text.lower() == "over":
            self.part = "by"
            return 1
        self.request.concepts.append(("direction", at))
        if piece.text.lower().endswith("than"):
            self.request.concepts.append(("versus", at))
        return 1

    def _period(self, piece: QuestionPiece) -> None:
        if self.part == "by" or (self.pieces and self.request.has("operation:trend")):
            self.request.periods.append(piece.text)
        elif piece.text.lower() in {"date", "dates", "time"}:
            self.request.concepts.append(("period", -1))
        else:
            self.request.unread.append(piece.text)

    def _column(self, at: int, piece: QuestionPiece) -> int:
        name = piece.columns[0]
        read, following = 1, self._next(at + 1)
        negated = self.negated
        linked = False
        while following is not None and following.kind == "concept" and following.concept in {"is", "not", "role:in"}:
            if following.concept == "role:in" and not (
                self.part == "where" and self._holds(name, self._next(at + read + 1))
            ):
                break
            linked = True
            negated = negated or following.concept == "not"
            read += 1
            following = self._next(at + read)
        if following is not None and self._holds(name, following, linked=linked):
            if self.part == "by" and negated:  # "by region without north": the others of them, each by itself
                self._add_column(name, at)
            self.negated = negated
            return read + self._values_of(name, at + read)
        if following is not None and following.concept in {"greater", "smaller"}:
            bound = self._next(at + read + 1)
            if bound is not None and bound.kind == "number":
                self.request.bounds.append(f"{piece.text} {following.text} {bound.text}")
                return read + 2
        if linked and following is not None and self._is_open(name, following, at + read):
            return read + self._verbatim(name, following)
        self._add_column(name, at)
        return 1

    def _holds(self, name: str, piece: QuestionPiece | None, *, linked: bool = True) -> bool:
        if piece is None:
            return False
        if piece.kind == "value":
            return any(column == name for column, _ in piece.values)
        return linked and piece.kind == "number" and bool(self.request.names.value_of(name, piece.text))

    def _is_open(self, name: str, piece: QuestionPiece, at: int) -> bool:
        """Whether a word after "NAME is" can only be a value that is not known."""
        asked = self.part in {"where", "with", "for"} or any(
            before.kind == "concept" and before.text in {"=", "=="} for before in self.pieces[at - 1 : at]
        )
        return asked and piece.kind in {"unknown", "number", "value"} and not is_time(self.request.names.column(name))

    def _verbatim(self, name: str, piece: QuestionPiece) -> int:
        if self.request.names.knows_all_values(name):
            self.request.unknown_value = (name, piece.text)
        else:
            self.request.values.append(NamedValue(((name, piece.text),), "where", piece.text, self.negated, True))
        self.negated = False
        return 1

    def _values_of(self, name: str, at: int) -> int:
        """Read values of the column `name` from `at` on: "Bern", "Bern or Zurich", "Bern, Zurich and Basel"."""
        read = 0
        while (piece := self._next(at + read)) is not None:
            if piece.remark and read:
                self.request.remarks.append(piece.remark)
            if not self._holds(name, piece):
                break
            values = piece.values if piece.kind == "value" else ((name, self.request.names.value_of(name, piece.text)),)
            chosen = tuple(pair for pair in values if pair[0] == name)
            part: Part = "where" if self.part == "subject" else self.part
            self.request.values.append(NamedValue(chosen, part, piece.text, self.negated, True))
            read += 1
            link, after = self._next(at + read), self._next(at + read + 1)
            if link is None or link.concept not in {"and", "or", "versus"} or not self._holds(name, after):
                break
            if link.concept == "versus":
                self.request.concepts.append(("versus", at + read))
            read += 1
        self.negated = False
        if self.part == "where":
            self.part = "subject"
        return read

    def _add_column(self, name: str, at: int) -> None:
        if self.part == "where":
            self.request.open_filter = name
            return
        if self.negated:
            self.request.unread.append(f"not {clean(name, 40)}")
            self.negated = False
            return
        self.request.columns.append(NamedColumn(name, self.part, at))

    def _value(self, piece: QuestionPiece, *, of_column: bool) -> None:
        self.request.values.append(NamedValue(piece.values, self.part, piece.text, self.negated, of_column))
        self.negated = False

    def _number(self, at: int, piece: QuestionPiece) -> int:
        neighbours = [self._next(at + 1), self.pieces[at - 1] if at else None]
        counted = any(
            other is not None and other.concept in {"top", "first", "last", "most", "least", "rows", "strongest"}
            for other in neighbours
        )
        if counted:
            self.request.numbers.append(piece.text)
            return 1
        following = neighbours[0]
        if following is not None and following.kind == "column" and self.part in {"with", "where", "for"}:
            name = following.columns[0]
            if value := self.request.names.value_of(name, piece.text):  # "houses with 3 rooms"
                self.request.values.append(NamedValue(((name, value),), "where", piece.text, self.negated, True))
                self.part = "subject"
                return 2
        years = [
            column.name
            for column in self.request.names.profile.columns
            if "year" in column.name.lower() and self.request.names.value_of(column.name, piece.text)
        ]
        if len(years) == 1 and self.part in {"in", "for", "where"}:
            value = self.request.names.value_of(years[0], piece.text)
            self.request.values.append(NamedValue(((years[0], value),), "where", piece.text, self.negated, True))
            self.request.remarks.append(f"“{piece.text}” read as {clean(years[0], 40)} {piece.text}")
            return 1
        self.request.unread.append(piece.text)
        return 1


def may_group(names: TableNames, column: str) -> bool:
    """Whether the column parts the rows into groups that can be set side by side."""
    return is_group(names.column(column))
