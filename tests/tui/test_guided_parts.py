"""Pieces of the guided steps that know no terminal: pictures, completion of paths, the width of columns."""

from pathlib import Path

import pytest

from tabsmith.tables.profile.types import ColumnProfile, NumericSummary, ValueCount
from tabsmith.tables.read.formats.registry import table_suffixes
from tabsmith_tui.widgets.lines_table import GAP, LineColumn, widths
from tabsmith_tui.widgets.path_field import common_beginning, pasted, suggestions
from tabsmith_tui.widgets.schema_table import bars, picture


def test_the_highest_count_is_a_full_bar_and_nothing_the_lowest() -> None:
    assert bars((0, 5, 10)) == "▁▅█"
    assert bars(()) == ""
    assert bars((0, 0)) == ""


def test_more_counts_than_bars_are_added_up_in_neighbours() -> None:
    assert bars((1, 1, 1, 1, 2, 2, 4, 4, 0, 0, 0, 0, 0, 0, 0, 0)) == "▃▃▅█▁▁▁▁"


def test_a_picture_shows_numbers_as_bins_and_names_by_how_often_they_are() -> None:
    numbers = NumericSummary(0, 1, 0.5, 0.1, (0, 0.5, 1), (1, 2, 4))
    assert picture(ColumnProfile("a", "float", 7, 0, 7, numbers=numbers)) == "▃▅█"
    assert picture(ColumnProfile("a", "text", 14, 0, 3, top=(ValueCount("x", 8), ValueCount("y", 4)))) == "█▅▃"


def test_a_constant_column_has_no_picture() -> None:
    assert picture(ColumnProfile("a", "text", 9, 0, 1, top=(ValueCount("x", 9),))) == ""


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("'/data/my table.csv'", "/data/my table.csv"),
        ('"/data/x.csv" ', "/data/x.csv"),
        ("file:///data/my%20table.csv", "/data/my table.csv"),
        ("file://localhost/data/x.csv", "/data/x.csv"),
        ("/data/my\\ table.csv", "/data/my table.csv"),
        ("  /data/x.csv\n", "/data/x.csv"),
        ("it's.csv", "it's.csv"),
    ],
)
def test_a_pasted_path_is_freed_of_what_it_was_wrapped_in(text: str, path: str) -> None:
    assert pasted(text) == path


def test_a_backslash_that_belongs_to_the_name_stays(tmp_path: Path) -> None:
    file = tmp_path / "a\\b.csv"
    file.touch()
    assert pasted(str(file)) == str(file)


def test_tables_and_folders_are_suggested_and_nothing_else(tmp_path: Path) -> None:
    for name in ("houses.csv", "Housing.parquet.gz", "house.py", ".houses.csv", "h\x1b[31m.csv", "other.csv"):
        (tmp_path / name).touch()
    (tmp_path / "hold").mkdir()
    names = [each.name for each in suggestions(f"{tmp_path}/ho")]
    assert names == ["houses.csv", "Housing.parquet.gz", "hold"]


def test_files_of_every_readable_format_are_suggested(tmp_path: Path) -> None:
    names = {f"table{suffix}" for suffix in table_suffixes()}
    compressed = {f"table.csv{suffix}" for suffix in (".gz", ".zst", ".zstd")}
    for name in names | compressed:
        (tmp_path / name).touch()
    suggested = {suggestion.name for suggestion in suggestions(f"{tmp_path}/")}
    assert suggested == {name for name in names | compressed if not name.startswith(("table.gz", "table.zst"))}


def test_letters_in_order_find_a_name_that_begins_otherwise(tmp_path: Path) -> None:
    (tmp_path / "ames_housing.csv").touch()
    found = suggestions(f"{tmp_path}/hsng")
    assert [(each.name, each.fuzzy) for each in found] == [("ames_housing.csv", True)]
    assert common_beginning(found) == ""


def test_a_folder_that_is_not_there_suggests_nothing(tmp_path: Path) -> None:
    assert suggestions(f"{tmp_path}/nope/x") == ()
    assert suggestions("\x00") == ()


def test_completion_goes_as_far_as_all_agree(tmp_path: Path) -> None:
    for name in ("sales_2024.csv", "sales_2025.csv"):
        (tmp_path / name).touch()
    assert common_beginning(suggestions(f"{tmp_path}/s")) == f"{tmp_path}/sales_202"


COLUMNS = (
    LineColumn("name", 12, grow=2, most=30),
    LineColumn("kind", 10),
    LineColumn("note", 14, grow=3, drop=2),
    LineColumn("missing", 7, drop=1),
)


def test_columns_that_do_not_fit_go_in_their_order_and_the_rest_fills_the_line() -> None:
    assert widths(COLUMNS, 12 + 10 + 7 + 2 * GAP) == (12, 10, 0, 7)
    assert widths(COLUMNS, 12 + 10 + GAP) == (12, 10, 0, 0)
    for room in range(24, 300):
        shown = widths(COLUMNS, room)
        used = sum(shown) + GAP * (sum(each > 0 for each in shown) - 1)
        assert used <= room
        assert shown[0] >= 12
        assert shown[0] <= 30


def test_a_line_narrower_than_its_least_columns_cuts_the_first_that_grows() -> None:
    assert widths(COLUMNS, 20) == (8, 10, 0, 0)
