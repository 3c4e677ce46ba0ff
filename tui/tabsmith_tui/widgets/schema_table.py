"""The table of columns: kind, role, missing values, distinct values, distribution and comment of each."""

from collections.abc import Sequence
from typing import Final

from tabsmith.formatting import UNKNOWN, percent
from tabsmith.presentation.schemas import KIND_LABELS, warning_text
from tabsmith.presentation.spans import Line, Span, Tone
from tabsmith.presentation.spans import line as drawn_line
from tabsmith.tables.profile.types import ColumnProfile
from tabsmith.text import clean
from tabsmith.workflow.form import ColumnLine, ColumnsField
from tabsmith_tui.views.lines import LineColumn
from tabsmith_tui.widgets.lines_table import LinesTable

WIDTH: Final = 8
_BAR_GLYPHS: Final = "▁▂▃▄▅▆▇█"


def bars(counts: Sequence[int], width: int = WIDTH) -> str:
    """Draw counts as at most `width` bars, the highest one full; with more counts than bars, neighbours are added."""
    if not counts or max(counts) <= 0:
        return ""
    merged = _merge(counts, width)
    top = max(merged)
    return "".join(
        _BAR_GLYPHS[min(len(_BAR_GLYPHS) - 1, round(count / top * (len(_BAR_GLYPHS) - 1)))] for count in merged
    )


def picture(column: ColumnProfile, width: int = WIDTH) -> str:
    """The distribution of `column`: a histogram of numbers and dates, the most frequent values of anything else.

    Empty when nothing is known, or when there is only one value to draw.
    """
    if column.distinct <= 1:
        return ""
    if column.numbers is not None and column.numbers.bins:
        return bars(column.numbers.bins, width)
    counts = [value.count for value in column.top[:width]]
    rest = column.rows - column.missing - sum(value.count for value in column.top)
    if len(counts) < width and rest > 0:
        counts.append(rest)
    return bars(counts, width)


def _merge(counts: Sequence[int], width: int) -> list[int]:
    if len(counts) <= width:
        return list(counts)
    merged = [0] * width
    for place, count in enumerate(counts):
        merged[place * width // len(counts)] += count
    return merged


COLUMNS: Final = (
    LineColumn(" ", 1),
    LineColumn("column", 12, grow=2, most=34),
    LineColumn("kind", 13),
    LineColumn("role", 7),
    LineColumn("missing", 7, right=True, drop=3),
    LineColumn("distinct", 8, right=True, drop=4),
    LineColumn("distribution", 12, drop=2),
    LineColumn("comment", 10, grow=3, drop=5),
)


def column_evidence(line: ColumnLine) -> tuple[Line, ...]:
    """The evidence for a column and every warning, a line each."""
    evidence = (drawn_line(line.evidence, "dim"),) if line.evidence else ()
    return (*evidence, *(drawn_line(f"! {warning_text(warning)}", "warn") for warning in line.warnings))


def cells(line: ColumnLine) -> tuple[Span, ...]:
    """The cells of a column's row, in the order of COLUMNS."""
    profile = line.profile
    quiet: Tone = "dim" if line.role == "ignore" else "plain"
    role: Tone = "accent" if line.role == "target" else "good" if line.role in ("group", "time", "weight") else quiet
    edited = "*" if line.edited else ""
    comment = warning_text(line.warnings[0]) if line.warnings else line.evidence
    return (
        Span("!" if line.warnings else "", "warn"),
        Span(clean(line.name), quiet),
        Span(KIND_LABELS[line.kind], quiet),
        Span(line.role + edited, role),
        Span(UNKNOWN if profile is None else percent(profile.missing_share), quiet),
        Span(UNKNOWN if profile is None else f"{profile.distinct:,}", quiet),
        Span("" if profile is None else picture(profile), "dim"),
        Span(clean(comment), "warn" if line.warnings else "dim"),
    )


class SchemaTable(LinesTable):
    """The columns whose names hold the filter."""

    HELP = (
        "Every column as tabsmith understood it. ! marks what you should check; the evidence for the column under the "
        "cursor stands below. Space uses a column or leaves it out, e changes its kind and role, t chooses what to "
        "predict. A * marks what you changed."
    )

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(COLUMNS, chooses=False, id=id)
        self._all: tuple[ColumnLine, ...] = ()
        self._shown: Sequence[ColumnLine] = ()
        self._filter = ""

    @property
    def current(self) -> ColumnLine | None:
        """The column under the cursor."""
        return self._shown[self.cursor] if self._shown else None

    @property
    def shown(self) -> int:
        """The number of columns that pass the filter."""
        return len(self._shown)

    def show_field(self, field: ColumnsField) -> None:
        """Show the columns of `field`; the cursor stays on its column."""
        self._all = field.columns
        self._rows()

    def filter(self, text: str) -> None:
        """Show only the columns whose name holds `text`, whatever its case."""
        self._filter = text.casefold()
        self._rows()

    def _rows(self) -> None:
        before = self.current
        self._shown = self._all
        if self._filter:
            self._shown = tuple(line for line in self._all if self._filter in line.name.casefold())
        place = next((at for at, line in enumerate(self._shown) if before and line.number == before.number), 0)
        self.show_rows(len(self._shown), lambda at: cells(self._shown[at]), cursor=place)
