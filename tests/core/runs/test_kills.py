"""Runs killed at every moment there is: whatever was written last, the resumed run comes to what it would have come
to."""

import json
import os
import random
from collections import Counter
from collections.abc import Sequence

import pytest
from msgspec.structs import asdict, replace

from tabsmith.agents.usage import NO_USAGE
from tabsmith.conditions import IterationMetrics
from tabsmith.errors import AgentAccessError, AgentNetworkError
from tabsmith.orchestration import events as loop
from tabsmith.orchestration.decisions import ChangeBrief, Decide, Extend, Skip
from tabsmith.orchestration.decisions import EndRun as EndRun
from tabsmith.orchestration.loop import agent_calls
from tabsmith.runs.events import Stop
from tabsmith.runs.spec import Limits, ModelChoice
from tests.core.runs.dying import Disk, Step, Story, live
from tests.soak import SOAK, rounds

STEP = 1 if SOAK else 5
"""A run is killed before every write in `make soak`, before every fifth one in `make test`."""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No retry waits, and no line is synced: what a kill leaves is in the kernel's hands in any case."""
    monkeypatch.setattr(agent_calls, "FIRST_WAIT", 0.0001)
    monkeypatch.setattr(os, "fdatasync", lambda _: None)


def ridge(alpha: float, **more: object) -> str:
    recipe = {"family": "linear", "parameters": {"alpha": alpha}, **more}
    return json.dumps({"recipe": recipe, "reason": f"an alpha of {alpha} was not tried yet", "confidence": 0.6})


def choice(iterations: int, **more: object) -> ModelChoice:
    limits = Limits(seconds=0.0, iterations=iterations)
    return ModelChoice(agent="llm", limits=limits, **more)  # type: ignore[arg-type]


def ridges(*alphas: float) -> dict[int, Sequence[Step]]:
    return {number: [ridge(alpha)] for number, alpha in enumerate(alphas, 1)}


GRADE = '{"score": 0.83, "words": "well reasoned"}'
DOWN = AgentAccessError("401: who are you?")

STORIES = {
    "every outcome": Story(
        choice=choice(9),
        says={
            1: [ridge(1.0)],
            2: [AgentNetworkError("no route"), ridge(2.0)],
            3: [ridge(3.0, dropped=["nobody"])],
            4: ["I would rather not say.", ridge(4.0)],
            5: [DOWN],
            6: [ridge(6.0)],
            7: [ridge(6.0)],
            8: [ridge(8.0)],
            9: [ridge(9.0)],
        },
        scores={1.0: 10.0, 2.0: 9.4, 4.0: 8.95, 8.0: 9.9, 9.0: 7.0},
    ),
    "probation": Story(
        choice=choice(7),
        says=ridges(1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0),
        scores={1.0: 10.0, 2.0: 9.55, 3.0: 9.9, 4.0: 9.52, 5.0: 9.8, 6.0: 9.9, 7.0: 9.9},
    ),
    "graded by a model": Story(
        choice=choice(4),
        says=ridges(1.0, 2.0, 3.0, 4.0),
        grades={1: [GRADE], 2: ["no"], 3: [DOWN], 4: [GRADE]},
        scores={1.0: 10.0, 2.0: 9.0, 3.0: 8.0, 4.0: 11.0},
    ),
    "asked at every turn": Story(
        choice=replace(choice(8, mode="confirm", breakpoints=("iteration < 8",))),
        says=ridges(1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0),
        scores={1.0: 10.0, 2.0: 9.0, 3.0: 8.0, 4.0: 7.0, 5.0: 6.0, 6.0: 12.0, 7.0: 5.0, 8.0: 4.0},
        replies={
            (2, "breakpoint"): Skip(),
            (3, "breakpoint"): ChangeBrief("Try more."),
            (4, "breakpoint"): Decide("retry"),
            (5, "breakpoint"): Extend("iterations", "9"),
            (6, "breakpoint"): Decide("clarify"),
            (7, "breakpoint"): Extend("iterations", "8"),
            (8, "budget"): EndRun(),
        },
    ),
    "asked before every fit": Story(
        choice=choice(5, mode="manual"),
        says=ridges(1.0, 2.0, 3.0, 4.0, 5.0),
        scores={1.0: 10.0, 2.0: 9.0, 3.0: 8.0, 4.0: 7.0, 5.0: 6.0},
        replies={
            (2, "proposal"): Skip(),
            (3, "proposal"): Decide("clarify"),
            (4, "proposal"): ChangeBrief("Less of it."),
            (5, "budget"): EndRun(),
        },
    ),
    "money": Story(
        choice=ModelChoice(agent="llm", limits=Limits(seconds=0.0, dollars="0.0605"), mode="automatic"),
        says=ridges(*(float(number) for number in range(1, 9))),
        scores={float(number): 20.0 - number for number in range(1, 9)},
    ),
    "more money": Story(
        choice=ModelChoice(agent="llm", limits=Limits(seconds=0.0, dollars="0.05"), mode="confirm"),
        says=ridges(*(float(number) for number in range(1, 9))),
        scores={float(number): 20.0 - number for number in range(1, 9)},
        replies={(5, "budget"): Extend("dollars", "0.08"), (8, "budget"): EndRun()},
    ),
    "nothing more to propose": Story(
        choice=choice(9),
        says={1: [ridge(1.0)], 2: [ridge(2.0)], 3: ['{"done": true, "reason": "that is all"}']},
        scores={1.0: 10.0, 2.0: 9.0},
    ),
    "ended at a question": Story(
        choice=replace(choice(8, mode="confirm", breakpoints=("iteration == 2",))),
        says=ridges(1.0, 2.0, 3.0),
        scores={1.0: 10.0, 2.0: 9.0, 3.0: 8.0},
        replies={(2, "breakpoint"): EndRun()},
    ),
    "stopped after the iteration": Story(
        choice=choice(9),
        says=ridges(1.0, 2.0, 3.0),
        scores={1.0: 10.0, 2.0: 9.0, 3.0: 8.0},
        command=(2, loop.FoldScored, Stop(when="after iteration")),
        same=False,
    ),
    "handed over and back": Story(
        choice=choice(9),
        says={1: [ridge(1.0)], 2: [DOWN], 3: [DOWN], 4: [DOWN], 5: [DOWN], 6: [DOWN]}
        | {number: [ridge(float(number))] for number in (7, 8, 9)},
        scores={float(number): 20.0 - number for number in range(1, 10)} | {0.1: 18.5, 10.0: 18.1, 100.0: 19.5},
        same=False,
    ),
}


def what_came_of(disk: Disk) -> dict[str, object]:
    """All that is to be the same, however often the run was killed."""
    run = disk.run
    tries = [
        replace(each, sessions=(), started_at=0.0, ended_at=0.0, facts=_lasting(each.facts)) for each in run.trials
    ]
    records = [replace(each, at=0.0, sessions=(), run_id="") for each in disk.records]
    warned = [(each.limit, each.share, each.words) for each in disk.events if isinstance(each, loop.BudgetWarned)]
    return {
        **{f"{each.iteration} {key}": value for each in tries for key, value in asdict(each).items()},
        "champion": (run.champion, run.probation, run.challengers_met),
        "records": records,
        "warned": warned,
        "purse": (run.usage, run.limits, run.failures, run.fallback_grades),
        "person": (
            run.notes,
            run.mode,
            [each.reply for each in disk.events if isinstance(each, loop.QuestionAnswered)],
        ),
        "evaluated": [each.iteration for each in disk.events if isinstance(each, loop.Evaluated)],
        "crowned": [each.iteration for each in disk.events if isinstance(each, loop.ChampionChanged)],
        "graded": [each.iteration for each in disk.events if isinstance(each, loop.Graded)],
        "decided": [(e.iteration, e.decision) for e in disk.events if isinstance(e, loop.Decided)],
    }


def _lasting(facts: IterationMetrics | None) -> IterationMetrics | None:
    """Without how often the agent was asked: an answer without sense is forgotten with the worker that heard it."""
    return replace(facts, retries=0, rate_limits=0) if facts else None


def compare(found: dict[str, object], expected: dict[str, object]) -> None:
    """Names what differs."""
    different = [f"{key}: {found.get(key)} != {here}" for key, here in expected.items() if found.get(key) != here]
    assert not different, "; ".join(different)


def check(disk: Disk, story: Story, end: object) -> None:
    """What must be so of every run that came to its end."""
    run, events = disk.run, disk.events
    assert end is not None
    numbers = [each.iteration for each in run.trials]
    assert numbers == list(range(1, len(numbers) + 1))
    assert all(each.ended_at for each in run.trials)
    assert [each.iteration for each in disk.records] == numbers
    ended = [each.iteration for each in events if isinstance(each, loop.IterationEnded)]
    assert ended == numbers
    assert all(count == 1 for count in disk.fits.values())

    assert run.usage == disk.used == sum((each.usage for each in run.sessions), NO_USAGE)
    assert run.usage == sum((each.usage for each in disk.records), NO_USAGE)
    assert run.usage == sum((each.usage for each in run.trials), NO_USAGE)
    assert [each.facts.iteration_tokens for each in run.trials if each.facts] == [e.usage.tokens for e in run.trials]

    opened = [each for each in events if isinstance(each, loop.SessionOpened)]
    closed = Counter(each.session for each in events if isinstance(each, loop.SessionClosed))
    assert len({each.session for each in opened}) == len(opened)
    assert closed == Counter(each.session for each in opened)
    attempts = [(each.iteration, each.purpose, each.attempt) for each in opened]
    assert len(set(attempts)) == len(attempts)
    asked = [each.question.id for each in events if isinstance(each, loop.QuestionAsked)]
    assert len(set(asked)) == len(asked)
    # Whatever was heard was paid for once: a step is said again only when it did not arrive.
    for (purpose, iteration), count in disk.heard.items():
        steps = (story.says if purpose == "propose" else story.grades)[iteration]
        assert count <= len(steps) or steps[-1] is DOWN


def whole(story: Story) -> tuple[Disk, object]:
    disk = Disk()
    end = live(disk, story)
    check(disk, story, end)
    return disk, end


@pytest.mark.soak
@pytest.mark.parametrize("name", STORIES)
def test_a_run_killed_before_any_write_comes_to_the_same(name: str) -> None:
    everywhere(STORIES[name])


@pytest.mark.soak
def test_a_run_whose_last_line_was_torn_comes_to_the_same() -> None:
    everywhere(STORIES["every outcome"], torn=True)


def everywhere(story: Story, *, torn: bool = False) -> None:
    """Kill the run before each of its writes, and let a second worker bring it to its end."""
    never, end = whole(story)
    expected = what_came_of(never)
    for moment in range(1, len(never.writes), STEP):
        where = f"killed before {never.writes[moment]}, after {never.writes[moment - 1]} ({moment})"
        if torn and never.writes[moment - 1] in ("Sent", "Received", "Record", "Fold"):
            continue  # the last line is not the journal's
        disk = Disk()
        assert live(disk, story, moment) is None, where
        if torn:
            disk.tear()
        again = live(disk, story)
        try:
            check(disk, story, again)
            if story.same:
                assert again == end
                compare(what_came_of(disk), expected)
        except AssertionError as error:
            raise AssertionError(f"{where}: {error}") from error


@pytest.mark.soak
@pytest.mark.parametrize("name", STORIES)
def test_a_run_killed_again_and_again_comes_to_the_same(name: str) -> None:
    story = STORIES[name]
    never, end = whole(story)
    expected = what_came_of(never)
    for seed in range(rounds(6)):
        chance = random.Random(f"{name}:{seed}")
        disk, again, kills = Disk(), None, list[int]()
        while again is None:
            kills.append(len(disk.writes) + chance.randint(1, 25))
            again = live(disk, story, kills[-1])
        try:
            check(disk, story, again)
            if story.same:
                assert again == end
                compare(what_came_of(disk), expected)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, killed before the writes {kills}: {error}") from error
