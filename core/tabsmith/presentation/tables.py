"""What is said of a table once read: which sheet it is, what a join did to its rows."""

from tabsmith.formatting import count
from tabsmith.tables.info import JoinStep, TableInfo
from tabsmith.text import clean, plural

_MOST_NAMED = 8


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


def sheet_line(info: TableInfo) -> str:
    """Which sheet, table or file was read, and the others; "" where the source holds but one."""
    others = [name for name in info.sheets if name != info.sheet]
    if not others:
        return clean(info.sheet, 60)
    named = ", ".join(clean(name, 40) for name in others[:_MOST_NAMED])
    more = f" and {count(len(others) - _MOST_NAMED)} more" if len(others) > _MOST_NAMED else ""
    return f"{clean(info.sheet, 60)} (also there: {named}{more})"
