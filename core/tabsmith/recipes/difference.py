"""The difference between two recipes, change by change, or in the few words that fit a table's cell."""

from typing import Final, NamedTuple

from tabsmith.families.feature_steps import describe_step
from tabsmith.families.registry import family_label, family_parameter
from tabsmith.families.spec import ParameterValue
from tabsmith.recipes.recipe import Family, Recipe
from tabsmith.text import clean

MAX_LENGTH: Final = 120
_ARROW: Final = " → "


class RecipeChange(NamedTuple):
    """One difference between two recipes, such as `drop Street`; the SQL of a derived column stands beside it."""

    text: str
    sql: str = ""


def recipe_changes(old: Recipe, new: Recipe) -> tuple[RecipeChange, ...]:
    """What `new` does otherwise than `old`; empty if they are the same but for the name."""
    if new.family != old.family:
        parameters = [
            RecipeChange(f"{family_label(new.family)} instead of {family_label(old.family)}"),
            *(RecipeChange(f"{_words(name)} {_value(value)}") for name, value in sorted(new.parameters.items())),
        ]
    else:
        parameters = _parameters(old, new)
    return (*parameters, *_columns(old, new), *_steps(old, new))


def describe_difference(old: Recipe | None, new: Recipe) -> str:
    """The changes in one line: "CatBoost instead of LightGBM", "learning rate 0.05 → 0.02, drop Street".

    The name of `new` where there is no `old`; "the same" where nothing differs.
    """
    if old is None:
        return clean(new.name or family_label(new.family), MAX_LENGTH)
    return clean(", ".join(change.text for change in recipe_changes(old, new)) or "the same", MAX_LENGTH)


def _parameters(old: Recipe, new: Recipe) -> list[RecipeChange]:
    changes: list[RecipeChange] = []
    for name in sorted(old.parameters.keys() | new.parameters.keys()):
        before = old.parameters.get(name, _default(old.family, name))
        after = new.parameters.get(name, _default(new.family, name))
        if before != after:
            changes.append(RecipeChange(f"{_words(name)} {_value(before)}{_ARROW}{_value(after)}"))
    return changes


def _columns(old: Recipe, new: Recipe) -> list[RecipeChange]:
    before = {column.name: column.sql for column in old.derived}
    after = {column.name: column.sql for column in new.derived}
    encoders = {
        name: (old.encoders.get(name, "auto"), new.encoders.get(name, "auto"))
        for name in sorted(old.encoders.keys() | new.encoders.keys())
    }
    return [
        *(RecipeChange(f"+ {_name(name)}", clean(sql, 200)) for name, sql in after.items() if name not in before),
        *(RecipeChange(f"- {_name(name)}") for name in before if name not in after),
        *(
            RecipeChange(f"{_name(name)} rewritten", clean(sql, 200))
            for name, sql in after.items()
            if before.get(name, sql) != sql
        ),
        *(RecipeChange(f"drop {_name(name)}") for name in new.dropped if name not in old.dropped),
        *(RecipeChange(f"keep {_name(name)}") for name in old.dropped if name not in new.dropped),
        *(RecipeChange(f"{_name(name)} {was}{_ARROW}{now}") for name, (was, now) in encoders.items() if was != now),
    ]


def _steps(old: Recipe, new: Recipe) -> list[RecipeChange]:
    changes = [
        *(RecipeChange(f"+ {clean(describe_step(step), 80)}") for step in new.features if step not in old.features),
        *(RecipeChange(f"- {clean(describe_step(step), 80)}") for step in old.features if step not in new.features),
    ]
    if not changes and old.features != new.features:
        changes.append(RecipeChange("feature steps in another order"))
    if old.target != new.target:
        changes.append(RecipeChange(f"target {_words(old.target)}{_ARROW}{_words(new.target)}"))
    for name in sorted(old.monotone.keys() | new.monotone.keys()):
        before, after = old.monotone.get(name, "free"), new.monotone.get(name, "free")
        if before != after:
            changes.append(RecipeChange(f"{_name(name)} {before}{_ARROW}{after}"))
    return changes


def _name(column: str) -> str:
    return clean(column, 40)


def _default(family: Family, name: str) -> ParameterValue | None:
    spec = family_parameter(family, name)
    return spec.default if spec else None


def _words(name: str) -> str:
    return clean(name.replace("_", " "), 40)


def _value(value: ParameterValue | None) -> str:
    if value is None:
        return "default"
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:.4g}" if isinstance(value, float) else clean(str(value), 40)
