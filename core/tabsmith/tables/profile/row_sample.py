"""A sample of a table's rows in memory, for what a profile cannot say: dependence, order, repetition.

Rows are drawn evenly; no thread is started.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from tabsmith.tables.info import TableInfo
from tabsmith.tables.profile.types import ColumnProfile

if TYPE_CHECKING:
    import pyarrow as pa

_MOST_ROWS: Final = 5_000
_MOST_TEXTS: Final = 500
_LEAST_ROWS: Final = 500  # however wide the table is
_CELLS: Final = 5_000_000  # of a sample: a table of more than 1,000 columns gives fewer rows
_READ_CELLS: Final = 8_000_000  # read at once
_ROW_GROUPS: Final = 3  # of a large snapshot that are read

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]


class RowSample:
    """Up to 5,000 rows of a table in their order, column by column, as numbers and as codes of distinct values.

    A table of more than 1,000 columns gives fewer rows, but at least 500.
    """

    def __init__(self, info: TableInfo) -> None:
        from tabsmith.tables.snapshot import ensure_snapshot

        self._columns = {column.name: column for column in info.profile.columns}
        self._positions = {column.name: position for position, column in enumerate(info.profile.columns)}
        self._table = _sampled(ensure_snapshot(info))
        self._numbers: dict[str, Floats] = {}
        self._codes: dict[str, Codes] = {}

    @property
    def rows(self) -> int:
        return int(self._table.num_rows)

    def numbers(self, name: str) -> Floats:
        """A column as floats, NaN where missing: dates as seconds, texts as their codes."""
        if name not in self._numbers:
            self._numbers[name] = self._as_numbers(self._columns[name])
        return self._numbers[name]

    def codes(self, name: str) -> Codes:
        """A column as indices into its distinct values, -1 where missing."""
        if name not in self._codes:
            self._codes[name] = self._as_codes(self._columns[name])
        return self._codes[name]

    def texts(self, name: str) -> list[str]:
        """The different values of a text column, at most 500, in order of appearance."""
        return [str(text) for text in self._array(name).drop_null().unique().slice(0, _MOST_TEXTS).to_pylist()]

    def _array(self, name: str) -> Any:
        return self._table.column(self._positions[name])

    def _as_numbers(self, column: ColumnProfile) -> Floats:
        import pyarrow as pa

        if column.storage == "text":
            codes = self.codes(column.name).astype(np.float64)
            codes[codes < 0] = np.nan
            return codes
        array = self._array(column.name)
        if column.storage in {"date", "timestamp"}:
            array = array.cast(pa.timestamp("us")).cast(pa.int64())
        values = np.asarray(array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64)
        return np.where(np.isfinite(values), values, np.nan)

    def _as_codes(self, column: ColumnProfile) -> Codes:
        if column.storage == "text":
            encoded = self._array(column.name).combine_chunks().dictionary_encode()
            indices = encoded.indices.to_numpy(zero_copy_only=False)
            return np.asarray(np.where(np.isnan(indices.astype(float)), -1, indices), dtype=np.int64)
        values = self.numbers(column.name)
        _, codes = np.unique(values, return_inverse=True)
        return np.asarray(np.where(np.isnan(values), -1, codes), dtype=np.int64)


def _sampled(info: TableInfo) -> "pa.Table":
    """Rows drawn evenly. Columns are read in groups, because a row group may be large."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(info.snapshot, pre_buffer=False) as file:
        groups: Sequence[int] = range(file.num_row_groups)
        if len(groups) > _ROW_GROUPS:
            groups = sorted({len(groups) * part // _ROW_GROUPS for part in range(_ROW_GROUPS)})
        rows = sum(file.metadata.row_group(group).num_rows for group in groups)
        width = len(info.profile.columns)
        most_rows = min(_MOST_ROWS, max(_LEAST_ROWS, _CELLS // max(1, width)))
        step = max(1, -(-rows // most_rows))
        indices = pa.array(range(0, rows, step))
        columns_at_once = max(1, _READ_CELLS // max(1, rows))
        columns: list[Any] = []
        for start in range(0, width, columns_at_once):
            names = [f"c{position}" for position in range(start, min(width, start + columns_at_once))]
            part = file.read_row_groups(list(groups), columns=names, use_threads=False)
            part = part.take(indices) if step > 1 else part
            columns += [part.column(name).combine_chunks() for name in names]
    return pa.table(columns, names=[f"c{position}" for position in range(width)])
