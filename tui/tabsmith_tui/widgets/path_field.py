"""A field for a path with completion: tab completes, the arrows choose a suggestion, enter takes it or continues."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, NamedTuple
from urllib.parse import unquote, urlsplit

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from tabsmith.text import clean
from tabsmith_tui.widgets.fields import TypedLine
from tabsmith_tui.widgets.literal import assemble, literal

MOST_READ: Final = 5_000
MOST_SHOWN: Final = 50
LONGEST: Final = 4_096


class Suggestion(NamedTuple):
    """A path that completes the typed text; `path` replaces the text."""

    path: str
    name: str
    folder: bool
    fuzzy: bool  # its letters are in the name in this order, but it does not begin with them


def pasted(text: str) -> str:
    """Return the path that was meant: without the quotes, `file://` or backslashes of a pasted text."""
    path = text.strip()
    if len(path) > 1 and path[0] == path[-1] and path[0] in "'\"":
        path = path[1:-1]
    if path.lower().startswith("file:"):
        parts = urlsplit(path)
        return unquote(parts.path) if parts.netloc in ("", "localhost") else path
    if "\\" in path and not os.path.lexists(os.path.expanduser(path)):  # noqa: PTH111 - "~nobody" must not raise
        return re.sub(r"\\(.)", r"\1", path)
    return path


def suggestions(typed: str) -> tuple[Suggestion, ...]:
    """Return the tables and folders that complete `typed`: those that begin with it, then those that hold its letters in
    order. Empty if the folder cannot be listed; names that cannot be typed or shown are left out."""
    path = pasted(typed)
    head, tail = os.path.split(path)
    begin: list[Suggestion] = []
    loose: list[Suggestion] = []
    wanted = tail.casefold()
    for name, is_folder in _entries(os.path.expanduser(head) or "."):  # noqa: PTH111
        if name.startswith(".") and not tail.startswith("."):
            continue
        full = os.path.join(head, name) + ("/" if is_folder else "")  # noqa: PTH118 - keeps the "~/" as typed
        folded = name.casefold()
        if folded.startswith(wanted):
            begin.append(Suggestion(full, name, is_folder, fuzzy=False))
        elif len(wanted) > 1 and _in_order(wanted, folded):
            loose.append(Suggestion(full, name, is_folder, fuzzy=True))
    for group in (begin, loose):
        group.sort(key=lambda suggestion: (suggestion.folder, suggestion.name.casefold()))
    return (*begin, *loose)[:MOST_SHOWN]


def common_beginning(suggested: tuple[Suggestion, ...]) -> str:
    """Return the common beginning of all suggestions that begin with the typed text; "" without any."""
    paths = sorted(suggestion.path for suggestion in suggested if not suggestion.fuzzy)
    if not paths:
        return ""
    first, last = paths[0], paths[-1]  # what these two share, all between them share
    return os.path.commonprefix((first, last))  # noqa: RUF071 - character by character is wanted


def _entries(folder: str) -> list[tuple[str, bool]]:
    from tabsmith.tables.read.formats.registry import is_table_name  # not needed before a path is typed

    names: list[tuple[str, bool]] = []
    try:
        with os.scandir(Path(folder)) as entries:
            for count, entry in enumerate(entries):
                if count >= MOST_READ:
                    break
                if clean(entry.name, LONGEST) != entry.name:
                    continue
                is_folder = entry.is_dir()
                if is_folder or is_table_name(entry.name):
                    names.append((entry.name, is_folder))
    except (OSError, ValueError):  # a half-typed folder does not exist yet, or must not be read
        return []
    return names


def _in_order(letters: str, name: str) -> bool:
    rest = iter(name)
    return all(letter in rest for letter in letters)


SHOWN: Final = 8


class PathLine(TypedLine):
    """The line of a path field; its keys move in the suggestions below."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "next", id="guided.next"),
        Binding("tab", "complete", "complete", tooltip="Complete the path as far as it is certain."),
        Binding("down", "choose(1)", "Next suggestion", show=False),
        Binding("up", "choose(-1)", "Previous suggestion", show=False),
    ]

    @property
    def field(self) -> "PathField":
        """The field that this line belongs to."""
        field = self.parent
        assert isinstance(field, PathField)
        return field

    def action_complete(self) -> None:
        if not self.field.complete():
            self.screen.focus_next()

    def action_choose(self, by: int) -> None:
        self.field.choose(by)


class Suggestions(Static):
    """The list of suggestions; a click takes one."""

    def on_click(self, event: events.Click) -> None:
        field = self.parent
        assert isinstance(field, PathField)
        field.take(field.first + event.y)


class PathField(Vertical):
    """A path being typed. It posts `Changed` at every keystroke and `Submitted` on enter."""

    DEFAULT_CSS = """
    PathField { height: auto; }
    PathField > Suggestions { height: auto; max-height: 8; padding: 0 1; color: $quiet; text-wrap: nowrap;
        text-overflow: ellipsis; }
    """

    @dataclass
    class Changed(Message):
        """Something was typed."""

        value: str

    @dataclass
    class Submitted(Message):  # no kind of Changed, whose handlers would take it for another keystroke
        """Enter was pressed; `value` is the path without quotes."""

        value: str

    HELP = (
        "The path of a file. Tab completes it as far as it is certain; the arrows go through what fits, and enter "
        "takes what is marked. A path pasted with quotes, with ~ or as file:// is understood."
    )

    def __init__(
        self,
        value: str = "",
        *,
        placeholder: str = "",
        recent: tuple[str, ...] = (),
        id: str | None = None,  # noqa: A002
    ) -> None:
        super().__init__(id=id)
        self._recent = tuple(Suggestion(path, path, folder=False, fuzzy=False) for path in recent)
        self._value = value
        self._placeholder = placeholder
        self._suggested: tuple[Suggestion, ...] = ()
        self._chosen = -1
        self.first = 0  # the first suggestion that is drawn

    def compose(self) -> ComposeResult:
        yield PathLine(self._value, placeholder=self._placeholder, select_on_focus=False)
        yield Suggestions(markup=False)

    def on_mount(self) -> None:
        self._look(self._value)

    @property
    def line(self) -> PathLine:
        """The line in which the path is typed."""
        return self.query_one(PathLine)

    @property
    def value(self) -> str:
        """The path without quotes, `file://` or backslashes."""
        return pasted(self.line.value)

    def on_input_changed(self, event: TypedLine.Changed) -> None:
        event.stop()
        self._look(event.value)
        self.post_message(self.Changed(event.value))

    def on_input_submitted(self, event: TypedLine.Submitted) -> None:
        event.stop()
        if self._chosen >= 0:
            taken = self._suggested[self._chosen]
            self.take(self._chosen)
            if taken.folder:
                return
        self.post_message(self.Submitted(self.value))

    def choose(self, by: int) -> None:
        """Move the mark in the suggestions; above the first one there is no mark."""
        self._chosen = max(-1, min(len(self._suggested) - 1, self._chosen + by))
        self._draw()

    def complete(self) -> bool:
        """Complete the path as far as it is unique, or take the marked suggestion. Returns whether the text changed."""
        typed = self.line.value
        if self._chosen >= 0:
            self.take(self._chosen)
        elif len(self._suggested) == 1:
            self.take(0)
        else:
            common = common_beginning(self._suggested)
            if len(common) > len(pasted(typed)):
                self._put(common)
        return self.line.value != typed

    def take(self, index: int) -> None:
        """Put a suggestion into the line."""
        if 0 <= index < len(self._suggested):
            self._put(self._suggested[index].path)
            self.line.focus()

    def _put(self, path: str) -> None:
        self.line.value = path
        self.line.cursor_position = len(path)

    def _look(self, typed: str) -> None:
        suggested = suggestions(typed) if typed.strip() else self._recent
        self._suggested = () if len(suggested) == 1 and suggested[0].path == pasted(typed) else suggested
        self._chosen = -1
        self._draw()

    def _draw(self) -> None:
        shown = self.query_one(Suggestions)
        self.first = max(0, min(self._chosen - SHOWN + 2, len(self._suggested) - SHOWN + 1)) if self._suggested else 0
        room = SHOWN - 1 if len(self._suggested) > SHOWN else SHOWN
        lines = [
            self._line(index, suggestion)
            for index, suggestion in enumerate(self._suggested)
            if self.first <= index < self.first + room
        ]
        hidden = len(self._suggested) - len(lines)
        if hidden:
            lines.append(literal(f"  +{hidden} more: keep typing, or use the arrows", style="$quiet"))
        shown.update(Content("\n").join(lines))
        shown.display = bool(lines)

    def _line(self, index: int, suggestion: Suggestion) -> Content:
        here = index == self._chosen
        name = suggestion.name + ("/" if suggestion.folder else "")
        how = "   did you mean?" if suggestion.fuzzy else ""
        return assemble(("▸ " if here else "  ", "$accent"), (name, "bold $accent" if here else ""), (how, "$quiet"))
