"""A question with a few answers: what it is about, and what each answer would do.

A question whose answer is one line; a secret is typed unseen. It stays open until the answer can be used.

A question whose answer is a path, with completion, for a file that is not there yet.

The question on leaving while a run is at work: leave it running, stop it, or stay.
"""

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from tabsmith.errors import TabsmithError
from tabsmith.text import plural
from tabsmith_tui.actions import bindings
from tabsmith_tui.screens.base import start_worker
from tabsmith_tui.widgets.bars import KeysBar
from tabsmith_tui.widgets.literal import ContentText, TextLine, assemble, literal, set_border_title
from tabsmith_tui.widgets.menu import Choices
from tabsmith_tui.widgets.path_field import PathField
from tabsmith_tui.widgets.pill import pill
from tabsmith_tui.widgets.typed import TypedLine

if TYPE_CHECKING:
    from tabsmith.runs.watch import RunSummary


@dataclass(frozen=True, slots=True)
class DialogAnswer:
    """An answer: its id, its words, and what it does."""

    id: str
    label: str
    effect: str = ""


class QuestionScreen(ModalScreen[str]):
    """Asks; closes with the id of the chosen answer, or "" when the person went back. The first answer has the cursor,
    so it should be the harmless one."""

    CSS_PATH = "dialog.tcss"
    BINDINGS = bindings("question.back")
    ABOUT = "A question. Choose with the arrows and enter; escape changes nothing."

    def __init__(self, title: str, question: ContentText, answers: tuple[DialogAnswer, ...]) -> None:
        super().__init__()
        self._question_title = title
        self._question = question
        self._answers = answers

    def compose(self) -> ComposeResult:
        """The question above its answers."""
        width = max(len(answer.label) for answer in self._answers)
        with Vertical(classes="dialog -warn") as dialog:
            set_border_title(dialog, literal(self._question_title))
            yield TextLine(self._question, classes="what")
            yield Choices(
                *(
                    Option(assemble(answer.label.ljust(width), ("   " + answer.effect, "$quiet")), id=answer.id)
                    for answer in self._answers
                )
            )
        yield KeysBar()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Take the answer."""
        self.dismiss(event.option.id or "")

    def action_back(self) -> None:
        """Change nothing."""
        self.dismiss("")


Take = Callable[[str], Awaitable[TabsmithError | None]]
"""Uses the answer; gives what is wrong with it, or None."""


class AskLineScreen(ModalScreen[None]):
    """Closes when the answer was taken, or the person went back."""

    CSS_PATH = "dialog.tcss"
    BINDINGS = bindings("question.back")
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
        """The question above the field, and what is wrong below it."""
        with Vertical(classes="dialog") as dialog:
            set_border_title(dialog, literal(self._question_title))
            yield TextLine(self._question, classes="what")
            yield TypedLine(self._text, placeholder=self._example, password=self._secret, select_on_focus=False)
            yield TextLine(id="warning")
        yield KeysBar()

    def on_input_submitted(self, event: TypedLine.Submitted) -> None:
        """Have it used."""
        event.stop()
        start_worker(self, partial(self._use, event.value.strip()), "answer", alone=True)

    async def _use(self, text: str) -> None:
        wrong = await self._take(text)
        if wrong is None:
            self.dismiss()
        else:
            self.query_one("#warning", TextLine).show(literal(f"✘ {wrong.what} {wrong.next_step}", 400))

    def action_back(self) -> None:
        """Change nothing."""
        self.dismiss()


class AskPathScreen(ModalScreen[str]):
    """Closes with the path, or "" when the person went back."""

    CSS_PATH = "dialog.tcss"
    BINDINGS = bindings("question.back")
    ABOUT = "Type a path; tab completes it. Enter takes it, escape changes nothing."

    def __init__(self, title: str, question: ContentText, path: str) -> None:
        super().__init__()
        self._question_title = title
        self._question = question
        self._path = path

    def compose(self) -> ComposeResult:
        """The question above the field."""
        with Vertical(classes="dialog") as dialog:
            set_border_title(dialog, literal(self._question_title))
            yield TextLine(self._question, classes="what")
            yield PathField(self._path, id="path")
            yield TextLine(id="warning")
        yield KeysBar()

    def on_mount(self) -> None:
        """Straight to the field."""
        self.query_one(PathField).line.focus()

    def on_path_field_submitted(self, event: PathField.Submitted) -> None:
        """Take it, unless something is there already: nothing is ever replaced."""
        path = event.value
        if not path.strip():
            self.query_one("#warning", TextLine).show("Type where to write it.")
        elif os.path.lexists(Path(path).expanduser()):
            self.query_one("#warning", TextLine).show("There is such a file already: choose another name.")
        else:
            self.dismiss(path)

    def action_back(self) -> None:
        """Change nothing."""
        self.dismiss("")


def leave_question(living: "tuple[RunSummary, ...]") -> QuestionScreen:
    """Answers "leave" or "stop"; "" stays."""
    lines = [assemble(pill(run.state), "  ", literal(run.source, 40), ("  " + run.id, "$quiet")) for run in living[:5]]
    if len(living) > 5:
        lines.append(literal(f"+{plural(len(living) - 5, 'run')}"))
    one = len(living) == 1
    return QuestionScreen(
        "A run is at work" if one else f"{len(living)} runs are at work",
        assemble("\n").join(lines),
        (
            DialogAnswer("leave", "leave running", "goes on in the background; come back any time"),
            DialogAnswer("stop", "stop", "keeps the best model so far"),
            DialogAnswer("", "back", "stay here"),
        ),
    )
