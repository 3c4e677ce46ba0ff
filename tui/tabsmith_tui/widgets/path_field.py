"""A field for a path with completion: tab completes, the arrows choose a suggestion, enter takes it or continues."""

import os
import re
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

ENDINGS: Final = (".csv", ".tsv", ".txt", ".parquet", ".json", ".jsonl", ".ndjson", ".xlsx", ".xls")
PACKED: Final = (".gz", ".zst")
MOST_LOOKED_AT: Final = 5_000
MOST_SHOWN: Final = 50
LONGEST: Final = 4_096


class Suggestion(NamedTuple):
    """A path that the typed text may become; `path` replaces what is typed."""

    path: str
    name: str
    folder: bool
    fuzzy: bool  # its letters are in the name in this order, but it does not begin with them


def pasted(text: str) -> str:
    """The path that a person meant: without the quotes, the `file://` or the backslashes it was pasted with."""
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
    """The tables and folders that `typed` may become, those that begin with it first, then those that hold its
    letters in order. Empty when the folder cannot be listed; names that cannot be typed or shown are left out."""
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
    for found in (begin, loose):
        found.sort(key=lambda each: (each.folder, each.name.casefold()))
    return (*begin, *loose)[:MOST_SHOWN]


def common_beginning(found: tuple[Suggestion, ...]) -> str:
    """How far all suggestions that begin with the typed text agree; "" when there is none."""
    paths = sorted(each.path for each in found if not each.fuzzy)
    if not paths:
        return ""
    first, last = paths[0], paths[-1]  # what these two share, all between them share
    same = next((at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return first[:same]


def is_table(name: str) -> bool:
    """Whether a file's ending is one that tabsmith reads."""
    lower = name.lower()
    for ending in PACKED:
        lower = lower.removesuffix(ending)
    return lower.endswith(ENDINGS)


def _entries(folder: str) -> list[tuple[str, bool]]:
    found: list[tuple[str, bool]] = []
    try:
        with os.scandir(Path(folder)) as entries:
            for looked_at, entry in enumerate(entries):
                if looked_at >= MOST_LOOKED_AT:
                    break
                if clean(entry.name, LONGEST) != entry.name:
                    continue
                is_folder = entry.is_dir()
                if is_folder or is_table(entry.name):
                    found.append((entry.name, is_folder))
    except (OSError, ValueError):  # typed halfway: there is no such folder yet, or it is not for this user
        return []
    return found


def _in_order(letters: str, name: str) -> bool:
    rest = iter(name)
    return all(letter in rest for letter in letters)


SHOWN: Final = 8


class PathLine(TypedLine):
    """The line itself; its keys steer the list of suggestions below it."""

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
    """What the path may become; a click takes one."""

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

    class Changed(Message):
        """Something was typed."""

        def __init__(self, value: str) -> None:
            super().__init__()
            self.value = value

    class Submitted(Changed):
        """Enter was pressed: `value` is the path that is meant."""

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
        self._found: tuple[Suggestion, ...] = ()
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
        """The path that is meant: without quotes, `file://` or backslashes."""
        return pasted(self.line.value)

    def on_input_changed(self, event: TypedLine.Changed) -> None:
        event.stop()
        self._look(event.value)
        self.post_message(self.Changed(event.value))

    def on_input_submitted(self, event: TypedLine.Submitted) -> None:
        event.stop()
        if self._chosen >= 0:
            taken = self._found[self._chosen]
            self.take(self._chosen)
            if taken.folder:
                return
        self.post_message(self.Submitted(self.value))

    def choose(self, by: int) -> None:
        """Move the mark in the suggestions; before the first one there is none."""
        self._chosen = max(-1, min(len(self._found) - 1, self._chosen + by))
        self._draw()

    def complete(self) -> bool:
        """Complete the path as far as it is certain, or take the marked suggestion; whether that changed anything."""
        typed = self.line.value
        if self._chosen >= 0:
            self.take(self._chosen)
        elif len(self._found) == 1:
            self.take(0)
        else:
            common = common_beginning(self._found)
            if len(common) > len(pasted(typed)):
                self._put(common)
        return self.line.value != typed

    def take(self, place: int) -> None:
        """Put the suggestion at `place` into the line."""
        if 0 <= place < len(self._found):
            self._put(self._found[place].path)
            self.line.focus()

    def _put(self, path: str) -> None:
        self.line.value = path
        self.line.cursor_position = len(path)

    def _look(self, typed: str) -> None:
        found = suggestions(typed) if typed.strip() else self._recent
        self._found = () if len(found) == 1 and found[0].path == pasted(typed) else found
        self._chosen = -1
        self._draw()

    def _draw(self) -> None:
        shown = self.query_one(Suggestions)
        self.first = max(0, min(self._chosen - SHOWN + 2, len(self._found) - SHOWN + 1)) if self._found else 0
        room = SHOWN - 1 if len(self._found) > SHOWN else SHOWN
        lines = [
            self._line(place, each) for place, each in enumerate(self._found) if self.first <= place < self.first + room
        ]
        hidden = len(self._found) - len(lines)
        if hidden:
            lines.append(literal(f"  +{hidden} more: keep typing, or use the arrows", style="$quiet"))
        shown.update(Content("\n").join(lines))
        shown.display = bool(lines)

    def _line(self, place: int, each: Suggestion) -> Content:
        here = place == self._chosen
        name = each.name + ("/" if each.folder else "")
        how = "   did you mean?" if each.fuzzy else ""
        return assemble(("▸ " if here else "  ", "$accent"), (name, "bold $accent" if here else ""), (how, "$quiet"))
