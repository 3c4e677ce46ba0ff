"""Lists to choose from: a menu of aligned lines in groups, and the short list of a dialog."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from tabsmith_tui.widgets.literal import assemble

_GAP = 2
_MIN_WIDTH = 20
_PADDING = 4  # what the option's own padding and the scroll bar take


@dataclass(frozen=True, slots=True)
class Item:
    """A line of the menu: its key and its cells."""

    key: str
    cells: tuple[Content, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Items under a heading. On a narrow screen the cell with index `grow` is cut first, then the last cells are left
    out. Groups whose items have the same number of cells share their columns."""

    title: str
    items: tuple[Item, ...]
    grow: int = 1


class Menu(OptionList, inherit_bindings=False):
    """A list in groups. A click opens an item, as does the screen's own key; the cursor skips headings."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "cursor_down", "Down", show=False),
        Binding("up", "cursor_up", "Up", show=False),
        Binding("home", "first", "First", show=False),
        Binding("end", "last", "Last", show=False),
        Binding("pageup", "page_up", "Page up", show=False),
        Binding("pagedown", "page_down", "Page down", show=False),
    ]
    HELP = "A list. Up and down choose a line; enter or a click opens it."

    DEFAULT_CSS = """
    Menu { height: 1fr; border: none; background: $background; padding: 0; text-wrap: nowrap; text-overflow: ellipsis;
        scrollbar-size-vertical: 1; }
    Menu:focus { border: none; background-tint: $foreground 0%; }
    Menu > .option-list--option-disabled { color: $primary; text-style: bold; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(markup=False, id=id)
        self._groups: tuple[Group, ...] = ()
        self._width = 0

    def put(self, groups: Sequence[Group]) -> None:
        """Show these groups; the cursor stays on its item, or goes to the first one."""
        if tuple(groups) != self._groups or not self.option_count:
            self._groups = tuple(groups)
            self._draw()

    @property
    def current(self) -> str:
        """The key of the item under the cursor; "" for none."""
        option = self.highlighted_option
        return (option.id or "") if option else ""

    def on_resize(self, _event: events.Resize) -> None:
        """Align again if the width has changed."""
        if self.size.width != self._width:
            self._draw()

    def _draw(self) -> None:
        current = self.current
        self._width = self.size.width
        room = max(20, self.size.width - _PADDING)
        lines = self._aligned_lines(room)
        options: list[Option] = []
        for group in self._groups:
            if options:
                options.append(Option("", disabled=True))
            if group.title:
                options.append(Option(assemble((group.title, "bold $primary")), disabled=True))
            options += [Option(lines[item.key], id=item.key) for item in group.items]
        self.clear_options()
        self.add_options(options)
        keys = [option.id for option in options]
        items = [index for index, key in enumerate(keys) if key]
        if items:
            self.highlighted = keys.index(current) if current in keys else items[0]

    def _aligned_lines(self, room: int) -> dict[str, Content]:
        alike: dict[tuple[int, int], list[Item]] = {}
        for group in self._groups:
            for item in group.items:
                alike.setdefault((len(item.cells), group.grow), []).append(item)
        lines: dict[str, Content] = {}
        for (_, grow), items in alike.items():
            contents = aligned([item.cells for item in items], room, grow)
            lines.update(zip((item.key for item in items), contents, strict=True))
        return lines


def aligned(rows: Sequence[Sequence[Content]], room: int, grow: int = 1) -> list[Content]:
    """Align rows of cells in columns; each line is at most `room` cells wide.

    The cell with index `grow` is cut to the remaining room, but keeps 20 cells; then the last cells are left out.
    """
    if not rows:
        return []
    count = max(map(len, rows))
    widths = [max((row[index].cell_length for row in rows if index < len(row)), default=0) for index in range(count)]
    while count > grow + 1 and _sum(widths[:count]) - widths[grow] + min(widths[grow], _MIN_WIDTH) > room:
        count -= 1
    over = _sum(widths[:count]) - room
    if over > 0 and grow < count:
        widths[grow] = max(4, widths[grow] - over)
    lines = []
    for row in rows:
        cells = [
            cell.truncate(width, ellipsis=True, pad=True) for cell, width in zip(row[:count], widths, strict=False)
        ]
        lines.append(Content(" " * _GAP).join(cells).truncate(room))
    return lines


def _sum(widths: Sequence[int]) -> int:
    return sum(widths) + _GAP * (len(widths) - 1)


class Choices(OptionList):
    """The short list of a dialog; enter or a click takes an option. A plain string is shown literally."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "select", "choose", id="question.take")]
    HELP = "A list. Up and down choose a line; enter or a click takes it."

    def __init__(self, *options: Option, id: str | None = None) -> None:  # noqa: A002
        super().__init__(*options, markup=False, id=id)
