"""How rows are held out and folded, on a phone: the ways that fit this table, in an order that a button can name."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from msgspec.structs import replace

from tabsmith.presentation.schemas import SPLIT_MEANINGS, holdout_label, split_name
from tabsmith.tables.schema.types import Split, SplitKind
from tabsmith.telegram.render.text import Piece, foreign, own
from tabsmith.text import plural
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


def split_options(field: ColumnsField) -> tuple[SplitOption, ...]:
    """What a person can choose instead of the present split: only what this schema takes."""
    present = replace(field.split, reason="")
    return tuple(way for way in _candidates(field) if replace(way.split, reason="") != present)


def _candidates(field: ColumnsField) -> Iterator[SplitOption]:
    present = replace(field.split, reason=_REASON)

    def option(kind: SplitKind, column: str = "") -> SplitOption:
        name = split_name(kind, column, 26)
        return SplitOption(
            replace(present, kind=kind, by=column), foreign(name) if column else own(name), SPLIT_MEANINGS[kind]
        )

    yield option("random")
    if field.task in ("binary", "multiclass"):
        yield option("stratified")
    for line in _likely(field, ("identifier", "code", "category"), "group"):
        yield option("grouped", line.name)
    for line in _likely(field, ("date", "code", "numeric"), "time"):
        yield option("forward", line.name)
    for holdout in _HOLDOUTS:
        yield SplitOption(
            replace(present, holdout=holdout), own(holdout_label(holdout)), "rows that no model sees before the end"
        )
    for folds in _FOLDS:
        yield SplitOption(replace(present, folds=folds), own(plural(folds, "fold")), "to compare models on")


def _likely(field: ColumnsField, kinds: tuple[str, ...], role: str) -> list[ColumnLine]:
    """Columns of these kinds, the likeliest first: the one with the role, then by kind in the order given."""
    others = [line for line in field.columns if line.name != field.target and line.kind in kinds]
    return sorted(others, key=lambda line: (line.role != role, kinds.index(line.kind), line.number))[:_BY_COLUMN]
