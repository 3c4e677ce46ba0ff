"""A list of what lies on disk with a filter, and beside it all that is known of the line under the cursor."""

import asyncio
from collections.abc import Sequence
from typing import ClassVar, Generic, TypeVar

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import OptionList

from tabsmith_tui.screens.base import STYLES, TabsmithScreen, start_worker
from tabsmith_tui.summaries import Fact
from tabsmith_tui.widgets.fields import TypedLine
from tabsmith_tui.widgets.literal import ContentText, FactList, TextLine
from tabsmith_tui.widgets.menu import Group, Item, Menu

T = TypeVar("T")

MOST = 300  # lines drawn; a filter reaches the rest
WIDE = 100


class ListScreen(TabsmithScreen, Generic[T]):
    """Subclasses say what is listed, in which groups, and what its lines and facts are."""

    CSS_PATH: ClassVar = STYLES / "list.tcss"
    AUTO_FOCUS = "Menu"  # never the hidden filter, not even for the keys of the first moment
    EMPTY: ClassVar[str] = ""
    """What to say, and do, when there is nothing to list."""

    def __init__(self) -> None:
        super().__init__()
        self.things: dict[str, T] = {}
        self._read = False

    # What a subclass says ------------------------------------------------------------------------------------------

    def load(self) -> dict[str, T]:
        """Everything there is, by key, newest first. Called off the UI thread."""
        raise NotImplementedError

    def item(self, key: str, thing: T) -> Item:
        """A thing's line."""
        raise NotImplementedError

    def group_of(self, thing: T) -> str:
        """The heading it stands under."""
        raise NotImplementedError

    def facts(self, thing: T) -> Sequence[Fact]:
        """All that is known of it."""
        raise NotImplementedError

    def note(self, thing: T) -> ContentText:
        """What a person may want to do with it, or why it went wrong: one line below the list."""
        raise NotImplementedError

    def heading(self) -> str:
        """What the top line says."""
        raise NotImplementedError

    # The screen ----------------------------------------------------------------------------------------------------

    def body(self) -> ComposeResult:
        """Filter, list, facts, note."""
        filter_line = TypedLine(placeholder="words to look for; enter goes to the list, esc shows all", id="filter")
        filter_line.display = False
        yield filter_line
        yield TextLine(id="empty")
        with Horizontal(id="middle"):
            yield Menu(id="menu")
            yield FactList(id="about")
        yield TextLine(id="note")

    def on_mount(self) -> None:
        """Read after the first frame."""
        self.show_subject(self.heading())
        self.call_after_refresh(self.action_reload)

    def on_screen_resume(self) -> None:
        """Something may have changed while another screen was open."""
        if self._read:
            self.action_reload()

    def on_resize(self, event: events.Resize) -> None:
        """Facts only where there is room."""
        self.set_class(event.size.width >= WIDE, "-wide")

    def action_reload(self) -> None:
        """Look again at what is on disk."""
        start_worker(self, self._reload, "reload", alone=True)

    async def _reload(self) -> None:
        try:
            self.things = await asyncio.to_thread(self.load)
        except Exception as error:  # noqa: BLE001 - whatever lies on disk, the screen stands and says what is wrong
            self.app.notify(str(error), title="The list could not be read", severity="error", timeout=15)
        self._read = True
        self.draw()

    def draw(self) -> None:
        """Show what fits the filter."""
        wanted = self.query_one("#filter", TypedLine).value.casefold().split()
        groups: dict[str, list[Item]] = {}
        found = 0
        for key, thing in self.things.items():
            item = self.item(key, thing)
            line = " ".join(cell.plain for cell in item.cells).casefold()
            if all(word in line for word in wanted):
                found += 1
                if found <= MOST:
                    groups.setdefault(self.group_of(thing), []).append(item)
        shown = [Group(title, tuple(items)) for title, items in groups.items()]
        if found > MOST:
            shown.append(Group(f"+{found - MOST:,} more: filter with /", ()))
        empty = self.query_one("#empty", TextLine)
        empty.show("" if found else "Nothing holds these words." if self.things else self.EMPTY)
        empty.display = not found
        self.query_one(Menu).put(shown)
        self.show_subject(self.heading())
        self._show_current()

    @property
    def current(self) -> T | None:
        """What is under the cursor."""
        return self.things.get(self.query_one(Menu).current)

    def _show_current(self) -> None:
        thing = self.current
        self.query_one("#about", FactList).show(self.facts(thing) if thing is not None else [])
        self.query_one("#note", TextLine).show(self.note(thing) if thing is not None else "")
        self.refresh_bindings()

    def on_option_list_option_highlighted(self, _event: OptionList.OptionHighlighted) -> None:
        """Another line is under the cursor."""
        self._show_current()

    async def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """A click opens."""
        event.stop()
        await self.run_action("open")

    # Filter --------------------------------------------------------------------------------------------------------

    def action_filter(self) -> None:
        """Open the filter."""
        line = self.query_one("#filter", TypedLine)
        line.display = True
        line.focus()

    def on_input_changed(self, _event: TypedLine.Changed) -> None:
        """Filter while typing."""
        if self._read:
            self.draw()

    def on_input_submitted(self, _event: TypedLine.Submitted) -> None:
        """On to the list."""
        self.query_one(Menu).focus()

    def action_back(self) -> None:
        """Take the filter away; without one, go back."""
        line = self.query_one("#filter", TypedLine)
        if line.display:
            line.value = ""
            line.display = False
            self.query_one(Menu).focus()
        else:
            self.app.pop_screen()
