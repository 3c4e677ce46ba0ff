"""The guided conversation on a phone: the workflow's prompt as one message with buttons."""

from pathlib import Path
from typing import Final

from tabsmith.telegram.drawing.columns import (
    column_at,
    column_page,
    columns_field,
    columns_page,
    schema_buttons,
    short_list,
    short_paging,
    summary,
)
from tabsmith.telegram.drawing.errors import words_of
from tabsmith.telegram.drawing.fields import (
    field_buttons,
    field_lines,
    field_named,
    field_page,
    read_field,
    split_page,
)
from tabsmith.telegram.drawing.splits import SPLIT, ways
from tabsmith.telegram.drawing.step_parts import (
    Buttons,
    apart,
    fact_lines,
    first_of,
    fitted,
    in_rows,
    tag,
    titled,
)
from tabsmith.telegram.outgoing import Keyboard, Message
from tabsmith.telegram.seats import View
from tabsmith.telegram.words import Piece, Text, bold, foreign, line, mixed, own
from tabsmith.text import clean
from tabsmith.workflow.fields import Choice, Prompt
from tabsmith.workflow.session import Notice, Waiting, WorkflowSession
from tabsmith.workflow.states import GuidedStep, State

__all__ = ["draw", "fitting_view", "tag"]

_STEPS: Final = tuple(GuidedStep)
_FOLDERS: Final = 12
_NOTICES: Final = 4
_LONGEST_COMMAND: Final = 900
_SOURCES: Final = "A file sent here passes Telegram's servers. “This machine” is the one where tabsmith runs."


def draw(
    prompt: Prompt,
    session: WorkflowSession,
    view: View,
    *,
    allowed: tuple[Path, ...] = (),
    silent: bool = False,
    extra: Text = (),
) -> Message:
    """The message for where the conversation stands.

    `allowed` are the folders that files may be read from; `extra` stands in the middle, for a run or a result. A view
    that does not fit any more is drawn as the prompt.
    """
    view = fitting_view(view, prompt)
    make = Buttons(session)
    columns = columns_field(prompt)
    if columns is not None and session.schema is not None:
        if view.kind == "columns":
            head, middle, keyboard = columns_page(columns, view.page, make)
            return Message(fitted((*_where(prompt), *head), middle, ()), keyboard, silent)
        if view.kind == "column" and (line_of := column_at(columns, view.name)):
            head, middle, keyboard = column_page(prompt, columns, line_of, session.schema, make)
            return Message(fitted((*_where(prompt), *head), middle, ()), keyboard, silent)
        if view.kind == "field" and view.name == SPLIT:
            head, middle, keyboard = split_page(prompt, columns, ways(columns), make)
            return Message(fitted((*_where(prompt), *head), middle, ()), keyboard, silent)
    if view.kind == "field" and (field := field_named(prompt, view.name)):
        head, middle, keyboard = field_page(field, make)
        return Message(fitted((*_where(prompt), *head), middle, ()), keyboard, silent)
    text = fitted(_head(prompt, session), _middle(prompt, view, allowed, extra), _foot(prompt))
    return Message(text, _keyboard(prompt, view, make), silent)


def fitting_view(view: View, prompt: Prompt) -> View:
    """The view where it still fits the prompt, else the prompt itself: a view outlives the step that it belongs to."""
    columns = columns_field(prompt) if prompt.state is State.CONFIRMING_SCHEMA else None
    match view.kind:
        case "columns" if columns is not None:
            return view
        case "column" if columns is not None:
            return view if column_at(columns, view.name) else View("columns")
        case "field" if columns is not None and view.name == SPLIT:
            return view
        case "field" if field_named(prompt, view.name) is not None:
            return view
        case "prompt":
            return view
        case _:
            return View()


# The prompt ------------------------------------------------------------------------------------------------------


def _where(prompt: Prompt) -> Text:
    if prompt.step is None:
        return ()
    place = _STEPS.index(prompt.step) + 1
    return line(Piece(f"Step {place} of {len(_STEPS)} · {prompt.step.value}", "italic"))


def _head(prompt: Prompt, session: WorkflowSession) -> Text:
    return apart(
        (*_where(prompt), *titled(prompt.title, prompt.words)),
        _notices(prompt.notices),
        words_of(prompt.problem) if prompt.problem else (),
        _under_way(session.waiting),
    )


def _notices(notices: tuple[Notice, ...]) -> Text:
    return first_of([line(own("! "), mixed(notice.text, 300)) for notice in notices], _NOTICES)


def _under_way(waiting: Waiting | None) -> Text:
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


def _middle(prompt: Prompt, view: View, allowed: tuple[Path, ...], extra: Text) -> Text:
    columns = columns_field(prompt)
    if prompt.state is State.CONFIRMING_SCHEMA and columns is not None:
        return apart(extra, summary(prompt, columns))
    listed = short_list(columns, view.page) if columns is not None else ()
    folders = _folders(allowed) if prompt.state is State.AWAITING_FILE_PATH else ()
    return apart(extra, field_lines(prompt), folders, fact_lines(prompt.facts), listed)


def _folders(allowed: tuple[Path, ...]) -> Text:
    if not allowed:
        return ()
    lines = [line(own("   "), foreign(folder, 200)) for folder in allowed]
    return (*line(own("Files in these folders can be read:")), *first_of(lines, _FOLDERS))


def _foot(prompt: Prompt) -> Text:
    asked = read_field(prompt)
    missing = (
        line(own("Still missing: "), mixed(", ".join(prompt.missing), 300)) if prompt.missing and not asked else ()
    )
    sources = line(own(_SOURCES)) if prompt.state is State.CHOOSING_DATA_SOURCE else ()
    return apart(_details(prompt.choices), sources, missing, _command(prompt.command))


def _details(choices: tuple[Choice, ...]) -> Text:
    text: Text = ()
    for choice in choices:
        if choice.detail:
            text += line(bold(clean(choice.label, 40)), own(": "), mixed(choice.detail, 120))
    return text


def _command(command: str) -> Text:
    if not command:
        return ()
    if len(command) > _LONGEST_COMMAND:
        beginning = line(foreign(command, 300))
        return (*line(own(f"The same from a terminal, the beginning of {len(command):,} characters:")), *beginning)
    return (*line(own("The same from a terminal:")), *line(foreign(command, _LONGEST_COMMAND)))


def _keyboard(prompt: Prompt, view: View, make: Buttons) -> Keyboard:
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


def _default_first(prompt: Prompt) -> list[int]:
    places = list(range(len(prompt.choices)))
    return sorted(places, key=lambda at: at != prompt.default)


def _can_be_pressed(prompt: Prompt, at: int) -> bool:
    """A choice that only waits for a text is not a button before the text is there: the text is what is sent."""
    return not (prompt.choices[at].reads and prompt.missing)
