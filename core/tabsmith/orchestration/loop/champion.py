"""The champion rule: a challenger becomes the champion only if it is better beyond noise; a narrow win is on probation."""

import math
from typing import Final

import msgspec

from tabsmith.formatting import significant
from tabsmith.modeling.metric_catalogue import Metric
from tabsmith.modeling.results import Evaluation
from tabsmith.text import plural

RELATIVE_FLOOR: Final = 0.0005
"""A gain under 0.05 % of the champion's score is a tie, however steady."""

NARROW: Final = 2.0
"""A win by up to so many standard errors is narrow: among many trials, noise alone makes one now and then."""

CONFIRMED_AFTER: Final = 3
"""Scored challengers that a champion on probation has to meet without losing."""


class Judgement(msgspec.Struct, frozen=True):
    """Whether the challenger won, and the rule that decided, in a sentence. `probation`: the challenger won narrowly."""

    won: bool
    rule: str
    probation: bool = False


class Comparison(msgspec.Struct, frozen=True):
    """A recipe against another on the same folds: the mean of the paired differences (over 0: the recipe is better), the
    standard error of that mean, and the difference up to which the two count as equal."""

    gain: float
    error: float
    floor: float


class ChampionStatus(msgspec.Struct, frozen=True):
    """How firmly the champion sits: `withstood` counts the scored challengers since it won, while on probation."""

    probation: bool = False
    challengers_met: int = 0

    def after(self, judgement: Judgement) -> "ChampionStatus":
        """The status once a challenger with a score was judged."""
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
    champion that is itself on probation, over the floor is enough. The champion stays in a tie; NaN never wins.
    """
    if not math.isfinite(challenger.mean):
        return Judgement(won=False, rule="its score is not a number")
    if champion is None:
        return Judgement(won=True, rule="the first recipe with a score")
    comparison = compare_on_folds(champion, challenger, metric)
    if comparison is None:
        return Judgement(won=False, rule="no fold in common with the champion")
    gain, error, floor = comparison.gain, comparison.error, comparison.floor
    figures = f"paired gain {significant(gain)}, standard error {significant(error, 2)}"
    if not math.isfinite(gain):
        return Judgement(won=False, rule=f"{figures}: not comparable")
    if gain <= floor:
        return Judgement(won=False, rule=f"{figures}: not over the floor of {significant(floor, 2)}")
    if gain <= error and not on_probation:
        return Judgement(won=False, rule=f"{figures}: within noise")
    if gain > NARROW * error:
        return Judgement(won=True, rule=f"{figures}: better beyond noise")
    how = "better than a champion on probation" if on_probation else f"better, by not more than {NARROW:g} of them"
    stand = f"on probation for {plural(CONFIRMED_AFTER, 'challenger')}"
    return Judgement(won=True, rule=f"{figures}: {how}; {stand}", probation=True)


def compare_on_folds(other: Evaluation, challenger: Evaluation, metric: Metric) -> Comparison | None:
    """Compare `challenger` with `other` on the folds that both have; None if there is none."""
    scores = {score.fold: score.score for score in other.folds}
    sign = 1.0 if metric.greater_is_better else -1.0
    gains = [sign * (score.score - scores[score.fold]) for score in challenger.folds if score.fold in scores]
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
