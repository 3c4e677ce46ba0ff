"""Widgets that draw lines of spans: a drawing of a given size, the bar of a run's question, and a pane to read in."""

from collections.abc import Callable, Sequence
from typing import ClassVar, TypeAlias

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.widget import Widget

from tabsmith.presentation.spans import Line
from tabsmith_tui.views.lines import wrap_line
from tabsmith_tui.widgets.literal import content

Draw: TypeAlias = Callable[[int, int], Sequence[Line]]
"""Makes the lines for a width and a height in terminal cells."""


class Drawing(Widget):
    """Draws lines of spans, and draws again only when the shown value changes. With `grows` it is as high as its lines."""

    DEFAULT_CSS = "Drawing { height: 1fr; text-wrap: nowrap; text-overflow: ellipsis; }"

    def __init__(self, *, grows: bool = False, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._draw: Draw = lambda _width, _height: ()
        self._shown: object = None
        self._grows = grows
        if grows:
            self.styles.height = "auto"

    def show(self, value: object, draw: Draw) -> None:
        """Show `value` as drawn by `draw`; an equal value is not drawn again."""
        if self._shown is not None and self._shown == value:
            return
        self._shown, self._draw = value, draw
        self.refresh(layout=self._grows)

    def show_lines(self, lines: Sequence[Line]) -> None:
        """Show these lines for every size."""
        shown = tuple(lines)
        self.show(shown, lambda _width, _height: shown)

    def show_wrapped(self, lines: Sequence[Line]) -> None:
        """Show these lines, wrapped to the width."""
        shown = tuple(lines)
        self.show(shown, lambda width, _height: [part for line in shown for part in wrap_line(line, width)])

    @property
    def text(self) -> str:
        """The drawn text without tones."""
        return self.render().plain

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        if not self._grows:
            return super().get_content_height(container, viewport, width)
        return len(self._draw(width, viewport.height))

    def render(self) -> Content:
        size = self.content_size
        return content(self._draw(size.width, size.height))


class QuestionBar(Drawing):
    """The question of a run; hidden while the run asks nothing."""

    DEFAULT_CSS = """
    QuestionBar { padding: 0 1; background: $panel; border-left: outer $warn; max-height: 60%; }
    QuestionBar.-empty { display: none; }
    """

    class Clicked(Message):
        """The question was clicked."""

    def on_click(self) -> None:
        self.post_message(self.Clicked())


class ReadingPane(VerticalScroll, can_focus=True, inherit_bindings=False):
    """Lines to scroll, with others beside them; left and right stay free for the screen."""

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
        with Horizontal():
            yield self._main
            yield self._beside

    def show(self, lines: Sequence[Line], beside: Sequence[Line] = ()) -> None:
        """Show these lines, and those of `beside` at their right."""
        self._main.show_wrapped(lines)
        self._beside.show_wrapped(beside)
        self._beside.display = bool(beside)
