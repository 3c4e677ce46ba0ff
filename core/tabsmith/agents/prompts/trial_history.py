"""Describes a run's trials to a model: the champion, the best trials, the failed ones, and a line for each family."""

import math
from collections.abc import Sequence
from typing import Final

import msgspec

from tabsmith.agents.prompts.quoting import escape_json, quote
from tabsmith.agents.protocol import Brief, TriedRecipe
from tabsmith.families.feature_steps import FeatureStep, MonotoneDirection, TargetTransformation
from tabsmith.families.registry import family_names, family_parameters
from tabsmith.families.spec import ParameterValue
from tabsmith.formatting import significant
from tabsmith.recipes.difference import describe_difference
from tabsmith.recipes.recipe import DerivedColumn, Encoder, Family, Recipe
from tabsmith.text import plural

MAX_BEST: Final = 6
MAX_FAILED: Final = 4
MAX_EARLIER: Final = 3
CHAMPION_CHARACTERS: Final = 2_600  # characters
_CHANGE_CHARACTERS: Final = 120
_REASON_CHARACTERS: Final = 200
_EARLIER_CHARACTERS: Final = 500
_FAMILY_CHARACTERS: Final = 180
_MAX_PARAMETERS: Final = 20


def describe_trials(brief: Brief) -> list[str]:
    """Return lines with the champion's recipe in full, the best other trials and the latest failed ones as changes from
    it, and the trials of each family. Recipes and reasons are quoted, as they may hold text of the table."""
    scored = [tried for tried in brief.tried if tried.score is not None and math.isfinite(tried.score)]
    failed = [tried for tried in brief.tried if tried.score is None or not math.isfinite(tried.score)]
    if not brief.tried:
        return ["nothing was tried yet"]
    champion = brief.champion
    return [*_champion(champion), *_best(brief, scored), *_failed(champion, failed), *_families(brief, scored)]


def describe_earlier(brief: Brief) -> list[str]:
    """Return lines with the recipes that did well before this run and that it has not tried; none if there are none."""
    tried = {each.recipe.id for each in brief.tried}
    left = [each for each in brief.earlier if each.recipe.id not in tried][:MAX_EARLIER]
    if not left:
        return []
    lines = [
        f"- {quote(each.reason, _REASON_CHARACTERS)}: {recipe_json(each.recipe, _EARLIER_CHARACTERS)}" for each in left
    ]
    return ["not tried yet in this run, but good before (on other folds, perhaps):", *lines]


def _champion(champion: TriedRecipe | None) -> list[str]:
    if champion is None:
        return ["no champion yet: no recipe has a score"]
    head = f"champion, iteration {champion.iteration}, {_score(champion)}:"
    return [head, recipe_json(champion.recipe, CHAMPION_CHARACTERS)]


def recipe_json(recipe: Recipe, room: int) -> str:
    """Return the recipe as one line of JSON, at most `room` characters. If it is longer, the parts about columns are cut
    and the line says how much is left out."""
    text = _json(recipe)
    if len(text) <= room:
        return text
    values = list(recipe.parameters.items())[:_MAX_PARAMETERS]
    kept = Recipe(recipe.family, parameters={name[:40]: _short(value) for name, value in values}, target=recipe.target)
    derived = 0
    for column in recipe.derived:
        larger = msgspec.structs.replace(kept, derived=(*kept.derived, column))
        if len(_json(larger)) > room - 120:
            break
        kept, derived = larger, derived + 1
    cut = (
        (len(recipe.derived) - derived, "derived column"),
        (len(recipe.dropped), "dropped column"),
        (len(recipe.encoders), "encoder"),
        (len(recipe.features), "feature step"),
        (len(recipe.monotone), "monotone column"),
    )
    left_out = ", ".join(plural(count, noun) for count, noun in cut if count)
    return f"{_json(kept)[: room - 120]} (not shown here: {left_out})"


def _short(value: ParameterValue) -> ParameterValue:
    return value[:40] if isinstance(value, str) else value


def _json(recipe: Recipe) -> str:
    plain = _Plain(
        recipe.family,
        recipe.derived,
        recipe.dropped,
        recipe.encoders,
        recipe.parameters,
        recipe.features,
        recipe.target,
        recipe.monotone,
    )
    return escape_json(msgspec.json.encode(plain).decode())


class _Plain(msgspec.Struct, frozen=True, omit_defaults=True):
    """A recipe without its name and without empty fields."""

    family: Family
    derived: tuple[DerivedColumn, ...] = ()
    dropped: tuple[str, ...] = ()
    encoders: dict[str, Encoder] = {}
    parameters: dict[str, ParameterValue] = {}
    features: tuple[FeatureStep, ...] = ()
    target: TargetTransformation = "none"
    monotone: dict[str, MonotoneDirection] = {}


def _best(brief: Brief, scored: Sequence[TriedRecipe]) -> list[str]:
    champion = brief.champion
    others = [tried for tried in scored if champion is None or tried.recipe.id != champion.recipe.id]
    ranked = sorted(others, key=lambda tried: _key(brief, tried))[:MAX_BEST]
    if not ranked:
        return []
    lines = [f"- iteration {tried.iteration}, {_score(tried)}: {_change(champion, tried.recipe)}" for tried in ranked]
    head = f"best of the {plural(len(others), 'other try', 'other tries')} with a score, as changes of the champion:"
    return [head, *lines]


def _failed(champion: TriedRecipe | None, failed: Sequence[TriedRecipe]) -> list[str]:
    if not failed:
        return []
    latest = list(reversed(failed))[:MAX_FAILED]
    lines = [
        f"- iteration {tried.iteration}: {_change(champion, tried.recipe)}: {quote(tried.reason or 'no score', _REASON_CHARACTERS)}"
        for tried in latest
    ]
    return [f"latest of the {plural(len(failed), 'try', 'tries')} without a score, and why:", *lines]


def _families(brief: Brief, scored: Sequence[TriedRecipe]) -> list[str]:
    lines = []
    for name in family_names():
        count = sum(tried.recipe.family == name for tried in brief.tried)
        if not count:
            continue
        of_it = [tried for tried in scored if tried.recipe.family == name]
        best = min(of_it, key=lambda tried: _key(brief, tried), default=None)
        best_score = f"best {significant(best.score)}" if best and best.score is not None else "none with a score"
        ranges = "".join(f"; {spread}" for spread in _spreads(name, of_it))
        lines.append(f"- {name}: {plural(count, 'try', 'tries')}, {best_score}{ranges}"[:_FAMILY_CHARACTERS])
    return ["tried so far, by family, with the ranges of what was set:", *lines]


def _spreads(family: Family, tries: Sequence[TriedRecipe]) -> list[str]:
    spreads = []
    for spec in family_parameters(family):
        set_values = [tried.recipe.parameters.get(spec.name) for tried in tries]
        values = [value for value in set_values if isinstance(value, int | float) and not isinstance(value, bool)]
        if values and min(values) < max(values):
            spreads.append(f"{spec.name} {min(values):.3g} to {max(values):.3g}")
    return spreads


def _key(brief: Brief, tried: TriedRecipe) -> tuple[float, int]:
    score = tried.score if tried.score is not None else math.nan
    return (-score if brief.metric.greater_is_better else score), tried.iteration


def _change(champion: TriedRecipe | None, recipe: Recipe) -> str:
    return quote(describe_difference(champion.recipe if champion else None, recipe), _CHANGE_CHARACTERS)


def _score(tried: TriedRecipe) -> str:
    if tried.score is None:
        return "no score"
    error = "" if tried.standard_error is None else f" ± {significant(tried.standard_error, 2)}"
    return f"{significant(tried.score)}{error}, {tried.seconds:.2g} s"
