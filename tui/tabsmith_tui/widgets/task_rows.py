"""A field of a task file: its name, what is typed or chosen, and below it what it is for or what is wrong with it."""

from typing import ClassVar, Literal, TypeAlias

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message

from tabsmith.workflow.form import Option
from tabsmith_tui.widgets.literal import TextLine, literal
from tabsmith_tui.widgets.steps.parts import PickLine
from tabsmith_tui.widgets.typed import TypedLine, TypedText

Kind: TypeAlias = Literal["line", "text", "choice"]


class FieldLine(TypedLine):
    """A line to type; enter goes on to the next field."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "submit", "next field", show=False)]


class TaskRow(Vertical):
    """What is typed in it stays, whatever is said of it."""

    DEFAULT_CSS = """
    TaskRow { height: auto; }
    TaskRow > Horizontal { height: auto; }
    TaskRow .label { width: 12; height: 1; color: $quiet; }
    TaskRow:focus-within .label { color: $accent; }
    TaskRow TypedLine, TaskRow TypedLine:focus { border: none; height: 1; padding: 0 1; width: 1fr; }
    TaskRow TypedLine { background: $surface; }
    TaskRow TypedLine:focus { background: $panel; }
    TaskRow TypedText, TaskRow TypedText:focus { border: none; height: auto; max-height: 8; padding: 0 1; width: 1fr; }
    TaskRow TypedText { background: $surface; }
    TaskRow TypedText:focus { background: $panel; }
    TaskRow PickLine { width: 1fr; }
    TaskRow > .words { display: none; color: $quiet; margin: 0 0 0 13; }
    TaskRow:focus-within > .words { display: block; }
    TaskRow > .words.-bad { display: block; color: $bad; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "app.focus_previous", "Field above", show=False),
        Binding("down", "app.focus_next", "Field below", show=False),
    ]

    class Changed(Message):
        """Something else was typed or chosen by the person."""

        def __init__(self, row: "TaskRow", text: str) -> None:
            super().__init__()
            self.row = row
            self.text = text

    def __init__(self, name: str, label: str, help_text: str, kind: Kind = "line", options: tuple[Option, ...] = ()):
        super().__init__(id=f"row-{name}")
        self.key = name
        self.label = label
        self.help_text = help_text
        self._kind = kind
        self._options = options

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield TextLine(self.label, classes="label")
            if self._kind == "choice":
                yield PickLine(self._options, "")
            elif self._kind == "text":
                yield TypedText()
            else:
                yield FieldLine(select_on_focus=False)
        yield TextLine(literal(self.help_text, 300), classes="words")

    @property
    def entry(self) -> PickLine | TypedLine | TypedText:
        """What is typed or chosen in."""
        entry = self.query_one("PickLine, TypedLine, TypedText")
        assert isinstance(entry, PickLine | TypedLine | TypedText)
        return entry

    def show(self, text: str) -> None:
        """Show this text in the place of what stands there."""
        entry = self.entry
        if isinstance(entry, PickLine):
            entry.show(entry.options, text)
        elif isinstance(entry, TypedText):
            if entry.text != text:
                with entry.prevent(TypedText.Changed):
                    entry.load_text(text)
        elif entry.value != text:
            with entry.prevent(TypedLine.Changed):
                entry.value = text

    def offer(self, options: tuple[Option, ...]) -> None:
        """Offer these options; the chosen one stays chosen."""
        entry = self.entry
        assert isinstance(entry, PickLine)
        entry.show(options, entry.value)

    def say(self, problem: str, help_text: str = "") -> None:
        """Say what is wrong with it; "" for nothing."""
        line = self.query_one(".words", TextLine)
        line.set_class(bool(problem), "-bad")
        line.show(literal(f"✘ {problem}" if problem else help_text or self.help_text, 500))

    def on_input_submitted(self, event: TypedLine.Submitted) -> None:
        event.stop()
        self.post_message(self.Changed(self, event.value))
        self.screen.focus_next()

    def on_input_changed(self, event: TypedLine.Changed) -> None:
        event.stop()
        self.post_message(self.Changed(self, event.value))

    def on_text_area_changed(self, event: TypedText.Changed) -> None:
        event.stop()
        self.post_message(self.Changed(self, event.text_area.text))

    def on_pick_line_turned(self, event: PickLine.Turned) -> None:
        event.stop()
        self.post_message(self.Changed(self, event.line.value))
