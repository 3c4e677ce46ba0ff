"""One table, written in the ways in which files get broken: whatever the pollution, the same rows are read.

The kinds follow the Pollock benchmark (Vitagliano et al., "Pollock: a data loading benchmark", VLDB 2023).
"""

from collections.abc import Callable, Sequence
from typing import Final

import pytest

from tabsmith.tables.snapshot import load_frame

from .conftest import Read

Rows = list[list[str]]
NAMES: Final = ["sku", "sold", "price", "kind", "text"]
KINDS: Final = ("tools", "garden")
ROWS: Final[Rows] = [
    [f"P-{100 + n}", f"2021-03-{n + 1:02d}", f"{n * 1.5 + 2}", KINDS[n % 2], "red, large" if n % 3 else f"item {n}"]
    for n in range(24)
]
LINES: Final = [NAMES, *ROWS]


def line(cells: Sequence[str], delimiter: str = ",", quote: str = '"', *, all_quoted: bool = False) -> str:
    return delimiter.join(
        f"{quote}{cell}{quote}" if all_quoted or any(mark in cell for mark in (delimiter, ",", " ")) else cell
        for cell in cells
    )


def text(
    rows: Sequence[Sequence[str]] = LINES, delimiter: str = ",", quote: str = '"', *, all_quoted: bool = False
) -> str:
    return "".join(line(row, delimiter, quote, all_quoted=all_quoted) + "\r\n" for row in rows)


def with_line(change: Callable[[str], str], number: int = 8) -> str:
    """The table with the line of one row changed."""
    lines = text().splitlines(keepends=True)
    lines[number] = change(lines[number].rstrip("\r\n")) + "\r\n"
    return "".join(lines)


POLLUTED: Final = {
    **{f"delimiter {mark!r}": text(delimiter=mark) for mark in ("||", "::", "\t\t", "$$", "#", "\x1f", "\x01", "\\t", " ")},
    **{f"delimiter {mark!r} and quotes": text(delimiter=mark, all_quoted=True) for mark in (" | ", "||", ":", " ", "; ")},
    **{f"quote {mark}": text(delimiter=";", quote=mark, all_quoted=True) for mark in ("'", "`")},
    "a title padded with delimiters": "Stock" + "," * 4 + "\r\n" + text(),
    "blank padded lines below": text() + ",,,,\r\n" * 3,
    "a padded remark below": text() + "\r\nPrinted on 2021-04-01 by the shop,,,,\r\n",
    "a padded number of rows below": text() + "24 rows,,,,\r\n",
    "a remark with a delimiter below": text() + "Note: prices are rounded, see web\r\n",
    "the names three times": text([NAMES, NAMES, *LINES]),
    "the delimiter before a quoted value lost": with_line(lambda row: row.replace(',"', '"')),
    "the delimiter between two words lost": with_line(lambda row: row.replace("garden,", "garden").replace("tools,", "tools")),
    "the delimiter between two values lost": with_line(lambda row: row.replace(",2021", "2021")),
    "a row with tabs": with_line(lambda row: row.replace('","', "\t").replace('"', "").replace(",", "\t", 4)),
    "names of other columns behind an empty line": text([NAMES, *ROWS[:12]])
    + "\r\nitem,day,amount,sort,words\r\n" + text(ROWS[12:]),
}  # fmt: skip


@pytest.mark.parametrize("kind", POLLUTED)
def test_the_rows_are_the_same_whatever_the_pollution(kind: str, read_file: Read) -> None:
    frame = load_frame(read_file("t.csv", POLLUTED[kind], as_text=True))
    assert [list(frame.columns), *frame.values.tolist()] == LINES


def test_an_upper_table_whose_names_differ_ends_where_values_of_other_types_begin(read_file: Read) -> None:
    second = "\r\nname,city,street,mail,phone\r\n" + "Ann,Rome,Via A,a@b.it,none\r\nBob,Bonn,Weg 2,b@c.de,none\r\n"
    info = read_file("t.csv", text() + second, as_text=True)
    assert info.rows == len(ROWS)
    assert info.rejected[0].line == len(LINES) + 2
    assert "second table" in info.rejected[0].reason


def test_a_table_with_a_blank_title_row_is_not_cut_at_its_padding(read_file: Read) -> None:
    info = read_file("t.csv", "Report" + ",,,,\r\n" * 2 + text(), as_text=True)
    assert info.dialect.delimiter == ","


def test_marks_that_fill_a_value_are_no_delimiters(read_file: Read) -> None:
    rows = "".join(f"{n},{mark},x\n" for n, mark in enumerate(["#" * 10, "7/3/15", "::", "||"] * 6))
    info = read_file("t.csv", "id,day,kind\n" + rows, as_text=True)
    assert (info.dialect.delimiter, info.rows) == (",", 24)


def test_a_wide_delimiter_is_told_as_it_stands_in_the_file(read_file: Read) -> None:
    info = read_file("t.csv", text(delimiter="||"))
    assert info.dialect.delimiter == "||"
    assert [column.storage for column in info.profile.columns] == ["text", "date", "float", "text", "text"]
