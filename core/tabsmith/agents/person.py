"""The person at the run as one who proposes: their own recipes, each tried once, before anything else is."""

from collections.abc import Callable, Sequence

from tabsmith.agents.protocol import PERSON, AgentSession, Brief, Exhausted, Proposal, ProposerName
from tabsmith.recipes.recipe import Recipe

REASON = "your own recipe"


class PersonAgent:
    """Proposes the recipes that `recipes` returns, in their order: it is asked again and again, as a person may add more."""

    name: ProposerName = PERSON
    model = ""
    uses_llm = False

    def __init__(self, recipes: Callable[[], Sequence[Recipe]]) -> None:
        self._recipes = recipes

    def has_recipe(self, tried: frozenset[str]) -> bool:
        """Whether any recipe is left whose id is not among `tried`."""
        return self._next(tried) is not None

    async def propose(self, brief: Brief, _session: AgentSession) -> Proposal | Exhausted:
        """Return the first recipe that the run has not tried."""
        recipe = self._next(frozenset(each.recipe.id for each in brief.tried))
        return Exhausted("Every recipe of yours was tried.") if recipe is None else Proposal(recipe, REASON)

    def _next(self, tried: frozenset[str]) -> Recipe | None:
        return next((recipe for recipe in self._recipes() if recipe.id not in tried), None)
