"""Columns of text become columns of numbers, dates and booleans: a plan for each column, and the SQL that converts it.

Text columns are called c0, c1, ..., so that no name from outside ever stands in the SQL. A sample of the rows suggests the
format of each column, and all rows decide: `settle_plans` counts what the format reads, looks at the texts that it does not
read, and chooses again. A table of many columns is converted in groups of columns and of rows, so that it takes no more
memory than a narrow one.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from tabsmith.tables.column_format import MISSING_WORDS, ColumnFormat, OddCell
from tabsmith.tables.database import run_with_progress, sql_is_one_of, sql_literal
from tabsmith.tables.profile.types import StoredColumn
from tabsmith.tables.read.cell_reader import cell_value, clean_level, is_odd, is_present, trimmed
from tabsmith.tables.read.sources import DateOrder
from tabsmith.tables.read.value_formats import MISSING_IN_NUMBERS, TEXT, ValueFormat, uses_decimal_comma
from tabsmith.tables.read.values.format_choice import (
    choose_format,
    day_first_twin,
    is_day_first,
    is_note,
    missing_words,
)
from tabsmith.text import clean

if TYPE_CHECKING:
    import duckdb

_COLUMNS_PER_STATEMENT: Final = 100
_MOST_SQL_COLUMNS: Final = 400  # more columns are converted as long columns: a statement for each takes minutes to plan
_BATCH_CELLS: Final = 400_000  # Python objects at once
_ROW_GROUP_CELLS: Final = 4_000_000
_LONGEST_ROW_GROUP: Final = 100_000  # rows
_COLUMNS_AT_ONCE: Final = 5_000
_TEXTS_AT_ONCE: Final = 8_000_000
_DISTINCT_TEXTS: Final = 1_000  # by which a format is chosen
_MOST_CHOICES: Final = 5  # of a format for one column
_MOST_ODD: Final = 0.05  # of the values of a column
_ODD_CELLS: Final = 20  # that are listed of a column
_ODD_LENGTH: Final = 80
_FAILED_COLUMN: Final = re.compile(r'no value in c(\d+)|converting column "c(\d+)"')
_MISSING: Final = frozenset(MISSING_IN_NUMBERS)


class ColumnPlan(msgspec.Struct, frozen=True):
    """How one text column is converted."""

    position: int
    format: ValueFormat
    missing: tuple[str, ...] = MISSING_WORDS
    sample: Mapping[str, int] = {}  # trimmed texts with the number of their rows
    decimal_comma: bool = False  # the habit of the table
    trim: bool = False  # white space stands around some values of the sample
    fits_sample: bool = False  # the sample holds values, and all are in the format
    verbatim: bool = False  # text exactly as it stands in the file, empty cells too
    is_converted: bool = False  # the column holds values already
    odd_cells: tuple[OddCell, ...] = ()
    odd_count: int = 0

    @property
    def column(self) -> str:
        return f"c{self.position}"

    @property
    def has_values(self) -> bool:
        """Whether the sample holds a value."""
        return self.verbatim or any(text and text not in self.missing for text in self.sample)

    @property
    def column_format(self) -> ColumnFormat:
        return ColumnFormat(self.format.name, self.missing if self.format is TEXT else MISSING_WORDS)

    @property
    def stored(self) -> StoredColumn:
        return StoredColumn(
            self.format.storage, self.column_format, self.odd_cells, self.odd_count, verbatim=self.verbatim
        )


# Planning ------------------------------------------------------------------------------------------------------------


def plan_columns(
    sample: Sequence[Sequence[str]],
    width: int,
    *,
    delimiter: str,
    as_text: bool,
    padded: bool,
    dates: DateOrder | None = None,
) -> tuple[ColumnPlan, ...]:
    """A plan for each of `width` columns, by the rows of `sample`; `padded` if spaces follow the delimiters.

    `dates` is the order of day and month that a person gave for columns that leave it open.
    """
    if as_text:
        return tuple(ColumnPlan(position, TEXT, verbatim=True) for position in range(width))
    columns: list[tuple[str, ...]] = list(zip(*sample, strict=True)) if sample else [()] * width
    counts = [Counter(map(str.strip, column)) for column in columns]
    decimal_comma = uses_decimal_comma(counts, delimiter)
    plans = [
        ColumnPlan(
            position,
            TEXT,
            sample=texts,
            decimal_comma=decimal_comma,
            trim=padded or any(cell[:1].isspace() or cell[-1:].isspace() for cell in column),
        )
        for position, (texts, column) in enumerate(zip(counts, columns, strict=True))
    ]
    return _with_one_date_order([_with_format(plan, _chosen(plan, plan.sample)) for plan in plans], dates)


def _chosen(plan: ColumnPlan, texts: Mapping[str, float]) -> ValueFormat:
    return choose_format(texts, decimal_comma=plan.decimal_comma)


def _with_format(plan: ColumnPlan, value_format: ValueFormat) -> ColumnPlan:
    """The plan with a format, and what the sample says of it."""
    if value_format is TEXT:
        missing = missing_words(plan.sample)
        return msgspec.structs.replace(
            plan, format=TEXT, missing=missing, fits_sample=bool(set(plan.sample) - {"", *missing})
        )
    matches = value_format.pattern.fullmatch
    fits = all(not text or text in _MISSING or matches(text) for text in plan.sample)
    return msgspec.structs.replace(plan, format=value_format, missing=MISSING_WORDS, fits_sample=fits)


def _with_one_date_order(plans: Sequence[ColumnPlan], dates: DateOrder | None) -> tuple[ColumnPlan, ...]:
    """The plans, with dates that leave the order of day and month open in the order `dates`, or in that of the table's
    other dates.
    """
    twins = {plan.position: day_first_twin(plan.format) for plan in plans}
    is_open = {
        position: twin is not None and _with_format(plans[position], twin).fits_sample
        for position, twin in twins.items()
    }
    month_first = any(twin is not None and not is_open[position] for position, twin in twins.items())
    day_first = any(is_day_first(plan.format) for plan in plans) or any(plan.decimal_comma for plan in plans)
    if dates == "month first" or (dates is None and (month_first or not day_first)):
        return tuple(plans)
    return tuple(
        _with_format(plan, twin) if (twin := twins[plan.position]) is not None and is_open[plan.position] else plan
        for plan in plans
    )


# SQL -----------------------------------------------------------------------------------------------------------------


def shared_missing(plans: Sequence[ColumnPlan]) -> tuple[str, ...]:
    """The words that mean a missing value in every column: the CSV reader can take them by itself."""
    if any(plan.verbatim for plan in plans) or not plans:
        return ()
    return tuple(word for word in plans[0].missing if all(word in plan.missing for plan in plans))


def is_certain(plan: ColumnPlan, already_missing: tuple[str, ...]) -> bool:
    """Whether the sample leaves no doubt how a column is read: its values are in one format, and no others are there."""
    if plan.verbatim or plan.format is TEXT:
        return plan.has_values
    return plan.fits_sample and not any(text in _MISSING and text not in already_missing for text in plan.sample)


def native_type(plan: ColumnPlan) -> str:
    """The type with which the CSV reader reads this column: its own conversion where that is as good, else text."""
    return plan.format.native or "VARCHAR"


def first_select(plans: Sequence[ColumnPlan], certain: Sequence[bool], already_missing: tuple[str, ...]) -> str:
    """A select list that converts the certain columns, and fails where the sample was wrong; others stay texts."""
    return ", ".join(
        f"{_strict(plan, already_missing) if is_sure else plan.column} AS {plan.column}"
        for plan, is_sure in zip(plans, certain, strict=True)
    )


def failed_column(error: Exception) -> int | None:
    """The position of the column that `first_select` or the CSV reader could not convert; None if none is named."""
    named = _FAILED_COLUMN.search(str(error))
    return int(named[1] or named[2]) if named else None


def _strict(plan: ColumnPlan, already_missing: tuple[str, ...]) -> str:
    if plan.verbatim:
        return f"coalesce({plan.column}, '')"
    if plan.format is TEXT:
        text = clean_level(plan.column)
        words = tuple(word for word in plan.missing if plan.trim or word not in already_missing)
        present = f"nullif({text}, '')"
        return f"CASE WHEN {sql_is_one_of(text, words)} THEN NULL ELSE {present} END" if words else present
    text = trimmed(plan.column) if plan.trim and not plan.format.native else plan.column
    value = plan.format.strict or f"coalesce({plan.format.sql}, {{error}})"
    value = value.replace("{error}", f"error('no value in {plan.column}')")
    if plan.format.native:
        return value.replace("{t}", text)
    return f"CASE WHEN {text} IS NULL OR {text} = '' THEN NULL ELSE {value.replace('{t}', text)} END"


def _value(plan: ColumnPlan) -> str:
    if plan.is_converted:
        return plan.column
    if plan.verbatim:
        return f"coalesce({plan.column}, '')"
    return cell_value(plan.column, plan.format, plan.column_format)


# All rows decide -----------------------------------------------------------------------------------------------------


class TextColumns(Protocol):
    """Columns of text with all their rows."""

    def count_cells(self, plans: Sequence[ColumnPlan]) -> list[tuple[int, int]]:
        """How many cells of each column its format reads, and how many are present and not read."""

    def count_texts(self, plan: ColumnPlan, *, odd: bool) -> dict[str, int]:
        """Up to a thousand texts of a column with the number of their rows, most frequent first.

        Those that the plan's format does not read if `odd`, else all that are present.
        """

    def odd_cells(self, plan: ColumnPlan) -> list[tuple[int, str]]:
        """The first few cells that the plan's format does not read, with their rows, counted from 0."""


def settle_plans(
    texts: TextColumns, plans: Sequence[ColumnPlan], lines_of: Callable[[Sequence[int]], Sequence[int]]
) -> list[ColumnPlan]:
    """The plans with the formats that all rows decide, and the cells that these do not read.

    `lines_of` gives the lines of the source at which rows stand, 0 if there are no lines.
    """
    settled: dict[int, ColumnPlan] = {}
    waiting: list[ColumnPlan] = []
    for plan in plans:
        if not plan.has_values and not plan.is_converted:
            sample = texts.count_texts(plan, odd=False)
            plan = msgspec.structs.replace(plan, sample=sample)
            plan = _with_format(plan, _chosen(plan, sample))
        if plan.is_converted or plan.verbatim or plan.format is TEXT:
            settled[plan.position] = plan
        else:
            waiting.append(plan)
    for _ in range(_MOST_CHOICES):
        undecided: list[ColumnPlan] = []
        for plan, (read, odd) in zip(waiting, texts.count_cells(waiting), strict=True):
            chosen = _settled_format(texts, plan, read, odd) if odd else plan.format
            changed = _with_format(plan, chosen)
            if chosen is plan.format:
                settled[plan.position] = _with_odd_cells(texts, plan, odd, lines_of) if odd else plan
            elif chosen is TEXT:
                settled[plan.position] = changed
            else:
                undecided.append(changed)
        waiting = undecided
        if not waiting:
            break
    settled |= {plan.position: _with_format(plan, TEXT) for plan in waiting}
    return [settled[plan.position] for plan in plans]


def _settled_format(texts: TextColumns, plan: ColumnPlan, read: int, odd: int) -> ValueFormat:
    """The format of a column of which the plan's format reads `read` cells and does not read `odd`."""
    odd_texts = texts.count_texts(plan, odd=True)
    fitting = {
        text: rows for text, rows in plan.sample.items() if text not in odd_texts and text not in _MISSING and text
    }
    weight = read / max(1, sum(fitting.values()))
    chosen = _chosen(plan, {**{text: rows * weight for text, rows in fitting.items()}, **odd_texts})
    if (
        chosen is plan.format
        and odd > max(1, _MOST_ODD * (read + odd))
        and not all(is_note(text) for text in odd_texts)
    ):
        return TEXT  # texts that look like the format and are not, such as the 31st of February
    return chosen


def _with_odd_cells(
    texts: TextColumns, plan: ColumnPlan, odd: int, lines_of: Callable[[Sequence[int]], Sequence[int]]
) -> ColumnPlan:
    cells = texts.odd_cells(plan)
    lines = lines_of([row for row, _ in cells])
    odd_cells = tuple(OddCell(line, clean(text, _ODD_LENGTH)) for line, (_, text) in zip(lines, cells, strict=True))
    return msgspec.structs.replace(plan, odd_cells=odd_cells, odd_count=odd)


class RelationTexts:
    """The columns of text of a relation (SQL) with the columns c0, c1 ... and `row`, which counts the rows from 0.

    Columns are asked about in groups: a statement with thousands of expressions takes minutes to plan.
    """

    def __init__(self, database: "duckdb.DuckDBPyConnection", relation: str) -> None:
        self._database = database
        self._relation = relation

    def count_cells(self, plans: Sequence[ColumnPlan]) -> list[tuple[int, int]]:
        counts: list[int] = []
        for start in range(0, len(plans), _COLUMNS_PER_STATEMENT):
            group = plans[start : start + _COLUMNS_PER_STATEMENT]
            values = ", ".join(f"{_value(plan)} AS v{plan.position}, {plan.column}" for plan in group)
            selected = ", ".join(
                f"count(v{plan.position}), count(*) FILTER ({_is_odd(plan, f'v{plan.position}')})" for plan in group
            )
            query = f"SELECT {selected} FROM (SELECT {values} FROM {self._relation})"  # noqa: S608
            counts += self._database.execute(query).fetchall()[0]
        return list(zip(counts[::2], counts[1::2], strict=True))

    def count_texts(self, plan: ColumnPlan, *, odd: bool) -> dict[str, int]:
        where = _is_odd(plan, _value(plan)) if odd else is_present(plan.column, TEXT, ColumnFormat())
        query = (
            f"SELECT {trimmed(plan.column)} AS t, count(*) AS rows FROM {self._relation} WHERE {where} "  # noqa: S608
            f"GROUP BY t ORDER BY rows DESC, t LIMIT {_DISTINCT_TEXTS}"
        )
        return dict(self._database.execute(query).fetchall())

    def odd_cells(self, plan: ColumnPlan) -> list[tuple[int, str]]:
        query = (
            f"SELECT row, {trimmed(plan.column)} FROM {self._relation} WHERE {_is_odd(plan, _value(plan))} "  # noqa: S608
            f"ORDER BY row LIMIT {_ODD_CELLS}"
        )
        return self._database.execute(query).fetchall()


def _is_odd(plan: ColumnPlan, value: str) -> str:
    return is_odd(plan.column, value, plan.format, plan.column_format)


# Conversion of a Parquet file of texts -------------------------------------------------------------------------------


def convert_text_rows(
    database: "duckdb.DuckDBPyConnection",
    text_rows: Path,
    plans: Sequence[ColumnPlan],
    out: Path,
    advance: Callable[[float], None],
    *,
    lines_of: Callable[[Sequence[int]], Sequence[int]],
    kept: tuple[str, ...] = (),
) -> tuple[ColumnPlan, ...]:
    """Convert the Parquet file `text_rows` to the Parquet file `out`; returns the plans that fit all rows.

    `lines_of` gives the lines at which rows (counted from 0) stand in the source. `kept` names further columns that are
    copied as they are. `advance` is called with the share that is done (0 to 1).
    """
    if len(plans) > _MOST_SQL_COLUMNS:
        return _convert_wide(database, text_rows, plans, out, advance, lines_of, kept)
    relation = (
        f"(SELECT *, file_row_number AS row FROM read_parquet({sql_literal(str(text_rows))}, file_row_number=true))"  # noqa: S608
    )
    settled = settle_plans(RelationTexts(database, relation), plans, lines_of)
    advance(0.4)
    selected = ", ".join((*(f"{_value(plan)} AS {plan.column}" for plan in settled), *kept))
    rows = min(_LONGEST_ROW_GROUP, max(2_048, _ROW_GROUP_CELLS // len(plans)))
    run_with_progress(
        database,
        f"COPY (SELECT {selected} FROM {relation}) TO {sql_literal(str(out))} (FORMAT parquet, ROW_GROUP_SIZE {rows})",  # noqa: S608
        lambda share: advance(0.4 + 0.6 * share),
    )
    return tuple(settled)


def converted_select(plans: Sequence[ColumnPlan]) -> str:
    """A select list that converts text columns by their formats, cell by cell."""
    return ", ".join(f"{_value(plan)} AS {plan.column}" for plan in plans)


# Wide tables ---------------------------------------------------------------------------------------------------------


def _convert_wide(
    database: "duckdb.DuckDBPyConnection",
    text_rows: Path,
    plans: Sequence[ColumnPlan],
    out: Path,
    advance: Callable[[float], None],
    lines_of: Callable[[Sequence[int]], Sequence[int]],
    kept: tuple[str, ...],
) -> tuple[ColumnPlan, ...]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(text_rows, pre_buffer=False) as file:
        at_once = max(1, min(_COLUMNS_AT_ONCE, _TEXTS_AT_ONCE // max(1, file.metadata.num_rows)))
        settled: list[ColumnPlan] = []
        for start in range(0, len(plans), at_once):
            part = plans[start : start + at_once]
            if not all(plan.verbatim or plan.is_converted for plan in part):
                texts = file.read(columns=[plan.column for plan in part], use_threads=False)
                part = settle_plans(_LongTexts(database, texts), part, lines_of)
            settled += part
            advance(0.5 * len(settled) / len(plans))
        _write_converted(database, file, settled, out, advance, kept)
    return tuple(settled)


class _LongTexts:
    """The columns of text of an Arrow table. Columns that need the same SQL are asked about as one long column."""

    def __init__(self, database: "duckdb.DuckDBPyConnection", texts: Any) -> None:
        self._database = database
        self._texts = texts

    def count_cells(self, plans: Sequence[ColumnPlan]) -> list[tuple[int, int]]:
        counts: dict[int, tuple[int, int]] = {}
        for group in _alike(plans):
            first = msgspec.structs.replace(group[0], position=0)
            self._database.register("texts", _long_column(self._texts, group))
            query = (
                f"SELECT v IS NOT NULL AS read, {_is_odd(first, 'v')} AS odd "  # noqa: S608
                f"FROM (SELECT c0, {_value(first)} AS v FROM texts)"
            )
            read, odd = (
                column.to_numpy().reshape(len(group), self._texts.num_rows).sum(axis=1).tolist()
                for column in self._database.sql(query).to_arrow_table().columns
            )
            counts |= {plan.position: (read[index], odd[index]) for index, plan in enumerate(group)}
        return [counts[plan.position] for plan in plans]

    def count_texts(self, plan: ColumnPlan, *, odd: bool) -> dict[str, int]:
        return self._relation(plan).count_texts(_first(plan), odd=odd)

    def odd_cells(self, plan: ColumnPlan) -> list[tuple[int, str]]:
        return self._relation(plan).odd_cells(_first(plan))

    def _relation(self, plan: ColumnPlan) -> RelationTexts:
        self._database.register("texts", _long_column(self._texts, [plan]))
        return RelationTexts(self._database, "(SELECT c0, row_number() OVER () - 1 AS row FROM texts)")


def _first(plan: ColumnPlan) -> ColumnPlan:
    return msgspec.structs.replace(plan, position=0)


def _alike(plans: Sequence[ColumnPlan]) -> list[list[ColumnPlan]]:
    """Plans whose columns need the same SQL, together."""
    groups: dict[tuple[object, ...], list[ColumnPlan]] = {}
    for plan in plans:
        groups.setdefault((plan.format.name, plan.missing, plan.verbatim), []).append(plan)
    return list(groups.values())


def _long_column(texts: Any, plans: Sequence[ColumnPlan]) -> Any:
    """The columns of `plans` below each other, as the one column c0."""
    import pyarrow as pa

    chunks = [chunk for plan in plans for chunk in texts.column(plan.column).chunks]
    return pa.table({"c0": pa.chunked_array(chunks, pa.large_string())})


def _write_converted(
    database: "duckdb.DuckDBPyConnection",
    file: Any,
    plans: Sequence[ColumnPlan],
    out: Path,
    advance: Callable[[float], None],
    kept: tuple[str, ...],
) -> None:
    """Convert one row group of `file` after the other, columns that are alike together."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer = None
    try:
        for row_group in range(file.num_row_groups):
            texts = file.read_row_group(row_group, use_threads=False)
            columns: dict[str, Any] = {name: texts.column(name) for name in kept}
            for group in _alike(plans):
                database.register("texts", _long_column(texts, group))
                select = converted_select([_first(group[0])])
                values = database.sql(f"SELECT {select} FROM texts").to_arrow_table().column(0).combine_chunks()  # noqa: S608
                for index, plan in enumerate(group):
                    columns[plan.column] = values.slice(index * texts.num_rows, texts.num_rows)
            names = [*(plan.column for plan in plans), *kept]
            table = pa.table([columns[name] for name in names], names=names)
            writer = writer or pq.ParquetWriter(out, table.schema)
            writer.write_table(table)
            advance(0.5 + 0.5 * (row_group + 1) / file.num_row_groups)
    finally:
        if writer is not None:
            writer.close()
