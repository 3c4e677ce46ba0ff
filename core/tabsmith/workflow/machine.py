"""The state machine of the conversation: `step(session, action, clock)`, without a clock, a disk or a thread; and which
prerequisites of a state a session lacks."""

import re
from collections.abc import Callable
from typing import Final

import msgspec
from msgspec.structs import replace

from tabsmith.errors import StepError
from tabsmith.runs.jobs import DetectSchema, JobFailed, Predict, Predicted, ReadTable, SchemaDetected, TableRead
from tabsmith.tables.read.remote.addresses import typed_address, without_password
from tabsmith.tables.read.sources import FileSource
from tabsmith.workflow import actions
from tabsmith.workflow.effects import CheckPath, Effect, RemoveSession
from tabsmith.workflow.session import HISTORY_LIMIT, FieldName, PendingWork, WorkflowSession
from tabsmith.workflow.states import PREREQUISITES, GuidedStep, Prerequisite, State, StepMark
from tabsmith.workflow.transitions import (
    Clock,
    FieldRefusedError,
    HistoryChange,
    StepResult,
    allowed_actions,
    start_over,
    transition_for,
)


def missing(state: State, session: WorkflowSession) -> tuple[Prerequisite, ...]:
    """The prerequisites of `state` that `session` does not fulfil, in the order in which a user would give them."""
    return tuple(need for need in PREREQUISITES[state] if not _HOLDS[need](session))


def table_is_fresh(session: WorkflowSession) -> bool:
    """Whether the table was read from the chosen source, and its file has not changed since."""
    table, file = session.table, session.file
    if table is None or table.source != session.source or session.schema is None or session.detected is None:
        return False
    return file is None or (file.size, file.modified) == (table.size, table.modified)


def _data(session: WorkflowSession) -> bool:
    if session.load == "defer":
        return session.source is not None and session.manual is not None
    return table_is_fresh(session)


def _target(session: WorkflowSession) -> bool:
    if session.load == "defer":
        return session.manual is not None and bool(session.manual.target)
    return session.schema is not None and bool(session.schema.target)


def _features(session: WorkflowSession) -> bool:
    if session.load == "defer":
        return session.manual is not None  # no feature named means every other column
    return session.schema is not None and bool(session.schema.features)


def _task(session: WorkflowSession) -> bool:
    return session.load == "defer" or (session.schema is not None and session.schema.problem_type != "none")


_HOLDS: Final[dict[Prerequisite, Callable[[WorkflowSession], bool]]] = {
    Prerequisite.ORIGIN: lambda session: session.origin != "none",
    Prerequisite.SOURCE: lambda session: session.source is not None,
    Prerequisite.TABLE: table_is_fresh,
    Prerequisite.DATA: _data,
    Prerequisite.TARGET: _target,
    Prerequisite.FEATURES: _features,
    Prerequisite.TASK: _task,
    Prerequisite.RUN: lambda session: bool(session.run_id),
    Prerequisite.MODEL: lambda session: session.model is not None,
    Prerequisite.PROBLEM: lambda session: session.problem is not None and session.retry is not None,
}


_STEPS: Final = tuple(GuidedStep)
_MAX_BYTES: Final = 1_000_000
_ADDRESS_FIELDS: Final = frozenset({FieldName.PATH, FieldName.NEW_ROWS})
"""Fields in which the address of a database may be typed, with a password that must not be saved."""

_RESULT_OF: Final[dict[type[actions.WorkflowAction], frozenset[str]]] = {
    actions.PathAccepted: frozenset({"path"}),
    actions.PathRefused: frozenset({"path"}),
    TableRead: frozenset({"table"}),
    SchemaDetected: frozenset({"target"}),
    Predicted: frozenset({"prediction"}),
    JobFailed: frozenset({"table", "target", "prediction"}),
}
"""The results that count only while the session waits for such work."""


def step(session: WorkflowSession, action: actions.WorkflowAction, clock: Clock) -> StepResult:
    """The session after `action`, and the work to carry out next.

    A value that cannot be used (a path that is refused, a duration that is malformed) stays in its field with the
    problem beside it. Raises StepError, with nothing changed, if the state does not take the action, or if a
    prerequisite of the next state is missing.
    """
    _require_storable(action)
    match action:
        case actions.Type():
            text = typed_address(action.text) if action.field in _ADDRESS_FIELDS else action.text
            return StepResult(replace(_with_drafts(session, {action.field: text}), updated_at=clock.now))
        case actions.Back():
            return StepResult(replace(_back(session), updated_at=clock.now))
        case actions.Cancel():
            return StepResult(start_over(session, action, clock).session, RemoveSession())
    awaited = _RESULT_OF.get(type(action))
    if awaited is not None and (session.waiting is None or session.waiting.work not in awaited):
        raise StepError(
            "This result comes too late: nobody waits for it any more.", next_step="Nothing needs to be done."
        )
    before = session
    if type(action) in actions.USER_ACTIONS:
        before = _with_drafts(replace(session, problem=None, problems=(), notices=()), _texts_of(action))
    try:
        transition = transition_for(before, action)
        if transition is None:
            raise _not_allowed(session, action)
        changed, effect = transition.handler(before, action, clock)
    except FieldRefusedError as refused:
        waiting = before.waiting if awaited is None else None
        return StepResult(
            replace(before, problems=refused.problems, problem=refused.error, waiting=waiting, updated_at=clock.now)
        )
    entered = enter(changed, transition.to, transition.history)
    if awaited is not None or transition.to != session.state or effect is not None:
        entered = replace(entered, waiting=_pending_work(effect))
    lacking = missing(transition.to, entered)
    if lacking:
        raise StepError(f"Still missing: {', '.join(need.value for need in lacking)}.", next_step=_advice(lacking[0]))
    return StepResult(replace(entered, updated_at=clock.now), effect)


def marks(session: WorkflowSession) -> dict[GuidedStep, StepMark]:
    """The six guided steps with their marks.

    Steps before the current one are done. A later step is to be checked again if it was reached before, else open.
    """
    current = session.step
    if session.state == State.COMPLETED:
        return dict.fromkeys(_STEPS, StepMark.DONE)
    position = -1 if current is None else _STEPS.index(current)
    furthest = -1 if session.reached is None else _STEPS.index(session.reached)

    def mark(index: int) -> StepMark:
        if index < position:
            return StepMark.DONE
        if index == position:
            return StepMark.CURRENT
        return StepMark.CHECK_AGAIN if index <= furthest else StepMark.OPEN

    return {guided: mark(index) for index, guided in enumerate(_STEPS)}


def enter(session: WorkflowSession, to: State, change: HistoryChange = "push") -> WorkflowSession:
    """The session at the state `to`, its history changed as `change` says."""
    history = session.history
    if to != session.state:
        if change == "push":
            history = (*history, session.state)[-HISTORY_LIMIT:]
        elif change == "return" and to in history:
            history = history[: len(history) - 1 - history[::-1].index(to)]
    entered = replace(session, state=to, history=history, retry=session.retry if to == State.ERROR else None)
    guided = entered.step
    if guided is not None and (entered.reached is None or _STEPS.index(guided) > _STEPS.index(entered.reached)):
        return replace(entered, reached=guided)
    return entered


def way_back(session: WorkflowSession) -> tuple[State, ...]:
    """The history, cut so that it ends in the state that Back leads to; empty if Back leads nowhere.

    States that can no longer be entered are left out.
    """
    history = session.history
    while history and (history[-1] == session.state or missing(history[-1], session)):
        history = history[:-1]
    return history


def _back(session: WorkflowSession) -> WorkflowSession:
    history = way_back(session)
    if not history:
        raise StepError("There is nothing to go back to.", next_step="Continue from here, or cancel.")
    left = replace(session, history=history[:-1], waiting=None, problem=None, problems=(), notices=())
    return enter(left, history[-1], "keep")


def _with_drafts(session: WorkflowSession, texts: dict[FieldName, str]) -> WorkflowSession:
    """The session with these texts in its fields; a problem of such a field no longer holds."""
    if not texts:
        return session
    problems = tuple(problem for problem in session.problems if problem.field not in texts)
    return replace(session, drafts={**session.drafts, **texts}, problems=problems)


def _texts_of(action: actions.WorkflowAction) -> dict[FieldName, str]:
    """The texts that an action carries, by field. They are kept as typed, whatever becomes of the action, but without the
    password of an address."""
    texts = {field: str(getattr(action, name)) for field, name in actions.TEXT_FIELDS.get(type(action), {}).items()}
    return {field: without_password(text) if field in _ADDRESS_FIELDS else text for field, text in texts.items()}


def _pending_work(effect: Effect | None) -> PendingWork | None:
    match effect:
        case CheckPath():
            return PendingWork("path")
        case ReadTable():
            return PendingWork("table")
        case DetectSchema(target=target):
            return PendingWork("target", target=target)
        case Predict(source=FileSource(path=path, asked_by=asker), out=out, allow_missing=allow_missing):
            return PendingWork("prediction", path=path, out=out, asked_by=asker, allow_missing=allow_missing)
        case Predict(out=out):
            return PendingWork("prediction", out=out)
    return None


def _require_storable(action: actions.WorkflowAction) -> None:
    """Raises StepError for an action of the user that the session's document could not hold."""
    if type(action) not in actions.USER_ACTIONS:
        return
    try:
        size = len(msgspec.json.encode(action))
    except UnicodeEncodeError:
        raise StepError(
            "The text holds characters that are not Unicode.", next_step="Type it again, or rename the file."
        ) from None
    if size > _MAX_BYTES:
        raise StepError(f"The text is too long: {size:,} bytes; {_MAX_BYTES:,} are the most.", next_step="Shorten it.")


_ADVICE: Final = {
    Prerequisite.TARGET: "Choose the column to predict.",
    Prerequisite.FEATURES: "Give at least one column the role of a feature.",
    Prerequisite.TASK: "Choose another target: a number, or a column with a few classes.",
}


def _advice(prerequisite: Prerequisite) -> str:
    return _ADVICE.get(prerequisite, "Go back and give it.")


def action_name(action: type[actions.WorkflowAction]) -> str:
    """The name of a type of action in words: `ChooseFile` is "choose file"."""
    return re.sub(r"(?<!^)(?=[A-Z])", " ", action.__name__).lower()


def _not_allowed(session: WorkflowSession, action: actions.WorkflowAction) -> StepError:
    names = [action_name(allowed) for allowed in allowed_actions(session.state) if allowed in actions.USER_ACTIONS]
    names += ["back"] if way_back(session) else []
    return StepError(
        f"“{action_name(type(action))}” does not fit here: the conversation is at {session.place}.",
        next_step=f"What fits: {', '.join([*names, 'cancel'])}.",
    )
