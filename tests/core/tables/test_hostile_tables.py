"""Tables as attackers make them: each is refused in words, before it takes the memory or the disk that it asks for."""

import json
import subprocess
import sys
import zipfile

import pytest
import zstandard

from tabsmith.errors import FileTooLargeError, ReadError
from tabsmith.tables.read import table_limits
from tabsmith.tables.read.table_limits import require_columns, require_modest_unpacking
from tabsmith.tables.table import read_table

_PARTS = {
    "_rels/.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
    'Target="xl/workbook.xml"/></Relationships>',
    "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
    "xl/workbook.xml": '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
    '<sheets><sheet name="s" sheetId="1" r:id="r1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" '
    'Target="PLACE"/></Relationships>',
}


def workbook(path, rows, place="worksheets/sheet1.xml", shared=""):
    """A workbook of one sheet with these rows, as XML, in the part `place`, and one shared text."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in _PARTS.items():
            archive.writestr(name, content.replace("PLACE", place))
        archive.writestr("xl/sharedStrings.xml", f"<sst><si><t>{shared}</t></si></sst>")
        archive.writestr(
            f"xl/{place}",
            '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
            f"<sheetData>{rows}</sheetData></worksheet>",
        )
    return path


@pytest.mark.parametrize(
    ("place", "cell"),
    [
        ("worksheets/sheet1.xml", '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'),
        ("worksheets/sheet1.xml", "<row><c r='XFD1048576'><v>1</v></c></row>"),
        ("elsewhere.xml", '<row\nr = "1048576"><c\tr = "XFD1048576"><v>1</v></c></row>'),
    ],
)
def test_a_workbook_with_a_cell_far_away_is_refused(tmp_path, place, cell):
    near = '<row r="1"><c r="A1"><v>1</v></c></row>'
    path = workbook(tmp_path / "far.xlsx", near + cell, place)
    assert path.stat().st_size < 3_000
    with pytest.raises(ReadError, match="spans"):
        read_table(path)


def test_json_lines_with_ever_new_names_are_no_table(tmp_path):
    path = tmp_path / "new.jsonl"
    path.write_text("".join(json.dumps({f"name {line}": line}) + "\n" for line in range(30_000)))
    with pytest.raises(ReadError, match="nearly every row has others"):
        read_table(path)


def test_json_with_more_names_than_columns_are_read_is_refused(tmp_path):
    path = tmp_path / "wide.json"
    path.write_text(json.dumps([{f"c{column}": 1 for column in range(table_limits.MOST_COLUMNS + 1)}]))
    with pytest.raises(ReadError, match="50,001 columns"):
        read_table(path)


def test_parquet_with_more_columns_than_are_read_is_refused(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    one = pa.array([1], pa.int8())
    names = [f"c{column}" for column in range(table_limits.MOST_COLUMNS + 1)]
    pq.write_table(pa.table([one] * len(names), names), tmp_path / "wide.parquet")
    with pytest.raises(ReadError, match="50,001 columns"):
        read_table(tmp_path / "wide.parquet")


def test_a_packed_text_that_fills_the_disk_is_refused(tmp_path):
    path = tmp_path / "bomb.csv.zst"
    writer = zstandard.ZstdCompressor().compressobj()
    with path.open("wb") as file:
        line = b"a,b\n" * 250_000
        for _ in range(220):
            file.write(writer.compress(line))
        file.write(writer.flush())
    assert path.stat().st_size < 1_000_000
    with pytest.raises(FileTooLargeError, match="unpack to"):
        read_table(path)


def test_limits_let_honest_tables_through():
    require_columns(table_limits.MOST_COLUMNS, "x")
    require_modest_unpacking(1_000, 20_000_000, "x")
    assert not table_limits.is_nearly_empty(1_000_000, 100, 50_000_000)


def test_a_workbook_whose_shared_text_fills_the_memory_is_told_in_words(tmp_path):
    cells = "".join(f'<row r="{row}"><c r="A{row}" t="s"><v>0</v></c></row>' for row in range(1, 101))
    path = workbook(tmp_path / "texts.xlsx", cells, shared="x" * 5_000_000)
    code = (
        "import duckdb, pandas, pyarrow.parquet, python_calamine, sys\n"
        "from tabsmith.processes import limit_memory\n"
        "from tabsmith_tui.commands import limited\n"
        "used = 1024 * int(open('/proc/self/status').read().split('VmData:')[1].split()[0])\n"
        "limit_memory(used + (150 << 20))\n"
        "sys.exit(limited.run_limited(['read', sys.argv[1]]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "memory" in done.stderr
    assert "Traceback" not in done.stderr
