"""Which of several tables of one source is meant: a sheet of a workbook, a table of a database, a file of an archive."""

from typing import Final, Literal, TypeAlias

from tabsmith.errors import ReadError
from tabsmith.text import clean, nearest

TableKind: TypeAlias = Literal["sheet", "table", "file"]

_MOST_LISTED: Final = 20


class SeveralTablesError(ReadError):
    """The source holds several tables, and none was chosen; `tables` are their names."""

    def __init__(self, kind: TableKind, tables: tuple[str, ...], where: str) -> None:
        super().__init__(
            f"It holds {len(tables):,} {kind}s: {listed(tables)}.",
            where=where,
            next_step="Choose one: --sheet NAME on the command line, sheet=NAME in Python, o (read as) on the screen.",
        )
        self.tables = tables


def choose_table(chosen: str, names: tuple[str, ...], kind: TableKind, where: str) -> str:
    """The name in `names` that `chosen` means: the same, but for upper and lower case, or its number from 1.

    Raises ReadError if there is none.
    """
    wanted = chosen.strip().casefold()
    for name in names:
        if name == chosen:
            return name
    for name in names:
        if name.strip().casefold() == wanted:
            return name
    if wanted.isdecimal() and 1 <= int(wanted) <= len(names):
        return names[int(wanted) - 1]
    near = nearest(chosen, names)
    raise ReadError(
        f"There is no {kind} {clean(chosen, 60)}.",
        where=where,
        next_step=f"Did you mean {clean(near, 60)}?" if near else f"It holds: {listed(names)}.",
    )


def only_table(chosen: str | None, names: tuple[str, ...], kind: TableKind, where: str) -> str:
    """The table that is chosen, or the only one. Raises SeveralTablesError, and ReadError if there is none."""
    if not names:
        raise ReadError(f"It holds no {kind} that can be read.", where=where, next_step="Choose another file.")
    if chosen is not None:
        return choose_table(chosen, names, kind, where)
    if len(names) > 1:
        raise SeveralTablesError(kind, names, where)
    return names[0]


def listed(names: tuple[str, ...]) -> str:
    """The names, cleaned, with commas between them; of many the first and how many there are."""
    shown = ", ".join(clean(name, 60) for name in names[:_MOST_LISTED])
    return shown if len(names) <= _MOST_LISTED else f"{shown} and {len(names) - _MOST_LISTED:,} more"
