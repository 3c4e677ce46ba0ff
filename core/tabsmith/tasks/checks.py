"""What must be true of tasks beyond the types of their values: folders, programs, names, dependencies, patterns."""

import os
import re
import shlex
import shutil
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path, PurePosixPath
from typing import Final

from tabsmith.paths import folders
from tabsmith.tasks.convert import Mistakes
from tabsmith.tasks.task import Task, TaskPermissions, circle_text, cycles, dependencies, share
from tabsmith.text import clean, nearest

_NAME: Final = re.compile(r"\w(?:[\w.-]{0,58}\w)?")
_ASSIGNMENT: Final = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)
_SHELL_WORDS: Final = frozenset(
    [
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
    ]
)
_WILDCARD: Final = re.compile(r"[*?\[]")


def resolve_folder(folder: str, path: Path, allowed: tuple[Path, ...], mistakes: Mistakes) -> Path | None:
    """The folder that `folder` means in the task file at `path`, with links resolved; None if it may not be used."""
    try:
        place = Path(os.path.realpath(path.parent / Path(folder).expanduser()))
        inside = _is_inside(place, allowed)
    except (RuntimeError, OSError) as error:  # `~nobody/x`, a circle of links
        mistakes.add("folder", f"{clean(folder, 120)!r} cannot be resolved: {clean(error)}")
        return None
    if not inside:
        names = ", ".join(clean(root, 120) for root in allowed) or "none"
        what = f"{clean(place, 300)} lies outside the folders that may be used (`paths.allowed`: {names})"
    elif os.path.lexists(place) and not place.is_dir():
        what = f"{clean(place, 300)} is a file, not a folder"
    elif not place.parent.is_dir():
        what = f"{clean(place.parent, 300)}, in which it would be made, is not there"
    elif place in (Path(place.anchor), _home()):
        what = f"{clean(place, 300)} is too much to hand to an agent; make a folder in it"
    elif share(place, Path(os.path.realpath(folders().state))):
        what = f"{clean(place, 300)} holds tabsmith's own records of its runs, or lies among them"
    else:
        return place
    mistakes.add("folder", what)
    return None


def check_accept(accept: str, place: Path | None, mistakes: Mistakes) -> None:
    """The command can be parsed, and its program is on this machine or may yet be made in the folder."""
    try:
        lexer = shlex.shlex(accept, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words = list(lexer)
    except ValueError as error:
        mistakes.add("accept", f"cannot be understood: {clean(error)}")
        return
    program = next((word for word in words if not _ASSIGNMENT.fullmatch(word)), "")
    if not program:
        mistakes.add("accept", "names no program to run")
    elif program in _SHELL_WORDS:
        return
    elif "/" in program:
        _check_program_path(program, place, mistakes)
    elif shutil.which(program) is None:
        mistakes.add("accept", f"there is no program {clean(program, 60)!r} on this machine's PATH")


def _check_program_path(program: str, place: Path | None, mistakes: Mistakes) -> None:
    """A relative path may be that of a program that the agent is still to write."""
    path = Path(os.path.expanduser(program))  # noqa: PTH111 - leaves an unknown user's `~name` as it is
    if path.is_absolute():
        if shutil.which(path) is None:
            mistakes.add("accept", f"{clean(program, 200)} is not there, or is no program")
    elif place is not None and not Path(os.path.normpath(place / path)).is_relative_to(place):
        mistakes.add("accept", f"{clean(program, 200)} lies outside the task's folder")


def check_patterns(may: TaskPermissions, allowed: tuple[Path, ...], mistakes: Mistakes) -> None:
    """Patterns of paths stay in the folder; patterns of what may be read may also lie in the allowed folders."""
    for pattern in may.write:
        if PurePosixPath(pattern).is_absolute() or pattern.startswith("~") or ".." in PurePosixPath(pattern).parts:
            mistakes.add("write", f"{clean(pattern, 120)!r} leads out of the task's folder")
    for pattern in may.read:
        fixed = Path(_WILDCARD.split(pattern, maxsplit=1)[0])
        if pattern.startswith("~") or ".." in PurePosixPath(pattern).parts:
            mistakes.add("read", f"{clean(pattern, 120)!r} must start from the task's folder, or from /, without ..")
        elif fixed.is_absolute() and not _is_inside(Path(os.path.realpath(fixed)), allowed):
            mistakes.add("read", f"{clean(pattern, 120)!r} lies outside the folders that may be used")


def check_names(tasks: Sequence[Task], mistakes: Mistakes) -> None:
    """Every name is a word that can name a file, and no two names are alike."""
    numbers: dict[str, int] = {}
    for number, task in enumerate(tasks, 1):
        if not task.name:
            continue  # a mistake that is in the list already
        place = mistakes.inside(task_label(number, task.name))
        if not _NAME.fullmatch(task.name):
            place.add("name", "must be a word of up to 60 letters, digits, `_`, `-` and `.` that can name a file")
        first = numbers.setdefault(task.name.casefold(), number)
        if first != number:
            place.add("name", f"is that of task {first} already")


def check_dependencies(tasks: Sequence[Task], mistakes: Mistakes) -> None:
    """Every dependency is another task of the file, and none leads back to where it started."""
    by_name = {task.name: (number, task) for number, task in enumerate(tasks, 1) if task.name}
    for number, task in enumerate(tasks, 1):
        place = mistakes.inside(task_label(number, task.name))
        for name in task.depends_on:
            if name not in by_name:
                close = nearest(name, by_name, cutoff=0.0)
                hint = f"; the nearest one is {clean(close, 60)!r}" if close else ""
                place.add("depends_on", f"there is no task {clean(name, 60)!r}{hint}")
        if len(set(task.depends_on)) < len(task.depends_on):
            place.add("depends_on", "names a task twice")
    for circle in cycles([task for _, task in by_name.values()]):
        place = mistakes.inside(task_label(by_name[circle[0].name][0], circle[0].name))
        place.add("depends_on", f"tasks depend on each other in a circle: {circle_text(circle)}")


def check_folders(tasks: Sequence[Task]) -> tuple[str, ...]:
    """Warnings about tasks that work on the same files without one depending on the other: they take turns."""
    before = dependencies(tasks)
    return tuple(
        f"{clean(task.name, 60)} and {clean(other.name, 60)} work on the same folder ({clean(other.folder, 120)}) and "
        "neither depends on the other: they take turns, in the file's order."
        for task, other in combinations(tasks, 2)
        if share(task.place, other.place)
        and task.name not in before[other.name]
        and other.name not in before[task.name]
    )


def task_label(number: int, name: str) -> str:
    """A task in the sentence of a mistake: `task 2 "clean"`."""
    return f'task {number} "{clean(name, 60)}"' if name else f"task {number}"


def _is_inside(path: Path, allowed: tuple[Path, ...]) -> bool:
    return any(path.is_relative_to(os.path.realpath(folder.expanduser())) for folder in allowed)


def _home() -> Path | None:
    try:
        return Path(os.path.realpath(Path.home()))
    except (RuntimeError, OSError):
        return None
