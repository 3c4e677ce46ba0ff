"""Rows of classes with the probabilities that a model gives them: what decisions about labels are made from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tabsmith.families.estimator import Floats, Ints
from tabsmith.modeling import metrics
from tabsmith.modeling.metric_catalogue import Metric


@dataclass(frozen=True)
class LabelledRows:
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

    def take(self, index: Ints) -> "LabelledRows":
        """The rows at the positions `index`."""
        return LabelledRows(self.y[index], self.probabilities[index], metrics.taken(self.weights, index))

    def predicted_as(self, probabilities: Floats) -> "LabelledRows":
        """The same rows with other probabilities."""
        return replace(self, probabilities=probabilities)

    def score(self, metric: Metric) -> float:
        """The rows' score under `metric`, in its own sign; NaN where it is undefined."""
        return metrics.score(metric, self.y, self.probabilities, self.classes, self.weights)

    def mean(self, values: Floats) -> float:
        """The mean of a value of each row, weighted by how much the rows count."""
        return float(np.average(values, weights=self.weights))


def joined(parts: Sequence[LabelledRows]) -> LabelledRows:
    """The rows of all parts, one after the other."""
    weights = [part.weights for part in parts if part.weights is not None]
    return LabelledRows(
        np.concatenate([part.y for part in parts]),
        np.concatenate([part.probabilities for part in parts]),
        np.concatenate(weights) if weights else None,
    )


def evenly_spaced(index: Ints, most: int) -> Ints:
    """`index`, or `most` evenly spaced ones of its positions if there are more; one at the least."""
    count = max(1, most)
    return index if len(index) <= count else index[np.linspace(0, len(index) - 1, count).astype(np.int64)]
