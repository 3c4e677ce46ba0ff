"""What happens in a task: an agent at work in a folder, and a command of tabsmith's own that proves the goal."""

from typing import Literal, TypeAlias

import msgspec

from tabsmith.agents.agent_jobs import Activity, AgentJobEnd, RiskLevel
from tabsmith.orchestration.events import Event

AcceptanceVerdict: TypeAlias = Literal["accepted", "rejected", "could not run"]
"""`accepted`: the command ended with 0. `rejected`: it ended otherwise, or was ended. `could not run`: the verdict is
not known, and so is never taken for accepted."""

TaskOutcome: TypeAlias = Literal["success", "success with limits", "partial", "failed", "blocked", "cancelled"]
"""`success with limits`: accepted, but with a quality that is not good enough. `partial`: not accepted, but the agent
was cut short at its work, which is kept. `blocked`: never begun, because what it depends on did not succeed."""

TaskExit: TypeAlias = Literal["done", "budget", "iterations", "stuck", "agent failed", "user", "blocked"]

MergedBack: TypeAlias = Literal["yes", "no", "refused"]


class ChangedFile(msgspec.Struct, frozen=True):
    """A file that an iteration left different."""

    path: str
    kind: Literal["added", "removed", "modified", "renamed", "mode", "link"]
    lines_added: int = 0
    lines_removed: int = 0


class Acceptance(msgspec.Struct, frozen=True, kw_only=True):
    """What the acceptance command came to. `status` is its exit status, None when it was ended; `ended` says by what;
    `output` is what it printed, cut; `level` the sandbox that it ran in."""

    verdict: AcceptanceVerdict
    status: int | None
    ended: str
    seconds: float
    output: str
    level: str


class TaskStarted(Event, frozen=True, tag="task_started"):
    """A task begins, in a copy or a worktree of its folder; `level` is the sandbox that commands run in."""

    task: str
    how: Literal["copy", "worktree"]
    level: str
    notes: tuple[str, ...] = ()


class Acted(Event, frozen=True, tag="acted"):
    """The agent did something; the whole of it is in the session's transcript."""

    iteration: int
    session: str
    activity: Activity


class PermissionDecided(Event, frozen=True, tag="permission_decided"):
    """What became of something that the agent might not do by itself; `by` says who decided."""

    iteration: int
    tool: str
    what: str
    risk: RiskLevel
    allowed: Literal["once", "always", "no"]
    by: Literal["person", "mode"]


class Worked(Event, frozen=True, tag="worked"):
    """The agent's errand is over: its last words, which prove nothing, and what it left different."""

    iteration: int
    end: AgentJobEnd
    words: str
    changes: tuple[ChangedFile, ...]
    more: int = 0  # changed files beyond those named


class AcceptanceStarted(Event, frozen=True, tag="acceptance_started"):
    """The acceptance command runs."""

    iteration: int
    command: str


class AcceptanceEnded(Event, frozen=True, tag="acceptance_ended"):
    """It is over."""

    iteration: int
    acceptance: Acceptance


class TaskEnded(Event, frozen=True, tag="task_ended"):
    """The task is over. `reason` says why in words; `handed_back` whether the folder has its changes now."""

    task: str
    outcome: TaskOutcome
    exit_reason: TaskExit
    handed_back: MergedBack
    reason: str = ""


TaskEvent: TypeAlias = (
    TaskStarted | Acted | PermissionDecided | Worked | AcceptanceStarted | AcceptanceEnded | TaskEnded
)
