"""A widget that draws what a view made: lines with tones, made for the size that there is."""

from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Final, TypeAlias

from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from tabsmith_tui.views.lines import Line, Tone

Draw: TypeAlias = Callable[[int, int], Sequence[Line]]
"""Makes the lines for a width and a height in cells."""

STYLES: Final = MappingProxyType[Tone, str](
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
            *(Content.styled(text, STYLES[tone]) if STYLES[tone] else Content(text) for text, tone in line)
        )
        for line in lines
    )
