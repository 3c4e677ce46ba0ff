"""The columns of a table on a phone: in short, by the page, and one of them with everything that can be changed."""

import time
from collections import Counter
from typing import Final, get_args

from tabsmith.errors import SchemaError
from tabsmith.formatting import count, number, percent
from tabsmith.presentation import schemas
from tabsmith.presentation.schemas import split_line, table_warning_text, warning_text
from tabsmith.presentation.spans import Span
from tabsmith.tables.profile.types import ColumnProfile
from tabsmith.tables.schema import edits
from tabsmith.tables.schema.types import ColumnKind, ColumnRole, Schema
from tabsmith.telegram.render.fields import SPLIT
from tabsmith.telegram.render.messages import (
    Button,
    Keyboard,
    StepButtons,
    fact_lines,
    first_lines,
    heading,
    in_rows,
    paragraphs,
    step_page_buttons,
)
from tabsmith.telegram.render.text import StyledText, bold, error_text, foreign, line, mixed, own, styled
from tabsmith.text import clean, plural
from tabsmith.workflow.form import ColumnLine, ColumnsField, StepForm

KIND_ORDER: Final[tuple[ColumnKind, ...]] = get_args(ColumnKind)
ROLE_ORDER: Final[tuple[ColumnRole, ...]] = get_args(ColumnRole)
PER_PAGE: Final = 10
_PER_SHORT_PAGE: Final = 20
_WARNED: Final = 6
_TARGETS: Final = 2
_NO_TARGETS: Final = ("date", "constant")  # kinds that nobody predicts


def columns_field(form: StepForm) -> ColumnsField | None:
    """The columns that a form shows, if it shows any."""
    return next((field for field in form.fields if isinstance(field, ColumnsField)), None)


def column_at(field: ColumnsField, name: str) -> ColumnLine | None:
    """The column with the number in `name`."""
    if not (name.isascii() and name.isdigit() and len(name) < 10):
        return None
    return field.columns[int(name) - 1] if 1 <= int(name) <= len(field.columns) else None


def other_targets(field: ColumnsField) -> tuple[ColumnLine, ...]:
    """The columns that are likely to be meant, beside the present target."""
    lines = {line.name: line for line in field.columns}
    return tuple(lines[each.name] for each in field.candidates if each.name != field.target and each.name in lines)[
        :_TARGETS
    ]


# In short --------------------------------------------------------------------------------------------------------


def schema_summary(form: StepForm, field: ColumnsField) -> StyledText:
    """A schema to be looked over on one page: facts, kinds, lines that were not read, columns with warnings."""
    facts = fact_lines(fact for fact in form.facts if fact.label != "Split")
    split = styled((Span("Split  "), *split_line(field.split)))
    why = line(own("   "), mixed(field.split.reason, 160)) if field.split.reason else ()
    how = line(own("Send a column's number or name to look at it and to change it."))
    kinds = Counter(each.kind for each in field.columns)
    counted = ", ".join(f"{many:,} {kind}" for kind, many in kinds.most_common())
    return paragraphs(
        (*facts, *split, *why, *line(own(f"Kinds  {counted}"))),
        _about_rows(field),
        _candidates(field),
        _warned(field),
        how,
    )


def _about_rows(field: ColumnsField) -> StyledText:
    """What is wrong with the rows: what keeps them from being trained on, copies, lines that were not read."""
    text: StyledText = ()
    if field.target and field.obstacle is not None:
        text += line(own("! "), mixed(f"{field.obstacle.message} {field.obstacle.next_step}", 300))
    for warning in field.warnings:
        text += line(own("! "), own(table_warning_text(warning)))
    if field.rejected:
        text += line(own(f"! {plural(field.rejected, 'line')} could not be read and were left out."))
    if field.repaired:
        text += line(own(f"{plural(field.repaired, 'line')} repaired."))
    return text


def _candidates(field: ColumnsField) -> StyledText:
    named = {each.name: each for each in field.candidates}
    text: StyledText = ()
    for each in other_targets(field):
        found = named[each.name]
        text += line(own("Or predict "), foreign(each.name, 40), own(f" ({found.confidence:.0%})"))
        text += line(own("   "), mixed(found.reason, 120)) if found.reason else ()
    return text


def _warned(field: ColumnsField) -> StyledText:
    warned = [each for each in field.columns if each.warnings]
    lines = [
        line(own(f"! {each.number:,} "), foreign(each.name, 40), own("  "), mixed(warning_text(each.warnings[0]), 120))
        for each in warned
    ]
    heading = line(own(f"{plural(len(warned), 'column')} to look at")) if warned else ()
    return (*heading, *first_lines(lines, _WARNED))


def schema_buttons(field: ColumnsField, make: StepButtons) -> Keyboard:
    """Below a schema: its columns, its split, and the other likely targets."""
    looks = (make(f"Look at {plural(len(field.columns), 'column')}", "p0"), make("How rows are split", f"f{SPLIT}"))
    place = ROLE_ORDER.index("target")
    targets = (
        make(f"Predict {clean(each.name, 20)} instead", f"k{each.number}r{place}") for each in other_targets(field)
    )
    return in_rows((*looks, *targets))


def short_list(field: ColumnsField, page: int) -> StyledText:
    """The columns with their numbers, to choose from by typing."""
    page = min(max(page, 0), pages_of(field, short=True) - 1)
    shown = field.columns[page * _PER_SHORT_PAGE :][:_PER_SHORT_PAGE]
    text: StyledText = ()
    for each in shown:
        role = each.role if each.role != "feature" else "✔"
        text += line(own(f"{each.number:,}  "), foreign(each.name, 36), own(f"  {each.kind}  {role}"))
    return (*_heading(shown, len(field.columns)), *text)


def short_paging(field: ColumnsField, page: int, make: StepButtons) -> Keyboard:
    """To the other pages of the short list."""
    pages = pages_of(field, short=True)
    return in_rows(step_page_buttons(make, min(max(page, 0), pages - 1), pages))


# By the page -----------------------------------------------------------------------------------------------------


def pages_of(field: ColumnsField, *, short: bool = False) -> int:
    """How many pages the columns take; at least one."""
    per_page = _PER_SHORT_PAGE if short else PER_PAGE
    return max(1, -(-len(field.columns) // per_page))


def columns_page(field: ColumnsField, page: int, make: StepButtons) -> tuple[StyledText, StyledText, Keyboard]:
    """A page of the columns: its head, its lines, and its buttons."""
    pages = pages_of(field)
    page = min(max(page, 0), pages - 1)
    shown = field.columns[page * PER_PAGE :][:PER_PAGE]
    words = "Type a number or a name to look at a column and to change it."
    text: StyledText = ()
    for each in shown:
        text += _entry(each)
    numbers = in_rows((make(f"{each.number:,}", f"k{each.number}") for each in shown), width=5)
    around: Keyboard = ((make("← The schema", "v"),),)
    head = (*_heading(shown, len(field.columns)), *line(own(words)))
    return head, text, (*numbers, *in_rows(step_page_buttons(make, page, pages)), *around)


def _heading(shown: tuple[ColumnLine, ...], total: int) -> StyledText:
    if not shown:
        return line(bold("No columns"))
    span = f"{shown[0].number:,} to {shown[-1].number:,}" if len(shown) > 1 else f"{shown[0].number:,}"
    return line(bold(f"{'Columns' if len(shown) > 1 else 'Column'} {span} of {total:,}"))


def _entry(each: ColumnLine) -> StyledText:
    edited = " (yours)" if each.edited else ""
    note = f"! {warning_text(each.warnings[0])}" if each.warnings else each.evidence
    profile = each.profile
    amounts = (
        "" if profile is None else f" · {percent(profile.missing_share)} missing · {count(profile.distinct)} distinct"
    )
    return (
        *line(own(f"{each.number:,}  "), foreign(each.name, 36)),
        *line(own(f"   {each.kind} · {each.role}{edited}{amounts}")),
        *(line(own("   "), mixed(note, 100)) if note else ()),
    )


# One column ------------------------------------------------------------------------------------------------------


def column_page(
    form: StepForm, field: ColumnsField, each: ColumnLine, schema: Schema, make: StepButtons
) -> tuple[StyledText, StyledText, Keyboard]:
    """One column: its head with the last problem, what is known of it, and a button for each possible change."""
    head = heading(f"Column {each.number:,} of {len(field.columns):,}")
    return (
        (*head, *line(foreign(each.name, 300)), *(error_text(form.problem) if form.problem else ())),
        _known(each),
        (
            *_changes(each, schema, make),
            (make("← The columns", f"p{(each.number - 1) // PER_PAGE}"), make("The schema", "v")),
        ),
    )


def _known(each: ColumnLine) -> StyledText:
    edited = ", chosen by you" if each.edited else ""
    text = (
        *line(own("Kind  "), bold(each.kind), own(f" · {schemas.KIND_MEANINGS[each.kind]}")),
        *line(own("Role  "), bold(each.role), own(f" · {schemas.ROLE_MEANINGS[each.role]}{edited}")),
        *(line(own("   "), mixed(each.evidence, 300)) if each.evidence else ()),
    )
    if each.role == "target":
        text += line(own("Another role is free once another column is the target."))
    warnings = first_lines([line(own("! "), mixed(warning_text(warning), 200)) for warning in each.warnings], 4)
    return paragraphs(text, () if each.profile is None else _profile(each.profile), warnings)


def _profile(column: ColumnProfile) -> StyledText:
    text = (
        *line(own(f"Missing  {count(column.missing)} of {count(column.rows)} ({percent(column.missing_share)})")),
        *line(own(f"Distinct  {count(column.distinct)}")),
    )
    if column.numbers is not None:
        dated = column.storage in ("date", "timestamp")
        low, middle, high = (
            _moment(value) if dated else number(value)
            for value in (column.numbers.minimum, column.numbers.quartiles[1], column.numbers.maximum)
        )
        text += line(own("From "), foreign(low), own(" to "), foreign(high), own(", half below "), foreign(middle))
    if column.top:
        text += line(own("Most frequent"))
        text += first_lines(
            [line(own(f"   {count(each.count)} times "), foreign(each.text, 32)) for each in column.top], 5
        )
    return text


def _moment(seconds: float) -> str:
    try:
        return time.strftime("%Y-%m-%d", time.gmtime(seconds))
    except (OverflowError, ValueError, OSError):  # a year that the platform's calendar does not know
        return number(seconds)


def _changes(each: ColumnLine, schema: Schema, make: StepButtons) -> Keyboard:
    roles = (
        make(f"{role} · {schemas.ROLE_MEANINGS[role]}", f"k{each.number}r{place}")
        for place, role in enumerate(ROLE_ORDER)
        if role != each.role and _role_possible(schema, each, role)
    )
    kinds = (
        make(f"as {kind}", f"k{each.number}k{place}")
        for place, kind in enumerate(KIND_ORDER)
        if kind != each.kind and _kind_possible(schema, each.name, kind)
    )
    rows: tuple[tuple[Button, ...], ...] = tuple((button,) for button in roles)
    return (*rows, *in_rows(kinds))


def _role_possible(schema: Schema, each: ColumnLine, role: ColumnRole) -> bool:
    if role == "target" and each.kind in _NO_TARGETS:
        return False
    try:
        edits.with_role(schema, each.name, role)
    except SchemaError:
        return False
    return True


def _kind_possible(schema: Schema, column: str, kind: ColumnKind) -> bool:
    try:
        edits.with_kind(schema, column, kind)
    except SchemaError:
        return False
    return True
