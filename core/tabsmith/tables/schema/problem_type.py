"""The type of problem that a target makes: classes or a number, decided from its values, its name and its storage."""

from typing import Final

from tabsmith.errors import SchemaError
from tabsmith.tables.profile.row_sample import RowSample
from tabsmith.tables.profile.types import ColumnProfile
from tabsmith.tables.schema.kinds import is_whole
from tabsmith.tables.schema.lexicon import is_class_name, is_quantity_name
from tabsmith.tables.schema.types import NUMBER_KINDS, ColumnKind, ProblemType, RequestedProblemType
from tabsmith.text import clean, plural

_MOST_CLASSES: Final = 1_000
_MOST_NAMED_CLASSES: Final = 100
_MOST_LABELS: Final = 6  # different whole numbers that may be labels without a name that says so
_LARGEST_LABEL: Final = 20
_ROWS_PER_LABEL: Final = 4  # fewer rows for each value: the values measure something
_ROWS_PER_NAMED_LABEL: Final = 2


def target_kind(
    column: ColumnProfile, kind: ColumnKind, sample: RowSample, requested: RequestedProblemType
) -> ColumnKind:
    """The kind of a column as the target, which decides the problem type.

    `kind` is the column's kind as a feature, `requested` the problem type that a person asked for. Raises SchemaError
    if the column cannot be predicted, or not as this type of problem.
    """
    name = clean(column.name, 60)
    if column.missing == column.rows:
        raise SchemaError(f"{name} cannot be the target: every value is missing.", next_step="Choose another target.")
    if kind == "constant":
        raise SchemaError(
            f"{name} cannot be the target: it has only one value.",
            next_step="Choose another target, or add rows in which it has other values.",
        )
    if requested != "detect":
        return _requested_kind(column, kind, requested)
    if kind == "date":
        raise SchemaError(
            f"{name} cannot be the target: it is a date.", next_step="Choose a number or a column of classes."
        )
    if kind in ("boolean", "embedded number"):
        return kind
    if column.storage == "text" or kind == "category":
        return _class_kind(column)
    return "category" if _has_labels(column, sample) else "numeric"


def problem_type_of(column: ColumnProfile, kind: ColumnKind) -> ProblemType:
    """The problem type of a target that has `kind`."""
    if kind in NUMBER_KINDS:
        return "regression"
    return "binary" if column.distinct == 2 else "multiclass"


def _requested_kind(column: ColumnProfile, kind: ColumnKind, requested: RequestedProblemType) -> ColumnKind:
    if requested != "regression":
        return "boolean" if kind == "boolean" else "category"
    if kind == "embedded number":
        return kind
    if column.storage in ("text", "date", "timestamp"):
        raise SchemaError(
            f"{clean(column.name, 60)} cannot be the target of a regression: it holds no numbers.",
            next_step="Leave the task out, or choose a target that is a number.",
        )
    return "numeric"


def holds_classes(column: ColumnProfile) -> bool:
    """Whether a column has so few different texts that they may be classes."""
    return column.distinct <= _MOST_CLASSES and column.distinct <= 0.5 * (column.rows - column.missing)


def _class_kind(column: ColumnProfile) -> ColumnKind:
    if not holds_classes(column):
        raise SchemaError(
            f"{clean(column.name, 60)} cannot be the target: it has {plural(column.distinct, 'different text')}.",
            next_step="Choose a number or a column of a few classes.",
        )
    return "category"


def _has_labels(column: ColumnProfile, sample: RowSample) -> bool:
    """Whether a column of numbers holds the labels of classes: five prices in five rows are none."""
    present = column.rows - column.missing
    numbers = column.numbers
    if numbers is None or not is_whole(column, sample):
        return False
    if is_class_name(column.name):
        return column.distinct <= _MOST_NAMED_CLASSES and present >= _ROWS_PER_NAMED_LABEL * column.distinct
    if present < _ROWS_PER_LABEL * column.distinct or is_quantity_name(column.name):
        return False
    if column.distinct == 2:
        return True
    # Floats measure something, unless they are whole because some are missing. So do many values without a gap.
    measures = column.storage == "float" or (
        column.distinct >= 5 and numbers.maximum - numbers.minimum < column.distinct
    )
    return column.distinct <= _MOST_LABELS and abs(numbers.maximum) <= _LARGEST_LABEL and not measures
