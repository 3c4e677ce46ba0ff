"""What tabsmith understood of a table: per column its kind and role, the target, the task, the split.

Every guess carries its evidence in words, so that a person can accept it or see why not.
"""

from typing import Literal, TypeAlias

import msgspec

ColumnKind: TypeAlias = Literal["numeric", "code", "category", "boolean", "date", "text", "identifier", "constant"]
"""`code` is an integer that names something (a year, a zip code, a grade); it serves as number and as category."""

ColumnRole: TypeAlias = Literal["target", "feature", "ignore", "group", "time"]
"""`group`: rows that share its value stay in one fold. `time`: rows are split forward along it. Both may also be
features of a model only when the role is `feature`; a group or time column is not used to predict, except that the
parts of a date (month, weekday, hour) of a `time` column are."""

ColumnWarningKind: TypeAlias = Literal[
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

ProblemType: TypeAlias = Literal["binary", "multiclass", "regression", "none"]

RequestedProblemType: TypeAlias = Literal["binary", "multiclass", "regression", "detect"]

SplitKind: TypeAlias = Literal["random", "stratified", "grouped", "forward"]


class ColumnWarning(msgspec.Struct, frozen=True):
    """Something about a column that a person should know before training."""

    kind: ColumnWarningKind
    message: str


class ColumnSchema(msgspec.Struct, frozen=True):
    """One column as understood."""

    name: str
    kind: ColumnKind
    role: ColumnRole
    evidence: str
    warnings: tuple[ColumnWarning, ...] = ()


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
    """A table as understood. `target` is empty and `problem_type` is "none" when no column can be the target."""

    columns: tuple[ColumnSchema, ...]
    target: str
    targets: tuple[TargetCandidate, ...]
    problem_type: ProblemType = msgspec.field(name="task")
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
    kinds: dict[str, ColumnKind] = {}
    problem_type: RequestedProblemType = msgspec.field(name="task", default="detect")
