"""The quality of an iteration with its parts, and the decision after it with the rule that fired, as data."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

import msgspec

DecisionAction: TypeAlias = Literal["proceed", "retry", "clarify", "escalate", "checkpoint"]
"""`proceed`: on to the next iteration. `retry`: another recipe in place of this one. `clarify`: the next brief says what was
missing. `escalate`: a person is asked; without one, it counts towards falling back to search. `checkpoint`: pause at a
safe place, because a limit is near."""
DECISION_LABELS: Final[Mapping[DecisionAction, str]] = MappingProxyType(
    {
        "proceed": "goes on",
        "retry": "retried",
        "clarify": "feedback",
        "escalate": "escalated",
        "checkpoint": "paused",
    }
)
"""What became of an iteration by the decision about it, as people read it."""


class QualityPart(msgspec.Struct, frozen=True):
    """A part of the quality: its value 0..1, its weight, and why, in a phrase."""

    name: str
    value: float
    weight: float
    why: str = ""


class Quality(msgspec.Struct, frozen=True):
    """How good an iteration was, 0..1. `fallback` says why the rule stands in for a model's grade."""

    value: float
    grader: Literal["heuristic", "llm"]
    parts: tuple[QualityPart, ...] = ()
    words: str = ""
    fallback: str = ""


class Thresholds(msgspec.Struct, frozen=True):
    """From quality `proceed` on an iteration is good enough; below `escalate` it is not worth building on."""

    proceed: float = 0.7
    escalate: float = 0.5


class Decision(msgspec.Struct, frozen=True):
    """What is done next, how confident the rule is (0..1), by which thresholds, and the rule that fired, in a sentence.
    `by` says who decided."""

    action: DecisionAction
    confidence: float
    rule: str
    thresholds: Thresholds = Thresholds()
    by: Literal["rule", "person"] = "rule"

    @property
    def label(self) -> str:
        """The decision as people read it, such as `feedback`."""
        return DECISION_LABELS[self.action]
