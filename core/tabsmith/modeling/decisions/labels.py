"""Labels made of the probabilities of the classes, by a rule."""

import numpy as np

from tabsmith.families.estimator import Floats, Ints
from tabsmith.modeling.decisions.label_rules import ClassWeights, EventThreshold, LabelRule, MostProbable


def choose_labels(rule: LabelRule, probabilities: Floats) -> Ints:
    """The position of the class that `rule` gives each row of `probabilities` (rows, classes); shape (rows,)."""
    match rule:
        case MostProbable():
            return np.asarray(probabilities.argmax(axis=1), dtype=np.int64)
        case EventThreshold(event, threshold):
            return np.where(probabilities[:, event] >= threshold, event, 1 - event).astype(np.int64)
        case ClassWeights(weights):
            return np.asarray((probabilities * np.asarray(weights)).argmax(axis=1), dtype=np.int64)
