"""The structure of delimited text: where the header stands, how wide the table is, how it is quoted, what is no row."""

from typing import NamedTuple

import pytest

from tabsmith.presentation.tables import reading_line
from tabsmith.tables.info import TableInfo
from tabsmith.tables.read.sources import ReadOptions
from tabsmith.tables.snapshot import load_frame

from .conftest import Read


class Case(NamedTuple):
    """A text, the names it should give, its first row as text, and how many rows."""

    text: str
    names: list[str]
    first: list[str]
    rows: int


N = range(1, 31)
NUMBERS = "".join(f"{i},{2 * i},{i * 1.5}\n" for i in N)

CASES = {
    # titles above the header
    "a title padded with delimiters": Case(
        "Sales report,,\nid,units,price\n" + NUMBERS, ["id", "units", "price"], ["1", "2", "1.5"], 30
    ),
    "a padded title and an empty padded line": Case(
        "Sales report,,,\n,,,\nRegion,Store,Units,Price\nNorth,S1,1,1.5\nSouth,S2,2,2.5\n",
        ["Region", "Store", "Units", "Price"], ["North", "S1", "1", "1.5"], 2,
    ),
    "several padded titles": Case(
        "Sales report,,,\nFirst quarter,,,\nas of:,2024-04-01,,\n,,,\nregion,store,units,price\nN,S1,1,1.5\nS,S2,2,2.5\n",
        ["region", "store", "units", "price"], ["N", "S1", "1", "1.5"], 2,
    ),
    "a group of names above the names": Case(
        ",2019,,2020,\nregion,a,b,c,d\nN,1,2,3,4\nS,5,6,7,8\n", ["region", "a", "b", "c", "d"], ["N", "1", "2", "3", "4"], 2
    ),
    "remarks above with other delimiters": Case(
        "# made by x, y\n# on 2020-01-01\n" + "id;v\n1;2,5\n2;3,5\n", ["id", "v"], ["1", "2,5"], 2
    ),
    # numbers as names
    "years as names": Case(
        "region,2021,2022,2023\nNorth,410,388,402\nSouth,295,301,287\nEast,512,498,530\nWest,377,362,371\n",
        ["region", "2021", "2022", "2023"], ["North", "410", "388", "402"], 4,
    ),
    "two years beside two names": Case(
        "Country Name,Country Code,2018,2019\nAruba,ABW,100,110\nPeru,PER,90,95\n",
        ["Country Name", "Country Code", "2018", "2019"], ["Aruba", "ABW", "100", "110"], 2,
    ),
    "one year beside a name": Case("city,2020\nRome,5\nBonn,7\n", ["city", "2020"], ["Rome", "5"], 2),
    "an index without a name and counted columns": Case(
        ",0,1,2\n0,1.5,0.14,3\n1,2.5,0.15,4\n", ["column_1", "0", "1", "2"], ["0", "1.5", "0.14", "3"], 2
    ),
    "wavelengths": Case(
        "400.5,401.0,401.5,moisture\n0.5,0.7,0.1,9.5\n0.4,0.2,0.3,9.1\n0.5,0.7,0.3,8\n",
        ["400.5", "401.0", "401.5", "moisture"], ["0.5", "0.7", "0.1", "9.5"], 3,
    ),
    "numbers alone are no names": Case(
        "5,7.5,3\n1,2.5,8\n4,4.5,2\n", ["column_1", "column_2", "column_3"], ["5", "7.5", "3"], 3
    ),
    "rows of years are no names": Case(
        "Ann,1990,1991\nBob,1991,1993\nCem,1985,1999\n", ["column_1", "column_2", "column_3"], ["Ann", "1990", "1991"], 3
    ),
    # the header
    "a line break in a name": Case(
        '"dose\n(mg)","y"\n' + "".join(f"{i},{2 * i}\n" for i in N), ["dose\n(mg)", "y"], ["1", "2"], 30
    ),
    "line breaks in all names": Case('"a\nb","c\nd\ne"\n1,2\n3,4\n', ["a\nb", "c\nd\ne"], ["1", "2"], 2),
    "a header with more names than values": Case("a,b,c,d\n1,2,x\n", ["a", "b", "c", "d"], ["1", "2", "x", ""], 1),
    "a header with more names than values in all rows": Case(
        "a,b,c,d\n1,2,x\n3,4,y\n5,6,z\n", ["a", "b", "c", "d"], ["1", "2", "x", ""], 3
    ),
    "a header with fewer names than values": Case(
        "a,b,c\n1,2,x,7\n1,3,y,8\n1,4,z,9\n", ["a", "b", "c", "column_4"], ["1", "2", "x", "7"], 3
    ),
    "row names of R": Case('"x","y"\n"p",1,0.3\n"q",2,0.5\n', ["rownames", "x", "y"], ["p", "1", "0.3"], 2),
    "a last empty delimiter in one row": Case("a,b,c\n1,2,3,\n", ["a", "b", "c"], ["1", "2", "3"], 1),
    "a last empty delimiter in two rows": Case("a,b,c\n1,2,3,\n4,5,6,\n", ["a", "b", "c"], ["1", "2", "3"], 2),
    "a last empty delimiter in nine rows": Case(
        "a,b,c\n" + "1,2,3,\n" * 9, ["a", "b", "c"], ["1", "2", "3"], 9
    ),
    "a last empty delimiter everywhere": Case("a,b,\n1,2,\n3,4,\n", ["a", "b"], ["1", "2"], 2),
    "a last empty delimiter behind one column": Case("a,\n1,\n3,\n", ["a"], ["1"], 2),
    "a named last column without values": Case("a,b,c\n1,2,\n3,4,\n", ["a", "b", "c"], ["1", "2", ""], 2),
    "a last column without values and names": Case(
        "1,2.5,\n3,4.5,\n", ["column_1", "column_2", "column_3"], ["1", "2.5", ""], 2
    ),
    "three header lines of a survey": Case(
        'id,q1,q2\nResponse,"How old, in years?",How tall?\n"{""i"":1}","{""i"":2}","{""i"":3}"\n'
        + "".join(f"r{i},{20 + i},{150 + i}\n" for i in range(9)),
        ["id", "q1", "q2"], ["r0", "20", "150"], 9,
    ),
    # quotes
    "spaces before quotes": Case(
        'name, city, "note", n\nAnn, Rome, "fine, really", 1\n', ["name", "city", "note", "n"],
        ["Ann", "Rome", "fine, really", "1"], 1,
    ),
    "quotes behind backslashes": Case(
        'a,b,c\n1,"say \\"hi\\" now, 1",1\n2,"x",2\n', ["a", "b", "c"], ["1", 'say "hi" now, 1', "1"], 2
    ),
    "single quotes": Case("a,b,c\n1,'hello, you',1\n", ["a", "b", "c"], ["1", "hello, you", "1"], 1),
    "apostrophes are no quotes": Case(
        "a,b,c\n1,it's,1\n2,'tis,2\n3,dogs',3\n", ["a", "b", "c"], ["1", "it's", "1"], 3
    ),
    "escaped quotes at the edge of a value": Case(
        'a,b,c\n1,"""gift"" wrapped",2\n2,"24""",3\n', ["a", "b", "c"], ["1", '"gift" wrapped', "2"], 2
    ),
    # one column
    "one column of names": Case("name\nAnn Lee\nBob Ray\n", ["name"], ["Ann Lee"], 2),
    "one column of times": Case("time\n10:00\n10:05\n", ["time"], ["10:00"], 2),
    "one column of times with seconds": Case("start\n10:00:01\n10:05:02\n", ["start"], ["10:00:01"], 2),
    "one column of decimal commas": Case("v\n1,5\n2,7\n3,1\n", ["v"], ["1,5"], 3),
    "one column of addresses": Case(
        "address\n12 Main St, Springfield\n5 Oak Ave, Portland\n7 Elm Rd, Salem\n", ["address"],
        ["12 Main St, Springfield"], 3,
    ),
    "one column of links": Case(
        "url\nhttps://a.example/x\nhttps://b.example/y\n", ["url"], ["https://a.example/x"], 2
    ),
    "one quoted column": Case('name\n"Lee, Ann"\n"Ray, Bob"\n', ["name"], ["Lee, Ann"], 2),
    "one column with empty lines": Case("x\n1\n\n3\n\n", ["x"], ["1"], 4),
    # drawn tables
    "a table in Markdown": Case(
        "| id | name |\n|---|:---:|\n| 1 | Ann Lee |\n| 2 | Bob |\n", ["id", "name"], ["1", "Ann Lee"], 2
    ),
    "a table drawn by a database": Case(
        "+----+-------+\n| id | name  |\n+----+-------+\n|  1 | Ann L |\n|  2 | Bob   |\n+----+-------+\n",
        ["id", "name"], ["1", "Ann L"], 2,
    ),
    "a table of psql": Case(
        " id | name  \n----+-------\n  1 | Ann L\n  2 | Bob\n", ["id", "name"], ["1", "Ann L"], 2
    ),
    "columns of fixed width": Case(
        "name        city        n\nAnn Lee     New York    1\nBob         Rome       22\nCem Ö       Bonn        3\n",
        ["name", "city", "n"], ["Ann Lee", "New York", "1"], 3,
    ),
}  # fmt: skip


def names(info: TableInfo) -> list[str]:
    return [column.name for column in info.profile.columns]


def first_row(info: TableInfo) -> list[str]:
    return load_frame(info).iloc[0].tolist()


@pytest.mark.parametrize("case", CASES)
def test_the_structure_of_a_text_is_found(case: str, read_file: Read) -> None:
    text, expected_names, first, rows = CASES[case]
    info = read_file("t.csv", text, as_text=True)
    assert names(info) == expected_names
    assert first_row(info) == first
    assert info.rows == rows


@pytest.mark.parametrize("case", CASES)
def test_carriage_returns_and_a_missing_last_line_end_change_nothing(case: str, read_file: Read) -> None:
    text, expected_names, first, _ = CASES[case]
    if "\n\n" in text or '"a\n' in text or "dose\n" in text:
        pytest.skip("line ends within values or empty lines at the end are values here")
    info = read_file("t.csv", text.rstrip("\n").replace("\n", "\r\n"), as_text=True)
    assert names(info) == expected_names
    assert first_row(info) == first


OPTIONS = {
    "a header that a person sees": ("x,y\nu,v\n1,2\n", ReadOptions(header=2), ["u", "v"], ["1", "2"]),
    "no header": ("x,y\n1,2\n3,4\n", ReadOptions(header=0), ["column_1", "column_2"], ["x", "y"]),
    "lines to skip": ("a,b\n1,2\nc,d\n3,4\n", ReadOptions(skip=2), ["c", "d"], ["3", "4"]),
    "lines to skip and a header below": (
        "junk\na,b\nx,y\n3,4\n", ReadOptions(skip=1, header=3), ["x", "y"], ["3", "4"],
    ),
    "a delimiter": ("a;b,c\n1;2,3\n", ReadOptions(delimiter=";"), ["a", "b,c"], ["1", "2,3"]),
    "an unusual delimiter": ("a#b\n1#2\n", ReadOptions(delimiter="#"), ["a", "b"], ["1", "2"]),
    "a quote": ("a,b\n*1,5*,2\n", ReadOptions(quote="*"), ["a", "b"], ["1,5", "2"]),
    "no quotes": ('a,b\n"1,2"\n"3,4"\n', ReadOptions(quote=""), ["a", "b"], ['"1', '2"']),
    "an escape": ('a,b\n"say \\"hi\\", x",2\n', ReadOptions(escape="\\"), ["a", "b"], ['say "hi", x', "2"]),
    "names": ("a,b,c\n1,2,3\n", ReadOptions(columns=("p", "q", "r")), ["p", "q", "r"], ["1", "2", "3"]),
    "names without a header": ("1,2\n3,4\n", ReadOptions(header=0, columns=("p", "q")), ["p", "q"], ["1", "2"]),
}  # fmt: skip


@pytest.mark.parametrize("case", OPTIONS)
def test_what_a_person_decides_is_followed(case: str, read_file: Read) -> None:
    text, options, expected_names, first = OPTIONS[case]
    info = read_file("t.csv", text, as_text=True, options=options)
    assert names(info) == expected_names
    assert first_row(info) == first


def test_one_line_says_what_was_assumed(read_file: Read) -> None:
    info = read_file("t.csv", "Sales report;;\n;;\nid;units;price\n" + NUMBERS.replace(",", ";"))
    assert reading_line(info) == "header: line 3; 2 lines above skipped; delimiter ;"
    wide = read_file("u.csv", "a,b,c,d\n1,2,x\n3,4,y\n5,6,z\n")
    assert "4 names in the header, 3 values in most rows" in reading_line(wide)
