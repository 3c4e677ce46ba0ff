"""How columns of numbers are filled and scaled for a family, fitted on a fold's rows."""

import numpy as np

from tabsmith.families.estimator import Floats
from tabsmith.families.spec import FamilyRequirements, FeatureScaling
from tabsmith.modeling.features.blocks import NumberScaling


def fit_scaling(
    values: Floats, requirements: FamilyRequirements, *, low: Floats | None = None, high: Floats | None = None
) -> NumberScaling:
    """The scaling of `values` (rows, columns), each with at least one number, for a family with these requirements.

    Where the family takes no missing values, they are filled with the median. `low` and `high` are bounds per column.
    """
    bounded = values if low is None or high is None else np.clip(values, low, high)
    fill, center, scale = [], [], []
    scaled = requirements.scaling != "none"
    if scaled or not requirements.missing:
        for column in bounded.T:
            missing = np.isnan(column)
            median = float(np.median(column[~missing]))
            fill.append(median)
            if scaled:
                middle, width = center_and_scale(np.where(missing, median, column), requirements.scaling)
                center.append(middle)
                scale.append(width)
    return NumberScaling(
        low=() if low is None else tuple(low.tolist()),
        high=() if high is None else tuple(high.tolist()),
        fill=() if requirements.missing else tuple(fill),
        center=tuple(center),
        scale=tuple(scale),
        squash=requirements.scaling == "squash",
    )


def fit_robust_scaling(values: Floats, requirements: FamilyRequirements) -> NumberScaling:
    """The scaling of made-up numbers: where the family scales, a thousandth at each end is drawn in first, because a
    ratio with a divisor near 0 would outweigh all else."""
    if requirements.scaling == "none":
        return fit_scaling(values, requirements)
    low, high = np.nanquantile(values, [0.001, 0.999], axis=0)
    return fit_scaling(values, requirements, low=low, high=high)


def center_and_scale(values: Floats, scaling: FeatureScaling) -> tuple[float, float]:
    """Mean and standard deviation; before squashing, median and quartile range where that is not 0."""
    if scaling == "squash":
        low, median, high = np.percentile(values, [25, 50, 75]).tolist()
        width = (high - low) / 1.349
        if width > 0:
            return median, width
    return float(values.mean()), float(values.std()) or 1.0


def centers_and_scales(values: Floats, scaling: FeatureScaling) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each column of `values`; empty without scaling."""
    if scaling == "none":
        return (), ()
    spreads = [
        center_and_scale(column[~np.isnan(column)], "standard") if not np.isnan(column).all() else (0.0, 1.0)
        for column in values.T
    ]
    return tuple(center for center, _ in spreads), tuple(scale for _, scale in spreads)
