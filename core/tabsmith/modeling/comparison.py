"""Two models on the same rows: the difference of their scores with a paired bootstrap interval, and which is better, if
that is shown."""

import math
import time
from typing import Final, Literal

import numpy as np

from tabsmith.errors import UsageError
from tabsmith.families.estimator import Floats
from tabsmith.modeling import metrics, store
from tabsmith.modeling.column_matching import match_columns
from tabsmith.modeling.holdout.predictions import HoldoutPredictions
from tabsmith.modeling.metric_catalogue import Metric
from tabsmith.modeling.model import Model
from tabsmith.modeling.model_files import HOLDOUT
from tabsmith.modeling.predict import source_to_predict
from tabsmith.modeling.results import ModelComparison, ModelReport
from tabsmith.modeling.row_batches import snapshot_batches
from tabsmith.modeling.scoring import RowsScorer
from tabsmith.tables.info import TableInfo
from tabsmith.tables.read.sources import Source
from tabsmith.text import clean

DRAWS: Final = 1_000
SECONDS: Final = 10.0
"""Of drawing, but never fewer than `metrics.MIN_DRAWS` draws."""
MIN_FINITE_DRAWS: Final = 20
"""Fewer draws on which the metric is defined give no interval, and show nothing."""


def compare_on_holdout(first: str, second: str) -> ModelComparison:
    """The models with these ids on the rows that both were measured on: the test set of the same table, the same way set
    aside. What is compared are the measured models, none of which had seen the rows.

    Raises UsageError if they have no such rows in common, ModelNotFoundError and ModelDamagedError.
    """
    reports = store.read_report(first), store.read_report(second)
    _require_same_task(*reports)
    folders = [store.model_folder(report.model_id) for report in reports]
    if not all((folder / HOLDOUT).is_file() for folder in folders):
        raise _not_comparable("One of the models was saved without the predictions of its test set")
    ours, theirs = (HoldoutPredictions.load(folder / HOLDOUT) for folder in folders)
    same_table = reports[0].fingerprint == reports[1].fingerprint and reports[0].classes == reports[1].classes
    if not same_table or not np.array_equal(ours.truth, theirs.truth):
        raise _not_comparable("The models were measured on different rows")
    return compare_predictions(*reports, ours, theirs.prediction, on="test set")


def source_for_both(first: Model, second: Model, source: Source) -> tuple[Source, Source]:
    """The source as it is to be read for each of the two models."""
    return source_to_predict(first, source), source_to_predict(second, source)


def compare_on_tables(first: Model, second: Model, info: TableInfo, other: TableInfo) -> ModelComparison:
    """Both models on the rows of one table, read as by `source_for_both`: `info` for the first, `other` for the second.

    Rows count that hold a target which the first model knows, and that both models predict; of many, evenly spaced ones
    (`scoring.MAX_ROWS`). Raises UsageError if the target is not there, or the models predict different things;
    MissingColumnError if either lacks an important column.
    """
    _require_same_task(first.report, second.report)
    names = [column.name for column in info.profile.columns]
    target = match_columns([first.schema.target], names)
    if not target.positions:
        raise UsageError(
            f'The table has no column "{clean(first.schema.target, 60)}", which is what the models predict.',
            next_step="Name a table that holds it: only there can predictions be compared with what is true.",
        )
    order = _class_order(first.report, second.report)
    readers = first.reader(names), second.reader([column.name for column in other.profile.columns])
    scorer = RowsScorer(first.report, first.labels)
    place = next(iter(target.positions.values()))
    weight = names.index(first.schema.weight) if first.schema.weight in names else None
    for (_, batch), (_, same) in zip(snapshot_batches(info), snapshot_batches(other), strict=True):
        read = readers[0].read(batch.cells, batch.count)
        ours = first.predict_arrays(read)
        theirs = second.predict_arrays(readers[1].read(same.cells, same.count))[:, order]
        ours[batch.bad] = np.nan
        scorer.add(batch.cells[place], np.hstack([ours, theirs]), read, None if weight is None else batch.cells[weight])
    gathered = scorer.gathered()
    if gathered is None:
        raise UsageError("No row of the table holds a target that the models know.", next_step="Name another table.")
    width = gathered.prediction.shape[1] // 2
    ours, theirs = gathered.prediction[:, :width], gathered.prediction[:, width:]
    rows = HoldoutPredictions(gathered.truth, ours, gathered.groups, gathered.weights)
    return compare_predictions(first.report, second.report, rows, theirs, on="table")


def compare_predictions(
    first: ModelReport,
    second: ModelReport,
    rows: HoldoutPredictions,
    theirs: Floats,
    *,
    on: Literal["test set", "table"],
) -> ModelComparison:
    """The comparison under the first model's metric. `rows` has its predictions, `theirs` those of the second model.

    The interval is the 95 % percentile bootstrap (Efron 1979) of the difference: both models on the same drawn rows, and
    groups drawn whole.
    """
    metric, classes, ours = first.metric, len(first.classes), rows.prediction
    measures = (metric, metric.about(metric.event, second.metric.rule))  # each model's labels are made by its own rule
    generator = np.random.default_rng(0)
    deadline = time.monotonic() + SECONDS
    drawn: list[float] = []
    for draw, index in enumerate(metrics.bootstrap_draws(generator, len(rows.truth), rows.groups, DRAWS)):
        if draw >= metrics.MIN_DRAWS and time.monotonic() >= deadline:
            break
        weights = metrics.taken(rows.weights, index)
        scores = [
            metrics.score(measure, rows.truth[index], each[index], classes, weights)
            for measure, each in zip(measures, (ours, theirs), strict=True)
        ]
        difference = scores[0] - scores[1]
        if math.isfinite(difference):
            drawn.append(difference)
    low, high = np.percentile(drawn, [2.5, 97.5]).tolist() if len(drawn) >= MIN_FINITE_DRAWS else (-math.inf, math.inf)
    return ModelComparison(
        first=first.model_id,
        second=second.model_id,
        metric=metric,
        on=on,
        rows=len(rows.truth),
        first_score=metrics.score(metric, rows.truth, ours, classes, rows.weights),
        second_score=metrics.score(measures[1], rows.truth, theirs, classes, rows.weights),
        low=low if math.isfinite(low) else None,
        high=high if math.isfinite(high) else None,
        better=_better(metric, low, high),
    )


def _better(metric: Metric, low: float, high: float) -> Literal["first", "second", "not shown"]:
    """Which model the interval of the difference, first less second, shows to be better."""
    if low <= 0 <= high:
        return "not shown"
    return "first" if (low > 0) == metric.greater_is_better else "second"


def _class_order(first: ModelReport, second: ModelReport) -> list[int]:
    """The places of the first model's classes among the second's. Raises UsageError if these are not the same."""
    if set(first.classes) != set(second.classes):
        raise _not_comparable("The models know different classes")
    return [second.classes.index(name) for name in first.classes] or [0]


def _require_same_task(first: ModelReport, second: ModelReport) -> None:
    if (first.schema.target, first.schema.problem_type) != (second.schema.target, second.schema.problem_type):
        raise UsageError(
            f'The models predict different things: "{clean(first.schema.target, 60)}" ({first.schema.problem_type}) and '
            f'"{clean(second.schema.target, 60)}" ({second.schema.problem_type}).',
            next_step="Compare two models of the same target.",
        )


def _not_comparable(why: str) -> UsageError:
    return UsageError(
        f"{why}, so their scores say nothing about each other.",
        next_step="Give a table that neither was trained on: tabsmith models compare A B --on TABLE",
    )
