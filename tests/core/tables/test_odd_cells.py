"""Columns that are almost numbers or dates: the cells that do not fit are missing, counted, and listed by line."""

import pytest

from tabsmith.tables.column_format import OddCell
from tabsmith.tables.snapshot import load_frame

from .conftest import Read

NUMBERS = [f"{number * 1.37:.2f}" for number in range(60)]
DAYS = [f"2024-{number % 12 + 1:02d}-{number % 28 + 1:02d}" for number in range(60)]
WHOLE = [str(number * 7) for number in range(60)]


def column(cells: list[str]) -> str:
    return "x,other\n" + "".join(f"{cell},a{number % 3}\n" for number, cell in enumerate(cells))


@pytest.mark.parametrize("odd", ["<5", "12..5", "Total", "ask", "tbd", "on request", "see note", "~3", "many"])
@pytest.mark.parametrize(("cells", "storage"), [(NUMBERS, "float"), (DAYS, "date"), (WHOLE, "integer")])
def test_one_odd_cell_is_missing_and_listed_with_its_line(
    odd: str, cells: list[str], storage: str, read_file: Read
) -> None:
    info = read_file("t.csv", column([*cells[:30], odd, *cells[30:]]))
    profile = info.profile.column("x")
    assert (info.route, profile.storage, profile.missing, profile.odd_count) == ("fast", storage, 1, 1)
    assert profile.odd_cells == (OddCell(32, odd),)


@pytest.mark.parametrize(
    ("cells", "storage"),
    [
        (["10", "20", "30", "Total"], "integer"),
        (["$1.50", "$2.50", "$3.00", "ask"], "float"),
        ([*NUMBERS[:18], "tbd", "n.a."], "float"),
        (["2024-01-05", "2024-02-05", "2024-03-05", "soon"], "date"),
        (["1", "2", "3", "abc"], "text"),
        ([*"123"] * 10 + ["K"] * 2, "text"),
        (["true", "false"] * 10 + ["maybe"] * 2, "text"),
        ([*WHOLE, "00501"], "text"),
        ([*WHOLE, "1234567890123456789012"], "text"),
        ([*(str(536_365 + number) for number in range(60)), "C536379", "C536381"], "text"),
        ([*(str(number % 9) for number in range(60)), '"1,3"', '"2,4"'], "text"),
        (["10.5", "11.25", *["030 100 200"] * 3], "text"),
        ([*(str(10_000 + number) for number in range(60)), "12345-6789"], "text"),
    ],
)
def test_whether_odd_cells_are_left_out_or_make_text_depends_on_what_they_are(
    cells: list[str], storage: str, read_file: Read
) -> None:
    assert read_file("t.csv", column(cells)).profile.column("x").storage == storage


def test_the_lines_are_right_behind_values_of_several_lines_and_empty_lines(read_file: Read) -> None:
    rows = [f'{number},"two\nlines"' for number in range(40)]
    info = read_file("t.csv", "x,y\n" + "\n".join(rows) + "\n\nask,z\n")
    assert info.profile.column("x").odd_cells == (OddCell(83, "ask"),)


def test_the_lines_are_right_on_the_careful_path(read_file: Read) -> None:
    info = read_file("t.csv", "x,y,z\n1,2,3\n" + "4,5,6\n" * 50 + "7\nask,8,9\n")
    assert info.route == "careful"
    assert info.profile.column("x").odd_cells == (OddCell(54, "ask"),)


def test_odd_cells_far_below_what_was_sampled_are_found_on_the_fast_path(read_file: Read) -> None:
    rows = [f"{number / 8},{number}" for number in range(300_000)]
    rows[250_000] = "<5,250000"
    rows[299_999] = "7,Total"
    info = read_file("t.csv", "x,y\n" + "\n".join(rows) + "\n")
    assert info.route == "fast"
    assert [(column.storage, column.odd_cells) for column in info.profile.columns] == [
        ("float", (OddCell(250_002, "<5"),)),
        ("integer", (OddCell(300_001, "Total"),)),
    ]
    assert load_frame(info)["x"].iloc[249_999] == 249_999 / 8


def test_of_many_odd_cells_the_first_are_listed_and_all_are_counted(read_file: Read) -> None:
    cells = [f"<{number / 7:.3f}" if number % 30 == 0 else f"{number / 7:.3f}" for number in range(3_000)]
    profile = read_file("t.csv", column(cells)).profile.column("x")
    assert (profile.storage, profile.odd_count, profile.missing) == ("float", 100, 100)
    assert len(profile.odd_cells) == 20
    assert profile.odd_cells[0] == OddCell(2, "<0.000")
