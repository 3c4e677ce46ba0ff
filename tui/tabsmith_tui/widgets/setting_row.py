"""A setting in a line: its name, its value to change, where that comes from; below, what it is or what is wrong."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message

from tabsmith.errors import TabsmithError
from tabsmith.workflow.form import Option
from tabsmith_tui.agent_settings import SettingEntry
from tabsmith_tui.views.agents import environment_note
from tabsmith_tui.widgets.literal import TextLine, literal
from tabsmith_tui.widgets.steps.parts import PickLine
from tabsmith_tui.widgets.typed import TypedLine


class SettingLine(TypedLine):
    """A value to type; enter saves it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "submit", "save")]


class SettingRow(Vertical):
    """Enter, and going on to another field, ask for what was typed to be saved. Until that is done it stays as it was
    typed, whatever else is read anew; `take_back` shows the saved value again."""

    DEFAULT_CSS = """
    SettingRow { height: auto; }
    SettingRow > Horizontal { height: 1; }
    SettingRow .label { width: 10; color: $quiet; }
    SettingRow:focus-within .label { color: $accent; }
    SettingRow .source { width: 14; padding: 0 0 0 1; color: $quiet; text-wrap: nowrap; text-overflow: ellipsis; }
    SettingRow TypedLine, SettingRow TypedLine:focus { border: none; height: 1; padding: 0 1; width: 1fr; }
    SettingRow TypedLine { background: $surface; }
    SettingRow TypedLine:focus { background: $panel; }
    SettingRow PickLine { width: 1fr; }
    SettingRow > .words { display: none; color: $quiet; margin: 0 0 0 11; }
    SettingRow:focus-within > .words, SettingRow.-fixed > .words { display: block; }
    SettingRow > .words.-bad { display: block; color: $bad; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "app.focus_previous", "Field above", show=False),
        Binding("down", "app.focus_next", "Field below", show=False),
    ]

    class Save(Message):
        """What was typed or chosen should be saved."""

        def __init__(self, row: "SettingRow", text: str) -> None:
            super().__init__()
            self.row = row
            self.text = text

    def __init__(self, entry: SettingEntry) -> None:
        super().__init__()
        self.entry = entry
        self._problem: TabsmithError | None = None
        self._refused: str | None = None

    def compose(self) -> ComposeResult:
        entry = self.entry
        with Horizontal():
            yield TextLine(literal(_label(entry.key)), classes="label")
            if entry.options:
                yield PickLine(tuple(Option(each, each) for each in entry.options), entry.text)
            else:
                yield SettingLine(entry.text, placeholder="not set", select_on_focus=False)
            yield TextLine(classes="source")
        yield TextLine(classes="words")

    def on_mount(self) -> None:
        self._say()

    @property
    def help_text(self) -> str:
        """What f1 says of it."""
        return f"{self.entry.key}: {self.entry.description} It takes {self.entry.takes}."

    @property
    def field(self) -> PickLine | TypedLine:
        """What is typed or chosen in."""
        field = self.query_one("PickLine, TypedLine")
        assert isinstance(field, PickLine | TypedLine)
        return field

    @property
    def unsaved(self) -> bool:
        """Something else stands in the field than what is saved."""
        return not self.entry.fixed and self.field.value.strip() != self.entry.text

    def show(self, entry: SettingEntry) -> None:
        """Show the setting as it is now; what was typed and is not saved stays."""
        keep = self.unsaved
        self.entry = entry
        if not keep or entry.fixed:
            self.take_back()
        else:
            self._say()

    def saved(self, entry: SettingEntry, text: str) -> None:
        """`text` was saved; the setting is now `entry`. What was typed meanwhile stays."""
        untouched = self.field.value == text
        self.entry = entry
        if untouched:
            self.take_back()
        else:
            self._say()

    def complain(self, error: TabsmithError, text: str) -> None:
        """Say beside the field why `text` was not saved."""
        self._problem, self._refused = error, text
        self._say()

    def take_back(self) -> None:
        """Show the saved value."""
        self._problem = self._refused = None
        field = self.field
        if isinstance(field, PickLine):
            field.show(field.options, self.entry.text)
        else:
            with field.prevent(TypedLine.Changed):
                field.value = self.entry.text
        self._say()

    def ask_to_save(self, *, again: bool = False) -> None:
        """Ask for what is unsaved to be saved; `again` also for what was refused before."""
        text = self.field.value
        if self.unsaved and (again or text != self._refused):
            self.post_message(self.Save(self, text))

    def on_input_submitted(self, event: TypedLine.Submitted) -> None:
        event.stop()
        self.ask_to_save(again=True)

    def on_input_blurred(self, event: TypedLine.Blurred) -> None:
        event.stop()
        self.ask_to_save()

    def on_input_changed(self, event: TypedLine.Changed) -> None:
        event.stop()
        self._say()

    def on_pick_line_turned(self, event: PickLine.Turned) -> None:
        event.stop()
        self.ask_to_save(again=True)

    def _say(self) -> None:
        entry = self.entry
        self.field.disabled = entry.fixed
        self.set_class(entry.fixed, "-fixed")
        changed = self.unsaved
        self.query_one(".source", TextLine).show("not saved" if changed else entry.source)
        words = self.query_one(".words", TextLine)
        problem = self._problem if changed else None
        words.set_class(problem is not None, "-bad")
        if problem is not None:
            words.show(literal(f"✘ {problem.what} {problem.next_step}", 400))
        elif entry.fixed:
            words.show(literal(environment_note(entry), 300))
        else:
            words.show(literal(entry.description, 300))


def _label(key: str) -> str:
    name = key.rpartition(".")[2]
    return {"base_url": "address"}.get(name, name)
