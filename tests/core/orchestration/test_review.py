"""Where a person has a say: limits that are used up, breakpoints, escalations, checkpoints, permissions of tools."""

import pytest

from tabsmith.agents.agent_jobs import PermissionRequest, RiskLevel, ToolKind
from tabsmith.agents.usage import Usage
from tabsmith.config.settings import Mode
from tabsmith.limits import Limits
from tabsmith.orchestration.decisions import AllowTool, ChangeBrief, Continue, Decide, Decision, EndRun, Extend, Reply
from tabsmith.orchestration.events import BreakpointPassed, BudgetWarned, Noted
from tabsmith.orchestration.human_review import Fired, HumanReview, ToolPermissions
from tabsmith.orchestration.limits import UsageTracker
from tests.core.orchestration.scripted import Person

FIRED = (Fired("gain < 0", "", "gain is -0.1"),)


class Review:
    """A review of a person with a limit of 100 tokens, all of which are used."""

    def __init__(self, *replies: Reply, mode: Mode = "confirm", asks: bool = True) -> None:
        self.person = Person(replies, mode=mode, limits=Limits(tokens=100))
        self.events: list[object] = []
        tracker = UsageTracker(
            lambda: self.person.limits, lambda: 0.0, self.person.seconds_for_fitting, warns_of_time=True
        )
        tracker.book(Usage(input_tokens=100, turns=1))
        self.review = HumanReview(self.person, tracker, self.events.append, asks=asks)


@pytest.mark.parametrize(("mode", "asks"), [("automatic", True), ("confirm", False)])
async def test_a_used_up_limit_ends_a_run_that_asks_nobody_and_is_warned_of(mode: Mode, asks: bool) -> None:
    run = Review(mode=mode, asks=asks)
    assert await run.review.limit_reached() == "budget"
    assert run.person.asked == []
    assert [type(event) for event in run.events] == [BudgetWarned]


async def test_a_person_may_give_more_take_the_limit_away_or_end_the_run() -> None:
    extended = Review(Extend("tokens", "200"))
    assert await extended.review.limit_reached() is None
    assert extended.person.limits.tokens == 200
    lifted = Review(Continue())
    assert await lifted.review.limit_reached() is None
    assert lifted.person.limits.tokens == 0
    assert await Review(EndRun()).review.limit_reached() == "budget"


async def test_an_amount_that_does_not_help_is_asked_for_again() -> None:
    run = Review(Extend("tokens", "100"), Extend("tokens", "nonsense"), Extend("tokens", "101"))
    assert await run.review.limit_reached() is None
    assert [(each.cause, each.limit) for each in run.person.asked] == [("budget", "tokens")] * 3
    assert [event.level for event in run.events if isinstance(event, Noted)] == ["warning"]


async def test_a_person_who_has_ended_the_run_is_not_asked_about_its_limits() -> None:
    run = Review(EndRun())
    await run.review.ask(1, "breakpoint", "gain is -0.1")
    assert await run.review.limit_reached() == "user"
    assert len(run.person.asked) == 1


async def test_words_for_the_agent_are_kept_whatever_was_asked() -> None:
    run = Review(ChangeBrief("Try less."))
    await run.review.ask(1, "breakpoint", "gain is -0.1")
    assert run.person.notes == ("Try less.",)


@pytest.mark.parametrize(
    ("action", "fired", "escalates", "cause"),
    [
        ("proceed", (), True, None),
        ("proceed", FIRED, True, "breakpoint"),
        ("escalate", FIRED, True, "breakpoint"),
        ("escalate", (), True, "escalation"),
        ("checkpoint", (), True, "checkpoint"),
        ("escalate", (), False, None),
        ("clarify", (), True, None),
    ],
)
async def test_a_person_is_asked_where_a_breakpoint_or_the_decision_calls_for_it(
    action: str, fired: tuple[Fired, ...], escalates: bool, cause: str | None
) -> None:
    run = Review(Decide("proceed"))
    decision = Decision(action, 1.0, "the rule")  # type: ignore[arg-type]
    reply = await run.review.consult(3, decision, fired, "a message", escalates=escalates)
    assert [each.cause for each in run.person.asked] == ([cause] if cause else [])
    assert reply == (Decide("proceed") if cause else None)


def test_breakpoints_that_nobody_is_asked_about_are_recorded() -> None:
    run = Review(mode="automatic")
    run.review.pass_by(3, FIRED)
    assert run.events == [BreakpointPassed(iteration=3, condition="gain < 0", what="gain is -0.1")]


@pytest.mark.parametrize(
    ("mode", "risk", "use", "walls", "answer", "by"),
    [
        ("automatic", "low", "read", False, "once", "mode"),
        ("automatic", "high", "fetch", True, "no", "mode"),
        ("automatic", "high", "run", True, "once", "mode"),
        ("automatic", "high", "run", False, "no", "mode"),
        ("confirm", "low", "read", False, "once", "mode"),
        ("confirm", "medium", "write", False, "always", "person"),
        ("manual", "low", "read", False, "always", "person"),
    ],
)
async def test_a_permission_is_decided_by_the_mode_or_by_the_person(
    mode: Mode, risk: RiskLevel, use: ToolKind, walls: bool, answer: str, by: str
) -> None:
    run = Review(AllowTool("always"), mode=mode)
    decided = []
    permissions = ToolPermissions(run.review, decided.append, sandbox_has_walls=walls)
    assert await permissions.answer(2, PermissionRequest("p", "Tool", "something", risk, use)) == answer
    assert [(each.iteration, each.allowed, each.by) for each in decided] == [(2, answer, by)]


async def test_any_other_reply_refuses_a_permission() -> None:
    run = Review(ChangeBrief("Not that file."))
    permissions = ToolPermissions(run.review, lambda _: None, sandbox_has_walls=False)
    assert await permissions.answer(1, PermissionRequest("p", "Write", "a file", "medium", "write")) == "no"
    assert run.person.notes == ("Not that file.",)
