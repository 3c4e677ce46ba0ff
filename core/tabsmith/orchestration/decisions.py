"""What is decided in a run, as data: the quality of an iteration, the decision after it with the rule that fired, and the
questions to the person with their replies."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

import msgspec

from tabsmith.limits import LimitName

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


Cause: TypeAlias = Literal["breakpoint", "budget", "escalation", "checkpoint", "proposal", "permission"]


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A question for the person, for which the run stands still. `what` says in a sentence what happened, `details` says
    more in lines; `limit` is the limit that is used up, `condition` the breakpoint that fired."""

    id: str
    iteration: int
    cause: Cause
    what: str
    details: str = ""
    limit: LimitName | Literal[""] = ""
    condition: str = ""


class Continue(msgspec.Struct, frozen=True, tag="continue", tag_field="answer"):
    """Go on as if nothing had been asked. A used up limit does not limit any more."""


class ChangeBrief(msgspec.Struct, frozen=True, tag="change_brief", tag_field="answer"):
    """Go on, and tell the agent `text` in every brief from now on."""

    text: str


class Skip(msgspec.Struct, frozen=True, tag="skip", tag_field="answer"):
    """Leave this iteration out, so that its recipe is not fitted or does not count."""


class Decide(msgspec.Struct, frozen=True, tag="decide", tag_field="answer"):
    """Take this decision in place of the rule's."""

    action: DecisionAction


class EndRun(msgspec.Struct, frozen=True, tag="end", tag_field="answer"):
    """Stop the run, and keep the best model so far."""


class Extend(msgspec.Struct, frozen=True, tag="extend", tag_field="answer"):
    """Raise a limit to `to`, a decimal (`2.50`, `40`)."""

    limit: LimitName
    to: str


class AllowTool(msgspec.Struct, frozen=True, tag="allow", tag_field="answer"):
    """Allow or refuse what an agent asks permission for."""

    allowed: Literal["once", "always", "no"]


Reply: TypeAlias = Continue | ChangeBrief | Skip | Decide | EndRun | Extend | AllowTool
