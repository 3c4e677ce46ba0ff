"""Dialogs that choose a column: another target, or a split and the column it goes by."""

from collections.abc import Sequence
from typing import ClassVar, Final, Generic, NamedTuple, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from tabsmith.tables.schema.types import Split, SplitKind
from tabsmith.text import clean
from tabsmith.workflow.form import ColumnLine, ColumnsField, Option
from tabsmith_tui.actions import bindings
from tabsmith_tui.widgets.bars import KeysBar
from tabsmith_tui.widgets.lines_layout import Cell, LineColumn
from tabsmith_tui.widgets.lines_table import LinesTable
from tabsmith_tui.widgets.literal import TextLine, set_border_title
from tabsmith_tui.widgets.schema_table import KIND_WORDS
from tabsmith_tui.widgets.steps.parts import PickLine
from tabsmith_tui.widgets.typed import TypedLine

T = TypeVar("T")

COLUMNS: Final = (
    LineColumn("choose", 14, grow=2, most=44),
    LineColumn("kind", 10, drop=2),
    LineColumn("sure", 5, right=True, drop=1),
    LineColumn("why", 16, grow=3, drop=3),
)


class PickerEntry(NamedTuple):
    """A line to choose: its name, by which it is found, and what else its columns show."""

    name: str
    others: tuple[Cell, ...]

    def cells(self) -> tuple[Cell, ...]:
        """All cells of the line."""
        return Cell(clean(self.name)), *self.others


class PickerLine(TypedLine):
    """The filter of a list; up and down move in the list."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "choose", id="question.take"),
        Binding("up", "screen.move(-1)", "Up", show=False),
        Binding("down", "screen.move(1)", "Down", show=False),
        Binding("pageup", "screen.move(-8)", "Page up", show=False),
        Binding("pagedown", "screen.move(8)", "Page down", show=False),
    ]


class Picker(ModalScreen[T | None], Generic[T]):
    """A list narrowed down by typing; enter takes the line under the cursor, escape changes nothing."""

    COLUMNS: ClassVar[tuple[LineColumn, ...]] = COLUMNS
    CSS_PATH = "dialog.tcss"
    DEFAULT_CSS = """
    Picker { align: center middle; }
    Picker .dialog { height: 85%; border-title-color: $primary; border-title-style: bold; }
    Picker TypedLine { height: 1; border: none; background: $panel; margin-top: 1; padding: 0 1; }
    Picker TypedLine:focus { border: none; }
    Picker LinesTable { height: 1fr; margin-top: 1; background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("question.back")
    ABOUT = "Type letters of a name to narrow the list down; the arrows move, enter takes, escape changes nothing."

    def __init__(self, title: str, entries: Sequence[PickerEntry], values: Sequence[T], first: int = 0) -> None:
        super().__init__()
        self._heading = title
        self._entries = tuple(entries)
        self._values = tuple(values)
        self._first = first
        self._shown: tuple[int, ...] = tuple(range(len(self._entries)))

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            set_border_title(dialog, self._heading)
            yield PickerLine(placeholder="type to narrow down", id="narrow")
            yield LinesTable(self.COLUMNS)
            yield TextLine("Nothing holds these letters.", classes="quiet none")
            yield from self.below()
        yield KeysBar()

    def below(self) -> ComposeResult:
        """What stands below the list."""
        yield from ()

    def on_mount(self) -> None:
        self._list(self._first)
        self.query_one(PickerLine).focus()

    def on_input_changed(self, event: TypedLine.Changed) -> None:
        wanted = event.value.casefold()
        self._shown = tuple(at for at, entry in enumerate(self._entries) if wanted in entry.name.casefold())
        self._list(0)

    def on_input_submitted(self) -> None:
        self.take()

    def on_lines_table_chosen(self) -> None:
        self.take()

    def action_move(self, by: int) -> None:
        self.query_one(LinesTable).cursor += by

    def action_back(self) -> None:
        self.dismiss(None)

    def take(self) -> None:
        """Close with what is under the cursor."""
        if self._shown:
            self.dismiss(self.chosen(self._values[self._shown[self.query_one(LinesTable).cursor]]))

    def chosen(self, value: T) -> T:
        """What to close with when `value` was chosen."""
        return value

    def _list(self, cursor: int) -> None:
        table = self.query_one(LinesTable)
        table.show_rows(len(self._shown), lambda at: self._entries[self._shown[at]].cells(), cursor=cursor)
        self.query_one(".none").display = not self._shown


def target_picker(field: ColumnsField) -> Picker[str]:
    """Candidates for the target first, with their reasons, then every other column. Closes with a column's name."""
    lines = {line.name: line for line in field.columns}
    candidates = [each for each in field.candidates if each.name in lines]
    entries = [
        PickerEntry(each.name, _facts(lines[each.name], f"{each.confidence:.0%}", each.reason)) for each in candidates
    ]
    named = {each.name for each in candidates}
    others = [line for line in field.columns if line.name not in named]
    entries += [PickerEntry(line.name, _facts(line, "", _why_not(line))) for line in others]
    names = [*(each.name for each in candidates), *(line.name for line in others)]
    first = names.index(field.target) if field.target in names else 0
    return Picker("What do you want to predict?", entries, names, first)


def _facts(line: ColumnLine, sure: str, why: str) -> tuple[Cell, ...]:
    return Cell(KIND_WORDS[line.kind], "muted"), Cell(sure, "accent"), Cell(clean(why, 300), "muted")


def _why_not(line: ColumnLine) -> str:
    return line.warnings[0].message if line.warnings else line.evidence


class SplitPicker(Picker[Split]):
    """How rows are held out and folded: the list says how and by which column, the lines below how many."""

    COLUMNS = (LineColumn("how", 20, grow=2, most=44), LineColumn("meaning", 16, grow=2, drop=1))
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "take", "choose")]

    def __init__(self, field: ColumnsField) -> None:
        ways = _ways(field)
        values = [Split(kind, by, field.split.holdout, field.split.folds) for kind, by, _ in ways]
        entries = [PickerEntry(_way_name(kind, by), (Cell(clean(why, 300), "muted"),)) for kind, by, why in ways]
        present = (field.split.kind, field.split.by)
        first = next((at for at, (kind, by, _) in enumerate(ways) if (kind, by) == present), 0)
        super().__init__("How are rows held out?", entries, values, first)
        self._split = field.split

    def below(self) -> ComposeResult:
        shares = sorted({0.0, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, self._split.holdout})
        yield TextLine("held out before anything else", classes="quiet")
        yield PickLine([Option(f"{each}", _percent(each)) for each in shares], f"{self._split.holdout}", id="holdout")
        yield TextLine("folds", classes="quiet")
        folds = sorted({2, 3, 4, 5, 8, 10, self._split.folds})
        yield PickLine([Option(str(each), str(each)) for each in folds], str(self._split.folds), id="folds")

    def chosen(self, value: Split) -> Split:
        holdout = float(self.query_one("#holdout", PickLine).value)
        folds = int(self.query_one("#folds", PickLine).value)
        return Split(value.kind, value.by, holdout, folds, "chosen by you")

    def action_take(self) -> None:
        self.take()


def _percent(each: float) -> str:
    return f"{each:.0%} of the rows" if each else "none: no hold-out score"


def _ways(field: ColumnsField) -> list[tuple[SplitKind, str, str]]:
    ways: list[tuple[SplitKind, str, str]] = [("random", "", "rows do not belong together and have no order")]
    if field.task in ("binary", "multiclass"):
        ways.append(("stratified", "", "every fold has the same share of each class"))
    others = [line for line in field.columns if line.name != field.target]
    grouped = sorted((line for line in others if line.kind in ("identifier", "code", "category")), key=_group_first)
    forward = sorted((line for line in others if line.kind in ("date", "code", "numeric")), key=_date_first)
    ways += [("grouped", line.name, "rows that share its value stay together") for line in grouped]
    ways += [("forward", line.name, "trained on the past, tested on what comes after") for line in forward]
    present = field.split
    if present.by and not any((kind, by) == (present.kind, present.by) for kind, by, _ in ways):
        ways.append((present.kind, present.by, present.reason))
    return ways


def _group_first(line: ColumnLine) -> tuple[bool, bool]:
    return line.role != "group", line.kind != "identifier"


def _date_first(line: ColumnLine) -> tuple[bool, bool]:
    return line.role != "time", line.kind != "date"


def _way_name(kind: SplitKind, by: str) -> str:
    match kind:
        case "grouped":
            return f"grouped by {by}"
        case "forward":
            return f"forward along {by}"
        case _:
            return kind
