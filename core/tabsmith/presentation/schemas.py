"""Kinds and roles of columns, and the ways to split rows, for someone who has never trained a model."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tabsmith.formatting import percent
from tabsmith.presentation.spans import Line, Span, foreign
from tabsmith.tables.schema.types import (
    ColumnKind,
    ColumnRole,
    ColumnWarning,
    ColumnWarningKind,
    ProblemType,
    Split,
    SplitKind,
    TableWarning,
    TableWarningKind,
)
from tabsmith.text import clean, plural

ROLE_MEANINGS: Final[Mapping[ColumnRole, str]] = MappingProxyType(
    {
        "feature": "used to predict",
        "ignore": "left out",
        "target": "what is predicted",
        "group": "its rows stay together",
        "time": "rows are split along it",
        "weight": "how much the row counts",
    }
)
KIND_LABELS: Final[Mapping[ColumnKind, str]] = MappingProxyType(
    {
        "numeric": "numeric",
        "code": "coded integer",
        "category": "category",
        "boolean": "boolean",
        "date": "date",
        "text": "text",
        "identifier": "identifier",
        "constant": "constant",
        "url": "web address",
        "list": "list",
        "embedded number": "number in text",
    }
)
KIND_MEANINGS: Final[Mapping[ColumnKind, str]] = MappingProxyType(
    {
        "numeric": "an amount",
        "code": "a number used as a label",
        "category": "one of a few values",
        "boolean": "yes or no",
        "date": "a day or a time",
        "text": "words",
        "identifier": "names the row",
        "constant": "always the same",
        "url": "an address on the web",
        "list": "several items in a cell",
        "embedded number": "a number with a unit",
    }
)
PROBLEM_TYPE_LABELS: Final[Mapping[ProblemType, str]] = MappingProxyType(
    {
        "binary": "two classes (binary classification)",
        "multiclass": "several classes (multiclass classification)",
        "regression": "a number (regression)",
        "none": "none: nothing can be predicted yet",
    }
)
WARNING_LABELS: Final[Mapping[ColumnWarningKind, str]] = MappingProxyType(
    {
        "identifier": "identifier",
        "constant": "constant",
        "leak suspect": "possible leakage",
        "date": "date",
        "high cardinality": "high cardinality",
        "class too rare": "class too rare",
        "mostly missing": "mostly missing",
        "imbalanced": "imbalanced",
        "target missing": "target missing",
        "duplicate": "duplicate",
        "possible group": "possible group",
        "unread cells": "cells not read",
        "read as": "how it was read",
    }
)
TABLE_WARNING_LABELS: Final[Mapping[TableWarningKind, str]] = MappingProxyType({"repeated rows": "repeated rows"})
SPLIT_MEANINGS: Final[Mapping[SplitKind, str]] = MappingProxyType(
    {
        "random": "no group or time column found",
        "stratified": "same class mix in every part",
        "grouped": "rows that share its value stay together",
        "forward": "train on earlier rows, test on later ones",
    }
)


def warning_text(warning: ColumnWarning) -> str:
    """`possible leakage: Predicts 99 % of price alone …`; the words of a file in it are not cleaned."""
    return f"{WARNING_LABELS[warning.kind]}: {warning.message}"


def table_warning_text(warning: TableWarning) -> str:
    """`repeated rows: 12 rows are identical …`."""
    return f"{TABLE_WARNING_LABELS[warning.kind]}: {warning.message}"


def split_name(kind: SplitKind, by: str, limit: int = 40) -> str:
    """`stratified`, `grouped by store`, `by time (day)`; the column's name is cleaned and cut."""
    match kind:
        case "grouped":
            return f"grouped by {clean(by, limit)}"
        case "forward":
            return f"by time ({clean(by, limit)})"
        case _:
            return kind


def holdout_label(holdout: float) -> str:
    """`20 % test set`, of the share of rows that no model sees before the end."""
    return f"{percent(holdout).replace('.0 %', ' %')} test set" if holdout else "no test set"


def split_line(split: Split) -> Line:
    """`grouped by store, 20 % test set, 5 folds`."""
    name = split_name(split.kind, split.by)
    shown = foreign(name) if split.by else Span(name)
    return (shown, Span(f", {holdout_label(split.holdout)}, {plural(split.folds, 'fold')}"))
