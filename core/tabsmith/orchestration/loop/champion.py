"""The champion rule: a challenger takes the title only when it is better beyond noise; a narrow win is on probation."""

import math
from typing import Final

import msgspec

from tabsmith.modeling.results import Evaluation, Metric
from tabsmith.text import figure, plural

RELATIVE_FLOOR: Final = 0.0005
"""A gain under 0.05 % of the champion's score is a tie, however steady."""

NARROW: Final = 2.0
"""A win by up to so many standard errors is narrow: noise makes one now and then among many tries."""

CONFIRMED_AFTER: Final = 3
"""Scored challengers that a champion on probation has to withstand."""


class Judgement(msgspec.Struct, frozen=True):
    """Whether the challenger won, and the rule that decided, in words. `probation`: it won narrowly."""

    won: bool
    rule: str
    probation: bool = False


class Comparison(msgspec.Struct, frozen=True):
    """A recipe against another on the same folds: the mean of the paired differences (over 0 is better), the standard
    error of that mean, and the difference under which the two count as equal."""

    gain: float
    error: float
    floor: float


class ChampionStatus(msgspec.Struct, frozen=True):
    """How firmly the champion sits: `withstood` counts the scored challengers since it won, while on probation."""

    probation: bool = False
    challengers_met: int = 0

    def after(self, judgement: Judgement) -> "ChampionStatus":
        """The title after a challenger with a score was judged."""
        if judgement.won:
            return ChampionStatus(probation=judgement.probation)
        if not self.probation or self.challengers_met + 1 >= CONFIRMED_AFTER:
            return ChampionStatus()
        return ChampionStatus(probation=True, challengers_met=self.challengers_met + 1)


def judge_challenger(
    champion: Evaluation | None, challenger: Evaluation, metric: Metric, *, on_probation: bool = False
) -> Judgement:
    """Compare two recipes on the same folds.

    The challenger wins when the mean of its paired fold differences is over one standard error of that mean and over
    `RELATIVE_FLOOR` of the champion's score; with not more than `NARROW` standard errors it is on probation. Against a
    champion that is itself on probation, over the floor is enough. A tie leaves the title where it is; NaN never wins.
    """
    if not math.isfinite(challenger.mean):
        return Judgement(won=False, rule="its score is not a number")
    if champion is None:
        return Judgement(won=True, rule="the first recipe with a score")
    found = compare_on_folds(champion, challenger, metric)
    if found is None:
        return Judgement(won=False, rule="no fold in common with the champion")
    gain, error, floor = found.gain, found.error, found.floor
    words = f"paired gain {figure(gain)}, standard error {figure(error, 2)}"
    if not math.isfinite(gain):
        return Judgement(won=False, rule=f"{words}: not comparable")
    if gain <= floor:
        return Judgement(won=False, rule=f"{words}: not over the floor of {figure(floor, 2)}")
    if gain <= error and not on_probation:
        return Judgement(won=False, rule=f"{words}: within noise")
    if gain > NARROW * error:
        return Judgement(won=True, rule=f"{words}: better beyond noise")
    how = "better than a champion on probation" if on_probation else f"better, by not more than {NARROW:g} of them"
    stand = f"on probation for {plural(CONFIRMED_AFTER, 'challenger')}"
    return Judgement(won=True, rule=f"{words}: {how}; {stand}", probation=True)


def compare_on_folds(other: Evaluation, challenger: Evaluation, metric: Metric) -> Comparison | None:
    """How much better `challenger` is than `other`; None when they share no fold."""
    held = {score.fold: score.score for score in other.folds}
    sign = 1.0 if metric.greater_is_better else -1.0
    gains = [sign * (score.score - held[score.fold]) for score in challenger.folds if score.fold in held]
    if not gains:
        return None
    gain = sum(gains) / len(gains)
    return Comparison(gain, _standard_error(gains, gain), RELATIVE_FLOOR * abs(other.mean))


def _standard_error(gains: list[float], mean: float) -> float:
    if len(gains) < 2:
        return 0.0
    distances = [gain - mean for gain in gains]
    variance = sum(distance * distance for distance in distances) / (len(gains) - 1)  # `**` raises where this is inf
    return math.sqrt(variance / len(gains))
