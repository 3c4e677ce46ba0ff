"""A task file is read: every mistake in it is found, with its place, before anything runs.

A task file as text, the way a person would have written it: only what is not the default.
"""

import os
import stat
import tomllib
from pathlib import Path
from typing import Final, get_args

import msgspec

from tabsmith.errors import TaskFileError, TaskProblem
from tabsmith.limits import Limits
from tabsmith.tasks.checks import check_accept, check_dependencies, check_folders, check_names, check_patterns, place_of
from tabsmith.tasks.fields import Fields, kind
from tabsmith.tasks.task import SessionMode, Task, TaskAgent, TaskFile, TaskPermissions, WorkspaceChoice
from tabsmith.text import clean, clean_block, plural

LARGEST: Final = 1_000_000  # bytes
MOST_TASKS: Final = 500
_SHOWN: Final = 40  # problems in the message of the error
_DAY: Final = 86_400.0
_BUDGET: Final = ("iterations", "seconds", "tokens", "dollars", "failures")
_MAY: Final = ("read", "write", "run", "network")
_TASK: Final = (
    "name", "goal", "folder", "agent", "accept", "depends_on", "rubric", "conversation", "workspace", "accept_seconds",
    "turns", "silence_seconds", "limits", "may",
)  # fmt: skip


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
    problems: list[TaskProblem] = []
    top = Fields(table, "", problems)
    top.known(("budget", "task"))
    budget = _budget(top.part("budget"))
    tasks = _tasks(table.get("task"), path, allowed, problems)
    warnings: tuple[str, ...] = ()
    if tasks:
        check_names(tasks, problems)
        check_dependencies(tasks, problems)
        if not problems:
            warnings = check_folders(tasks)
    if problems:
        raise _refusal(path, problems)
    return TaskFile(path, budget, tasks, warnings)


def _tasks(raw: object, path: Path, allowed: tuple[Path, ...], problems: list[TaskProblem]) -> tuple[Task, ...]:
    if raw is None or raw == []:
        problems.append(TaskProblem("", "there is no task: write a table [[task]] with name, goal, folder and accept"))
        return ()
    if not isinstance(raw, list):
        hint = "write [[task]] with two brackets" if isinstance(raw, dict) else "write tables [[task]]"
        problems.append(TaskProblem("task", f"must be a list of tables, not {kind(raw)}: {hint}"))
        return ()
    if len(raw) > MOST_TASKS:
        problems.append(TaskProblem("task", f"there are {len(raw):,} tasks; a file may hold {MOST_TASKS}"))
        return ()
    return tuple(
        _task(Fields(each, _place(number, each), problems), path, allowed) for number, each in enumerate(raw, 1)
    )


def _place(number: int, raw: object) -> str:
    name = raw.get("name") if isinstance(raw, dict) else None
    return f'task {number} "{clean(name, 60)}"' if isinstance(name, str) and name.strip() else f"task {number}"


def _task(fields: Fields, path: Path, allowed: tuple[Path, ...]) -> Task:
    fields.known(_TASK)
    folder = fields.text("folder")
    place = place_of(fields, folder, path, allowed) if folder else None
    accept = fields.text("accept", lines=True)
    if accept:
        check_accept(fields, accept, place)
    return Task(
        name=fields.text("name"),
        goal=fields.text("goal", lines=True),
        folder=folder,
        accept=accept,
        agent=fields.choice("agent", get_args(TaskAgent), "claude-code"),
        depends_on=fields.texts("depends_on"),
        rubric=fields.text("rubric", "", lines=True),
        conversation=fields.choice("conversation", get_args(SessionMode), "fresh"),
        workspace=fields.choice("workspace", get_args(WorkspaceChoice), "auto"),
        accept_seconds=fields.number("accept_seconds", _DAY, 120.0),
        turns=fields.whole("turns", 10_000),
        silence_seconds=fields.number("silence_seconds", _DAY),
        limits=_budget(fields.part("limits")),
        may=_may(fields.part("may"), allowed),
        place=place or Path(),
    )


def _budget(fields: Fields) -> Limits:
    fields.known(_BUDGET)
    return Limits(
        iterations=fields.whole("iterations", 1_000_000),
        seconds=fields.number("seconds", 365 * _DAY),
        tokens=fields.whole("tokens", 10**12),
        dollars=fields.dollars("dollars"),
        failures=fields.whole("failures", 1_000_000),
    )


def _may(fields: Fields, allowed: tuple[Path, ...]) -> TaskPermissions:
    fields.known(_MAY)
    may = TaskPermissions(
        read=fields.texts("read", TaskPermissions().read),
        write=fields.texts("write", TaskPermissions().write),
        run=fields.texts("run"),
        network=fields.switch("network", TaskPermissions().network),
    )
    check_patterns(fields, may, allowed)
    return may


def text_of(path: Path) -> str:
    """The text of the task file at `path`. Raises TaskFileError for what is no file of text."""
    where = clean(path, 300)
    try:
        # O_NONBLOCK: a pipe in the file's place must not stop the program.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise TaskFileError("The task file is a pipe or a device, not a file.", where=where)
            data = file.read(LARGEST + 1)
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
    if len(data) > LARGEST:
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
    lines = [clean_block(each, 500) for each in problems[:_SHOWN]]
    if len(problems) > _SHOWN:
        lines.append(f"and {plural(len(problems) - _SHOWN, 'more mistake')}")
    what = f"The task file has {plural(len(problems), 'mistake')}:\n" + "\n".join(f"- {line}" for line in lines)
    if len(problems) == 1:
        what = f"The task file has a mistake. {lines[0]}"
    return TaskFileError(
        what, where=clean(path, 300), next_step="Nothing was started. Mend the file.", problems=tuple(problems)
    )


_DERIVED: Final = frozenset({"place"})
_TABLES: Final = frozenset({"limits", "may"})


def write(task_file: TaskFile) -> str:
    """The TOML of `task_file`: read again at the same path, it gives an equal value."""
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
        mine = getattr(value, name)
        if name not in _DERIVED and mine != getattr(default, name):
            fields[name] = list(mine) if isinstance(mine, tuple) else mine
    return fields
