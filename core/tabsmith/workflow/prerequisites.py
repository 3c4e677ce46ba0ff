"""Whether a session fulfils the prerequisites of a state."""

from collections.abc import Callable
from typing import Final

from tabsmith.workflow.session import WorkflowSession
from tabsmith.workflow.states import PREREQUISITES, Prerequisite, State


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
