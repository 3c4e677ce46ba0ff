"""What tabsmith understood of a table: per column its kind and role, the target, the task, the split.

Every guess carries its evidence in words, so that a person can accept it or see why not.
"""

from typing import Literal, TypeAlias

import msgspec

Kind: TypeAlias = Literal["numeric", "code", "category", "boolean", "date", "text", "identifier", "constant"]
"""`code` is an integer that names something (a year, a zip code, a grade); it serves as number and as category."""

Role: TypeAlias = Literal["target", "feature", "ignore", "group", "time"]
"""`group`: rows that share its value stay in one fold. `time`: rows are split forward along it. Both may also be
features of a model only when the role is `feature`; a group or time column is not used to predict, except that the
parts of a date (month, weekday, hour) of a `time` column are."""

WarningKind: TypeAlias = Literal[
    "identifier",
    "constant",
    "leak suspect",
    "date",
    "high cardinality",
    "class too rare",
    "mostly missing",
    "imbalanced",
    "target missing",
    "duplicate",
]

Task: TypeAlias = Literal["binary", "multiclass", "regression", "none"]

AskedTask: TypeAlias = Literal["binary", "multiclass", "regression", "detect"]

SplitKind: TypeAlias = Literal["random", "stratified", "grouped", "forward"]


class Warning(msgspec.Struct, frozen=True):  # noqa: A001 - the field's word; never imported bare
    """Something about a column that a person should know before training."""

    kind: WarningKind
    message: str


class ColumnSchema(msgspec.Struct, frozen=True):
    """One column as understood."""

    name: str
    kind: Kind
    role: Role
    evidence: str
    warnings: tuple[Warning, ...] = ()


class TargetCandidate(msgspec.Struct, frozen=True):
    """A column that may be what a person wants to predict; `confidence` is 0..1."""

    name: str
    confidence: float
    reason: str


class Split(msgspec.Struct, frozen=True):
    """How rows are set aside: the hold-out first, then the folds, both in the same way."""

    kind: SplitKind
    by: str = ""  # the group or time column of a grouped or forward split
    holdout: float = 0.2  # share of rows set aside; 0 on tables too small to spare any
    folds: int = 5
    reason: str = ""


class Schema(msgspec.Struct, frozen=True):
    """A table as understood. `target` is empty and `task` is "none" when no column can be the target."""

    columns: tuple[ColumnSchema, ...]
    target: str
    targets: tuple[TargetCandidate, ...]
    task: Task
    split: Split
    rows: int = 0

    def column(self, name: str) -> ColumnSchema:
        """The column called `name`; KeyError when there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    @property
    def features(self) -> tuple[ColumnSchema, ...]:
        """The columns that a model may use."""
        return tuple(column for column in self.columns if column.role == "feature")


class ManualSchema(msgspec.Struct, frozen=True):
    """A schema given in words before the table is read: the target, and the features ("every other" when empty)."""

    target: str
    features: tuple[str, ...] = ()
    kinds: dict[str, Kind] = {}
    task: AskedTask = "detect"
