"""Rows of forms: a setting with the place that its value comes from, and a field of a task file."""

from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message

from tabsmith.errors import TabsmithError
from tabsmith.workflow.form import Option
from tabsmith_tui.agent_settings import SettingEntry
from tabsmith_tui.views.agents import environment_note
from tabsmith_tui.widgets.fields import Entry, FieldRow, PickLine, TypedLine, TypedText
from tabsmith_tui.widgets.literal import TextLine, literal


class SettingLine(TypedLine):
    """A value to type; enter saves it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "submit", "save")]


class SettingRow(FieldRow):
    """Enter, and leaving the field, ask for the typed value to be saved. Until it is saved, the typed text stays
    whatever else is read again; `undo` shows the saved value."""

    DEFAULT_CSS = """
    SettingRow .label { width: 10; }
    SettingRow .source { width: 14; padding: 0 0 0 1; color: $quiet; text-wrap: nowrap; text-overflow: ellipsis; }
    SettingRow > .note { margin: 0 0 0 11; }
    SettingRow.-fixed > .note { display: block; }
    """

    @dataclass
    class Save(Message):
        """The typed or chosen text should be saved."""

        row: "SettingRow"
        text: str

    def __init__(self, setting: SettingEntry) -> None:
        name = setting.key.rpartition(".")[2]
        super().__init__({"base_url": "address"}.get(name, name))
        self.setting = setting
        self._problem: TabsmithError | None = None
        self._refused: str | None = None

    def make_entry(self) -> Entry:
        setting = self.setting
        if setting.options:
            return PickLine(tuple(Option(option, option) for option in setting.options), setting.text)
        return SettingLine(setting.text, placeholder="not set", select_on_focus=False)

    def beside(self) -> ComposeResult:
        yield TextLine(classes="source")

    def on_mount(self) -> None:
        self._update()

    @property
    def help_text(self) -> str:
        """The text of the help panel."""
        return f"{self.setting.key}: {self.setting.description} It takes {self.setting.takes}."

    @property
    def unsaved(self) -> bool:
        """Whether the field shows another value than the saved one."""
        return not self.setting.fixed and self.value.strip() != self.setting.text

    def show(self, setting: SettingEntry) -> None:
        """Show the setting as it is now; an unsaved text stays."""
        keep = self.unsaved
        self.setting = setting
        if not keep or setting.fixed:
            self.undo()
        else:
            self._update()

    def saved(self, setting: SettingEntry, text: str) -> None:
        """Take that `text` was saved as `setting`; text typed since then stays."""
        untouched = self.value == text
        self.setting = setting
        if untouched:
            self.undo()
        else:
            self._update()

    def complain(self, error: TabsmithError, text: str) -> None:
        """Show below the field why `text` was not saved."""
        self._problem, self._refused = error, text
        self._update()

    def undo(self) -> None:
        """Show the saved value."""
        self._problem = self._refused = None
        self.put_value(self.setting.text)
        self._update()

    def ask_to_save(self, *, again: bool = False) -> None:
        """Ask for an unsaved text to be saved; with `again` even if it was refused before."""
        text = self.value
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
        self._update()

    def on_pick_line_turned(self, event: PickLine.Turned) -> None:
        event.stop()
        self.ask_to_save(again=True)

    def _update(self) -> None:
        setting, changed = self.setting, self.unsaved
        self.entry.disabled = setting.fixed
        self.set_class(setting.fixed, "-fixed")
        self.query_one(".source", TextLine).show("not saved" if changed else setting.source)
        problem = self._problem if changed else None
        if problem is not None:
            self.show_note(literal(f"✘ {problem.what} {problem.next_step}", 400), bad=True)
        else:
            self.show_note(literal(environment_note(setting) if setting.fixed else setting.description, 300))


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

    @dataclass
    class Changed(Message):
        """The person typed or chose another text."""

        row: "TaskRow"
        text: str

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
