"""The work that a conversation asks for, the functions that have the supervisor do it, and the run that is awaited.

A `StepResult` carries at most one effect. CheckPath and RemoveSession are carried out by `Conversation` itself. A
background job (`runs.jobs`) is run by the screen or the bridge, and its result is given back to the conversation as the
next action. A run is started or resumed; its journal tells how it goes on. If the user goes back or cancels, the
surface ends the job that is under way.
"""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

import msgspec
from msgspec.structs import replace

from tabsmith.errors import ErrorReport, RunNotFoundError, report_of
from tabsmith.runs.events import RunState
from tabsmith.runs.jobs import (
    AskTable,
    DetectSchema,
    EstimateTable,
    Job,
    JobFailed,
    JobResult,
    Predict,
    PreviewSource,
    Progressed,
    ReadTable,
)
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.runs.spec import RunSpec
from tabsmith.tables.read.sources import ReadOptions, describe_source
from tabsmith.text import clean
from tabsmith.workflow import actions

if TYPE_CHECKING:
    from tabsmith.runs.supervisor import Supervisor
    from tabsmith.runs.watch import RunWatch


class CheckPath(msgspec.Struct, frozen=True, tag="check_path", tag_field="effect"):
    """Check whether a file may be read: PathAccepted or PathRefused. `path` and `out` are as the user typed them."""

    path: str
    as_text: bool = False
    options: ReadOptions = ReadOptions()
    out: str = ""
    allow_missing: bool = False


class StartTraining(msgspec.Struct, frozen=True, tag="start_training", tag_field="effect"):
    """Start a run, with the names and paths in `spec` as the user typed them: RunFailed if it does not start; later RunFinished, RunStopped, RunFailed or RunInterrupted."""

    spec: RunSpec
    recipe_file: str = ""  # the path of the user's own recipes, which are read when the run starts


class ResumeTraining(msgspec.Struct, frozen=True, tag="resume_training", tag_field="effect"):
    """Resume an interrupted run, with the same results as StartTraining."""

    run_id: str


class RemoveSession(msgspec.Struct, frozen=True, tag="remove_session", tag_field="effect"):
    """Remove the session's document."""


JobEffect: TypeAlias = ReadTable | DetectSchema | Predict
RunEffect: TypeAlias = StartTraining | ResumeTraining
Effect: TypeAlias = CheckPath | JobEffect | RunEffect | RemoveSession


def describe_job(job: Job) -> str:
    """A label such as "reading houses.csv" for the line that shows the progress of `job`."""
    match job:
        case ReadTable(source=source) | EstimateTable(source=source) | PreviewSource(source=source):
            return f"reading {clean(describe_source(source), 60)}"
        case DetectSchema(target=target):
            return f"looking at the columns for the target {clean(target, 60)}"
        case Predict(source=source):
            return f"predicting {clean(describe_source(source), 60)}"
        case AskTable(info=info):
            return f"asking {clean(describe_source(info.source), 60)}"


async def run_job(
    job: Job, supervisor: "Supervisor", on_progress: Callable[[Progressed], None] = lambda _progress: None
) -> JobResult:
    """The result of `job`; whatever error ends it becomes a JobFailed. Cancelling ends the job's process."""
    try:
        return await supervisor.job(job, on_progress)
    except Exception as error:  # noqa: BLE001 - the step shows every error of a job by its own name
        return JobFailed(report_of(error))


async def start_run(effect: RunEffect, supervisor: "Supervisor") -> actions.RunFailed | None:
    """Start or resume a run; None if its worker is under way."""
    run_id = effect.spec.id if isinstance(effect, StartTraining) else effect.run_id
    try:
        if isinstance(effect, StartTraining):
            await supervisor.start_run(await asyncio.to_thread(_resolved, effect))
        else:
            await supervisor.resume_run(run_id)
    except Exception as error:  # noqa: BLE001 - the step shows every error of a start by its own name
        return actions.RunFailed(run_id, report_of(error))
    return None


def _resolved(effect: StartTraining) -> RunSpec:
    """The specification with the user's own recipes, the id of the model to go on from, and the test set's path as it
    stands on this machine. Raises RecipeError, ModelNotFoundError and PathError."""
    spec, choice = effect.spec, effect.spec.choice
    if effect.recipe_file:
        from tabsmith.recipes.own_recipes import read_recipe_file

        choice = replace(choice, recipes=read_recipe_file(Path(effect.recipe_file)))
    if choice.resume_from:
        from tabsmith.modeling.store import find_model

        choice = replace(choice, resume_from=find_model(choice.resume_from))
    test = spec.test
    if test is not None:
        from tabsmith import config
        from tabsmith.tables.read.file_sets import with_absolute_paths

        test = with_absolute_paths(test, config.load().paths.max_mb)
    return replace(spec, choice=choice, test=test)


RESUME_SECONDS: Final = 60.0
"""Seconds that a worker may take from being asked to resume a run to its first event."""

RunEndAction: TypeAlias = actions.RunFinished | actions.RunStopped | actions.RunFailed | actions.RunInterrupted


def run_snapshot(run_id: str) -> RunSnapshot | None:
    """The run as its journal tells it now; None if there is no such run."""
    from tabsmith.runs.watch import RunWatch

    try:
        return RunWatch(run_id).refresh()
    except RunNotFoundError:
        return None


def run_end_action(run_id: str, run: RunSnapshot) -> RunEndAction | None:
    """The action that the end of a run means for the conversation; None while the run goes on."""
    if not run.state.ended:
        return None
    if run.state == RunState.INTERRUPTED:
        return actions.RunInterrupted(run_id)
    if run.report is not None:
        return actions.RunFinished(run.report)
    if run.error is None and run.outcome == "cancelled":
        return actions.RunStopped(run_id)
    unknown = ErrorReport(
        "TrainingError", "The run ended without a model.", where=f"run {run_id}", next_step="Its log may say why."
    )
    return actions.RunFailed(run_id, run.error or unknown)


class AwaitedRunView(NamedTuple):
    """The run as it is now, and the action that its end means; None while it goes on."""

    run: RunSnapshot
    end: RunEndAction | None


class AwaitedRun:
    """Follows the journal of the awaited run; each look reads only what is new."""

    def __init__(self) -> None:
        self._watch: RunWatch | None = None
        self._ended_attempt = 0
        self._resumed_at = 0.0

    def resumed(self, run_id: str) -> None:
        """Note that the run is about to be resumed: the end of its last attempt no longer counts."""
        self._watch = None
        self._ended_attempt = 0
        view = self.look(run_id)
        self._ended_attempt = view.run.attempt if view else 0
        self._resumed_at = time.monotonic()

    def look(self, run_id: str) -> AwaitedRunView | None:
        """The run now; None while it is being started or resumed."""
        from tabsmith.runs.watch import RunWatch

        try:
            if self._watch is None or self._watch.folder.id != run_id:
                self._watch = RunWatch(run_id)
                self._ended_attempt = 0
        except RunNotFoundError:
            return None
        run = self._watch.refresh()
        late = time.monotonic() - self._resumed_at > RESUME_SECONDS
        if run.state.ended and run.attempt == self._ended_attempt and not late:
            return None
        return AwaitedRunView(run, run_end_action(run_id, run))
