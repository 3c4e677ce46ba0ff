"""The one list of model families. To add a family: a file beside this one that calls `register`, and its name here.

A family's file is imported when something beyond its name is asked for.
"""

import re
import sys
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Final

from tabsmith.errors import UsageError
from tabsmith.text import clean, nearest

if TYPE_CHECKING:
    from tabsmith.families.spec import FamilySpec, ParameterSpec

MODULES: Final = {
    "linear": "tabsmith.families.linear",
    "random_forest": "tabsmith.families.forests",
    "extra_trees": "tabsmith.families.forests",
    "hist_gradient_boosting": "tabsmith.families.hist_gradient_boosting",
    "lightgbm": "tabsmith.families.lightgbm",
    "catboost": "tabsmith.families.catboost",
    "neural_network": "tabsmith.families.neural_network",
    "nearest_neighbors": "tabsmith.families.nearest_neighbors",
}
"""The module of each family, by the name that recipes use."""

_specs: "Final[dict[str, FamilySpec]]" = {}


def register(spec: "FamilySpec") -> None:
    """Add a family to the list.

    Raises ValueError for a name that is taken, and RuntimeError for a family that `MODULES` does not list once the
    names were read: what was made from them (the type of `Recipe.family`, for one) would not know the family.
    """
    if spec.name in _specs:
        raise ValueError(f"There is a model family {spec.name} already.")
    if spec.name not in MODULES and family_names.cache_info().currsize:
        raise RuntimeError(f"The family {spec.name} is registered too late: the list of families was read before.")
    _specs[spec.name] = spec


def modules_beside() -> tuple[str, ...]:
    """The modules of registered families that `MODULES` does not list, for a process that is to know them too."""
    own = {spec.fit.__module__ for name, spec in _specs.items() if name not in MODULES}
    main = getattr(sys.modules["__main__"], "__spec__", None)
    return tuple(main.name if name == "__main__" and main is not None else name for name in sorted(own))


@cache
def family_names() -> tuple[str, ...]:
    """The names of all families, as recipes use them."""
    return tuple(dict.fromkeys([*MODULES, *_specs]))


@cache
def families() -> "tuple[FamilySpec, ...]":
    """All families."""
    return tuple(get_family(name) for name in family_names())


def get_family(name: str) -> "FamilySpec":
    """The family that recipes call `name`. Raises KeyError."""
    if name not in _specs:
        import_module(MODULES[name])
    return _specs[name]


def family_labels() -> dict[str, str]:
    """The label of each family by its name."""
    return {spec.name: spec.label for spec in families()}


def family_distributions() -> tuple[str, ...]:
    """The installed packages that the families' libraries come in, such as scikit-learn."""
    return tuple(dict.fromkeys(spec.distribution for spec in families()))


def family_label(name: str) -> str:
    """The family in words for people: "random forest"."""
    return get_family(name).label


def family_parameters(name: str) -> "tuple[ParameterSpec, ...]":
    """The parameters that a recipe of the family may set, in the order of their weight."""
    return get_family(name).parameters


@cache
def family_parameter(name: str, parameter: str) -> "ParameterSpec | None":
    """One parameter of a family; None if the family has no such parameter."""
    return next((spec for spec in family_parameters(name) if spec.name == parameter), None)


def find_family(text: str) -> str:
    """The name of the family that a person means by `text`: its name, its label or another of its words, in any case.

    Raises UsageError naming the nearest word and listing all families.
    """
    wanted = _bare(text)
    words = _family_words()
    if wanted in words:
        return words[wanted]
    guess = nearest(wanted, list(words))
    hint = f' Did you mean "{words[guess]}"?' if guess else ""
    raise UsageError(
        f'There is no model family "{clean(text, 60)}".{hint}',
        next_step=f"Choose one of: {', '.join(family_names())}.",
    )


def choose_families(named: Iterable[str], exclude: Iterable[str] = ()) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of the families that a person names, and of those that they leave out; each a word as `find_family` takes
    it. Raises UsageError for an unknown word, and if no family would be left."""
    only = tuple(dict.fromkeys(find_family(word) for word in named))
    out = tuple(dict.fromkeys(find_family(word) for word in exclude))
    if not set(only or family_names()) - set(out):
        raise UsageError("No model family is left to try.", next_step="Leave out fewer, or name others.")
    return only, out


@cache
def _family_words() -> dict[str, str]:
    return {_bare(word): spec.name for spec in families() for word in (spec.name, spec.label, *spec.aliases.split())}


def _bare(text: str) -> str:
    return re.sub(r"[\W_]+", "", text[:80].lower())
