"""A question in one line above the keys: its words, a field for the answer, and what is wrong with it."""

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input

from tabsmith_tui.widgets.literal import TextLine


class AskBar(Vertical):
    """Hidden until it asks; enter answers, escape takes the question back."""

    DEFAULT_CSS = """
    AskBar { height: auto; display: none; background: $panel; padding: 0 1; }
    AskBar.-asking { display: block; }
    AskBar Horizontal { height: 1; }
    AskBar TextLine { width: auto; color: $accent; }
    AskBar #ask-problem { color: $warn; width: 100%; height: auto; display: none; }
    AskBar.-wrong #ask-problem { display: block; }
    AskBar Input { width: 1fr; min-width: 12; margin-left: 1; background: $surface; }
    """

    class Typed(Message):
        """The text has changed while the bar was asking."""

        def __init__(self, subject: str, text: str) -> None:
            super().__init__()
            self.subject = subject
            self.text = text

    class Answered(Typed):
        """enter was pressed."""

    class TakenBack(Typed):
        """escape was pressed."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._subject = ""

    def compose(self) -> ComposeResult:
        """What is wrong, above words and field."""
        yield TextLine(id="ask-problem")
        with Horizontal():
            yield TextLine(id="ask-words")
            yield Input(id="ask-field", select_on_focus=False, compact=True)

    @property
    def asking(self) -> str:
        """The subject of the question; "" when nothing is asked."""
        return self._subject

    def ask(self, subject: str, words: str, text: str = "", placeholder: str = "") -> None:
        """Ask about `subject`, with `text` in the field to begin with."""
        self._subject = subject
        self.query_one("#ask-words", TextLine).show(words)
        self.show_problem("")
        field = self.query_one(Input)
        field.placeholder = placeholder
        with self.prevent(Input.Changed):
            field.value = text
        field.cursor_position = len(text)
        self.add_class("-asking")
        field.focus()

    def show_problem(self, words: str) -> None:
        """Say what is wrong with the answer; what was typed stays."""
        self.set_class(bool(words), "-wrong")
        self.query_one("#ask-problem", TextLine).show(words)

    def close(self) -> None:
        """Ask no more."""
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
