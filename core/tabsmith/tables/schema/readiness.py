"""What keeps a table from being trained on, with what would be enough: known from the schema and the profile alone."""

from typing import Final

import msgspec

from tabsmith.errors import SchemaError
from tabsmith.tables.profile.types import TableProfile
from tabsmith.tables.schema.types import Schema
from tabsmith.text import clean, plural

MIN_ROWS: Final = 6
"""Rows with a target below which nothing is trained."""
ENOUGH_ROWS: Final = 50
"""Rows with a target from which a test set can be spared."""

_ENOUGH: Final = f"Training needs at least {MIN_ROWS} rows with a target; with {ENOUGH_ROWS} a test set can be spared."


class Obstacle(msgspec.Struct, frozen=True):
    """A reason why no model can be trained on a table, and what would be enough."""

    message: str
    next_step: str

    def error(self) -> SchemaError:
        """The obstacle as an error that ends what was asked for."""
        return SchemaError(self.message, next_step=self.next_step)


def find_obstacle(schema: Schema, profile: TableProfile) -> Obstacle | None:
    """What keeps the table of `profile` from being trained on with `schema`; None if nothing does."""
    return _table_obstacle(schema, profile) or _weight_obstacle(schema, profile)


def _table_obstacle(schema: Schema, profile: TableProfile) -> Obstacle | None:
    """What is the matter with the table itself, however its rows count."""
    if profile.rows < MIN_ROWS:
        rows = plural(profile.rows, "row") if profile.rows else "no rows"
        return Obstacle(f"The table has {'only ' if profile.rows else ''}{rows}: too few to train a model.", _ENOUGH)
    if not schema.target:
        return Obstacle(
            "No column can be predicted: each is a key, a date, a text, or has the same value in every row.",
            "Choose a target with at least two values, or another table.",
        )
    target = profile.column(schema.target)
    present = target.rows - target.missing
    name = clean(schema.target, 60)
    if present < MIN_ROWS:
        rows = f"Only {plural(present, 'row')} {'has' if present == 1 else 'have'} a value of {name}"
        return Obstacle(
            f"{rows if present else f'No row has a value of {name}'}: too few to train a model.",
            _ENOUGH,
        )
    if target.distinct < 2:
        return Obstacle(
            f"{name} has the same value in every row, so there is nothing to learn.",
            "Add rows in which it has another value, or choose another target.",
        )
    if schema.problem_type in ("binary", "multiclass") and target.distinct <= len(target.top):
        frequent = sum(value.count >= 2 for value in target.top)
        if frequent < 2:
            return Obstacle(
                f"Only {plural(frequent, 'class', 'classes')} of {name} {'has' if frequent == 1 else 'have'} two rows or more.",
                "Training and validation need two rows of at least two classes; eight of each are better.",
            )
    if not any(column.role in ("feature", "time") for column in schema.columns):
        return Obstacle(
            f"No column is left to predict {name} from.",
            "Give at least one column the role feature, or choose a table with more columns.",
        )
    return _group_obstacle(schema, profile)


def require_trainable(schema: Schema, profile: TableProfile) -> None:
    """Raise SchemaError, with what would be enough, if no model can be trained.

    Weights are checked where the rows are read, which can name the rows without one.
    """
    obstacle = _table_obstacle(schema, profile)
    if obstacle is not None:
        raise obstacle.error()


def _weight_obstacle(schema: Schema, profile: TableProfile) -> Obstacle | None:
    """Rows whose weight is not positive, as far as the profile shows them."""
    if not schema.weight:
        return None
    column, target = profile.column(schema.weight), profile.column(schema.target)
    name = clean(schema.weight, 60)
    if column.missing > target.missing:  # rows without a target need no weight
        what = f"{plural(column.missing, 'row')} of the table {'has' if column.missing == 1 else 'have'} no weight in {name}"
    elif column.numbers is not None and column.numbers.minimum <= 0 and not target.missing:
        what = f"{name} holds a weight of {column.numbers.minimum:g}, and a row cannot count so"
    else:
        return None
    return Obstacle(f"{what}.", "Give every row with a target a weight above 0, or give the column another role.")


def _group_obstacle(schema: Schema, profile: TableProfile) -> Obstacle | None:
    """Too few groups for the parts that a grouped split makes."""
    if schema.split.kind != "grouped":
        return None
    groups = profile.column(schema.split.by).distinct
    needed = 3 if schema.split.holdout else 2
    if groups >= needed:
        return None
    return Obstacle(
        f"{clean(schema.split.by, 60)} has {plural(groups, 'group')}: too few to keep some apart for validation"
        f"{' and for the test set' if needed == 3 else ''}.",
        f"A grouped split needs at least {needed} groups. Choose a random split, or another group column.",
    )
