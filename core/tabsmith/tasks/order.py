"""Which task comes when: dependencies first, otherwise in the file's order; and tasks in one folder take turns."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from tabsmith.errors import TaskFileError, TaskProblem
from tabsmith.tasks.task import Task
from tabsmith.text import clean


class Blocked(msgspec.Struct, frozen=True):
    """A task that will not run, and the tasks it depends on that failed or are blocked themselves."""

    task: Task
    by: tuple[str, ...]


class Ready(msgspec.Struct, frozen=True):
    """The tasks that are neither done, failed nor running: those that can start now, those that wait for others, and
    those that never will start."""

    now: tuple[Task, ...]
    waiting: tuple[Task, ...]
    blocked: tuple[Blocked, ...]


def order(tasks: Iterable[Task]) -> tuple[Task, ...]:
    """The tasks, each after those it depends on, and otherwise as they were. Raises TaskFileError for a cycle.

    A dependency on a task that is not among them does not count.
    """
    ordered, left = _sorted(tuple(tasks))
    if left:
        words = next(cycles(left))
        raise TaskFileError(
            f"Tasks depend on each other in a circle: {words}.",
            next_step="Remove one of these dependencies.",
            problems=(TaskProblem("depends_on", f"a circle: {words}"),),
        )
    return ordered


def ready(
    tasks: Iterable[Task], done: Collection[str], failed: Collection[str], running: Collection[str] = ()
) -> Ready:
    """What can start now, given the names of the tasks that are done (accepted), failed, and running.

    A task waits for an earlier one that works on its folder, or on one inside or around it, even without a dependency.
    """
    now: list[Task] = []
    waiting: list[Task] = []
    blocked: dict[str, Blocked] = {}
    unfinished: list[Task] = []
    for task in order(tasks):
        if task.name in done or task.name in failed:
            continue
        by = tuple(name for name in task.depends_on if name in failed or name in blocked)
        if by:
            blocked[task.name] = Blocked(task, by)
            continue
        if task.name not in running:
            depends = any(name not in done for name in task.depends_on)
            shares = any(share(earlier.place, task.place) for earlier in unfinished)
            (waiting if depends or shares else now).append(task)
        unfinished.append(task)
    still = {task.place for task in unfinished if task.name in running}
    held = [task for task in now if any(share(place, task.place) for place in still)]
    return Ready(
        tuple(task for task in now if task not in held),
        tuple(task for task in order(tasks) if task in held or task in waiting),
        tuple(blocked.values()),
    )


def share(one: Path, other: Path) -> bool:
    """Whether two folders are the same, or one lies in the other."""
    return one.is_relative_to(other) or other.is_relative_to(one)


def cycles(tasks: Sequence[Task]) -> Iterator[str]:
    """The circles of dependencies among `tasks`, each as `a → b → a`; circles that share a task are named once."""
    _, left = _sorted(tuple(tasks))
    while left:
        names = {task.name: task for task in left}
        trail: list[str] = []
        name = left[0].name
        while name not in trail:
            trail.append(name)
            name = next(each for each in names[name].depends_on if each in names)
        circle = trail[trail.index(name) :]
        yield " → ".join(clean(each, 60) for each in (*circle, name))
        _, left = _sorted(tuple(task for task in left if task.name not in circle))


def dependencies(tasks: Sequence[Task]) -> dict[str, frozenset[str]]:
    """For each task the names of all that must be done before it, directly or through others. No cycles, please."""
    found: dict[str, frozenset[str]] = {}
    for task in order(tasks):
        direct = [name for name in task.depends_on if name in found]
        found[task.name] = frozenset(direct).union(*(found[name] for name in direct))
    return found


def _sorted(tasks: tuple[Task, ...]) -> tuple[tuple[Task, ...], tuple[Task, ...]]:
    """The tasks that can be put in order, and those that depend on a circle or stand in one."""
    known = {task.name for task in tasks}
    placed: dict[str, Task] = {}
    left = list(tasks)
    while True:
        first = next((task for task in left if all(n in placed for n in task.depends_on if n in known)), None)
        if first is None:
            return tuple(placed.values()), tuple(left)
        placed[first.name] = first
        left.remove(first)
