"""What a person has asked of a run and the journal has not confirmed yet."""

from typing import Final

import msgspec

from tabsmith import numbers
from tabsmith.runs.commands import Answer, Note, Pause, Resume, RunCommand, SetLimit, SetMode, Stop
from tabsmith.runs.events import RunState
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.runs.spec import changed

OVERDUE: Final = 3.0  # seconds without an answer after which the screen says so
_STOPPED: Final = (RunState.STOPPING, RunState.FINISHING)


class Pending(msgspec.Struct, frozen=True):
    """A command sent at `sent_at`, when the run stood like `before`."""

    command: RunCommand
    sent_at: float
    before: RunSnapshot = RunSnapshot()


def confirmed(pending: Pending, snapshot: RunSnapshot) -> bool:
    """Whether the journal shows that the worker acted on it, or that nothing can act on it any more."""
    if snapshot.state.ended:
        return True
    match pending.command:
        case Pause():
            return snapshot.state is RunState.PAUSED
        case Resume():
            return snapshot.state is not RunState.PAUSED
        case Stop():
            return snapshot.state in _STOPPED
        case SetLimit(limit=limit, to=to):
            before = pending.before.limits
            return snapshot.limits != before or changed(before, limit, to) == before
        case Answer(id=question):
            return snapshot.question is None or snapshot.question.id != question
        case SetMode(mode=mode):
            return snapshot.mode == mode
        case Note():
            return len(snapshot.notes) > len(pending.before.notes)


def shown_state(snapshot: RunSnapshot, pending: Pending | None) -> RunState:
    """The state for the pill: a stop that was asked for shows at once."""
    if pending is not None and isinstance(pending.command, Stop) and not confirmed(pending, snapshot):
        return RunState.STOPPING
    return snapshot.state


def pending_words(pending: Pending | None, snapshot: RunSnapshot, now: float) -> str:
    """What was asked for and is not confirmed yet, in words; empty when there is nothing."""
    if pending is None or confirmed(pending, snapshot):
        return ""
    match pending.command:
        case Pause():
            words = "pause asked for"
        case Resume():
            words = "asked to go on"
        case Stop(when="now"):
            words = "stop asked for"
        case Stop():
            words = "stops after this iteration"
        case SetLimit(limit=limit):
            words = f"another limit of {limit} asked for"
        case Answer():
            words = "answer given"
        case SetMode(mode=mode):
            words = f"{mode} mode asked for"
        case Note():
            words = "note given to the agent"
    waited = now - pending.sent_at
    return f"{words}, no answer for {numbers.clock(waited)}" if waited >= OVERDUE else words
