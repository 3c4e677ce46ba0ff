"""Commands that a person has sent to a run and that the journal has not confirmed yet.

Which keys of a run have a meaning where it stands; the others are not offered.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from tabsmith import formatting
from tabsmith.limits import with_limit
from tabsmith.presentation.tasks import has_tasks
from tabsmith.runs import replies
from tabsmith.runs.events import Answer, Note, Pause, Resume, RunCommand, RunState, SetLimit, SetMode, Stop, TryRecipe
from tabsmith.runs.snapshot import RunSnapshot

OVERDUE: Final = 3.0  # seconds without an answer after which the screen says so
_STOPPED: Final = (RunState.STOPPING, RunState.FINISHING)


class Pending(msgspec.Struct, frozen=True):
    """A command sent at `sent_at`, when the run stood like `before`."""

    command: RunCommand
    sent_at: float
    before: RunSnapshot = RunSnapshot()


def is_confirmed(pending: Pending, snapshot: RunSnapshot) -> bool:
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
            return snapshot.limits != before or with_limit(before, limit, to) == before
        case Answer(id=question):
            return snapshot.question is None or snapshot.question.id != question
        case SetMode(mode=mode):
            return snapshot.mode == mode
        case Note():
            return len(snapshot.notes) > len(pending.before.notes)
        case TryRecipe(recipe=recipe):
            tried = (trial.recipe for trial in snapshot.trials if trial.recipe is not None)
            return any(each.id == recipe.id for each in (*snapshot.queued, *tried))


def shown_state(snapshot: RunSnapshot, pending: Pending | None) -> RunState:
    """The state for the pill: a stop that was asked for shows at once."""
    if pending is not None and isinstance(pending.command, Stop) and not is_confirmed(pending, snapshot):
        return RunState.STOPPING
    return snapshot.state


def pending_text(pending: Pending | None, snapshot: RunSnapshot, now: float) -> str:
    """The command that is not confirmed yet, in words; empty if there is none."""
    if pending is None or is_confirmed(pending, snapshot):
        return ""
    match pending.command:
        case Pause():
            words = "pause asked for"
        case Resume():
            words = "asked to resume"
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
        case TryRecipe():
            words = "a recipe of yours asked for"
    waited = now - pending.sent_at
    return f"{words}, no answer for {formatting.clock(waited)}" if waited >= OVERDUE else words


def is_resumable(run: RunSnapshot, *, replaying: bool, resuming: bool) -> bool:
    """Whether the run waits to be taken up again."""
    return run.state is RunState.INTERRUPTED and not replaying and not resuming


def has_result(run: RunSnapshot, *, replaying: bool) -> bool:
    """Whether there is a model to go to."""
    return run.state is RunState.DONE and run.report is not None and not replaying


def offered_actions(run: RunSnapshot, *, replaying: bool, resuming: bool) -> Mapping[str, bool]:
    """Textual's actions of the run screen that depend on its state, and whether each is offered."""
    can_resume = is_resumable(run, replaying=replaying, resuming=resuming)
    can_open = has_result(run, replaying=replaying)
    commanded = not run.state.ended and not replaying
    asked = replies.open_question(run) is not None and not replaying
    return {
        **{action: takes and not replaying for action, takes in replies.accepted_actions(run).items()},
        "stop": commanded and not asked,
        "stop_now": commanded,
        "more": commanded,
        "note": commanded and replies.uses_llm(run) and not replies.asks_permission(run),  # there its key says no
        "mode": commanded and replies.uses_llm(run),  # a search is never asked about
        "try_recipe": commanded and not has_tasks(run) and run.state not in _STOPPED,
        "pause": commanded and not asked and run.state is not RunState.PAUSED,
        "go_on": commanded and run.state is RunState.PAUSED,
        "play": replaying,
        "step": replaying,
        "resume": can_resume,
        "result": can_open,
        "open": not can_resume and not can_open and not asked,
        "replay": run.state.ended and not replaying,
        "copy": run.error is not None,
        "leave": commanded,
        "back": not commanded,
    }
