"""A field of a task file in a row, with its purpose or its problem below it."""

from typing import ClassVar, Literal, TypeAlias

from textual.binding import Binding, BindingType
from textual.message import Message

from tabsmith.workflow.form import Option
from tabsmith_tui.widgets.fields import Entry, FieldRow, PickLine, TypedLine, TypedText
from tabsmith_tui.widgets.literal import literal

TaskFieldKind: TypeAlias = Literal["line", "text", "choice"]


class TaskLine(TypedLine):
    """A line to type; enter goes to the next field."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "submit", "next field", show=False)]


class TaskRow(FieldRow):
    """A field of the task file's form; typed text stays whatever is shown below it."""

    DEFAULT_CSS = """
    TaskRow .label { width: 12; }
    TaskRow > .note { margin: 0 0 0 13; }
    """

    class Changed(Message):
        """The person typed or chose another text."""

        def __init__(self, row: "TaskRow", text: str) -> None:
            super().__init__()
            self.row = row
            self.text = text

    def __init__(
        self, name: str, label: str, help_text: str, kind: TaskFieldKind = "line", options: tuple[Option, ...] = ()
    ) -> None:
        super().__init__(label, id=f"row-{name}")
        self.key = name
        self.help_text = help_text
        self._kind = kind
        self._options = options

    def make_entry(self) -> Entry:
        match self._kind:
            case "choice":
                return PickLine(self._options, "")
            case "text":
                return TypedText()
            case "line":
                return TaskLine(select_on_focus=False)

    def on_mount(self) -> None:
        self.show_problem("")

    def offer(self, options: tuple[Option, ...]) -> None:
        """Offer these options; the chosen one stays chosen."""
        entry = self.entry
        assert isinstance(entry, PickLine)
        entry.show(options, entry.value)

    def show_problem(self, problem: str, help_text: str = "") -> None:
        """Show what is wrong with the text; with "", the help."""
        note = f"✘ {problem}" if problem else help_text or self.help_text
        self.show_note(literal(note, 500), bad=bool(problem))

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
