"""A sample of a table's rows in memory, for what a profile cannot tell: dependence, order, repetition.

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

SAMPLED: Final = 5_000
_LEAST: Final = 500  # rows, however wide the table is
_CELLS: Final = 5_000_000  # cells of a sample: a table of more than 1,000 columns gives fewer rows
_READ_CELLS: Final = 8_000_000  # cells that are read at once
_GROUPS: Final = 3  # row groups of a large snapshot that are read

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]


class RowSample:
    """Up to 5,000 rows of a table in their order, column by column, as numbers and as codes of distinct values.

    Of a table of more than 1,000 columns fewer rows, but at least 500.
    """

    def __init__(self, info: TableInfo) -> None:
        from tabsmith.tables.snapshot import ensure_snapshot

        self._columns = {column.name: column for column in info.profile.columns}
        self._places = {column.name: place for place, column in enumerate(info.profile.columns)}
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
        """A column as the numbers of its distinct values, -1 where missing."""
        if name not in self._codes:
            self._codes[name] = self._as_codes(name)
        return self._codes[name]

    def _array(self, name: str) -> Any:
        return self._table.column(self._places[name])

    def _as_numbers(self, column: ColumnProfile) -> Floats:
        import pyarrow as pa

        array = self._array(column.name)
        if column.storage == "text":
            codes = self.codes(column.name).astype(np.float64)
            codes[codes < 0] = np.nan
            return codes
        if column.storage in {"date", "timestamp"}:
            array = array.cast(pa.timestamp("us")).cast(pa.int64())
        values = np.asarray(array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64)
        return np.where(np.isfinite(values), values, np.nan)

    def _as_codes(self, name: str) -> Codes:
        column = self._columns[name]
        if column.storage == "text":
            encoded = self._array(name).combine_chunks().dictionary_encode()
            indices = encoded.indices.to_numpy(zero_copy_only=False)
            return np.asarray(np.where(np.isnan(indices.astype(float)), -1, indices), dtype=np.int64)
        values = self.numbers(name)
        _, codes = np.unique(values, return_inverse=True)
        return np.asarray(np.where(np.isnan(values), -1, codes), dtype=np.int64)


def _sampled(info: TableInfo) -> "pa.Table":
    """Rows drawn evenly, fewer of a very wide table; columns are read in groups, because a row group may be large."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(info.snapshot, pre_buffer=False) as file:
        count = file.num_row_groups
        picked: Sequence[int] = range(count)
        if count > _GROUPS:
            picked = sorted({count * place // _GROUPS for place in range(_GROUPS)})
        rows = sum(file.metadata.row_group(group).num_rows for group in picked)
        width = len(info.profile.columns)
        wanted = min(SAMPLED, max(_LEAST, _CELLS // max(1, width)))
        step = max(1, -(-rows // wanted))
        places = pa.array(range(0, rows, step))
        at_once = max(1, _READ_CELLS // max(1, rows))
        names: list[str] = []
        columns: list[Any] = []
        for start in range(0, width, at_once):
            part = [f"c{place}" for place in range(start, min(width, start + at_once))]
            read = file.read_row_groups(list(picked), columns=part, use_threads=False)
            read = read.take(places) if step > 1 else read
            names += part
            columns += [read.column(name).combine_chunks() for name in part]
    return pa.table(columns, names=names)
