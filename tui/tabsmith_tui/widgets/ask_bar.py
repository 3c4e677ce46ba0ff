"""A question in one line above the keys: its label, a field for the answer, and what is wrong with the answer."""

from dataclasses import dataclass

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input

from tabsmith_tui.widgets.literal import TextLine


class AskBar(Vertical):
    """Hidden until it asks; enter answers, escape cancels."""

    DEFAULT_CSS = """
    AskBar { height: auto; display: none; background: $panel; padding: 0 1; }
    AskBar.-asking { display: block; }
    AskBar Horizontal { height: 1; }
    AskBar TextLine { width: auto; color: $accent; }
    AskBar #ask-problem { color: $warn; width: 100%; height: auto; display: none; }
    AskBar.-wrong #ask-problem { display: block; }
    AskBar Input { width: 1fr; min-width: 12; margin-left: 1; background: $surface; }
    """

    @dataclass
    class Typed(Message):
        """The text was changed."""

        subject: str
        text: str

    class Answered(Typed):
        """enter was pressed."""

    class TakenBack(Typed):
        """escape was pressed."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._subject = ""

    def compose(self) -> ComposeResult:
        yield TextLine(id="ask-problem")
        with Horizontal():
            yield TextLine(id="ask-label")
            yield Input(id="ask-field", select_on_focus=False, compact=True)

    @property
    def asking(self) -> str:
        """The subject of the open question; "" for none."""
        return self._subject

    def ask(self, subject: str, label: str, text: str = "", placeholder: str = "") -> None:
        """Ask about `subject`, with `text` in the field."""
        self._subject = subject
        self.query_one("#ask-label", TextLine).show(label)
        self.show_problem("")
        field = self.query_one(Input)
        field.placeholder = placeholder
        with self.prevent(Input.Changed):
            field.value = text
        field.cursor_position = len(text)
        self.add_class("-asking")
        field.focus()

    def show_problem(self, problem: str) -> None:
        """Show what is wrong with the answer; the typed text stays."""
        self.set_class(bool(problem), "-wrong")
        self.query_one("#ask-problem", TextLine).show(problem)

    def close(self) -> None:
        """Close the question."""
        self._subject = ""
        self.remove_class("-asking")

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self._subject:
            self.show_problem("")
            self.post_message(self.Typed(self._subject, event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Answered(self._subject, event.value))

    def on_key(self, event: events.Key) -> None:
        if event.key == "escape" and self._subject:
            event.stop()
            event.prevent_default()
            self.post_message(self.TakenBack(self._subject, self.query_one(Input).value))
