"""The one way by which the text of a cell becomes a value: as SQL for whole relations, and for the texts of one column.

A table is read with the SQL of `cell_value`, and new rows are read with `read_cells`, which runs the same SQL. So the same
text becomes the same value in the same format, whatever stands beside it.
"""

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tabsmith.tables.column_format import MISSING_WORDS, ColumnFormat
from tabsmith.tables.database import sql_is_one_of, sql_literal
from tabsmith.tables.profile.types import StorageType
from tabsmith.tables.read.value_formats import MISSING_IN_NUMBERS, TEXT, ValueFormat, format_named

if TYPE_CHECKING:
    import duckdb
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

_SPACES: Final = " \t\r\n\f\v\u00a0\u2007\u202f\u3000\ufeff\u200b"
_ARROW_TYPES: Final = {
    "integer": "int64", "float": "double", "boolean": "bool", "date": "timestamp[us]", "timestamp": "timestamp[us]",
    "text": "large_string",
}  # fmt: skip
_FEW_TYPES: Final = {"date": "int64", "timestamp": "int64"}  # microseconds since 1970: Python knows fewer years
_FEW: Final = 64  # texts that are read by a prepared statement
_STATEMENTS: Final = 1_000  # that are kept prepared
_SQL_TYPES: Final[dict[StorageType, str]] = {
    "integer": "BIGINT", "float": "DOUBLE", "boolean": "BOOLEAN", "date": "DATE", "timestamp": "TIMESTAMP",
    "text": "VARCHAR",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class CellsRead:
    """The values of a column's texts, one for each text."""

    values: "pa.Array"  # int64, double, bool, timestamp[us] (dates too) or large_string; null is missing
    odd: "npt.NDArray[np.bool_]"  # True where a text is present and cannot be read in the column's format


def read_cells(texts: "pa.ChunkedArray | pa.Array", column_format: ColumnFormat, storage: StorageType) -> CellsRead:
    """The value of each of `texts` in `column_format`, as `storage`. A text that cannot be read is missing and `odd`.

    Of a column that is stored as text, the text itself is read, cleaned of spaces around it. Starts no thread.
    Raises UnknownFormatError for a format that this version does not know.
    """
    import numpy as np
    import pyarrow as pa

    value_format = TEXT if storage == "text" else format_named(column_format.name)
    value = cell_value("t", value_format, column_format)
    if storage != value_format.storage:
        value = f"TRY_CAST({value} AS {_SQL_TYPES[storage]})"
    odd = is_odd("t", "value", value_format, column_format)
    if len(texts) <= _FEW:
        return _few_cells(texts.to_pylist(), value, odd, storage)
    chunks = texts.chunks if isinstance(texts, pa.ChunkedArray) else [texts]
    cells = pa.table({"t": pa.chunked_array(chunks, texts.type).cast(pa.large_string())})
    database = _own.database
    database.register("cells", cells)
    try:
        query = f"SELECT value, {odd} AS odd FROM (SELECT t, {value} AS value FROM cells)"  # noqa: S608
        result = database.sql(query).to_arrow_table().combine_chunks()
    finally:
        database.unregister("cells")
    values = _one_array(result.column("value")).cast(_ARROW_TYPES[storage])
    return CellsRead(
        values, np.asarray(_one_array(result.column("odd")).to_numpy(zero_copy_only=False), dtype=np.bool_)
    )


def _few_cells(texts: list[str | None], value: str, odd: str, storage: StorageType) -> CellsRead:
    """The same for a few texts, by a statement that is prepared once: planning it takes milliseconds, running it none."""
    import numpy as np
    import pyarrow as pa

    rows: list[tuple[Any, bool]] = []
    if texts:
        result = f"epoch_us({value})" if storage in _FEW_TYPES else value
        name = _own.prepared(
            f"SELECT value, {odd} AS odd "  # noqa: S608
            f"FROM (SELECT t, {result} AS value FROM (SELECT unnest($1::VARCHAR[]) AS t))"
        )
        cells = ", ".join("NULL" if text is None else sql_literal(text) for text in texts)
        rows = _own.database.execute(f"EXECUTE {name}([{cells}])").fetchall()
    values = pa.array([row[0] for row in rows], _FEW_TYPES.get(storage, _ARROW_TYPES[storage]))
    return CellsRead(values.cast(_ARROW_TYPES[storage]), np.asarray([row[1] for row in rows], dtype=np.bool_))


class _OwnDatabase(threading.local):
    """A database for each thread, because opening one takes longer than reading a row; and its prepared statements."""

    def __init__(self) -> None:
        self._database: duckdb.DuckDBPyConnection | None = None
        self._statements: dict[str, str] = {}

    @property
    def database(self) -> "duckdb.DuckDBPyConnection":
        if self._database is None:
            import duckdb

            self._database = duckdb.connect(config={"threads": 1})
            self._database.execute("SET TimeZone = 'UTC'")
        return self._database

    def prepared(self, query: str) -> str:
        """The name of the prepared statement `query`."""
        if query not in self._statements:
            if len(self._statements) >= _STATEMENTS:
                for name in self._statements.values():
                    self.database.execute(f"DEALLOCATE {name}")
                self._statements.clear()
            name = f"statement_{len(self._statements)}"
            self.database.execute(f"PREPARE {name} AS {query}")
            self._statements[query] = name
        return self._statements[query]


_own: Final = _OwnDatabase()


def _one_array(column: Any) -> Any:
    import pyarrow as pa

    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


# SQL -----------------------------------------------------------------------------------------------------------------


def _is_plain(text: str) -> str:
    """SQL: whether `text` (SQL) is ASCII without white space around it."""
    return f"strlen({text}) = length({text}) AND ord({text}) > 32 AND ord({text}[-1]) > 32"


def trimmed(text: str) -> str:
    """SQL: `text` (SQL) without white space around it. Most texts have none, which is quicker to see than to take away."""
    return (
        f"CASE WHEN {_is_plain(text)} THEN {text} "
        f"WHEN NOT regexp_matches({text}, '^[{_SPACES}]|[{_SPACES}]$') THEN {text} "
        f"ELSE trim({text}, {sql_literal(_SPACES)}) END"
    )


def clean_level(text: str) -> str:
    """SQL: `text` (SQL) without white space around it, in Unicode's composed form (NFC).

    Most texts are ASCII with no space around them and stay as they are: trimming costs more than reading them.
    """
    return f"CASE WHEN {_is_plain(text)} THEN {text} ELSE nfc_normalize({trimmed(text)}) END"


def cell_value(text: str, value_format: ValueFormat, column_format: ColumnFormat) -> str:
    """SQL: the value of the cell `text` (SQL), NULL where it is missing or cannot be read."""
    if value_format is TEXT:
        level = clean_level(text)
        if column_format.spellings:
            spellings = column_format.spellings.items()
            entries = ", ".join(f"{sql_literal(spelling)}: {sql_literal(usual)}" for spelling, usual in spellings)
            level = f"coalesce(MAP {{{entries}}}[{level}], {level})"
        return f"CASE WHEN {is_present(text, value_format, column_format)} THEN {level} END"
    value = value_format.sql.replace("{t}", trimmed(text))
    for word in column_format.missing:
        if word not in MISSING_WORDS:  # a number that stands for a missing value, however it is written
            value = f"nullif({value}, {value_format.sql.replace('{t}', sql_literal(word))})"
    return value


def is_odd(text: str, value: str, value_format: ValueFormat, column_format: ColumnFormat) -> str:
    """SQL: whether the cell `text` (SQL) is present though its `value` (SQL) is NULL."""
    return f"CASE WHEN {value} IS NULL THEN {is_present(text, value_format, column_format)} ELSE false END"


def is_present(text: str, value_format: ValueFormat, column_format: ColumnFormat) -> str:
    """SQL: whether the cell `text` (SQL) holds anything but spaces or a word for a missing value."""
    words = column_format.missing
    if value_format is not TEXT:
        words = tuple(dict.fromkeys((*MISSING_IN_NUMBERS, *words)))
    words_missing = f" AND NOT {sql_is_one_of(trimmed(text), words)}" if words else ""
    present = f"({text} IS NOT NULL AND {trimmed(text)} <> ''{words_missing})"
    numbers = [word for word in column_format.missing if value_format is not TEXT and word not in MISSING_WORDS]
    if not numbers:
        return present
    values = ", ".join(value_format.sql.replace("{t}", sql_literal(word)) for word in numbers)
    return f"({present} AND coalesce({value_format.sql.replace('{t}', trimmed(text))} NOT IN ({values}), true))"
