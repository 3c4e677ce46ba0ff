"""Rows of classes with the probabilities that a model gives them: what decisions about labels are made from."""

from dataclasses import dataclass, replace

import numpy as np

from tabsmith.families.estimator import Floats, Ints
from tabsmith.modeling import metrics
from tabsmith.modeling.metric_catalogue import Metric


@dataclass(frozen=True)
class PredictedRows:
    """The class positions of rows, their probabilities (rows, classes), and how much each row counts.

    `weights` is None where all rows count the same.
    """

    y: Ints
    probabilities: Floats
    weights: Floats | None = None

    def __len__(self) -> int:
        return len(self.y)

    @property
    def classes(self) -> int:
        return int(self.probabilities.shape[1])

    def take(self, index: Ints) -> "PredictedRows":
        """The rows at the positions `index`."""
        return PredictedRows(self.y[index], self.probabilities[index], metrics.taken(self.weights, index))

    def predicted_as(self, probabilities: Floats) -> "PredictedRows":
        """The same rows with other probabilities."""
        return replace(self, probabilities=probabilities)

    def score(self, metric: Metric) -> float:
        """The rows' score under `metric`, in its own sign; NaN where it is undefined."""
        return metrics.score(metric, self.y, self.probabilities, self.classes, self.weights)

    def mean(self, values: Floats) -> float:
        """The mean of a value of each row, weighted by how much the rows count."""
        return float(np.average(values, weights=self.weights))
