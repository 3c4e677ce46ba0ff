"""A field for a path that completes it: tab completes, up and down go through what fits, enter takes or goes on."""

from typing import ClassVar, Final

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from tabsmith_tui.widgets.literal import literal, words
from tabsmith_tui.widgets.path_completion import Suggestion, common_beginning, pasted, suggestions
from tabsmith_tui.widgets.typed import TypedLine

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
            lines.append(literal(f"  +{hidden} more: go on typing, or use the arrows", style="$quiet"))
        shown.update(Content("\n").join(lines))
        shown.display = bool(lines)

    def _line(self, place: int, each: Suggestion) -> Content:
        here = place == self._chosen
        name = each.name + ("/" if each.folder else "")
        how = "   did you mean?" if each.fuzzy else ""
        return words(("▸ " if here else "  ", "$accent"), (name, "bold $accent" if here else ""), (how, "$quiet"))
