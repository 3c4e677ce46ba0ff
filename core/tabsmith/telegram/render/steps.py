"""The guided conversation on a phone: the form of a step as one message with buttons."""

from pathlib import Path
from typing import Final

from tabsmith.presentation.tables import reading_facts
from tabsmith.telegram.chat_state import ChatView
from tabsmith.telegram.render.columns import (
    column_at,
    column_page,
    columns_field,
    columns_page,
    schema_buttons,
    schema_summary,
    short_list,
    short_paging,
)
from tabsmith.telegram.render.fields import (
    SPLIT,
    field_buttons,
    field_lines,
    field_named,
    field_page,
    read_field,
    split_options,
    split_page,
)
from tabsmith.telegram.render.messages import (
    Keyboard,
    OutgoingMessage,
    StepButtons,
    fact_lines,
    first_lines,
    fit_parts,
    heading,
    in_rows,
    paragraphs,
    step_tag,
)
from tabsmith.telegram.render.text import Piece, StyledText, bold, error_text, foreign, line, mixed, own
from tabsmith.text import clean
from tabsmith.workflow.form import StepChoice, StepForm
from tabsmith.workflow.session import PendingWork, SessionNotice, WorkflowSession
from tabsmith.workflow.states import GuidedStep, State

__all__ = ["fitting_view", "step_message", "step_tag"]

_STEPS: Final = tuple(GuidedStep)
_FOLDERS: Final = 12
_NOTICES: Final = 4
_LONGEST_COMMAND: Final = 900
_SOURCES: Final = "A file sent here passes Telegram's servers. “This machine” is the one where tabsmith runs."


def step_message(
    form: StepForm,
    session: WorkflowSession,
    view: ChatView,
    *,
    allowed: tuple[Path, ...] = (),
    silent: bool = False,
    extra: StyledText = (),
) -> OutgoingMessage:
    """The message for where the conversation stands.

    `allowed` are the folders that files may be read from; `extra` stands in the middle, for a run or a result. A view
    that does not fit any more is drawn as the form.
    """
    view = fitting_view(view, form)
    make = StepButtons(session)
    columns = columns_field(form)
    if columns is not None and session.schema is not None:
        if view.kind == "columns":
            head, middle, keyboard = columns_page(columns, view.page, make)
            return OutgoingMessage(fit_parts((*_where(form), *head), middle, ()), keyboard, silent)
        if view.kind == "column" and (line_of := column_at(columns, view.name)):
            head, middle, keyboard = column_page(form, columns, line_of, session.schema, make)
            return OutgoingMessage(fit_parts((*_where(form), *head), middle, ()), keyboard, silent)
        if view.kind == "field" and view.name == SPLIT:
            head, middle, keyboard = split_page(form, columns, split_options(columns), make)
            return OutgoingMessage(fit_parts((*_where(form), *head), middle, ()), keyboard, silent)
    if view.kind == "field" and (field := field_named(form, view.name)):
        head, middle, keyboard = field_page(field, make)
        return OutgoingMessage(fit_parts((*_where(form), *head), middle, ()), keyboard, silent)
    text = fit_parts(_head(form, session), _middle(form, session, view, allowed, extra), _foot(form))
    return OutgoingMessage(text, _keyboard(form, view, make), silent)


def fitting_view(view: ChatView, form: StepForm) -> ChatView:
    """The view where it still fits the form, else the form itself: a view outlives the step that it belongs to."""
    columns = columns_field(form) if form.state is State.CONFIRMING_SCHEMA else None
    match view.kind:
        case "columns" if columns is not None:
            return view
        case "column" if columns is not None:
            return view if column_at(columns, view.name) else ChatView("columns")
        case "field" if columns is not None and view.name == SPLIT:
            return view
        case "field" if field_named(form, view.name) is not None:
            return view
        case "prompt":
            return view
        case _:
            return ChatView()


# The form --------------------------------------------------------------------------------------------------------


def _where(form: StepForm) -> StyledText:
    if form.step is None:
        return ()
    place = _STEPS.index(form.step) + 1
    return line(Piece(f"Step {place} of {len(_STEPS)} · {form.step.value}", "italic"))


def _head(form: StepForm, session: WorkflowSession) -> StyledText:
    return paragraphs(
        (*_where(form), *heading(form.title, form.words)),
        _notices(form.notices),
        error_text(form.problem) if form.problem else (),
        _under_way(session.waiting),
    )


def _notices(notices: tuple[SessionNotice, ...]) -> StyledText:
    return first_lines([line(own("! "), mixed(notice.text, 300)) for notice in notices], _NOTICES)


def _under_way(waiting: PendingWork | None) -> StyledText:
    if waiting is None:
        return ()
    match waiting.work:
        case "target":
            return line(own("◔ Looking at the table for the target "), foreign(waiting.target, 40))
        case "table":
            return line(own("◔ Reading the table. It may take a moment."))
        case "prediction":
            return line(own("◔ Predicting. It may take a moment."))
        case "path":
            return line(own("◔ Looking at the file."))


def _middle(
    form: StepForm, session: WorkflowSession, view: ChatView, allowed: tuple[Path, ...], extra: StyledText
) -> StyledText:
    columns = columns_field(form)
    if form.state is State.CONFIRMING_SCHEMA and columns is not None:
        return paragraphs(extra, schema_summary(form, columns), fact_lines(reading_facts(session)))
    listed = short_list(columns, view.page) if columns is not None else ()
    folders = _folders(allowed) if form.state is State.AWAITING_FILE_PATH else ()
    return paragraphs(extra, field_lines(form), folders, fact_lines(form.facts), listed)


def _folders(allowed: tuple[Path, ...]) -> StyledText:
    if not allowed:
        return ()
    lines = [line(own("   "), foreign(folder, 200)) for folder in allowed]
    return (*line(own("Files in these folders can be read:")), *first_lines(lines, _FOLDERS))


def _foot(form: StepForm) -> StyledText:
    asked = read_field(form)
    missing = line(own("Still missing: "), mixed(", ".join(form.missing), 300)) if form.missing and not asked else ()
    sources = line(own(_SOURCES)) if form.state is State.CHOOSING_DATA_SOURCE else ()
    return paragraphs(_details(form.choices), sources, missing, _command(form.command))


def _details(choices: tuple[StepChoice, ...]) -> StyledText:
    text: StyledText = ()
    for choice in choices:
        if choice.detail:
            text += line(bold(clean(choice.label, 40)), own(": "), mixed(choice.detail, 120))
    return text


def _command(command: str) -> StyledText:
    if not command:
        return ()
    if len(command) > _LONGEST_COMMAND:
        beginning = line(foreign(command, 300))
        return (*line(own(f"The same from a terminal, the beginning of {len(command):,} characters:")), *beginning)
    return (*line(own("The same from a terminal:")), *line(foreign(command, _LONGEST_COMMAND)))


def _keyboard(form: StepForm, view: ChatView, make: StepButtons) -> Keyboard:
    columns = columns_field(form)
    rows = in_rows(make(form.choices[at].label, f"c{at}") for at in _default_first(form) if _can_be_pressed(form, at))
    rows += field_buttons(form, make)
    if columns is not None:
        if form.state is State.CONFIRMING_SCHEMA:
            rows += schema_buttons(columns, make)
        else:
            rows += short_paging(columns, view.page, make)
    back = (make("← Back", "b"),) if form.back_to is not None else ()
    cancel = (make("Cancel", "x"),) if form.state not in (State.IDLE, State.COMPLETED) else ()
    return (*rows, back + cancel) if back or cancel else rows


def _default_first(form: StepForm) -> list[int]:
    places = list(range(len(form.choices)))
    return sorted(places, key=lambda at: at != form.default)


def _can_be_pressed(form: StepForm, at: int) -> bool:
    """A choice that only waits for a text is not a button before the text is there: the text is what is sent."""
    return not (form.choices[at].reads and form.missing)
