"""The fields of a step on a phone: a line and a button for each, and one of them opened, to be chosen or typed. The split of
the rows is opened like a field: a button for each way that fits this table."""

from collections.abc import Iterator
from typing import Final, NamedTuple, TypeAlias

from msgspec.structs import replace

from tabsmith.presentation.schemas import SPLIT_MEANINGS, holdout_label, split_line, split_name
from tabsmith.presentation.spans import Span
from tabsmith.tables.schema.manual import EXAMPLES
from tabsmith.tables.schema.types import Split, SplitKind
from tabsmith.telegram.render.messages import Keyboard, StepButtons, heading, in_rows, paragraphs
from tabsmith.telegram.render.text import (
    Piece,
    StyledText,
    error_text,
    foreign,
    foreign_block,
    line,
    mixed,
    own,
    styled,
)
from tabsmith.text import clean, plural
from tabsmith.workflow.form import ChoiceField, ColumnLine, ColumnsField, Option, StepForm, TextField
from tabsmith.workflow.session import FieldName

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
    for column in _likely(field, ("identifier", "code", "category"), "group"):
        yield option("grouped", column.name)
    for column in _likely(field, ("date", "code", "numeric"), "time"):
        yield option("forward", column.name)
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


InputField: TypeAlias = TextField | ChoiceField

_MAY_BE_EMPTY: Final = (FieldName.BUDGET, FieldName.FAMILIES, FieldName.EXCLUDE, FieldName.LABELS, FieldName.OUT)
_LIMIT: Final = "20 MB"
_HINTS: Final[dict[FieldName, str]] = {
    FieldName.PATH: f"Send the path as a message, or send the file itself (up to {_LIMIT}).",
    FieldName.DATA: f"Send the file here, up to {_LIMIT}. A larger one: put it on the machine, and send its path.",
    FieldName.TARGET: "Send the number or the name of a column.",
    FieldName.FEATURES: "Send numbers, ranges or names.",
    FieldName.SCHEMA: "Send it as one message.",
    FieldName.NEW_ROWS: f"Send the file here (up to {_LIMIT}), or the path of a file on the machine.",
}
_SCHEMA_FORMS: Final = f"{EXAMPLES.json}\n\n{EXAMPLES.names}"


def typed_fields(form: StepForm) -> tuple[InputField, ...]:
    """The fields of a form that hold a text or one of several options."""
    return tuple(field for field in form.fields if isinstance(field, TextField | ChoiceField))


def read_field(form: StepForm) -> FieldName | None:
    """The field that a message is taken for at this step; None where nothing is typed."""
    reads = form.choices[form.default].reads if form.default < len(form.choices) else ()
    return reads[0] if reads else None


def field_named(form: StepForm, name: str) -> InputField | None:
    """The field with this name."""
    return next((field for field in typed_fields(form) if field.name == name), None)


def field_lines(form: StepForm) -> StyledText:
    """Every field: the one that a message is taken for with all that helps, any other in a line."""
    asked = read_field(form)
    text: StyledText = ()
    for field in typed_fields(form):
        if isinstance(field, TextField) and field.name == asked:
            text = paragraphs(text, _asked(field))
        else:
            text += _in_a_line(field)
    return text


def _asked(field: TextField) -> StyledText:
    hint = _HINTS.get(field.name, "Send it as a message.")
    value = _value(field) if field.value else ()
    help_words = line(mixed(field.help)) if field.help else ()
    return (
        *line(own(hint)),
        *help_words,
        *_example(field),
        *value,
        *(error_text(field.problem) if field.problem else ()),
    )


def _in_a_line(field: InputField) -> StyledText:
    shown = foreign(field.value, 80) if isinstance(field, TextField) else _chosen_piece(field)
    empty = isinstance(field, TextField) and not field.value
    value = line(own(f"{field.label}  "), own("—") if empty else shown)
    return (*value, *(error_text(field.problem) if field.problem else ()))


def _value(field: TextField) -> StyledText:
    many = field.lines > 1
    return (
        (*line(own(f"{field.label}:")), *line(foreign_block(field.value, 600)))
        if many
        else line(own(f"{field.label}  "), foreign(field.value, 300))
    )


def _example(field: TextField) -> StyledText:
    if not field.example:
        return ()
    if field.lines == 1:
        return line(own("For example  "), foreign(field.example, 200))
    forms = f"{field.example}\n\n{_SCHEMA_FORMS}" if field.name == FieldName.SCHEMA else field.example
    return (*line(own("For example:")), *line(foreign_block(forms, 600)))


def selected_option(field: ChoiceField) -> Option:
    """The option that stands in a choice field; one that there is not is shown as it was typed."""
    found = next((option for option in field.options if option.value == field.value), None)
    return found or Option(field.value, clean(field.value, 40) or "—")


def _chosen_piece(field: ChoiceField) -> Piece:
    option = selected_option(field)
    return own(option.label) if option in field.options else foreign(option.label)


def field_buttons(form: StepForm, make: StepButtons) -> Keyboard:
    """A button for each field that a message is not taken for: `Time · 60 s`."""
    asked = read_field(form)
    return in_rows(
        make(f"{field.label} · {_short(field)}", f"f{field.name}")
        for field in typed_fields(form)
        if field.name != asked
    )


def _short(field: InputField) -> str:
    return selected_option(field).label if isinstance(field, ChoiceField) else clean(field.value, 24) or "—"


# One field opened ------------------------------------------------------------------------------------------------


def field_page(field: InputField, make: StepButtons) -> tuple[StyledText, StyledText, Keyboard]:
    """A field: its head, what it takes, and a button for each option."""
    back: Keyboard = ((make("← Back to the step", "v"),),)
    problem = error_text(field.problem) if field.problem else ()
    if isinstance(field, ChoiceField):
        head = (*heading(field.label), *line(own("Now  "), _chosen_piece(field)))
        buttons = in_rows(
            make(_ticked(option, field), f"o{field.name}:{at}") for at, option in enumerate(field.options)
        )
        return (*head, *problem), _options(field), (*buttons, *back)
    value = line(own("Now  "), foreign(field.value, 300) if field.value else own("nothing"))
    empty: Keyboard = ()
    if field.name in _MAY_BE_EMPTY and field.value:
        empty = ((make("Leave it empty", f"o{field.name}:0"),),)
    text = (*line(own("Send the value as a message.")), *(line(mixed(field.help)) if field.help else ()))
    return (*heading(field.label), *value, *problem), (*text, *_example(field)), (*empty, *back)


def _ticked(option: Option, field: ChoiceField) -> str:
    return f"✔ {option.label}" if option.value == field.value else option.label


def _options(field: ChoiceField) -> StyledText:
    text: StyledText = ()
    for at, option in enumerate(field.options, start=1):
        text += line(own(f"{at}  {option.label}"))
        text += line(own("   "), mixed(option.detail, 240)) if option.detail else ()
    return text if not field.help else (*line(own(field.help)), *text)


def split_page(
    form: StepForm, field: ColumnsField, found: tuple[SplitOption, ...], make: StepButtons
) -> tuple[StyledText, StyledText, Keyboard]:
    """How rows are held out: the present way with its reason, and a button for each other one."""
    reason = line(mixed(field.split.reason, 300)) if field.split.reason else ()
    problem = error_text(form.problem) if form.problem else ()
    head = (
        *heading("Which rows are the test set?"),
        *styled((Span("Now  "), *split_line(field.split))),
        *reason,
        *problem,
    )
    text: StyledText = ()
    for at, way in enumerate(found, start=1):
        text += line(own(f"{at}  "), way.name, own(f": {way.meaning}"))
    text += line(own("To go by another column, open it and give it the role group or time."))
    buttons = in_rows(make(way.name.text, f"s{at}") for at, way in enumerate(found))
    return head, text, (*buttons, (make("← The schema", "v"),))
