"""What a move is made of: what comes from outside, what comes of it, and how it refuses what it cannot use."""

from collections.abc import Callable
from typing import NamedTuple

from tabsmith.errors import ErrorReport
from tabsmith.workflow import effects as do
from tabsmith.workflow.drafts import FieldProblem
from tabsmith.workflow.session import WorkflowSession


class Moment(NamedTuple):
    """What comes from outside: the time (seconds since 1970), and a source of new names."""

    now: float
    new_id: Callable[[float], str]


class Moved(NamedTuple):
    """The session after an answer (its state is set by the arrow), and the work it asks for."""

    session: WorkflowSession
    effect: do.Effect | None = None


class RefusedError(Exception):
    """What was given cannot be used: the person stays where they are, with the reason beside the field."""

    def __init__(self, *problems: FieldProblem, error: ErrorReport | None = None) -> None:
        super().__init__()
        self.problems = problems
        self.error = error
