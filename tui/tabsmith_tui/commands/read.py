"""`tabsmith read`: a table read, and what was found in it; `tabsmith schema`: what tabsmith understands of a table."""

from pathlib import Path
from typing import Final, Literal

import click
import msgspec

from tabsmith import formatting
from tabsmith.presentation.schemas import table_warning_text, warning_text
from tabsmith.presentation.tables import column_sentences, join_sentence, reading_line, sheet_line
from tabsmith.tables.info import Dialect, JoinStep, LineNote, TableInfo
from tabsmith.tables.profile.types import ColumnProfile
from tabsmith.tables.schema.readiness import Obstacle
from tabsmith.tables.schema.types import ColumnSchema, ProblemType, Schema, Split, TableWarning, TargetCandidate
from tabsmith.text import plural
from tabsmith_tui.commands.output import (
    json_option,
    print_facts,
    print_json,
    print_table,
    print_text,
    progress_line,
    say,
)
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
    from tabsmith.runs.stages import read as read_source
    from tabsmith.tables.export import write_table
    from tabsmith.tables.snapshot import preview

    with progress_line() as progress:
        info = read_source(options.source(path, as_text=as_text), progress)
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
    _print_info(info)
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


def _print_info(info: TableInfo) -> None:
    print_facts(
        [
            ("rows", formatting.count(info.rows)),
            ("columns", formatting.count(len(info.profile.columns))),
            ("format", f"{info.format}, {info.encoding}, {info.route} path"),
            *([("read as", line)] if (line := reading_line(info)) else []),
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


class SchemaDocument(msgspec.Struct, frozen=True):
    """`schema --json`. `target` is null and `task` "none" when no column can be predicted."""

    columns: tuple[ColumnSchema, ...]
    target: str | None
    targets: tuple[TargetCandidate, ...]
    task: ProblemType
    split: Split
    rows: int
    warnings: tuple[TableWarning, ...]  # of the rows; those of the columns stand there
    obstacle: Obstacle | None  # what keeps a model from being trained, and what would be enough
    event: str  # the class of two that F1, precision and recall are about; empty if there are not two


@click.command()
@click.argument("path")
@click.option("--target", metavar="COL", help="The column to predict; found when it is not given.")
@source_options
@json_option
def schema(path: str, target: str | None, options: SourceOptions, as_json: bool) -> None:
    """Show the schema that tabsmith detects in the table at PATH."""
    from tabsmith.tables.schema.detect import detect_schema
    from tabsmith.tables.schema.readiness import find_obstacle
    from tabsmith.tables.table import read_table

    info = read_table(options.source(path)).info
    detected = detect_schema(info, target)
    obstacle = find_obstacle(detected, info.profile)
    if as_json:
        document = SchemaDocument(
            detected.columns,
            detected.target or None,
            detected.targets,
            detected.problem_type,
            detected.split,
            detected.rows,
            detected.warnings,
            obstacle,
            detected.event,
        )
        print_json(document)
    else:
        _print_schema(detected, obstacle)


def _print_schema(detected: Schema, obstacle: Obstacle | None) -> None:
    stops = [("stops", f"{obstacle.message} {obstacle.next_step}")] if obstacle else []
    print_facts(
        [
            ("target", detected.target or "none found: name it with --target"),
            ("because", _reason(detected)),
            ("task", detected.problem_type),
            *([("event", detected.event)] if detected.event else []),
            (
                "split",
                f"{detected.split.kind}, {formatting.percent(detected.split.holdout)} test set. {detected.split.reason}",
            ),
            ("others", ", ".join(f"{other.name} ({other.confidence:.2f})" for other in detected.targets[1:5]) or "—"),
            *(("rows", table_warning_text(warning)) for warning in detected.warnings),
            *stops,
        ]
    )
    print_text()
    print_table(
        ["column", "kind", "role", "evidence", "warnings"],
        [
            [
                column.name,
                column.kind,
                column.role,
                column.evidence,
                "; ".join(warning_text(warning) for warning in column.warnings),
            ]
            for column in detected.columns
        ],
        widest=60,
    )


def _reason(detected: Schema) -> str:
    best = detected.targets[0] if detected.targets else None
    if best and best.name == detected.target:
        return best.reason
    return "as you chose" if detected.target else "—"
