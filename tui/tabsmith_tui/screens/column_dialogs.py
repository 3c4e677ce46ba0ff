"""Dialogs that choose a column, the target or the split, and edit the kind and role of a column."""

from collections.abc import Sequence
from typing import ClassVar, Final, Generic, NamedTuple, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import OptionList, option_list

from tabsmith.presentation.schemas import KIND_LABELS, KIND_MEANINGS, ROLE_MEANINGS, SPLIT_MEANINGS, split_name
from tabsmith.presentation.spans import Span
from tabsmith.tables.schema.types import ColumnKind, ColumnRole, Split, SplitKind
from tabsmith.text import clean
from tabsmith.workflow.form import ColumnLine, ColumnsField, Option
from tabsmith_tui.screens.base import DialogScreen
from tabsmith_tui.views.lines import LineColumn
from tabsmith_tui.widgets.bars import KeysBar
from tabsmith_tui.widgets.fields import PickLine, TypedLine
from tabsmith_tui.widgets.lines_table import LinesTable
from tabsmith_tui.widgets.literal import TextLine, assemble, content, literal, set_border_title
from tabsmith_tui.widgets.menu import Choices
from tabsmith_tui.widgets.schema_table import column_evidence

T = TypeVar("T")

COLUMNS: Final = (
    LineColumn("choose", 14, grow=2, most=44),
    LineColumn("kind", 13, drop=2),
    LineColumn("sure", 5, right=True, drop=1),
    LineColumn("why", 16, grow=3, drop=3),
)


class PickerEntry(NamedTuple):
    """A line to choose: its name, by which it is filtered, and the cells of its other columns."""

    name: str
    others: tuple[Span, ...]

    def cells(self) -> tuple[Span, ...]:
        """The cells of the line."""
        return Span(clean(self.name)), *self.others


class PickerLine(TypedLine):
    """The filter of a list; up and down move the cursor of the list."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "choose", id="question.take"),
        Binding("up", "screen.move(-1)", "Up", show=False),
        Binding("down", "screen.move(1)", "Down", show=False),
        Binding("pageup", "screen.move(-8)", "Page up", show=False),
        Binding("pagedown", "screen.move(8)", "Page down", show=False),
    ]


class Picker(DialogScreen[T | None], Generic[T]):
    """A list narrowed down by typing; enter takes the line under the cursor, escape changes nothing."""

    COLUMNS: ClassVar[tuple[LineColumn, ...]] = COLUMNS
    DEFAULT_CSS = """
    Picker .dialog { height: 85%; border-title-color: $primary; border-title-style: bold; }
    Picker TypedLine { height: 1; border: none; background: $panel; margin-top: 1; padding: 0 1; }
    Picker TypedLine:focus { border: none; }
    Picker LinesTable { height: 1fr; margin-top: 1; background: $surface; }
    """
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
            yield TextLine("Nothing matches.", classes="quiet none")
            yield from self.below()
        yield KeysBar()

    def below(self) -> ComposeResult:
        """Compose what is below the list."""
        yield from ()

    def on_mount(self) -> None:
        self._list(self._first)
        self.query_one(PickerLine).focus()

    def on_input_changed(self, event: TypedLine.Changed) -> None:
        wanted = event.value.casefold()
        self._shown = tuple(index for index, entry in enumerate(self._entries) if wanted in entry.name.casefold())
        self._list(0)

    def on_input_submitted(self) -> None:
        self.take()

    def on_lines_table_chosen(self) -> None:
        self.take()

    def action_move(self, by: int) -> None:
        self.query_one(LinesTable).cursor += by

    def take(self) -> None:
        """Close with the value under the cursor."""
        if self._shown:
            self.dismiss(self.chosen(self._values[self._shown[self.query_one(LinesTable).cursor]]))

    def chosen(self, value: T) -> T:
        """The result of the dialog when `value` is chosen."""
        return value

    def _list(self, cursor: int) -> None:
        table = self.query_one(LinesTable)
        table.show_rows(len(self._shown), lambda index: self._entries[self._shown[index]].cells(), cursor=cursor)
        self.query_one(".none").display = not self._shown


def target_picker(field: ColumnsField) -> Picker[str]:
    """A dialog that closes with the name of the target: candidates first, with their reasons, then the other columns."""
    lines = {line.name: line for line in field.columns}
    candidates = [candidate for candidate in field.candidates if candidate.name in lines]
    entries = [
        PickerEntry(candidate.name, _facts(lines[candidate.name], f"{candidate.confidence:.0%}", candidate.reason))
        for candidate in candidates
    ]
    named = {candidate.name for candidate in candidates}
    others = [line for line in field.columns if line.name not in named]
    entries += [PickerEntry(line.name, _facts(line, "", _why_not(line))) for line in others]
    names = [*(candidate.name for candidate in candidates), *(line.name for line in others)]
    first = names.index(field.target) if field.target in names else 0
    return Picker("What do you want to predict?", entries, names, first)


def _facts(line: ColumnLine, sure: str, why: str) -> tuple[Span, ...]:
    return Span(KIND_LABELS[line.kind], "dim"), Span(sure, "accent"), Span(clean(why, 300), "dim")


def _why_not(line: ColumnLine) -> str:
    return line.warnings[0].message if line.warnings else line.evidence


class SplitPicker(Picker[Split]):
    """The split: a list of kinds and columns, and below it the size of the test set and the number of folds."""

    COLUMNS = (LineColumn("how", 20, grow=2, most=44), LineColumn("meaning", 16, grow=2, drop=1))
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "take", "choose")]

    def __init__(self, field: ColumnsField) -> None:
        ways = _ways(field)
        values = [Split(kind, by, field.split.holdout, field.split.folds) for kind, by, _ in ways]
        entries = [PickerEntry(split_name(kind, by), (Span(clean(why, 300), "dim"),)) for kind, by, why in ways]
        present = (field.split.kind, field.split.by)
        first = next((index for index, (kind, by, _) in enumerate(ways) if (kind, by) == present), 0)
        super().__init__("How are rows split?", entries, values, first)
        self._split = field.split

    def below(self) -> ComposeResult:
        shares = sorted({0.0, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, self._split.holdout})
        yield TextLine("test set", classes="quiet")
        yield PickLine(
            [Option(f"{share}", _percent(share)) for share in shares], f"{self._split.holdout}", id="holdout"
        )
        yield TextLine("folds", classes="quiet")
        folds = sorted({2, 3, 4, 5, 8, 10, self._split.folds})
        yield PickLine([Option(str(count), str(count)) for count in folds], str(self._split.folds), id="folds")

    def chosen(self, value: Split) -> Split:
        holdout = float(self.query_one("#holdout", PickLine).value)
        folds = int(self.query_one("#folds", PickLine).value)
        return Split(value.kind, value.by, holdout, folds, "chosen by you")

    def action_take(self) -> None:
        self.take()


def _percent(share: float) -> str:
    return f"{share:.0%} of the rows" if share else "none: no test score"


def _ways(field: ColumnsField) -> list[tuple[SplitKind, str, str]]:
    ways: list[tuple[SplitKind, str, str]] = [("random", "", SPLIT_MEANINGS["random"])]
    if field.task in ("binary", "multiclass"):
        ways.append(("stratified", "", SPLIT_MEANINGS["stratified"]))
    others = [line for line in field.columns if line.name != field.target]
    grouped = sorted((line for line in others if line.kind in ("identifier", "code", "category")), key=_group_first)
    forward = sorted((line for line in others if line.kind in ("date", "code", "numeric")), key=_date_first)
    ways += [("grouped", line.name, SPLIT_MEANINGS["grouped"]) for line in grouped]
    ways += [("forward", line.name, SPLIT_MEANINGS["forward"]) for line in forward]
    present = field.split
    if present.by and not any((kind, by) == (present.kind, present.by) for kind, by, _ in ways):
        ways.append((present.kind, present.by, present.reason))
    return ways


def _group_first(line: ColumnLine) -> tuple[bool, bool]:
    return line.role != "group", line.kind != "identifier"


def _date_first(line: ColumnLine) -> tuple[bool, bool]:
    return line.role != "time", line.kind != "date"


class ColumnEdit(NamedTuple):
    """The chosen kind and role of a column."""

    kind: ColumnKind
    role: ColumnRole


class ColumnEditor(DialogScreen[ColumnEdit | None]):
    """Two short lists side by side; enter on the kinds goes to the roles, enter on the roles takes both."""

    DEFAULT_CSS = """
    ColumnEditor .dialog { border-title-color: $primary; border-title-style: bold; }
    ColumnEditor Horizontal { height: auto; }
    ColumnEditor Horizontal > Vertical { width: 1fr; height: auto; padding-right: 1; }
    ColumnEditor OptionList { margin-bottom: 0; text-wrap: nowrap; text-overflow: ellipsis; }
    ColumnEditor .why { max-height: 5; margin-bottom: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "go_to('kinds')", "kinds", show=False),
        Binding("right", "go_to('roles')", "roles", show=False),
        Binding("f9,ctrl+enter", "take", "take both", show=False),
    ]
    ABOUT = "Choose the kind, then the role. Enter takes; escape changes nothing."

    def __init__(self, line: ColumnLine) -> None:
        super().__init__()
        self.line = line

    def compose(self) -> ComposeResult:
        line = self.line
        with Vertical(classes="dialog") as dialog:
            set_border_title(dialog, assemble("Column ", literal(line.name, 60)))
            yield TextLine(content(column_evidence(line)), classes="why")
            with Horizontal():
                with Vertical():
                    yield TextLine("kind", classes="quiet")
                    yield Choices(*(_option(KIND_LABELS[kind], what, kind) for kind, what in KIND_MEANINGS.items()),
                                     id="kinds")  # fmt: skip
                with Vertical():
                    yield TextLine("role", classes="quiet")
                    yield Choices(*(_option(role, what, role) for role, what in ROLE_MEANINGS.items()),
                                     id="roles")  # fmt: skip
        yield KeysBar()

    def on_mount(self) -> None:
        kinds, roles = self.query_one("#kinds", OptionList), self.query_one("#roles", OptionList)
        kinds.highlighted = list(KIND_MEANINGS).index(self.line.kind)
        roles.highlighted = list(ROLE_MEANINGS).index(self.line.role)
        kinds.focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        if event.option_list.id == "kinds":
            self.query_one("#roles").focus()
        else:
            self.action_take()

    def action_take(self) -> None:
        """Take both."""
        kind = self.query_one("#kinds", OptionList).highlighted or 0
        role = self.query_one("#roles", OptionList).highlighted or 0
        self.dismiss(ColumnEdit(list(KIND_MEANINGS)[kind], list(ROLE_MEANINGS)[role]))

    def action_go_to(self, name: str) -> None:
        self.query_one(f"#{name}").focus()


def _option(name: str, what: str, value: str) -> option_list.Option:
    return option_list.Option(assemble(name.ljust(14), (what, "$quiet")), id=value)
