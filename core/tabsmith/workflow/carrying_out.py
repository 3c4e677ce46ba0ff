"""What the conversation asks to be done, carried out by the supervisor, and the result as an answer. No widgets."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

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
from tabsmith.tables.info import Estimate, Preview
from tabsmith.tables.sources import Source, describe
from tabsmith.text import clean
from tabsmith.workflow import answers as say
from tabsmith.workflow import effects as do

if TYPE_CHECKING:
    from tabsmith.runs.supervisor import Supervisor

OnProgress: TypeAlias = Callable[[Progressed], None]
JobEffect: TypeAlias = do.JobEffect
RunEffect: TypeAlias = do.RunEffect


def words_of(effect: JobEffect) -> str:
    """What is being done, for the line that shows its progress."""
    match effect:
        case do.ReadSource(source=source):
            return f"reading {clean(describe(source), 60)}"
        case do.DetectTarget(target=target):
            return f"looking at the columns for the target {clean(target, 60)}"
        case do.PredictFile(source=source):
            return f"predicting {clean(describe(source), 60)}"


async def carry_out(
    effect: JobEffect, supervisor: "Supervisor", on_progress: OnProgress, on_preview: Callable[[Preview], None]
) -> say.WorkResult:
    """The result of a job as the answer that the conversation waits for; a failure is an answer too."""
    try:
        result = await supervisor.job(_job(effect), on_progress)
    except Exception as failure:  # noqa: BLE001 - whatever went wrong is shown by its real name at the step
        return _failed(effect, report_of(failure))
    match result:
        case TableRead(info=info, schema=schema, preview=preview):
            on_preview(preview)
            return say.TableLoaded(info, schema)
        case SchemaDetected(schema=schema):
            return say.TargetDetected(schema)
        case Predicted(prediction=prediction, preview=preview):
            on_preview(preview)
            return say.PredictionDone(prediction)
        case JobFailed(error=error):
            return _failed(effect, error)
        case Estimated():
            raise TypeError("an estimate is no result of this effect")


async def estimate(source: Source, supervisor: "Supervisor") -> Estimate | ErrorReport:
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


async def begin_run(effect: RunEffect, supervisor: "Supervisor") -> say.RunFailed | None:
    """Start or resume the run; None when it is under way."""
    run_id = effect.spec.id if isinstance(effect, do.StartTraining) else effect.run_id
    try:
        if isinstance(effect, do.StartTraining):
            await supervisor.start_run(effect.spec)
        else:
            await supervisor.resume_run(run_id)
    except Exception as error:  # noqa: BLE001 - a run that does not start is said so at its step, by its real name
        return say.RunFailed(run_id, report_of(error))
    return None


async def first_rows(source: Source, supervisor: "Supervisor", on_progress: OnProgress) -> Preview | ErrorReport:
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


def _job(effect: JobEffect) -> Job:
    match effect:
        case do.ReadSource(source=source):
            return ReadTable(source)
        case do.DetectTarget(info=info, target=target):
            return DetectSchema(info, target)
        case do.PredictFile(model_id=model_id, source=source, out=out):
            return Predict(model_id, source, out)


def _failed(effect: JobEffect, error: ErrorReport) -> say.WorkResult:
    match effect:
        case do.ReadSource():
            return say.LoadFailed(error)
        case do.DetectTarget():
            return say.DetectFailed(error)
        case do.PredictFile():
            return say.PredictionFailed(error)
