"""Search in the place of an agent that is down: every try that it makes says so, wherever it is written down."""

from tabsmith.agents.usage import NO_USAGE
from tabsmith.orchestration.events import AgentChanged, IterationStarted
from tabsmith.orchestration.history import open_history
from tabsmith.runs.spec import Limits, ModelChoice
from tests.core.runs.conftest import Start, ended, kill, resumed, until
from tests.core.runs.scripted import Asked, ridge
from tests.peers.model_server import Fault

DOWN = Fault("status", 401)  # does not pass, so it is not waited for


def choice(iterations: int) -> ModelChoice:
    return ModelChoice(agent="llm", limits=Limits(seconds=120, iterations=iterations), cores=1)


def test_no_try_of_search_in_an_agents_place_is_silent(start: Start, model: Asked) -> None:
    model([*ridge(1), DOWN])
    folder = start(choice(8))
    run = ended(folder, 90)

    by_search = [each.iteration for each in run.trials if each.agent == "search"]
    assert [each.agent for each in run.trials] == ["llm"] * 4 + ["search"] * 4
    assert [each.state for each in run.trials] == ["scored", *["unanswered"] * 3, *["scored"] * 4]
    assert (run.planned, run.actual) == ("llm", "search")
    assert "3 failures in a row" in run.fallback_reason
    assert "401" in run.fallback_reason

    standing = ""
    for event in folder.events().read().values:
        if isinstance(event, AgentChanged):
            assert (event.planned, event.actual) == ("llm", "search")
            standing = event.reason
        if isinstance(event, IterationStarted) and event.agent == "search":
            assert standing == run.fallback_reason, "search began before the journal said why"
    records = [record for record in open_history().read().values if record.actual != record.planned]
    assert [record.iteration for record in records] == by_search
    assert {(record.planned, record.actual, record.reason) for record in records} == {
        ("llm", "search", run.fallback_reason)
    }
    # It is looked after in between, each time in a session of its own, and nobody else's iteration.
    looks = [session.iteration for session in run.sessions if session.iteration in by_search]
    assert looks
    assert {session.trouble for session in run.sessions if session.iteration in looks} == {"access"}


def test_a_try_of_search_stays_one_when_its_worker_is_killed(start: Start, model: Asked) -> None:
    model([*ridge(1), DOWN])
    folder = start(choice(7))
    until(
        folder, lambda run: run.trials != () and run.trials[-1].agent == "search" and run.trials[-1].recipe is not None
    )
    kill(folder)
    resumed(folder)
    run = ended(folder, 90)

    fifth = run.trials[4]
    records = {record.iteration: record for record in open_history().read().values}
    assert fifth.recipe is not None
    assert fifth.sessions == ()
    assert (fifth.agent, records[5].actual) == ("search", "search")
    assert records[5].reason


def test_what_an_iteration_spent_stands_in_its_record_also_when_its_worker_was_killed(
    start: Start, model: Asked
) -> None:
    model(ridge(4))
    folder = start(choice(4))
    until(folder, lambda run: len(run.trials) == 2 and run.trials[-1].recipe is not None)
    kill(folder)
    resumed(folder)
    run = ended(folder, 90)
    records = open_history().read().values
    assert [record.iteration for record in records] == [1, 2, 3, 4]
    assert [record.usage.input_tokens for record in records] == [each.usage.input_tokens for each in run.trials]
    assert sum((record.usage for record in records), NO_USAGE) == run.usage
    assert [each.facts.iteration_tokens for each in run.trials if each.facts] == [
        each.usage.tokens for each in run.trials
    ]
