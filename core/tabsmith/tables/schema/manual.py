"""A schema in words, in one of three forms, given before the table is read, and laid over it once it is. Light."""

import json
import re
from collections.abc import Callable
from typing import Any, Final, Literal, TypeAlias, get_args

from msgspec.structs import replace

from tabsmith.errors import SchemaError
from tabsmith.tables.schema.edits import unknown_column, with_kind, with_role
from tabsmith.tables.schema.types import ColumnKind, ManualSchema, Schema, Split
from tabsmith.text import clean

_Task: TypeAlias = Literal["binary", "multiclass", "regression", "detect"]

_TARGET: Final = ("target", "label", "predict", "y", "target column", "target_column", "outcome")
_FEATURES: Final = ("features", "feature", "columns", "inputs", "x", "feature columns", "feature_columns", "predictors")
_KINDS: Final = ("types", "kinds", "type", "kind", "dtypes", "column types", "column_types")
_TASK: Final = ("task", "problem", "task type", "task_type", "problem type", "problem_type")
_EVERY: Final = frozenset({"", "all", "*", "every", "every other", "all others", "rest", "auto"})
_KIND_WORDS: Final[dict[str, ColumnKind]] = {
    **{kind: kind for kind in get_args(ColumnKind)},
    **dict.fromkeys(("int", "integer", "float", "double", "number", "numerical", "real", "continuous"), "numeric"),
    **dict.fromkeys(("cat", "categorical", "str", "string", "factor", "nominal", "object", "class"), "category"),
    **dict.fromkeys(("bool", "binary", "flag"), "boolean"),
    **dict.fromkeys(("datetime", "time", "timestamp", "day"), "date"),
    **dict.fromkeys(("id", "key"), "identifier"),
    **dict.fromkeys(("ordinal",), "code"),
}
_TASK_WORDS: Final[dict[str, _Task]] = {
    **{task: task for task in get_args(_Task)},
    **dict.fromkeys(("regress", "numeric"), "regression"),
    **dict.fromkeys(("binary classification", "binary_classification"), "binary"),
    **dict.fromkeys(("multiclass classification", "multiclass_classification", "multi-class"), "multiclass"),
    **dict.fromkeys(("classification", "classify", "auto", ""), "detect"),
}
_EXAMPLE: Final = "Write, for example: target: price; features: area, rooms"


class _FormError(Exception):
    """Why a text is not in one of the forms."""


def parse_manual_schema(text: str) -> ManualSchema:
    """The schema in `text`: JSON, or lines such as `target: price`, or a list whose first name is the target.

    Raises SchemaError, which says for each form that was tried what was wrong.
    """
    if not text.strip():
        raise SchemaError("No schema was given.", next_step=_EXAMPLE + ".")
    faults: list[str] = []
    forms: tuple[tuple[str, Callable[[str], ManualSchema]], ...] = (
        ("JSON", _from_json),
        ("key: value lines", _from_pairs),
        ("simple list", _from_list),
    )
    for name, form in forms:
        try:
            return form(text)
        except _FormError as fault:
            faults.append(f"{name}: {fault}")
    raise SchemaError(
        "The schema could not be understood in any of the three forms. " + "; ".join(faults) + ".",
        where=clean(text, 80),
        next_step=_EXAMPLE + '; or {"target": "price", "features": ["area", "rooms"]}; or: price, area, rooms',
    )


def _from_json(text: str) -> ManualSchema:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise _FormError(f"{error.msg} at line {error.lineno}, column {error.colno}") from error
    except (ValueError, RecursionError) as error:
        raise _FormError("nested too deeply, or a number too long") from error
    if not isinstance(value, dict):
        raise _FormError("not an object in braces")
    fields = {str(key).strip().lower(): entry for key, entry in value.items()}
    unknown = [key for key in fields if key not in (*_TARGET, *_FEATURES, *_KINDS, *_TASK)]
    if unknown:
        raise _FormError(f"unknown key {clean(unknown[0], 40)!r}; known are target, features, types, task")
    target = _first(fields, _TARGET, "")
    if not isinstance(target, str):
        raise _FormError("the target is not a name in quotes")
    features = _first(fields, _FEATURES, [])
    if isinstance(features, str):
        features = [] if features.strip().lower() in _EVERY else _names(features)
    if isinstance(features, dict):
        raise _FormError("the features are not a list of names")
    if not isinstance(features, list) or not all(isinstance(name, str) for name in features):
        raise _FormError("the features are not a list of names")
    kinds = _first(fields, _KINDS, {})
    if not isinstance(kinds, dict) or not all(isinstance(kind, str) for kind in kinds.values()):
        raise _FormError("the types are not an object of names and kinds")
    task = _first(fields, _TASK, "detect")
    if not isinstance(task, str):
        raise _FormError("the task is not a word")
    return _made(target.strip(), features, {str(name): kind for name, kind in kinds.items()}, task)


def _from_pairs(text: str) -> ManualSchema:
    target, task = "", "detect"
    features: list[str] = []
    kinds: dict[str, str] = {}
    for part in _parts(text):
        key, sign, value = [*re.split(r"\s*([:=])\s*", part, maxsplit=1), "", ""][:3]
        if not sign:
            raise _FormError(f"{clean(part, 40)!r} has no colon or equals sign")
        word = key.strip().lower()
        if word in _TARGET:
            target = _unquoted(value)
        elif word in _FEATURES:
            features = [] if value.strip().lower() in _EVERY else _names(value)
        elif word in _KINDS:
            kinds |= _kind_pairs(value)
        elif word in _TASK:
            task = value
        else:
            raise _FormError(f"unknown key {clean(key, 40)!r}; known are target, features, types, task")
    return _made(target, features, kinds, task)


def _parts(text: str) -> list[str]:
    """The entries of the key-value form: one a line, or parted by semicolons; bare lines go on the one before."""
    parts: list[str] = []
    keys = "|".join(re.escape(key) for key in (*_TARGET, *_FEATURES, *_KINDS, *_TASK))
    for line in re.split(rf"[\r\n]+|;\s*(?=(?:{keys})\s*[:=])", text, flags=re.IGNORECASE):
        entry = line.strip().rstrip(";").strip()
        if not entry or entry.startswith("#"):
            continue
        begins = re.match(rf"(?:{keys})\s*[:=]", entry, re.IGNORECASE) is not None
        if parts and entry.startswith(("- ", "* ")):
            parts[-1] += ("" if parts[-1].endswith(":") else ",") + " " + entry[2:]
        elif parts and not begins and parts[-1].endswith((",", ":")):
            parts[-1] += " " + entry
        else:
            parts.append(entry)
    return parts


def _kind_pairs(value: str) -> dict[str, str]:
    """`area: numeric, city: category`, also with = in place of the colon."""
    result: dict[str, str] = {}
    for entry in re.split(r"[,;]", value.strip().strip("{}")):
        if not entry.strip():
            continue
        name, sign, kind = entry.replace("=", ":").rpartition(":")
        if not sign:
            raise _FormError(f"{clean(entry, 40)!r} among the types has no colon")
        result[_unquoted(name)] = _unquoted(kind)
    return result


def _from_list(text: str) -> ManualSchema:
    if re.match(r"\s*[{\[]", text):
        raise _FormError("it begins with a bracket")
    names = _names(text)
    if not names:
        raise _FormError("it holds no names")
    odd = next((name for name in names if re.search(r"[:={}]", name)), None)
    if odd is not None:
        raise _FormError(f"{clean(odd, 40)!r} is not a plain name")
    if len(set(names)) < len(names):
        raise _FormError("a name stands in it twice")
    return ManualSchema(names[0], tuple(names[1:]))


def _names(text: str) -> list[str]:
    """Names parted by commas or lines; one in quotes may hold commas."""
    found = re.findall(r'\s*(?:"([^"]*)"|\'([^\']*)\'|([^,\r\n]+))\s*(?:,|[\r\n]+|$)', text.strip().strip("[]"))
    return [name for parts in found if (name := next((part for part in parts if part), "").strip())]


def _unquoted(text: str) -> str:
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def _first(fields: dict[str, Any], keys: tuple[str, ...], default: object) -> Any:
    return next((fields[key] for key in keys if key in fields), default)


def _made(target: str, features: list[str], kinds: dict[str, str], task: str) -> ManualSchema:
    if not target:
        raise _FormError("it names no target")
    if target in features:
        raise _FormError(f"the target {clean(target, 40)!r} is also a feature")
    known: dict[str, ColumnKind] = {}
    for name, word in kinds.items():
        kind = _KIND_WORDS.get(word.strip().lower())
        if kind is None or kind == "constant":
            raise _FormError(f"unknown type {clean(word, 30)!r}; known are {', '.join(get_args(ColumnKind))}")
        known[name] = kind
    chosen = _TASK_WORDS.get(task.strip().lower())
    if chosen is None:
        raise _FormError(f"unknown task {clean(task, 30)!r}; known are binary, multiclass, regression")
    return ManualSchema(target, tuple(features), known, chosen)


def apply_manual_schema(manual: ManualSchema, detected: Schema) -> Schema:
    """`detected` (for the manual target) with what was said in words laid over it.

    Raises SchemaError for a column that the table does not have, naming the nearest.
    """
    known = tuple(column.name for column in detected.columns)
    for name in (manual.target, *manual.features, *manual.kinds):
        if name not in known:
            raise unknown_column(name, known)
    schema = detected if detected.target == manual.target else with_role(detected, manual.target, "target")
    for name, kind in manual.kinds.items():
        schema = with_kind(schema, name, kind)
    if manual.features:
        for column in schema.columns:
            if column.name in manual.features:
                schema = with_role(schema, column.name, "feature")
            elif column.role == "feature":
                schema = with_role(schema, column.name, "ignore")
    if manual.problem_type != "detect" and manual.problem_type != schema.problem_type:
        schema = _with_problem_type(schema, manual.problem_type)
    return schema


def _with_problem_type(schema: Schema, task: Literal["binary", "multiclass", "regression"]) -> Schema:
    column = schema.column(schema.target)
    if task == "regression" and column.kind not in {"numeric", "code", "boolean"}:
        raise SchemaError(
            f"{clean(column.name, 60)} cannot be the target of a regression: it is of kind {column.kind}.",
            next_step="Leave the task out, or choose a target that is a number.",
        )
    split: Split = schema.split
    if split.kind in {"random", "stratified"}:
        split = replace(split, kind="random" if task == "regression" else "stratified", reason="chosen by hand")
    kind: ColumnKind = "numeric" if task == "regression" else ("category" if column.kind == "numeric" else column.kind)
    columns = tuple(replace(each, kind=kind) if each.name == column.name else each for each in schema.columns)
    return replace(schema, columns=columns, problem_type=task, split=split)
