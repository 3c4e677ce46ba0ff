"""The champion rule: a challenger takes the title only when it is better beyond noise."""

import math
from typing import Final

import msgspec

from tabsmith.modeling.results import Evaluation, Metric
from tabsmith.text import figure

RELATIVE_FLOOR: Final = 0.0005
"""A gain under 0.05 % of the champion's score is a tie, however steady."""


class Judgement(msgspec.Struct, frozen=True):
    """Whether the challenger won, and the rule that decided, in words."""

    won: bool
    rule: str


def judge(champion: Evaluation | None, challenger: Evaluation, metric: Metric) -> Judgement:
    """Compare two recipes on the same folds.

    The challenger wins when the mean of its paired fold differences is over one standard error of that mean and over
    `RELATIVE_FLOOR` of the champion's score. A tie leaves the title where it is, and NaN never wins.
    """
    if math.isnan(challenger.mean):
        return Judgement(won=False, rule="its score is not a number")
    if champion is None:
        return Judgement(won=True, rule="the first recipe with a score")
    gains = _gains(champion, challenger, metric)
    if not gains:
        return Judgement(won=False, rule="no fold in common with the champion")
    gain = sum(gains) / len(gains)
    error = _standard_error(gains, gain)
    floor = RELATIVE_FLOOR * abs(champion.mean)
    words = f"paired gain {figure(gain)}, standard error {figure(error, 2)}"
    if gain <= floor:
        return Judgement(won=False, rule=f"{words}: not over the floor of {figure(floor, 2)}")
    if gain <= error:
        return Judgement(won=False, rule=f"{words}: within noise")
    return Judgement(won=True, rule=f"{words}: better beyond noise")


def _gains(champion: Evaluation, challenger: Evaluation, metric: Metric) -> list[float]:
    held = {score.fold: score.score for score in champion.folds}
    sign = 1.0 if metric.greater_is_better else -1.0
    pairs = [(score.score, held[score.fold]) for score in challenger.folds if score.fold in held]
    return [sign * (ours - theirs) for ours, theirs in pairs]


def _standard_error(gains: list[float], mean: float) -> float:
    if len(gains) < 2:
        return 0.0
    variance = sum((gain - mean) ** 2 for gain in gains) / (len(gains) - 1)
    return math.sqrt(variance / len(gains))
