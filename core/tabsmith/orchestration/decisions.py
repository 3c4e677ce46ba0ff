"""What is thought of an iteration, as data: its quality with its parts, and the decision with the rule that fired."""

from typing import Literal, TypeAlias

import msgspec

DecisionAction: TypeAlias = Literal["proceed", "retry", "clarify", "escalate", "checkpoint"]
"""`proceed`: on to the next iteration. `retry`: the same again after a wait. `clarify`: the next brief says what was
missing. `escalate`: a person is asked; without one, it counts towards handing over to search. `checkpoint`: stand still
at a safe place, because a limit is near."""


class QualityPart(msgspec.Struct, frozen=True):
    """One of the things that quality is made of: its value 0..1, its weight, and why, in words."""

    name: str
    value: float
    weight: float
    why: str = ""


class Quality(msgspec.Struct, frozen=True):
    """How good an iteration was, 0..1. `fallback` says why the heuristic stands in for a model's grade."""

    value: float
    grader: Literal["heuristic", "llm"]
    parts: tuple[QualityPart, ...] = ()
    words: str = ""
    fallback: str = ""


class Thresholds(msgspec.Struct, frozen=True):
    """From `proceed` on an iteration is good enough; below `escalate` it is not worth going on with."""

    proceed: float = 0.7
    escalate: float = 0.5


class Decision(msgspec.Struct, frozen=True):
    """What is done next, how sure that is (0..1), by which thresholds, and the rule that fired, in words.
    `by` says who decided."""

    action: DecisionAction
    confidence: float
    rule: str
    thresholds: Thresholds = Thresholds()
    by: Literal["rule", "person"] = "rule"
