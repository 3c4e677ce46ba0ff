"""The actions that a conversation takes: answers of the user, and results of the work that it asked for.

The screen and the bridge build the same values. `transitions.allowed_actions` lists the actions that a state takes.
"""

from typing import Final, TypeAlias, get_args

import msgspec

from tabsmith.errors import ErrorReport
from tabsmith.modeling.results import ModelReport
from tabsmith.runs.jobs import JobResult
from tabsmith.tables.read.sources import OneTable, SampleName, Source
from tabsmith.tables.schema.types import ColumnKind, ColumnRole, Split
from tabsmith.workflow.session import FieldName

# In every state ----------------------------------------------------------------------------------------------------


class Begin(msgspec.Struct, frozen=True, tag="begin", tag_field="answer"):
    """Go to the choice of a data source; from COMPLETED with a new, empty session."""


class Back(msgspec.Struct, frozen=True, tag="back", tag_field="answer"):
    """Go to the previous state, up to ten times. Nothing that was entered is erased."""


class Cancel(msgspec.Struct, frozen=True, tag="cancel", tag_field="answer"):
    """End the conversation: the session is removed. A run that was started goes on."""


class Type(msgspec.Struct, frozen=True, tag="type", tag_field="answer"):
    """Keep the text of a field, whether or not it is finished or valid. The state stays the same."""

    field: FieldName
    text: str


# Source ------------------------------------------------------------------------------------------------------------


class ChooseFile(msgspec.Struct, frozen=True, tag="choose_file", tag_field="answer"):
    """The table is a file on this machine."""


class ChooseUpload(msgspec.Struct, frozen=True, tag="choose_upload", tag_field="answer"):
    """The table is a file that the user will send."""


class ChooseSample(msgspec.Struct, frozen=True, tag="choose_sample", tag_field="answer"):
    """The table is one of the samples that come with tabsmith."""

    name: SampleName


class GivePath(msgspec.Struct, frozen=True, tag="give_path", tag_field="answer"):
    """The path of the file, or the address of a database. `as_text` keeps every value as the text that stands there."""

    path: str
    as_text: bool = False


class GiveData(msgspec.Struct, frozen=True, tag="give_data", tag_field="answer"):
    """The file was sent and lies at `path`. It is read at once."""

    path: str


class PathAccepted(msgspec.Struct, frozen=True, tag="path_accepted", tag_field="answer"):
    """Result of CheckPath: the source may be read.

    Paths are absolute, `size` is in bytes, `modified` in seconds since 1970; both are 0 where there is no file.
    """

    source: OneTable
    size: int
    modified: float
    out: str = ""  # where predictions go; empty when none was given
    allow_missing: bool = False  # of new rows: an important column may be missing


class ChangeSource(msgspec.Struct, frozen=True, tag="change_source", tag_field="answer"):
    """Read the table in another way (other options, joined with another), or a source that was chosen before."""

    source: Source


class PathRefused(msgspec.Struct, frozen=True, tag="path_refused", tag_field="answer"):
    """Result of CheckPath: why the file may not be read."""

    error: ErrorReport


# Table -------------------------------------------------------------------------------------------------------------


class LoadNow(msgspec.Struct, frozen=True, tag="load_now", tag_field="answer"):
    """Read the table now and show its columns."""


class Defer(msgspec.Struct, frozen=True, tag="defer", tag_field="answer"):
    """Describe the schema in words; the table is read when training starts."""


# Schema ------------------------------------------------------------------------------------------------------------


class AcceptSchema(msgspec.Struct, frozen=True, tag="accept_schema", tag_field="answer"):
    """The schema is right as it is shown."""


class RejectSchema(msgspec.Struct, frozen=True, tag="reject_schema", tag_field="answer"):
    """The table is the wrong one: go back to its choice."""


class EditSchema(msgspec.Struct, frozen=True, tag="edit_schema", tag_field="answer"):
    """Choose the target and the features step by step."""


class ChangeRole(msgspec.Struct, frozen=True, tag="change_role", tag_field="answer"):
    """Give a column another role."""

    column: str
    role: ColumnRole


class ChangeKind(msgspec.Struct, frozen=True, tag="change_kind", tag_field="answer"):
    """Give a column another kind."""

    column: str
    kind: ColumnKind


class ChangeSplit(msgspec.Struct, frozen=True, tag="change_split", tag_field="answer"):
    """Set rows aside in another way."""

    split: Split


class ChangeTarget(msgspec.Struct, frozen=True, tag="change_target", tag_field="answer"):
    """Choose another target while the whole schema is shown."""

    column: str


class ChooseTarget(msgspec.Struct, frozen=True, tag="choose_target", tag_field="answer"):
    """The target, by its name or its number in the list; an empty text keeps the target that is shown."""

    text: str = ""


class ChooseFeatures(msgspec.Struct, frozen=True, tag="choose_features", tag_field="answer"):
    """The features by name, number or range: `1-5, 8, price`, `all`, `all but 3`; an empty text keeps those shown."""

    text: str = ""


class GiveSchema(msgspec.Struct, frozen=True, tag="give_schema", tag_field="answer"):
    """A schema in words, in one of the three forms that `parse_manual_schema` reads."""

    text: str


# Model, training, result -------------------------------------------------------------------------------------------


class Train(msgspec.Struct, frozen=True, tag="train", tag_field="answer"):
    """Start training with the values of the fields."""


class ShowRun(msgspec.Struct, frozen=True, tag="show_run", tag_field="answer"):
    """Go on to the run that was started before, or to its result, without starting another run."""


class RunFinished(msgspec.Struct, frozen=True, tag="run_finished", tag_field="answer"):
    """The run ended with a model."""

    report: ModelReport


class RunStopped(msgspec.Struct, frozen=True, tag="run_stopped", tag_field="answer"):
    """A person stopped the run before it had a model."""

    run_id: str


class RunFailed(msgspec.Struct, frozen=True, tag="run_failed", tag_field="answer"):
    """The run did not start, or ended without a model."""

    run_id: str
    error: ErrorReport


class RunInterrupted(msgspec.Struct, frozen=True, tag="run_interrupted", tag_field="answer"):
    """The run's worker is gone; the run can be resumed."""

    run_id: str


class WentWrong(msgspec.Struct, frozen=True, tag="went_wrong", tag_field="answer"):
    """Something failed that no other result reports, such as a full disk. Leads to ERROR."""

    error: ErrorReport


class TryAgain(msgspec.Struct, frozen=True, tag="try_again", tag_field="answer"):
    """Go from ERROR to the state to try again from; an interrupted run is resumed."""


class PredictRows(msgspec.Struct, frozen=True, tag="predict_rows", tag_field="answer"):
    """Go on to predicting new rows."""


class GiveNewRows(msgspec.Struct, frozen=True, tag="give_new_rows", tag_field="answer"):
    """The table of new rows, and the file for the predictions; an empty `out` means the file that is shown."""

    path: str
    out: str = ""
    allow_missing: bool = False  # predict although an important column is missing


class Finish(msgspec.Struct, frozen=True, tag="finish", tag_field="answer"):
    """End the conversation: the session is removed, the model and the run stay."""


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
    | ChangeSource
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
    PathAccepted | PathRefused | JobResult | RunFinished | RunStopped | RunFailed | RunInterrupted | WentWrong
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
"""The fields whose text an action carries, each with the attribute that holds the text."""
