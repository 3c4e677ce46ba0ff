"""One answer, one step: `step(session, answer, moment)` is the whole machine, without a clock, a disk or a thread."""

import re
from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace

from tabsmith.errors import StepError
from tabsmith.tables.read.sources import FileSource
from tabsmith.workflow import actions
from tabsmith.workflow import effects as do
from tabsmith.workflow.prerequisites import missing
from tabsmith.workflow.session import HISTORY_LIMIT, FieldName, PendingWork, WorkflowSession
from tabsmith.workflow.states import STEP_OF, GuidedStep, Prerequisite, State, StepMark
from tabsmith.workflow.transitions import (
    Clock,
    FieldRefusedError,
    HistoryChange,
    allowed_actions,
    start_over,
    transition_for,
)

_STEPS: Final = tuple(GuidedStep)
_LONGEST_TEXT: Final = 1_000_000

_WORK: Final[dict[type[actions.WorkflowAction], str]] = {
    actions.PathAccepted: "path",
    actions.PathRefused: "path",
    actions.TableLoaded: "table",
    actions.LoadFailed: "table",
    actions.TargetDetected: "target",
    actions.DetectFailed: "target",
    actions.PredictionDone: "prediction",
    actions.PredictionFailed: "prediction",
}
"""The results that count only while the session waits for them."""


class StepResult(NamedTuple):
    """The session after an answer, and the work to be carried out next."""

    session: WorkflowSession
    effects: tuple[do.Effect, ...] = ()


def step(session: WorkflowSession, answer: actions.WorkflowAction, moment: Clock) -> StepResult:
    """The session after `answer`, and what is to be done.

    What cannot be used (a path that is refused, a time that is no time) stays in its field with the reason beside it.
    Raises StepError, with nothing changed, when the answer does not fit where the session stands, or something that
    the next state needs is missing.
    """
    _require_storable(answer)
    match answer:
        case actions.Type():
            return StepResult(replace(_typed(session, {answer.field: answer.text}), updated_at=moment.now))
        case actions.Back():
            return StepResult(replace(_back(session), updated_at=moment.now))
        case actions.Cancel():
            return StepResult(start_over(session, answer, moment).session, (do.RemoveSession(),))
    work = _WORK.get(type(answer))
    if work is not None and (session.waiting is None or session.waiting.work != work):
        raise StepError(
            "This result comes too late: nobody waits for it any more.", next_step="Nothing needs to be done."
        )
    before = session
    if type(answer) in actions.USER_ACTIONS:
        before = _typed(replace(session, problem=None, problems=(), notices=()), _texts_of(answer))
    try:
        arrow = transition_for(before, answer)
        if arrow is None:
            raise _does_not_fit(session, answer)
        moved = arrow.move(before, answer, moment)
    except FieldRefusedError as refused:
        waiting = before.waiting if work is None else None
        return StepResult(
            replace(before, problems=refused.problems, problem=refused.error, waiting=waiting, updated_at=moment.now)
        )
    entered = enter(moved.session, arrow.to, arrow.trail)
    if work is not None or arrow.to != session.state or moved.effect is not None:
        entered = replace(entered, waiting=_waiting(moved.effect))
    lacking = missing(arrow.to, entered)
    if lacking:
        raise StepError(
            f"Still missing: {', '.join(need.value for need in lacking)}.", next_step=_how_to_give(lacking[0])
        )
    return StepResult(replace(entered, updated_at=moment.now), (moved.effect,) if moved.effect is not None else ())


def marks(session: WorkflowSession) -> dict[GuidedStep, StepMark]:
    """The six guided steps with their marks: those ahead of the present one are done, those behind it were reached
    before (and are to be checked again) or are open."""
    current = step_of(session)
    if session.state == State.COMPLETED:
        return dict.fromkeys(_STEPS, StepMark.DONE)
    here = -1 if current is None else _STEPS.index(current)
    furthest = -1 if session.reached is None else _STEPS.index(session.reached)

    def mark(place: int) -> StepMark:
        if place < here:
            return StepMark.DONE
        if place == here:
            return StepMark.CURRENT
        return StepMark.CHECK_AGAIN if place <= furthest else StepMark.OPEN

    return {guided: mark(place) for place, guided in enumerate(_STEPS)}


def step_of(session: WorkflowSession) -> GuidedStep | None:
    """The guided step at which the session stands; None before the first one."""
    state = session.retry if session.state == State.ERROR and session.retry is not None else session.state
    return STEP_OF.get(state)


def enter(session: WorkflowSession, to: State, trail: HistoryChange = "push") -> WorkflowSession:
    """The session at another state, with the way back that `trail` tells."""
    history = session.history
    if to != session.state:
        if trail == "push":
            history = (*history, session.state)[-HISTORY_LIMIT:]
        elif trail == "return" and to in history:
            history = history[: len(history) - 1 - history[::-1].index(to)]
    arrived = replace(session, state=to, history=history, retry=session.retry if to == State.ERROR else None)
    guided = step_of(arrived)
    if guided is not None and (arrived.reached is None or _STEPS.index(guided) > _STEPS.index(arrived.reached)):
        return replace(arrived, reached=guided)
    return arrived


def way_back(session: WorkflowSession) -> tuple[State, ...]:
    """The way back with the place that Back leads to at its end: places that cannot be entered any more are left out.

    Empty when there is nowhere to go back to.
    """
    history = session.history
    while history and (history[-1] == session.state or missing(history[-1], session)):
        history = history[:-1]
    return history


def _back(session: WorkflowSession) -> WorkflowSession:
    history = way_back(session)
    if not history:
        raise StepError("There is nothing to go back to.", next_step="Go on from here, or cancel.")
    left = replace(session, history=history[:-1], waiting=None, problem=None, problems=(), notices=())
    return enter(left, history[-1], "keep")


def _typed(session: WorkflowSession, texts: dict[FieldName, str]) -> WorkflowSession:
    if not texts:
        return session
    problems = tuple(each for each in session.problems if each.field not in texts)
    return replace(session, drafts={**session.drafts, **texts}, problems=problems)


def _texts_of(answer: actions.WorkflowAction) -> dict[FieldName, str]:
    """What an answer says in the words of its fields: kept as typed, whatever becomes of it."""
    return {field: getattr(answer, name) for field, name in actions.TEXT_FIELDS.get(type(answer), {}).items()}


def _waiting(effect: do.Effect | None) -> PendingWork | None:
    match effect:
        case do.CheckPath(as_text=as_text):
            return PendingWork("path", as_text=as_text)
        case do.ReadSource():
            return PendingWork("table")
        case do.DetectTarget(target=target):
            return PendingWork("target", target=target)
        case do.PredictFile(source=source, out=out):
            return PendingWork("prediction", path=source.path if isinstance(source, FileSource) else "", out=out)
    return None


def _require_storable(answer: actions.WorkflowAction) -> None:
    if type(answer) not in actions.USER_ACTIONS:
        return
    try:
        size = len(msgspec.json.encode(answer))
    except UnicodeEncodeError:
        raise StepError(
            "The text holds characters that are not Unicode.", next_step="Type it again, or rename the file."
        ) from None
    if size > _LONGEST_TEXT:
        raise StepError(
            f"The text is too long: {size:,} bytes; {_LONGEST_TEXT:,} are the most.", next_step="Shorten it."
        )


_HOW_TO_GIVE: Final = {
    Prerequisite.TARGET: "Choose the column to predict.",
    Prerequisite.FEATURES: "Give at least one column the role of a feature.",
    Prerequisite.TASK: "Choose another target: a number, or a column with a few classes.",
}


def _how_to_give(need: Prerequisite) -> str:
    return _HOW_TO_GIVE.get(need, "Go back and give it.")


def action_name(answer: type[actions.WorkflowAction]) -> str:
    """The name of a kind of answer in words: `ChooseFile` is "choose file"."""
    return re.sub(r"(?<!^)(?=[A-Z])", " ", answer.__name__).lower()


def _does_not_fit(session: WorkflowSession, answer: actions.WorkflowAction) -> StepError:
    fits = [action_name(kind) for kind in allowed_actions(session.state) if kind in actions.USER_ACTIONS]
    fits += ["back"] if way_back(session) else []
    return StepError(
        f"“{action_name(type(answer))}” does not fit here: the conversation stands at “{session.state.value}”.",
        next_step=f"What fits: {', '.join([*fits, 'cancel'])}.",
    )
