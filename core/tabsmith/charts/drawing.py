"""The pictures by their names: one of a run as it stands, for whoever sends or shows it."""

from typing import Literal, TypeAlias, assert_never

from tabsmith.charts.failures import NothingToDrawError
from tabsmith.charts.importance import importance
from tabsmith.charts.outcome import outcome
from tabsmith.charts.score import score_over_time
from tabsmith.modeling.results import Report
from tabsmith.runs.snapshot import RunSnapshot

Kind: TypeAlias = Literal["score", "importance", "outcome"]


def draw(kind: Kind, run: RunSnapshot) -> bytes:
    """The picture of `run` as a PNG; takes a moment, and may be called from any thread.

    Raises NothingToDrawError where what it shows is not known, DrawingMissingError where matplotlib is not installed.
    """
    match kind:
        case "score":
            return score_over_time(run)
        case "importance":
            return importance(_report(run))
        case "outcome":
            return outcome(_report(run))
        case _:
            assert_never(kind)


def _report(run: RunSnapshot) -> Report:
    if run.report is not None:
        return run.report
    if run.state.ended:
        raise NothingToDrawError(
            "The run ended without a model, so there is nothing to draw of one.",
            next_step="Start another run, or ask for the scores of this one.",
        )
    raise NothingToDrawError(
        "The model is not there yet.", next_step="Ask again once the run has ended; until then, ask for its scores."
    )
