"""Delimited text: the fast path, the careful path, what is repaired and what is rejected."""

import csv
import gzip
import io
import os

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tabsmith.errors import FileTooLargeError, ReadError
from tabsmith.tables.info import TableInfo
from tabsmith.tables.read.reader import read_source
from tabsmith.tables.read.sources import FileSource
from tabsmith.tables.snapshot import load_frame
from tests.soak import rounds

from .conftest import Read, Write

ROWS = "id,name,share\n" + "".join(f"{i},x{i % 3},{i / 4}\n" for i in range(50))


def storages(info: TableInfo) -> dict[str, str]:
    return {column.name: column.storage for column in info.profile.columns}


def values(info: TableInfo, name: str) -> list[object]:
    return load_frame(info)[name].tolist()


def test_clean_text_takes_the_fast_path(read_file: Read) -> None:
    info = read_file("t.csv", ROWS)
    assert (info.route, info.rows, info.encoding) == ("fast", 50, "utf-8")
    assert storages(info) == {"id": "integer", "name": "text", "share": "float"}
    assert values(info, "id") == list(range(50))
    assert not info.repaired
    assert not info.rejected


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_every_usual_delimiter_is_found(delimiter: str, read_file: Read) -> None:
    info = read_file("t.txt", ROWS.replace(",", delimiter))
    assert info.dialect.delimiter == delimiter
    assert storages(info) == {"id": "integer", "name": "text", "share": "float"}


def test_columns_parted_by_runs_of_spaces_are_read(read_file: Read) -> None:
    info = read_file("t.dat", "a b c\n" + "".join(f"{i}   {i * 2} {i / 3:.2f}\n" for i in range(30)))
    assert storages(info) == {"a": "integer", "b": "integer", "c": "float"}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1"])
def test_every_usual_encoding_is_found(encoding: str, read_file: Read) -> None:
    text = "name,n\n" + "".join(f"Zürich é {i},{i}\n" for i in range(40))
    info = read_file("t.csv", text.encode(encoding))
    assert values(info, "name")[0] == "Zürich é 0"
    assert values(info, "n") == list(range(40))


def test_a_few_lines_in_another_encoding_are_repaired_and_counted(read_file: Read) -> None:
    head = "name,n\n" + "".join(f"Zürich {i},{i}\n" for i in range(60_000))
    info = read_file("t.csv", head.encode() + "Köln,7\n".encode("cp1252"))
    assert info.route == "careful"
    assert values(info, "name") == [*(f"Zürich {i}" for i in range(60_000)), "Köln"]
    assert [(note.line, "UTF-8" in note.reason) for note in info.repaired] == [(60_002, True)]


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_packed_text_is_read(pack: object, read_file: Read) -> None:
    assert read_file("t.csv.packed", pack(ROWS.encode())).rows == 50  # type: ignore[operator]


def test_a_cut_gzip_file_is_told_as_such(read_file: Read) -> None:
    with pytest.raises(ReadError, match="damaged or cut off"):
        read_file("t.csv.gz", gzip.compress(os.urandom(1_000).hex().encode() * 50)[:-20])


def test_packed_text_is_counted_while_it_is_unpacked(write: Write, tmp_path: os.PathLike[str]) -> None:
    path = write("t.csv.gz", gzip.compress(b"a,b\n" + b"1,2\n" * 1_000_000))
    with pytest.raises(FileTooLargeError, match="unpacks"):
        read_source(FileSource(str(path)), allowed=(path.parent,), max_mb=2)


def test_lines_above_the_header_are_skipped(read_file: Read) -> None:
    info = read_file("t.csv", "Report of 2020\nby someone, somewhere\n\n" + ROWS)
    assert info.dialect.skipped_lines == 3
    assert storages(info) == {"id": "integer", "name": "text", "share": "float"}
    assert info.rows == 50


def test_a_table_without_a_header_gets_numbered_names(read_file: Read) -> None:
    info = read_file("t.csv", "".join(f"{i},{i / 3:.2f}\n" for i in range(30)))
    assert not info.dialect.header
    assert storages(info) == {"column_1": "integer", "column_2": "float"}
    assert info.rows == 30


def test_r_row_names_without_a_header_get_one(read_file: Read) -> None:
    info = read_file("t.csv", '"x","y"\n' + "".join(f'"{i}",{i},{i / 3:.2f}\n' for i in range(1, 30)))
    assert list(storages(info)) == ["rownames", "x", "y"]


def test_empty_and_repeated_names_become_unique(read_file: Read) -> None:
    info = read_file("t.csv", "a,A,a,,a_2\n1,2,3,4,5\n2,3,4,5,6\n")
    assert list(storages(info)) == ["a", "A", "a_3", "column_4", "a_2"]
    assert load_frame(info).iloc[0].tolist() == [1, 2, 3, 4, 5]


def test_a_line_of_units_below_the_header_is_rejected_and_told(read_file: Read) -> None:
    info = read_file("t.csv", "t,v\ns,kg\n" + "".join(f"{i},{i / 7:.2f}\n" for i in range(30)))
    assert storages(info) == {"t": "integer", "v": "float"}
    assert [(note.line, note.reason) for note in info.rejected] == [(2, "a further header line, not a row")]


def test_lines_too_long_or_short_are_repaired_where_there_is_one_reading(read_file: Read) -> None:
    info = read_file("t.csv", ROWS + "50,a,b,2.5\n51,x1\nTotal\n52,x1,1.5,,\n")
    assert info.route == "careful"
    assert values(info, "name")[-3:] == ["a,b", "x1", "x1"]
    assert [note.line for note in info.repaired] == [52, 53, 55]
    assert [(note.line, note.reason) for note in info.rejected] == [(54, "1 value where 3 are expected")]
    assert (info.repaired_count, info.rejected_count) == (3, 1)


def test_a_line_with_two_readings_is_rejected(read_file: Read) -> None:
    rows = "a,b,n\n" + "".join(f"u{i},v{i},{i}\n" for i in range(40))
    info = read_file("t.csv", rows + "p,q,r,7\n")
    assert info.rows == 40
    assert info.rejected[0].line == 42


def test_stray_quotes_are_kept_as_text(read_file: Read) -> None:
    rows = "id,text,n\n" + "".join(f'{i},"say ""hi"" {i}",{i}\n' for i in range(20))
    info = read_file("t.csv", rows + '20,"he said "no" twice",5\n21,"never closed,6\n22,"two\nlines",8\n')
    assert values(info, "text")[0] == 'say "hi" 0'
    assert values(info, "text")[-3:] == ['he said "no" twice', '"never closed', "two\nlines"]
    assert [note.line for note in info.repaired] == [22, 23]
    assert not info.rejected


def test_mixed_line_ends_are_all_ends(read_file: Read) -> None:
    info = read_file("t.csv", "a,b\r\n1,2\r\n3,4\n5,6\r7,8\n")
    assert values(info, "a") == [1, 3, 5, 7]


def test_codes_with_leading_zeros_stay_text_wherever_they_stand(read_file: Read) -> None:
    info = read_file("t.csv", "zip,n\n" + "12345,1\n" * 100_000 + "00501,2\n")
    assert storages(info) == {"zip": "text", "n": "integer"}
    assert values(info, "zip")[-1] == "00501"


def test_whole_numbers_beyond_what_a_float_holds_stay_exact(read_file: Read) -> None:
    info = read_file("t.csv", "x,y\n" + "".join(f"{10**20 + i},{2**62 + i}\n" for i in range(30)))
    assert storages(info) == {"x": "text", "y": "text"}
    assert values(info, "x")[1] == str(10**20 + 1)
    assert values(info, "y")[1] == str(2**62 + 1)


def test_missing_words_are_missing_only_where_they_mean_it(read_file: Read) -> None:
    info = read_file("t.csv", "n,f,t\n1,NA,a\n?,2.5,?\n-,N/A,NA\n4,null,\n5,7,None\n")
    assert storages(info) == {"n": "integer", "f": "float", "t": "text"}
    assert [column.missing for column in info.profile.columns] == [2, 3, 3]
    assert values(info, "t")[-1] == "None"


def test_namibia_is_not_missing(read_file: Read) -> None:
    codes = ["NA", "DE", "FR", "US", "GB", "IT", "ES"] * 5
    info = read_file("t.csv", "country,n\n" + "".join(f"{code},1\n" for code in codes))
    assert values(info, "country") == codes


def test_a_type_that_the_beginning_suggests_is_given_up_when_later_rows_disagree(read_file: Read) -> None:
    info = read_file("t.csv", "x,y,z\n" + "1,2.5,\n" * 200_000 + "one,2.5,7\n" * 20_000)
    assert storages(info) == {"x": "text", "y": "float", "z": "integer"}
    assert info.profile.column("z").missing == 200_000


def test_decimal_commas_and_thousands_are_understood(read_file: Read) -> None:
    german = read_file("de.csv", "v;w\n" + "".join(f"1.{i:03d},50;{i},5\n" for i in range(30)))
    assert values(german, "v")[1] == 1001.5
    assert values(german, "w")[1] == 1.5
    english = read_file("en.csv", "v,w\n" + "".join(f'"1,{i:03d}",{i}.5\n' for i in range(30)))
    assert values(english, "v")[1] == 1001
    assert storages(english)["v"] == "integer"


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("2020-02-03", "2020-02-03"),
        ("25/12/2020", "2020-12-25"),
        ("12/25/2020", "2020-12-25"),
        ("25.12.2020", "2020-12-25"),
        ("25-Dec-2020", "2020-12-25"),
        ("Dec 25, 2020", "2020-12-25"),
        ("2020-12-25T10:30:00Z", "2020-12-25 10:30:00"),
        ("2020-12-25 10:30:00+02:00", "2020-12-25 08:30:00"),
        ("12/25/2020 10:30 PM", "2020-12-25 22:30:00"),
    ],
)
def test_dates_are_understood_in_many_forms(cell: str, expected: str, read_file: Read) -> None:
    info = read_file("t.tsv", "n\twhen\n" + f"1\t{cell}\n" * 5)
    assert storages(info)["when"] in {"date", "timestamp"}
    assert str(load_frame(info)["when"].iloc[0]).removesuffix(" 00:00:00") == expected


def test_spaces_after_delimiters_are_no_part_of_the_values(read_file: Read) -> None:
    info = read_file("t.csv", "a, b, c\n" + "".join(f"{i}, State-gov, ?\n" for i in range(30)))
    assert values(info, "b")[0] == "State-gov"
    assert info.profile.column("c").missing == 30


def test_a_file_of_one_column_is_a_table(read_file: Read) -> None:
    info = read_file("t.txt", "word\n" + "alpha\nbeta\n" * 10)
    assert values(info, "word")[:2] == ["alpha", "beta"]


def test_a_header_without_rows_and_empty_lines_are_told_apart(read_file: Read) -> None:
    with pytest.raises(ReadError, match="no rows"):
        read_file("t.csv", "a,b,c\n")
    with pytest.raises(ReadError, match="only empty lines"):
        read_file("u.csv", "\n\n\n")


def test_hostile_names_and_cells_are_read_as_they_stand(read_file: Read) -> None:
    names = ['a"; DROP TABLE x; --', "[/nope]", "A", "a", "x" * 100_000, "\u202eevil", "{t}", "'"]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(names)
    writer.writerow([*range(6), "[@click=app.quit]x[/]", "y" * 100_000])
    writer.writerow([*range(6), "\x1b]52;c;eA==\x07", "z"])
    info = read_file("t.csv", text.getvalue())
    assert [column.name for column in info.profile.columns] == names
    assert values(info, "{t}") == ["[@click=app.quit]x[/]", "\x1b]52;c;eA==\x07"]
    assert "\x1b" not in "".join(value.text for value in info.profile.column("{t}").top)
    assert max(len(value.text) for column in info.profile.columns for value in column.top) <= 60


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)


@pytest.mark.soak
@settings(max_examples=rounds(40, 15), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=3, max_size=12))
def test_any_text_that_csv_writer_wrote_comes_back_as_text(rows: list[tuple[str, str, str]], read_file: Read) -> None:
    rows = [("first", "second", "third"), *rows]
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    info = read_file("t.csv", text.getvalue(), as_text=True)
    frame = load_frame(info)
    got = [tuple(frame.columns), *(tuple(row) for row in frame.itertuples(index=False))]
    assert got == rows
