"""The work that a conversation asks for, and the functions that have the supervisor do it.

A `StepResult` carries at most one effect. CheckPath and RemoveSession are carried out by `Conversation` itself. A
background job (`runs.jobs`) is run by the screen or the bridge, and its result is given back to the conversation as the
next action. A run is started or resumed; its journal tells how it goes on. If the user goes back or cancels, the
surface ends the job that is under way.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from tabsmith.errors import report_of
from tabsmith.runs.jobs import DetectSchema, EstimateTable, Job, JobFailed, JobResult, Predict, Progressed, ReadTable
from tabsmith.runs.spec import RunSpec
from tabsmith.tables.read.sources import describe_source
from tabsmith.text import clean
from tabsmith.workflow import actions

if TYPE_CHECKING:
    from tabsmith.runs.supervisor import Supervisor


class CheckPath(msgspec.Struct, frozen=True, tag="check_path", tag_field="effect"):
    """Check whether a file may be read: PathAccepted or PathRefused. `path` and `out` are as the user typed them."""

    path: str
    as_text: bool = False
    out: str = ""


class StartTraining(msgspec.Struct, frozen=True, tag="start_training", tag_field="effect"):
    """Start a run: RunFailed if it does not start; later RunFinished, RunStopped, RunFailed or RunInterrupted."""

    spec: RunSpec


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
        case ReadTable(source=source) | EstimateTable(source=source):
            return f"reading {clean(describe_source(source), 60)}"
        case DetectSchema(target=target):
            return f"looking at the columns for the target {clean(target, 60)}"
        case Predict(source=source):
            return f"predicting {clean(describe_source(source), 60)}"


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
            await supervisor.start_run(effect.spec)
        else:
            await supervisor.resume_run(run_id)
    except Exception as error:  # noqa: BLE001 - the step shows every error of a start by its own name
        return actions.RunFailed(run_id, report_of(error))
    return None
