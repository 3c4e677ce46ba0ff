"""Lines that break the rules: read where one reading is clear, rejected with a reason where none is, never shifted."""

from typing import NamedTuple

import pytest

from tabsmith.tables.snapshot import load_frame

from .conftest import Read

TABLE = "id,when,code,price,note\n" + "".join(
    f"{i},2024-01-{i:02d},AB-{100 + i},{i}.50,{'red' if i % 2 else 'light blue'}\n" for i in range(1, 13)
)


class Case(NamedTuple):
    """A line below TABLE, and the row that it is read as; None if it is rejected."""

    line: str
    row: list[str] | None


CASES = {
    "an extra delimiter at the beginning": Case(",13,2024-01-13,AB-113,1.50,red", ["13", "2024-01-13", "AB-113", "1.50", "red"]),
    "an extra delimiter between": Case("13,2024-01-13,,AB-113,1.50,red", ["13", "2024-01-13", "AB-113", "1.50", "red"]),
    "an extra delimiter between, and one at the end": Case(
        "13,,2024-01-13,AB-113,1.50,", ["13", "2024-01-13", "AB-113", "1.50", ""]
    ),
    "an extra delimiter at the end": Case("13,2024-01-13,AB-113,1.50,red,", ["13", "2024-01-13", "AB-113", "1.50", "red"]),
    "a delimiter within a text": Case("13,2024-01-13,AB-113,1.50,red, dark", ["13", "2024-01-13", "AB-113", "1.50", "red, dark"]),
    "a missing delimiter": Case("13,2024-01-13AB-113,1.50,red", ["13", "2024-01-13", "AB-113", "1.50", "red"]),
    "a missing value at the end": Case("13,2024-01-13,AB-113,1.50", ["13", "2024-01-13", "AB-113", "1.50", ""]),
    "a missing value between": Case("13,2024-01-13,1.50,red", ["13", "2024-01-13", "", "1.50", "red"]),
    "another delimiter": Case("13;2024-01-13;AB-113;1.50;red", ["13", "2024-01-13", "AB-113", "1.50", "red"]),
    "a quote that nothing closes": Case(
        '13,2024-01-13,AB-113,1.50,"red', ["13", "2024-01-13", "AB-113", "1.50", '"red']
    ),
    "a quote within a text": Case('13,2024-01-13,AB-113,1.50,"red "dark""', ["13", "2024-01-13", "AB-113", "1.50", 'red "dark"']),
    "far too many values": Case("13,2024-01-13,AB-113,1.50,red,1,2,3", None),
    "values of another table": Case("x,y", None),
    "one value": Case("hello", None),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("as_text", [False, True])
def test_a_line_is_repaired_or_rejected(case: str, as_text: bool, read_file: Read) -> None:
    line, row = CASES[case]
    info = read_file("t.csv", TABLE + line + "\n" + "14,2024-01-14,AB-114,2.50,red\n", as_text=as_text)
    frame = load_frame(info)
    assert frame["note"].iloc[-1] == "red"
    assert info.rows == 13 + (row is not None)
    if row is None:
        assert [note.line for note in info.rejected] == [14]
    else:
        assert [note.line for note in info.repaired] == [14]
    if as_text and row is not None:
        assert frame.iloc[12].tolist() == row


def test_a_value_is_never_shifted_into_another_column(read_file: Read) -> None:
    info = read_file("t.csv", "date,qty,price,note\n2024-01-01,2,3.5,\n2024-01-02,,2,3.5,\n", as_text=True)
    assert load_frame(info).to_numpy().tolist() == [["2024-01-01", "2", "3.5", ""], ["2024-01-02", "2", "3.5", ""]]


def test_repeated_headers_totals_and_sources_are_no_rows(read_file: Read) -> None:
    rows = "".join(f"S{i},{i},{i}.5\n" for i in range(1, 9))
    text = "shop,n,v\n" + rows + "shop,n,v\n" + rows + "Total,72,80\nSource: the till,,\n"
    info = read_file("t.csv", text)
    assert info.rows == 16
    assert [column.storage for column in info.profile.columns] == ["text", "integer", "float"]
    assert [note.line for note in info.rejected] == [10, 19, 20]


def test_a_repeated_header_far_below_is_no_row(read_file: Read) -> None:
    rows = "".join(f"S{i},{i},{i}.5\n" for i in range(60_000))
    assert read_file("t.csv", "shop,n,v\n" + rows + "shop,n,v\n" + rows).rows == 120_000
    words = "".join(f"S{i},x{i % 7}\n" for i in range(60_000))
    assert read_file("u.csv", "shop,kind\n" + words + "shop,kind\n" + words).rows == 120_000


def test_totals_that_stand_among_the_rows_are_rows(read_file: Read) -> None:
    text = "sex,n\n" + "".join(f"Male,{i}\nFemale,{i}\nTotal,{2 * i}\n" for i in range(1, 9))
    assert read_file("t.csv", text).rows == 24


def test_a_second_table_is_told_and_left_out(read_file: Read) -> None:
    first = "shop,n,v\n" + "".join(f"S{i},{i},{i}.5\n" for i in range(1, 9))
    info = read_file("t.csv", first + "\ncity,mayor\nBonn,Ann\nRome,Bob\n")
    assert info.rows == 8
    assert info.rejected[0].line == 11
    assert "second table" in info.rejected[0].reason
    assert [note.line for note in info.rejected] == [11, 12, 13]


def test_one_legal_cell_does_not_leave_the_fast_path(read_file: Read) -> None:
    text = "a,b\n" + "".join(f"{i},x{i}\n" for i in range(50)) + '50,"""gift"" wrapped"\n51,"24"""\n'
    info = read_file("t.csv", text)
    assert info.route == "fast"
    assert load_frame(info)["b"].tolist()[-2:] == ['"gift" wrapped', '24"']
