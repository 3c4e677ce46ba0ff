"""Dialogs with one question: answered by a choice, by a line of text, or by a path; the question on leaving; and the
dialog that explains an error."""

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from tabsmith.errors import ErrorReport, TabsmithError
from tabsmith.text import plural
from tabsmith_tui.actions import bindings_of
from tabsmith_tui.clipboard import copy_and_tell
from tabsmith_tui.screens.base import DialogScreen, start_worker
from tabsmith_tui.widgets.bars import KeysBar, pill
from tabsmith_tui.widgets.fields import TypedLine
from tabsmith_tui.widgets.literal import ContentText, TextLine, assemble, literal, literal_block, set_border_title
from tabsmith_tui.widgets.menu import Choices
from tabsmith_tui.widgets.path_field import PathField

if TYPE_CHECKING:
    from tabsmith.runs.watch import RunSummary


@dataclass(frozen=True, slots=True)
class DialogAnswer:
    """An answer to choose: its id, its label, and its effect in words."""

    id: str
    label: str
    effect: str = ""


class QuestionScreen(DialogScreen[str]):
    """Closes with the id of the chosen answer, or with "". The cursor is on the first answer, so it should be the
    harmless one."""

    NOTHING = ""
    ABOUT = "A question. Choose with the arrows and enter; escape changes nothing."

    def __init__(self, title: ContentText, question: ContentText, answers: tuple[DialogAnswer, ...]) -> None:
        super().__init__()
        self._question_title = title
        self._question = question
        self._answers = answers

    def compose(self) -> ComposeResult:
        width = max(len(answer.label) for answer in self._answers)
        with Vertical(classes="dialog -warn") as dialog:
            set_border_title(dialog, self._question_title)
            yield TextLine(self._question, classes="what")
            yield Choices(
                *(
                    Option(assemble(answer.label.ljust(width), ("   " + answer.effect, "$quiet")), id=answer.id)
                    for answer in self._answers
                )
            )
        yield KeysBar()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Close with the answer."""
        self.dismiss(event.option.id or "")


Take = Callable[[str], Awaitable[TabsmithError | None]]
"""Uses the typed answer; returns None, or the error that explains why it is not usable."""


class AskLineScreen(DialogScreen[None]):
    """Closes when `take` accepted the typed line; until then the field stays and says what is wrong. `secret` hides the
    text."""

    ABOUT = "Type the answer. Enter takes it, escape changes nothing."

    def __init__(
        self, title: str, question: ContentText, take: Take, *, text: str = "", example: str = "", secret: bool = False
    ) -> None:
        super().__init__()
        self._question_title = title
        self._question = question
        self._take = take
        self._text = text
        self._example = example
        self._secret = secret

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            set_border_title(dialog, literal(self._question_title))
            yield TextLine(self._question, classes="what")
            yield TypedLine(self._text, placeholder=self._example, password=self._secret, select_on_focus=False)
            yield TextLine(id="warning")
        yield KeysBar()

    def on_input_submitted(self, event: TypedLine.Submitted) -> None:
        """Try to use the line."""
        event.stop()
        start_worker(self, partial(self._use, event.value.strip()), "answer", alone=True)

    async def _use(self, text: str) -> None:
        problem = await self._take(text)
        if problem is None:
            self.dismiss()
        else:
            self.query_one("#warning", TextLine).show(literal(f"✘ {problem.what} {problem.next_step}", 400))


class AskPathScreen(DialogScreen[str]):
    """Closes with the path of a file that does not exist yet, or with ""."""

    NOTHING = ""
    ABOUT = "Type a path; tab completes it. Enter takes it, escape changes nothing."

    def __init__(self, title: str, question: ContentText, path: str) -> None:
        super().__init__()
        self._question_title = title
        self._question = question
        self._path = path

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            set_border_title(dialog, literal(self._question_title))
            yield TextLine(self._question, classes="what")
            yield PathField(self._path, id="path")
            yield TextLine(id="warning")
        yield KeysBar()

    def on_mount(self) -> None:
        """Focus the field."""
        self.query_one(PathField).line.focus()

    def on_path_field_submitted(self, event: PathField.Submitted) -> None:
        """Close with the path, unless a file is there already: nothing is ever replaced."""
        path = event.value
        if not path.strip():
            self.query_one("#warning", TextLine).show("Type where to write it.")
        elif os.path.lexists(Path(path).expanduser()):
            self.query_one("#warning", TextLine).show("There is such a file already: choose another name.")
        else:
            self.dismiss(path)


def leave_question(running: "tuple[RunSummary, ...]") -> QuestionScreen:
    """Ask what happens to the running runs when the app is left. Closes with "leave", "stop" or ""."""
    lines = [assemble(pill(run.state), "  ", literal(run.source, 40), ("  " + run.id, "$quiet")) for run in running[:5]]
    if len(running) > 5:
        lines.append(literal(f"+{plural(len(running) - 5, 'run')}"))
    return QuestionScreen(
        "A run is at work" if len(running) == 1 else f"{len(running)} runs are at work",
        assemble("\n").join(lines),
        (
            DialogAnswer("leave", "leave running", "it continues in the background; come back any time"),
            DialogAnswer("stop", "stop", "keeps the best model so far"),
            DialogAnswer("", "back", "stay here"),
        ),
    )


class ErrorScreen(DialogScreen[None], inherit_bindings=False):
    """Shows an ErrorReport."""

    BINDINGS = bindings_of("error")
    ABOUT = "Something went wrong. Nothing you typed is lost: close this and you are back where it happened."

    def __init__(self, report: ErrorReport) -> None:
        super().__init__()
        self.report = report

    def compose(self) -> ComposeResult:
        report = self.report
        with Vertical(classes="dialog -bad") as dialog:
            set_border_title(dialog, assemble("✘ ", literal(report.name, 60)))
            yield TextLine(literal_block(report.what, 1_500), classes="what")
            if report.where:
                yield TextLine(assemble(("Where   ", "$quiet"), literal_block(report.where, 1_000)))
            if report.next_step:
                yield TextLine(assemble(("Next    ", "$quiet"), literal_block(report.next_step, 1_000)))
            with VerticalScroll(id="details"):
                yield TextLine(literal_block(report.details or "There are no further details.", style="$quiet"))
        yield KeysBar()

    def on_mount(self) -> None:
        """Hide the details until they are asked for."""
        self.query_one("#details").display = False

    def action_details(self) -> None:
        """Show or hide the details."""
        details = self.query_one("#details")
        details.display = not details.display
        if details.display:
            details.focus()

    async def action_copy(self) -> None:
        """Copy the whole error and say where it went."""
        await copy_and_tell(f"{self.report.name}\n{self.report}\n\n{self.report.details}", self.app)

    def action_close(self) -> None:
        """Close the dialog."""
        self.dismiss(None)
