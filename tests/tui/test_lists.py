"""Runs and models: every one in a line, what can be done with it, and nothing deleted without a question."""

import pytest

from tabsmith.runs.events import RunState
from tests.tui.stage import FixedStore, model_summary, run_summary

SIZES = {"120x40": (120, 40), "60x20": (60, 20)}


def store_of_runs() -> FixedStore:
    """A run in every state."""
    return FixedStore(
        runs=tuple(
            run_summary(number, state, problem="No column can be the target." if state == "failed" else "")
            for number, state in enumerate(RunState, 1)
        )
    )


@pytest.mark.parametrize("size", SIZES)
def test_runs(make_app, snap_compare, size: str) -> None:
    """Runs at work, interrupted, ended, each with pill, table and target, score; wide: facts of the first."""
    assert snap_compare(make_app(store_of_runs()), press=["r"], terminal_size=SIZES[size])


def test_runs_filtered(make_app, snap_compare) -> None:
    """The filter line above holds "failed"; one run is left, its problem stands below the list."""
    assert snap_compare(make_app(store_of_runs()), press=["r", "slash", *"failed", "enter"], terminal_size=(80, 24))


def test_no_runs(make_app, snap_compare) -> None:
    """A sentence that says there are none yet and what to do."""
    assert snap_compare(make_app(), press=["r"], terminal_size=(60, 20))


def test_question_before_deleting_a_run(make_app, snap_compare) -> None:
    """What goes, what stays; the cursor on "keep it"."""
    store = FixedStore(runs=(run_summary(1, RunState.FAILED),))
    assert snap_compare(make_app(store), press=["r", "d"], terminal_size=(80, 24))


@pytest.mark.parametrize("size", SIZES)
def test_models(make_app, snap_compare, size: str) -> None:
    """Three models in lines, a damaged one marked in red with its reason; wide: facts of the first."""
    models = (*(model_summary(number) for number in range(1, 4)), model_summary(4, damaged="report.json is missing"))
    assert snap_compare(make_app(FixedStore(models=models)), press=["m"], terminal_size=SIZES[size])
