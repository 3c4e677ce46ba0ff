"""A long text in blocks of whole lines: a block by the rules is parsed at once by Arrow, any other one line by line.

A block counts as written by the rules only if each of its lines is one row of the right width, no quote stands within
a value unescaped, and no row is the header once more. So one bad line costs the time of its block alone.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

from tabsmith.tables.info import Dialect
from tabsmith.tables.read.csv_dialect import is_plain

BLOCK: Final = 4 << 20
"""Bytes of a block, about."""

_CUTS: Final = 200  # line ends, from the end of a block, at which it may be cut
_BATCH_CELLS: Final = 400_000  # Python objects at once
_ROW_GROUP_CELLS: Final = 4_000_000
_LONGEST_ROW_GROUP: Final = 100_000  # rows
_EMPTY_LINE: Final = re.compile(rb"\A\r?\n|\n\r?\n|\r(?!\n)")  # or a line that ends in a carriage return alone


class LineBlock(NamedTuple):
    """Whole lines of a text, and the number of the first of them."""

    data: bytes
    line: int
    is_last: bool


def text_blocks(stream: BinaryIO, first: int, dialect: Dialect, *, size: int = BLOCK) -> Iterator[LineBlock]:
    """The rest of `stream` in blocks of about `size` bytes, the first of which begins at line `first`.

    A block ends behind a line in which every quote that was opened is closed, so that no value lies in two blocks.
    """
    data = stream.read(size)
    while ahead := stream.read(size):
        end = _cut(data, dialect)
        if end:
            yield LineBlock(data[:end], first, is_last=False)
            first += _count_lines(data[:end])
        data = data[end:] + ahead
    yield LineBlock(data, first, is_last=True)


def _cut(data: bytes, dialect: Dialect) -> int:
    """Where a block ends: behind the last line up to which all quotes close each other; 0 for no end as yet."""
    newline = b"\n" if b"\n" in data else b"\r"
    quote = dialect.quote.encode()
    end = last = data.rfind(newline) + 1
    open_quotes = data.count(quote, 0, end) if quote else 0
    for _ in range(_CUTS):
        if open_quotes % 2 == 0:
            return end
        start = data.rfind(newline, 0, end - 1) + 1
        open_quotes -= data.count(quote, start, end)
        end = start
    return last


def _count_lines(data: bytes) -> int:
    return data.count(b"\n") + data.count(b"\r") - data.count(b"\r\n")


def parse_block(block: LineBlock, dialect: Dialect, names: Sequence[str], width: int, *, drops_last: bool) -> Any:
    """The block as an Arrow table of texts with columns c0, c1 ..., or None if it is to be read line by line."""
    import pyarrow as pa
    from pyarrow import csv

    if not is_plain(dialect) or _EMPTY_LINE.search(block.data) or _has_stray_quotes(block.data, dialect):
        return None
    columns = [f"c{position}" for position in range(width + drops_last)]
    try:
        table = csv.read_csv(
            pa.BufferReader(block.data),
            csv.ReadOptions(use_threads=False, block_size=len(block.data) + 1, column_names=columns),
            csv.ParseOptions(delimiter=dialect.delimiter, quote_char=dialect.quote or False, newlines_in_values=True),
            csv.ConvertOptions(column_types=dict.fromkeys(columns, pa.large_string()), strings_can_be_null=False),
        )
    except pa.ArrowInvalid:
        return None
    if table.num_rows != block.data.count(b"\n") or _holds_header(table, names):
        return None
    if drops_last:
        if set(table.column(width).unique().to_pylist()) != {""}:
            return None
        table = table.select(columns[:width])
    return table


def _has_stray_quotes(data: bytes, dialect: Dialect) -> bool:
    """Whether a quote stands within a value, neither at its edge nor beside another quote."""
    quote, delimiter = re.escape(dialect.quote.encode()), re.escape(dialect.delimiter.encode())
    if not quote or dialect.quote.encode() not in data:
        return False
    within = b"[^" + delimiter + quote + rb"\r\n]"
    return re.search(within + quote + within, data) is not None


def _holds_header(table: Any, names: Sequence[str]) -> bool:
    """Whether a row is the header once more."""
    import pyarrow.compute as pc

    if not names or not pc.any(pc.equal(table.column(0), names[0])).as_py():
        return False
    return any(tuple(row.values()) == tuple(names) for row in table.to_pylist() if row["c0"] == names[0])


# Tables of texts on disk ---------------------------------------------------------------------------------------------


def text_tables(rows: Iterator[list[str]], columns: Sequence[str]) -> Iterator[Any]:
    """Rows of texts as Arrow tables with the columns called `columns`, some thousands of rows each."""
    import pyarrow as pa

    while batch := list(islice(rows, max(20, _BATCH_CELLS // len(columns)))):
        arrays = [pa.array(values, pa.large_string()) for values in zip(*batch, strict=True)]
        yield pa.table(arrays, names=list(columns))


def write_text_tables(tables: Iterator[Any], columns: Sequence[str], out: Path, advance: Callable[[], None]) -> int:
    """Write Arrow tables of texts to a Parquet file with the columns called `columns`; returns the number of rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(column, pa.large_string()) for column in columns])
    group_rows = min(_LONGEST_ROW_GROUP, max(20, _ROW_GROUP_CELLS // len(columns)))
    count = waiting_rows = 0
    waiting: list[Any] = []
    with pq.ParquetWriter(out, schema, compression="none", use_dictionary=False, write_statistics=False) as writer:
        for table in tables:
            waiting.append(table)
            waiting_rows += table.num_rows
            count += table.num_rows
            if waiting_rows >= group_rows:
                writer.write_table(pa.concat_tables(waiting))
                waiting, waiting_rows = [], 0
            advance()
        if waiting:
            writer.write_table(pa.concat_tables(waiting))
    return count
