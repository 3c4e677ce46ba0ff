"""CSV, TSV and other delimited text: the fast path straight through DuckDB, the careful path line by line."""

import codecs
import dataclasses
import io
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import msgspec

from tabsmith.errors import ReadError
from tabsmith.tables.database import run_with_progress, sql_literal, sql_literals
from tabsmith.tables.info import REASON_COLUMN
from tabsmith.tables.read.arrow_columns import numbered_names, unique_names
from tabsmith.tables.read.careful_parser import LineNotes, LineParser, decode_lines
from tabsmith.tables.read.csv_dialect import SNIFFED, SniffResult, sniff_dialect, split_line
from tabsmith.tables.read.encoding import (
    EncodingGuess,
    decode_text,
    detect_encoding,
    fits_utf8,
    guess_encoding,
    unpacked,
    write_utf8,
)
from tabsmith.tables.read.formats.base import (
    FileFormat,
    FileHead,
    ReadRequest,
    ReadResult,
    RowsAndColumns,
    estimated_text_size,
)
from tabsmith.tables.read.opened_file import GuardedFile, OpenedFile
from tabsmith.tables.read.rows.column_shapes import column_shapes
from tabsmith.tables.read.rows.table_structure import could_be_remark, is_footer, is_remark, is_total
from tabsmith.tables.read.rows.text_blocks import parse_block, text_blocks, text_tables, write_text_tables
from tabsmith.tables.read.rows.wide_delimiters import NARROW, find_wide_delimiter, narrowed, write_narrowed
from tabsmith.tables.read.sources import ReadOptions
from tabsmith.tables.read.table_limits import require_columns
from tabsmith.tables.read.value_formats import TEXT
from tabsmith.tables.read.values.row_lines import RowLines, lines_in_file
from tabsmith.tables.read.values.text_columns import (
    ColumnPlan,
    convert_text_rows,
    failed_column,
    first_select,
    is_certain,
    native_type,
    plan_columns,
    shared_missing,
)

if TYPE_CHECKING:
    import duckdb

_HEAD: Final = 4 * SNIFFED  # bytes
_WIDE_HEAD: Final = 16 * _HEAD  # bytes read further if the first lines are long
_LEAST_LINES: Final = 20
_SAMPLED_PLACES: Final = 12  # places in a large file from which more rows are sampled
_TAIL: Final = 16_384  # bytes at the end of the text in which a total or a remark is looked for
_SAMPLED_BYTES: Final = 32_768  # at each place
_LEAST_NAMES: Final = 2  # by which a repeated header is known
_COMPARED_NAMES: Final = 4
_MOST_FAST_COLUMNS: Final = 1_200  # DuckDB holds 2,048 rows of all columns, several times
_ROW_GROUP: Final = 122_880  # rows of a narrow snapshot that are written at once
_ROW_GROUP_CELLS: Final = 6_000_000
_MOST_ATTEMPTS: Final = 4  # to convert columns while the text is read; each one that fails sets a column aside as text
_TSV_SUFFIXES: Final = (".tsv", ".tab")


def _read(request: ReadRequest) -> ReadResult:
    file = request.opened.file
    given = request.options.encoding
    guess = EncodingGuess(codecs.lookup(given).name) if given else guess_encoding(_head(request.opened))
    encoding = guess.name
    plain_path = request.opened.name
    if file.compression != "none" or encoding != "utf-8":
        plain_path = str(request.scratch / "plain.txt")
        write_utf8(
            request.opened, Path(plain_path), encoding=encoding, max_mb=request.max_mb,
            advance=lambda done: request.progress(0.2 * done / file.size, "unpacking"),
        )  # fmt: skip
    wide = _wide_delimiter(plain_path, request.options)
    if wide:
        narrow_path = request.scratch / "narrow.txt"
        write_narrowed(Path(plain_path), narrow_path, wide)
        plain_path = str(narrow_path)
        options = msgspec.structs.replace(request.options, delimiter=NARROW)
        request = dataclasses.replace(request, options=options)
    with Path(plain_path).open("rb") as text:
        result = _DelimitedReader(request, plain_path, text).read(guess)
    if wide:
        result = dataclasses.replace(result, dialect=msgspec.structs.replace(result.dialect, delimiter=wide))
    return result


def _wide_delimiter(plain_path: str, options: ReadOptions) -> str:
    """The delimiter of several characters of a UTF-8 text, as given or as found in its first lines; "" for one character."""
    if options.delimiter is not None:
        return options.delimiter if len(options.delimiter) > 1 else ""
    with Path(plain_path).open("rb") as text:
        return find_wide_delimiter(text.read(SNIFFED).decode("utf-8", "replace"))


def _head(opened: OpenedFile) -> bytes:
    """The first megabyte of a file, unpacked."""
    head = b""
    with opened.open() as stream:
        for piece in unpacked(stream, opened.file.compression, opened.file.display_path):
            head += piece
            if len(head) >= _HEAD:
                break
    return head[:_HEAD]


class _DelimitedReader:
    """Reads one delimited text, which is plain UTF-8 at `plain_path` and open as `text`, into a snapshot."""

    def __init__(self, request: ReadRequest, plain_path: str, text: BinaryIO) -> None:
        self._request = request
        self._plain_path = plain_path
        self._text = text
        self._display_path = request.opened.file.display_path
        self._size = max(1, os.fstat(text.fileno()).st_size)

    def read(self, encoding: EncodingGuess) -> ReadResult:
        head = self._text.read(_HEAD)
        if len(head) == _HEAD and head.count(b"\n", 0, SNIFFED) < _LEAST_LINES:
            head += self._text.read(_WIDE_HEAD)
        head_text = head.decode("utf-8", "replace")
        if len(head) < self._size:
            head_text = head_text[:-4]  # perhaps cut within a character
        sniffed = sniff_dialect(head_text, self._request.options, tabs=self._request.opened.file.format == TSV.name)
        self._require_table(sniffed, head_text)
        as_text = self._request.as_text
        sample = (*sniffed.sample, *self._further_sample(sniffed))
        plans = plan_columns(
            sample,
            sniffed.width,
            delimiter=sniffed.dialect.delimiter,
            as_text=as_text,
            padded=sniffed.padded and not as_text,
            dates=self._request.options.dates,
        )
        notes = LineNotes()
        for line, text in sniffed.further_header:
            notes.reject(line, "a further header line, not a row", text)
        fast_plans = None
        if sniffed.clean and sniffed.width <= _MOST_FAST_COLUMNS and fits_utf8(head) and not self._has_footer(sniffed):
            fast_plans = self._read_fast(sniffed, plans)
        final_plans = fast_plans or self._read_carefully(sniffed, plans, sample, notes)
        return ReadResult(
            self._names(sniffed),
            tuple(plan.stored for plan in final_plans),
            route="fast" if fast_plans else "careful",
            encoding=encoding.name,
            other_encodings=encoding.others,
            dialect=sniffed.dialect,
            notes=notes,
        )

    def _names(self, sniffed: SniffResult) -> tuple[str, ...]:
        """The names of the columns: as many as a person gave, the others by the header."""
        given = self._request.options.columns[: sniffed.width]
        if not sniffed.dialect.header:
            return unique_names((*given, *numbered_names(sniffed.width)[len(given) :]))
        return unique_names((*given, *sniffed.names[len(given) :]))

    def _require_table(self, sniffed: SniffResult, text: str) -> None:
        if sniffed.width == 0:
            raise ReadError(
                "The file holds no columns: only empty lines.",
                where=self._display_path,
                next_step="Choose another file.",
            )
        require_columns(sniffed.width, self._display_path)
        start = text[:20_000]
        readable = {*"\t\r\n\f\v", sniffed.dialect.delimiter}
        unreadable = sum(1 for character in start if ord(character) < 32 and character not in readable)
        unreadable += start.count("\ufffd")
        if sniffed.width == 1 and unreadable > 0.02 * len(start):
            raise ReadError(
                "The file is not a table: it has one column, and that is not readable text.",
                where=self._display_path,
                next_step="Check that this is the right file, and export the table as CSV.",
            )

    def _further_sample(self, sniffed: SniffResult) -> list[tuple[str, ...]]:
        """Rows from further places of a large file in which the lines are plain."""
        if not sniffed.clean or self._size < 2 * _HEAD:
            return []
        rows: list[tuple[str, ...]] = []
        for number in range(1, _SAMPLED_PLACES + 1):
            piece = os.pread(self._text.fileno(), _SAMPLED_BYTES, self._size * number // (_SAMPLED_PLACES + 1))
            for line in piece.decode("utf-8", "replace").splitlines()[1:-1]:
                cells = line.split(sniffed.dialect.delimiter)
                if sniffed.dialect.quote not in line and len(cells) == sniffed.width:
                    rows.append(tuple(cells))
        return rows

    def _has_footer(self, sniffed: SniffResult) -> bool:
        """Whether the last lines of the text are a total or a remark below the table, and no rows."""
        tail = os.pread(self._text.fileno(), _TAIL, max(0, self._size - _TAIL)).decode("utf-8", "replace")
        last = re.split(r"[\r\n]", tail.rstrip("\r\n"))[-1]
        row = split_line(last, sniffed.dialect)
        if is_footer(row, sniffed.width) or (is_total(row) and not sniffed.holds_totals):
            return True
        return (
            len(row) == sniffed.width
            and could_be_remark(row)
            and is_remark(row, column_shapes(sniffed.sample, sniffed.width))
        )

    # The fast path ----------------------------------------------------------------------------------------------------

    def _read_fast(self, sniffed: SniffResult, plans: tuple[ColumnPlan, ...]) -> tuple[ColumnPlan, ...] | None:
        """The plans by which DuckDB read the whole text, or None if the text breaks the rules somewhere."""
        import duckdb

        broken = (duckdb.ConversionException, duckdb.InvalidInputException)
        missing = shared_missing(plans)
        certain = [is_certain(plan, missing) for plan in plans]
        texts = self._request.scratch / "texts.parquet"
        as_texts = self._csv_relation(sniffed, (), ["VARCHAR"] * len(plans))
        try:
            if not self._begins_as_sampled(sniffed, as_texts):
                return None
            for _ in range(_MOST_ATTEMPTS):
                if not any(certain):
                    break
                out = self._request.out if all(certain) else texts
                try:
                    self._copy_certain(sniffed, plans, certain, missing, out)
                except broken as error:
                    if _breaks_rules(error):
                        return None
                    position = failed_column(error)  # perhaps only a type that the sample suggested
                    if position is None:
                        break
                    certain[position] = False
                    continue
                read = tuple(
                    msgspec.structs.replace(plan, is_converted=is_sure)
                    for plan, is_sure in zip(plans, certain, strict=True)
                )
                are_texts = all(plan.format is TEXT or not plan.is_converted for plan in read)
                if are_texts and self._repeats_header(sniffed, out):
                    return None
                return read if all(certain) else self._convert(sniffed, texts, read)
            self._copy("*", as_texts, texts, len(plans))
            if self._repeats_header(sniffed, texts):
                return None
        except broken:
            return None
        return self._convert(sniffed, texts, plans)

    def _copy_certain(
        self,
        sniffed: SniffResult,
        plans: Sequence[ColumnPlan],
        certain: Sequence[bool],
        missing: tuple[str, ...],
        out: Path,
    ) -> None:
        """Write the text to `out`, the certain columns as values and the others as texts."""
        types = [native_type(plan) if is_sure else "VARCHAR" for plan, is_sure in zip(plans, certain, strict=True)]
        relation = self._csv_relation(sniffed, missing, types)
        self._copy(first_select(plans, certain, missing), relation, out, len(plans))

    def _convert(self, sniffed: SniffResult, texts: Path, plans: tuple[ColumnPlan, ...]) -> tuple[ColumnPlan, ...]:
        """Convert the columns of the Parquet file `texts` that are still texts; returns their final plans."""
        import pyarrow.parquet as pq

        count = pq.read_metadata(texts).num_rows
        return convert_text_rows(
            self._request.database, texts, plans, self._request.out,
            lambda share: self._request.progress(0.6 + 0.2 * share, "converting"),
            lines_of=lambda rows: lines_in_file(
                Path(self._plain_path), sniffed.dialect, sniffed.first, rows, count=count, width=sniffed.width
            ),
        )  # fmt: skip

    def _repeats_header(self, sniffed: SniffResult, texts: Path) -> bool:
        """Whether a row of the Parquet file `texts` is the header once more, as where files were put together."""
        named = [(position, name) for position, name in enumerate(sniffed.names) if name.strip()]
        if len(named) < _LEAST_NAMES:
            return False
        alike = " AND ".join(f"c{position} = {sql_literal(name)}" for position, name in named[:_COMPARED_NAMES])
        found = f"SELECT 1 FROM read_parquet({sql_literal(str(texts))}) WHERE {alike} LIMIT 1"  # noqa: S608
        return self._request.database.execute(found).fetchall() != []

    def _begins_as_sampled(self, sniffed: SniffResult, relation: str) -> bool:
        """Whether the first row of `relation` (SQL) is the first one of the sample, and no part of the header."""
        if not sniffed.sample:
            return True
        rows = self._request.database.execute(f"SELECT * FROM {relation} LIMIT 1").fetchall()  # noqa: S608
        return [tuple(cell or "" for cell in row) for row in rows] == [sniffed.sample[0]]

    def _csv_relation(self, sniffed: SniffResult, missing: tuple[str, ...], types: Sequence[str]) -> str:
        """SQL that reads the text as columns c0, c1 ... of `types`, the words `missing` as NULL."""
        columns = ", ".join(f"'c{position}': '{type_}'" for position, type_ in enumerate(types))
        dialect = sniffed.dialect
        return (
            f"read_csv({sql_literal(self._plain_path)}, auto_detect=false, header=false, skip={sniffed.records_above}, "
            f"columns={{{columns}}}, delim={sql_literal(dialect.delimiter)}, quote={sql_literal(dialect.quote)}, "
            f"escape={sql_literal(dialect.escape)}, nullstr=[{sql_literals(('', *missing))}], compression='none', "
            "strict_mode=true, null_padding=false, ignore_errors=false)"
        )

    def _copy(self, columns: str, relation: str, out: Path, width: int) -> None:
        rows = min(_ROW_GROUP, max(2_048, _ROW_GROUP_CELLS // width))
        run_with_progress(
            self._request.database,
            f"COPY (SELECT {columns} FROM {relation}) TO {sql_literal(str(out))} "  # noqa: S608
            f"(FORMAT parquet, ROW_GROUP_SIZE {rows})",
            lambda share: self._request.progress(0.2 + 0.6 * share, "reading"),
        )

    # The careful path -------------------------------------------------------------------------------------------------

    def _read_carefully(
        self,
        sniffed: SniffResult,
        plans: tuple[ColumnPlan, ...],
        sample: Sequence[tuple[str, ...]],
        notes: LineNotes,
    ) -> tuple[ColumnPlan, ...]:
        """Read line by line into columns of text, then convert these; returns the plans by which they were."""
        text_rows = self._request.scratch / "raw.parquet"
        rejected_above = notes.rejected_count
        every_row = self._request.options.every_row
        parser = LineParser(
            sniffed.dialect,
            sample,
            sniffed.width,
            notes,
            names=sniffed.names,
            drops_last=sniffed.drops_last,
            ends_in_totals=not sniffed.holds_totals,
            every_row=every_row,
        )
        columns = [*(plan.column for plan in plans), *([REASON_COLUMN] if every_row else [])]
        row_lines = RowLines()
        tables = self._text_tables(sniffed, parser, columns, notes, row_lines)
        count = write_text_tables(tables, columns, text_rows, self._advance)
        if count == 0 and notes.rejected_count > rejected_above:
            first = notes.rejected[-1]
            raise ReadError(
                f"No line could be read as a row; line {first.line} is not, because of: {first.reason}.",
                where=self._display_path,
                next_step="Look at the file's delimiter and quotes, or export it again as CSV.",
            )
        if count == 0:
            raise ReadError(
                "The file has a header but no rows.",
                where=self._display_path,
                next_step="Choose a file with rows, or check this one.",
            )
        return convert_text_rows(
            self._request.database, text_rows, plans, self._request.out,
            lambda share: self._request.progress(0.6 + 0.2 * share, "converting"),
            lines_of=row_lines.lines_of,
            kept=(REASON_COLUMN,) if every_row and notes.rejected_count > rejected_above else (),
        )  # fmt: skip

    def _text_tables(
        self,
        sniffed: SniffResult,
        parser: LineParser,
        columns: Sequence[str],
        notes: LineNotes,
        row_lines: RowLines,
    ) -> Iterator[Any]:
        """The rows of the text as Arrow tables of texts, with the line of each row noted in `row_lines`."""
        self._text.seek(0)
        for _ in range(sniffed.first - 1):
            self._skip_line()
        count = 0
        for block in text_blocks(self._text, sniffed.first, sniffed.dialect):
            table = None
            if not (block.is_last or parser.is_in_second_table):
                table = parse_block(block, sniffed.dialect, sniffed.names, sniffed.width, drops_last=sniffed.drops_last)
            if table is not None:
                row_lines.note(count, block.line)
                tables = iter([_with_reasons(table, columns)])
            else:
                lines = decode_lines(io.BytesIO(block.data), notes, block.line)
                rows = parser.rows(lines, block.line, to_end=block.is_last)
                tables = text_tables(_noted(parser, rows, row_lines, count), columns)
            for part in tables:
                count += part.num_rows
                yield part

    def _skip_line(self) -> None:
        """Read past the end of the next line, which may be a carriage return alone."""
        line = self._text.readline()
        if b"\r" in line[:-2]:
            self._text.seek(line.index(b"\r") + 1 - len(line), os.SEEK_CUR)

    def _advance(self) -> None:
        self._request.progress(0.2 + 0.4 * self._text.tell() / self._size, "reading line by line")


def _breaks_rules(error: "duckdb.Error") -> bool:
    """Whether DuckDB refused a line, not a value."""
    import duckdb

    return isinstance(error, duckdb.InvalidInputException) and "CSV Error on Line" in str(error)


def _noted(parser: LineParser, rows: Iterator[list[str]], row_lines: RowLines, count: int) -> Iterator[list[str]]:
    """The rows as they are, with their lines noted in `row_lines`; `count` rows came before."""
    for number, row in enumerate(rows, count):
        row_lines.note(number, parser.line)
        yield row


def _with_reasons(table: Any, columns: Sequence[str]) -> Any:
    """The table with a further column of reasons, all empty, if `columns` name one."""
    import pyarrow as pa

    if REASON_COLUMN not in columns:
        return table
    return table.append_column(REASON_COLUMN, pa.array([""] * table.num_rows, pa.large_string()))


def _estimate(file: GuardedFile, head: bytes) -> RowsAndColumns:
    text = decode_text(head, detect_encoding(head))
    text = narrowed(text, find_wide_delimiter(text))
    sniffed = sniff_dialect(text, tabs=file.format == TSV.name)
    lines = max(1, text.count("\n") or text.count("\r"))
    all_lines = round(lines * estimated_text_size(file, head) / max(1, len(head)))
    return max(1, all_lines - sniffed.first + 1), max(1, sniffed.width)


def _recognises_tsv(head: FileHead) -> bool:
    return head.suffix in _TSV_SUFFIXES


def _recognises_csv(_head: FileHead) -> bool:
    return True  # any text that is in no other format


_LABEL: Final = "CSV, TSV and other delimited text"
_CSV_SUFFIXES: Final = (".csv", ".txt", ".psv", ".dat", ".data")
TSV = FileFormat(
    "tsv", _LABEL, _TSV_SUFFIXES, _recognises_tsv, _read, _estimate, holds_texts=True, is_text=True, is_lines=True
)
CSV = FileFormat(
    "csv", _LABEL, _CSV_SUFFIXES, _recognises_csv, _read, _estimate, holds_texts=True, is_text=True, is_lines=True
)
