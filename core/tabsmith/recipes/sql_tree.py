"""The tree of a SQL expression: parsed by DuckDB (`json_serialize_sql`), every node of a known, harmless kind.

Everything that is not on a list is refused, so additions of a new version of DuckDB are refused until they are listed.
"""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias, cast

import msgspec

from tabsmith.recipes import sql_engine
from tabsmith.text import clean, nearest, plural

if TYPE_CHECKING:
    import duckdb

MAX_LENGTH: Final = 500
MAX_NODES: Final = 200
MAX_CASES: Final = 6  # `CASE x WHEN` writes x once per branch: nested, the tree grows without bound while it is parsed
MAX_GROWTH: Final = 16
MAX_WILDCARDS: Final = 3  # each % of a LIKE with _ may try every position of the text again

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_QUOTED: Final = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")

_CLASSES: Final = frozenset(
    ("BETWEEN", "CASE", "CAST", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "CONSTANT", "FUNCTION", "OPERATOR")
)
_OPERATORS: Final = frozenset({
    "OPERATOR_NOT", "OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL", "OPERATOR_COALESCE", "OPERATOR_TRY", "OPERATOR_NULLIF",
    "COMPARE_IN", "COMPARE_NOT_IN", "ARRAY_EXTRACT",
})  # fmt: skip
_CAST_TYPES: Final = frozenset({
    "tinyint", "smallint", "integer", "int", "bigint", "long", "short", "hugeint", "int1", "int2", "int4", "int8",
    "utinyint", "usmallint", "uinteger", "ubigint", "float", "real", "float4", "float8", "double", "decimal", "numeric",
    "boolean", "bool", "varchar", "text", "string", "char", "date", "datetime", "timestamp", "time", "interval",
})  # fmt: skip
_WORDS: Final = {
    "SUBQUERY": "a subquery",
    "WINDOW": "a window function",
    "STAR": "* or COLUMNS()",
    "LAMBDA": "a lambda or a list comprehension",
    "PARAMETER": "a parameter",
    "POSITIONAL_REFERENCE": "a column by position",
    "COLLATE": "a collation",
    "DEFAULT": "DEFAULT",
    "LAMBDA_REF": "a lambda",
}
RULE: Final = "a derived column is one scalar expression over the columns of the same row"

_LIKES: Final = frozenset({"~~", "!~~", "~~*", "!~~*"})
_PATTERNS: Final = _LIKES | {
    "regexp_extract", "regexp_full_match", "regexp_matches", "regexp_replace", "replace", "string_split_regex",
    "str_split_regex", "strftime", "strptime", "try_strptime",
}  # fmt: skip
_LISTS: Final = frozenset({"split", "str_split", "string_split", "string_split_regex", "str_split_regex"})

Node: TypeAlias = dict[str, object]


class ExpressionRefusedError(Exception):
    """An expression breaks a rule; the message is a sentence that an agent can act on."""


def check_text(sql: str) -> None:
    """Refuse an expression whose characters or length rule out parsing it. Raises ExpressionRefusedError."""
    if not sql.strip():
        raise ExpressionRefusedError("The expression is empty.")
    if len(sql) > MAX_LENGTH:
        raise ExpressionRefusedError(f"The expression has {len(sql):,} characters; at most {MAX_LENGTH} are allowed.")
    if _CONTROL.search(sql):
        raise ExpressionRefusedError("The expression holds control characters.")
    bare = _QUOTED.sub("''", sql)
    for mark, word in ((";", "a semicolon"), ("--", "a comment"), ("/*", "a comment"), ("$", "a dollar sign")):
        if mark in bare:
            raise ExpressionRefusedError(f"It holds {word}; {RULE}.")
    cases = len(re.findall(r"\bcase\b", bare, re.IGNORECASE))
    if cases > MAX_CASES:
        raise ExpressionRefusedError(f"It holds {cases} CASE expressions; at most {MAX_CASES} are allowed.")


def parse_tree(connection: "duckdb.DuckDBPyConnection", sql: str) -> Node:
    """The expression's tree. The text is put in parentheses, so that an alias or a second column is no valid SQL."""
    import duckdb

    try:
        ((text,),) = connection.execute("SELECT json_serialize_sql(?)", [f"SELECT (\n{sql}\n)"]).fetchall()
        document = msgspec.json.decode(str(text))
    except (duckdb.Error, msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise ExpressionRefusedError(f"It cannot be parsed: {first_line(error)}") from error
    if document.get("error"):
        raise ExpressionRefusedError(f"It is no SQL expression: {clean(document.get('error_message', ''), 200)}")
    statements = document.get("statements", [])
    if len(statements) != 1:
        raise ExpressionRefusedError(f"It is {plural(len(statements), 'statement')}; {RULE}.")
    select = statements[0]["node"]
    if (
        select.get("type") != "SELECT_NODE"
        or len(select["select_list"]) != 1
        or select["from_table"]["type"] != "EMPTY"
        or any(
            select.get(part)
            for part in ("modifiers", "where_clause", "group_expressions", "having", "qualify", "sample")
        )
        or select["cte_map"]["map"]
    ):
        raise ExpressionRefusedError(f"It is a query; {RULE}.")
    return cast("Node", select["select_list"][0])


def check_tree(root: Node) -> list[Node]:
    """Every node of the tree, each of a harmless kind and all together within the limits.

    Raises ExpressionRefusedError.
    """
    nodes = list(_nodes(root))
    if len(nodes) > MAX_NODES:
        raise ExpressionRefusedError(f"The expression has {len(nodes)} parts; at most {MAX_NODES} are allowed.")
    for node in nodes:
        _check_node(node)
    if growth(root) > MAX_GROWTH:
        raise ExpressionRefusedError(
            "Nested replacements, NULLIF or SPLIT_PART may make it explode; nest fewer of them."
        )
    return nodes


def _nodes(value: object) -> Iterator[Node]:
    """Every expression in the tree, from the root down. A loop, because a hostile tree may be deep."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            if "class" in item and item["class"] != "TYPE":
                yield item
            waiting.extend(part for key, part in item.items() if key != "type_expr")
        elif isinstance(item, list):
            waiting.extend(item)


def _check_node(node: Node) -> None:
    kind = str(node["class"])
    if kind not in _CLASSES or (kind == "OPERATOR" and str(node["type"]) not in _OPERATORS):
        word = _WORDS.get(kind, f"{clean(node.get('type', kind), 40).lower().replace('_', ' ')}")
        raise ExpressionRefusedError(f"It uses {word}; {RULE}.")
    if kind == "FUNCTION":
        _check_function(node)
    elif kind == "CAST":
        _check_cast(node)


def _check_function(node: Node) -> None:
    name = str(node["function_name"]).lower()
    quoted = clean(name, 40)
    if node.get("schema") or node.get("catalog"):
        raise ExpressionRefusedError(f'The function "{quoted}" is written with a schema; write its name alone.')
    if name not in sql_engine.allowed_functions():
        raise ExpressionRefusedError(_unknown_function(quoted))
    orders = cast("Mapping[str, object]", node.get("order_bys") or {}).get("orders")
    if node.get("distinct") or node.get("filter") or orders:
        raise ExpressionRefusedError(f"DISTINCT, FILTER and ORDER BY belong to aggregates; {RULE}.")
    arguments = _arguments(node)
    if name in _PATTERNS and any(_literal(argument) is None for argument in arguments[1:]):
        raise ExpressionRefusedError(
            f'What follows the first argument of "{quoted}" must be written out, not computed.'
        )
    if name in _LIKES and len(arguments) > 1:
        pattern = _literal(arguments[1]) or ""
        if "_" in pattern and pattern.count("%") > MAX_WILDCARDS:
            raise ExpressionRefusedError(f"A LIKE pattern with _ may hold at most {MAX_WILDCARDS} %.")


def _unknown_function(name: str) -> str:
    kind = sql_engine.known_functions().get(name, "")
    if kind == "aggregate" or name == "count_star":
        return f'"{name}" is an aggregate, which looks at other rows; {RULE}.'
    if kind in ("window", "table", "pragma", "table_macro"):
        return f'"{name}" is a {kind.replace("_", " ")} function; {RULE}.'
    guess = nearest(name, sorted(sql_engine.allowed_functions()))
    hint = f' Did you mean "{guess}"?' if guess else ""
    if kind:
        return f'The function "{name}" may not be used in a recipe.{hint}'
    return f'There is no function "{name}".{hint}'


def _check_cast(node: Node) -> None:
    target = node.get("type_expr")
    name = clean(target.get("type_name", ""), 40).lower() if isinstance(target, dict) else ""
    if name not in _CAST_TYPES or (isinstance(target, dict) and (target.get("schema") or target.get("catalog"))):
        raise ExpressionRefusedError(
            f'A cast to "{name or "that type"}" is not allowed; cast to a number, text, boolean or date.'
        )


def _arguments(node: Node) -> list[Node]:
    return [cast("Node", argument["expression"]) for argument in cast("list[dict[str, object]]", node["arguments"])]


def _literal(node: Node) -> str | None:
    """The text of a constant, None for any other node."""
    if node["class"] != "CONSTANT":
        return None
    return str(cast("Mapping[str, object]", node.get("literal") or {}).get("text", ""))


def growth(root: Node) -> int:
    """How many times longer or larger the nested functions may make what they are given, at most."""
    largest = 1
    waiting: list[tuple[object, int]] = [(root, 1)]
    while waiting:
        item, factor = waiting.pop()
        if isinstance(item, dict):
            if item.get("class") == "FUNCTION":
                factor *= _factor(item)
                largest = max(largest, factor)
            waiting.extend((part, factor) for part in item.values())
        elif isinstance(item, list):
            waiting.extend((part, factor) for part in item)
    return largest


def _factor(node: Node) -> int:
    name = str(node["function_name"]).lower()
    texts = [_literal(argument) or "" for argument in _arguments(node)]
    if name == "replace" and len(texts) == 3:
        return max(1, -(-len(texts[2].encode()) // max(1, len(texts[1].encode()))))
    if name == "regexp_replace" and len(texts) > 2:
        return 1 + len(texts[2].encode())
    return 2 if name in sql_engine.MACROS or name in _LISTS else 1


def first_line(error: BaseException) -> str:
    """The first line of an error's words, cleaned."""
    return clean(str(error).split("\n", 1)[0], 200) or type(error).__name__
