"""The difference between two recipes, in the few words that fit a table's cell."""

from typing import Final

from tabsmith.families.registry import family_label, family_parameter
from tabsmith.families.spec import ParameterValue
from tabsmith.recipes.recipe import Family, Recipe
from tabsmith.text import clean

MAX_LENGTH: Final = 120
_ARROW: Final = " → "


def describe_difference(old: Recipe | None, new: Recipe) -> str:
    """What `new` changes of `old`: "CatBoost instead of LightGBM", "learning rate 0.05 → 0.02, drop Street".

    The name of `new` where there is no `old`; "the same" where nothing differs.
    """
    if old is None:
        return clean(new.name or family_label(new.family), MAX_LENGTH)
    parts: list[str] = []
    if new.family != old.family:
        parts.append(f"{family_label(new.family)} instead of {family_label(old.family)}")
        parts += [f"{_words(name)} {_value(value)}" for name, value in sorted(new.parameters.items())]
    else:
        parts += _parameters(old, new)
    parts += _columns(old, new)
    return clean(", ".join(parts) or "the same", MAX_LENGTH)


def _parameters(old: Recipe, new: Recipe) -> list[str]:
    parts: list[str] = []
    for name in sorted(old.parameters.keys() | new.parameters.keys()):
        before = old.parameters.get(name, _default(old.family, name))
        after = new.parameters.get(name, _default(new.family, name))
        if before != after:
            parts.append(f"{_words(name)} {_value(before)}{_ARROW}{_value(after)}")
    return parts


def _columns(old: Recipe, new: Recipe) -> list[str]:
    before = {column.name: column.sql for column in old.derived}
    after = {column.name: column.sql for column in new.derived}
    return [
        *(f"+ {clean(name, 40)}" for name in after if name not in before),
        *(f"- {clean(name, 40)}" for name in before if name not in after),
        *(f"{clean(name, 40)} rewritten" for name in after if name in before and after[name] != before[name]),
        *(f"drop {clean(name, 40)}" for name in new.dropped if name not in old.dropped),
        *(f"keep {clean(name, 40)}" for name in old.dropped if name not in new.dropped),
        *(
            f"{clean(name, 40)} {old.encoders.get(name, 'auto')}{_ARROW}{new.encoders.get(name, 'auto')}"
            for name in sorted(old.encoders.keys() | new.encoders.keys())
            if old.encoders.get(name, "auto") != new.encoders.get(name, "auto")
        ),
    ]


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
