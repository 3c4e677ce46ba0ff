"""Runs with an agent as their journals tell them. `improving()` is a run in the middle of its work; `waiting`,
`handed_over`, `at_breakpoint`, `out_of_money` and `proposing` stand where a person looks twice."""

from decimal import Decimal

import msgspec

from tabsmith.orchestration import events as loop
from tabsmith.recipes.recipe import Problem, Recipe
from tabsmith.runs import events as run
from tabsmith.runs.events import RunState
from tabsmith.runs.spec import Limits, RunSpec
from tests.stories import journals
from tests.stories.agent_story import USED, AgentStory, asked_for
from tests.stories.hostile import HOSTILE
from tests.stories.journals import BOOST, CAT, FOREST, LINEAR

__all__ = ["HOSTILE", "USED", "AgentStory", "Decimal", "asked_for", "improving"]


def improving(asked: RunSpec | None = None) -> AgentStory:
    """Seven iterations: four titles, one refusal, one failure, one narrow win; the eighth is being fitted."""
    story = AgentStory(asked)
    story.begin()
    story.improve(LINEAR, "the first: ridge regression", 31_900, 820, wins=True)
    story.improve(FOREST, "random forest, half of the features", 26_300, 510, wins=True)
    story.offer(CAT, "price per pool area")
    story.tell(loop.RecipeRefused(iteration=3, problems=(Problem("derived.pool", "unknown column Pool_Area"),)), 0.05)
    story.judge(0.3, "clarify", "the recipe is not valid", confidence=0.9).over()
    story.improve(BOOST, "LightGBM, 63 leaves", 23_840, 410, wins=True, reason="boosting handles the skew")
    story.offer(journals.NEAR, "nearest neighbours, 5,000 of them")
    story.tell(
        loop.EvaluationFailed(iteration=5, reason="error", message="ValueError: too many neighbours", seconds=1.3), 1.3
    )
    story.judge(0.4, "escalate", "quality 0.40 < 0.50").over(failures=1)
    story.improve(msgspec.structs.replace(BOOST, parameters={"num_leaves": 15}), "fewer leaves", 23_910, 420)
    story.offer(CAT, "CatBoost with three derived columns", reason="log of the area tames its tail")
    story.measure(CAT, 21_480, 310).judge(0.78).crown(CAT, 21_480, 310, probation=True).over()
    story.offer(msgspec.structs.replace(CAT, encoders={"Street": "target"}), "target encoding of Street")
    story.tell(run.StateChanged(state=RunState.EVALUATING))
    story.folds((21_900.0, 20_700.0), 5.0)
    return story


def waiting() -> AgentStory:
    """The network is down for the second time in an iteration; the third try comes in twelve seconds."""
    story = improving()
    story.measure(CAT, 21_500, 330).judge(0.72).over()
    story.ask(story.agent)
    story.trouble("network", "connection refused", retry=1, of=3, wait=0.5)
    return story.trouble("network", "connection refused", retry=2, of=3, wait=12.0, passes=False)


def handed_over() -> AgentStory:
    """Three iterations without an answer; search proposes."""
    story = improving()
    story.measure(CAT, 21_500, 330).judge(0.72).over()
    for failures in (1, 2, 3):
        story.no_answer("access", "the server refused the key (401)", failures)
    story.hand_over("3 failures in a row, the last: the server refused the key (401)")
    story.propose(journals.TREES, "extra trees, deep")
    story.tell(run.StateChanged(state=RunState.EVALUATING))
    story.folds((25_900.0,), 2.0)
    return story


def at_breakpoint() -> AgentStory:
    """A condition of the person's came true."""
    story = improving()
    story.measure(CAT, 22_900, 330).judge(0.55, "clarify", "quality 0.55 is between 0.50 and 0.70", confidence=0.42)
    return story.question(
        "breakpoint",
        "the decision is not sure: confidence 0.42 is under 0.50",
        condition="confidence < 0.5",
    )


def out_of_money() -> AgentStory:
    """Two dollars are spent."""
    story = improving(asked_for(limits=Limits(seconds=600.0, dollars="0.25")))
    story.measure(CAT, 21_500, 330).judge(0.72).over()
    story.warn("dollars", 1.0, "$0.28 of $0.25 spent (112 %)")
    return story.question("budget", "$0.28 of $0.25 spent (112 %)", limit="dollars")


def proposing() -> AgentStory:
    """Manual mode: may this recipe be fitted?"""
    story = improving(asked_for(mode="manual"))
    story.measure(CAT, 21_500, 330).judge(0.72).over()
    story.offer(TUNED, "depth 8 instead of 6", reason="the folds still improve with depth")
    return story.question(
        "proposal", "Fit this recipe? depth 8 instead of 6", details="the folds still improve with depth"
    )


TUNED = msgspec.structs.replace(CAT, parameters={"depth": 8, "learning_rate": 0.03})


def hostile_agent() -> AgentStory:
    """Everything that an agent, its server or its person can write means harm."""
    story = AgentStory(asked_for(path="/tmp/" + HOSTILE[3]), model=HOSTILE[5])
    story.begin(journals.schema(HOSTILE[0], HOSTILE))
    words = "\n".join(HOSTILE)
    for place, name in enumerate(HOSTILE[:6]):
        recipe = Recipe("lightgbm", name, derived=(), dropped=(name,), parameters={name: name})
        story.model = name
        story.offer(recipe, name, reason=words).measure(recipe, 30_000 - 900 * place, 300)
        story.judge(0.7, "clarify", words, fallback=words).crown(recipe, 30_000 - 900 * place, 300).over(words)
    story.no_answer("network", words, 1)
    story.hand_over(words)
    story.tell(loop.NoteTaken(text=words), 0.01)
    story.warn("dollars", 0.8, words)
    return story.question("breakpoint", words, details=words, condition=words)
