"""Delimited text becomes a snapshot: the fast path straight through DuckDB, the careful path line by line."""

import os
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

import msgspec

from tabsmith.errors import ReadError
from tabsmith.tables.database import connect, run_with_progress, sql_literal, sql_literals
from tabsmith.tables.info import Dialect, LineNote, Route
from tabsmith.tables.read.arrow_columns import numbered_names, unique_names
from tabsmith.tables.read.careful_parser import LineNotes, LineParser, decode_lines
from tabsmith.tables.read.csv_dialect import SNIFFED, SniffResult, sniff_dialect
from tabsmith.tables.read.encoding import detect_encoding, fits_utf8, unpacked, write_utf8
from tabsmith.tables.read.guard import GuardedFile, OpenedFile
from tabsmith.tables.read.text_columns import (
    ColumnPlan,
    convert_text_rows,
    narrow_plans,
    native_type,
    plan_columns,
    safe_select,
    shared_missing,
    strict_select,
    write_text_rows,
)
from tabsmith.tables.read.value_formats import MISSING_IN_NUMBERS, TEXT

if TYPE_CHECKING:
    import duckdb

_HEAD: Final = 4 * SNIFFED  # bytes
_WIDE_HEAD: Final = 16 * _HEAD  # when the first lines are long
_LEAST_LINES: Final = 20
_PLACES: Final = 12  # in a large file, from which more rows are sampled
_PLACE: Final = 32_768  # bytes
_MOST_COLUMNS: Final = 20_000
_MOST_FAST: Final = 1_200  # columns: DuckDB holds 2,048 rows of all of them, several times
_ROW_GROUP: Final = 122_880  # rows of a narrow snapshot that are written at once
_ROW_GROUP_CELLS: Final = 6_000_000

Progress = Callable[[float, str], None]


class DelimitedResult(msgspec.Struct, frozen=True):
    """What reading a delimited text gave, beside the snapshot file that was written."""

    names: tuple[str, ...]
    storages: tuple[str, ...]
    route: Route
    encoding: str
    dialect: Dialect
    repaired: tuple[LineNote, ...]
    rejected: tuple[LineNote, ...]
    repaired_count: int
    rejected_count: int


def read_delimited(
    opened: OpenedFile, out: Path, *, as_text: bool, max_mb: float, scratch: Path, progress: Progress
) -> DelimitedResult:
    """Read a delimited text into the Parquet file `out`, with columns c0, c1 ... Raises ReadError."""
    file = opened.file
    with opened.open() as stream:
        head = b"".join(islice(_head(stream, file), 64))[:_HEAD]
    encoding = detect_encoding(head)
    plain = opened.name
    if file.compression != "none" or encoding != "utf-8":
        plain = str(scratch / "plain.txt")
        with opened.open() as stream:
            write_utf8(
                stream, Path(plain), compression=file.compression, encoding=encoding, max_mb=max_mb, shown=file.shown,
                advance=lambda done: progress(0.2 * done / file.size, "unpacking"),
            )  # fmt: skip
    with Path(plain).open("rb") as text:
        return _DelimitedReader(plain, text, file.shown, encoding, as_text, scratch, progress).into(
            out, tabs=file.format == "tsv"
        )


def _head(stream: BinaryIO, file: GuardedFile) -> Iterator[bytes]:
    total = 0
    for piece in unpacked(stream, file.compression, file.shown):
        yield piece
        total += len(piece)
        if total >= _HEAD:
            return


class _DelimitedReader:
    """One delimited text on its way into a snapshot. `plain` names it as UTF-8 text."""

    def __init__(
        self, plain: str, text: BinaryIO, shown: str, encoding: str, as_text: bool, scratch: Path, progress: Progress
    ) -> None:
        self._plain = plain
        self._text = text
        self._shown = shown
        self._encoding = encoding
        self._as_text = as_text
        self._scratch = scratch
        self._progress = progress
        self._size = max(1, os.fstat(text.fileno()).st_size)

    def into(self, out: Path, *, tabs: bool) -> DelimitedResult:
        head = self._text.read(_HEAD)
        if len(head) == _HEAD and head.count(b"\n", 0, SNIFFED) < _LEAST_LINES:
            head += self._text.read(_WIDE_HEAD)
        text = head.decode("utf-8", "replace")
        if len(head) < self._size:
            text = text[:-4]
        sniffed = sniff_dialect(text, tabs=tabs)
        self._require_table(sniffed, text)
        names = unique_names(sniffed.names) if sniffed.dialect.header else numbered_names(sniffed.width)
        sample = (*sniffed.sample, *self._more_sample(sniffed))
        plans = plan_columns(
            sample,
            sniffed.width,
            delimiter=sniffed.dialect.delimiter,
            as_text=self._as_text,
            padded=sniffed.padded and not self._as_text,
        )
        notes = LineNotes()
        route: Route = "careful"
        with connect(spill=self._scratch) as database:
            done = None
            if sniffed.clean and sniffed.width <= _MOST_FAST and fits_utf8(head):
                done = self._fast(database, sniffed, plans, out)
            if done is not None:
                route = "fast"
            else:
                done = self._careful(database, sniffed, plans, notes, out)
        return DelimitedResult(
            names=names,
            storages=tuple(plan.reading.storage for plan in done),
            route=route,
            encoding=self._encoding,
            dialect=sniffed.dialect,
            repaired=tuple(notes.repaired),
            rejected=tuple(notes.rejected),
            repaired_count=notes.repaired_count,
            rejected_count=notes.rejected_count,
        )

    def _require_table(self, sniffed: SniffResult, text: str) -> None:
        if sniffed.width == 0:
            raise ReadError(
                "The file holds no columns: only empty lines.", where=self._shown, next_step="Choose another file."
            )
        if sniffed.width > _MOST_COLUMNS:
            raise ReadError(
                f"The file seems to have {sniffed.width:,} columns; tabsmith reads up to {_MOST_COLUMNS:,}.",
                where=self._shown,
                next_step="Turn the table around, or keep fewer columns.",
            )
        odd = sum(1 for character in text[:20_000] if ord(character) < 32 and character not in "\t\r\n\f\v")
        odd += text[:20_000].count("\ufffd")
        if sniffed.width == 1 and odd > 0.02 * len(text[:20_000]):
            raise ReadError(
                "The file is not a table: it has one column, and that is not readable text.",
                where=self._shown,
                next_step="Check that this is the right file, and export the table as CSV.",
            )

    def _more_sample(self, sniffed: SniffResult) -> list[tuple[str, ...]]:
        """Rows from further places of a large file, where the lines are plain."""
        if not sniffed.clean or self._size < 2 * _HEAD:
            return []
        rows: list[tuple[str, ...]] = []
        delimiter, quote = sniffed.dialect.delimiter, sniffed.dialect.quote
        for place in range(1, _PLACES + 1):
            piece = os.pread(self._text.fileno(), _PLACE, self._size * place // (_PLACES + 1))
            lines = piece.decode("utf-8", "replace").splitlines()[1:-1]
            for line in lines:
                if quote not in line:
                    cells = line.split(delimiter)
                    if len(cells) == sniffed.width:
                        rows.append(tuple(cells))
        return rows

    def _fast(
        self, database: "duckdb.DuckDBPyConnection", sniffed: SniffResult, plans: tuple[ColumnPlan, ...], out: Path
    ) -> tuple[ColumnPlan, ...] | None:
        """The plans with which the whole text was read, or None when it breaks the rules somewhere."""
        import duckdb

        words = shared_missing(plans)
        try:
            if all(plan.seen or plan.kept for plan in plans):
                relation = self._csv(sniffed, words, [native_type(plan) for plan in plans])
                try:
                    self._copy(database, strict_select(plans, words), relation, len(plans), out)
                except (duckdb.ConversionException, duckdb.InvalidInputException):
                    pass  # perhaps only a type that the sample suggested: the next reading tells
                else:
                    return plans
            relation = self._csv(sniffed, (), ["VARCHAR"] * len(plans))
            plans = narrow_plans(database, relation, plans)
            self._copy(database, safe_select(plans), relation, len(plans), out)
        except (duckdb.ConversionException, duckdb.InvalidInputException):
            return None
        return plans

    def _csv(self, sniffed: SniffResult, words: tuple[str, ...], types: Sequence[str]) -> str:
        columns = ", ".join(f"'c{position}': '{kind}'" for position, kind in enumerate(types))
        dialect = sniffed.dialect
        return (
            f"read_csv({sql_literal(self._plain)}, auto_detect=false, header=false, skip={sniffed.first - 1}, "
            f"columns={{{columns}}}, delim={sql_literal(dialect.delimiter)}, quote={sql_literal(dialect.quote)}, "
            f"escape={sql_literal(dialect.escape)}, nullstr=[{sql_literals(('', *words))}], compression='none', "
            "strict_mode=true, null_padding=false, ignore_errors=false)"
        )

    def _copy(self, database: "duckdb.DuckDBPyConnection", columns: str, relation: str, width: int, out: Path) -> None:
        rows = min(_ROW_GROUP, max(2_048, _ROW_GROUP_CELLS // width))
        run_with_progress(
            database,
            f"COPY (SELECT {columns} FROM {relation}) TO {sql_literal(str(out))} "  # noqa: S608
            f"(FORMAT parquet, ROW_GROUP_SIZE {rows})",
            lambda share: self._progress(0.2 + 0.6 * share, "reading"),
        )

    def _careful(
        self,
        database: "duckdb.DuckDBPyConnection",
        sniffed: SniffResult,
        plans: tuple[ColumnPlan, ...],
        notes: LineNotes,
        out: Path,
    ) -> tuple[ColumnPlan, ...]:
        """Read line by line into raw text columns, then convert these."""
        raw = self._scratch / "raw.parquet"
        self._text.seek(0)
        lines = decode_lines(self._text, notes)
        above = list(islice(lines, sniffed.first - 1))
        if sniffed.units and above:
            notes.reject(sniffed.first - 1, "a second header line, not a row", above[-1])
        parser = LineParser(sniffed.dialect, sniffed.width, _fits(plans), notes)
        if sniffed.ends_empty:
            parser.expect_last_delimiter()
        count = write_text_rows(parser.rows(lines, sniffed.first), sniffed.width, raw, self._advance)
        if count == 0 and notes.rejected_count:
            first = notes.rejected[0]
            raise ReadError(
                f"No line could be read as a row; the first fails because of {first.reason} (line {first.line}).",
                where=self._shown,
                next_step="Look at the file's delimiter and quotes, or export it again as CSV.",
            )
        if count == 0:
            raise ReadError(
                "The file has a header but no rows.",
                where=self._shown,
                next_step="Choose a file with rows, or check this one.",
            )
        return convert_text_rows(
            database, raw, plans, out, lambda share: self._progress(0.6 + 0.2 * share, "converting")
        )

    def _advance(self) -> None:
        self._progress(0.2 + 0.4 * self._text.tell() / self._size, "reading line by line")


def _fits(plans: Sequence[ColumnPlan]) -> Callable[[int, str], bool]:
    def fits(position: int, cell: str) -> bool:
        plan = plans[position]
        text = cell.strip()
        if plan.reading is TEXT or not plan.seen or not text or text in MISSING_IN_NUMBERS:
            return True
        return any(reading.pattern.fullmatch(text) for reading in plan.readings[:-1])

    return fits
