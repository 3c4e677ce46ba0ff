"""Cells read one by one: the same text is the same value alone, in company, and in the snapshot."""

import pyarrow as pa
import pytest

from tabsmith.errors import UnknownFormatError
from tabsmith.tables.column_format import ColumnFormat
from tabsmith.tables.read.cell_reader import read_cells


def test_texts_become_values_and_what_cannot_be_read_is_odd() -> None:
    read = read_cells(pa.array(["1.5", " 2 ", "", None, "NA", "<5"]), ColumnFormat("number"), "float")
    assert read.values.to_pylist() == [1.5, 2.0, None, None, None, None]
    assert read.odd.tolist() == [False, False, False, False, False, True]


def test_a_level_is_read_without_spaces_in_one_unicode_form_and_in_its_usual_spelling() -> None:
    format_ = ColumnFormat("text", spellings={"YES": "yes"})
    read = read_cells(pa.chunked_array([[" yes ", "YES"], ["Cafe\u0301", "NA"]]), format_, "text")
    assert read.values.to_pylist() == ["yes", "yes", "Caf\u00e9", None]
    assert not read.odd.any()


def test_no_texts_give_no_values() -> None:
    read = read_cells(pa.array([], pa.string()), ColumnFormat("date, %d/%m/%Y"), "date")
    assert (read.values.type, len(read.values), len(read.odd)) == (pa.timestamp("us"), 0, 0)


def test_a_format_of_a_later_version_is_refused_in_words() -> None:
    with pytest.raises(UnknownFormatError, match="from Mars"):
        read_cells(pa.array(["1"]), ColumnFormat("dates from Mars"), "date")
