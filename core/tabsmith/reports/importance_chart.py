"""Which columns a model relies on: a bar for each, as long as the score falls without it."""

import math

from tabsmith import formatting
from tabsmith.modeling.results import ColumnImportance, ModelReport
from tabsmith.presentation.models import importance_heading, useful_columns
from tabsmith.reports import figures
from tabsmith.reports.figures import NothingToDrawError
from tabsmith.text import plural


def importance_chart(report: ModelReport, most: int = 15) -> bytes:
    """The `most` important columns with the deviation of their importance, as a PNG.

    Raises NothingToDrawError if it was not measured.
    """
    if not report.importance:
        raise NothingToDrawError(
            "The importance of the columns was not measured.",
            next_step="Train with more time: it is measured last, in what is left.",
        )
    useful = useful_columns(report.importance)
    shown = useful[: max(1, most)]
    with figures.drawing():
        target = figures.fit(figures.showable(report.schema.target or ""), 400, figures.TITLE, "bold")
        longest = max((figures.plottable(column.drop) + _deviation(column) for column in shown), default=1.0)
        return figures.bar_chart(
            f"What predicts {target}" if report.schema.target else "What the model relies on",
            figures.showable(importance_heading(report.metric)),
            names=[figures.fit(figures.showable(column.column), 330, figures.TEXT) for column in shown],
            shares=[figures.plottable(column.drop) / longest for column in shown],
            errors=[_deviation(column) / longest or math.nan for column in shown],
            colors=[figures.BLUE if column.drop > _deviation(column) else figures.QUIET for column in shown],
            labels=[formatting.plus_minus(column.drop, column.deviation) for column in shown],
            nothing="No column alone has a measurable effect.",
            note=_without_bars(len(useful) - len(shown), len(report.importance) - len(useful)),
        )


def _deviation(column: ColumnImportance) -> float:
    known = math.isfinite(column.deviation) and column.deviation > 0
    return figures.plottable(column.deviation) if known else 0.0


def _without_bars(less: int, idle: int) -> str:
    """The number of columns without a bar, and the reasons."""
    parts = []
    if less > 0:
        parts.append(f"+{plural(less, 'column')} of less importance")
    if idle > 0:
        parts.append(f"{plural(idle, 'column')}: no measurable effect")
    return " · ".join(parts)
