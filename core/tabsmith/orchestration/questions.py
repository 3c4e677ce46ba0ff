"""What a run asks its person, and what the person may answer. Both are data; the worker waits, a screen asks."""

from typing import Literal, TypeAlias

import msgspec

from tabsmith.limits import LimitName
from tabsmith.orchestration.decisions import DecisionAction

Mode: TypeAlias = Literal["manual", "confirm", "automatic"]
"""`automatic` never asks: breakpoints are noted, a spent budget ends the run. `confirm` asks at breakpoints, budgets
and escalations. `manual` asks before every recipe is fitted, too."""

Cause: TypeAlias = Literal["breakpoint", "budget", "escalation", "checkpoint", "proposal", "permission"]


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """Why the run stands still. `what` happened, in a sentence; `details` more of it, in lines; `limit` names the limit
    that is spent, for a budget; `condition` what fired, for a breakpoint."""

    id: str
    iteration: int
    cause: Cause
    what: str
    details: str = ""
    limit: LimitName | Literal[""] = ""
    condition: str = ""


class Continue(msgspec.Struct, frozen=True, tag="continue", tag_field="answer"):
    """Go on as if nothing had been asked. A spent limit does not limit any more."""


class ChangeBrief(msgspec.Struct, frozen=True, tag="change_brief", tag_field="answer"):
    """Go on, and tell the agent this from now on."""

    text: str


class Skip(msgspec.Struct, frozen=True, tag="skip", tag_field="answer"):
    """Leave this iteration out: its recipe is not fitted, or does not count."""


class Decide(msgspec.Struct, frozen=True, tag="decide", tag_field="answer"):
    """Take this decision instead."""

    action: DecisionAction


class EndRun(msgspec.Struct, frozen=True, tag="end", tag_field="answer"):
    """Stop the run, and keep the best model so far."""


class Extend(msgspec.Struct, frozen=True, tag="extend", tag_field="answer"):
    """More of a limit: the new limit, as a decimal (`2.50`, `40`)."""

    limit: LimitName
    to: str


class AllowTool(msgspec.Struct, frozen=True, tag="allow", tag_field="answer"):
    """What becomes of a permission that an agent asks for."""

    allowed: Literal["once", "always", "no"]


Reply: TypeAlias = Continue | ChangeBrief | Skip | Decide | EndRun | Extend | AllowTool
