"""What earlier systems failed at, provoked: each test is named after a failure, and shows that it cannot happen here.

Two more are shown where their other side is: a session id that the agent ignored, by the real Claude Code in
tests/core/agents/test_claude_code.py and by an agent that has ids of its own in test_real_programs.py; and a shared
temporary file, in tests/core/orchestration/test_history.py.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final
from uuid import UUID

import msgspec
import pytest

from tabsmith.agents.parse_reply import parse_reply as read_answer
from tabsmith.agents.protocol import ModelReply, Prompt, Proposal
from tabsmith.agents.usage import NO_USAGE
from tabsmith.conditions import BUILT_IN, VARIABLES, IterationMetrics, parse_condition
from tabsmith.errors import AgentError, AgentReplyError
from tabsmith.orchestration.decisions import ChangeBrief, Continue, Decide, EndRun, Extend, Skip
from tabsmith.orchestration.events import BreakpointPassed, Graded, LoopEvent, SessionOpened
from tabsmith.orchestration.history import open_history
from tabsmith.orchestration.loop.grading import parse_grade
from tabsmith.orchestration.sessions import SessionRecorder
from tabsmith.runs.events import Answer, Note, Pause, Resume, RunCommand, RunEvent, SetLimit, SetMode, Stop
from tabsmith.runs.spec import Limits, ModelChoice
from tabsmith.runs.watch import RunWatch
from tabsmith.storage import TypedJournal
from tests.core.runs.conftest import Start, ended, until
from tests.core.runs.scripted import Asked, as_told, recipe, ridge
from tests.peers.model_server import Fault, Reply, Step, Tokens, reply


def choice(iterations: int, *breakpoints: str, tokens: int = 0) -> ModelChoice:
    limits = Limits(seconds=120, iterations=iterations, tokens=tokens)
    return ModelChoice(agent="llm", limits=limits, breakpoints=breakpoints, cores=1)


# A grading call that one side does not have ---------------------------------------------------------------------------

GRADE_TOKENS: Final = Tokens(input=210, output=9)


def test_a_grading_call_that_one_side_does_not_have_leaves_the_run_to_its_own_grade_visibly(
    start: Start, model: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TABSMITH_AGENTS__GRADER", "llm")
    grades: tuple[Step, ...] = (
        Fault("status", 404),
        Fault("status", 500),
        Fault("nonsense"),
        Fault("cut"),
        Fault("empty"),
        Reply(text="I would say it was rather good."),
        reply({"score": True, "words": "yes"}),
        reply({"score": 7, "words": "of ten"}),
        reply({"score": "NaN", "words": "none"}),
        reply({"score": 0.83, "words": "a sound idea"}, GRADE_TOKENS),
    )
    steps = [step for pair in zip(ridge(len(grades)), grades, strict=True) for step in pair]
    server = model(steps)
    folder = start(choice(len(grades)))
    run = ended(folder, 90)

    assert (run.outcome, run.tried) == ("success", 10)
    qualities = [each.quality for each in run.trials if each.quality]
    assert [quality.grader for quality in qualities] == ["heuristic"] * 9 + ["llm"]
    assert all(quality.fallback for quality in qualities[:9])
    assert (qualities[9].fallback, qualities[9].value, qualities[9].words) == ("", 0.83, "a sound idea")
    assert run.fallback_grades == 9
    told = [event.quality for event in folder.events().read().values if isinstance(event, Graded)]
    assert told == qualities
    assert sum(isinstance(event, Graded) and bool(event.quality.fallback) for event in run.log) == 9

    purposes = [(session.iteration, session.purpose) for session in run.sessions]
    assert purposes == [(number, purpose) for number in range(1, 11) for purpose in ("propose", "grade")]
    assert [session.outcome for session in run.sessions if session.purpose == "grade"] == ["failed"] * 9 + ["answered"]
    assert len({session.id for session in run.sessions}) == 20
    assert run.sessions[-1].usage.input_tokens == GRADE_TOKENS.input
    assert run.usage == sum((session.usage for session in run.sessions), NO_USAGE)
    unreadable = Tokens(calls=1)  # the reply that was no JSON: it came, and what it used nobody knows
    assert as_told(run.usage) == server.handed_out + unreadable
    assert run.usage.unpriced == 1
    assert [each.usage for each in run.trials] == [
        sum((session.usage for session in run.sessions if session.iteration == number), NO_USAGE)
        for number in range(1, 11)
    ]
    assert sum((record.usage for record in open_history().read().values), NO_USAGE) == run.usage


# A bool where a dict was read -----------------------------------------------------------------------------------------

COMMANDS: Final[tuple[RunCommand, ...]] = (
    Pause(at=1.0),
    Resume(at=1.0),
    Stop(at=1.0, when="after iteration"),
    SetLimit(at=1.0, limit="tokens", to="40"),
    SetMode(at=1.0, mode="manual"),
    Note(at=1.0, text="words"),
    *(
        Answer(at=1.0, id="an id", reply=given)
        for given in (Continue(), ChangeBrief("words"), Skip(), Decide("clarify"), EndRun(), Extend("dollars", "2.50"))
    ),
)


def test_a_bool_where_a_dict_was_read_is_no_command(tmp_path) -> None:
    with TypedJournal[RunCommand](tmp_path / "commands.jsonl", RunCommand) as journal:
        wrong = [line for command in COMMANDS for line in _wrong(msgspec.to_builtins(command))]
        journal.path.write_text("".join(f"{json.dumps(line)}\n" for line in wrong))
        found = journal.read()
    assert len(wrong) > 30
    assert found.values == ()
    assert found.skipped + found.unknown == len(wrong)


def test_a_bool_where_a_dict_was_read_is_no_event_of_a_run(start: Start, model: Asked, tmp_path) -> None:
    model([*ridge(1), reply({"recipe": {"family": "linear", "dropped": ["roms"]}}), Fault("status", 500), *ridge(3)])
    folder = start(choice(4, "champion changed"))
    run = ended(folder)
    kinds: dict[str, Any] = {}
    for line in (folder.root / "events.jsonl").read_bytes().splitlines():
        value = msgspec.json.decode(line.partition(b"\t")[2] or line)
        kinds[value["event"]] = value
    assert len(kinds) > 18

    with TypedJournal[RunEvent](tmp_path / "wrong.jsonl", RunEvent) as journal:
        for kind, value in kinds.items():
            wrong = list(_wrong(value))
            assert wrong
            journal.path.write_text("".join(f"{json.dumps(each)}\n" for each in wrong))
            found = journal.read()
            assert found.values == (), f"{kind} was half read"
            assert found.skipped + found.unknown == len(wrong)

    with (folder.root / "events.jsonl").open("a") as file:
        file.write(json.dumps({**kinds["graded"], "quality": True}) + "\n")
    again = RunWatch(folder.id).refresh()
    assert again.skipped == 1
    assert again.trials == run.trials


FREE: Final = frozenset({"parameters", "encoders", "profile", "schema", "info", "spec"})
"""Parts whose own values may be true or false; that they are objects is looked at, not what is in them."""


def _wrong(value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """`value` with true in the place of one thing in it that is not a truth."""
    for key, part in value.items():
        if not isinstance(part, bool):
            yield {**value, key: True}
        if isinstance(part, dict) and key not in FREE:
            yield from ({**value, key: inner} for inner in _wrong(part))
        if isinstance(part, list) and part and isinstance(part[0], dict):
            yield from ({**value, key: [inner, *part[1:]]} for inner in _wrong(part[0]))


def test_a_bool_where_a_dict_was_read_in_a_command_changes_nothing_in_a_living_run(start: Start, model: Asked) -> None:
    model(ridge(4))
    folder = start(choice(4))
    until(folder, lambda run: run.tried >= 1)
    with (folder.root / "commands.jsonl").open("a") as file:
        for command in COMMANDS:
            file.writelines(f"{json.dumps(line)}\n" for line in _wrong(msgspec.to_builtins(command)))
    run = ended(folder)
    assert (run.outcome, run.exit_reason, run.tried, run.mode, run.notes) == (
        "success",
        "iterations",
        4,
        "automatic",
        (),
    )
    assert (run.limits, run.question) == (choice(4).limits, None)


@pytest.mark.parametrize(
    "answer",
    [
        '{"recipe": true}',
        '{"recipe": {"family": true}}',
        '{"recipe": {"family": "linear", "parameters": true}}',
        "true",
    ],
)
def test_a_bool_where_a_dict_was_read_is_no_recipe(answer: str) -> None:
    with pytest.raises(AgentReplyError):
        read_answer(answer)


def test_a_bool_where_a_number_was_read_is_neither_confidence_nor_grade() -> None:
    found = read_answer('{"recipe": {"family": "linear"}, "confidence": true, "reason": true}')
    assert isinstance(found, Proposal)
    assert found.confidence is None
    with pytest.raises(AgentReplyError):
        parse_grade('{"score": true, "words": true}')


# One id reused until it was refused -----------------------------------------------------------------------------------


class Deaf:
    """Nothing is said in the sessions of this test."""

    def sent(self, session: str, letter: Prompt) -> None:
        raise AssertionError(session, letter)

    def received(self, session: str, turn: ModelReply) -> None:
        raise AssertionError(session, turn)


def test_one_id_is_not_reused_in_ten_thousand_sessions() -> None:
    told: list[LoopEvent] = []
    sessions = SessionRecorder(told.append, Deaf())
    for number in range(10_000):
        attempt = number % 3 + 1  # of an iteration that is asked again
        with suppress(AgentError), sessions.open(number // 3, attempt, "llm", "model", seconds=1.0) as talk:
            assert UUID(talk.session).version == 4
            if attempt < 3:
                raise AgentError("it did not answer")
    opened = [event.session for event in told if isinstance(event, SessionOpened)]
    assert len(opened) == len(set(opened)) == 10_000


# Breakpoints whose conditions named variables that nobody supplied ----------------------------------------------------


def test_no_breakpoint_names_what_nobody_supplies(start: Start, model: Asked) -> None:
    steps: list[Step] = [
        ridge(1)[0],
        reply({**recipe("linear", alpha=1.0), "recipe": {"family": "linear", "dropped": ["area"]}}),  # far worse
        Fault("status", 429),
        Fault("status", 500),
        reply({"recipe": {"family": "linear", "dropped": ["roms"]}, "reason": "it may help", "confidence": 0.9}),
        *ridge(2)[1:],
    ]
    model(steps)
    conditions = {
        name: each.name if each.kind == "truth" else f"{name} < 0" if name == "gain" else f"{name} > 0"
        for name, each in VARIABLES.items()
    }
    assert set(conditions) == set(IterationMetrics.__struct_fields__)
    folder = start(choice(4, *conditions.values(), tokens=1_000_000))
    ended(folder, 90)
    fired = {each.condition for each in folder.events().read().values if isinstance(each, BreakpointPassed)}
    never = {name for name, condition in conditions.items() if parse_condition(condition).text not in fired}
    assert never == {"accepted", "rejected"}, "those two are of tasks"


def test_every_built_in_breakpoint_can_come_true_and_be_false() -> None:
    loud = IterationMetrics(
        confidence=0.1,
        failures=3,
        time_used=0.9,
        rate_limits=1,
        budget_used=0.96,
        champion_changed=True,
        disagreement=0.6,
        accepted=True,
        rejected=True,
    )
    quiet = IterationMetrics(confidence=0.9)
    for each in BUILT_IN.values():
        assert parse_condition(each.name).holds(loud).held, each.name
        assert not parse_condition(each.name).holds(quiet).held, each.name


def test_a_run_that_was_asked_for_with_an_unknown_name_fails_at_once_and_says_so(start: Start) -> None:
    run = ended(start(choice(1, "qualty < 0.5")))
    assert run.outcome == "failed"
    assert run.error is not None
    assert "qualty" in run.error.what + run.error.where
    assert run.trials == ()


# A decision that said "clarify" for ever ------------------------------------------------------------------------------


def mediocre(count: int) -> list[Step]:
    """Valid recipes far behind the first, new each time, and never a word why."""
    made = [ridge(1)[0]]
    for number in range(count - 1):
        alpha = round(1.0 + number / 7, 4)
        made.append(reply({"recipe": {"family": "linear", "dropped": ["area"], "parameters": {"alpha": alpha}}}))
    return made


def test_a_decision_does_not_say_clarify_for_ever(start: Start, model: Asked) -> None:
    model(mediocre(16))
    run = ended(start(choice(11)), 90)
    decisions = [each.decision.action for each in run.trials[:10] if each.decision]
    assert decisions == ["proceed", *["clarify", "clarify", "escalate"] * 3]
    stuck = run.trials[3].decision
    assert stuck is not None
    assert "clarify 3 times in a row without progress" in stuck.rule
    assert {each.agent for each in run.trials} == {"llm"}  # its recipes are valid and new: it works, only not well


# Feedback that was written and never sent -----------------------------------------------------------------------------


def test_no_feedback_is_written_and_not_sent(start: Start, model: Asked) -> None:
    steps: list[Step] = [
        ridge(1)[0],
        reply({"recipe": {"family": "linear", "dropped": ["roms"]}, "reason": "leave it out"}),  # refused
        ridge(2)[1],
        Fault("status", 401),  # no answer
        ridge(3)[2],
        ridge(3)[2],  # the same again
        Fault("status", 500),  # asked again, in the same iteration
        *ridge(5)[3:],
    ]
    server = model(steps)
    folder = start(choice(8))
    run = ended(folder, 90)

    assert [each.state for each in run.trials[:4]] == ["scored", "refused", "scored", "unanswered"]
    assert len({each.feedback for each in run.trials}) == 8
    bodies = {
        session.id: bytes(request.body).decode() for session, request in zip(run.sessions, server.requests, strict=True)
    }
    for before, after in zip(run.trials, run.trials[1:], strict=False):
        assert before.feedback
        assert after.sessions
        for session in after.sessions:
            assert _json(before.feedback) in bodies[session], f"iteration {after.iteration} was not told"
    assert len(run.trials[6].sessions) == 2


def _json(text: str) -> str:
    return msgspec.json.encode(text).decode()[1:-1]
