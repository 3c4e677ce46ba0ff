"""Values of a table that a question may name, beside the frequent ones of its profile: looked up in the snapshot."""

from collections.abc import Sequence
from typing import Final

from tabsmith.statistics.plan import Rows
from tabsmith.statistics.selected_rows import is_number, is_time, select_rows
from tabsmith.statistics.words.lexicon import WORDS
from tabsmith.statistics.words.tokens import Token, tokens_of
from tabsmith.tables.database import sql_is_one_of
from tabsmith.tables.info import TableInfo

_MOST_COLUMNS: Final = 50
_MOST_DISTINCT: Final = 200_000
_MOST_WORDS: Final = 4  # of a value
_MOST_FOUND: Final = 20


def values_named(question: str, info: TableInfo, *, time_limit: float = 5.0) -> dict[str, tuple[str, ...]]:
    """The values of text columns that stand in `question`, by column, whatever their case.

    Columns whose values the profile lists whole, and those with more than 200,000 values, are not looked at. Raises
    PlanTimeoutError, TableChangedError and StorageError.
    """
    columns = [
        column
        for column in info.profile.columns
        if not is_number(column) and not is_time(column) and len(column.top) < column.distinct <= _MOST_DISTINCT
    ]
    texts = _texts(tokens_of(question))
    if not columns or not texts or not info.rows:
        return {}
    found: dict[str, tuple[str, ...]] = {}
    with select_rows(info, Rows(), time_limit) as rows:
        for column in columns[:_MOST_COLUMNS]:
            value = f"CAST({rows.sql(column)} AS VARCHAR)"
            matches = sql_is_one_of(f"lower({value})", texts)
            values = rows.query(f"SELECT DISTINCT {value} FROM selected WHERE {matches} LIMIT {_MOST_FOUND}")  # noqa: S608
            if values:
                found[column.name] = tuple(sorted(str(value) for (value,) in values))
    return found


def _texts(tokens: Sequence[Token]) -> tuple[str, ...]:
    """What may be a value: quoted texts, and one to four words in a row of which one is no word of the grammar."""
    texts = [token.text.lower() for token in tokens if token.kind == "quoted"]
    for start in range(len(tokens)):
        for end in range(start + 1, min(len(tokens), start + _MOST_WORDS) + 1):
            run = tokens[start:end]
            if all(token.kind in {"word", "number"} for token in run) and any(token.word not in WORDS for token in run):
                texts.append(" ".join(token.text.lower() for token in run))
    return tuple(dict.fromkeys(texts))
