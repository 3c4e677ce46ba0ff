"""Tabular models in a terminal: the headless library.

>>> import tabsmith
>>> model = tabsmith.train("houses.csv", "price", time_limit=60)
>>> model.predict("new_houses.csv")

Everything heavy is imported when it is first used.
"""

from tabsmith.version import __version__

TYPE_CHECKING = False  # as in typing, whose import would cost every command some milliseconds
if TYPE_CHECKING:
    from tabsmith.estimators import Classifier, Regressor
    from tabsmith.modeling.model import Model, load_model
    from tabsmith.runs.training import run_tasks, train
    from tabsmith.statistics.api import compare, describe, frequency, missing, outliers, regress, relate, trend
    from tabsmith.statistics.words.asking import ask
    from tabsmith.tables.schema.detect import detect_schema
    from tabsmith.tables.schema.types import Schema
    from tabsmith.tables.table import Table, read_table

_HOMES = {
    "Classifier": ("tabsmith.estimators", "Classifier"),
    "Model": ("tabsmith.modeling.model", "Model"),
    "Regressor": ("tabsmith.estimators", "Regressor"),
    "Schema": ("tabsmith.tables.schema.types", "Schema"),
    "Table": ("tabsmith.tables.table", "Table"),
    "ask": ("tabsmith.statistics.words.asking", "ask"),
    "compare": ("tabsmith.statistics.api", "compare"),
    "describe": ("tabsmith.statistics.api", "describe"),
    "detect_schema": ("tabsmith.tables.table", "detect_schema"),
    "frequency": ("tabsmith.statistics.api", "frequency"),
    "load_model": ("tabsmith.modeling.model", "load_model"),
    "missing": ("tabsmith.statistics.api", "missing"),
    "outliers": ("tabsmith.statistics.api", "outliers"),
    "read_table": ("tabsmith.tables.table", "read_table"),
    "regress": ("tabsmith.statistics.api", "regress"),
    "relate": ("tabsmith.statistics.api", "relate"),
    "run_tasks": ("tabsmith.runs.training", "run_tasks"),
    "train": ("tabsmith.runs.training", "train"),
    "trend": ("tabsmith.statistics.api", "trend"),
}

__all__ = [
    "Classifier",
    "Model",
    "Regressor",
    "Schema",
    "Table",
    "__version__",
    "ask",
    "compare",
    "describe",
    "detect_schema",
    "frequency",
    "load_model",
    "missing",
    "outliers",
    "read_table",
    "regress",
    "relate",
    "run_tasks",
    "train",
    "trend",
]


def __getattr__(name: str) -> object:
    try:
        module, attribute = _HOMES[name]
    except KeyError:
        raise AttributeError(f"module 'tabsmith' has no attribute {name!r}") from None
    from importlib import import_module

    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
