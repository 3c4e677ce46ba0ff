"""What is said of a table once read: which sheet it is, what a join did to its rows, how columns were understood."""

from tabsmith.formatting import count
from tabsmith.tables.info import JoinStep, TableInfo
from tabsmith.tables.profile.types import ColumnProfile
from tabsmith.text import clean, plural

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
