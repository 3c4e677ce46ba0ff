"""Training from Python: a run like any other, waited for. One fork server serves all calls of a process."""

import atexit
import os
import subprocess
import sys
import threading
import time as _clock
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec
from msgspec.structs import replace

from tabsmith.agent_registry import AGENTS
from tabsmith.agents.usage import Usage
from tabsmith.config.settings import AgentName, Mode
from tabsmith.errors import ReportedError, TabsmithError, TrainingError, UsageError, WorkerError
from tabsmith.families.registry import choose_families
from tabsmith.limits import Limits
from tabsmith.modeling import store
from tabsmith.modeling.decisions.goals import parse_goal
from tabsmith.modeling.metric_catalogue import MetricChoice, get_metric
from tabsmith.orchestration.limits import read_budget
from tabsmith.recipes import own_recipes
from tabsmith.recipes.recipe import Recipe
from tabsmith.runs.events import ExitReason, Outcome, RunEvent, RunState, Stop
from tabsmith.runs.folder import RunFolder
from tabsmith.runs.fork_server import ProcessEnvironment, StartRun, child_environment
from tabsmith.runs.snapshot import RunSnapshot, TaskState
from tabsmith.runs.spec import Confirmed, Deferred, Detect, ModelChoice, RunSpec, SchemaChoice, new_run_id
from tabsmith.runs.supervisor import command_offset, fork_server_command
from tabsmith.runs.watch import RunWatch
from tabsmith.tables.read.sources import DatabaseSource, FrameSource, Source, parse_source
from tabsmith.tables.schema.edits import with_event
from tabsmith.tables.schema.types import ManualSchema, Schema
from tabsmith.tables.table import Table, read_table
from tabsmith.text import clean

if TYPE_CHECKING:
    import pandas as pd

    from tabsmith.modeling.model import Model

Trainable: TypeAlias = "pd.DataFrame | str | Path | Table"
"""What `train` learns from: a frame, what `read_table` returned, or what it takes."""

LOOK_EVERY: Final = 0.02
MAX_STOP_SECONDS: Final = 30.0


def train(
    frame_or_path: Trainable,
    target: str,
    *,
    time_limit: float = 60,
    metric: str | None = None,
    model: str | None = None,
    schema: "Schema | ManualSchema | None" = None,
    seed: int = 0,
    iterations: int = 0,
    on_event: Callable[[RunEvent], None] | None = None,
    agent: str = "search",
    budget: str | None = None,
    mode: Mode = "automatic",
    groups: str | None = None,
    time: str | None = None,
    weights: str | None = None,
    event: str | None = None,
    threshold: float | str | None = None,
    cost: str | None = None,
    test: "Trainable | None" = None,
    families: Sequence[str] = (),
    exclude: Sequence[str] = (),
    recipes: "Sequence[Recipe | Mapping[str, object] | str | Path]" = (),
    resume_from: "Model | str | None" = None,
    keep_measured: bool = False,
) -> "Model":
    """Train on a DataFrame, a table that was read (`read_table`), or whatever `read_table` takes: a path, a sample, the
    address of a database. Returns the model that the search found.

    The table: `schema` is what a person has confirmed (`detect_schema`) or says in words. Without one, `groups` and
    `time` name the column by which rows are split, and `weights` the column that says how much a row counts. `test` is
    a table of its own to measure the model on, in place of some of the rows.

    Of a target with two classes, `event` is the class that F1, precision, recall and average precision are about.
    `threshold` is the probability from which on it is predicted, or a metric to tune that for, such as "f1"; `cost`, such
    as "miss=5,alarm=1", tunes it for the least cost.

    The search: `metric` is what models are compared by, and `families` and `exclude` (or `model`, one family) narrow
    what is tried. `recipes` are tried first: Recipe objects, their fields as a mapping, or paths of files. With
    `resume_from`, a model or its id, the recipes of that model and of earlier runs on the table come next. `agent`
    proposes the rest.

    The limits: `time_limit` is in seconds, hold-out and saving included; `iterations` is the most recipes to try (0: as
    many as time allows); `budget` is what an agent may cost, such as "$2" or "100k tokens". In another `mode` than
    "automatic" the run asks, and waits for an answer in the screen or `tabsmith runs attach`. `keep_measured` delivers
    the model that was measured, not one that is fitted again on all rows.

    `on_event` is called in this thread with every event of the run's journal. The work is done in a process of its own;
    interrupting ends it.

    Raises UsageError for what cannot be asked, SchemaError and ReadError for the table, TrainingError when no model
    came out.
    """
    described = _with_event(_with_roles(schema, target, groups, time, weights), target, event or "")
    source, choice = _source_and_schema(frame_or_path, target, described)
    only, left_out = choose_families((*families, model) if model is not None else families, exclude)
    allowed = read_budget(budget or "")
    spec = _new_spec(
        source,
        choice,
        ModelChoice(
            metric=metric_by_name(metric),
            agent=_available(agent),
            limits=Limits(
                seconds=float(time_limit), iterations=int(iterations), dollars=allowed.dollars, tokens=allowed.tokens
            ),
            seed=int(seed),
            goal=parse_goal(None if threshold is None else str(threshold), cost),
            mode=mode,
            families=only,
            exclude=left_out,
            recipes=_own_recipes(recipes),
            resume_from=_model_id(resume_from),
            keep_measured=keep_measured,
        ),
        test=None if test is None else _source_of(test)[0],
    )
    return model_of(_run(spec, on_event))


class TaskFileResult(msgspec.Struct, frozen=True):
    """How the run of a task file ended: as a whole, what its agents used, and each task in the order it was done."""

    run_id: str
    outcome: Outcome
    exit_reason: ExitReason
    usage: Usage
    tasks: tuple[TaskState, ...]


def run_tasks(
    path: str | Path, *, mode: Mode = "automatic", on_event: Callable[[RunEvent], None] | None = None
) -> TaskFileResult:
    """Have agents do the tasks of the file at `path`, as `tabsmith task` does; returns how each of them ended.

    In another `mode` than "automatic" the run asks, and waits for an answer in the screen or `tabsmith runs attach`.
    `on_event` is called in this thread with every event of the run's journal; interrupting ends the work.

    Raises TaskFileError for the file, UsageError for an agent that is not available, and the error that ended the run.
    """
    from tabsmith import config, tasks
    from tabsmith.runs.task_spec import task_run_spec

    settings = config.load()
    file = Path(os.path.abspath(Path(path).expanduser()))  # noqa: PTH100 - Path.absolute keeps `..`
    text = tasks.text_of(file)
    snapshot = _run(
        task_run_spec(
            tasks.parse(text, file, allowed=(*settings.paths.allowed, file.parent)),
            text,
            settings.agents,
            mode=mode,
            breakpoints=settings.agents.breakpoints,
            run_id=new_run_id(),
            now=_clock.time(),
        ),
        on_event,
    )
    if snapshot.outcome is None or snapshot.exit_reason is None or snapshot.spec is None:
        raise _no_outcome(snapshot)
    return TaskFileResult(snapshot.spec.id, snapshot.outcome, snapshot.exit_reason, snapshot.usage, snapshot.tasks)


def _run(spec: RunSpec, on_event: Callable[[RunEvent], None] | None) -> RunSnapshot:
    folder = RunFolder.create(spec)
    start_run(folder)
    return wait(folder, on_event or _ignore)


def _new_spec(source: Source, schema: SchemaChoice, choice: ModelChoice, *, test: Source | None) -> RunSpec:
    return RunSpec(new_run_id(), _clock.time(), source, schema, choice, test)


def wait(folder: RunFolder, on_event: Callable[[RunEvent], None]) -> RunSnapshot:
    """Wait until the run ends; `on_event` gets each event as it comes. KeyboardInterrupt stops the run and is raised again."""
    watch = RunWatch(folder.id, on_event=on_event)
    try:
        while not (snapshot := watch.refresh()).state.ended:
            _clock.sleep(LOOK_EVERY)
    except KeyboardInterrupt:
        stop_and_wait(folder, watch)
        raise
    return snapshot


def stop_and_wait(folder: RunFolder, watch: RunWatch) -> RunSnapshot:
    """Stop the run now, and wait until it has ended and its worker has let go of it: whoever stopped it may delete it."""
    folder.send(Stop())
    deadline = _clock.monotonic() + MAX_STOP_SECONDS
    while (not (snapshot := watch.refresh()).state.ended or folder.alive()) and _clock.monotonic() < deadline:
        _clock.sleep(LOOK_EVERY)
    return snapshot


def model_of(snapshot: RunSnapshot) -> "Model":
    """Return the model of an ended run. Raises the error that ended the run if it produced no model."""
    if snapshot.report is not None:
        from tabsmith.modeling.model import load_model

        return load_model(snapshot.report.model_id)
    raise _no_outcome(snapshot)


def _no_outcome(snapshot: RunSnapshot) -> TabsmithError:
    """The error that says why a run came to nothing."""
    if snapshot.error is not None:
        return ReportedError(snapshot.error)
    if snapshot.state is RunState.INTERRUPTED:
        spec_id = snapshot.spec.id if snapshot.spec else ""
        message = clean(snapshot.message, 500) or "its worker is gone; it can be resumed"
        return WorkerError(f"The run was interrupted: {message}", next_step=f"tabsmith runs resume {spec_id}")
    return TrainingError("The run was stopped before there was a model.", next_step="Give it more time.")


def metric_by_name(text: str | None) -> MetricChoice:
    """Return the name of the metric that `text` means, "default" for None. Raises UsageError, which names the metrics."""
    return "default" if text in (None, "", "default") else get_metric(text).name


def start_run(folder: RunFolder) -> None:
    """Start a worker through this process's fork server; the worker lives on when this process ends."""
    _fork_server.start(folder)


def launch_detached(folder: RunFolder) -> None:
    """Start a worker without a fork server; the worker lives on when this process ends."""
    _reap_detached()
    with folder.log.open("ab") as log:
        _detached.append(
            subprocess.Popen(
                [sys.executable, "-m", "tabsmith.runs.worker", folder.id, str(command_offset(folder))],
                stdin=subprocess.DEVNULL,
                env=child_environment(),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        )


class _LazyForkServer:
    """The fork server of this process, started at the first run and ended with the process."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._guard = threading.Lock()

    def start(self, folder: RunFolder) -> None:
        request = StartRun(folder.id, command_offset(folder), str(folder.log), ProcessEnvironment.here())
        with self._guard:
            if self._process is None or self._process.poll() is not None:
                self._process = subprocess.Popen(
                    fork_server_command(),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    env=child_environment(),
                    start_new_session=True,
                )
                atexit.register(self._end, self._process)
            assert self._process.stdin is not None
            self._process.stdin.write(msgspec.json.encode(request) + b"\n")
            self._process.stdin.flush()

    @staticmethod
    def _end(process: "subprocess.Popen[bytes]") -> None:
        if process.stdin is not None:
            process.stdin.close()
        process.wait()


_fork_server: Final = _LazyForkServer()
_detached: Final[list["subprocess.Popen[bytes]"]] = []  # held only so that those that ended can be reaped


def _reap_detached() -> None:
    _detached[:] = [process for process in _detached if process.poll() is None]


atexit.register(_reap_detached)  # Python warns of each that it does not know to have ended


def _source_of(table: Trainable) -> tuple[Source, str]:
    """The source of a table, and its fingerprint; "" if the table was not read yet."""
    if isinstance(table, str | Path):
        source = parse_source(str(table))
        if isinstance(source, DatabaseSource):  # read here: no other process has its password
            return read_table(source).info.source, ""
        return source, ""
    if isinstance(table, Table):
        return table.info.source, table.info.fingerprint
    from tabsmith.tables.read.frames import from_frame

    info = from_frame(table)
    return FrameSource(info.fingerprint), info.fingerprint


def _source_and_schema(
    frame_or_path: Trainable, target: str, schema: "Schema | ManualSchema | None"
) -> tuple[Source, SchemaChoice]:
    source, fingerprint = _source_of(frame_or_path)
    match schema:
        case None:
            return source, Detect(target)
        case ManualSchema():
            return source, Deferred(schema)
        case Schema():
            return source, Confirmed(schema, fingerprint)


def _with_roles(
    schema: "Schema | ManualSchema | None", target: str, groups: str | None, time: str | None, weights: str | None
) -> "Schema | ManualSchema | None":
    """`schema` with the columns that a caller gave a role. Raises UsageError where a confirmed schema has them already."""
    roles = {name: column for name, column in (("group", groups), ("time", time), ("weight", weights)) if column}
    if not roles:
        return schema
    if isinstance(schema, Schema):
        raise UsageError(
            "The schema says the roles of all columns already.",
            next_step="Leave out groups, time and weights, or give the schema in words (ManualSchema).",
        )
    return replace(schema or ManualSchema(target), **roles)


def _with_event(schema: "Schema | ManualSchema | None", target: str, event: str) -> "Schema | ManualSchema | None":
    """`schema` with the event class of its target, if one is named. Raises SchemaError."""
    if not event:
        return schema
    if isinstance(schema, Schema):
        return with_event(schema, event)
    return replace(schema or ManualSchema(target), event=event)


def _available(agent: str) -> AgentName:
    """The agent of that name. Raises UsageError if there is none, or if it cannot be used here."""
    if agent not in AGENTS:
        raise UsageError(f"There is no agent {clean(agent)!r}.", next_step=f"Choose one of: {', '.join(AGENTS)}.")
    if AGENTS[agent].uses_llm:
        from tabsmith import config
        from tabsmith.agents.backend import require_available

        require_available(agent, config.load().agents)
    return agent


def _own_recipes(given: "Sequence[Recipe | Mapping[str, object] | str | Path]") -> tuple[Recipe, ...]:
    """The recipes of a caller, each checked as far as it can be without the table. Raises RecipeError."""
    recipes: list[Recipe] = []
    for each in given:
        if isinstance(each, Recipe):
            recipes.append(each)
        elif isinstance(each, str | Path):
            recipes += own_recipes.read_recipe_file(Path(each))
        else:
            recipes += own_recipes.read_recipes(msgspec.json.encode(each))
    return own_recipes.checked_recipes(recipes)


def _model_id(model: "Model | str | None") -> str:
    if model is None:
        return ""
    return store.find_model(model if isinstance(model, str) else model.id)


def _ignore(_: RunEvent) -> None:
    return
