"""A widget that draws what a view made: lines with tones, made for the size that there is.

The bar above the keys in which a run asks its person; a click on it begins the answer.

A pane to read in: lines, and others beside them, wrapped to their width, scrolled by key and wheel.
"""

from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import ClassVar, Final, TypeAlias

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.widget import Widget

from tabsmith.presentation.spans import Line, Tone
from tabsmith_tui.views.lines import wrap_line

Draw: TypeAlias = Callable[[int, int], Sequence[Line]]
"""Makes the lines for a width and a height in cells."""

TONE_STYLES: Final = MappingProxyType[Tone, str](
    {
        "plain": "",
        "strong": "bold",
        "dim": "$quiet",
        "good": "$good",
        "bad": "$bad",
        "warn": "$warn",
        "accent": "$accent",
        "mark": "bold $primary",
    }
)


class Drawing(Widget):
    """Draws lines; nothing is drawn again while the same value is shown. With `grows` it is as high as its lines."""

    DEFAULT_CSS = "Drawing { height: 1fr; text-wrap: nowrap; text-overflow: ellipsis; }"

    def __init__(self, *, grows: bool = False, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._draw: Draw = lambda _width, _height: ()
        self._shown: object = None
        self._grows = grows
        if grows:
            self.styles.height = "auto"

    def show(self, value: object, draw: Draw) -> None:
        """Show `value` as `draw` draws it; equal values are drawn once."""
        if self._shown is not None and self._shown == value:
            return
        self._shown, self._draw = value, draw
        self.refresh(layout=self._grows)

    def show_lines(self, lines: Sequence[Line]) -> None:
        """Show these lines whatever the size."""
        shown = tuple(lines)
        self.show(shown, lambda _width, _height: shown)

    @property
    def text(self) -> str:
        """What is drawn now, without its tones."""
        return self.render().plain

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many lines as are drawn."""
        if not self._grows:
            return super().get_content_height(container, viewport, width)
        return len(self._draw(width, viewport.height))

    def render(self) -> Content:
        """The lines."""
        size = self.content_size
        return content(self._draw(size.width, size.height))


def content(lines: Sequence[Line]) -> Content:
    """Lines as Textual content; what is foreign in them was made literal when they were made."""
    return Content("\n").join(
        Content.assemble(
            *(
                Content.styled(span.text, TONE_STYLES[span.tone]) if TONE_STYLES[span.tone] else Content(span.text)
                for span in line
            )
        )
        for line in lines
    )


class QuestionBar(Drawing):
    """As high as its question; hidden while nothing is asked."""

    DEFAULT_CSS = """
    QuestionBar { padding: 0 1; background: $panel; border-left: outer $warn; max-height: 60%; }
    QuestionBar.-empty { display: none; }
    """

    class Clicked(Message):
        """The person wants to answer."""

    def on_click(self) -> None:
        """Begin the answer."""
        self.post_message(self.Clicked())


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
