"""A few texts are read by prepared statements and many by one query; both give the same values."""

import pyarrow as pa
import pytest

from tabsmith.tables.column_format import ColumnFormat
from tabsmith.tables.read.cell_reader import read_cells
from tabsmith.tables.read.value_formats import COMPACT_DATE, EPOCHS, EXCEL_DATE, TEXT, ValueFormat, fitting_formats

TEXTS = (
    *("1", "1.5", "a'b", "yes", "true", "02/09/2023", "2023-01-01 10:00", " 00501", "$1,000.00", "45%", "1,234"),
    *("-5", "the old\nhouse", None, "", "NA", "9999-12-31", "0001-01-01", "inf", "a\x00b", "Zürich", "1e400"),
    *("2024-02-30", "20240101", "1,5", "\\", "[x]", "$1", "9007199254740993"),
)
USUAL = fitting_formats((), decimal_comma=True)
FORMATS = {format_.name: format_ for format_ in (*USUAL, *EPOCHS.values(), EXCEL_DATE, COMPACT_DATE)}


@pytest.mark.parametrize("value_format", FORMATS.values(), ids=FORMATS)
def test_few_texts_are_read_as_many_are(value_format: ValueFormat) -> None:
    column_format = ColumnFormat(value_format.name, spellings={"yes": "YES"} if value_format is TEXT else {})
    few = read_cells(pa.array(TEXTS, pa.large_string()), column_format, value_format.storage)
    many = read_cells(pa.array(TEXTS * 10, pa.large_string()), column_format, value_format.storage)
    assert few.values.equals(many.values[: len(TEXTS)])
    assert few.odd.tolist() == many.odd[: len(TEXTS)].tolist()
