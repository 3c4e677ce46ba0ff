"""Performs jobs, in a process of their own: the only place where a screen's jobs meet the table libraries."""

from pathlib import Path

from tabsmith.errors import UsageError
from tabsmith.runs.jobs import (
    DetectSchema,
    Estimated,
    EstimateTable,
    Job,
    JobResult,
    Predict,
    Predicted,
    ReadTable,
    SchemaDetected,
    TableRead,
)
from tabsmith.runs.pool import Progress
from tabsmith.tables.read.sources import FileSource, FrameSource, SampleSource

PREVIEW_ROWS = 200


def perform_job(job: Job, progress: Progress) -> JobResult:
    """Perform the job. Raises whatever goes wrong; the edge of the process makes a JobFailed of it."""
    match job:
        case EstimateTable():
            return _estimate(job)
        case ReadTable():
            return _read(job, progress)
        case DetectSchema(info=info, target=target):
            from tabsmith.tables.schema.detect import detect_schema

            progress(-1.0, "looking at the columns")
            return SchemaDetected(detect_schema(info, target or None))
        case Predict():
            return _predict(job, progress)


def _estimate(job: EstimateTable) -> Estimated:
    from tabsmith import config
    from tabsmith.tables.read import guard
    from tabsmith.tables.read.reader import estimate_file, estimate_sample

    match job.source:
        case FileSource(path=path, asked_by=asker):
            paths = config.load().paths
            allowed = guard.folders_for(asker, paths.readable)
            return Estimated(estimate_file(guard.check_path(path, allowed=allowed, max_mb=paths.max_mb)))
        case SampleSource() as sample:
            return Estimated(estimate_sample(sample))
        case FrameSource():
            raise UsageError("A DataFrame is read already.", next_step="Train on it.")


def _read(job: ReadTable, progress: Progress) -> TableRead:
    from tabsmith.runs.stages import read
    from tabsmith.tables.schema.detect import detect_schema
    from tabsmith.tables.snapshot import preview

    info = read(job.source, progress)
    progress(-1.0, "looking at the columns")
    schema = detect_schema(info, job.target or None)
    return TableRead(info, schema, preview(info, PREVIEW_ROWS))


def _predict(job: Predict, progress: Progress) -> Predicted:
    from tabsmith.modeling.model import load_model
    from tabsmith.modeling.predict import predict_file
    from tabsmith.runs.stages import read
    from tabsmith.tables.snapshot import preview_file

    progress(-1.0, "loading the model")
    model = load_model(job.model_id)
    info = read(job.source, progress)
    prediction = predict_file(model, info, Path(job.out), progress=progress)
    return Predicted(prediction, preview_file(Path(job.out), PREVIEW_ROWS))
