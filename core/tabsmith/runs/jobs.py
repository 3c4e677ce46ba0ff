"""Background jobs of a screen: what is asked of a process, its progress and results, and `perform_job`, which that process
runs. A job is cancelled by ending its process. The UI process never reads a table itself."""

from pathlib import Path
from typing import TypeAlias

import msgspec

from tabsmith.errors import ErrorReport, UsageError
from tabsmith.modeling.results import PredictedFile
from tabsmith.runs.pool import Progress
from tabsmith.statistics.words.reading import Reading, Understood
from tabsmith.tables.info import Estimate, Preview, TableInfo
from tabsmith.tables.read.sources import (
    DatabaseSource,
    FileSource,
    FrameSource,
    JoinSource,
    RemoteSource,
    SampleSource,
    Source,
)
from tabsmith.tables.schema.corrections import SchemaEdits
from tabsmith.tables.schema.types import Schema


class EstimateTable(msgspec.Struct, frozen=True, tag="estimate", tag_field="job"):
    """Estimate what loading a source will cost."""

    source: Source


class PreviewSource(msgspec.Struct, frozen=True, tag="preview", tag_field="job"):
    """Read the beginning of a source, to show what its read options do."""

    source: Source


class ReadTable(msgspec.Struct, frozen=True, tag="read", tag_field="job"):
    """Read a table and detect its schema; an empty `target` is detected too."""

    source: Source
    target: str = ""


class DetectSchema(msgspec.Struct, frozen=True, tag="schema", tag_field="job"):
    """Detect the schema of a table that is read already, for another target."""

    info: TableInfo
    target: str


class Predict(msgspec.Struct, frozen=True, tag="predict", tag_field="job"):
    """Predict the rows of a source with a model, into the file `out` (CSV or Parquet by its suffix)."""

    model_id: str
    source: Source
    out: str
    allow_missing: bool = False  # predict although an important column is missing


class AskTable(msgspec.Struct, frozen=True, tag="ask", tag_field="job"):
    """Answer a question about a table that is read already, and keep the findings in the session of `user`.

    `understood` is a choice of the last question back; without it the question is read anew.
    """

    info: TableInfo
    question: str
    user: str
    understood: Understood | None = None
    time_limit: float = 30.0  # seconds, for each plan


Job: TypeAlias = EstimateTable | PreviewSource | ReadTable | DetectSchema | Predict | AskTable


class Progressed(msgspec.Struct, frozen=True, tag="progress", tag_field="reply"):
    """A job has come so far: `share` is 0..1, or -1 while that is unknown."""

    share: float
    message: str


class SourcePreviewed(msgspec.Struct, frozen=True, tag="previewed", tag_field="reply"):
    """The beginning of a source as it was read: `info` describes these rows alone."""

    info: TableInfo
    preview: Preview


class Estimated(msgspec.Struct, frozen=True, tag="estimated", tag_field="reply"):
    estimate: Estimate


class TableRead(msgspec.Struct, frozen=True, tag="table", tag_field="reply"):
    info: TableInfo
    schema: Schema
    preview: Preview
    corrections: SchemaEdits = (
        SchemaEdits()
    )  # of an earlier conversation about this table, filled in by the present one


class SchemaDetected(msgspec.Struct, frozen=True, tag="schema", tag_field="reply"):
    schema: Schema


class Predicted(msgspec.Struct, frozen=True, tag="predicted", tag_field="reply"):
    prediction: PredictedFile
    preview: Preview


class TableAsked(msgspec.Struct, frozen=True, tag="asked", tag_field="reply"):
    """How a question was read, and the numbers of the findings that were kept; none for a question back."""

    reading: Reading
    kept: tuple[int, ...] = ()


class JobFailed(msgspec.Struct, frozen=True, tag="failed", tag_field="reply"):
    error: ErrorReport


JobResult: TypeAlias = Estimated | SourcePreviewed | TableRead | SchemaDetected | Predicted | TableAsked | JobFailed


PREVIEW_ROWS = 200
BEGINNING_ROWS = 20


def perform_job(job: Job, progress: Progress) -> JobResult:
    """Perform the job. Raises whatever goes wrong; the edge of the process makes a JobFailed of it."""
    match job:
        case EstimateTable():
            return _estimate(job)
        case PreviewSource(source=source):
            return _preview(source, progress)
        case ReadTable():
            return _read(job, progress)
        case DetectSchema(info=info, target=target):
            from tabsmith.tables.schema.detect import detect_schema

            progress(-1.0, "looking at the columns")
            return SchemaDetected(detect_schema(info, target or None))
        case Predict():
            return _predict(job, progress)
        case AskTable():
            return _ask(job, progress)


def _estimate(job: EstimateTable) -> Estimated:
    from tabsmith import config
    from tabsmith.tables.read import guard
    from tabsmith.tables.read.reader import estimate_path, estimate_sample

    match job.source:
        case FileSource(path=path, asked_by=asker):
            paths = config.load().paths
            allowed = guard.folders_for(asker, paths.readable)
            return Estimated(estimate_path(path, allowed=allowed, max_mb=paths.max_mb))
        case SampleSource() as sample:
            return Estimated(estimate_sample(sample))
        case FrameSource() | DatabaseSource() | RemoteSource() | JoinSource():
            raise UsageError("Only files and samples can be estimated.", next_step="Read the table.")


def _preview(source: Source, progress: Progress) -> SourcePreviewed:
    from tabsmith import config
    from tabsmith.tables.beginning import read_beginning
    from tabsmith.tables.read import guard

    paths = config.load().paths
    asker = source.asked_by if isinstance(source, FileSource) else "person"
    allowed = guard.folders_for(asker, paths.readable)
    info, rows = read_beginning(source, BEGINNING_ROWS, allowed=allowed, max_mb=paths.max_mb, progress=progress)
    return SourcePreviewed(info, rows)


def _read(job: ReadTable, progress: Progress) -> TableRead:
    from tabsmith.runs.stages import read
    from tabsmith.tables.schema.detect import detect_schema
    from tabsmith.tables.snapshot import preview

    info = read(job.source, progress)
    progress(-1.0, "looking at the columns")
    schema = detect_schema(info, job.target or None)
    return TableRead(info, schema, preview(info, PREVIEW_ROWS))


def _ask(job: AskTable, progress: Progress) -> TableAsked:
    from tabsmith.statistics.kept.session import FindingsStore
    from tabsmith.statistics.run import answer
    from tabsmith.statistics.words.asking import read_question

    progress(-1.0, "reading the question")
    reading = job.understood or read_question(job.question, job.info)
    if not isinstance(reading, Understood):
        return TableAsked(reading)
    store = FindingsStore(job.info, job.user)
    numbers: list[int] = []
    for plan in reading.plans:
        progress(-1.0, "computing")
        numbers.append(store.keep(job.question, answer(plan, job.info, time_limit=job.time_limit)).number)
    return TableAsked(reading, tuple(numbers))


def _predict(job: Predict, progress: Progress) -> Predicted:
    from tabsmith.modeling.model import load_model
    from tabsmith.modeling.predict import predict_file, preview_predictions, source_to_predict
    from tabsmith.runs.stages import read

    progress(-1.0, "loading the model")
    model = load_model(job.model_id)
    info = read(source_to_predict(model, job.source), progress)
    prediction = predict_file(model, info, Path(job.out), allow_missing=job.allow_missing, progress=progress)
    return Predicted(prediction, preview_predictions(model.report, prediction, PREVIEW_ROWS))
