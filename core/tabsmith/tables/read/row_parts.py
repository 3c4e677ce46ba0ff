"""Rows that come in batches, each with its own columns and types, put together into one relation on disk.

A batch is written as one Parquet file. A column that only some batches hold is missing in the rows of the others; a
column whose type differs between batches gets the type that holds them all, in the end text. So a source of any length
is read in the memory of one batch.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tabsmith.tables.database import sql_literals
from tabsmith.tables.info import REASON_COLUMN
from tabsmith.tables.profile.types import StoredColumn
from tabsmith.tables.read.arrow_columns import column_array, convert_relation, plain_value
from tabsmith.tables.read.sources import DateOrder

if TYPE_CHECKING:
    import duckdb

BATCH_CELLS: Final = 1_000_000
"""Cells of a batch, about: it is held in memory as Python values."""


class RowParts:
    """Batches of rows written to Parquet files in `folder`; `relation` reads all of them, in their order."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._paths: list[str] = []
        self._positions: dict[str, int] = {}
        self._written: set[str] = set()
        self._has_reasons = False
        self.rows = 0

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all columns, in the order in which they first appeared."""
        return tuple(self._positions)

    def add(self, columns: Mapping[str, Sequence[Any]], reasons: Sequence[str] = ()) -> None:
        """Write a batch: Python values by column name, as many for each column.

        `reasons` has a text for each row, which says why the row could not be read, or is "".
        """
        self.add_arrays({name: column_array(values) for name, values in columns.items()}, reasons)

    def add_fetched(
        self,
        names: Sequence[str],
        fetchmany: Callable[[int], Sequence[Sequence[Any]]],
        progress: Callable[[float, str], None],
    ) -> None:
        """Write all rows that a database's cursor gives, in batches; `names` are those of its columns."""
        size = max(1, BATCH_CELLS // max(1, len(names)))
        while rows := fetchmany(size):
            columns = zip(*rows, strict=True)
            self.add({name: list(map(plain_value, cells)) for name, cells in zip(names, columns, strict=True)})
            progress(-1.0, f"reading, {self.rows:,} rows so far")

    def add_arrays(self, columns: Mapping[str, Any], reasons: Sequence[str] = ()) -> None:
        """Write a batch: Arrow arrays by column name, as many values for each column; `reasons` as for `add`."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        for name in columns:
            self._positions.setdefault(name, len(self._positions))
        # A column without a value has no type yet, and must not decide that of the other batches.
        arrays = {name: array for name, array in columns.items() if array.null_count < len(array)}
        rows = len(reasons) or len(next(iter(columns.values()), ()))
        named = {f"c{self._positions[name]}": array for name, array in arrays.items()}
        if any(reasons):
            named[REASON_COLUMN] = pa.array(reasons, pa.large_string())
            self._has_reasons = True
        path = self._folder / f"part-{len(self._paths)}.parquet"
        pq.write_table(pa.table({**named, _ROW: pa.array(range(rows), pa.int64())}), path)
        self._paths.append(str(path))
        self._written.update(arrays)
        self.rows += rows

    def write(
        self,
        database: "duckdb.DuckDBPyConnection",
        out: Path,
        *,
        as_text: bool,
        read_texts: bool = True,
        dates: DateOrder | None = None,
    ) -> tuple[StoredColumn, ...]:
        """Write all rows to the Parquet file `out`, with columns c0, c1 ... in the order of `names`.

        With `read_texts` and without `as_text`, columns of text get the types of their values. Returns how each column is stored.
        """
        kept = (REASON_COLUMN,) if self._has_reasons else ()
        return convert_relation(
            database, self._relation(kept), out, as_text=as_text, read_texts=read_texts, kept=kept, dates=dates
        )

    def _relation(self, kept: tuple[str, ...]) -> str:
        columns = [
            f"c{position}" if name in self._written else f"CAST(NULL AS VARCHAR) AS c{position}"
            for name, position in self._positions.items()
        ]
        columns += [f"coalesce({name}, '') AS {name}" for name in kept]
        files = sql_literals(tuple(self._paths))
        return f"(SELECT {', '.join(columns)} FROM read_parquet([{files}], union_by_name=true))"  # noqa: S608


_ROW: Final = "row"  # a column of each file, so that a batch whose columns are all empty keeps its rows
