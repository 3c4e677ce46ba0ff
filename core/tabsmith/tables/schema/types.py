"""The schema of a table as data: kind and role of each column, the target, the problem type, the split.

Every guess carries its evidence in words, so that a person can accept or correct it.
"""

from typing import Final, Literal, TypeAlias

import msgspec

from tabsmith.tables.column_format import ColumnFormat

ColumnKind: TypeAlias = Literal[
    "numeric",
    "code",
    "category",
    "boolean",
    "date",
    "text",
    "identifier",
    "constant",
    "url",
    "list",
    "embedded number",
]
"""`code` is an integer used as a label (a year, a zip code, a grade); it serves as a number and as a category.
`url` is an address on the web and `list` several items in a cell; both give their words. `embedded number` is a number
with a sign or unit beside it (`$5`, `12 kg`), and serves as that number."""

NUMBER_KINDS: Final[frozenset[ColumnKind]] = frozenset({"numeric", "code", "embedded number"})
TEXT_KINDS: Final[frozenset[ColumnKind]] = frozenset({"text", "url", "list"})

ColumnRole: TypeAlias = Literal["target", "feature", "ignore", "group", "time", "weight"]
"""`group`: rows that share a value of the column stay in one fold. `time`: models train on earlier rows and are tested
on later ones. `weight`: how much the row counts, in every fit and every score. A group column is not used to predict; a
time column is, by its place in time and, if it holds dates, by the parts of the calendar. A weight is not, and new rows
need none."""

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
    "possible group",
    "unread cells",
    "read as",
]

ProblemType: TypeAlias = Literal["binary", "multiclass", "regression", "none"]

RequestedProblemType: TypeAlias = Literal["binary", "multiclass", "regression", "detect"]

SplitKind: TypeAlias = Literal["random", "stratified", "grouped", "forward"]


class ColumnWarning(msgspec.Struct, frozen=True):
    """Something about a column that a person should know before training."""

    kind: ColumnWarningKind
    message: str


TableWarningKind: TypeAlias = Literal["repeated rows"]


class TableWarning(msgspec.Struct, frozen=True):
    """Something about the rows of a table that a person should know before training."""

    kind: TableWarningKind
    message: str


class ColumnSchema(msgspec.Struct, frozen=True):
    """The schema of one column; `evidence` says in words why it has its kind."""

    name: str
    kind: ColumnKind
    role: ColumnRole
    evidence: str
    warnings: tuple[ColumnWarning, ...] = ()
    format: ColumnFormat = ColumnFormat()  # how its texts are read, in the table and in new rows


class TargetCandidate(msgspec.Struct, frozen=True):
    """A column that a person may want to predict; `confidence` is from 0 to 1."""

    name: str
    confidence: float
    reason: str


class Split(msgspec.Struct, frozen=True):
    """How rows are set aside for tests: the hold-out first, then the folds, both in the same way."""

    kind: SplitKind
    by: str = ""  # the group or time column of a grouped or forward split
    holdout: float = 0.2  # share of rows set aside; 0 on tables too small to spare any
    folds: int = 5
    reason: str = ""
    entity: tuple[str, ...] = ()  # the columns that name each series of a forward split; empty: all rows are one


def usual_folds(rows: int) -> int:
    """The folds of so many rows where nobody asks for another number: more where each row counts and fits are cheap."""
    return 8 if 60 <= rows < 1_000 else 5


class Schema(msgspec.Struct, frozen=True):
    """The schema of a table. If no column can be the target, `target` is empty and `problem_type` is "none"."""

    columns: tuple[ColumnSchema, ...]
    target: str
    targets: tuple[TargetCandidate, ...]
    problem_type: ProblemType = msgspec.field(name="task")
    split: Split
    rows: int = 0
    warnings: tuple[TableWarning, ...] = ()
    event: str = ""  # the class of two that F1, precision, recall and thresholds are about; empty: found in training

    def column(self, name: str) -> ColumnSchema:
        """The column called `name`. Raises KeyError."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    @property
    def features(self) -> tuple[ColumnSchema, ...]:
        """The columns that a model may use."""
        return tuple(column for column in self.columns if column.role == "feature")

    @property
    def weight(self) -> str:
        """The column that says how much each row counts; "" if all rows count the same."""
        return next((column.name for column in self.columns if column.role == "weight"), "")


class ManualSchema(msgspec.Struct, frozen=True):
    """A schema that a person typed, perhaps before the table is read. Without `features`, every other column is one.

    `group` and `time` name the column by which rows are split, at most one of the two; `weight` names the column that
    says how much each row counts.
    """

    target: str
    features: tuple[str, ...] = ()
    kinds: dict[str, ColumnKind] = {}
    problem_type: RequestedProblemType = msgspec.field(name="task", default="detect")
    group: str = ""
    time: str = ""
    weight: str = ""
    event: str = ""  # of a target with two classes; empty: by the rule
