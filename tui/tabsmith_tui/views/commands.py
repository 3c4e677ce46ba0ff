"""What a person has asked of a run and the journal has not confirmed yet; and how an answer becomes a command."""

import re
from typing import Final

import msgspec

from tabsmith.errors import UsageError
from tabsmith.runs.commands import Pause, Resume, RunCommand, SetLimit, Stop
from tabsmith.runs.events import RunState
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.text import clean
from tabsmith_tui import numbers

OVERDUE: Final = 3.0  # seconds without an answer after which the screen says so
_UNITS: Final = {"": 1, "s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60, "h": 3600, "hour": 3600}
_AMOUNT: Final = re.compile(r"(?P<number>\d+(?:[.,]\d+)?)\s*(?P<unit>[a-z]*)")
_CLOCK: Final = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{2})")
_MOST: Final = 365 * 86_400.0
_STOPPED: Final = (RunState.STOPPING, RunState.FINISHING)


class Pending(msgspec.Struct, frozen=True):
    """A command sent at `sent_at`, before which the run had these limits."""

    command: RunCommand
    sent_at: float
    limit_before: float = 0.0


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
        case SetLimit(seconds=seconds):
            return snapshot.limits.seconds == seconds or snapshot.limits.seconds != pending.limit_before


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
        case SetLimit():
            words = "more time asked for"
    waited = now - pending.sent_at
    return f"{words}, no answer for {numbers.clock(waited)}" if waited >= OVERDUE else words


def more_time(text: str, snapshot: RunSnapshot) -> SetLimit:
    """The limit that `60`, `+2 min`, `20 more`, `1:30` or `to 10 min` asks for.

    A number without a unit is seconds. What is given is added to the limit in force, except after "to". Raises
    UsageError, in words, for anything else.
    """
    words = text.strip().lower()
    absolute = words.startswith(("to ", "="))
    words = re.sub(r"^(to\s|=|\+|plus\s)\s*", "", words).strip()
    words = re.sub(r"\s*(more|longer)$", "", words).strip()
    seconds = _seconds(words)
    if seconds is None:
        raise UsageError(
            f"{clean(text, 40)!r} is not a length of time." if text.strip() else "No time was given.",
            next_step="Write 60 for a minute more, or +2 min, 1:30, 1 h, or to 10 min.",
        )
    limit = snapshot.limits.seconds
    if limit <= 0 and not absolute:
        raise UsageError("The run has no time limit to add to.", next_step="Write to 10 min to set one.")
    wanted = seconds if absolute else limit + seconds
    if not 0 < wanted <= _MOST:
        raise UsageError("A time limit lies between 1 s and 365 days.", next_step="Write 60 for a minute more.")
    return SetLimit(seconds=wanted)


def _seconds(words: str) -> float | None:
    clock = _CLOCK.fullmatch(words)
    if clock:
        hours, minutes, seconds = (int(part or 0) for part in clock.groups())
        return 3600.0 * hours + 60 * minutes + seconds
    total = 0.0
    rest = words
    while rest:
        match = _AMOUNT.match(rest)
        if match is None or len(match["number"]) > 12:
            return None
        unit = match["unit"]
        scale = _UNITS.get(unit) or _UNITS.get(unit.removesuffix("s"))
        if scale is None:
            return None
        total += float(match["number"].replace(",", ".")) * scale
        rest = rest[match.end() :].strip()
    return total or None
