"""What happens in a task, as typed events: an agent works in a folder, and the acceptance command proves the goal."""

from typing import Literal, TypeAlias

import msgspec

from tabsmith.agents.agent_jobs import Activity, AgentJobEnd, RiskLevel
from tabsmith.orchestration.events import Event

AcceptanceVerdict: TypeAlias = Literal["accepted", "rejected", "could not run"]
"""`accepted`: the command ended with 0. `rejected`: it ended otherwise, or was ended. `could not run`: there is
no verdict, and the work never counts as accepted."""

TaskOutcome: TypeAlias = Literal["success", "success with limits", "partial", "failed", "blocked", "cancelled"]
"""`success with limits`: accepted, but with a quality that is not good enough. `partial`: not accepted, but the agent
was cut short at its work, which is kept. `blocked`: never begun, because a task that it depends on did not succeed."""

TaskExit: TypeAlias = Literal["done", "budget", "iterations", "stuck", "agent failed", "user", "blocked"]

MergedBack: TypeAlias = Literal["yes", "no", "refused"]


class ChangedFile(msgspec.Struct, frozen=True):
    """A file that an iteration left different."""

    path: str
    kind: Literal["added", "removed", "modified", "renamed", "mode", "link"]
    lines_added: int = 0
    lines_removed: int = 0


class Acceptance(msgspec.Struct, frozen=True, kw_only=True):
    """How the acceptance command ended. `status` is its exit status, None if it was ended, and `ended` says by what;
    `output` is what it printed, cut; `level` is the sandbox that it ran in."""

    verdict: AcceptanceVerdict
    status: int | None
    ended: str
    seconds: float
    output: str
    level: str


class TaskStarted(Event, frozen=True, tag="task_started"):
    """A task begins in a copy or a worktree of its folder; `level` is the sandbox that commands run in."""

    task: str
    how: Literal["copy", "worktree"]
    level: str
    notes: tuple[str, ...] = ()


class Acted(Event, frozen=True, tag="acted"):
    """The agent did something; the session's transcript has the whole of it."""

    iteration: int
    session: str
    activity: Activity


class PermissionDecided(Event, frozen=True, tag="permission_decided"):
    """A permission request of the agent was answered; `by` says who decided."""

    iteration: int
    tool: str
    what: str
    risk: RiskLevel
    allowed: Literal["once", "always", "no"]
    by: Literal["person", "mode"]


class Worked(Event, frozen=True, tag="worked"):
    """The agent has come back: its last words, which prove nothing, and the files that it left different."""

    iteration: int
    end: AgentJobEnd
    words: str
    changes: tuple[ChangedFile, ...]
    more: int = 0  # changed files beyond those named


class AcceptanceStarted(Event, frozen=True, tag="acceptance_started"):
    """The acceptance command starts."""

    iteration: int
    command: str


class AcceptanceEnded(Event, frozen=True, tag="acceptance_ended"):
    """The acceptance command has ended."""

    iteration: int
    acceptance: Acceptance


class TaskEnded(Event, frozen=True, tag="task_ended"):
    """The task is over; `reason` says why in a sentence, `handed_back` whether the task's folder has its changes now."""

    task: str
    outcome: TaskOutcome
    exit_reason: TaskExit
    handed_back: MergedBack
    reason: str = ""


TaskEvent: TypeAlias = (
    TaskStarted | Acted | PermissionDecided | Worked | AcceptanceStarted | AcceptanceEnded | TaskEnded
)
