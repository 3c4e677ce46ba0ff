"""The rows that a plan looks at, open for queries: filtered, bounded in memory, and ended by a time limit."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from tabsmith.errors import EmptyTableError, PlanTimeoutError
from tabsmith.statistics.plan import Rows
from tabsmith.tables.database import connect, sql_is_one_of, sql_literal, translate_errors
from tabsmith.tables.info import TableInfo
from tabsmith.tables.profile.types import ColumnProfile
from tabsmith.tables.snapshot import ensure_snapshot
from tabsmith.tables.snapshot_store import scratch_folder
from tabsmith.text import clean

if TYPE_CHECKING:
    import duckdb

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.object_]

LOADED_CELLS: Final = 20_000_000
"""Values that are loaded into memory at most; of more rows, evenly drawn ones are looked at, and findings say so."""


@dataclass(frozen=True, slots=True)
class LoadedColumns:
    """Columns of the rows that have a value in each of them: numbers as float64 (times in seconds), others as text."""

    arrays: tuple[npt.NDArray[Any], ...]  # one a column, of the same length
    rows: int  # used
    dropped: int  # rows with a missing value
    step: int = 1  # every how many-th row of the table was looked at

    def numbers(self, index: int) -> Floats:
        return self.arrays[index]

    def labels(self, index: int) -> Labels:
        return self.arrays[index]

    @property
    def note(self) -> str:
        """A sentence about the sample; "" if all rows were looked at."""
        if self.step == 1:
            return ""
        return f"The table is large: every {self.step:,}th row was looked at, {self.rows + self.dropped:,} in all."


class SelectedRows:
    """The selected rows of a table: the view `selected` of a database, with columns c0, c1 ... and `file_row_number`."""

    def __init__(self, info: TableInfo, database: "duckdb.DuckDBPyConnection", rows: Rows, ends: float) -> None:
        self.info = info
        self.filter = rows
        self._database = database
        self._ends = ends
        self._positions = {column.name: index for index, column in enumerate(info.profile.columns)}
        where = f" WHERE {self._condition(rows)}" if rows.column else ""
        source = f"read_parquet({sql_literal(str(info.snapshot_path))}, file_row_number=true)"
        self.query(f"CREATE TEMP VIEW selected AS SELECT * FROM {source}{where}")  # noqa: S608
        self.count = int(self.query("SELECT count(*) FROM selected")[0][0]) if where else info.rows
        if self.count == 0:
            raise EmptyTableError(
                f"No row of the table has {clean(rows.column)} = {clean(', '.join(rows.values))}.",
                next_step="Ask of all rows, or of another value.",
            )

    def _condition(self, rows: Rows) -> str:
        column = self.column(rows.column)
        name = self.sql(column)
        if column.storage in {"integer", "float"}:
            numbers = [f"{name} = {number!r}::DOUBLE" for number in map(_number_of, rows.values) if number is not None]
            return f"({' OR '.join(numbers)})" if numbers else "false"
        return f"coalesce({sql_is_one_of(f'CAST({name} AS VARCHAR)', rows.values)}, false)"

    def column(self, name: str) -> ColumnProfile:
        """The profile of the column called `name`. Raises KeyError."""
        return self.info.profile.columns[self._positions[name]]

    def sql(self, column: ColumnProfile) -> str:
        """The name of a column in the view."""
        return f"c{self._positions[column.name]}"

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows that a query gives. Raises PlanTimeoutError once the time limit is over."""
        import duckdb

        self.check_time()
        try:
            return self._database.execute(sql).fetchall()
        except duckdb.InterruptException as error:
            raise out_of_time() from error

    def load(self, columns: Sequence[ColumnProfile], *, times: bool = False, complete: bool = True) -> LoadedColumns:
        """The columns of all selected rows, in the table's order, or of evenly drawn ones if they are very many.

        Numeric columns are numbers, and so are dates with `times`; every other column is text. Without `complete`, rows
        with missing values stay: as NaN and as None.
        """
        import duckdb

        step = max(1, -(-self.count * len(columns) // LOADED_CELLS))
        selected = ", ".join(f"{self.value_sql(column, times=times)} AS v{i}" for i, column in enumerate(columns))
        every = f" WHERE file_row_number % {step} = 0" if step > 1 else ""
        self.check_time()
        try:
            arrow: Any = self._database.sql(
                f"SELECT {selected} FROM selected{every} ORDER BY file_row_number"  # noqa: S608
            ).to_arrow_table()
        except duckdb.InterruptException as error:
            raise out_of_time() from error
        present = np.full(arrow.num_rows, True)
        arrays: list[npt.NDArray[Any]] = []
        for column, chunks in zip(columns, arrow.columns, strict=True):
            if is_number(column) or (times and is_time(column)):
                numbers = chunks.combine_chunks().cast("float64").to_numpy(zero_copy_only=False).astype(np.float64)
                numbers = np.where(np.isfinite(numbers), numbers, np.nan)
                present = present & ~np.isnan(numbers)
                arrays.append(numbers)
            else:
                labels = chunks.to_numpy().astype(object)
                present = present & np.array(chunks.is_valid())
                arrays.append(labels)
        if complete and not present.all():
            arrays = [array[present] for array in arrays]
        used = len(arrays[0]) if arrays else 0
        return LoadedColumns(tuple(arrays), used, int(arrow.num_rows) - used, step)

    def numbers(self, value: str, relation: str = "selected") -> Floats:
        """The finite values of `value`, SQL of a number, in all rows of `relation`."""
        import duckdb

        self.check_time()
        try:
            # Of no NULL, so that DuckDB's array is handed over as it is.
            found = self._database.sql(
                f"SELECT v FROM (SELECT {value} AS v FROM {relation}) WHERE isfinite(v)"  # noqa: S608
            ).fetchnumpy()
        except duckdb.InterruptException as error:
            raise out_of_time() from error
        return np.asarray(found["v"], dtype=np.float64)

    def value_sql(self, column: ColumnProfile, *, times: bool = False) -> str:
        """SQL of a column's value as `load` gives it."""
        name = self.sql(column)
        if is_number(column):
            return f"CAST({name} AS DOUBLE)"
        if times and is_time(column):
            return f"epoch(CAST({name} AS TIMESTAMP))"
        return f"CAST({name} AS VARCHAR)"

    def check_time(self) -> None:
        """Raise PlanTimeoutError if the time limit is over: called between the steps of a long computation."""
        if time.monotonic() > self._ends:
            raise out_of_time()


@contextmanager
def select_rows(info: TableInfo, rows: Rows, time_limit: float) -> Iterator[SelectedRows]:
    """The selected rows, until the block ends; a query that runs when `time_limit` (seconds) is over is interrupted."""
    info = ensure_snapshot(info)
    ends = time.monotonic() + time_limit
    with scratch_folder() as scratch, translate_errors("the table's snapshot"), connect(spill=scratch) as database:
        timer = threading.Timer(min(time_limit, threading.TIMEOUT_MAX), database.interrupt)
        timer.daemon = True
        timer.start()
        try:
            yield SelectedRows(info, database, rows, ends)
        finally:
            timer.cancel()


def out_of_time() -> PlanTimeoutError:
    """The error of a question whose time limit is over."""
    return PlanTimeoutError(
        "The time limit was over before the answer was there.",
        next_step="Allow more time, or ask about fewer columns or fewer rows.",
    )


def is_number(column: ColumnProfile) -> bool:
    """Whether a column holds numbers."""
    return column.storage in {"integer", "float"}


def is_time(column: ColumnProfile) -> bool:
    """Whether a column holds dates or times."""
    return column.storage in {"date", "timestamp"}


def _number_of(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
