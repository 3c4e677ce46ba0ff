"""A question whose answer is a path, with completion, for a file that is not there yet."""

import os
from pathlib import Path

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen

from tabsmith_tui.actions import bindings
from tabsmith_tui.widgets.keys_bar import KeysBar
from tabsmith_tui.widgets.literal import Line, Words, entitle, literal
from tabsmith_tui.widgets.path_field import PathField


class AskPathScreen(ModalScreen[str]):
    """Closes with the path, or "" when the person went back."""

    CSS_PATH = "dialog.tcss"
    BINDINGS = bindings("question.back")
    ABOUT = "Type a path; tab completes it. Enter takes it, escape changes nothing."

    def __init__(self, title: str, question: Words, path: str) -> None:
        super().__init__()
        self._question_title = title
        self._question = question
        self._path = path

    def compose(self) -> ComposeResult:
        """The question above the field."""
        with Vertical(classes="dialog") as dialog:
            entitle(dialog, literal(self._question_title))
            yield Line(self._question, classes="what")
            yield PathField(self._path, id="path")
            yield Line(id="warning")
        yield KeysBar()

    def on_mount(self) -> None:
        """Straight to the field."""
        self.query_one(PathField).line.focus()

    def on_path_field_submitted(self, event: PathField.Submitted) -> None:
        """Take it, unless something is there already: nothing is ever replaced."""
        path = event.value
        if not path.strip():
            self.query_one("#warning", Line).show("Type where to write it.")
        elif os.path.lexists(Path(path).expanduser()):
            self.query_one("#warning", Line).show("There is such a file already: choose another name.")
        else:
            self.dismiss(path)

    def action_back(self) -> None:
        """Change nothing."""
        self.dismiss("")
