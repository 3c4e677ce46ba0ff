"""The guided conversation on a phone: the workflow's prompt as one message with buttons."""

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
    prompt: StepForm,
    session: WorkflowSession,
    view: ChatView,
    *,
    allowed: tuple[Path, ...] = (),
    silent: bool = False,
    extra: StyledText = (),
) -> OutgoingMessage:
    """The message for where the conversation stands.

    `allowed` are the folders that files may be read from; `extra` stands in the middle, for a run or a result. A view
    that does not fit any more is drawn as the prompt.
    """
    view = fitting_view(view, prompt)
    make = StepButtons(session)
    columns = columns_field(prompt)
    if columns is not None and session.schema is not None:
        if view.kind == "columns":
            head, middle, keyboard = columns_page(columns, view.page, make)
            return OutgoingMessage(fit_parts((*_where(prompt), *head), middle, ()), keyboard, silent)
        if view.kind == "column" and (line_of := column_at(columns, view.name)):
            head, middle, keyboard = column_page(prompt, columns, line_of, session.schema, make)
            return OutgoingMessage(fit_parts((*_where(prompt), *head), middle, ()), keyboard, silent)
        if view.kind == "field" and view.name == SPLIT:
            head, middle, keyboard = split_page(prompt, columns, split_options(columns), make)
            return OutgoingMessage(fit_parts((*_where(prompt), *head), middle, ()), keyboard, silent)
    if view.kind == "field" and (field := field_named(prompt, view.name)):
        head, middle, keyboard = field_page(field, make)
        return OutgoingMessage(fit_parts((*_where(prompt), *head), middle, ()), keyboard, silent)
    text = fit_parts(_head(prompt, session), _middle(prompt, session, view, allowed, extra), _foot(prompt))
    return OutgoingMessage(text, _keyboard(prompt, view, make), silent)


def fitting_view(view: ChatView, prompt: StepForm) -> ChatView:
    """The view where it still fits the prompt, else the prompt itself: a view outlives the step that it belongs to."""
    columns = columns_field(prompt) if prompt.state is State.CONFIRMING_SCHEMA else None
    match view.kind:
        case "columns" if columns is not None:
            return view
        case "column" if columns is not None:
            return view if column_at(columns, view.name) else ChatView("columns")
        case "field" if columns is not None and view.name == SPLIT:
            return view
        case "field" if field_named(prompt, view.name) is not None:
            return view
        case "prompt":
            return view
        case _:
            return ChatView()


# The prompt ------------------------------------------------------------------------------------------------------


def _where(prompt: StepForm) -> StyledText:
    if prompt.step is None:
        return ()
    place = _STEPS.index(prompt.step) + 1
    return line(Piece(f"Step {place} of {len(_STEPS)} · {prompt.step.value}", "italic"))


def _head(prompt: StepForm, session: WorkflowSession) -> StyledText:
    return paragraphs(
        (*_where(prompt), *heading(prompt.title, prompt.words)),
        _notices(prompt.notices),
        error_text(prompt.problem) if prompt.problem else (),
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
    prompt: StepForm, session: WorkflowSession, view: ChatView, allowed: tuple[Path, ...], extra: StyledText
) -> StyledText:
    columns = columns_field(prompt)
    if prompt.state is State.CONFIRMING_SCHEMA and columns is not None:
        return paragraphs(extra, schema_summary(prompt, columns), fact_lines(reading_facts(session)))
    listed = short_list(columns, view.page) if columns is not None else ()
    folders = _folders(allowed) if prompt.state is State.AWAITING_FILE_PATH else ()
    return paragraphs(extra, field_lines(prompt), folders, fact_lines(prompt.facts), listed)


def _folders(allowed: tuple[Path, ...]) -> StyledText:
    if not allowed:
        return ()
    lines = [line(own("   "), foreign(folder, 200)) for folder in allowed]
    return (*line(own("Files in these folders can be read:")), *first_lines(lines, _FOLDERS))


def _foot(prompt: StepForm) -> StyledText:
    asked = read_field(prompt)
    missing = (
        line(own("Still missing: "), mixed(", ".join(prompt.missing), 300)) if prompt.missing and not asked else ()
    )
    sources = line(own(_SOURCES)) if prompt.state is State.CHOOSING_DATA_SOURCE else ()
    return paragraphs(_details(prompt.choices), sources, missing, _command(prompt.command))


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


def _keyboard(prompt: StepForm, view: ChatView, make: StepButtons) -> Keyboard:
    columns = columns_field(prompt)
    rows = in_rows(
        make(prompt.choices[at].label, f"c{at}") for at in _default_first(prompt) if _can_be_pressed(prompt, at)
    )
    rows += field_buttons(prompt, make)
    if columns is not None:
        if prompt.state is State.CONFIRMING_SCHEMA:
            rows += schema_buttons(columns, make)
        else:
            rows += short_paging(columns, view.page, make)
    back = (make("← Back", "b"),) if prompt.back_to is not None else ()
    cancel = (make("Cancel", "x"),) if prompt.state not in (State.IDLE, State.COMPLETED) else ()
    return (*rows, back + cancel) if back or cancel else rows


def _default_first(prompt: StepForm) -> list[int]:
    places = list(range(len(prompt.choices)))
    return sorted(places, key=lambda at: at != prompt.default)


def _can_be_pressed(prompt: StepForm, at: int) -> bool:
    """A choice that only waits for a text is not a button before the text is there: the text is what is sent."""
    return not (prompt.choices[at].reads and prompt.missing)
