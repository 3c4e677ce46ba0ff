"""What is done after an iteration: the default rule, as a pure function of one typed value."""

import math
from typing import Final, Literal

import msgspec

from tabsmith.agents.protocol import AgentErrorKind
from tabsmith.orchestration.decisions import Decision, DecisionAction, Thresholds
from tabsmith.orchestration.limits.budget import NearlySpent
from tabsmith.text import plural

STUCK_AFTER: Final = 3
"""The same decision so many times without progress is a decision that leads nowhere."""


class DecisionStreak(msgspec.Struct, frozen=True):
    """The last decision, and how many times running it was taken without progress: a fold over a run's decisions, so a
    resumed run has the same."""

    action: DecisionAction | Literal[""] = ""
    times: int = 0

    def after(self, decision: Decision, *, progress: bool) -> "DecisionStreak":
        """The same after one more iteration. `progress`: the champion changed, or whatever else brought the run on. A
        person's decision is a new start."""
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


def decide(situation: DecisionInput) -> Decision:
    """The decision, its confidence, and the rule that fired, in words with numbers.

    Valid with enough quality proceeds, invalid or with too little escalates, between
    clarifies. What would be the third time running without progress escalates. With a limit nearly spent, what would
    go on stands still at a checkpoint.
    """
    if situation.trouble:
        return _troubled(situation, situation.trouble)
    decision = _graded(situation)
    streak = situation.streak
    if decision.action == streak.action and streak.times + 1 >= STUCK_AFTER and not situation.improved:
        stuck = f"{decision.action} {plural(streak.times + 1, 'time')} in a row without progress; {decision.rule}"
        return Decision("escalate", 1.0, stuck, situation.thresholds)
    if situation.near is not None and decision.action != "escalate":
        near = situation.near
        rule = f"{near.share:.0%} of the limit of {near.limit} is used; {decision.rule}".replace("%", " %", 1)
        return Decision("checkpoint", 1.0, rule, situation.thresholds)
    return decision


def _troubled(situation: DecisionInput, trouble: AgentErrorKind) -> Decision:
    return Decision("escalate", 1.0, f"no answer ({trouble}), and no retry is left for it", situation.thresholds)


def _graded(situation: DecisionInput) -> Decision:
    thresholds = situation.thresholds
    high, low = thresholds.proceed, thresholds.escalate
    quality = situation.quality
    shown, high_words, low_words = _figures(quality, high, low)
    if not situation.valid:
        return Decision("escalate", 1.0, f"not valid, quality {shown}", thresholds)
    if not math.isfinite(quality):
        return Decision("escalate", 1.0, "valid, but its quality is not a number", thresholds)
    own = situation.own_confidence
    if quality >= high:
        sure = _with_own(_share(quality - high, 1.0 - high), own)
        return Decision("proceed", sure, f"valid, quality {shown} ≥ {high_words}", thresholds)
    doubt = None if own is None else 1.0 - own  # an agent that is sure of itself speaks against holding it up
    if quality < low:
        sure = _with_own(_share(low - quality, low), doubt)
        return Decision("escalate", sure, f"valid, but quality {shown} < {low_words}", thresholds)
    sure = _with_own(_share(min(quality - low, high - quality), (high - low) / 2), doubt)
    return Decision("clarify", sure, f"valid, quality {shown} between {low_words} and {high_words}", thresholds)


def _share(distance: float, longest: float) -> float:
    """How far from the nearest threshold, as a share of how far it can be."""
    return min(1.0, max(0.0, distance / longest)) if longest > 0 else 1.0


def _with_own(distance: float, agreement: float | None) -> float:
    """The mean with how far the agent's own confidence agrees, where there is one."""
    if agreement is None or not math.isfinite(agreement):
        return round(distance, 4)
    return round((distance + min(1.0, max(0.0, agreement))) / 2, 4)


def _figures(quality: float, high: float, low: float) -> tuple[str, str, str]:
    """The three with as many digits as it takes to tell them apart: 0.70 beside 0.70 explains nothing."""
    for digits in (2, 3, 4, 6):
        words = (f"{quality:.{digits}f}", f"{high:.{digits}f}", f"{low:.{digits}f}")
        if (words[0] != words[1] or quality == high) and (words[0] != words[2] or quality == low):
            return words
    return repr(quality), repr(high), repr(low)
