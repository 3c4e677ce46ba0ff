"""What the conversation asks its surroundings to do; each is answered with a value of `answers`.

CheckPath is carried out by `Conversation` itself. All others belong to the screen or the bridge, by way of the
supervisor. Going back or cancelling means: end the work that is under way.

What the conversation asks to be done, carried out by the supervisor, and the result as an answer. No widgets.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from tabsmith.errors import ErrorReport, report_of
from tabsmith.runs.jobs import (
    DetectSchema,
    Estimated,
    EstimateTable,
    Job,
    JobFailed,
    Predict,
    Predicted,
    Progressed,
    ReadTable,
    SchemaDetected,
    TableRead,
)
from tabsmith.runs.spec import RunSpec
from tabsmith.tables.info import Estimate, Preview, TableInfo
from tabsmith.tables.read.sources import Source, describe_source
from tabsmith.text import clean
from tabsmith.workflow import actions

if TYPE_CHECKING:
    from tabsmith.runs.supervisor import Supervisor


class CheckPath(msgspec.Struct, frozen=True, tag="check_path", tag_field="effect"):
    """May this file be read? `path`, and `out` where given, are as typed. -> PathAccepted | PathRefused"""

    path: str
    as_text: bool = False
    out: str = ""


class ReadSource(msgspec.Struct, frozen=True, tag="read_source", tag_field="effect"):
    """Read and understand the table (job ReadTable) -> TableLoaded | LoadFailed"""

    source: Source


class DetectTarget(msgspec.Struct, frozen=True, tag="detect_target", tag_field="effect"):
    """Understand the table for another target (job DetectSchema) -> TargetDetected | DetectFailed"""

    info: TableInfo
    target: str


class StartTraining(msgspec.Struct, frozen=True, tag="start_training", tag_field="effect"):
    """Start the run -> RunFailed when it does not start; later RunFinished | RunStopped | RunFailed | RunInterrupted"""

    spec: RunSpec


class ResumeTraining(msgspec.Struct, frozen=True, tag="resume_training", tag_field="effect"):
    """Resume an interrupted run -> as StartTraining"""

    run_id: str


class PredictFile(msgspec.Struct, frozen=True, tag="predict_file", tag_field="effect"):
    """Predict new rows (job Predict) -> PredictionDone | PredictionFailed"""

    model_id: str
    source: Source
    out: str


class RemoveSession(msgspec.Struct, frozen=True, tag="remove_session", tag_field="effect"):
    """The session's document is removed; carried out by `Conversation` itself."""


Effect: TypeAlias = CheckPath | ReadSource | DetectTarget | StartTraining | ResumeTraining | PredictFile | RemoveSession
JobEffect: TypeAlias = ReadSource | DetectTarget | PredictFile
"""Work that takes a while and is answered with a result; cancelled by ending it."""
RunEffect: TypeAlias = StartTraining | ResumeTraining
"""Runs live on; their journal tells the rest."""


OnProgress: TypeAlias = Callable[[Progressed], None]
RunnableJob: TypeAlias = JobEffect
RunnableRun: TypeAlias = RunEffect


def describe_job(effect: RunnableJob) -> str:
    """What is being done, for the line that shows its progress."""
    match effect:
        case ReadSource(source=source):
            return f"reading {clean(describe_source(source), 60)}"
        case DetectTarget(target=target):
            return f"looking at the columns for the target {clean(target, 60)}"
        case PredictFile(source=source):
            return f"predicting {clean(describe_source(source), 60)}"


async def run_job(
    effect: RunnableJob, supervisor: "Supervisor", on_progress: OnProgress, on_preview: Callable[[Preview], None]
) -> actions.WorkResult:
    """The result of a job as the answer that the conversation waits for; a failure is an answer too."""
    try:
        result = await supervisor.job(_job(effect), on_progress)
    except Exception as failure:  # noqa: BLE001 - whatever went wrong is shown by its real name at the step
        return _failed(effect, report_of(failure))
    match result:
        case TableRead(info=info, schema=schema, preview=preview):
            on_preview(preview)
            return actions.TableLoaded(info, schema)
        case SchemaDetected(schema=schema):
            return actions.TargetDetected(schema)
        case Predicted(prediction=prediction, preview=preview):
            on_preview(preview)
            return actions.PredictionDone(prediction)
        case JobFailed(error=error):
            return _failed(effect, error)
        case Estimated():
            raise TypeError("an estimate is no result of this effect")


async def estimate_table(source: Source, supervisor: "Supervisor") -> Estimate | ErrorReport:
    """What loading `source` will cost, or why that cannot be told."""
    try:
        result = await supervisor.job(EstimateTable(source), lambda _progressed: None)
    except Exception as failure:  # noqa: BLE001 - an estimate is a help; without one, loading can still be chosen
        return report_of(failure)
    match result:
        case Estimated(estimate=found):
            return found
        case JobFailed(error=error):
            return error
        case _:
            raise TypeError(f"{type(result).__name__} is no estimate")


async def start_run(effect: RunnableRun, supervisor: "Supervisor") -> actions.RunFailed | None:
    """Start or resume the run; None when it is under way."""
    run_id = effect.spec.id if isinstance(effect, StartTraining) else effect.run_id
    try:
        if isinstance(effect, StartTraining):
            await supervisor.start_run(effect.spec)
        else:
            await supervisor.resume_run(run_id)
    except Exception as error:  # noqa: BLE001 - a run that does not start is said so at its step, by its real name
        return actions.RunFailed(run_id, report_of(error))
    return None


async def read_first_rows(source: Source, supervisor: "Supervisor", on_progress: OnProgress) -> Preview | ErrorReport:
    """The first rows of a table, or why they cannot be read."""
    try:
        result = await supervisor.job(ReadTable(source), on_progress)
    except Exception as failure:  # noqa: BLE001 - shown by its real name
        return report_of(failure)
    match result:
        case TableRead(preview=preview):
            return preview
        case JobFailed(error=error):
            return error
        case _:
            raise TypeError(f"{type(result).__name__} holds no rows")


def _job(effect: RunnableJob) -> Job:
    match effect:
        case ReadSource(source=source):
            return ReadTable(source)
        case DetectTarget(info=info, target=target):
            return DetectSchema(info, target)
        case PredictFile(model_id=model_id, source=source, out=out):
            return Predict(model_id, source, out)


def _failed(effect: RunnableJob, error: ErrorReport) -> actions.WorkResult:
    match effect:
        case ReadSource():
            return actions.LoadFailed(error)
        case DetectTarget():
            return actions.DetectFailed(error)
        case PredictFile():
            return actions.PredictionFailed(error)
