"""The search agent: the portfolio first, then variations, never the same recipe twice."""

import msgspec

from tabsmith.agents.protocol import Agent, Brief, EarlierRecipe, Exhausted, MetricGoal, Proposal, TriedRecipe
from tabsmith.agents.search import MAX_STALE, SearchAgent
from tabsmith.orchestration.loop.recipe_loop import NO_SESSION
from tabsmith.recipes.portfolio import portfolio
from tabsmith.recipes.recipe import Recipe
from tabsmith.recipes.validation import validate_recipe
from tests.core.recipes.tables import table

SCHEMA, PROFILE = table("binary", 1_000)
FIRST = Brief(schema=SCHEMA, profile=PROFILE, metric=MetricGoal("roc_auc", greater_is_better=True))


def score(recipe: Recipe) -> float:
    """A made-up truth: catboost is best, and the deeper the better."""
    depth = recipe.parameters.get("depth", 6)
    assert isinstance(depth, int)
    return (0.8 if recipe.family == "catboost" else 0.5) + depth / 100


async def walk(agent: Agent, brief: Brief, count: int) -> tuple[list[Proposal], Brief]:
    """Asks `count` times, telling each outcome."""
    proposals: list[Proposal] = []
    for _ in range(count):
        found = await agent.propose(brief, NO_SESSION)
        assert isinstance(found, Proposal)
        proposals.append(found)
        outcome = TriedRecipe(found.recipe, score(found.recipe))
        brief = msgspec.structs.replace(brief, tried=(*brief.tried, outcome))
    return proposals, brief


async def test_it_proposes_the_portfolio_in_order_and_then_variations_of_the_best() -> None:
    known = portfolio(SCHEMA, PROFILE)
    proposals, _ = await walk(SearchAgent(seed=1), FIRST, len(known) + MAX_STALE)
    assert tuple(proposal.recipe for proposal in proposals[: len(known)]) == known
    varied = [proposal.recipe for proposal in proposals[len(known) :]]
    assert {recipe.family for recipe in varied} == {"catboost"}
    assert all(validate_recipe(recipe, SCHEMA, PROFILE).valid for recipe in varied)
    assert max(map(score, varied)) > max(map(score, known))
    assert len({proposal.recipe.id for proposal in proposals}) == len(proposals)
    assert all(recipe.name == "CatBoost, varied" for recipe in varied)


async def test_it_ends_when_so_many_variations_in_a_row_were_no_better() -> None:
    known = portfolio(SCHEMA, PROFILE)
    agent, brief = SearchAgent(seed=1), FIRST
    for place in range(len(known) + MAX_STALE):
        found = await agent.propose(brief, NO_SESSION)
        assert isinstance(found, Proposal)
        outcome = TriedRecipe(found.recipe, 0.9 if place == 0 else 0.8)
        brief = msgspec.structs.replace(brief, tried=(*brief.tried, outcome))
    assert isinstance(await agent.propose(brief, NO_SESSION), Exhausted)


async def test_the_same_seed_repeats_itself_and_another_does_not() -> None:
    one, _ = await walk(SearchAgent(seed=1), FIRST, 40)
    again, _ = await walk(SearchAgent(seed=1), FIRST, 40)
    other, _ = await walk(SearchAgent(seed=2), FIRST, 40)
    assert one == again
    assert one != other


async def test_a_new_object_goes_on_where_the_run_was_left() -> None:
    whole, _ = await walk(SearchAgent(seed=1), FIRST, 30)
    before, brief = await walk(SearchAgent(seed=1), FIRST, 25)
    after, _ = await walk(SearchAgent(seed=1), brief, 5)
    assert before + after == whole


async def test_what_is_reported_to_have_failed_is_not_proposed_again_and_not_varied() -> None:
    known = portfolio(SCHEMA, PROFILE)
    tried = tuple(TriedRecipe(recipe, None, reason="out of time") for recipe in known)
    found = await SearchAgent().propose(msgspec.structs.replace(FIRST, tried=tried), NO_SESSION)
    assert isinstance(found, Exhausted)
    assert "none of it could be scored" in found.reason


async def test_one_family_alone_when_asked_for_until_it_has_no_more() -> None:
    agent = SearchAgent(only=("nearest_neighbors",))
    brief = FIRST
    seen: set[str] = set()
    for _ in range(3_500):
        found = await agent.propose(brief, NO_SESSION)
        if isinstance(found, Exhausted):
            break
        assert found.recipe.family == "nearest_neighbors"
        assert found.recipe.id not in seen
        seen.add(found.recipe.id)
        if len(seen) <= 3:
            brief = msgspec.structs.replace(brief, tried=(*brief.tried, TriedRecipe(found.recipe, 0.5)))
    assert isinstance(found, Exhausted)


async def test_lower_is_better_where_the_metric_says_so() -> None:
    recipes = portfolio(SCHEMA, PROFILE)
    tried = tuple(TriedRecipe(recipe, 1.0 if recipe.family == "linear" else 9.0) for recipe in recipes)
    brief = msgspec.structs.replace(FIRST, metric=MetricGoal("rmse", greater_is_better=False), tried=tried)
    found = await SearchAgent(seed=3).propose(brief, NO_SESSION)
    assert isinstance(found, Proposal)
    assert found.recipe.family == "linear"


async def test_recipes_of_earlier_runs_come_before_all_others() -> None:
    known = portfolio(SCHEMA, PROFILE)
    earlier = (EarlierRecipe(known[-1], "good before"), EarlierRecipe(known[0], "the first one"))
    proposals, _ = await walk(SearchAgent(), msgspec.structs.replace(FIRST, earlier=earlier), 3)
    assert [each.recipe for each in proposals] == [known[-1], known[0], known[1]]
    assert proposals[0].reason == "good before"


async def test_what_is_left_out_is_neither_proposed_nor_varied() -> None:
    own = Recipe("catboost", parameters={"depth": 9})
    brief = msgspec.structs.replace(FIRST, families=("linear", "extra_trees"), tried=(TriedRecipe(own, 0.99),))
    agent = SearchAgent(only=("linear", "extra_trees"))
    proposals, _ = await walk(agent, brief, len(portfolio(SCHEMA, PROFILE, only=("linear", "extra_trees"))) + 3)
    assert {each.recipe.family for each in proposals} == {"linear", "extra_trees"}
    without = portfolio(SCHEMA, PROFILE, exclude=("linear",))
    assert "linear" not in {recipe.family for recipe in without}
    assert len(without) > 5
