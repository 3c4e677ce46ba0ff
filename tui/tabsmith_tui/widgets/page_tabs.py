"""The tabs of a trial's pages: their names with numbers in a line; a click picks one."""

from collections.abc import Sequence

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from tabsmith_tui.views.trial_pages import PageName
from tabsmith_tui.widgets.literal import assemble

_GAP = 2


class PageTabs(Widget):
    """One line of page names."""

    DEFAULT_CSS = "PageTabs { height: 1; text-wrap: nowrap; text-overflow: ellipsis; }"

    class Picked(Message):
        """A page was clicked."""

        def __init__(self, page: PageName) -> None:
            super().__init__()
            self.page = page

    def __init__(self) -> None:
        super().__init__()
        self._pages: tuple[PageName, ...] = ()
        self._current: PageName = "overview"

    def show(self, pages: Sequence[PageName], current: PageName) -> None:
        """Show these pages with `current` marked."""
        if (tuple(pages), current) != (self._pages, self._current):
            self._pages, self._current = tuple(pages), current
            self.refresh()

    def render(self) -> Content:
        """The line."""
        parts = []
        for number, page in enumerate(self._pages, 1):
            here = page == self._current
            parts.append(assemble((f"{number} ", "$quiet"), (page, "bold $accent underline" if here else "")))
        return Content(" " * _GAP).join(parts)

    def on_click(self, event: events.Click) -> None:
        """Pick the clicked page."""
        start = self.gutter.left
        for page in self._pages:
            end = start + len(page) + 2
            if start <= event.x < end:
                self.post_message(self.Picked(page))
                return
            start = end + _GAP
