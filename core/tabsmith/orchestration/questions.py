"""The questions that a run asks its person, and the replies: data that a worker waits for and a screen asks."""

from typing import Literal, TypeAlias

import msgspec

from tabsmith.limits import LimitName
from tabsmith.orchestration.decisions import DecisionAction

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
