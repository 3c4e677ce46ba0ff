"""A task file as it is typed in a form: texts that may still be wrong, and what is wrong with each of them.

A run of a task file, asked for: the same from the command line and from the screen.
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, get_args

import msgspec

from tabsmith import tasks
from tabsmith.agents.availability import require_available
from tabsmith.config.settings import AgentSettings
from tabsmith.errors import TaskFileError
from tabsmith.limits import Limits
from tabsmith.orchestration.questions import Mode
from tabsmith.runs.spec import Detect, ModelChoice, RunSpec
from tabsmith.tables.read.sources import TasksSource
from tabsmith.tasks import Task, TaskFile
from tabsmith.tasks.task import TaskAgent
from tabsmith.text import clean
from tabsmith.workflow.inputs import read_budget, show_budget

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
    """Fields of one part of the form as text. A problem of a field is shown once it is `touched`: typed in, or asked
    to be saved."""

    texts: dict[str, str]
    touched: set[str] = field(default_factory=set)


@dataclass(slots=True)
class TaskDraft(Draft):
    """A task; `base` keeps what the form does not show."""

    base: Task = _EMPTY


@dataclass(slots=True)
class FileDraft(Draft):
    """The file: where it lies, its budget, its tasks."""

    base: Limits = _NO_LIMIT
    tasks: list[TaskDraft] = field(default_factory=list)


class FieldProblem(msgspec.Struct, frozen=True):
    """What is wrong: in the task of this number, from 1, or in the file (0); in a field, or in none that is shown."""

    task: int
    field: str
    what: str


class CheckedDraft(msgspec.Struct, frozen=True):
    """What a draft comes to: its text, and either the tasks or everything that is wrong."""

    path: Path
    text: str
    found: TaskFile | None
    misfits: tuple[FieldProblem, ...]


def new_file() -> FileDraft:
    """A file with one empty task."""
    return FileDraft(dict.fromkeys(FILE_FIELDS, "") | {"file": NEW_PATH}, tasks=[new_task()])


def new_task() -> TaskDraft:
    """An empty task."""
    return _task_draft(_EMPTY)


def draft_of(found: TaskFile) -> FileDraft:
    """An existing file in the form."""
    budget = found.budget
    texts = {
        "file": str(found.path),
        "iterations": str(budget.iterations or ""),
        "dollars": budget.dollars,
        "seconds": f"{budget.seconds:.6f}".rstrip("0").rstrip(".") if budget.seconds else "",
    }
    made = FileDraft(texts, base=budget, tasks=[_task_draft(each) for each in found.tasks])
    touch_all(made)
    return made


def touch_all(draft: FileDraft) -> None:
    """Show every problem from now on."""
    for each in (draft, *draft.tasks):
        each.touched.update(each.texts)


def check(draft: FileDraft, allowed: tuple[Path, ...]) -> CheckedDraft:
    """Everything that is wrong with what is typed. Looks at folders and programs: call it off the UI thread."""
    misfits: list[FieldProblem] = []
    path = _path(draft.texts["file"], misfits)
    budget = msgspec.structs.replace(
        draft.base,
        iterations=int(_number(draft.texts, "iterations", _WHOLE, "a whole number such as 20", misfits)),
        dollars=draft.texts["dollars"].strip(),
        seconds=float(_number(draft.texts, "seconds", _NUMBER, "a number such as 600", misfits)),
    )
    text = tasks.write(TaskFile(path, budget, tuple(_task(each) for each in draft.tasks)))
    found: TaskFile | None = None
    try:
        found = tasks.parse(text, path, allowed=(*allowed, path.parent))
    except TaskFileError as error:
        misfits += [_misfit(each.place, each.what, draft) for each in error.problems]
        if not error.problems:
            misfits.append(FieldProblem(0, "", error.what))
    misfits.sort(key=_order)
    return CheckedDraft(path, text, None if misfits else found, tuple(misfits))


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
        agent=next(each for each in get_args(TaskAgent) if each == texts["agent"]),
        accept=texts["accept"],
        depends_on=tuple(each.strip() for each in texts["depends_on"].split(",") if each.strip()),
        rubric=texts["rubric"] if texts["rubric"].strip() else "",
        may=msgspec.structs.replace(
            draft.base.may, run=tuple(each.strip() for each in texts["run"].splitlines() if each.strip())
        ),
    )


def _path(text: str, misfits: list[FieldProblem]) -> Path:
    try:
        path = Path(os.path.abspath(Path(text.strip() or NEW_PATH).expanduser()))  # noqa: PTH100 - keeps no `..`
    except RuntimeError as error:  # `~nobody/x`
        misfits.append(FieldProblem(0, "file", f"cannot be found: {clean(error)}"))
        return Path(os.path.abspath(NEW_PATH))  # noqa: PTH100
    if not text.strip():
        misfits.append(FieldProblem(0, "file", "is empty: type where to write it"))
    elif path.is_dir():
        misfits.append(FieldProblem(0, "file", "is a folder: add a name, such as tasks.toml"))
    return path


def _number(
    texts: Mapping[str, str], name: str, form: re.Pattern[str], what: str, misfits: list[FieldProblem]
) -> float | int | str:
    typed = texts[name].strip().replace(",", "").replace("_", "")
    if not typed:
        return 0
    if not form.fullmatch(typed):
        misfits.append(FieldProblem(0, name, f"must be {what}"))
        return 0
    return typed


def _order(misfit: FieldProblem) -> tuple[int, int]:
    """As the form goes, so that one is led to the first."""
    names = (*FILE_FIELDS, *TASK_FIELDS)
    return misfit.task, names.index(misfit.field) if misfit.field in names else len(names)


def _misfit(place: str, what: str, draft: FileDraft) -> FieldProblem:
    """A problem at the field that its place names: `task 2 "clean": may: run`."""
    match = _PLACE.match(place)
    if match is None:
        name = place.removeprefix("budget: ")
        return (
            FieldProblem(0, name, what)
            if name in FILE_FIELDS
            else FieldProblem(0, "", f"{place}: {what}" if place else what)
        )
    number = int(match[1])
    name = clean(draft.tasks[number - 1].texts["name"].strip(), 60)
    key = place[match.end() :].removeprefix(f' "{name}"').removeprefix(": ")
    shown = "run" if key == "may: run" else key
    if shown in TASK_FIELDS:
        return FieldProblem(number, shown, what)
    return FieldProblem(number, "", f"{key}: {what}" if key else what)


def task_run_spec(
    found: TaskFile,
    text: str,
    settings: AgentSettings,
    *,
    mode: Mode,
    breakpoints: Sequence[str],
    run_id: str,
    now: float,
) -> RunSpec:
    """The run of the tasks `found` in `text`. Raises UsageError for an agent that cannot be used here, ConditionError
    for a breakpoint that is none or has a name that is not known."""
    from tabsmith.conditions.built_in import parse_condition

    for each in breakpoints:
        parse_condition(each)
    for agent in dict.fromkeys(each.agent for each in found.tasks):
        require_available(agent, settings)
    choice = ModelChoice(
        agent=found.tasks[0].agent,
        limits=task_limits(found.budget, settings),
        mode=mode,
        breakpoints=tuple(breakpoints),
    )
    return RunSpec(run_id, now, TasksSource(str(found.path), text), Detect(), choice)


def task_limits(budget: Limits, settings: AgentSettings) -> Limits:
    """The file's budget; where it names neither dollars nor tokens, the dollars of the settings."""
    default = "" if budget.dollars or budget.tokens else read_budget(show_budget(settings.dollars)).dollars
    return msgspec.structs.replace(budget, dollars=budget.dollars or default)
