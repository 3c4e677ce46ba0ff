"""What rules of the grammar raise when they cannot decide, and the rows that a question chooses."""

from collections.abc import Callable, Sequence
from typing import Final

from msgspec.structs import replace

from tabsmith.statistics.plan import Compare, Describe, Plan, Relate, Rows
from tabsmith.statistics.words.reading import Elsewhere
from tabsmith.statistics.words.request import NamedValue, Request, may_group
from tabsmith.text import clean

MANY_GROUPS: Final = 50
"""Numbers with more different values part no rows."""


class Unsure(Exception):  # noqa: N818 - not an error: a question back
    """The question cannot be decided: what to ask back, and plans to choose from."""

    def __init__(self, text: str, *choices: Sequence[Plan] | Elsewhere) -> None:
        super().__init__(text)
        self.text, self.choices = text, choices


def _resolved(request: Request, value: NamedValue, plans_with: Callable[[Rows], Sequence[Plan]]) -> tuple[str, str]:
    """The column and value that a named value means; raises Unsure if several columns hold it."""
    if len(value.candidates) == 1:
        return value.candidates[0]
    typed = [pair for pair in value.candidates if pair[1] == value.text]
    if len(typed) == 1:
        return typed[0]
    named = [pair for pair in value.candidates if pair[0] in request.named()]
    if len(named) == 1:
        return named[0]
    pairs = named or list(value.candidates)
    raise Unsure(
        f"Several columns hold “{clean(value.text, 40)}”: {request.names.shown([pair[0] for pair in pairs])}. Which one is meant?",
        *(plans_with(Rows(column, (text,))) for column, text in pairs),
    )


def _rows(
    request: Request, plans_with: Callable[[Rows], Sequence[Plan]], values: Sequence[NamedValue] | None = None
) -> Rows:
    """The rows that the values of a question choose; raises Unsure where one column is not enough to say which."""
    chosen: dict[str, list[str]] = {}
    negated: set[str] = set()
    for value in request.values if values is None else values:
        column, text = _resolved(request, value, plans_with)
        chosen.setdefault(column, []).append(text)
        if value.negated:
            negated.add(column)
    if not chosen:
        return Rows()
    if len(chosen) > 1:
        raise Unsure(
            "Rows are chosen by one column at a time. Which one is meant?",
            *(plans_with(Rows(column, tuple(texts))) for column, texts in chosen.items() if column not in negated),
        )
    ((column, texts),) = chosen.items()
    if column in negated:
        others = [value.text for value in request.names.column(column).top if value.text not in texts]
        if not request.names.knows_all_values(column) or not others:
            raise Unsure(f"Rows are chosen by values that they have. Which values of {clean(column, 40)} are meant?")
        return Rows(column, tuple(others))
    return Rows(column, tuple(dict.fromkeys(texts)))


def with_rows(request: Request, plans: Sequence[Plan], values: Sequence[NamedValue] | None = None) -> tuple[Plan, ...]:
    """The plans for the rows that the question chooses."""

    def chosen(rows: Rows) -> Sequence[Plan]:
        return tuple(replace(plan, rows=rows) for plan in plans)

    rows = _rows(request, chosen, values)
    return tuple(chosen(rows)) if rows.column else tuple(plans)


def refuse_groups(request: Request, what: str, plans: Sequence[Plan]) -> None:
    """Raise Unsure if groups are named for an operation, `what`, that has none; `plans` are those without them."""
    if groups := request.named("by"):
        raise Unsure(f"{what} is not parted by {request.names.shown(groups)}. Of all rows it would be:", plans)


def pair_choices(request: Request, columns: Sequence[str]) -> list[tuple[Plan, ...]]:
    """What two columns can be asked about together: a relation, a comparison, a description of each."""
    choices: list[tuple[Plan, ...]] = []
    if len(columns) >= 2:
        choices.append((Relate(columns=tuple(columns)),))
        numbers, groups = request.numbers_of(columns), [name for name in columns if may_group(request.names, name)]
        if len(columns) == 2 and len(numbers) == 2:
            choices.append((Compare(value=columns[0], paired_with=columns[1]),))
        elif numbers and (by := next((name for name in groups if name != numbers[0]), "")):
            choices.append((Compare(value=numbers[0], by=by),))
        choices.append((Describe(columns=tuple(columns)),))
    return choices
