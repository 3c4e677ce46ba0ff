"""`tabsmith schema`: what tabsmith understands of a table."""

import click
import msgspec

from tabsmith import formatting
from tabsmith.tables.schema.types import ColumnSchema, ProblemType, Schema, Split, TargetCandidate
from tabsmith_tui.commands.output import json_option, print_facts, print_json, print_table, print_text


class SchemaDocument(msgspec.Struct, frozen=True):
    """`schema --json`. `target` is null and `task` "none" when no column can be predicted."""

    columns: tuple[ColumnSchema, ...]
    target: str | None
    targets: tuple[TargetCandidate, ...]
    task: ProblemType
    split: Split
    rows: int


@click.command()
@click.argument("path")
@click.option("--target", metavar="COL", help="The column to predict; found when it is not given.")
@json_option
def schema(path: str, target: str | None, as_json: bool) -> None:
    """Say what tabsmith understands of the table at PATH."""
    from tabsmith.tables.schema.detect import detect_schema
    from tabsmith.tables.table import read_table

    found = detect_schema(read_table(path).info, target)
    if as_json:
        document = SchemaDocument(
            found.columns, found.target or None, found.targets, found.problem_type, found.split, found.rows
        )
        print_json(document)
    else:
        _print(found)


def _print(found: Schema) -> None:
    best = found.targets[0] if found.targets else None
    print_facts(
        [
            ("target", found.target or "none found: name it with --target"),
            ("because", best.reason if best and best.name == found.target else "you said so" if found.target else "—"),
            ("task", found.problem_type),
            ("split", f"{found.split.kind}, {formatting.percent(found.split.holdout)} held out. {found.split.reason}"),
            ("others", ", ".join(f"{each.name} ({each.confidence:.2f})" for each in found.targets[1:5]) or "—"),
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
                "; ".join(f"{each.kind}: {each.message}" for each in column.warnings),
            ]
            for column in found.columns
        ],
        widest=60,
    )
