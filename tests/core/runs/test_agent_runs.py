"""Whole runs with a language model behind them: the real client, a scripted server, real fits, real kills."""

from decimal import Decimal
from pathlib import Path

import pytest

from tabsmith.agents.usage import NO_USAGE
from tabsmith.modeling.results import Evaluation, FoldScore
from tabsmith.orchestration.history import open_history
from tabsmith.orchestration.loop.champion import ChampionStatus, judge_challenger
from tabsmith.orchestration.sessions import SentPrompt, Transcripts
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.runs.spec import Limits, ModelChoice
from tabsmith.runs.watch import RunWatch
from tests.core.runs.conftest import Start, ended, kill, resumed, until
from tests.core.runs.scripted import Asked, as_told, ridge
from tests.peers.model_server import Fault, Reply, reply
from tests.soak import rounds


def choice(iterations: int, **limits: float | str) -> ModelChoice:
    return ModelChoice(agent="llm", limits=Limits(seconds=120, iterations=iterations, **limits), cores=1)  # type: ignore[arg-type]


ITERATIONS = rounds(20, 8)


@pytest.mark.soak
def test_many_iterations_are_counted_to_the_token_and_crown_the_best(
    start: Start, model: Asked, tmp_path: Path
) -> None:
    server = model(ridge(ITERATIONS))
    folder = start(choice(ITERATIONS))
    run = ended(folder, 120)

    assert (run.outcome, run.exit_reason, run.tried) == ("success", "iterations", ITERATIONS)
    assert as_told(run.usage) == server.handed_out
    assert run.usage == sum((session.usage for session in run.sessions), NO_USAGE)
    assert [session.iteration for session in run.sessions] == list(range(1, ITERATIONS + 1))
    assert len({session.id for session in run.sessions}) == ITERATIONS
    assert {session.outcome for session in run.sessions} == {"answered"}
    assert run.usage.cost > Decimal(0)
    assert run.champion == _champion(run, tmp_path)
    records = open_history().read().values
    assert [record.iteration for record in records] == list(range(1, ITERATIONS + 1))
    assert sum((record.usage for record in records), NO_USAGE) == run.usage


def _champion(run: RunSnapshot, place: Path) -> int:
    """Who must hold the title by the rule: every recipe of the run fitted and scored again, outside of any run."""
    from tabsmith.modeling.cross_validation import FINDING_FOLDS, combine_folds, fit_fold, rounds_found
    from tabsmith.modeling.large_tables.memory_plan import plan_memory
    from tabsmith.runs.stages import prepare

    assert run.info is not None
    assert run.schema is not None
    assert run.metric is not None
    assert run.spec is not None
    memory = plan_memory(run.info.rows, len(run.schema.features), 1, cores=1, limit=1 << 34, seed=run.spec.choice.seed)
    data = prepare(run.info, run.schema, run.metric, run.spec, run.folds, None, memory)
    best: Evaluation | None = None
    title, winner = ChampionStatus(), 0
    for each in run.trials:
        assert each.recipe is not None
        folder = place / f"{each.iteration}"
        scores: list[FoldScore] = []
        for fold in range(len(data.folds)):
            rounds = rounds_found(scores) if fold >= FINDING_FOLDS else 0
            scores.append(
                fit_fold(data, each.recipe, fold, folder, threads=1, seconds_left=lambda: 60.0, rounds=rounds)
            )
        challenger = combine_folds(data, each.recipe, folder, scores)
        assert challenger.mean == pytest.approx(each.mean)
        judgement = judge_challenger(best, challenger, run.metric, on_probation=title.probation)
        title = title.after(judgement)
        if judgement.won:
            best, winner = challenger, each.iteration
    return winner


def test_each_brief_goes_out_as_stored_and_carries_the_feedback_on_the_iteration_before(
    start: Start, model: Asked
) -> None:
    server = model(ridge(3))
    folder = start(choice(3))
    run = ended(folder)

    letters = [
        next(each.prompt for each in Transcripts(folder.root).read(session.id) if isinstance(each, SentPrompt))
        for session in run.sessions
    ]
    for letter, request in zip(letters, server.requests, strict=True):
        body = bytes(request.body).decode()
        assert _json(letter.system) in body
        assert _json(letter.text) in body
    assert len({letter.system for letter in letters}) == 1
    assert letters[0].feedback == ""
    assert [letter.feedback for letter in letters[1:]] == [each.feedback for each in run.trials[:2]]
    assert all(letter.feedback in letter.text for letter in letters[1:])


def _json(text: str) -> str:
    import msgspec

    return msgspec.json.encode(text).decode()[1:-1]


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ({"derived": [{"name": "x", "sql": "read_csv('/etc/passwd')"}]}, "table function"),
        ({"derived": [{"name": "x", "sql": "area + random()"}]}, "random"),
        ({"derived": [{"name": "x", "sql": "price * 2"}]}, "target"),
        ({"derived": [{"name": "x", "sql": "pool * 2"}]}, "pool"),
        ({"dropped": ["roms"]}, "rooms"),
        ({"derived": [{"name": f"x{n}", "sql": f"area + {n}"} for n in range(10_000)]}, "derived"),
    ],
    ids=["file", "volatile", "target", "unknown-in-sql", "unknown-column", "ten-thousand"],
)
def test_a_recipe_that_may_not_be_is_refused_and_the_agent_is_told_why(
    start: Start, model: Asked, bad: dict[str, object], why: str
) -> None:
    answer = {"recipe": {"family": "linear", **bad}, "reason": "it may help to look there"}
    server = model([reply(answer), *ridge(1)])
    run = ended(start(choice(2)))

    assert run.trials[0].state == "refused"
    assert why in run.trials[0].message
    assert run.trials[0].decision is not None
    assert run.trials[0].decision.action == "escalate"
    second = bytes(server.requests[1].body).decode()
    assert "refused" in second
    assert why in second
    assert run.trials[1].state == "scored"


def test_search_takes_over_after_three_failures_and_hands_back_when_the_server_is_there_again(
    start: Start, model: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = model(ridge(40))
    server.stop()
    folder = start(choice(40))
    handed = until(folder, lambda run: bool(run.fallback_reason), 90)
    assert (handed.planned, handed.actual) == ("llm", "search")
    assert "3 failures in a row" in handed.fallback_reason
    assert [each.state for each in handed.trials[:3]] == ["unanswered"] * 3
    assert sum(session.iteration == 1 for session in handed.sessions) == 4  # asked, and asked again three times

    until(folder, lambda run: run.tried >= 1, 90)
    server.start()
    back = until(folder, lambda run: not run.fallback_reason, 90)
    assert back.fallback_reason == ""
    until(folder, lambda run: any(each.agent == "llm" and each.state == "scored" for each in run.trials), 60)
    kill(folder)
    run = RunWatch(folder.id).refresh()
    searched = [each for each in run.trials if each.agent == "search"]
    assert searched
    assert all(record.reason for record in open_history().read().values if record.actual != record.planned)


def test_passing_troubles_are_retried_by_kind_and_every_attempt_is_a_closed_session(start: Start, model: Asked) -> None:
    server = model(
        [
            Fault("status", 500),
            Fault("status", 529),
            ridge(1)[0],
            Fault("cut"),
            ridge(2)[1],
            Fault("empty"),
            ridge(3)[2],
            Fault("status", 401),
            ridge(4)[3],
            Fault("nonsense"),
            ridge(5)[4],
        ]
    )
    run = ended(start(choice(6)), 90)

    assert [each.state for each in run.trials] == ["scored", "scored", "scored", "unanswered", "scored", "scored"]
    assert [session.trouble for session in run.sessions] == [
        "network",
        "rate limit",
        "",
        "network",
        "",
        "data",
        "",
        "access",
        "",
        "data",
        "",
    ]
    assert all(session.closed_at > 0 for session in run.sessions)
    assert len({session.id for session in run.sessions}) == len(run.sessions)
    assert as_told(run.usage).input == server.handed_out.input


def test_a_run_killed_at_any_moment_goes_on_at_the_true_next_iteration_and_pays_for_nothing_twice(
    start: Start, model: Asked
) -> None:
    server = model(ridge(6))
    folder = start(choice(6))
    attempts = 1
    for done in (1, 2, 3):
        state = "evaluating" if done % 2 else "proposed"

        def reached(run: RunSnapshot, done: int = done, state: str = state) -> bool:
            return len(run.trials) > done and run.trials[-1].state in (state, "scored")

        until(folder, reached, 90)
        kill(folder)
        attempts += 1
        resumed(folder, attempts)
    run = ended(folder, 90)

    assert [each.iteration for each in run.trials] == [1, 2, 3, 4, 5, 6]
    assert as_told(run.usage) == server.handed_out
    assert len(server.requests) == 6
    assert {session.outcome for session in run.sessions} == {"answered"}


def test_what_a_lost_call_spent_is_spent_and_its_session_is_closed(start: Start, model: Asked) -> None:
    server = model([ridge(1)[0], Fault("hang")])
    folder = start(choice(3))
    until(folder, lambda run: len(run.sessions) == 2 and len(server.requests) == 2, 60)
    kill(folder)
    server.stop()
    server.say(ridge(3)[1:])
    server.start()
    resumed(folder)
    run = ended(folder, 60)

    assert [session.outcome for session in run.sessions] == ["answered", "lost", "answered", "answered"]
    assert [session.iteration for session in run.sessions] == [1, 2, 2, 3]
    assert [each.state for each in run.trials] == ["scored"] * 3
    assert as_told(run.usage) == server.handed_out


def test_prose_around_the_recipe_and_fences_are_understood(start: Start, model: Asked) -> None:
    text = (
        'Sure!\n```json\n{"recipe": {"family": "linear", "parameters": {"alpha": 2.0}}, "reason": "steady"}\n```\nDone.'
    )
    model([Reply(text=text)])
    run = ended(start(choice(1)))
    assert run.trials[0].recipe is not None
    assert run.trials[0].recipe.parameters == {"alpha": 2.0}
