"""A virtual table: rows are made only when they are visible, so that 100,000 rows are as fast as ten; its columns share the
width there is."""

from collections.abc import Callable, Sequence
from typing import ClassVar, Final, Literal, NamedTuple, TypeAlias

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

GAP = 2

Tone: TypeAlias = Literal["", "muted", "accent", "warning", "good", "bad"]


class LineColumn(NamedTuple):
    """A column of a table. `width` is its minimum in terminal cells; `grow` is its share of the spare room, up to `most`;
    if the columns do not fit, the one with the highest `drop` is left out first, and one with 0 never is."""

    title: str
    width: int
    grow: int = 0
    most: int = 400
    right: bool = False
    drop: int = 0


class Cell(NamedTuple):
    """The text of a cell, already cleaned, and its tone."""

    text: str
    tone: Tone = ""


def widths(columns: Sequence[LineColumn], room: int) -> tuple[int, ...]:
    """Return the width of each column within `room` cells, without gaps; 0 for a column that is left out."""
    shown = set(range(len(columns)))
    for index in sorted(range(len(columns)), key=lambda index: -columns[index].drop):
        if _needed(columns, shown) <= room or not columns[index].drop:
            break
        shown.discard(index)
    result = [column.width if index in shown else 0 for index, column in enumerate(columns)]
    return tuple(_grown(columns, result, room - _needed(columns, shown)))


def _needed(columns: Sequence[LineColumn], shown: set[int]) -> int:
    return sum(columns[index].width for index in shown) + GAP * max(0, len(shown) - 1)


def _grown(columns: Sequence[LineColumn], result: list[int], spare: int) -> list[int]:
    """Give `spare` cells to the columns that grow; a negative number is taken from the first of them."""
    growing = [index for index, column in enumerate(columns) if column.grow and result[index]]
    if spare < 0:
        first = growing[0] if growing else 0
        result[first] = max(4, result[first] + spare)
        return result
    while spare > 0 and growing:
        shares = sum(columns[index].grow for index in growing)
        given = 0
        for index in growing:
            fair = max(1, spare * columns[index].grow // shares)
            more = min(fair, columns[index].most - result[index], spare - given)
            result[index] += more
            given += more
        spare -= given
        growing = [index for index in growing if result[index] < columns[index].most]
        if not given:
            break
    return result


POINTER: Final = "▸"

Row = Callable[[int], Sequence[Cell]]
"""Makes the cells of the row with an index; called only for visible rows."""


class LinesTable(ScrollView, can_focus=True):
    """Rows under a fixed header, with a cursor on one of them. All text is literal."""

    DEFAULT_CSS = """
    LinesTable { height: 1fr; overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; }
    LinesTable > .lines--header { color: $quiet; text-style: bold; }
    LinesTable > .lines--cursor { background: $surface-lighten-1; text-style: bold; }
    LinesTable:focus > .lines--cursor { background: $block-cursor-background; color: $block-cursor-foreground; }
    LinesTable > .lines--muted { color: $quiet; }
    LinesTable > .lines--accent { color: $accent; }
    LinesTable > .lines--warning { color: $warn; }
    LinesTable > .lines--good { color: $good; }
    LinesTable > .lines--bad { color: $bad; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "lines--header",
        "lines--cursor",
        "lines--muted",
        "lines--accent",
        "lines--warning",
        "lines--good",
        "lines--bad",
    }
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

    class Moved(Message):
        """The cursor has moved to another row."""

        def __init__(self, table: "LinesTable", index: int) -> None:
            super().__init__()
            self.table = table
            self.index = index

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
            cells = [Cell(column.title) for column in self._columns]
            header = self.get_component_rich_style("lines--header", partial=True)
            return self._strip(cells, width, header, pointer=False)
        index = y - 1 + round(self.scroll_y)
        if index >= self._count:
            return Strip.blank(width, self.rich_style)
        current = index == self.cursor
        style = self.get_component_rich_style("lines--cursor", partial=True) if current else Style.null()
        return self._strip(self._row(index), width, style, pointer=current and self.has_focus)

    def _strip(self, cells: Sequence[Cell], width: int, style: Style, *, pointer: bool) -> Strip:
        base = self.rich_style + style
        segments = [Segment(f"{POINTER if pointer else ' '} ", base)]
        for column, size, cell in zip(self._columns, self._widths, cells, strict=False):
            if not size:
                continue
            toned = base
            if cell.tone and not pointer:
                toned = base + self.get_component_rich_style(f"lines--{cell.tone}", partial=True)
            segments.append(Segment(_fit(cell.text, size, right=column.right), toned))
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


def _fit(text: str, size: int, *, right: bool) -> str:
    """Fit `text` into exactly `size` terminal cells; a longer text is cut with "…"."""
    length = cell_len(text)
    if length > size:
        return set_cell_size(text, size - 1) + "…"
    return " " * (size - length) + text if right else text + " " * (size - length)
