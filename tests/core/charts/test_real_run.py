"""Pictures of a run that really took place, and of the model that came out of it."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

import tabsmith
from tabsmith.reports import figures
from tabsmith.reports.charts import draw_chart
from tabsmith.runs.events import RunEvent
from tabsmith.runs.reducers import reduce
from tests.core.charts.pixels import ink, size


def trained() -> Sequence[RunEvent]:
    random = np.random.default_rng(0)
    values = random.normal(size=(200, 3))
    frame = pd.DataFrame(values, columns=["$a$", "漢字", "c"])
    frame["price"] = 3 * values[:, 0] + values[:, 1] + 0.3 * random.normal(size=200)
    told: list[RunEvent] = []
    tabsmith.train(frame, "price", time_limit=60, iterations=3, model="linear", on_event=told.append)
    return told


def test_a_real_run_has_its_scores_its_importance_and_its_residuals() -> None:
    run = reduce(trained())
    assert run.report is not None
    score, importance, outcome = draw_chart("score", run), draw_chart("importance", run), draw_chart("outcome", run)
    assert size(score) == (1000, 700)
    assert ink(score, figures.BLUE) > 1_500
    assert ink(score, figures.GREEN) > 500
    assert ink(importance, figures.BLUE) > 10_000
    assert ink(outcome, figures.BLUE) > 5_000
