"""Task files are read and written. Reading finds every mistake, with its place, before anything runs."""

import os
import stat
import tomllib
from pathlib import Path
from typing import Final

import msgspec

from tabsmith.errors import TaskFileError, TaskProblem
from tabsmith.limits import Limits
from tabsmith.tasks.checks import (
    check_accept,
    check_dependencies,
    check_folders,
    check_names,
    check_patterns,
    resolve_folder,
    task_label,
)
from tabsmith.tasks.convert import Mistakes, check_keys, convert_limits, convert_table, toml_type
from tabsmith.tasks.task import Task, TaskFile, TaskPermissions
from tabsmith.text import clean, clean_block, plural

MAX_BYTES: Final = 1_000_000
MAX_TASKS: Final = 500
_PROBLEMS_SHOWN: Final = 40
_DERIVED: Final = frozenset({"place"})
_TABLES: Final = frozenset({"limits", "may"})


def read(path: Path, *, allowed: tuple[Path, ...]) -> TaskFile:
    """The task file at `path`, whose folders must lie in the `allowed` ones.

    Raises TaskFileError with all of its mistakes.
    """
    return parse(text_of(path), path, allowed=allowed)


def parse(text: str, path: Path, *, allowed: tuple[Path, ...]) -> TaskFile:
    """Like `read`, for text that would stand in a file at `path`."""
    path = Path(os.path.abspath(path))  # noqa: PTH100 - Path.absolute keeps `..`
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # TOMLDecodeError is a ValueError and names the line
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else clean(error, 300)
        raise TaskFileError(
            f"The task file is not valid TOML: {reason}.", where=clean(path, 300), next_step="Mend that line."
        ) from error
    mistakes = Mistakes()
    check_keys(table, dict.fromkeys(("budget", "task")), mistakes)
    budget = convert_limits(table.get("budget", {}), mistakes.inside("budget"))
    tasks = _tasks(table.get("task"), path, allowed, mistakes)
    check_names(tasks, mistakes)
    check_dependencies(tasks, mistakes)
    if mistakes.problems:
        raise _refusal(path, mistakes.problems)
    warnings = check_folders(tasks)
    return TaskFile(path, budget, tasks, warnings)


def _tasks(raw: object, path: Path, allowed: tuple[Path, ...], mistakes: Mistakes) -> tuple[Task, ...]:
    if raw is None or raw == []:
        mistakes.add("", "there is no task: write a table [[task]] with name, goal, folder and accept")
        return ()
    if not isinstance(raw, list):
        hint = "write [[task]] with two brackets" if isinstance(raw, dict) else "write tables [[task]]"
        mistakes.add("task", f"must be a list of tables, not {toml_type(raw)}: {hint}")
        return ()
    if len(raw) > MAX_TASKS:
        mistakes.add("task", f"there are {len(raw):,} tasks; a file may hold {MAX_TASKS}")
        return ()
    tasks = []
    for number, table in enumerate(raw, 1):
        name = table.get("name") if isinstance(table, dict) else None
        label = task_label(number, name if isinstance(name, str) and name.strip() else "")
        tasks.append(_task(table, mistakes.inside(label), path, allowed))
    return tuple(tasks)


def _task(raw: object, mistakes: Mistakes, path: Path, allowed: tuple[Path, ...]) -> Task:
    task = convert_table(raw, Task, mistakes)
    place = resolve_folder(task.folder, path, allowed, mistakes) if task.folder else None
    if task.accept:
        check_accept(task.accept, place, mistakes)
    check_patterns(task.may, allowed, mistakes.inside("may"))
    return msgspec.structs.replace(task, place=place or Path())


def text_of(path: Path) -> str:
    """The text of the task file at `path`. Raises TaskFileError if it is not a file of UTF-8 text."""
    where = clean(path, 300)
    try:
        # O_NONBLOCK: a pipe in the file's place must not stop the program.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise TaskFileError("The task file is a pipe or a device, not a file.", where=where)
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise TaskFileError(
            "There is no task file at this path.", where=where, next_step="Check the spelling of its name."
        ) from error
    except IsADirectoryError as error:
        raise TaskFileError(
            "This is a folder, not a task file.", where=where, next_step="Give the path of a .toml file in it."
        ) from error
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        reason = clean(getattr(error, "strerror", None) or error)
        raise TaskFileError(
            f"The task file cannot be read: {reason}.", where=where, next_step="Check its path and its permissions."
        ) from error
    if len(data) > MAX_BYTES:
        raise TaskFileError(
            "The task file is over 1 MB.", where=where, next_step="Keep goals short; put data in files of the folder."
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise TaskFileError(
            f"The task file is not UTF-8 text: line {line} holds the byte 0x{data[error.start]:02x}.",
            where=where,
            next_step="Save it as UTF-8.",
        ) from error


def _refusal(path: Path, problems: list[TaskProblem]) -> TaskFileError:
    lines = [clean_block(problem, 500) for problem in problems[:_PROBLEMS_SHOWN]]
    if len(problems) > _PROBLEMS_SHOWN:
        lines.append(f"and {plural(len(problems) - _PROBLEMS_SHOWN, 'more mistake')}")
    what = f"The task file has {plural(len(problems), 'mistake')}:\n" + "\n".join(f"- {line}" for line in lines)
    if len(problems) == 1:
        what = f"The task file has a mistake. {lines[0]}"
    return TaskFileError(
        what, where=clean(path, 300), next_step="Nothing was started. Mend the file.", problems=tuple(problems)
    )


def write(task_file: TaskFile) -> str:
    """The TOML of `task_file`, as a person would write it: values that are the default are left out.

    Read again at the same path, it gives an equal value.
    """
    budget = _changed(task_file.budget, Limits())
    parts = [_table("[budget]", budget)] if budget else []
    for task in task_file.tasks:
        parts.append(_table("[[task]]", _fields(task)))
        parts += [
            _table(f"[task.{name}]", changed)
            for name, changed in (
                ("limits", _changed(task.limits, Limits())),
                ("may", _changed(task.may, TaskPermissions())),
            )
            if changed
        ]
    return "\n".join(parts)


def _fields(task: Task) -> dict[str, object]:
    required = {"name": task.name, "goal": task.goal, "folder": task.folder, "agent": task.agent, "accept": task.accept}
    changed = _changed(task, Task(name="", goal="", folder="", accept=""))
    return required | {name: value for name, value in changed.items() if name not in _TABLES}


def _table(header: str, fields: dict[str, object]) -> str:
    import tomli_w

    body = tomli_w.dumps(fields)
    if "\\r" not in body:  # a long goal reads better over several lines, but there a carriage return would be lost
        body = tomli_w.dumps(fields, multiline_strings=True)
    return f"{header}\n{body}"


def _changed(value: msgspec.Struct, default: msgspec.Struct) -> dict[str, object]:
    fields: dict[str, object] = {}
    for name in value.__struct_fields__:
        current = getattr(value, name)
        if name not in _DERIVED and current != getattr(default, name):
            fields[name] = list(current) if isinstance(current, tuple) else current
    return fields
