"""The agent without a language model: it proposes the portfolio in order, then variations of the best recipes."""

import math
import random
from collections.abc import Collection
from typing import Final

import msgspec

from tabsmith.agents.protocol import AgentName, AgentSession, Brief, Exhausted, Proposal, TriedRecipe
from tabsmith.families.registry import family_parameters
from tabsmith.families.spec import ParameterSpec, ParameterValue
from tabsmith.recipes.difference import describe_difference
from tabsmith.recipes.portfolio import portfolio
from tabsmith.recipes.recipe import Family, Recipe
from tabsmith.recipes.validation import validate_recipe

MAX_PARENTS: Final = 3  # best recipes that variations start from
MAX_STALE: Final = 15  # variations in a row without a new best, after which the search is exhausted
MAX_ATTEMPTS: Final = 200  # at a variation that is new and valid
_REACH: Final = 0.25  # standard deviation of a step, as a share of the parameter's range


class SearchAgent:
    """Proposes the portfolio, then seeded variations of the best recipes.

    The same seed and outcomes give the same proposals. A recipe that was tried, or proposed before by this object, is
    never proposed again.
    """

    name: AgentName = "search"
    model = ""
    uses_llm = False

    def __init__(
        self,
        *,
        seed: int = 0,
        only: Collection[Family] = (),
        exclude: Collection[Family] = (),
        seconds: float = 0.0,
        cores: int = 2,
    ) -> None:
        self._seed = seed
        self._seconds = seconds
        self._cores = cores
        self._only = only
        self._exclude = exclude
        self._proposed: set[str] = set()

    async def propose(self, brief: Brief, _session: AgentSession) -> Proposal | Exhausted:
        """Return the next new recipe of the portfolio; after the last one, a new variation."""
        seen = self._proposed | {tried.recipe.id for tried in brief.tried}
        candidates = self._candidates(brief)
        left = math.inf if brief.left.seconds is None else brief.left.seconds
        waiting = [candidate for candidate in candidates if candidate.recipe.id not in seen]
        for candidate in waiting:
            if self._expected_seconds(candidate.recipe, brief) <= left:
                return self._remember(candidate.recipe, candidate.reason)
        if waiting:
            return Exhausted("The time that is left is too short for another recipe.")
        parents = [each for each in _best(brief) if not brief.families or each.recipe.family in brief.families]
        if not parents:
            return Exhausted("The portfolio is used up, and none of it could be scored.")
        if _is_stale(brief, parents[0], {candidate.recipe.id for candidate in candidates}):
            return Exhausted(f"converged: the last {MAX_STALE} variations were no better than what came before them")
        rng = random.Random(f"{self._seed}:{len(seen)}")  # noqa: S311 - repeatable, not secret
        for _ in range(MAX_ATTEMPTS):
            parent = parents[min(int(rng.expovariate(1.0)), len(parents) - 1)].recipe
            recipe = _vary(parent, rng)
            if self._expected_seconds(recipe, brief) > left:
                return Exhausted("The time that is left is too short for another variation.")
            if recipe.id not in seen and validate_recipe(recipe, brief.schema, brief.profile).valid:
                return self._remember(recipe, f"{parent.name or parent.family}: {describe_difference(parent, recipe)}")
        return Exhausted("The portfolio and the variations of the best recipes are used up.")

    def _candidates(self, brief: Brief) -> list[Proposal]:
        """The recipes that a person wants to go on from, and the portfolio."""
        recipes = portfolio(
            brief.schema,
            brief.profile,
            only=self._only,
            exclude=self._exclude,
            seconds=self._seconds,
            cores=self._cores,
        )
        known = [Proposal(recipe, "from the portfolio") for recipe in recipes]
        earlier = [Proposal(each.recipe, each.reason) for each in brief.earlier]
        return [*earlier, *known]

    def _expected_seconds(self, recipe: Recipe, brief: Brief) -> float:
        """What the recipe should take: half of what its family's dearest recipe has taken; 0 for a family not yet tried."""
        taken = [each.seconds for each in brief.tried if each.recipe.family == recipe.family and each.score is not None]
        return 0.5 * max(taken, default=0.0) / min(self._cores, brief.schema.split.folds)

    def _remember(self, recipe: Recipe, reason: str) -> Proposal:
        self._proposed.add(recipe.id)
        return Proposal(recipe, reason)


def _is_stale(brief: Brief, best: TriedRecipe, portfolio_ids: set[str]) -> bool:
    """Whether none of the latest `MAX_STALE` variations is the best recipe."""
    varied = [tried.recipe.id for tried in brief.tried if tried.recipe.id not in portfolio_ids]
    return len(varied) >= MAX_STALE and best.recipe.id not in varied[-MAX_STALE:]


def _best(brief: Brief) -> list[TriedRecipe]:
    """The recipes with the best scores, best first; of equal scores the quickest first."""
    scored = [tried for tried in brief.tried if tried.score is not None and math.isfinite(tried.score)]
    sign = -1.0 if brief.metric.greater_is_better else 1.0
    return sorted(scored, key=lambda tried: (sign * (tried.score or 0.0), tried.seconds, tried.recipe.id))[:MAX_PARENTS]


def _vary(parent: Recipe, rng: random.Random) -> Recipe:
    """Change one to three parameters of `parent`; those listed first matter more and are chosen more often."""
    specs = family_parameters(parent.family)
    values = dict(parent.parameters)
    for _ in range(rng.randint(1, 3)):
        spec = specs[min(int(rng.expovariate(3.0 / len(specs))), len(specs) - 1)]
        values[spec.name] = _step(spec, values.get(spec.name, spec.default), rng)
    for spec in specs:
        if spec.enabled_by and spec.name in values and not values.get(spec.enabled_by[0]):
            values[spec.enabled_by[0]] = spec.enabled_by[1]
    base = parent.name.split(",", 1)[0] or parent.family.replace("_", " ")
    return msgspec.structs.replace(parent, name=f"{base}, varied", parameters=values)


def _step(spec: ParameterSpec, value: ParameterValue | None, rng: random.Random) -> ParameterValue:
    """Return a value near `value`, within the parameter's range and on its scale."""
    if spec.kind == "boolean":
        return not value
    if spec.kind == "choice":
        return rng.choice([choice for choice in spec.choices if choice != value])
    low, high = spec.low, spec.high
    log = spec.scale == "log" and low > 0
    start = float(value) if value is not None else (math.sqrt(low * high) if log else (low + high) / 2)
    if log:
        stepped = math.exp(math.log(start) + rng.gauss(0.0, _REACH) * math.log(high / low))
    else:
        stepped = start + rng.gauss(0.0, _REACH) * (high - low)
    stepped = min(high, max(low, stepped))
    return round(stepped) if spec.kind == "integer" else float(f"{stepped:.3g}")
