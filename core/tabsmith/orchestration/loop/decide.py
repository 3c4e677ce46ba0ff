"""The rule that decides what is done after an iteration: a pure function of one typed value."""

import math
from typing import Final, Literal

import msgspec

from tabsmith.agents.protocol import AgentErrorKind
from tabsmith.orchestration.decisions import Decision, DecisionAction, Thresholds
from tabsmith.orchestration.limits import NearlySpent
from tabsmith.text import plural

STUCK_AFTER: Final = 3
"""The same decision so many times in a row without progress leads nowhere."""


class DecisionStreak(msgspec.Struct, frozen=True):
    """The last decision, and how many times in a row it was taken without progress. It is a fold over a run's decisions,
    so that a resumed run has the same streak."""

    action: DecisionAction | Literal[""] = ""
    times: int = 0

    def after(self, decision: Decision, *, progress: bool) -> "DecisionStreak":
        """The streak after one more iteration; progress, or a person's decision, begins a new one."""
        if progress or decision.by == "person":
            return DecisionStreak()
        return DecisionStreak(decision.action, self.times + 1 if decision.action == self.action else 1)


class DecisionInput(msgspec.Struct, frozen=True, kw_only=True):
    """All that the rule looks at. `trouble` is why the agent gave no answer, once no retry is left; `own_confidence` is
    the agent's, 0..1, if it gave one; `improved`: the champion changed, or the task is accepted."""

    valid: bool
    quality: float
    own_confidence: float | None = None
    improved: bool = False
    trouble: AgentErrorKind | Literal[""] = ""
    near: NearlySpent | None = None
    streak: DecisionStreak = DecisionStreak()
    thresholds: Thresholds = Thresholds()


def decide(given: DecisionInput) -> Decision:
    """Return the decision, its confidence, and the rule that fired, in a sentence with numbers.

    Valid with enough quality proceeds, invalid or with too little escalates, between
    clarifies. The same decision for the third time in a row without progress escalates. With a limit nearly
    spent, a run that would go on stands still at a checkpoint.
    """
    if given.trouble:
        return _troubled(given, given.trouble)
    decision = _graded(given)
    streak = given.streak
    if decision.action == streak.action and streak.times + 1 >= STUCK_AFTER and not given.improved:
        stuck = f"{decision.action} {plural(streak.times + 1, 'time')} in a row without progress; {decision.rule}"
        return Decision("escalate", 1.0, stuck, given.thresholds)
    if given.near is not None and decision.action != "escalate":
        near = given.near
        rule = f"{near.share:.0%} of the limit of {near.limit} is used; {decision.rule}".replace("%", " %", 1)
        return Decision("checkpoint", 1.0, rule, given.thresholds)
    return decision


def _troubled(given: DecisionInput, trouble: AgentErrorKind) -> Decision:
    return Decision("escalate", 1.0, f"no answer ({trouble}), and no retry is left for it", given.thresholds)


def _graded(given: DecisionInput) -> Decision:
    thresholds = given.thresholds
    high, low = thresholds.proceed, thresholds.escalate
    quality = given.quality
    quality_text, high_text, low_text = _figures(quality, high, low)
    if not given.valid:
        return Decision("escalate", 1.0, f"not valid, quality {quality_text}", thresholds)
    if not math.isfinite(quality):
        return Decision("escalate", 1.0, "valid, but its quality is not a number", thresholds)
    own = given.own_confidence
    if quality >= high:
        sure = _with_own(_share(quality - high, 1.0 - high), own)
        return Decision("proceed", sure, f"valid, quality {quality_text} ≥ {high_text}", thresholds)
    doubt = None if own is None else 1.0 - own  # an agent that is sure of itself speaks against holding it up
    if quality < low:
        sure = _with_own(_share(low - quality, low), doubt)
        return Decision("escalate", sure, f"valid, but quality {quality_text} < {low_text}", thresholds)
    sure = _with_own(_share(min(quality - low, high - quality), (high - low) / 2), doubt)
    return Decision("clarify", sure, f"valid, quality {quality_text} between {low_text} and {high_text}", thresholds)


def _share(distance: float, longest: float) -> float:
    """The distance from the nearest threshold, as a share of the longest possible one."""
    return min(1.0, max(0.0, distance / longest)) if longest > 0 else 1.0


def _with_own(distance: float, agreement: float | None) -> float:
    """The mean of the distance and of how far the agent's own confidence agrees, where there is one."""
    if agreement is None or not math.isfinite(agreement):
        return round(distance, 4)
    return round((distance + min(1.0, max(0.0, agreement))) / 2, 4)


def _figures(quality: float, high: float, low: float) -> tuple[str, str, str]:
    """The three figures with as many digits as it takes to tell them apart: 0.70 beside 0.70 explains nothing."""
    for digits in (2, 3, 4, 6):
        texts = (f"{quality:.{digits}f}", f"{high:.{digits}f}", f"{low:.{digits}f}")
        if (texts[0] != texts[1] or quality == high) and (texts[0] != texts[2] or quality == low):
            return texts
    return repr(quality), repr(high), repr(low)
