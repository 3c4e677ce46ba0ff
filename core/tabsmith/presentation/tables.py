"""What is said of a table once read: how it was understood, which sheet it is, what a join did to its rows, how its columns
were read."""

from typing import Final

from tabsmith.formatting import count
from tabsmith.tables.info import Dialect, JoinStep, TableInfo
from tabsmith.tables.profile.types import ColumnProfile
from tabsmith.text import clean, plural
from tabsmith.workflow.form import Fact
from tabsmith.workflow.session import WorkflowSession

_MOST_NAMED = 8
_ODD_CELLS_SHOWN = 3
_PLAIN_FORMATS = {"text", "integer", "number", "boolean", "date, ISO 8601", "time, ISO 8601"}


def join_sentence(step: JoinStep) -> str:
    """What joining a table did to the rows: how many found no partner, how many were multiplied, how many are unused."""
    keys = ", ".join(clean(key, 40) for key in step.on)
    lost = "left out" if step.how == "inner" else "kept with missing values"
    parts = (
        [f"{plural(step.unmatched, 'row')} without a partner {lost}"] if step.unmatched else ["every row has a partner"]
    )
    if step.multiplied:
        parts.append(f"{plural(step.multiplied, 'row')} more because keys are there more than once")
    if step.unused:
        parts.append(f"{plural(step.unused, 'row')} of it unused")
    return (
        f"Joined {clean(step.table, 60)} by {keys}: {count(step.rows_before)} rows became {count(step.rows_after)}; "
        f"{'; '.join(parts)}."
    )


def column_sentences(column: ColumnProfile) -> list[str]:
    """What a person would not expect of how a column was read: its format, what stands for a value, cells left out."""
    sentences = []
    if column.note:
        sentences.append(f"{clean(column.name, 40)}: {column.note}.")
    elif column.format.name not in _PLAIN_FORMATS:
        sentences.append(f"{clean(column.name, 40)}: read as {clean(column.format.name, 60)}.")
    if column.odd_count:
        sentences.append(f"{clean(column.name, 40)}: {odd_cells_sentence(column)}")
    return sentences


def odd_cells_sentence(column: ColumnProfile) -> str:
    """How many cells of a column its format cannot read, and the first few of them with their lines."""
    shown = ", ".join(
        f"{cell.text!r} in line {cell.line}" if cell.line else repr(cell.text)
        for cell in column.odd_cells[:_ODD_CELLS_SHOWN]
    )
    more = " ..." if column.odd_count > _ODD_CELLS_SHOWN else ""
    verb = "is" if column.odd_count == 1 else "are"
    listed = f": {shown}{more}" if shown else ""
    return f"{plural(column.odd_count, 'cell')} {verb} not read and treated as missing{listed}."


def sheet_line(info: TableInfo) -> str:
    """Which sheet, table or file was read, and the others; "" where the source holds but one."""
    others = [name for name in info.sheets if name != info.sheet]
    if not others:
        return clean(info.sheet, 60)
    named = ", ".join(clean(name, 40) for name in others[:_MOST_NAMED])
    more = f" and {count(len(others) - _MOST_NAMED)} more" if len(others) > _MOST_NAMED else ""
    return f"{clean(info.sheet, 60)} (also there: {named}{more})"


_DELIMITER_NAMES: Final = {"\t": "tab", " ": "spaces"}


def reading_line(info: TableInfo) -> str:
    """What was assumed of a delimited text or a sheet, in one line; "" for a source that says itself how it is read.

    For example: `header: line 3; 2 lines above skipped; delimiter ;`.
    """
    dialect = info.dialect
    if not dialect.row_values and not (info.sheet and dialect.header_line):
        return ""
    parts = [f"header: line {dialect.header_line}" if dialect.header else "no header"]
    if dialect.skipped_lines:
        parts.append(f"{plural(dialect.skipped_lines, 'line')} above skipped")
    if dialect.further_header_lines:
        parts.append(f"{plural(dialect.further_header_lines, 'further header line')} left out")
    if dialect.row_values and dialect.header and dialect.named_columns != dialect.row_values:
        named, values = plural(dialect.named_columns, "name"), plural(dialect.row_values, "value")
        parts.append(f"{named} in the header, {values} in most rows")
    if not dialect.row_values:
        return "; ".join(parts)
    parts.append(_layout(dialect))
    if dialect.quote not in {'"', ""}:
        parts.append(f"quote {dialect.quote}")
    if dialect.escape not in {dialect.quote, ""}:
        parts.append(f"escape {dialect.escape}")
    if info.encoding not in {"utf-8", "utf-8-sig"}:
        parts.append(f"encoding {info.encoding}")
    if info.other_encodings:
        parts.append(f"perhaps {' or '.join(info.other_encodings[:2])}: check the letters")
    return clean("; ".join(parts), 300)


def _layout(dialect: Dialect) -> str:
    """How the columns are parted."""
    if dialect.starts:
        return "columns of fixed width"
    if dialect.framed:
        return "columns between bars"
    if dialect.row_values == 1:
        return "one column"
    return f"delimiter {_DELIMITER_NAMES.get(dialect.delimiter, dialect.delimiter)}"


READING_LABELS: Final = ("Sheet", "Read as", "Join")
"""The labels of `reading_facts`."""


def reading_facts(session: WorkflowSession) -> tuple[Fact, ...]:
    """How the session's table was read: its sheet, what was assumed, and what each join did; empty until it is read."""
    table = session.table
    if table is None or table.source != session.source or session.load != "now":
        return ()
    sheet, read_as, join = READING_LABELS
    facts = [Fact(sheet, sheet_line(table))] if len(table.sheets) > 1 else []
    line = reading_line(table)
    facts += [Fact(read_as, line)] if line else []
    return (*facts, *(Fact(join, join_sentence(step)) for step in table.joins))
