"""The pictures by their names: one of a run as it stands, for whoever sends or shows it."""

from typing import Literal, TypeAlias, assert_never

from tabsmith.modeling.results import ModelReport
from tabsmith.reports.figures import NothingToDrawError
from tabsmith.reports.importance_chart import importance_chart
from tabsmith.reports.outcome_chart import outcome_chart
from tabsmith.reports.score_chart import score_chart
from tabsmith.runs.snapshot import RunSnapshot

ChartKind: TypeAlias = Literal["score", "importance", "outcome"]


def draw_chart(kind: ChartKind, run: RunSnapshot) -> bytes:
    """The picture of `run` as a PNG; takes a moment, and may be called from any thread.

    Raises NothingToDrawError where what it shows is not known, MatplotlibMissingError where matplotlib is not installed.
    """
    match kind:
        case "score":
            return score_chart(run)
        case "importance":
            return importance_chart(_report(run))
        case "outcome":
            return outcome_chart(_report(run))
        case _:
            assert_never(kind)


def _report(run: RunSnapshot) -> ModelReport:
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
