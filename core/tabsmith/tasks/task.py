"""A task file as data: what is to be reached, in which folder, by whom, within what, and what proves it."""

from pathlib import Path
from typing import Final, Literal, TypeAlias

import msgspec

from tabsmith.limits import Limits

TaskAgent: TypeAlias = Literal["claude-code", "acp"]
SessionMode: TypeAlias = Literal["fresh", "continue"]
WorkspaceChoice: TypeAlias = Literal["auto", "copy", "worktree"]

EVERYTHING: Final = ("**",)


class TaskPermissions(msgspec.Struct, frozen=True):
    """What an agent may do without asking. `read` and `write` are patterns of paths in the folder (`read` also of
    absolute ones), `run` of commands (`python *`); whatever fits none is a request for permission."""

    read: tuple[str, ...] = EVERYTHING
    write: tuple[str, ...] = EVERYTHING
    run: tuple[str, ...] = ()
    network: bool = False


class Task(msgspec.Struct, frozen=True):
    """One task. `folder` is as written, `place` the folder that it means: absolute, links resolved; it may be new.

    `accept` is a command for a shell in the folder, whose exit status is the verdict. `turns` limits one conversation
    and `silence_seconds` how long an agent may say nothing; 0 leaves either to the settings.
    """

    name: str
    goal: str
    folder: str
    accept: str
    agent: TaskAgent = "claude-code"
    depends_on: tuple[str, ...] = ()
    rubric: str = ""
    conversation: SessionMode = "fresh"
    workspace: WorkspaceChoice = "auto"
    accept_seconds: float = 120.0
    turns: int = 0
    silence_seconds: float = 0.0
    limits: Limits = Limits()
    may: TaskPermissions = TaskPermissions()
    place: Path = Path()


class TaskFile(msgspec.Struct, frozen=True):
    """The tasks of one file under one budget. `warnings` say in words what is allowed but may not be meant."""

    path: Path
    budget: Limits = Limits()
    tasks: tuple[Task, ...] = ()
    warnings: tuple[str, ...] = ()
