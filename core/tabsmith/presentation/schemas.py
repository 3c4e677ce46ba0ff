"""What a column can be and what it can be for, in words for someone who has never trained a model."""

from typing import Final

from tabsmith.tables.schema.types import ColumnKind, ColumnRole

ROLE_LABELS: Final[dict[ColumnRole, str]] = {
    "feature": "used to predict",
    "ignore": "left out",
    "target": "what is predicted",
    "group": "its rows stay together",
    "time": "rows are split along it",
}
KIND_LABELS: Final[dict[ColumnKind, str]] = {
    "numeric": "an amount",
    "code": "a number that names",
    "category": "one of a few names",
    "boolean": "yes or no",
    "date": "a day or a time",
    "text": "words",
    "identifier": "names the row",
    "constant": "always the same",
}
