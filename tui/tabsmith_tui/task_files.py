"""Task files: the form in which one is typed, with the problems of each field."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from tabsmith import tasks
from tabsmith.errors import TaskFileError
from tabsmith.limits import Limits
from tabsmith.tasks import Task, TaskFile
from tabsmith.text import clean

FILE_FIELDS: Final = ("file", "iterations", "dollars", "seconds")
TASK_FIELDS: Final = ("name", "goal", "folder", "agent", "accept", "depends_on", "run", "rubric")
NEW_PATH: Final = "tasks.toml"
_EMPTY: Final = Task(name="", goal="", folder="", accept="")
_NO_LIMIT: Final = Limits()
_WHOLE: Final = re.compile(r"-?[0-9]{1,15}")
_NUMBER: Final = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,6})?")
_PLACE: Final = re.compile(r"task ([0-9]+)\b")


@dataclass(slots=True)
class Draft:
    """The fields of one part of the form as text. The problems of a field are shown once it is `touched`: typed in, or
    asked to be saved."""

    texts: dict[str, str]
    touched: set[str] = field(default_factory=set)


@dataclass(slots=True)
class TaskDraft(Draft):
    """The part of a task; `base` keeps the fields that the form does not show."""

    base: Task = _EMPTY


@dataclass(slots=True)
class FileDraft(Draft):
    """The part of the file (its path and budget), and the parts of its tasks."""

    base: Limits = _NO_LIMIT
    tasks: list[TaskDraft] = field(default_factory=list)


class TaskFieldProblem(msgspec.Struct, frozen=True):
    """A problem with a task (numbered from 1; 0 is the file), at a field of the form ("" for none that is shown)."""

    task: int
    field: str
    what: str


class CheckedDraft(msgspec.Struct, frozen=True):
    """A checked draft: the file's text, and the parsed file or, if it is None, the problems."""

    path: Path
    text: str
    parsed: TaskFile | None
    problems: tuple[TaskFieldProblem, ...]


def new_file() -> FileDraft:
    """Return a draft with one empty task."""
    return FileDraft(dict.fromkeys(FILE_FIELDS, "") | {"file": NEW_PATH}, tasks=[new_task()])


def new_task() -> TaskDraft:
    """Return an empty task."""
    return _task_draft(_EMPTY)


def draft_of(task_file: TaskFile) -> FileDraft:
    """Put an existing file into the form."""
    budget = task_file.budget
    texts = {
        "file": str(task_file.path),
        "iterations": str(budget.iterations or ""),
        "dollars": budget.dollars,
        "seconds": f"{budget.seconds:.6f}".rstrip("0").rstrip(".") if budget.seconds else "",
    }
    draft = FileDraft(texts, base=budget, tasks=[_task_draft(task) for task in task_file.tasks])
    touch_all(draft)
    return draft


def touch_all(draft: FileDraft) -> None:
    """Show the problems of every field from now on."""
    for part in (draft, *draft.tasks):
        part.touched.update(part.texts)


def check(draft: FileDraft, allowed: tuple[Path, ...]) -> CheckedDraft:
    """Check everything that is typed. Reads folders and looks for programs: call it in a thread."""
    problems: list[TaskFieldProblem] = []
    path = _path(draft.texts["file"], problems)
    budget = msgspec.structs.replace(
        draft.base,
        iterations=int(_number(draft.texts, "iterations", _WHOLE, "a whole number such as 20", problems)),
        dollars=draft.texts["dollars"].strip(),
        seconds=float(_number(draft.texts, "seconds", _NUMBER, "a number such as 600", problems)),
    )
    text = tasks.write(TaskFile(path, budget, tuple(_task(task) for task in draft.tasks)))
    parsed: TaskFile | None = None
    try:
        parsed = tasks.parse(text, path, allowed=(*allowed, path.parent))
    except TaskFileError as error:
        problems += [_field_problem(problem.place, problem.what, draft) for problem in error.problems]
        if not error.problems:
            problems.append(TaskFieldProblem(0, "", error.what))
    problems.sort(key=_order)
    return CheckedDraft(path, text, None if problems else parsed, tuple(problems))


def _task_draft(task: Task) -> TaskDraft:
    texts = {
        "name": task.name,
        "goal": task.goal,
        "folder": task.folder,
        "agent": task.agent,
        "accept": task.accept,
        "depends_on": ", ".join(task.depends_on),
        "run": "\n".join(task.may.run),
        "rubric": task.rubric,
    }
    return TaskDraft(texts, base=task)


def _task(draft: TaskDraft) -> Task:
    texts = draft.texts
    return msgspec.structs.replace(
        draft.base,
        name=texts["name"].strip(),
        goal=texts["goal"],
        folder=texts["folder"].strip(),
        agent=texts["agent"],
        accept=texts["accept"],
        depends_on=tuple(name.strip() for name in texts["depends_on"].split(",") if name.strip()),
        rubric=texts["rubric"] if texts["rubric"].strip() else "",
        may=msgspec.structs.replace(
            draft.base.may, run=tuple(line.strip() for line in texts["run"].splitlines() if line.strip())
        ),
    )


def _path(text: str, problems: list[TaskFieldProblem]) -> Path:
    try:
        path = Path(os.path.abspath(Path(text.strip() or NEW_PATH).expanduser()))  # noqa: PTH100 - keeps no `..`
    except RuntimeError as error:  # `~nobody/x`
        problems.append(TaskFieldProblem(0, "file", f"cannot be found: {clean(error)}"))
        return Path(os.path.abspath(NEW_PATH))  # noqa: PTH100
    if not text.strip():
        problems.append(TaskFieldProblem(0, "file", "is empty: type a path"))
    elif path.is_dir():
        problems.append(TaskFieldProblem(0, "file", "is a folder: add a name, such as tasks.toml"))
    return path


def _number(
    texts: Mapping[str, str], name: str, form: re.Pattern[str], what: str, problems: list[TaskFieldProblem]
) -> float | int | str:
    typed = texts[name].strip().replace(",", "").replace("_", "")
    if not typed:
        return 0
    if not form.fullmatch(typed):
        problems.append(TaskFieldProblem(0, name, f"must be {what}"))
        return 0
    return typed


def _order(problem: TaskFieldProblem) -> tuple[int, int]:
    """Sort problems as the form shows its fields."""
    names = (*FILE_FIELDS, *TASK_FIELDS)
    return problem.task, names.index(problem.field) if problem.field in names else len(names)


def _field_problem(place: str, what: str, draft: FileDraft) -> TaskFieldProblem:
    """Find the field that a problem's place names, such as `task 2 "clean": may: run`."""
    match = _PLACE.match(place)
    if match is None:
        name = place.removeprefix("budget: ")
        if name in FILE_FIELDS:
            return TaskFieldProblem(0, name, what)
        return TaskFieldProblem(0, "", f"{place}: {what}" if place else what)
    number = int(match[1])
    name = clean(draft.tasks[number - 1].texts["name"].strip(), 60)
    key = place[match.end() :].removeprefix(f' "{name}"').removeprefix(": ")
    field_name = "run" if key == "may: run" else key
    if field_name in TASK_FIELDS:
        return TaskFieldProblem(number, field_name, what)
    return TaskFieldProblem(number, "", f"{key}: {what}" if key else what)
