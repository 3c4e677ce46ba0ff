"""What is pressed or typed at a step of the conversation, as a meaning. Never raises, whatever comes."""

import re
from collections.abc import Sequence
from typing import Final

from tabsmith.errors import UsageError
from tabsmith.telegram.actions import ChatAction, GiveAnswer, InvalidInput, ShowView, StaleButton
from tabsmith.telegram.chat_state import ChatView
from tabsmith.telegram.render.columns import KIND_ORDER, ROLE_ORDER, column_at, columns_field
from tabsmith.telegram.render.fields import SPLIT, InputField, field_named, read_field, split_options, typed_fields
from tabsmith.telegram.render.messages import PREFIX, step_tag
from tabsmith.telegram.render.steps import fitting_view
from tabsmith.telegram.render.text import StyledText, error_text, foreign, line, own
from tabsmith.text import clean
from tabsmith.workflow import actions
from tabsmith.workflow.form import ChoiceField, ColumnsField, StepForm
from tabsmith.workflow.inputs import read_column
from tabsmith.workflow.session import WorkflowSession
from tabsmith.workflow.states import State
from tabsmith.workflow.step_forms import filled

_NUMBERED: Final = re.compile(r"([cps])([0-9]{1,6})")
_COLUMN: Final = re.compile(r"k([0-9]{1,9})(?:([rk])([0-9]{1,2}))?")
_OPTION: Final = re.compile(r"o([a-z ]{1,20}):([0-9]{1,3})")
_SHORTEST: Final = 3  # letters of a word that are enough to mean a choice


def parse_press(data: str, form: StepForm, session: WorkflowSession) -> ChatAction:
    """What a button means at this step. Stale when it is of another session or step, or leads nowhere here."""
    parts = data.split(":", 2)
    if len(parts) != 3 or f"{parts[0]}:" != PREFIX or parts[1] != step_tag(session):
        return StaleButton()
    what = parts[2]
    match what:
        case "b":
            return GiveAnswer(actions.Back()) if form.back_to is not None else StaleButton()
        case "x":
            return GiveAnswer(actions.Cancel())
        case "v":
            return ShowView(ChatView())
    return _numbered(what, form) or _of_column(what, form) or _of_field(what, form) or StaleButton()


def _numbered(what: str, form: StepForm) -> ChatAction | None:
    found = _NUMBERED.fullmatch(what)
    if found is None:
        return None
    place = int(found[2])
    columns = columns_field(form)
    match found[1]:
        case "c" if place < len(form.choices):
            return GiveAnswer(form.choices[place].answer)
        case "p" if columns is not None:
            return ShowView(ChatView("columns" if form.state is State.CONFIRMING_SCHEMA else "prompt", page=place))
        case "s" if columns is not None and form.state is State.CONFIRMING_SCHEMA:
            offered = split_options(columns)
            return (
                GiveAnswer(actions.ChangeSplit(offered[place].split), ChatView("field", SPLIT))
                if place < len(offered)
                else None
            )
    return None


def _of_column(what: str, form: StepForm) -> ChatAction | None:
    """`k3` looks at column 3, `k3r1` gives it the second role, `k3k0` makes it the first kind."""
    found = _COLUMN.fullmatch(what)
    columns = columns_field(form)
    if found is None or columns is None or form.state is not State.CONFIRMING_SCHEMA:
        return None
    each = column_at(columns, found[1])
    if each is None:
        return None
    there = ChatView("column", str(each.number))
    if found[2] is None:
        return ShowView(there)
    place = int(found[3])
    if found[2] == "k":
        return GiveAnswer(actions.ChangeKind(each.name, KIND_ORDER[place]), there) if place < len(KIND_ORDER) else None
    if place >= len(ROLE_ORDER):
        return None
    role = ROLE_ORDER[place]
    # Another target changes the whole schema, so the whole of it is shown.
    return (
        GiveAnswer(actions.ChangeTarget(each.name))
        if role == "target"
        else GiveAnswer(actions.ChangeRole(each.name, role), there)
    )


def _of_field(what: str, form: StepForm) -> ChatAction | None:
    if what[:1] == "f":
        if what[1:] == SPLIT and form.state is State.CONFIRMING_SCHEMA:
            return ShowView(ChatView("field", SPLIT))
        field = field_named(form, what[1:])
        return None if field is None else ShowView(ChatView("field", field.name.value))
    found = _OPTION.fullmatch(what)
    field = field_named(form, found[1]) if found else None
    if found is None or field is None:
        return None
    # A field to type into has one option: nothing.
    values = [option.value for option in field.options] if isinstance(field, ChoiceField) else [""]
    place = int(found[2])
    return GiveAnswer(actions.Type(field.name, values[place])) if place < len(values) else None


# Typed -----------------------------------------------------------------------------------------------------------


def parse_text(text: str, form: StepForm, session: WorkflowSession, view: ChatView) -> ChatAction:  # noqa: ARG001 - as `parse_press`
    """What a message means while `view` is looked at."""
    view = fitting_view(view, form)
    columns = columns_field(form)
    if not text.strip():
        return InvalidInput(line(own("There is nothing in this message.")))
    if view.kind == "field" and view.name == SPLIT and columns is not None:
        return _split_said(text, columns)
    if view.kind == "field" and (field := field_named(form, view.name)):
        return _field_said(text, field)
    if view.kind in ("columns", "column") and columns is not None:
        return _column_said(text, columns)
    return _meaning_of_text(text, form, columns)


def _field_said(text: str, field: InputField) -> ChatAction:
    if not isinstance(field, ChoiceField):
        return GiveAnswer(actions.Type(field.name, text))
    words = [(option.label, option.value) for option in field.options]
    place = _meant(text, words)
    if place is not None:
        return GiveAnswer(actions.Type(field.name, field.options[place].value))
    listed = _listed([option.label for option in field.options])
    return InvalidInput((*line(own("This is none of the options: "), foreign(text, 40)), *listed))


def _split_said(text: str, columns: ColumnsField) -> ChatAction:
    offered = split_options(columns)
    place = _meant(text, [(way.name.text,) for way in offered])
    if place is not None:
        return GiveAnswer(actions.ChangeSplit(offered[place].split), ChatView("field", SPLIT))
    return InvalidInput(line(own("Press a button, or send the number of a way.")))


def _column_said(text: str, columns: ColumnsField) -> ChatAction:
    try:
        name = read_column(text, [each.name for each in columns.columns])
    except UsageError as error:
        return InvalidInput(error_text(error))
    number = next(each.number for each in columns.columns if each.name == name)
    return ShowView(ChatView("column", str(number)))


def _meaning_of_text(text: str, form: StepForm, columns: ColumnsField | None) -> ChatAction:
    asked = read_field(form)
    if asked is not None:
        return GiveAnswer(filled(form.choices[form.default], {asked: text}))
    word = text.strip().casefold()
    labels = [choice.label.casefold() for choice in form.choices]
    if word in labels:
        return GiveAnswer(form.choices[labels.index(word)].answer)
    match word:
        case "back" if form.back_to is not None:
            return GiveAnswer(actions.Back())
        case "cancel":
            return GiveAnswer(actions.Cancel())
    if columns is not None and form.state is State.CONFIRMING_SCHEMA:  # numbers and words are those of columns
        return _column_said(text, columns)
    place = _meant(text, [(label,) for label in labels])
    if place is not None:
        return GiveAnswer(form.choices[place].answer)
    field = next((each for each in typed_fields(form) if each.label.casefold() == word), None)
    return _nothing_typed(form) if field is None else ShowView(ChatView("field", field.name.value))


def _nothing_typed(form: StepForm) -> InvalidInput:
    labels = [choice.label for choice in form.choices]
    if labels:
        return InvalidInput((*line(own("Press a button, or send one of these, or its number:")), *_listed(labels)))
    return InvalidInput(line(own("Nothing is asked here. The buttons below the last message work.")))


def _listed(labels: list[str]) -> StyledText:
    return sum((line(own(f"{at}  {clean(label, 60)}")) for at, label in enumerate(labels, start=1)), ())


def _meant(text: str, words: Sequence[tuple[str, ...]]) -> int | None:
    """Which is meant: by its number, one of its words in any case, or the beginning of a word in only one of them."""
    said_word = text.strip().casefold()
    if said_word.isascii() and said_word.isdigit():
        return int(said_word) - 1 if len(said_word) < 4 and 1 <= int(said_word) <= len(words) else None
    exact = [at for at, each in enumerate(words) if said_word in (word.casefold() for word in each)]
    if exact:
        return exact[0]
    if len(said_word) < _SHORTEST:
        return None
    near = [at for at, each in enumerate(words) if any(f" {said_word}" in f" {word.casefold()}" for word in each)]
    return near[0] if len(near) == 1 else None
