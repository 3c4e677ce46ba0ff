"""How rows are held out and folded, on a phone: the ways that fit this table, in an order that a button can name."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from msgspec.structs import replace

from tabsmith.formatting import percent
from tabsmith.tables.schema.types import Split, SplitKind
from tabsmith.telegram.render.text import Piece, foreign, own
from tabsmith.text import clean, plural
from tabsmith.workflow.form import ColumnLine, ColumnsField

SPLIT: Final = "split"  # the name of the view, beside those of the fields
_REASON: Final = "chosen by you"
_BY_COLUMN: Final = 3  # columns offered for a kind of split; any other gets its role instead
_HOLDOUTS: Final = (0.0, 0.1, 0.2, 0.3)
_FOLDS: Final = (3, 5, 8, 10)


class SplitOption(NamedTuple):
    """A way to set rows aside: its name, in a few words for a button, and what it means."""

    split: Split
    name: Piece
    meaning: str


def split_text(split: Split) -> tuple[Piece, ...]:
    """A split in a few words: `grouped by store, 20 % held out, 5 folds`."""
    between = {"grouped": " by ", "forward": " along "}.get(split.kind, "")
    by = (own(between), foreign(split.by, 40)) if split.by and between else ()
    return (own(split.kind), *by, own(f", {_held(split.holdout)}, {plural(split.folds, 'fold')}"))


def split_options(field: ColumnsField) -> tuple[SplitOption, ...]:
    """What a person can choose instead of the present split: only what this schema takes."""
    present = replace(field.split, reason="")
    return tuple(way for way in _candidates(field) if replace(way.split, reason="") != present)


def _candidates(field: ColumnsField) -> Iterator[SplitOption]:
    present = replace(field.split, reason=_REASON)

    def going(kind: SplitKind, by: str = "") -> Split:
        return replace(present, kind=kind, by=by)

    yield SplitOption(going("random"), own("random"), "rows do not belong together and have no order")
    if field.task in ("binary", "multiclass"):
        yield SplitOption(going("stratified"), own("stratified"), "every fold has the same share of each class")
    for line in _likely(field, ("identifier", "code", "category"), "group"):
        yield SplitOption(
            going("grouped", line.name),
            foreign(f"grouped by {clean(line.name, 26)}"),
            "rows that share its value stay together",
        )
    for line in _likely(field, ("date", "code", "numeric"), "time"):
        name = foreign(f"forward along {clean(line.name, 24)}")
        yield SplitOption(going("forward", line.name), name, "trained on the past, tested on what comes after")
    for holdout in _HOLDOUTS:
        yield SplitOption(replace(present, holdout=holdout), own(_held(holdout)), "set aside before anything else")
    for folds in _FOLDS:
        yield SplitOption(replace(present, folds=folds), own(plural(folds, "fold")), "to compare models on")


def _likely(field: ColumnsField, kinds: tuple[str, ...], role: str) -> list[ColumnLine]:
    """Columns of these kinds, the likeliest first: the one with the role, then by kind in the order given."""
    others = [line for line in field.columns if line.name != field.target and line.kind in kinds]
    return sorted(others, key=lambda line: (line.role != role, kinds.index(line.kind), line.number))[:_BY_COLUMN]


def _held(holdout: float) -> str:
    return f"{percent(holdout).replace('.0 %', ' %')} held out" if holdout else "nothing held out"
