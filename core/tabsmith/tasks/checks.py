"""What must be true of tasks beyond their types: folders, programs, names, dependencies, patterns."""

import os
import re
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from tabsmith.errors import TaskProblem
from tabsmith.paths import folders
from tabsmith.tasks.fields import Fields, nearest
from tabsmith.tasks.order import cycles, dependencies, share
from tabsmith.tasks.task import Task, TaskPermissions
from tabsmith.text import clean

_NAME: Final = re.compile(r"\w(?:[\w.-]{0,58}\w)?")
_ASSIGNMENT: Final = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)
_SHELL_WORDS: Final = frozenset(
    {
        "!",
        "{",
        "(",
        "[",
        "[[",
        ":",
        ".",
        "if",
        "for",
        "while",
        "until",
        "case",
        "test",
        "true",
        "false",
        "cd",
        "echo",
        "printf",
        "exit",
        "set",
        "export",
        "eval",
        "exec",
        "read",
        "unset",
        "umask",
        "ulimit",
        "trap",
        "wait",
        "kill",
        "pwd",
        "type",
        "command",
    }
)
_WILD: Final = re.compile(r"[*?\[]")


def place_of(fields: Fields, folder: str, path: Path, allowed: tuple[Path, ...]) -> Path | None:
    """The folder that `folder` means in the task file at `path`, links resolved; None when it may not be used."""
    try:
        wanted = Path(folder).expanduser()
        place = Path(os.path.realpath(path.parent / wanted))
        inside = any(place.is_relative_to(os.path.realpath(each.expanduser())) for each in allowed)
    except (RuntimeError, OSError) as error:  # `~nobody/x`, a circle of links
        fields.problem("folder", f"{clean(folder, 120)!r} cannot be resolved: {clean(error)}")
        return None
    what = ""
    if not inside:
        names = ", ".join(clean(each, 120) for each in allowed) or "none"
        what = f"{clean(place, 300)} lies outside the folders that may be used (`paths.allowed`: {names})"
    elif os.path.lexists(place) and not place.is_dir():
        what = f"{clean(place, 300)} is a file, not a folder"
    elif not place.parent.is_dir():
        what = f"{clean(place.parent, 300)}, in which it would be made, is not there"
    elif place in (Path(place.anchor), _home()):
        what = f"{clean(place, 300)} is too much to hand to an agent; make a folder in it"
    elif share(place, Path(os.path.realpath(folders().state))):
        what = f"{clean(place, 300)} holds tabsmith's own records of its runs, or lies among them"
    if what:
        fields.problem("folder", what)
        return None
    return place


def check_accept(fields: Fields, accept: str, place: Path | None) -> None:
    """The command can be understood, and its program is on this machine or may yet be made in the folder."""
    try:
        lexer = shlex.shlex(accept, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words = list(lexer)
    except ValueError as error:
        fields.problem("accept", f"cannot be understood: {clean(error)}")
        return
    program = next((word for word in words if not _ASSIGNMENT.fullmatch(word)), "")
    if not program:
        fields.problem("accept", "names no program to run")
    elif program in _SHELL_WORDS:
        return
    elif "/" in program:
        _check_program_path(fields, program, place)
    elif shutil.which(program) is None:
        fields.problem("accept", f"there is no program {clean(program, 60)!r} on this machine's PATH")


def _check_program_path(fields: Fields, program: str, place: Path | None) -> None:
    """A path from the folder may be of a program that the agent is still to write."""
    found = Path(os.path.expanduser(program))  # noqa: PTH111 - leaves an unknown user's `~name` as it is
    if found.is_absolute():
        if shutil.which(found) is None:
            fields.problem("accept", f"{clean(program, 200)} is not there, or is no program")
    elif place is not None and not Path(os.path.normpath(place / found)).is_relative_to(place):
        fields.problem("accept", f"{clean(program, 200)} lies outside the task's folder")


def check_names(tasks: Sequence[Task], problems: list[TaskProblem]) -> None:
    """Every name is a word that can name a file, and no two are alike."""
    seen: dict[str, int] = {}
    for number, task in enumerate(tasks, 1):
        if not task.name:
            continue  # said already
        if not _NAME.fullmatch(task.name):
            what = "must be a word of up to 60 letters, digits, `_`, `-` and `.` that can name a file"
            problems.append(TaskProblem(f"{place_name(number, task)}: name", what))
        first = seen.setdefault(task.name.casefold(), number)
        if first != number:
            problems.append(TaskProblem(f"{place_name(number, task)}: name", f"is that of task {first} already"))


def check_dependencies(tasks: Sequence[Task], problems: list[TaskProblem]) -> None:
    """Every dependency is a task of the file, and none leads back to where it started."""
    names = [task.name for task in tasks if task.name]
    for number, task in enumerate(tasks, 1):
        place = f"{place_name(number, task)}: depends_on"
        for name in task.depends_on:
            if name not in names:
                near = nearest(name, names) if names else ""
                hint = f"; the nearest one is {clean(near, 60)!r}" if near else ""
                problems.append(TaskProblem(place, f"there is no task {clean(name, 60)!r}{hint}"))
        if len(set(task.depends_on)) < len(task.depends_on):
            problems.append(TaskProblem(place, "names a task twice"))
    distinct = {task.name: task for task in tasks if task.name}
    for circle in cycles(tuple(distinct.values())):
        first = circle.partition(" → ")[0]
        number = next(index for index, task in enumerate(tasks, 1) if clean(task.name, 60) == first)
        place = f"{place_name(number, tasks[number - 1])}: depends_on"
        problems.append(TaskProblem(place, f"tasks depend on each other in a circle: {circle}"))


def check_folders(tasks: Sequence[Task]) -> tuple[str, ...]:
    """Warnings about tasks that work on the same files without one depending on the other: they take turns."""
    before = dependencies(tasks)
    warnings: list[str] = []
    for index, task in enumerate(tasks):
        for other in tasks[index + 1 :]:
            linked = task.name in before[other.name] or other.name in before[task.name]
            if share(task.place, other.place) and not linked:
                warnings.append(
                    f"{clean(task.name, 60)} and {clean(other.name, 60)} work on the same folder "
                    f"({clean(other.folder, 120)}) and neither depends on the other: they take turns, in the file's "
                    "order."
                )
    return tuple(warnings)


def check_patterns(fields: Fields, may: TaskPermissions, allowed: tuple[Path, ...]) -> None:
    """Patterns of paths stay in the folder; those of what may be read, in the allowed folders at least."""
    for pattern in may.write:
        if PurePosixPath(pattern).is_absolute() or pattern.startswith("~") or ".." in PurePosixPath(pattern).parts:
            fields.problem("write", f"{clean(pattern, 120)!r} leads out of the task's folder")
    for pattern in may.read:
        fixed = Path(_WILD.split(pattern, maxsplit=1)[0])
        if pattern.startswith("~") or ".." in PurePosixPath(pattern).parts:
            fields.problem("read", f"{clean(pattern, 120)!r} must start from the task's folder, or from /, without ..")
        elif fixed.is_absolute() and not _inside(fixed, allowed):
            fields.problem("read", f"{clean(pattern, 120)!r} lies outside the folders that may be used")


def place_name(number: int, task: Task) -> str:
    """Where a task stands, in words: `task 2 "clean"`."""
    return f'task {number} "{clean(task.name, 60)}"' if task.name else f"task {number}"


def _inside(path: Path, allowed: tuple[Path, ...]) -> bool:
    real = Path(os.path.realpath(path))
    return any(real.is_relative_to(os.path.realpath(each.expanduser())) for each in allowed)


def _home() -> Path | None:
    try:
        return Path(os.path.realpath(Path.home()))
    except (RuntimeError, OSError):
        return None
