"""Background jobs of a screen, as data: what is asked of a process, and its progress and results.

A job is cancelled by ending its process. The UI process never reads a table itself.
"""

from typing import TypeAlias

import msgspec

from tabsmith.errors import ErrorReport
from tabsmith.modeling.results import PredictedFile
from tabsmith.tables.info import Estimate, Preview, TableInfo
from tabsmith.tables.read.sources import Source
from tabsmith.tables.schema.types import Schema


class EstimateTable(msgspec.Struct, frozen=True, tag="estimate", tag_field="job"):
    """Estimate what loading a source will cost."""

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


Job: TypeAlias = EstimateTable | ReadTable | DetectSchema | Predict


class Progressed(msgspec.Struct, frozen=True, tag="progress", tag_field="reply"):
    """A job has come so far: `share` is 0..1, or -1 while that is unknown."""

    share: float
    message: str


class Estimated(msgspec.Struct, frozen=True, tag="estimated", tag_field="reply"):
    estimate: Estimate


class TableRead(msgspec.Struct, frozen=True, tag="table", tag_field="reply"):
    info: TableInfo
    schema: Schema
    preview: Preview


class SchemaDetected(msgspec.Struct, frozen=True, tag="schema", tag_field="reply"):
    schema: Schema


class Predicted(msgspec.Struct, frozen=True, tag="predicted", tag_field="reply"):
    prediction: PredictedFile
    preview: Preview


class JobFailed(msgspec.Struct, frozen=True, tag="failed", tag_field="reply"):
    error: ErrorReport


JobResult: TypeAlias = Estimated | TableRead | SchemaDetected | Predicted | JobFailed
JobReply: TypeAlias = Progressed | JobResult
