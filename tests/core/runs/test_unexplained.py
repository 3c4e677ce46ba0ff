"""A model that is measured is delivered also where explaining it fails, and its report says so."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from tabsmith.errors import ReportedError, WorkerError, report_of
from tabsmith.presentation.models import importance_note
from tabsmith.runs.finishing import explain_in_time
from tabsmith.runs.pool import TimeUpError
from tests.stories.journals import price_report


class _FailingPool:
    """A pool whose children fail in the given way."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def run(self, work, kind, *, progress=None, seconds_left=None):
        raise self._error


@pytest.mark.parametrize(
    "error",
    [TimeUpError("Out of time."), WorkerError("A child died."), ReportedError(report_of(ValueError("no such level")))],
    ids=["time", "crash", "fault"],
)
async def test_what_went_wrong_is_in_the_explanation(error):
    control = SimpleNamespace(
        limits=SimpleNamespace(seconds=60.0),
        clock=SimpleNamespace(seconds=lambda: 50.0),
        seconds_left=lambda _kept: 5.0,
        enter=lambda _state, _message: None,
    )
    explained = await explain_in_time(None, (), Path(), None, _FailingPool(error), control, 1)
    assert explained.explanation.trouble == error.what
    report = price_report(importance=(), explanation=explained.explanation)
    assert f"not measured ({error.what.rstrip('.')}); tabsmith models explain" in importance_note(report)
