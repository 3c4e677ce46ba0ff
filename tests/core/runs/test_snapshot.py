"""A journal folded into a run: states, tries, the champion, the clock."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tabsmith.errors import ErrorReport
from tabsmith.orchestration import events as loop
from tabsmith.recipes.recipe import Recipe
from tabsmith.runs import events as run
from tabsmith.runs.events import RunEvent, RunState
from tabsmith.runs.reducers import reduce
from tabsmith.runs.snapshot import RunSnapshot, interrupted
from tests.core.runs.stories import refused, scored, searching, started, state

STORY: list[RunEvent] = [
    started(10.0),
    state(10.0, RunState.READING, "looking"),
    searching(12.0),
    state(12.0, RunState.EVALUATING),
    *scored(13.0, 1, Recipe("linear", name="ridge"), 10.0, 12.0, wins=True),
    *scored(14.0, 2, Recipe("lightgbm", name="lightgbm"), 9.0, 11.0, wins=True),
    *refused(15.0, 3),
    *scored(16.0, 4, Recipe("catboost", name="catboost"), 9.5, 11.5),
    state(17.0, RunState.PAUSED, "paused by you"),
    state(20.0, RunState.EVALUATING),
    run.RunEnded(at=22.0, outcome="success", exit_reason="done", active_seconds=9.0),
]


def test_a_finished_run_shows_its_tries_champion_and_leaderboard() -> None:
    snapshot = reduce(STORY)
    assert snapshot.state is RunState.DONE
    assert [each.state for each in snapshot.trials] == ["scored", "scored", "refused", "scored"]
    assert snapshot.champion == 2
    assert [each.iteration for each in snapshot.leaderboard] == [2, 4, 1]
    assert snapshot.tried == 3
    assert snapshot.outcome == "success"


def test_the_difference_to_the_champion_of_its_time_is_in_units_of_the_metric() -> None:
    tries = reduce(STORY).trials
    assert tries[0].delta is None
    assert tries[1].delta == -1.0
    assert tries[3].delta is not None
    assert tries[3].delta > 0


@given(st.integers(0, len(STORY)))
def test_folding_in_two_parts_is_folding_at_once(cut: int) -> None:
    assert reduce(STORY[cut:], reduce(STORY[:cut])) == reduce(STORY)


def test_time_stands_still_during_a_pause_and_after_the_end() -> None:
    paused = reduce(STORY[:-2])
    assert paused.active_seconds(18.0) == paused.active_seconds(19.0) == 5.0, (
        "what is read before the search does not count"
    )
    assert reduce(STORY[:-1]).active_seconds(21.0) == 6.0
    assert reduce(STORY).active_seconds(999.0) == 9.0


def test_a_run_whose_worker_is_gone_is_interrupted_and_its_clock_ends_with_its_last_event() -> None:
    gone = interrupted(reduce(STORY[:8]))
    assert gone.state is RunState.INTERRUPTED
    assert gone.active_seconds(500.0) == gone.active_seconds(501.0)
    done = reduce(STORY)
    assert interrupted(done) is done


def test_a_resumed_run_keeps_what_was_scored_and_the_half_done_try_and_leaves_the_gap_out() -> None:
    half = [*STORY[:10], loop.IterationStarted(at=15.0, iteration=9, agent="search")]
    resumed = reduce([*half, started(100.0, attempt=2)])
    assert [each.iteration for each in resumed.trials] == [1, 9], "a worker that dies again loses nothing"
    assert resumed.attempt == 2
    assert resumed.state is RunState.QUEUED
    assert resumed.active_seconds(101.0) == 3.0


def test_a_failed_run_carries_its_error() -> None:
    report = ErrorReport("ReadError", "no rows", next_step="choose another file")
    ended = run.RunEnded(at=12.0, outcome="failed", exit_reason="error", active_seconds=2.0, error=report)
    snapshot = reduce([started(10.0), ended])
    assert snapshot.state is RunState.FAILED
    assert snapshot.error == report
    assert snapshot.log[-1] == ended


def test_every_event_survives_its_journal_line() -> None:
    for event in STORY:
        assert msgspec.json.decode(msgspec.json.encode(event), type=RunEvent) == event


def test_the_log_is_bounded() -> None:
    notes: list[RunEvent] = [loop.Noted(at=float(second), message="x") for second in range(2_000)]
    assert len(reduce(notes).log) == 500


def test_an_untold_run_is_queued() -> None:
    assert reduce([]) == RunSnapshot()
