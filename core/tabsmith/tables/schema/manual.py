"""A schema in words: parsed from one of three forms, and applied to the detected schema once the table is read."""

import json
import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple, get_args

from tabsmith.errors import SchemaError
from tabsmith.tables.schema.edits import unknown_column, with_event, with_kind, with_problem_type, with_role
from tabsmith.tables.schema.types import ColumnKind, ManualSchema, RequestedProblemType, Schema
from tabsmith.text import clean, nearest

_TARGET: Final = ("target", "label", "predict", "y", "target column", "target_column", "outcome")
_FEATURES: Final = ("features", "feature", "columns", "inputs", "x", "feature columns", "feature_columns", "predictors")
_KINDS: Final = ("types", "kinds", "type", "kind", "dtypes", "column types", "column_types")
_PROBLEM_TYPE: Final = ("task", "problem", "task type", "task_type", "problem type", "problem_type")
_GROUP: Final = ("group", "groups", "group by", "group_by", "group column", "group_column")
_TIME: Final = ("time", "time column", "time_column", "order by", "order_by", "along")
_WEIGHT: Final = ("weight", "weights", "sample weight", "sample_weight", "weight column", "weight_column")
_EVENT: Final = ("event", "positive", "positive class", "positive_class", "event class", "event_class")
_KEYS: Final = (*_TARGET, *_FEATURES, *_KINDS, *_PROBLEM_TYPE, *_GROUP, *_TIME, *_WEIGHT, *_EVENT)
_KINDS_KEY: Final = rf"(?:{'|'.join(re.escape(key) for key in _KINDS)})\s*[:=]"
_MAIN_KEYS: Final = ("target", "features", "types", "task", "group", "time", "weight", "event")
_KEY: Final = rf"(?:{'|'.join(re.escape(key) for key in _KEYS)})\s*[:=]"
_ALL_FEATURES: Final = frozenset({"", "all", "*", "every", "every other", "all others", "rest", "auto"})
_KIND_WORDS: Final[dict[str, ColumnKind]] = {
    **{kind: kind for kind in get_args(ColumnKind)},
    **dict.fromkeys(("int", "integer", "float", "double", "number", "numerical", "real", "continuous"), "numeric"),
    **dict.fromkeys(("cat", "categorical", "str", "string", "factor", "nominal", "object", "class"), "category"),
    **dict.fromkeys(("bool", "binary", "flag"), "boolean"),
    **dict.fromkeys(("datetime", "time", "timestamp", "day"), "date"),
    **dict.fromkeys(("id", "key"), "identifier"),
    "ordinal": "code",
    **dict.fromkeys(("link", "address"), "url"),
    **dict.fromkeys(("multi", "tags", "multiple"), "list"),
    **dict.fromkeys(("unit", "amount", "currency", "percent", "embedded"), "embedded number"),
}
_PROBLEM_TYPE_WORDS: Final[dict[str, RequestedProblemType]] = {
    **{problem_type: problem_type for problem_type in get_args(RequestedProblemType)},
    **dict.fromkeys(("regress", "numeric"), "regression"),
    **dict.fromkeys(("binary classification", "binary_classification"), "binary"),
    **dict.fromkeys(("multiclass classification", "multiclass_classification", "multi-class"), "multiclass"),
    **dict.fromkeys(("classification", "classify", "auto", ""), "detect"),
}


class SchemaExamples(NamedTuple):
    """The same schema in the three forms that `parse_manual_schema` reads."""

    pairs: str
    json: str
    names: str


EXAMPLES: Final = SchemaExamples(
    pairs="target: price\nfeatures: area, rooms, district\ntypes: district = category\ngroup: owner",
    json='{"target": "price", "features": ["area", "rooms"], "types": {"rooms": "code"}, "group": "owner"}',
    names="price, area, rooms, district",
)
"""What every surface shows as an example."""


class _FormError(Exception):
    """The reason why a text is not in one of the forms."""


def parse_manual_schema(text: str) -> ManualSchema:
    """The schema in `text`: JSON, or lines such as `target: price`, or a list whose first name is the target.

    Raises SchemaError, which says for each of the three forms why the text is not in it.
    """
    if not text.strip():
        raise SchemaError("No schema was given.", next_step=f"Write, for example: {_one_line(EXAMPLES.pairs)}.")
    reasons: list[str] = []
    forms: tuple[tuple[str, Callable[[str], ManualSchema]], ...] = (
        ("JSON", _from_json),
        ("key: value lines", _from_pairs),
        ("simple list", _from_list),
    )
    for name, parse in forms:
        try:
            return parse(text)
        except _FormError as error:
            reasons.append(f"{name}: {error}")
    raise SchemaError(
        "The schema could not be understood in any of the three forms. " + "; ".join(reasons) + ".",
        where=clean(text, 80),
        next_step=f"Write, for example: {_one_line(EXAMPLES.pairs)}; or {EXAMPLES.json}; or: {EXAMPLES.names}",
    )


def _one_line(pairs: str) -> str:
    return pairs.replace("\n", "; ")


def apply_manual_schema(manual: ManualSchema, detected: Schema) -> Schema:
    """`detected` (for the target of `manual`) with the columns, kinds and problem type of `manual`.

    A column whose type a person gives is a feature, unless they list other features. Raises SchemaError for a column
    that the table does not have, naming the nearest.
    """
    check_columns(manual, tuple(column.name for column in detected.columns))
    schema = detected if detected.target == manual.target else with_role(detected, manual.target, "target")
    for name, kind in manual.kinds.items():
        schema = with_kind(schema, name, kind)
        if not manual.features and schema.column(name).role == "ignore" and kind != "identifier":
            schema = with_role(schema, name, "feature")
    if manual.features:
        for column in schema.columns:
            if column.name in manual.features:
                schema = with_role(schema, column.name, "feature")
            elif column.role == "feature":
                schema = with_role(schema, column.name, "ignore")
    if manual.group:
        schema = with_role(schema, manual.group, "group")
    if manual.time:
        schema = with_role(schema, manual.time, "time")
    if manual.weight:
        schema = with_role(schema, manual.weight, "weight")
    if manual.problem_type != "detect" and manual.problem_type != schema.problem_type:
        schema = with_problem_type(schema, manual.problem_type)
    return with_event(schema, manual.event) if manual.event else schema


def check_columns(manual: ManualSchema, columns: tuple[str, ...]) -> None:
    """Raise SchemaError, which names the nearest, if `manual` names a column that is not among `columns`."""
    for name in (manual.target, *manual.features, *manual.kinds, manual.group, manual.time, manual.weight):
        if name and name not in columns:
            raise unknown_column(name, columns)


# JSON ----------------------------------------------------------------------------------------------------------------


def _from_json(text: str) -> ManualSchema:
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise _FormError(f"{error.msg} at line {error.lineno}, column {error.colno}") from error
    except (ValueError, RecursionError) as error:
        raise _FormError("nested too deeply, or a number too long") from error
    if not isinstance(document, dict):
        raise _FormError("not an object in braces")
    fields = {str(key).strip().lower(): value for key, value in document.items()}
    for key in fields:
        if key not in _KEYS:
            raise _unknown_key(key)
    target = _field(fields, _TARGET, "")
    if not isinstance(target, str):
        raise _FormError("the target is not a name in quotes")
    features = _field(fields, _FEATURES, [])
    if isinstance(features, str):
        features = _feature_names(features)
    if not isinstance(features, list) or not all(isinstance(name, str) for name in features):
        raise _FormError("the features are not a list of names")
    kinds = _field(fields, _KINDS, {})
    if not isinstance(kinds, dict) or not all(isinstance(kind, str) for kind in kinds.values()):
        raise _FormError("the types are not an object of names and kinds")
    problem_type = _field(fields, _PROBLEM_TYPE, "detect")
    if not isinstance(problem_type, str):
        raise _FormError("the task is not a word")
    named = [_field(fields, keys, "") for keys in (_GROUP, _TIME, _WEIGHT)]
    if not all(isinstance(name, str) for name in named):
        raise _FormError("the group, time or weight column is not a name in quotes")
    words = {str(name): kind for name, kind in kinds.items()}
    roles = _RoleColumns(*(name.strip() for name in named))
    return _manual_schema(target.strip(), features, words, problem_type, roles, _event_label(fields))


def _event_label(fields: dict[str, Any]) -> str:
    """The event as text; in JSON it may be true or 1, as the labels are."""
    event = _field(fields, _EVENT, "")
    if not isinstance(event, str | int | float):
        raise _FormError("the event is not a class of the target")
    return str(event).strip()


def _field(fields: dict[str, Any], keys: tuple[str, ...], default: object) -> Any:
    return next((fields[key] for key in keys if key in fields), default)


# Lines of `key: value` -----------------------------------------------------------------------------------------------


def _from_pairs(text: str) -> ManualSchema:
    target, problem_type, roles, event = "", "detect", _RoleColumns(), ""
    features: list[str] = []
    kinds: dict[str, str] = {}
    for entry in _entries(text):
        key, separator, value = [*re.split(r"\s*([:=])\s*", entry, maxsplit=1), "", ""][:3]
        if not separator:
            raise _FormError(f"{clean(entry, 40)!r} has no colon or equals sign")
        word = key.strip().lower()
        if word in _TARGET:
            target = _unquoted(value)
        elif word in _FEATURES:
            features = _feature_names(value)
        elif word in _KINDS:
            kinds |= _kind_pairs(value)
        elif word in _PROBLEM_TYPE:
            problem_type = value
        elif word in _GROUP:
            roles = roles._replace(group=_unquoted(value))
        elif word in _TIME:
            roles = roles._replace(time=_unquoted(value))
        elif word in _WEIGHT:
            roles = roles._replace(weight=_unquoted(value))
        elif word in _EVENT:
            event = _unquoted(value)
        else:
            raise _unknown_key(key)
    return _manual_schema(target, features, kinds, problem_type, roles, event)


def _entries(text: str) -> list[str]:
    """The entries of the key-value form, by lines or semicolons.

    A line without a key continues the one before, and so does a pair after `types:`.
    """
    entries: list[str] = []
    for line in re.split(r"[\r\n]+|;\s*(?=[^;:=\r\n]{1,60}[:=])", text):
        entry = line.strip().rstrip(";").strip()
        if not entry or entry.startswith("#"):
            continue
        has_key = re.match(_KEY, entry, re.IGNORECASE) is not None
        if entries and entry.startswith(("- ", "* ")):
            entries[-1] += ("" if entries[-1].endswith(":") else ",") + " " + entry[2:]
        elif entries and not has_key and re.match(_KINDS_KEY, entries[-1], re.IGNORECASE):
            entries[-1] += ("" if entries[-1].endswith((",", ":")) else ",") + " " + entry
        elif entries and not has_key and entries[-1].endswith((",", ":")):
            entries[-1] += " " + entry
        else:
            entries.append(entry)
    return entries


def _kind_pairs(value: str) -> dict[str, str]:
    """The pairs in `area: numeric, city: category`, also with = in place of the colon."""
    pairs: dict[str, str] = {}
    for entry in re.split(r"[,;]", value.strip().strip("{}")):
        if not entry.strip():
            continue
        name, separator, kind = entry.replace("=", ":").rpartition(":")
        if not separator:
            raise _FormError(f"{clean(entry, 40)!r} among the types has no colon")
        pairs[_unquoted(name)] = _unquoted(kind)
    return pairs


# A list of names -----------------------------------------------------------------------------------------------------


def _from_list(text: str) -> ManualSchema:
    if re.match(r"\s*[{\[]", text):
        raise _FormError("it begins with a bracket")
    names = _names(text)
    if not names:
        raise _FormError("it holds no names")
    for name in names:
        if re.search(r"[:={}]", name):
            raise _FormError(f"{clean(name, 40)!r} is not a plain name")
    if len(set(names)) < len(names):
        raise _FormError("a name stands in it twice")
    return ManualSchema(names[0], tuple(names[1:]))


# All forms -----------------------------------------------------------------------------------------------------------


def _unknown_key(key: str) -> _FormError:
    guess = nearest(key.strip(), _KEYS)
    hint = f"did you mean {guess}?" if guess else f"known are {', '.join(_MAIN_KEYS)}"
    return _FormError(f"unknown key {clean(key, 40)!r}; {hint}")


def _feature_names(text: str) -> list[str]:
    return [] if text.strip().lower() in _ALL_FEATURES else _names(text)


def _names(text: str) -> list[str]:
    """Names separated by commas or lines; a name in quotes may hold commas."""
    matches = re.findall(r'\s*(?:"([^"]*)"|\'([^\']*)\'|([^,\r\n]+))\s*(?:,|[\r\n]+|$)', text.strip().strip("[]"))
    return [name for match in matches if (name := "".join(match).strip())]


def _unquoted(text: str) -> str:
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


class _RoleColumns(NamedTuple):
    """The columns by which a person wants rows to be split and weighted; empty if they name none."""

    group: str = ""
    time: str = ""
    weight: str = ""


def _manual_schema(
    target: str,
    features: list[str],
    kind_words: dict[str, str],
    problem_type_word: str,
    roles: _RoleColumns,
    event: str,
) -> ManualSchema:
    if not target:
        raise _FormError("it names no target")
    if target in (*features, *roles):
        raise _FormError(f"the target {clean(target, 40)!r} has another role too")
    if roles.group and roles.time:
        raise _FormError("rows are split by a group or along a time, not by both")
    if roles.weight and roles.weight in (roles.group, roles.time, *features):
        raise _FormError(f"the weight {clean(roles.weight, 40)!r} has another role too")
    kinds: dict[str, ColumnKind] = {}
    for name, word in kind_words.items():
        kind = _KIND_WORDS.get(word.strip().lower())
        if kind is None or kind == "constant":
            known = [kind for kind in get_args(ColumnKind) if kind != "constant"]
            guess = nearest(word.strip(), _KIND_WORDS)
            hint = f"did you mean {guess}?" if guess else f"known are {', '.join(known)}"
            raise _FormError(f"unknown type {clean(word, 30)!r}; {hint}")
        kinds[name] = kind
    problem_type = _PROBLEM_TYPE_WORDS.get(problem_type_word.strip().lower())
    if problem_type is None:
        raise _FormError(f"unknown task {clean(problem_type_word, 30)!r}; known are binary, multiclass, regression")
    return ManualSchema(target, tuple(features), kinds, problem_type, *roles, event)
