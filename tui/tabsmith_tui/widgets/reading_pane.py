"""A pane to read in: lines, and others beside them, wrapped to their width, scrolled by key and wheel."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll

from tabsmith_tui.views.lines import Line, wrap_line
from tabsmith_tui.widgets.drawing import Drawing


class ReadingPane(VerticalScroll, can_focus=True, inherit_bindings=False):
    """Left and right stay free for the screen that it is part of."""

    HELP = "Text to read: up, down, page keys, home and end scroll it."
    DEFAULT_CSS = """
    ReadingPane { scrollbar-size-vertical: 1; }
    ReadingPane > Horizontal { height: auto; }
    ReadingPane #main { width: 3fr; }
    ReadingPane #beside { width: 2fr; border-left: solid $border; padding: 0 0 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll_up", "Up", show=False),
        Binding("down,j", "scroll_down", "Down", show=False),
        Binding("pageup", "page_up", "Page up", show=False),
        Binding("pagedown,space", "page_down", "Page down", show=False),
        Binding("home", "scroll_home", "Top", show=False),
        Binding("end", "scroll_end", "Bottom", show=False),
    ]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._main = Drawing(grows=True, id="main")
        self._beside = Drawing(grows=True, id="beside")

    def compose(self) -> ComposeResult:
        """The lines, and those beside them; they scroll together."""
        with Horizontal():
            yield self._main
            yield self._beside

    def show(self, lines: Sequence[Line], beside: Sequence[Line] = ()) -> None:
        """Show these lines, and at their side those of `beside` where there are any."""
        self._put(self._main, tuple(lines))
        self._put(self._beside, tuple(beside))
        self._beside.display = bool(beside)

    def _put(self, drawing: Drawing, lines: tuple[Line, ...]) -> None:
        drawing.show(lines, lambda width, _height: [part for each in lines for part in wrap_line(each, width)])
