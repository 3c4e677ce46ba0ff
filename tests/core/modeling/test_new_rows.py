"""New rows read as the training table was: each cell by itself, whatever stands beside it and wherever it comes from."""

import datetime as dt
import decimal
import sqlite3
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tabsmith.modeling.new_rows import ColumnReader, KnownLevels, NewRowsReader
from tabsmith.modeling.results import MatchedColumn, UnreadCell, UnreadCells, UnseenLevels
from tabsmith.modeling.row_batches import NewRows, new_rows_source, open_rows
from tabsmith.modeling.rows import RowArrays
from tabsmith.modeling.training_data import input_columns
from tabsmith.tables.column_format import ColumnFormat
from tabsmith.tables.read.reader import read_source
from tabsmith.tables.read.sources import FileSource
from tabsmith.tables.schema.detect import detect_schema
from tabsmith.tables.schema.types import ColumnKind, ColumnSchema, Schema
from tests.soak import rounds

COLUMNS = {
    "number": lambda n: f"{n * 0.37 - 20:.2f}",
    "comma": lambda n: f"{n * 1.5:.1f}".replace(".", ","),
    "money": lambda n: f"${1000 + 37 * n:,.2f}",
    "share": lambda n: f"{n % 101}%",
    "grouped": lambda n: f"{n * 7919:,}",
    "day": lambda n: (dt.date(2023, 1, 1) + dt.timedelta(days=2 * n)).strftime("%d/%m/%Y"),
    "moment": lambda n: (dt.datetime(2023, 1, 1) + dt.timedelta(hours=7 * n)).isoformat(" "),  # noqa: DTZ001
    "answer": lambda n: ("yes", "no")[n % 2],
    "truth": lambda n: ("true", "false")[n // 3 % 2],
    "city": lambda n: ("New York", "São Paulo", "Łódź", "東京")[n % 4],
    "version": lambda n: ("1.0", "1.1", "2.0", "2.0.1")[n // 2 % 4],
    "zip": lambda n: ("00501", "10001", "90210")[n // 5 % 3],
    "big": lambda n: str(2**53 + n % 6),
    "words": lambda n: f"the {('old', 'new', 'big')[n % 3]} house, number {n} on the {('left', 'right')[n % 2]}",
}
STRANGE = ("", "NA", "?", "<5", "on request", "2024-02-30", "31/12/2024", "1.0", "1,000", "TRUE", " yes ", "0042")
ROWS = 240


def _texts(row: int) -> list[str]:
    return [make(row) for make in COLUMNS.values()]


def _write(path: Path, rows: list[list[str]]) -> Path:
    frame = pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)
    frame.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def understood(tmp_path_factory: pytest.TempPathFactory) -> tuple[Schema, dict[str, tuple[str, ...]]]:
    """The schema of a table with every kind of column, and the levels of its categories."""
    folder = tmp_path_factory.mktemp("training")
    path = _write(folder / "t.csv", [_texts(row) for row in range(ROWS)])
    schema = detect_schema(read_source(FileSource(str(path)), allowed=(folder,), max_mb=10), "number")
    levels = {
        column.name: tuple(sorted({COLUMNS[column.name](row) for row in range(ROWS)}))
        for column in schema.columns
        if column.kind == "category"
    }
    return schema, levels


def _read(rows: NewRows, schema: Schema, levels: dict[str, tuple[str, ...]]) -> list[list[object]]:
    """The rows as the model reads them: a list of values for each."""
    columns = schema.columns
    reader = NewRowsReader(columns, rows.names, levels)
    return [row for batch in rows.batches for row in _values(reader.read(batch.cells, batch.count))]


def _values(rows: RowArrays) -> list[list[object]]:
    columns = [
        rows.strings(name) if hasattr(column, "levels") else [None if x != x else x for x in column.values.tolist()]
        for name, column in rows.columns.items()
    ]
    return [list(row) for row in zip(*columns, strict=True)]


def test_every_kind_of_column_is_there(understood) -> None:
    schema, _ = understood
    assert {column.kind for column in schema.columns} >= {"numeric", "date", "boolean", "category", "text"}
    assert len({column.format.name for column in schema.columns}) >= 7


@pytest.mark.soak
@settings(max_examples=rounds(25, 8), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_row_gets_the_same_values_alone_in_any_company_in_any_order_from_file_and_frame(
    understood, tmp_path: Path, data: st.DataObject
) -> None:
    schema, levels = understood
    numbers = data.draw(st.lists(st.integers(0, 400), min_size=1, max_size=6))
    rows = [_texts(number) for number in numbers]
    for row in rows:  # cells that no column expects, among those that it knows
        for position in data.draw(st.lists(st.integers(1, len(COLUMNS) - 1), max_size=4)):
            row[position] = data.draw(st.sampled_from(STRANGE))
    expected = tuple(column.name for column in input_columns(schema))

    def of_file(some: list[list[str]]) -> list[list[object]]:
        path = _write(tmp_path / "rows.csv", some)
        info = read_source(new_rows_source(FileSource(str(path)), expected), allowed=(tmp_path,), max_mb=10)
        assert info.rows == len(some)
        return _read(open_rows(path, expected), schema, levels)

    together = of_file(rows)
    shuffled = data.draw(st.permutations(range(len(rows))))
    assert of_file([rows[number] for number in shuffled]) == [together[number] for number in shuffled]
    alone = data.draw(st.integers(0, len(rows) - 1))
    assert of_file([rows[alone]]) == [together[alone]]
    frame = pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)
    assert _read(open_rows(frame, expected), schema, levels) == together
    for changed in (frame.astype("string"), frame.astype("category"), frame[frame.columns[::-1]]):
        assert _read(open_rows(changed, expected), schema, levels) == together


def test_the_training_rows_are_read_as_they_were_in_training(understood, tmp_path: Path) -> None:
    from tabsmith.modeling.rows import read_rows
    from tabsmith.tables.snapshot import load_frame

    schema, levels = understood
    path = _write(tmp_path / "t.csv", [_texts(row) for row in range(ROWS)])
    frame = load_frame(read_source(FileSource(str(path)), allowed=(tmp_path,), max_mb=10))
    trained = _values(read_rows(frame, schema.columns).rows)
    assert _read(open_rows(path, ()), schema, levels) == trained
    assert _read(open_rows(frame, ()), schema, levels) == trained  # typed, as a person has it in Python


# One column ----------------------------------------------------------------------------------------------------------


def _column(kind: ColumnKind, name: str = "text") -> ColumnSchema:
    return ColumnSchema("x", kind, "feature", "", format=ColumnFormat(name))


def _cells(reader: ColumnReader, values: object) -> list[object]:
    series = values if isinstance(values, pd.Series) else pd.Series(values)
    column = reader.read(series)
    return _values(RowArrays(len(series), {"x": column})) and [
        row[0] for row in _values(RowArrays(len(series), {"x": column}))
    ]


@pytest.mark.parametrize(
    ("kind", "format_name", "texts", "values"),
    [
        ("numeric", "integer", ["1", "1.0", " 2 ", "1,234", "-3", "1e3"], [1, 1, 2, 1234, -3, 1000]),
        ("numeric", "number, decimal comma", ["1,5", "7", "1.5"], [1.5, 7, None]),
        ("numeric", "number, point groups, decimal comma", ["1,5", "1.234,5", "7"], [1.5, 1234.5, 7]),
        ("numeric", "text", ["1.5", "1,234.5", "\u22125", "1_000", "45%"], [1.5, 1234.5, -5, None, None]),
        ("boolean", "boolean", ["true", "FALSE", "Yes", "0", "maybe"], [1, 0, 1, 0, None]),
        ("date", "date, %m/%d/%Y", ["02/09/2023", "2023-02-09", "13/02/2023"], [1675900800, 1675900800, None]),
        ("date", "date, %d/%m/%Y", ["02/09/2023", "2023-09-02", "2/13/2023"], [1693612800, 1693612800, None]),
        ("date", "time, ISO 8601", ["2023-09-02", "02/09/2023 00:00:00", "02.09.2023", "2/13/2023", "10:30"],
            [1693612800, 1693612800, 1693612800, None, None]),
        ("date", "text", ["02/09/2023", "02.09.2023 10:30", "2023-09-02", "10:30", "March"],
            [1693612800, 1693650600, 1693612800, None, None]),
    ],
)  # fmt: skip
def test_a_text_has_one_value_in_its_column(kind, format_name, texts, values) -> None:
    for text, value in zip(texts, values, strict=True):
        reader = ColumnReader(_column(kind, format_name), None)
        assert _cells(reader, [text]) == [value]
        assert reader.unread.count == (value is None)
    reader = ColumnReader(_column(kind, format_name), None)
    assert _cells(reader, texts) == values
    assert reader.unread.count == values.count(None)


@pytest.mark.parametrize(
    ("kind", "series", "values"),
    [
        ("numeric", pd.Series([1, 2]), [1, 2]),
        ("numeric", pd.Series([1, None], dtype="Int64"), [1, None]),
        ("numeric", pd.Series([1.5, np.inf]), [1.5, None]),
        ("numeric", pd.Series([decimal.Decimal("1.5"), "2"], dtype=object), [1.5, 2]),
        ("numeric", pd.Series([1.5, 2.5], dtype="double[pyarrow]"), [1.5, 2.5]),
        ("boolean", pd.Series([True, False, None], dtype="boolean"), [1, 0, None]),
        ("boolean", pd.Series([1, 0, 2]), [1, 0, None]),
        ("date", pd.Series(pd.to_datetime(["2023-09-02"])), [1693612800]),
        ("date", pd.Series(pd.to_datetime(["2023-09-02"])).dt.tz_localize("Europe/Berlin"), [1693605600]),
        ("date", pd.Series([dt.date(2023, 9, 2), "02/09/2023"], dtype=object), [1693612800] * 2),
        ("category", pd.Series([1.0, "1", None], dtype=object), ["1", "1", ""]),
        ("category", pd.Series(["b", "a", None], dtype="category"), ["b", "a", ""]),
    ],
)
def test_a_typed_cell_goes_straight_where_its_type_agrees(kind, series, values) -> None:
    assert _cells(ColumnReader(_column(kind), None), series) == values


def test_whole_numbers_beyond_what_floats_hold_stay_exact_as_levels() -> None:
    big = [2**53 + 1, 2**53 + 2]
    reader = ColumnReader(_column("category", "integer"), tuple(map(str, big)))
    assert _cells(reader, [str(value) for value in big] + [None]) == [*map(str, big), ""]
    column = reader.read(pa.chunked_array([pa.array([*big, None], pa.int64())]))
    assert column.levels == tuple(map(str, big))
    assert reader.unseen.count == 0


def test_what_is_not_understood_is_counted_with_its_rows_over_all_batches() -> None:
    reader = ColumnReader(_column("numeric", "number"), None)
    reader.read(pd.Series(["1", "ask", "", "NA"]))
    reader.read(pd.Series(["<5", "ask", "ask", "2"]))
    assert reader.unread == UnreadCells("x", 4, (UnreadCell(2, "ask"), UnreadCell(5, "<5"), UnreadCell(6, "ask")))
    assert str(reader.unread) == (
        'x: 4 cells not understood are treated as missing ("ask" in row 2, "<5" in row 5, "ask" in row 6)'
    )
    typed = ColumnReader(_column("boolean"), None)
    typed.read(pd.Series([1.0, 7.0, np.nan]))
    assert typed.unread == UnreadCells("x", 1, (UnreadCell(2, "7"),))


def test_levels_never_seen_are_counted_and_other_spellings_are_not() -> None:
    reader = ColumnReader(_column("category"), ("New York", "Łódź", "00501", "true"))
    cells = ["new  york", "NEW YORK", "Ło\u0301dz\u0301", "Paris", "Paris", None, 501, True, "Rome"]
    assert _cells(reader, pd.Series(cells, dtype=object)) == [
        "New York", "New York", "Łódź", "Paris", "Paris", "", "00501", "true", "Rome",
    ]  # fmt: skip
    assert reader.unseen == UnseenLevels("x", 3, ("Paris", "Rome"))


def test_a_spelling_that_could_be_two_levels_is_none_of_them() -> None:
    levels = KnownLevels(("us", "US", "1.0", "1"))
    assert levels.spelling("Us", "Us") == "Us"
    assert levels.spelling("us", "us") == "us"
    assert levels.spelling("01", 1) == "01"


def test_columns_are_found_by_name_and_what_is_missing_is_missing() -> None:
    columns = [
        _column("numeric"),
        ColumnSchema("Lot Area", "numeric", "feature", ""),
        ColumnSchema("z", "text", "feature", ""),
    ]
    frame = pd.DataFrame({"lot_area": [1.0], "more": [2], "X": [3]})
    rows = open_rows(frame, ())
    reader = NewRowsReader(columns, rows.names, {})
    batch = next(iter(rows.batches))
    assert _values(reader.read(batch.cells, batch.count)) == [[3, 1, ""]]
    assert reader.match.matched == (MatchedColumn("x", "X"), MatchedColumn("Lot Area", "lot_area"))
    assert (reader.match.missing, reader.match.extra) == (("z",), ("more",))


# Other sources -------------------------------------------------------------------------------------------------------


def _typed(numbers: list[int]) -> pd.DataFrame:
    """Rows as a program keeps them: with the types that the texts of the training table stand for."""
    frame = pd.DataFrame([_texts(number) for number in numbers], columns=list(COLUMNS), dtype=object)
    frame["number"] = frame["number"].astype(float)
    frame["comma"] = frame["comma"].str.replace(",", ".").astype(float)
    frame["grouped"] = frame["grouped"].str.replace(",", "").astype(int)
    frame["truth"] = frame["truth"] == "true"
    frame["big"] = frame["big"].astype("int64")
    return frame


@pytest.mark.parametrize("suffix", ["parquet", "json", "jsonl", "xlsx", "sqlite"])
def test_rows_of_any_source_have_the_values_that_they_have_as_texts(understood, tmp_path: Path, suffix: str) -> None:
    schema, levels = understood
    expected = tuple(column.name for column in input_columns(schema))
    for numbers in ([3, 4, 250, 17], [5], [6]):
        frame, path = _typed(numbers), tmp_path / f"rows-{numbers[0]}.{suffix}"
        match suffix:
            case "parquet":
                frame.to_parquet(path)
            case "json" | "jsonl":
                frame.to_json(path, orient="records", lines=suffix == "jsonl")
            case "xlsx":
                frame.drop(columns="big").to_excel(path, index=False)  # a workbook keeps no whole number beyond 2^53
            case _:
                with sqlite3.connect(path) as database:
                    frame.to_sql("rows", database, index=False)
                database.close()
        read = _read(open_rows(path, expected), schema, levels)
        texts = _write(tmp_path / "texts.csv", [_texts(number) for number in numbers])
        wanted = _read(open_rows(texts, expected), schema, levels)
        names = [column.name for column in schema.columns]
        differing = {
            name: (row[place], other[place])
            for row, other in zip(read, wanted, strict=True)
            for place, name in enumerate(names)
            if row[place] != other[place] and not (suffix == "xlsx" and name == "big")
        }
        assert differing == {}
        assert _read(open_rows(frame, expected), schema, levels) == wanted


def test_dates_that_never_were_texts_are_read_day_first_from_texts_and_that_is_told() -> None:
    for texts, told in ((["02/09/2023"], True), (["2023-09-02", "02.09.2023"], False)):
        reader = ColumnReader(_column("date", "time, ISO 8601"), None)
        assert set(_cells(reader, texts)) == {1693612800}
        assert reader.day_first is told
