"""A virtual table: rows are made only when they are visible, so that 100,000 rows are as fast as ten; its columns share the
width there is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tabsmith.presentation.spans import Span, Tone
from tabsmith_tui.views.lines import GAP, LineColumn, fit, widths

POINTER: Final = "▸"
_COLORED: Final = frozenset[Tone]({"dim", "accent", "warn", "good", "bad"})
"""The tones that have a colour in a table."""

Row = Callable[[int], Sequence[Span]]
"""Makes the cells of the row with an index; called only for visible rows."""


class LinesTable(ScrollView, can_focus=True):
    """Rows under a fixed header, with a cursor on one of them. All text is literal."""

    DEFAULT_CSS = """
    LinesTable { height: 1fr; overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; }
    LinesTable > .lines--header { color: $quiet; text-style: bold; }
    LinesTable > .lines--cursor { background: $surface-lighten-1; text-style: bold; }
    LinesTable:focus > .lines--cursor { background: $block-cursor-background; color: $block-cursor-foreground; }
    LinesTable > .lines--dim { color: $quiet; }
    LinesTable > .lines--accent { color: $accent; }
    LinesTable > .lines--warn { color: $warn; }
    LinesTable > .lines--good { color: $good; }
    LinesTable > .lines--bad { color: $bad; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"lines--header", "lines--cursor", *(f"lines--{tone}" for tone in _COLORED)}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home", "edge(0)", "First", show=False),
        Binding("end", "edge(-1)", "Last", show=False),
        Binding("enter", "choose", "Choose", show=False),
    ]

    cursor: reactive[int] = reactive(0)

    @dataclass
    class Moved(Message):
        """The cursor has moved to another row."""

        table: "LinesTable"
        index: int

        @property
        def control(self) -> "LinesTable":
            return self.table

    class Chosen(Moved):
        """A row was chosen by enter, or by a click on the row under the cursor."""

    def __init__(
        self,
        columns: Sequence[LineColumn] = (),
        *,
        chooses: bool = True,
        id: str | None = None,  # noqa: A002 - textual's word
    ) -> None:
        super().__init__(id=id)
        self._columns: tuple[LineColumn, ...] = tuple(columns)
        self._row: Row = lambda _place: ()
        self._count = 0
        self._widths: tuple[int, ...] = ()
        self._chooses = chooses

    @property
    def count(self) -> int:
        """The number of rows."""
        return self._count

    def show_rows(
        self, count: int, row: Row, *, columns: Sequence[LineColumn] | None = None, cursor: int | None = None
    ) -> None:
        """Show `count` rows made by `row`; the cursor stays where it is if it can."""
        if columns is not None:
            self._columns = tuple(columns)
        self._count, self._row = count, row
        self._arrange()
        self.cursor = max(0, min(self.cursor if cursor is None else cursor, count - 1))
        self._follow()
        self.refresh()

    def validate_cursor(self, cursor: int) -> int:
        return max(0, min(cursor, max(0, self._count - 1)))

    def watch_cursor(self, before: int, after: int) -> None:
        if before != after:
            self._follow()
            self.refresh()
            self.post_message(self.Moved(self, after))

    def action_move(self, by: int) -> None:
        self.cursor += by

    def action_page(self, by: int) -> None:
        self.cursor += by * max(1, self.size.height - 2)

    def action_edge(self, index: int) -> None:
        self.cursor = self._count - 1 if index < 0 else 0

    def action_choose(self) -> None:
        if self._count:
            self.post_message(self.Chosen(self, self.cursor))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        return self._chooses if action == "choose" else True

    def on_click(self, event: events.Click) -> None:
        index = event.y - 1 + round(self.scroll_y)
        if event.y < 1 or not 0 <= index < self._count:
            return
        self.focus()
        if index == self.cursor and self._chooses:
            self.action_choose()
        self.cursor = index

    def on_resize(self) -> None:
        self._arrange()
        self._follow()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        return self._count + 1

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if y == 0:
            cells = [Span(column.title) for column in self._columns]
            header = self.get_component_rich_style("lines--header", partial=True)
            return self._strip(cells, width, header, pointer=False)
        index = y - 1 + round(self.scroll_y)
        if index >= self._count:
            return Strip.blank(width, self.rich_style)
        current = index == self.cursor
        style = self.get_component_rich_style("lines--cursor", partial=True) if current else Style.null()
        return self._strip(self._row(index), width, style, pointer=current and self.has_focus)

    def _strip(self, cells: Sequence[Span], width: int, style: Style, *, pointer: bool) -> Strip:
        base = self.rich_style + style
        segments = [Segment(f"{POINTER if pointer else ' '} ", base)]
        for column, size, cell in zip(self._columns, self._widths, cells, strict=False):
            if not size:
                continue
            toned = base
            if cell.tone in _COLORED and not pointer:
                toned = base + self.get_component_rich_style(f"lines--{cell.tone}", partial=True)
            segments.append(Segment(fit(cell.text, size, "right" if column.right else "left"), toned))
            segments.append(Segment(" " * GAP, base))
        return Strip(segments).adjust_cell_length(width, base)

    def _arrange(self) -> None:
        self._widths = widths(self._columns, max(10, self.size.width - 3))
        self.virtual_size = Size(self.size.width, self._count + 1)

    def _follow(self) -> None:
        """Scroll the row under the cursor into view."""
        if self.size.height < 2:
            return
        top, seen = round(self.scroll_y), self.size.height - 1
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False)
        elif self.cursor >= top + seen:
            self.scroll_to(y=self.cursor - seen + 1, animate=False)
