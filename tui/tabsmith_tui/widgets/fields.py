"""Fields to type or choose in, and the row that holds one: a label, the field, and a line of help or of what is wrong.

Pasted text is cleaned at once, so that nothing typed can act on the terminal.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, TypeAlias

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import Input, Static, TextArea
from textual.widgets.text_area import Edit, EditResult

from tabsmith.text import clean, clean_block
from tabsmith.workflow.form import Option
from tabsmith_tui.widgets.literal import ContentText, TextLine, assemble, literal

LONGEST_LINE: Final = 4_096
LONGEST_TEXT: Final = 1_000_000


class TypedLine(Input):
    """One line of text: a path, a number, a filter. Control and direction characters never get into it."""

    def validate_value(self, value: str) -> str:
        return clean(value, LONGEST_LINE)

    def validate_placeholder(self, placeholder: str) -> str:
        return clean(placeholder, LONGEST_LINE)


class TypedText(TextArea):
    """Several lines of text, cleaned in the same way. Tab goes to the next field."""

    def __init__(self, text: str = "", *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(clean_block(text, LONGEST_TEXT), tab_behavior="focus", id=id, classes=classes)

    def edit(self, edit: Edit) -> EditResult:
        edit.text = clean_block(edit.text, LONGEST_TEXT)
        return super().edit(edit)

    def load_text(self, text: str) -> None:
        super().load_text(clean_block(text, LONGEST_TEXT))


class PickLine(Static, can_focus=True):
    """One of several options in a line: left and right, or a click, go through them."""

    DEFAULT_CSS = """
    PickLine { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    PickLine:focus { background: $panel; text-style: bold; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "turn(-1)", "other value", key_display="← →"),
        Binding("right,space", "turn(1)", "Next value", show=False),
        Binding("home", "turn(-1000)", "First value", show=False),
        Binding("end", "turn(1000)", "Last value", show=False),
    ]

    index: reactive[int] = reactive(0)

    @dataclass
    class Turned(Message):
        """Another option was chosen."""

        line: "PickLine"

    def __init__(self, options: Sequence[Option], value: str, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(markup=False, id=id)
        self.options = tuple(options)
        self.set_reactive(PickLine.index, self._index_of(value))

    @property
    def value(self) -> str:
        """The chosen option's value."""
        return self.options[self.index].value

    def render(self) -> Content:
        option = self.options[self.index]
        left = "◂ " if self.index else "  "
        right = " ▸" if self.index < len(self.options) - 1 else "  "
        detail = literal(f"  {option.detail}", 200, "$quiet") if option.detail else ""
        return assemble((left, "$accent"), literal(option.label), (right, "$accent"), detail)

    def show(self, options: Sequence[Option], value: str) -> None:
        """Show these options with `value` chosen; no message is sent."""
        self.options = tuple(options)
        self.set_reactive(PickLine.index, self._index_of(value))
        self.refresh()

    def action_turn(self, by: int) -> None:
        self.index = max(0, min(len(self.options) - 1, self.index + by))

    def watch_index(self, before: int, after: int) -> None:
        if before != after:
            self.post_message(self.Turned(self))

    def on_click(self, event: events.Click) -> None:
        self.focus()
        self.index = (self.index + (-1 if event.button == 3 else 1)) % len(self.options)

    def _index_of(self, value: str) -> int:
        return next((index for index, option in enumerate(self.options) if option.value == value), 0)


Entry: TypeAlias = PickLine | TypedLine | TypedText


class FieldRow(Vertical):
    """A labelled field. The line below it is shown while the field has the focus, or when something is wrong."""

    DEFAULT_CSS = """
    FieldRow { height: auto; }
    FieldRow > Horizontal { height: auto; }
    FieldRow .label { width: 13; height: 1; color: $quiet; }
    FieldRow:focus-within .label { color: $accent; }
    FieldRow TypedLine, FieldRow TypedLine:focus { border: none; height: 1; padding: 0 1; width: 1fr; }
    FieldRow TypedLine { background: $surface; }
    FieldRow TypedLine:focus { background: $panel; }
    FieldRow TypedText, FieldRow TypedText:focus { border: none; height: auto; max-height: 8; padding: 0 1; width: 1fr; }
    FieldRow TypedText { background: $surface; }
    FieldRow TypedText:focus { background: $panel; }
    FieldRow PickLine { width: 1fr; }
    FieldRow > .note { display: none; color: $quiet; margin: 0 0 0 14; }
    FieldRow:focus-within > .note { display: block; }
    FieldRow > .note.-bad { display: block; color: $bad; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "app.focus_previous", "Field above", show=False),
        Binding("down", "app.focus_next", "Field below", show=False),
    ]

    def __init__(self, label: str, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._label = label

    def make_entry(self) -> Entry:
        """Make the field; called once."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield TextLine(literal(self._label), classes="label")
            yield self.make_entry()
            yield from self.beside()
        yield TextLine(classes="note")

    def beside(self) -> ComposeResult:
        """Compose what stands at the right of the field."""
        yield from ()

    @property
    def entry(self) -> Entry:
        """The field itself."""
        entry = self.query_one("PickLine, TypedLine, TypedText")
        assert isinstance(entry, PickLine | TypedLine | TypedText)
        return entry

    @property
    def value(self) -> str:
        """The text in the field now."""
        entry = self.entry
        return entry.text if isinstance(entry, TypedText) else entry.value

    def put_value(self, value: str) -> None:
        """Show `value` in the field; no message is sent."""
        entry = self.entry
        if isinstance(entry, PickLine):
            entry.show(entry.options, value)
        elif self.value == value:
            return
        elif isinstance(entry, TypedText):
            with entry.prevent(TypedText.Changed):
                entry.load_text(value)
        else:
            with entry.prevent(TypedLine.Changed):
                entry.value = value

    def show_note(self, note: ContentText, *, bad: bool = False) -> None:
        """Show a note below the field; `bad` for a problem."""
        line = self.query_one(".note", TextLine)
        line.set_class(bad, "-bad")
        line.show(note)
