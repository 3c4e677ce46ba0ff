"""Runs that ask: breakpoints, budgets, escalations, recipes to be confirmed; notes and modes while they go on."""

from collections.abc import Sequence

from tabsmith.config.settings import Mode
from tabsmith.orchestration.decisions import ChangeBrief, Continue, Decide, EndRun, Extend, Reply, Skip
from tabsmith.runs.events import Answer, Note, Pause, Resume, RunState, SetMode
from tabsmith.runs.folder import RunFolder
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.runs.spec import Limits, ModelChoice
from tests.core.runs.conftest import Start, ended, kill, resumed, until
from tests.core.runs.scripted import Asked, recipe, ridge
from tests.peers.model_server import Tokens, reply


def choice(
    iterations: int, mode: Mode = "confirm", breakpoints: Sequence[str] = (), **limits: int | str
) -> ModelChoice:
    return ModelChoice(
        agent="llm",
        mode=mode,
        breakpoints=tuple(breakpoints),
        limits=Limits(seconds=120, iterations=iterations, **limits),  # type: ignore[arg-type]
        cores=1,
    )


def asked(folder: RunFolder) -> RunSnapshot:
    """The run as soon as it asks."""
    return until(folder, lambda run: run.question is not None and run.state is RunState.ASKING)


def answer(folder: RunFolder, given: Reply) -> RunSnapshot:
    """Answer the open question; the run as soon as it has taken the answer."""
    question = asked(folder).question
    assert question is not None
    folder.send(Answer(id=question.id, reply=given))
    return until(folder, lambda run: run.question is None or run.question.id != question.id)


def to_its_end(folder: RunFolder) -> RunSnapshot:
    """The run's end, once it is told that its spent limit is to stay as it is."""
    question = asked(folder).question
    assert question is not None
    assert (question.cause, question.limit) == ("budget", "iterations")
    folder.send(Answer(id=question.id, reply=EndRun()))
    return ended(folder)


def test_a_breakpoint_stops_the_clock_and_goes_on_when_told_to(start: Start, model: Asked) -> None:
    server = model(ridge(3))
    folder = start(choice(3, breakpoints=["quality > 0.1 and iteration == 1"]))
    run = asked(folder)
    assert run.question is not None
    assert (run.question.cause, run.question.iteration) == ("breakpoint", 1)
    assert "iteration 1" in run.question.what
    assert run.counting_from == 0.0  # the clock stands still
    assert len(server.requests) == 1
    answer(folder, Continue())
    assert to_its_end(folder).tried == 3


def test_a_changed_brief_reaches_the_agent_in_its_next_letter(start: Start, model: Asked) -> None:
    server = model(ridge(2))
    folder = start(choice(2, breakpoints=["iteration == 1"]))
    answer(folder, ChangeBrief("Prefer strong regularisation, please."))
    to_its_end(folder)
    assert "Prefer strong regularisation" not in bytes(server.requests[0].body).decode()
    assert "Prefer strong regularisation" in bytes(server.requests[1].body).decode()


def test_a_skipped_iteration_holds_no_title_and_is_not_in_the_model(start: Start, model: Asked) -> None:
    model(ridge(2))
    folder = start(choice(2, breakpoints=["iteration == 1"]))
    answer(folder, Skip())
    run = to_its_end(folder)
    assert run.trials[0].skipped
    assert run.champion == 2
    assert run.report is not None
    skipped = run.trials[0].recipe
    assert skipped is not None
    assert skipped.id not in {member.recipe.id for member in run.report.members}


def test_another_decision_can_be_taken_instead(start: Start, model: Asked) -> None:
    model(ridge(3))
    folder = start(choice(3, breakpoints=["iteration == 1"]))
    answer(folder, Decide("escalate"))
    run = to_its_end(folder)
    decision = run.trials[0].decision
    assert decision is not None
    assert (decision.action, decision.by) == ("escalate", "person")
    assert run.trials[1].agent == "search"  # it was handed over, and the agent is asked again later


def test_stopping_at_a_question_keeps_the_best_model_so_far(start: Start, model: Asked) -> None:
    model(ridge(5))
    folder = start(choice(5, breakpoints=["iteration == 2"]))
    answer(folder, EndRun())
    run = ended(folder)
    assert (run.outcome, run.exit_reason, run.tried) == ("partial", "user", 2)
    assert run.report is not None


def test_a_spent_budget_asks_for_more_and_what_was_spent_stays_spent(start: Start, model: Asked) -> None:
    server = model(ridge(4, Tokens(input=1_000, output=500)))
    folder = start(choice(4, tokens=3_000))
    run = asked(folder)
    while run.question is not None and run.question.cause != "budget":
        run = answer(folder, Continue())
        run = asked(folder)
    assert run.question is not None
    assert run.question.limit == "tokens"
    assert "3,000 of 3,000 tokens" in run.question.what
    assert len(server.requests) == 2
    answer(folder, Extend("tokens", "100000"))
    run = to_its_end(folder)
    assert run.limits.tokens == 100_000
    assert run.usage.tokens == 4 * 1_500
    assert (run.exit_reason, run.tried) == ("iterations", 4)


def test_without_a_person_a_spent_budget_ends_the_run_with_its_model(start: Start, model: Asked) -> None:
    server = model(ridge(9, Tokens(input=1_000, output=500)))
    run = ended(start(choice(9, mode="automatic", tokens=3_000)))
    assert (run.outcome, run.exit_reason) == ("success", "budget")
    assert len(server.requests) == 2
    assert [(warning.limit, warning.share) for warning in run.warnings] == [("tokens", 1.0)]


def test_in_manual_mode_nothing_is_fitted_before_the_person_says_so(start: Start, model: Asked) -> None:
    model(ridge(2))
    folder = start(choice(2, mode="manual"))
    run = asked(folder)
    assert run.question is not None
    assert run.question.cause == "proposal"
    assert not (folder.root / "evaluations").exists()
    answer(folder, Continue())
    until(folder, lambda run: run.tried == 1)
    folder.send(SetMode(mode="automatic"))
    assert ended(folder).tried == 2


def test_a_note_goes_into_every_letter_from_then_on(start: Start, model: Asked) -> None:
    server = model(ridge(3))
    folder = start(choice(3, breakpoints=["iteration == 1"]))
    asked(folder)
    folder.send(Note(text="Try the square of the area."))
    until(folder, lambda run: bool(run.notes))
    answer(folder, Continue())
    to_its_end(folder)
    told = ["Try the square of the area" in bytes(each.body).decode() for each in server.requests]
    assert told == [False, True, True]


def test_a_pause_during_a_question_is_over_only_when_both_are(start: Start, model: Asked) -> None:
    model(ridge(2))
    folder = start(choice(2, breakpoints=["iteration == 1"]))
    question = asked(folder).question
    assert question is not None
    folder.send(Pause())
    until(folder, lambda run: run.state is RunState.PAUSED)
    folder.send(Answer(id=question.id, reply=Continue()))
    until(folder, lambda run: run.question is None)
    folder.send(Resume())
    assert to_its_end(folder).tried == 2


def test_a_question_that_its_worker_did_not_outlive_is_asked_again(start: Start, model: Asked) -> None:
    server = model(ridge(2))
    folder = start(choice(2, breakpoints=["quality > 0.1 and iteration == 1"]))
    first = asked(folder).question
    kill(folder)
    resumed(folder)
    second = asked(folder).question
    assert first is not None
    assert second is not None
    assert second.id != first.id
    assert second.what == first.what
    answer(folder, Continue())
    assert to_its_end(folder).tried == 2
    assert len(server.requests) == 2


def test_the_same_recipe_again_and_again_ends_in_search(start: Start, model: Asked) -> None:
    model([reply(recipe("linear", alpha=1.0), Tokens(input=10, output=1))])
    run = ended(start(choice(6, mode="automatic")), 90)
    decisions = [each.decision.action for each in run.trials if each.decision]
    assert decisions[:4] == ["proceed", "escalate", "escalate", "escalate"]
    assert run.trials[4].agent == "search"
