"""Checks of derived columns: each is one scalar expression over the row's own columns, bounded in size and cost.

`sql_tree` checks how an expression is written; this module checks which columns it uses, and finds wrong types and wrong
numbers of arguments by computing the expression on two small rows.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, cast

import msgspec

from tabsmith.recipes import sql_engine, sql_tree
from tabsmith.recipes.recipe import DerivedColumn, Problem
from tabsmith.recipes.sql_tree import ExpressionRefusedError, Node
from tabsmith.text import clean, nearest

if TYPE_CHECKING:
    import duckdb

MAX_DERIVED: Final = 64

_NAME: Final = re.compile(r"(?!__)[A-Za-z_][A-Za-z0-9_]{0,59}")
_RESERVED: Final = frozenset({"rowid", "index", "target", "prediction", "row"})
_RESULT: Final = re.compile(
    r"U?(?:TINY|SMALL|BIG|HUGE)?INT(?:EGER)?|FLOAT|DOUBLE|DECIMAL.*|BOOLEAN|VARCHAR|DATE|TIMESTAMP(?:_\w+)?"
)


_SAMPLES: Final = {
    "BIGINT": "1::BIGINT",
    "DOUBLE": "0.5::DOUBLE",
    "BOOLEAN": "true",
    "DATE": "DATE '2020-02-29'",
    "TIMESTAMP": "TIMESTAMP '2020-02-29 12:30:00'",
    "VARCHAR": "'a 1'",
}
"""A value of each type a column may have: some casts are only found impossible when they meet one."""


class SqlColumn(msgspec.Struct, frozen=True):
    """A column that expressions may use."""

    name: str
    types: tuple[str, ...]  # the DuckDB types that it may have, the likeliest first
    withheld: str = ""  # why it may not be used; empty if it may


class SqlExpression(msgspec.Struct, frozen=True):
    """An expression that passed the checks."""

    columns: tuple[str, ...]  # the exact names of the columns that it uses
    growth: int  # how many times longer than the longest text in them its texts may become


def check_derived(derived: Sequence[DerivedColumn], columns: Sequence[SqlColumn]) -> tuple[Problem, ...]:
    """Every problem of a recipe's derived columns on a table of `columns`."""
    if not derived:
        return ()
    if len(derived) > MAX_DERIVED:
        return (Problem("derived", f"{len(derived)} derived columns; at most {MAX_DERIVED} are allowed."),)
    problems = list(_name_problems(derived, columns))
    with sql_engine.connect_sandboxed() as connection:
        for column in derived:
            expression = check_expression(connection, column.sql, columns)
            if isinstance(expression, str):
                problems.append(Problem(_where(column), expression))
    return tuple(problems)


def check_expression(
    connection: "duckdb.DuckDBPyConnection", sql: str, columns: Sequence[SqlColumn]
) -> SqlExpression | str:
    """The expression, if `sql` may be a derived column over `columns`; otherwise a sentence why not. Never raises."""
    expression = parse_expression(connection, sql, columns)
    return expression if isinstance(expression, str) else _try_types(connection, sql, expression, columns)


def parse_expression(
    connection: "duckdb.DuckDBPyConnection", sql: str, columns: Sequence[SqlColumn]
) -> SqlExpression | str:
    """Like `check_expression`, but without a check of types."""
    try:
        return _expression(connection, sql, columns)
    except ExpressionRefusedError as refusal:
        return str(refusal)


def is_result(kind: str) -> bool:
    """Whether a DuckDB type may be that of a derived column: a number, a boolean, text or a date."""
    return _RESULT.fullmatch(kind) is not None


def quote(name: str) -> str:
    """`name` as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def _where(column: DerivedColumn) -> str:
    return f"derived column {clean(column.name, 60)}"


def _name_problems(derived: Sequence[DerivedColumn], columns: Sequence[SqlColumn]) -> Iterator[Problem]:
    taken = {column.name.lower() for column in columns}
    counts = Counter(column.name.lower() for column in derived)
    for column in derived:
        name = column.name.lower()
        if not _NAME.fullmatch(column.name):
            what = "A name is 1 to 60 letters, digits and _, beginning with a letter, not with two _."
        elif name in _RESERVED:
            what = "This name is reserved; choose another."
        elif name in taken:
            what = "The table has a column of this name already (upper and lower case do not differ)."
        elif counts[name] > 1:
            what = "Two derived columns have this name (upper and lower case do not differ)."
        else:
            continue
        yield Problem(_where(column), what)


def _expression(connection: "duckdb.DuckDBPyConnection", sql: str, columns: Sequence[SqlColumn]) -> SqlExpression:
    sql_tree.check_text(sql)
    root = sql_tree.parse_tree(connection, sql)
    nodes = sql_tree.check_tree(root)
    references = [_resolve(node, columns) for node in nodes if node["class"] == "COLUMN_REF"]
    used = tuple(dict.fromkeys(references))
    if not used:
        raise ExpressionRefusedError("It uses no column of the table; use at least one.")
    if len({name.lower() for name in used}) < len(used):
        raise ExpressionRefusedError(
            "It uses two columns whose names differ only in upper and lower case; use one of them."
        )
    return SqlExpression(used, sql_tree.growth(root) * len(references))


def _resolve(node: Node, columns: Sequence[SqlColumn]) -> str:
    """The exact name of the column that a reference means: the same name, else the only one that differs in case."""
    path = cast("list[str]", node["column_names"])
    if len(path) != 1:
        raise ExpressionRefusedError(
            f'Write a column\'s name alone, in double quotes where needed, not "{clean(".".join(path), 60)}".'
        )
    wanted = path[0]
    matches = [c for c in columns if c.name == wanted] or [c for c in columns if c.name.lower() == wanted.lower()]
    if not matches:
        usable = [column.name for column in columns if not column.withheld]
        guess = nearest(wanted, usable)
        hint = f' Did you mean "{clean(guess, 60)}"?' if guess else ""
        raise ExpressionRefusedError(f'There is no column "{clean(wanted, 60)}".{hint}')
    if len(matches) > 1:
        raise ExpressionRefusedError(
            f'Several columns are called "{clean(wanted, 60)}" but for their case; write the exact name in quotes.'
        )
    if matches[0].withheld:
        raise ExpressionRefusedError(f'The column "{clean(wanted, 60)}" may not be used: {matches[0].withheld}.')
    return matches[0].name


def _try_types(
    connection: "duckdb.DuckDBPyConnection", sql: str, expression: SqlExpression, columns: Sequence[SqlColumn]
) -> SqlExpression | str:
    """The expression, once it could be computed on two small rows with one of the types that its columns may have."""
    used = [column for column in columns if column.name in expression.columns]
    problem = ""
    for choice in range(max(len(column.types) for column in used)):
        types = [column.types[min(choice, len(column.types) - 1)] for column in used]
        failure = _compute(connection, sql, used, types)
        if not failure:
            return expression
        problem = problem or failure
    return problem


def _compute(connection: "duckdb.DuckDBPyConnection", sql: str, used: Sequence[SqlColumn], types: Sequence[str]) -> str:
    import duckdb

    names = ", ".join(quote(column.name) for column in used)
    rows = ", ".join(
        f"({', '.join(cells)})" for cells in ((_SAMPLES[kind] for kind in types), (f"NULL::{kind}" for kind in types))
    )
    try:
        relation = connection.sql(f"SELECT TRY(\n{sql}\n) FROM (VALUES {rows}) AS cells({names})")  # noqa: S608
        result = str(relation.types[0])
        relation.fetchall()
    except (duckdb.Error, RecursionError) as error:
        return f"It does not fit the columns' types: {sql_tree.first_line(error)}"
    if not is_result(result):
        return f"Its result is of type {clean(result, 60)}; it must be a number, a boolean, text or a date."
    return ""
