"""Wide tables: thousands of columns are read, profiled and understood in bounded groups."""

import random

import pytest

from tabsmith.tables.column_format import OddCell
from tabsmith.tables.schema.detect import detect_schema
from tabsmith.tables.snapshot import load_frame

from .conftest import Read


def numbers(columns: int, rows: int) -> str:
    draw = random.Random(1)
    lines = [",".join([*(f"v{place}" for place in range(columns)), "label"])]
    for _ in range(rows):
        cells = [draw.gauss(0, 1) for _ in range(columns)]
        lines.append(",".join([*(f"{cell:.3f}" for cell in cells), "a" if cells[7] > 0 else "b"]))
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(("columns", "route"), [(1_000, "fast"), (2_500, "careful")])
def test_a_table_of_many_columns_is_read_and_understood(columns: int, route: str, read_file: Read) -> None:
    info = read_file("t.csv", numbers(columns, 100))
    assert (info.rows, len(info.profile.columns), info.route) == (100, columns + 1, route)
    assert {column.storage for column in info.profile.columns[:-1]} == {"float"}
    assert all(column.numbers and sum(column.numbers.bins) == 100 for column in info.profile.columns[:-1])
    schema = detect_schema(info)
    assert (schema.target, schema.problem_type) == ("label", "binary")


def test_the_columns_of_a_wide_table_each_take_their_own_type_by_all_their_rows(read_file: Read) -> None:
    rows = [
        [row, f"{row}.5", f"2020-01-{row % 28 + 1:02d}", f"w{row}", "", "NA" if row % 2 else row] for row in range(60)
    ]
    rows.append(["x", "7", "2020-02-30", "w", "1.5", "3"])
    text = "\n".join(",".join(str(cell) for cell in row * 250) for row in [[*"abcdef"], *rows])
    info = read_file("t.csv", text)
    assert [column.storage for column in info.profile.columns] == [
        "integer",
        "float",
        "date",
        "text",
        "float",
        "integer",
    ] * 250
    assert [column.missing for column in info.profile.columns[-6:]] == [1, 0, 1, 0, 60, 30]
    assert [column.odd_cells for column in info.profile.columns[-6:-3]] == [
        (OddCell(62, "x"),),
        (),
        (OddCell(62, "2020-02-30"),),
    ]
    frame = load_frame(info)
    assert [str(cell) for cell in frame.iloc[-1, -6:]] == ["nan", "7.0", "NaT", "w", "1.5", "3.0"]
    assert frame.iloc[10, 0] == 10


def test_lines_longer_than_what_is_usually_looked_at_still_give_a_sample(read_file: Read) -> None:
    long_name = "x" * 60
    header = ",".join(f"{long_name}{place}" for place in range(6_000))
    info = read_file("t.csv", header + "\n" + "\n".join(",".join(["1.5"] * 6_000) for _ in range(5)) + "\n")
    assert (info.rows, len(info.profile.columns)) == (5, 6_000)
    assert info.profile.columns[-1].storage == "float"
