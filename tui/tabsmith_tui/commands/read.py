"""`tabsmith read`: a table read, and what was found in it."""

from pathlib import Path
from typing import Final, Literal

import click
import msgspec

from tabsmith import formatting
from tabsmith.presentation.tables import column_sentences, join_sentence, sheet_line
from tabsmith.tables.info import Dialect, JoinStep, LineNote, TableInfo
from tabsmith.tables.profile.types import ColumnProfile
from tabsmith.text import plural
from tabsmith_tui.commands.output import json_option, print_facts, print_json, print_table, print_text, say
from tabsmith_tui.commands.read_options import SourceOptions, source_options

_SENTENCES: Final = 20  # about columns, that are printed


class ReadDocument(msgspec.Struct, frozen=True):
    """`read --json`."""

    rows: int
    columns: tuple[str, ...]
    path: Literal["fast", "careful"]
    dialect: Dialect
    encoding: str
    rejected: tuple[LineNote, ...]
    repaired: tuple[LineNote, ...]
    rejected_count: int
    repaired_count: int
    format: str
    profile: tuple[ColumnProfile, ...]
    snapshot: str
    out: str
    sample: tuple[dict[str, str], ...]
    sheet: str
    sheets: tuple[str, ...]
    joins: tuple[JoinStep, ...]


@click.command()
@click.argument("path")
@click.option("--as-text", is_flag=True, help="Keep every cell as text.")
@click.option("--rows", default=0, metavar="N", type=click.IntRange(min=0), help="Show the first N rows.")
@click.option("--out", metavar="FILE", help="Write the table as it was read to a CSV or Parquet file.")
@source_options
@json_option
def read(path: str, as_text: bool, rows: int, out: str | None, options: SourceOptions, as_json: bool) -> None:
    """Read the table at PATH and show what is in it.

    PATH is a file, a folder or a pattern of files with the same columns, a sample such as sample:iris, or the address
    of a database such as postgresql://ann@host/db.
    """
    from tabsmith.tables.export import write_table
    from tabsmith.tables.snapshot import preview
    from tabsmith.tables.table import read_table

    info = read_table(options.source(path, as_text=as_text)).info
    written = ""
    if out:
        written = str(write_table(info, Path(out)))
        say(f"Written to {written}")
    first_rows = preview(info, rows) if rows else None
    names = tuple(column.name for column in info.profile.columns)
    if as_json:
        sample = tuple(dict(zip(names, row, strict=True)) for row in first_rows.rows) if first_rows else ()
        print_json(_document(info, names, written, sample))
        return
    _print(info)
    if first_rows:
        print_text()
        print_table(first_rows.names, first_rows.rows, widest=24)


def _document(
    info: TableInfo, names: tuple[str, ...], written: str, sample: tuple[dict[str, str], ...]
) -> ReadDocument:
    return ReadDocument(
        rows=info.rows,
        columns=names,
        path=info.route,
        dialect=info.dialect,
        encoding=info.encoding,
        rejected=info.rejected,
        repaired=info.repaired,
        rejected_count=info.rejected_count,
        repaired_count=info.repaired_count,
        format=info.format,
        profile=info.profile.columns,
        snapshot=info.snapshot,
        out=written,
        sample=sample,
        sheet=info.sheet,
        sheets=info.sheets,
        joins=info.joins,
    )


def _print(info: TableInfo) -> None:
    print_facts(
        [
            ("rows", formatting.count(info.rows)),
            ("columns", formatting.count(len(info.profile.columns))),
            ("format", f"{info.format}, {info.encoding}, {info.route} path"),
            *([("sheet", sheet_line(info))] if info.sheet else []),
            ("rejected", f"{formatting.count(info.rejected_count)} lines"),
            ("repaired", f"{formatting.count(info.repaired_count)} lines"),
        ]
    )
    for step in info.joins:
        print_text(f"  {join_sentence(step)}")
    for word, notes in (("rejected", info.rejected), ("repaired", info.repaired)):
        for note in notes[:10]:
            print_text(f"  line {note.line} {word}: {note.reason}")
    print_text()
    print_table(
        ["column", "storage", "missing", "distinct", "most frequent"],
        [
            [
                column.name,
                column.storage,
                formatting.percent(column.missing_share),
                formatting.count(column.distinct),
                ", ".join(value.text for value in column.top[:3]),
            ]
            for column in info.profile.columns
        ],
    )
    sentences = [sentence for column in info.profile.columns for sentence in column_sentences(column)]
    if sentences:
        print_text()
    for sentence in sentences[:_SENTENCES]:
        print_text(sentence)
    if len(sentences) > _SENTENCES:
        print_text(f"... and {plural(len(sentences) - _SENTENCES, 'more note')}; --json has all.")
