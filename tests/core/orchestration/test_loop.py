"""The loop of a search over scripted parts: what ends it, what is recorded in which order, and what a person changes."""

import pytest

from tabsmith.errors import AgentAccessError, AgentReplyError
from tabsmith.limits import Limits
from tabsmith.orchestration import events as loop
from tabsmith.orchestration.decisions import Decide, EndRun, Skip
from tabsmith.orchestration.loop import agent_calls
from tabsmith.orchestration.loop.recipe_loop import MAX_UNSCORED
from tabsmith.orchestration.loop_state import LoopState, Trial
from tests.core.orchestration.scripted import Evaluator, Person, Run, ridge


async def test_it_ends_when_the_agent_has_nothing_more_to_propose() -> None:
    run = Run([ridge(3.0), ridge(2.0)])
    assert await run.end() == "done"
    assert [each.mean for each in run.loop.evaluations] == [3.0, 2.0]
    assert run.loop.champion is not None
    assert run.loop.champion.mean == 2.0
    assert run.told(loop.Unanswered)[0].trouble == ""


async def test_everything_of_an_iteration_is_recorded_in_the_order_in_which_it_happens() -> None:
    run = Run([ridge(3.0)])
    await run.end()
    first = [type(event).__name__ for event in run.events if getattr(event, "iteration", 1) == 1]
    assert first[: first.index("IterationEnded") + 1] == [
        "IterationStarted", "SessionOpened", "SessionUsed", "SessionClosed", "Proposed", "FoldScored", "FoldScored",
        "FoldScored", "Evaluated", "Graded", "Decided", "ChampionChanged", "IterationEnded",
    ]  # fmt: skip


async def test_the_next_brief_holds_the_scores_and_the_feedback() -> None:
    run = Run([ridge(3.0), ridge(2.0)])
    await run.end()
    second = run.agent.briefs[1]
    assert [each.score for each in second.tried] == [3.0]
    assert second.champion == second.tried[0]
    assert "scored" in second.feedback
    assert second.feedback == run.told(loop.IterationEnded)[0].feedback


async def test_a_limit_of_iterations_ends_it() -> None:
    run = Run([ridge(3.0), ridge(2.0), ridge(1.0)], Person(mode="automatic", limits=Limits(iterations=2)))
    assert await run.end() == "iterations"
    assert len(run.told(loop.IterationEnded)) == 2


async def test_tokens_are_booked_as_replies_come_and_end_it() -> None:
    run = Run([ridge(3.0), ridge(2.0), ridge(1.0)], Person(mode="automatic", limits=Limits(tokens=20)))
    assert await run.end() == "budget"
    assert run.loop.usage.tokens == 20
    assert [each.share for each in run.told(loop.BudgetWarned)] == [1.0]


async def test_recipes_that_bring_no_score_end_it_and_say_so() -> None:
    refused = [ridge(3.0, dropped=("nobody",))] * (2 * MAX_UNSCORED)
    run = Run(refused, search=refused)
    assert await run.end() == "done"
    assert len(run.told(loop.RecipeRefused)) == MAX_UNSCORED
    assert str(MAX_UNSCORED) in run.told(loop.Noted)[-1].message


async def test_an_agent_without_an_answer_is_replaced_by_search_and_comes_back() -> None:
    down = AgentAccessError("401: who are you?")
    run = Run([down, down, down, down, ridge(1.0)], search=[ridge(3.0), ridge(2.0), ridge(2.5)])
    await run.end()
    assert [(each.iteration, each.agent) for each in run.told(loop.IterationStarted)] == [
        (1, "llm"), (2, "llm"), (3, "llm"), (4, "search"), (5, "llm"), (5, "search"), (6, "search"), (7, "llm"),
        (8, "llm"),
    ]  # fmt: skip
    assert [each.actual for each in run.told(loop.AgentChanged)] == ["search", "llm"]


async def test_an_answer_that_cannot_be_read_is_asked_for_again_and_the_agent_is_told_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(agent_calls, "FIRST_WAIT", 0.0)
    run = Run([AgentReplyError("no JSON in it"), ridge(1.0)])
    await run.end()
    assert [each.retry for each in run.told(loop.RetryScheduled)] == [1]
    assert "no JSON in it" in run.agent.briefs[1].feedback
    assert run.told(loop.IterationEnded)[0].facts.retries == 1


async def test_a_recipe_that_a_person_leaves_out_does_not_count() -> None:
    run = Run([ridge(1.0), ridge(2.0)], Person([Skip()]), breakpoints=("iteration == 1",))
    await run.end()
    assert [each.mean for each in run.loop.evaluations] == [2.0]
    assert [each.iteration for each in run.told(loop.ChampionChanged)] == [2]


async def test_a_persons_decision_follows_the_rules_and_is_obeyed() -> None:
    run = Run(
        [ridge(3.0), ridge(2.0)],
        Person([Decide("checkpoint"), Decide("escalate")]),
        search=[ridge(1.0)],
        breakpoints=("quality > 0",),
    )
    await run.end()
    assert run.person.paused == 1
    assert [(e.iteration, e.decision.action, e.decision.by) for e in run.told(loop.Decided)][:4] == [
        (1, "proceed", "rule"), (1, "checkpoint", "person"), (2, "proceed", "rule"), (2, "escalate", "person"),
    ]  # fmt: skip
    assert run.told(loop.AgentChanged)[0].reason == "you decided so"


async def test_in_manual_mode_a_recipe_is_fitted_only_when_the_person_says_so() -> None:
    run = Run([ridge(3.0), ridge(2.0)], Person([Skip()], mode="manual"))
    await run.end()
    assert [each.cause for each in run.person.asked][:2] == ["proposal", "proposal"]
    assert [each.iteration for each in run.told(loop.Evaluated)] == [2]


async def test_a_person_ends_it_at_a_question_and_what_was_scored_stays() -> None:
    run = Run([ridge(3.0), ridge(2.0)], Person([EndRun()]), breakpoints=("iteration == 1",))
    assert await run.end() == "user"
    assert [each.mean for each in run.loop.evaluations] == [3.0]
    assert len(run.told(loop.IterationEnded)) == 1


async def test_an_iteration_that_raises_is_recorded_before_the_error_goes_on() -> None:
    def break_down() -> None:
        raise KeyError("a fault of ours")

    run = Run([ridge(3.0)], evaluator=Evaluator(break_down))
    error = None
    try:
        await run.end()
    except KeyError as raised:
        error = raised
    assert error is not None
    assert run.told(loop.EvaluationFailed)[0].reason == "error"
    assert len(run.told(loop.IterationEnded)) == 1


async def test_a_person_s_own_recipes_come_first_and_are_told_apart() -> None:
    own = (ridge(2.5), ridge(1.5, dropped=("nobody",)))
    run = Run([ridge(3.0)], Person(mode="manual", recipes=own))
    await run.end()
    assert [each.agent for each in run.told(loop.IterationStarted)] == ["person", "person", "llm", "llm"]
    assert [each.recipe for each in run.told(loop.Proposed)] == [*own, ridge(3.0)]
    assert [each.iteration for each in run.told(loop.RecipeRefused)] == [2]
    assert [each.iteration for each in run.person.asked if each.cause == "proposal"] == [3]


async def test_a_recipe_that_comes_in_meanwhile_is_the_next_to_be_tried_and_only_once() -> None:
    person = Person(mode="automatic")

    def add() -> None:
        person.recipes = (ridge(1.0), ridge(3.0))

    run = Run([ridge(3.0), ridge(2.0)], person, evaluator=Evaluator(add))
    await run.end()
    assert [each.recipe.parameters["alpha"] for each in run.told(loop.Proposed)] == [3.0, 1.0, 2.0]


async def test_a_recipe_of_the_person_that_a_dead_worker_had_begun_is_taken_up_as_theirs() -> None:
    own = ridge(2.5)
    state = LoopState(latest=Trial(1, "person", state="proposed", recipe=own))
    run = Run([ridge(3.0)], Person(mode="automatic", recipes=(own,)), state=state)
    await run.end()
    assert [(each.iteration, each.agent) for each in run.told(loop.IterationStarted)][:2] == [(1, "person"), (2, "llm")]
    assert [each.iteration for each in run.told(loop.Evaluated)] == [1, 2]


async def test_an_agent_s_recipe_of_a_family_that_the_person_left_out_is_refused_with_the_families_left() -> None:
    run = Run([ridge(3.0)], Person(mode="automatic", recipes=(ridge(2.0),)), families=("catboost",))
    await run.end()
    assert [each.iteration for each in run.told(loop.RecipeRefused)] == [2]
    assert "catboost" in run.told(loop.RecipeRefused)[0].problems[0].what
