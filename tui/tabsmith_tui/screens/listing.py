"""The base of the runs and models screens: a filtered list, and the facts of the line under the cursor."""

import asyncio
from collections.abc import Sequence
from typing import ClassVar, Generic, TypeVar

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import OptionList

from tabsmith.presentation.spans import LabelledLine
from tabsmith_tui.screens.base import STYLES, TabsmithScreen, start_worker
from tabsmith_tui.widgets.fields import TypedLine
from tabsmith_tui.widgets.literal import ContentText, FactList, TextLine
from tabsmith_tui.widgets.menu import Group, Item, Menu

T = TypeVar("T")

MOST_LINES = 300  # lines drawn; a filter reaches the rest


class ListScreen(TabsmithScreen, Generic[T]):
    """A subclass defines the listed things, their groups, their lines and their facts."""

    CSS_PATH: ClassVar = STYLES / "list.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 - Textual's declaration
    AUTO_FOCUS = "Menu"  # never the hidden filter, not even for the keys of the first moment
    EMPTY: ClassVar[str] = ""
    """The text in place of an empty list: that it is empty, and what to do."""

    def __init__(self) -> None:
        super().__init__()
        self.things: dict[str, T] = {}
        self._read = False

    # To be defined by a subclass ------------------------------------------------------------------------------------

    def load(self) -> dict[str, T]:
        """Return all things by their keys, newest first. Called in a thread."""
        raise NotImplementedError

    def item(self, key: str, thing: T) -> Item:
        """The line of a thing."""
        raise NotImplementedError

    def group_of(self, thing: T) -> str:
        """The heading of a thing's group."""
        raise NotImplementedError

    def facts(self, thing: T) -> Sequence[LabelledLine]:
        """The facts of a thing."""
        raise NotImplementedError

    def note(self, thing: T) -> ContentText:
        """The line below the list: what can be done with a thing, or what is wrong with it."""
        raise NotImplementedError

    def heading(self) -> str:
        """The text of the top line."""
        raise NotImplementedError

    # The screen ----------------------------------------------------------------------------------------------------

    def body(self) -> ComposeResult:
        filter_line = TypedLine(placeholder="words to look for; enter goes to the list, esc shows all", id="filter")
        filter_line.display = False
        yield filter_line
        yield TextLine(id="empty")
        with Horizontal(id="middle"):
            yield Menu(id="menu")
            yield FactList(id="about")
        yield TextLine(id="note")

    def on_mount(self) -> None:
        """Read from disk after the first frame."""
        self.show_subject(self.heading())
        self.call_after_refresh(self.action_reload)

    def on_screen_resume(self) -> None:
        """Read again, because another screen may have changed something."""
        if self._read:
            self.action_reload()

    def action_reload(self) -> None:
        """Read from disk again."""
        start_worker(self, self._reload, "reload", alone=True)

    async def _reload(self) -> None:
        try:
            self.things = await asyncio.to_thread(self.load)
        except Exception as error:  # noqa: BLE001 - the screen works whatever is on disk; the error is shown
            self.app.notify(str(error), title="The list could not be read", severity="error", timeout=15)
        self._read = True
        self.draw()

    def draw(self) -> None:
        """Show the things that match the filter."""
        words = self.query_one("#filter", TypedLine).value.casefold().split()
        groups: dict[str, list[Item]] = {}
        matches = 0
        for key, thing in self.things.items():
            item = self.item(key, thing)
            line = " ".join(cell.plain for cell in item.cells).casefold()
            if all(word in line for word in words):
                matches += 1
                if matches <= MOST_LINES:
                    groups.setdefault(self.group_of(thing), []).append(item)
        shown = [Group(title, tuple(items)) for title, items in groups.items()]
        if matches > MOST_LINES:
            shown.append(Group(f"+{matches - MOST_LINES:,} more: filter with /", ()))
        empty = self.query_one("#empty", TextLine)
        empty.show("" if matches else "Nothing matches the filter." if self.things else self.EMPTY)
        empty.display = not matches
        self.query_one(Menu).put(shown)
        self.show_subject(self.heading())
        self._show_current()

    @property
    def current(self) -> T | None:
        """The thing under the cursor, or None."""
        return self.things.get(self.query_one(Menu).current)

    def _show_current(self) -> None:
        thing = self.current
        self.query_one("#about", FactList).show(self.facts(thing) if thing is not None else [])
        self.query_one("#note", TextLine).show(self.note(thing) if thing is not None else "")
        self.refresh_bindings()

    def on_option_list_option_highlighted(self, _event: OptionList.OptionHighlighted) -> None:
        """Show the facts of the line under the cursor."""
        self._show_current()

    async def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Open the clicked line."""
        event.stop()
        await self.run_action("open")

    # Filter --------------------------------------------------------------------------------------------------------

    def action_filter(self) -> None:
        """Open the filter."""
        line = self.query_one("#filter", TypedLine)
        line.display = True
        line.focus()

    def on_input_changed(self, _event: TypedLine.Changed) -> None:
        """Apply the filter while it is typed."""
        if self._read:
            self.draw()

    def on_input_submitted(self, _event: TypedLine.Submitted) -> None:
        """Go to the list."""
        self.query_one(Menu).focus()

    def action_back(self) -> None:
        """Close the filter; without one, go back."""
        line = self.query_one("#filter", TypedLine)
        if line.display:
            line.value = ""
            line.display = False
            self.query_one(Menu).focus()
        else:
            self.app.pop_screen()
