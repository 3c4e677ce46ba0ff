"""A task file as data: goals for coding agents, each with its folder, its limits and the command that accepts it, and their
order: dependencies come first, otherwise the order of the file; tasks run one after the other."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal, NamedTuple, TypeAlias

import msgspec
from msgspec import Meta

from tabsmith.agent_registry import agent_names
from tabsmith.errors import TaskFileError, TaskProblem
from tabsmith.limits import Limits
from tabsmith.text import clean

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
DEFAULT_PROTECTION: Final = "default"
"""Stands in `protect` for the tests, what the acceptance command names, and files by which a verdict can be turned."""


class TaskPermissions(msgspec.Struct, frozen=True):
    """What an agent may do.

    What `read` does not name is not in its copy of the folder, and what `write` does not name is as it was when acceptance
    runs, whatever wrote it. `secrets` are patterns of files with keys and passwords that the copy holds; without it has none.

    `read` and `write` are patterns of paths in the folder (`read` also of absolute paths), `run` of commands such as
    `python *`.
    """

    read: tuple[Line, ...] = EVERYTHING
    write: tuple[Line, ...] = EVERYTHING
    run: tuple[Line, ...] = ()
    network: bool = False
    secrets: tuple[Line, ...] = ()


class Task(msgspec.Struct, frozen=True):
    """One task.

    `folder` is the folder as the file has it, `place` the absolute folder that it means, with links resolved; it may
    not exist yet. `accept` is a shell command that runs in the folder and whose exit status is the verdict. `turns`
    limits one conversation, `silence_seconds` is how long an agent may say nothing; 0 leaves either to the settings.
    `protect` are patterns of files that are as the person left them whenever `accept` runs, see protection.py.
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
    protect: tuple[Line, ...] = (DEFAULT_PROTECTION,)
    limits: Limits = Limits()
    may: TaskPermissions = TaskPermissions()
    place: Path = Path()


class TaskFile(msgspec.Struct, frozen=True):
    """The tasks of one file under one budget. `warnings` are sentences on what is allowed but may be unintended."""

    path: Path
    budget: Limits = Limits()
    tasks: tuple[Task, ...] = ()
    warnings: tuple[str, ...] = ()


class Blocked(msgspec.Struct, frozen=True):
    """A task that will not run, and the tasks it depends on that failed or are blocked themselves."""

    task: Task
    by: tuple[str, ...]


class NextTask(NamedTuple):
    """The task to run next, None if there is none, and the tasks that never will run."""

    task: Task | None
    blocked: tuple[Blocked, ...]


def order(tasks: Iterable[Task]) -> tuple[Task, ...]:
    """The tasks, each after those it depends on, and otherwise in the given order. Raises TaskFileError for a cycle.

    A dependency on a task that is not among `tasks` does not count.
    """
    ordered, rest = _topological(tuple(tasks))
    if rest:
        circle = circle_text(next(cycles(rest)))
        raise TaskFileError(
            f"Tasks depend on each other in a circle: {circle}.",
            next_step="Remove one of these dependencies.",
            problems=(TaskProblem("depends_on", f"a circle: {circle}"),),
        )
    return ordered


def next_task(tasks: Iterable[Task], done: Collection[str], failed: Collection[str]) -> NextTask:
    """The first task that is neither done (accepted), failed nor blocked, given the names of those done and failed."""
    blocked: dict[str, Blocked] = {}
    first: Task | None = None
    for task in order(tasks):
        if task.name in done or task.name in failed:
            continue
        by = tuple(name for name in task.depends_on if name in failed or name in blocked)
        if by:
            blocked[task.name] = Blocked(task, by)
        elif first is None:  # whatever it depends on comes before it, and so is done
            first = task
    return NextTask(first, tuple(blocked.values()))


def share(one: Path, other: Path) -> bool:
    """Whether two folders are the same, or one lies in the other."""
    return one.is_relative_to(other) or other.is_relative_to(one)


def cycles(tasks: Sequence[Task]) -> Iterator[tuple[Task, ...]]:
    """The circles of dependencies among `tasks`; of circles that share a task only one is given."""
    _, rest = _topological(tuple(tasks))
    while rest:
        by_name = {task.name: task for task in rest}
        trail: list[str] = []
        name = rest[0].name
        while name not in trail:
            trail.append(name)
            name = next(dependency for dependency in by_name[name].depends_on if dependency in by_name)
        circle = trail[trail.index(name) :]
        yield tuple(by_name[name] for name in circle)
        _, rest = _topological(tuple(task for task in rest if task.name not in circle))


def circle_text(circle: Sequence[Task]) -> str:
    """A circle of dependencies as `a → b → a`."""
    return " → ".join(clean(task.name, 60) for task in (*circle, circle[0]))


def dependencies(tasks: Sequence[Task]) -> dict[str, frozenset[str]]:
    """For each task the names of all tasks that come before it, directly or through others.

    Raises TaskFileError for a cycle.
    """
    before: dict[str, frozenset[str]] = {}
    for task in order(tasks):
        direct = [name for name in task.depends_on if name in before]
        before[task.name] = frozenset(direct).union(*(before[name] for name in direct))
    return before


def _topological(tasks: tuple[Task, ...]) -> tuple[tuple[Task, ...], tuple[Task, ...]]:
    """The tasks that can be put in order, and those that stand in a circle or depend on one."""
    names = {task.name for task in tasks}
    placed: dict[str, Task] = {}
    rest = list(tasks)
    while True:
        first = next((task for task in rest if all(name in placed for name in task.depends_on if name in names)), None)
        if first is None:
            return tuple(placed.values()), tuple(rest)
        placed[first.name] = first
        rest.remove(first)
