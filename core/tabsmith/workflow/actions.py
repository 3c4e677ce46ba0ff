"""What can be said to the conversation: answers of a person, and results of the work that it asked for.

A screen and the bridge build the same values. Which of them fit a state is told by `transitions.fitting(state)`.
"""

from typing import Final, TypeAlias, get_args

import msgspec

from tabsmith.errors import ErrorReport
from tabsmith.modeling.results import ModelReport, PredictedFile
from tabsmith.tables.info import TableInfo
from tabsmith.tables.read.sources import SampleName
from tabsmith.tables.schema.types import ColumnKind, ColumnRole, Schema, Split
from tabsmith.workflow.session import FieldName

# Anywhere ----------------------------------------------------------------------------------------------------------


class Begin(msgspec.Struct, frozen=True, tag="begin", tag_field="answer"):
    """Start: to the choice of a data source. From COMPLETED with everything empty again."""


class Back(msgspec.Struct, frozen=True, tag="back", tag_field="answer"):
    """One place back, up to ten times; erases nothing."""


class Cancel(msgspec.Struct, frozen=True, tag="cancel", tag_field="answer"):
    """Give the conversation up: to IDLE, the session removed. A run that has begun lives on."""


class Type(msgspec.Struct, frozen=True, tag="type", tag_field="answer"):
    """Keep what stands in a field, finished or not, valid or not. Moves nowhere."""

    field: FieldName
    text: str


# Source ------------------------------------------------------------------------------------------------------------


class ChooseFile(msgspec.Struct, frozen=True, tag="choose_file", tag_field="answer"):
    """A file on this machine."""


class ChooseUpload(msgspec.Struct, frozen=True, tag="choose_upload", tag_field="answer"):
    """A file that will be sent here."""


class ChooseSample(msgspec.Struct, frozen=True, tag="choose_sample", tag_field="answer"):
    """One of the small tables that come along."""

    name: SampleName


class GivePath(msgspec.Struct, frozen=True, tag="give_path", tag_field="answer"):
    """The path of the file; `as_text` keeps every value as the text that stands there."""

    path: str
    as_text: bool = False


class GiveData(msgspec.Struct, frozen=True, tag="give_data", tag_field="answer"):
    """The file has arrived and lies at `path`. It is read at once."""

    path: str


class PathAccepted(msgspec.Struct, frozen=True, tag="path_accepted", tag_field="answer"):
    """Result of CheckPath: the file may be read. Paths are absolute, `size` in bytes, `modified` since 1970."""

    path: str
    size: int
    modified: float
    out: str = ""  # where predictions go; empty when none was given


class PathRefused(msgspec.Struct, frozen=True, tag="path_refused", tag_field="answer"):
    """Result of CheckPath: why the file is not read."""

    error: ErrorReport


# Table -------------------------------------------------------------------------------------------------------------


class LoadNow(msgspec.Struct, frozen=True, tag="load_now", tag_field="answer"):
    """Read the table now and show what it holds."""


class Defer(msgspec.Struct, frozen=True, tag="defer", tag_field="answer"):
    """Describe the schema in words; read only when training starts."""


class TableLoaded(msgspec.Struct, frozen=True, tag="table_loaded", tag_field="answer"):
    """Result of ReadSource."""

    info: TableInfo
    schema: Schema


class LoadFailed(msgspec.Struct, frozen=True, tag="load_failed", tag_field="answer"):
    """Result of ReadSource: the real error."""

    error: ErrorReport


# Schema ------------------------------------------------------------------------------------------------------------


class AcceptSchema(msgspec.Struct, frozen=True, tag="accept_schema", tag_field="answer"):
    """The schema is right as shown."""


class RejectSchema(msgspec.Struct, frozen=True, tag="reject_schema", tag_field="answer"):
    """This is the wrong table: back to where it is chosen."""


class EditSchema(msgspec.Struct, frozen=True, tag="edit_schema", tag_field="answer"):
    """Choose the target and the features step by step."""


class ChangeRole(msgspec.Struct, frozen=True, tag="change_role", tag_field="answer"):
    column: str
    role: ColumnRole


class ChangeKind(msgspec.Struct, frozen=True, tag="change_kind", tag_field="answer"):
    column: str
    kind: ColumnKind


class ChangeSplit(msgspec.Struct, frozen=True, tag="change_split", tag_field="answer"):
    split: Split


class ChangeTarget(msgspec.Struct, frozen=True, tag="change_target", tag_field="answer"):
    """Another target, while the whole schema is shown."""

    column: str


class ChooseTarget(msgspec.Struct, frozen=True, tag="choose_target", tag_field="answer"):
    """The target, by name or by the number shown beside it; empty keeps the one shown."""

    text: str = ""


class TargetDetected(msgspec.Struct, frozen=True, tag="target_detected", tag_field="answer"):
    """Result of DetectTarget: the schema for the new target; the person's own edits are laid over it."""

    schema: Schema


class DetectFailed(msgspec.Struct, frozen=True, tag="detect_failed", tag_field="answer"):
    """Result of DetectTarget: the real error."""

    error: ErrorReport


class ChooseFeatures(msgspec.Struct, frozen=True, tag="choose_features", tag_field="answer"):
    """Features by name, number or range: `1-5, 8, price`, `all`, `all but 3`; empty keeps those shown."""

    text: str = ""


class GiveSchema(msgspec.Struct, frozen=True, tag="give_schema", tag_field="answer"):
    """A schema in words, in one of the three forms that `tables.manual` reads."""

    text: str


# Model, training, result -------------------------------------------------------------------------------------------


class Train(msgspec.Struct, frozen=True, tag="train", tag_field="answer"):
    """Start training with what stands in the fields."""


class ShowRun(msgspec.Struct, frozen=True, tag="show_run", tag_field="answer"):
    """From the settings on to the run that was started before, or to its result, without starting another."""


class RunFinished(msgspec.Struct, frozen=True, tag="run_finished", tag_field="answer"):
    """The run ended with a model."""

    report: ModelReport


class RunStopped(msgspec.Struct, frozen=True, tag="run_stopped", tag_field="answer"):
    """The run was stopped by a person before there was a model."""

    run_id: str


class RunFailed(msgspec.Struct, frozen=True, tag="run_failed", tag_field="answer"):
    """The run could not start, or ended without a model."""

    run_id: str
    error: ErrorReport


class RunInterrupted(msgspec.Struct, frozen=True, tag="run_interrupted", tag_field="answer"):
    """The run's worker is gone; it can be resumed."""

    run_id: str


class WentWrong(msgspec.Struct, frozen=True, tag="went_wrong", tag_field="answer"):
    """Something failed that no other result tells of (no worker starts, the disk is full): to ERROR."""

    error: ErrorReport


class TryAgain(msgspec.Struct, frozen=True, tag="try_again", tag_field="answer"):
    """From ERROR to the state to try again from; an interrupted run is resumed."""


class PredictRows(msgspec.Struct, frozen=True, tag="predict_rows", tag_field="answer"):
    """On to predicting new rows."""


class GiveNewRows(msgspec.Struct, frozen=True, tag="give_new_rows", tag_field="answer"):
    """The table of new rows, and the file for the result (empty: the one shown)."""

    path: str
    out: str = ""


class PredictionDone(msgspec.Struct, frozen=True, tag="prediction_done", tag_field="answer"):
    """Result of Predict."""

    prediction: PredictedFile


class PredictionFailed(msgspec.Struct, frozen=True, tag="prediction_failed", tag_field="answer"):
    """Result of Predict: the real error."""

    error: ErrorReport


class Finish(msgspec.Struct, frozen=True, tag="finish", tag_field="answer"):
    """Done: the session is removed; the model and the run stay."""


UserAction: TypeAlias = (
    Begin
    | Back
    | Cancel
    | Type
    | ChooseFile
    | ChooseUpload
    | ChooseSample
    | GivePath
    | GiveData
    | LoadNow
    | Defer
    | AcceptSchema
    | RejectSchema
    | EditSchema
    | ChangeRole
    | ChangeKind
    | ChangeSplit
    | ChangeTarget
    | ChooseTarget
    | ChooseFeatures
    | GiveSchema
    | Train
    | ShowRun
    | TryAgain
    | PredictRows
    | GiveNewRows
    | Finish
)
WorkResult: TypeAlias = (
    PathAccepted
    | PathRefused
    | TableLoaded
    | LoadFailed
    | TargetDetected
    | DetectFailed
    | RunFinished
    | RunStopped
    | RunFailed
    | RunInterrupted
    | PredictionDone
    | PredictionFailed
    | WentWrong
)
WorkflowAction: TypeAlias = UserAction | WorkResult
USER_ACTIONS: Final[frozenset[type]] = frozenset(get_args(UserAction))

TEXT_FIELDS: Final[dict[type, dict[FieldName, str]]] = {
    GivePath: {FieldName.PATH: "path"},
    GiveData: {FieldName.DATA: "path"},
    ChooseTarget: {FieldName.TARGET: "text"},
    ChooseFeatures: {FieldName.FEATURES: "text"},
    GiveSchema: {FieldName.SCHEMA: "text"},
    GiveNewRows: {FieldName.NEW_ROWS: "path", FieldName.OUT: "out"},
}
"""Which field's text stands in which attribute of an answer."""
