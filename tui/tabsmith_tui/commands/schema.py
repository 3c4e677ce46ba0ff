"""`tabsmith schema`: what tabsmith understands of a table."""

import click
import msgspec

from tabsmith import formatting
from tabsmith.presentation.schemas import table_warning_text, warning_text
from tabsmith.tables.schema.readiness import Obstacle
from tabsmith.tables.schema.types import ColumnSchema, ProblemType, Schema, Split, TableWarning, TargetCandidate
from tabsmith_tui.commands.output import json_option, print_facts, print_json, print_table, print_text
from tabsmith_tui.commands.read_options import SourceOptions, source_options


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
        )
        print_json(document)
    else:
        _print(detected, obstacle)


def _print(detected: Schema, obstacle: Obstacle | None) -> None:
    stops = [("stops", f"{obstacle.message} {obstacle.next_step}")] if obstacle else []
    print_facts(
        [
            ("target", detected.target or "none found: name it with --target"),
            ("because", _reason(detected)),
            ("task", detected.problem_type),
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
