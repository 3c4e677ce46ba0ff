"""Schemas and profiles of tables that the tests of recipes and agents share."""

from tabsmith.tables.profile.types import ColumnProfile, StorageType, TableProfile
from tabsmith.tables.schema.types import ColumnKind, ColumnRole, ColumnSchema, ProblemType, Schema, Split

_STORAGE: dict[ColumnKind, StorageType] = {
    "numeric": "float",
    "code": "integer",
    "category": "text",
    "boolean": "boolean",
    "date": "timestamp",
    "text": "text",
    "identifier": "integer",
    "constant": "integer",
}


def column(name: str, kind: ColumnKind, role: ColumnRole = "feature") -> ColumnSchema:
    return ColumnSchema(name=name, kind=kind, role=role, evidence="")


HOUSES = Schema(
    columns=(
        column("area", "numeric"),
        column("rooms", "numeric"),
        column("Year Built", "code"),
        column("street", "category"),
        column("garden", "boolean"),
        column("sold", "date"),
        column("note", "text"),
        column("Case", "numeric"),
        column("case", "numeric"),
        column('quo"te', "numeric"),
        column("agent", "category", "group"),
        column("leak", "numeric", "ignore"),
        column("price", "numeric", "target"),
    ),
    target="price",
    targets=(),
    problem_type="regression",
    split=Split("random"),
    rows=1000,
)


def profile_of(schema: Schema, rows: int = 1000, distinct: int = 20, classes: int = 2) -> TableProfile:
    return TableProfile(
        rows=rows,
        columns=tuple(
            ColumnProfile(
                name=c.name,
                storage=_STORAGE[c.kind],
                rows=rows,
                missing=0,
                distinct=classes if c.name == schema.target else min(rows, distinct),
            )
            for c in schema.columns
        ),
    )


def table(task: ProblemType, rows: int, width: int = 8, classes: int = 2) -> tuple[Schema, TableProfile]:
    """A made-up table with every kind of column."""
    kinds: tuple[ColumnKind, ...] = ("numeric", "category", "code", "boolean", "date", "text", "numeric")
    features = tuple(column(f"c{i}", kinds[i % len(kinds)]) for i in range(width))
    target = column("y", "numeric" if task == "regression" else "category", "target")
    schema = Schema((*features, target), "y", (), task, Split("random"), rows)
    return schema, profile_of(schema, rows, classes=classes)
