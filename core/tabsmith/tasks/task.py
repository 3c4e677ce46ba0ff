"""A task file as data: goals for coding agents, each with its folder, its limits and the command that accepts it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

from tabsmith.agent_registry import agent_names
from tabsmith.limits import Limits

if TYPE_CHECKING:
    CodingAgentName: TypeAlias = str
else:  # decoders refuse an agent that does not work in folders
    CodingAgentName = Literal[agent_names(in_folders=True)]
SessionMode: TypeAlias = Literal["fresh", "continue"]
WorkspaceChoice: TypeAlias = Literal["auto", "copy", "worktree"]

Line: TypeAlias = Annotated[str, Meta(pattern=r"(?s)^(?=.*\S)[^\x00-\x08\x0a-\x1f\x7f]*\Z")]
"""A line of text: not blank, no control character but tabs."""
Lines: TypeAlias = Annotated[str, Meta(pattern=r"(?s)^(?=.*\S)[^\x00-\x08\x0b-\x1f\x7f]*\Z")]
"""Text over one line or several: not blank, no control character but tabs and newlines."""

DAY: Final = 86_400
EVERYTHING: Final = ("**",)


class TaskPermissions(msgspec.Struct, frozen=True):
    """What an agent may do without asking; everything else is a request for permission.

    `read` and `write` are patterns of paths in the folder (`read` also of absolute paths), `run` of commands such as
    `python *`.
    """

    read: tuple[Line, ...] = EVERYTHING
    write: tuple[Line, ...] = EVERYTHING
    run: tuple[Line, ...] = ()
    network: bool = False


class Task(msgspec.Struct, frozen=True):
    """One task.

    `folder` is the folder as the file has it, `place` the absolute folder that it means, with links resolved; it may
    not exist yet. `accept` is a shell command that runs in the folder and whose exit status is the verdict. `turns`
    limits one conversation, `silence_seconds` is how long an agent may say nothing; 0 leaves either to the settings.
    """

    name: Line
    goal: Lines
    folder: Line
    accept: Lines
    agent: CodingAgentName = "claude-code"
    depends_on: tuple[Line, ...] = ()
    rubric: Lines = ""
    conversation: SessionMode = "fresh"
    workspace: WorkspaceChoice = "auto"
    accept_seconds: Annotated[float, Meta(gt=0, le=DAY)] = 120.0
    turns: Annotated[int, Meta(ge=1, le=10_000)] = 0
    silence_seconds: Annotated[float, Meta(gt=0, le=DAY)] = 0.0
    limits: Limits = Limits()
    may: TaskPermissions = TaskPermissions()
    place: Path = Path()


class TaskFile(msgspec.Struct, frozen=True):
    """The tasks of one file under one budget. `warnings` are sentences on what is allowed but may be unintended."""

    path: Path
    budget: Limits = Limits()
    tasks: tuple[Task, ...] = ()
    warnings: tuple[str, ...] = ()
