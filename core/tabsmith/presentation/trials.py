"""The result of an iteration: a label for each state of a trial."""

import math
from typing import Final

from tabsmith.agents.protocol import PERSON
from tabsmith.orchestration.loop_state import Trial
from tabsmith.presentation.labels import Label
from tabsmith.presentation.spans import Span
from tabsmith.presentation.tasks import acceptance_result
from tabsmith.runs.snapshot import RunSnapshot

SKIPPED: Final = Label("↷", "skipped", "dim")
CUT_SHORT: Final = Label("·", "cut short", "warn")
RETRY: Final = Label("◷", "retry", "accent")
ASKING: Final = Label("…", "asking", "accent")
PROPOSED: Final = Label("?", "proposed", "accent")
EVALUATING: Final = Label("◑", "evaluating", "accent")
REFUSED: Final = Label("!", "refused", "warn")
FAILED: Final = Label("✘", "failed", "bad")
NO_ANSWER: Final = Label("✘", "no answer", "warn")
CHAMPION: Final = Label("★", "champion", "good")
WAS_CHAMPION: Final = Label("☆", "was champion", "good")
NOT_BETTER: Final = Label("·", "not better", "plain")
WORKING: Final = Label("●", "working", "accent")
CHECKING: Final = Label("◑", "checking", "accent")
_UNSCORED: Final = {"refused": REFUSED, "failed": FAILED, "unanswered": NO_ANSWER}


def trial_result(trial: Trial, snapshot: RunSnapshot) -> Span:
    """The result of a trial, and the decision about it unless that is simply to proceed."""
    status = trial_status(trial, snapshot)
    if trial.decision is None or trial.decision.action == "proceed":
        return status
    return status._replace(text=f"{status.text}, {trial.decision.label}")


def proposed_by(trial: Trial) -> str:
    """Who proposed the recipe of a trial: `you`, or the agent's name."""
    return "you" if trial.agent == PERSON else trial.agent


def change_words(trial: Trial) -> str:
    """What the recipe of a trial changes, led by `by you: ` where it is the person's own; "" before there is one."""
    return f"by you: {trial.change}" if trial.change and trial.agent == PERSON else trial.change


def trial_status(trial: Trial, snapshot: RunSnapshot) -> Span:
    """The result of a trial, or its progress while it is under way. In a task it is the verdict of the acceptance command."""
    if trial.work is not None:
        return work_result(trial, snapshot)
    if trial.skipped:
        return SKIPPED.span
    match trial.state:
        case "scored":
            if trial.won:
                return CHAMPION.span if trial.iteration == snapshot.champion else WAS_CHAMPION.span
            finite = trial.mean is not None and math.isfinite(trial.mean)
            return NOT_BETTER.span if finite else Span(NOT_BETTER.text, "warn")
        case "refused" | "failed" | "unanswered":
            return _UNSCORED[trial.state].span
        case _ if snapshot.state.ended:
            return CUT_SHORT.span
        case "asking":
            return RETRY.span if snapshot.retry is not None else ASKING.span
        case "proposed" if snapshot.question is not None:
            return PROPOSED.span
        case "proposed" | "evaluating":
            if not snapshot.folds:
                return EVALUATING.span
            return Span(f"{EVALUATING.glyph} fold {current_fold(trial, snapshot)}/{snapshot.folds}", EVALUATING.tone)


def current_fold(trial: Trial, snapshot: RunSnapshot) -> int:
    """The fold that is fitted now, counted from 1."""
    return min(len(trial.folds) + 1, snapshot.folds)


def work_result(trial: Trial, snapshot: RunSnapshot) -> Span:
    """The result of an iteration of a task: the verdict of the acceptance command, never the agent's word."""
    work = trial.work
    if trial.skipped:
        return SKIPPED.span
    if work is not None and work.acceptance is not None:
        return acceptance_result(work.acceptance)
    if trial.state == "unanswered":
        return NO_ANSWER.span
    if snapshot.state.ended or trial.ended_at:
        return CUT_SHORT.span
    return CHECKING.span if work is not None and work.end else WORKING.span
