"""How rows are held out and folded, on a phone: the ways that fit this table, in an order that a button can name."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from msgspec.structs import replace

from tabsmith.numbers import share
from tabsmith.tables.schema import Split, SplitKind
from tabsmith.telegram.words import Piece, foreign, own
from tabsmith.text import clean, plural
from tabsmith.workflow.fields import ColumnLine, ColumnsField

SPLIT: Final = "split"  # the name of the view, beside those of the fields
_REASON: Final = "chosen by you"
_BY_COLUMN: Final = 3  # columns offered for a kind of split; any other gets its role instead
_HOLDOUTS: Final = (0.0, 0.1, 0.2, 0.3)
_FOLDS: Final = (3, 5, 8, 10)


class Way(NamedTuple):
    """A way to set rows aside: its name, in a few words for a button, and what it means."""

    split: Split
    name: Piece
    meaning: str


def split_pieces(split: Split) -> tuple[Piece, ...]:
    """A split in a few words: `grouped by store, 20 % held out, 5 folds`."""
    between = {"grouped": " by ", "forward": " along "}.get(split.kind, "")
    by = (own(between), foreign(split.by, 40)) if split.by and between else ()
    return (own(split.kind), *by, own(f", {_held(split.holdout)}, {plural(split.folds, 'fold')}"))


def ways(field: ColumnsField) -> tuple[Way, ...]:
    """What a person can choose instead of the present split: only what this schema takes."""
    present = replace(field.split, reason="")
    return tuple(way for way in _candidates(field) if replace(way.split, reason="") != present)


def _candidates(field: ColumnsField) -> Iterator[Way]:
    present = replace(field.split, reason=_REASON)

    def going(kind: SplitKind, by: str = "") -> Split:
        return replace(present, kind=kind, by=by)

    yield Way(going("random"), own("random"), "rows do not belong together and have no order")
    if field.task in ("binary", "multiclass"):
        yield Way(going("stratified"), own("stratified"), "every fold has the same share of each class")
    for line in _likely(field, ("identifier", "code", "category"), "group"):
        yield Way(
            going("grouped", line.name),
            foreign(f"grouped by {clean(line.name, 26)}"),
            "rows that share its value stay together",
        )
    for line in _likely(field, ("date", "code", "numeric"), "time"):
        name = foreign(f"forward along {clean(line.name, 24)}")
        yield Way(going("forward", line.name), name, "trained on the past, tested on what comes after")
    for holdout in _HOLDOUTS:
        yield Way(replace(present, holdout=holdout), own(_held(holdout)), "set aside before anything else")
    for folds in _FOLDS:
        yield Way(replace(present, folds=folds), own(plural(folds, "fold")), "to compare models on")


def _likely(field: ColumnsField, kinds: tuple[str, ...], role: str) -> list[ColumnLine]:
    """Columns of these kinds, the likeliest first: the one with the role, then by kind in the order given."""
    others = [line for line in field.columns if line.name != field.target and line.kind in kinds]
    return sorted(others, key=lambda line: (line.role != role, kinds.index(line.kind), line.number))[:_BY_COLUMN]


def _held(holdout: float) -> str:
    return f"{share(holdout).replace('.0 %', ' %')} held out" if holdout else "nothing held out"
