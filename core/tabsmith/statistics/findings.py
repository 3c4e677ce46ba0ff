"""What comes of a plan, as data that every surface draws: sentences, tables of numbers, a picture, counts of rows."""

from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec

from tabsmith.errors import UnknownTableError
from tabsmith.formatting import UNKNOWN, number
from tabsmith.statistics.plan import Plan
from tabsmith.text import clean, plural

if TYPE_CHECKING:
    import pandas as pd

_CELL: Final = 40  # characters of a cell in the text of a table
_ROWS_SHOWN: Final = 30

Cell: TypeAlias = float | int | str | None
"""A value of a findings's table; None where there is none (a deviation of one value)."""


class FindingsTable(msgspec.Struct, frozen=True):
    """Numbers under headings; every row is as long as `columns`."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def to_pandas(self) -> "pd.DataFrame":
        """The table as a frame, a row a row."""
        import pandas as pd

        return pd.DataFrame(list(self.rows), columns=list(self.columns))

    def __str__(self) -> str:
        cells = [[clean(name, _CELL) for name in self.columns]]
        cells += [[_cell_text(cell) for cell in row] for row in self.rows[:_ROWS_SHOWN]]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = [
            "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in cells
        ]
        if len(self.rows) > _ROWS_SHOWN:
            lines.append(f"... and {plural(len(self.rows) - _ROWS_SHOWN, 'more row')}")
        return "\n".join([clean(self.title), *lines])


class Bars(msgspec.Struct, frozen=True, tag="bars"):
    """One bar a label: counts, shares or means, with an interval (low, high) for each where there is one."""

    title: str
    labels: tuple[str, ...]
    values: tuple[float, ...]
    intervals: tuple[tuple[float, float], ...] = ()


class Histogram(msgspec.Struct, frozen=True, tag="histogram"):
    """Rows in bins of equal width; `edges` is one longer than each group's counts."""

    title: str
    edges: tuple[float, ...]
    counts: dict[str, tuple[int, ...]]  # by group; "" for all rows


class Matrix(msgspec.Struct, frozen=True, tag="matrix"):
    """A square of strengths from -1 to 1 between columns; None where it could not be computed."""

    title: str
    labels: tuple[str, ...]
    cells: tuple[tuple[float | None, ...], ...]


class Points(msgspec.Struct, frozen=True, tag="points"):
    """Points, at most 2,000 of them, with a line through them where there is one."""

    title: str
    x_label: str
    y_label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    line: tuple[tuple[float, float], ...] = ()


class Boxes(msgspec.Struct, frozen=True, tag="boxes"):
    """Five numbers for each group: low whisker, quartiles, high whisker."""

    title: str
    labels: tuple[str, ...]
    boxes: tuple[tuple[float, float, float, float, float], ...]


class Lines(msgspec.Struct, frozen=True, tag="lines"):
    """Values along time (seconds since 1970), one line a name; NaN where there is no value."""

    title: str
    times: tuple[float, ...]
    lines: dict[str, tuple[float, ...]]


Picture: TypeAlias = Bars | Histogram | Matrix | Points | Boxes | Lines


class SignificanceTest(msgspec.Struct, frozen=True):
    """A test of significance that findings rest on; the session corrects its p for all tests made so far."""

    name: str  # "Welch's t-test"
    statistic: float
    p: float
    freedom: tuple[float, ...] = ()  # degrees of freedom
    effect: str = ""  # "Cohen's d"
    size: float | None = None  # of the effect
    interval: tuple[float, float] | None = None  # 95 %, of the effect


class Findings(msgspec.Struct, frozen=True):
    """What came of a plan. `sentences` say direction, size and uncertainty, and what the numbers do not show."""

    plan: Plan  # as it was run: methods chosen, columns named
    sentences: tuple[str, ...]
    tables: tuple[FindingsTable, ...] = ()
    picture: Picture | None = None
    tests: tuple[SignificanceTest, ...] = ()
    rows_used: int = 0
    rows_dropped: int = 0  # for missing values
    notes: tuple[str, ...] = ()  # assumptions that failed, fallbacks, samples
    code: str = ""  # Python that repeats it
    seconds: float = 0.0

    def to_pandas(self, title: str = "") -> "pd.DataFrame":
        """The table called `title` as a frame; the first one by default. Raises UnknownTableError."""
        for table in self.tables:
            if title in {"", table.title}:
                return table.to_pandas()
        raise UnknownTableError(
            f"The findings have no table {clean(title)}.",
            next_step=f"They have: {', '.join(table.title for table in self.tables) or 'none'}.",
        )

    def __repr__(self) -> str:
        return "\n\n".join(
            part for part in (" ".join(self.sentences), "\n".join(self.notes), *map(str, self.tables)) if part
        )


def _cell_text(cell: Cell) -> str:
    if cell is None:
        return UNKNOWN
    if isinstance(cell, float):
        return number(cell)
    return f"{cell:,}" if isinstance(cell, int) else clean(cell, _CELL)
