"""What is known of the table and its schema, for a prompt: columns with their evidence, and facts in words."""

from typing import Final

from tabsmith.tables.sources import describe
from tabsmith.text import clean, plural
from tabsmith.workflow.fields import ColumnLine, ColumnsField, Fact
from tabsmith.workflow.session import WorkflowSession

_UNITS: Final = ("bytes", "kB", "MB", "GB", "TB")


def columns(session: WorkflowSession) -> ColumnsField:
    """The columns of the table that was read, with number, evidence and profile."""
    schema, table, edits = session.schema, session.table, session.edits
    assert schema is not None
    assert table is not None
    profiles = {column.name: column for column in table.profile.columns}
    lines = tuple(
        ColumnLine(
            number,
            column.name,
            column.kind,
            column.role,
            clean(column.evidence),
            column.warnings,
            profiles.get(column.name),
            column.name in edits.roles or column.name in edits.kinds,
        )
        for number, column in enumerate(schema.columns, start=1)
    )
    rejected, repaired = table.rejected_count, table.repaired_count
    return ColumnsField(lines, schema.target, schema.targets, schema.task, schema.split, rejected, repaired)


def source_facts(session: WorkflowSession) -> tuple[Fact, ...]:
    """The source in a few facts."""
    if session.source is None:
        return ()
    facts = [Fact("Table", clean(describe(session.source)))]
    if session.file is not None:
        facts.append(Fact("Size", _bytes(session.file.size), clean(session.file.path, 300)))
    return tuple(facts)


def schema_facts(session: WorkflowSession) -> tuple[Fact, ...]:
    """The schema in a few facts."""
    if session.load == "defer" and session.manual is not None:
        manual = session.manual
        features = plural(len(manual.features), "column") if manual.features else "every other column"
        return (
            Fact("Target", clean(manual.target, 60), "as you described it"),
            Fact("Features", features),
            Fact("Task", "found when the file is read" if manual.task == "detect" else manual.task),
        )
    schema = session.schema
    if schema is None:
        return ()
    reason = next((each.reason for each in schema.targets if each.name == schema.target), "")
    evidence = "as you chose it" if session.edits.target == schema.target else clean(reason)
    held = f", {schema.split.holdout:.0%} held out" if schema.split.holdout else ""
    by = f" by {clean(schema.split.by, 40)}" if schema.split.by else ""
    return (
        Fact("Rows", f"{schema.rows:,}"),
        Fact("Target", clean(schema.target, 60) or "none", evidence),
        Fact("Task", schema.task),
        Fact("Features", f"{len(schema.features):,} of {plural(len(schema.columns), 'column')}"),
        Fact("Split", f"{schema.split.kind}{by}{held}", clean(schema.split.reason)),
    )


def _bytes(size: int) -> str:
    if size < 1_000:
        return plural(size, "byte")
    power = min(4, (len(str(size)) - 1) // 3)
    value = size / 1_000**power
    return f"{value:,.0f} {_UNITS[power]}" if value >= 100 else f"{value:.1f} {_UNITS[power]}"
