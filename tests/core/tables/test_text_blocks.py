"""A long text in blocks: no value is cut, and what Arrow parses at once is what a CSV reader would parse."""

import csv
import io

from hypothesis import given, settings
from hypothesis import strategies as st

from tabsmith.tables.info import Dialect
from tabsmith.tables.read.rows.text_blocks import LineBlock, parse_block, text_blocks
from tabsmith.tables.snapshot import load_frame

from .conftest import Read

DIALECT = Dialect(",", '"', '"')
CELLS = st.text(st.sampled_from('ab1 ,"\n;é'), max_size=6)


def written(rows: list[tuple[str, ...]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


@settings(max_examples=150, deadline=None)
@given(rows=st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=30), size=st.integers(20, 200))
def test_blocks_hold_whole_rows_and_all_of_them(rows: list[tuple[str, str, str]], size: int) -> None:
    data = written(rows)
    blocks = list(text_blocks(io.BytesIO(data), 1, DIALECT, size=size))
    assert b"".join(block.data for block in blocks) == data
    read: list[tuple[str, ...]] = []
    offset = 0
    for block in blocks:
        assert block.line == 1 + data[:offset].count(b"\n")
        offset += len(block.data)
        text = block.data.decode()
        expected = [tuple(row) for row in csv.reader(io.StringIO(text, newline=""))]
        table = parse_block(block, DIALECT, (), 3, drops_last=False)
        if table is not None:
            assert [tuple(row.values()) for row in table.to_pylist()] == expected
        read += expected
    assert read == rows


def test_a_block_with_a_line_that_breaks_the_rules_is_left_to_the_careful_parser() -> None:
    for text in (
        b"1,2\n3\n",
        b'1,"a"b"\n',
        b'1,"a\nb"\n',
        b"1,2\n\n3,4\n",
        b"x,y\n1,2\n",
        b"1,2\r3,4\n",
        b"1,K\xf6ln\n",
    ):
        assert parse_block(LineBlock(text, 1, is_last=False), DIALECT, ("x", "y"), 2, drops_last=False) is None, text
    assert (
        parse_block(LineBlock(b"1,2\n3,4\n", 1, is_last=False), DIALECT, ("x", "y"), 2, drops_last=False).num_rows == 2
    )


def test_bad_lines_in_several_blocks_are_told_by_their_lines(read_file: Read) -> None:
    lines = [f"{i},{'x' * 90},{i / 4}" for i in range(120_000)]
    lines[40_000] = "one,two"
    lines[90_000] = f'90000,"{"x" * 40}\n{"x" * 40}",1.5'
    lines[110_000] = "110000,x,2.5,"
    info = read_file("t.csv", "id,text,n\n" + "\n".join(lines) + "\n", as_text=True)
    assert [note.line for note in info.rejected] == [40_002]
    assert [note.line for note in info.repaired] == [110_003]
    assert load_frame(info)["id"].tolist() == [str(i) for i in range(120_000) if i != 40_000]
    assert "\n" in load_frame(info)["text"].iloc[89_999]
