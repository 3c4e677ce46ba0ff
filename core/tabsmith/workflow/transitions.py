"""The transitions of the conversation: which action each state takes, what it changes, and where it leads.

`TRANSITIONS`, at the end of the file, is the whole table. The functions before it are its handlers: each returns the
session as the action changes it, with the work that it asks for; none of them has a clock, a disk or a thread.
"""

import math
from collections.abc import Callable
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from msgspec.structs import replace

from tabsmith.errors import ErrorReport, SchemaError, StepError, UsageError
from tabsmith.modeling.results import ModelReport, ModelScore
from tabsmith.runs.jobs import DetectSchema, JobFailed, Predict, Predicted, ReadTable, SchemaDetected, TableRead
from tabsmith.tables.read.sources import FileSource, SampleSource, Source, describe_source, without_snapshot
from tabsmith.tables.schema.corrections import apply_edits, table_key
from tabsmith.tables.schema.readiness import find_obstacle
from tabsmith.tables.schema.types import Schema
from tabsmith.text import clean
from tabsmith.workflow import actions
from tabsmith.workflow.effects import CheckPath, Effect, RemoveSession, ResumeTraining, StartTraining
from tabsmith.workflow.inputs import read_column, read_columns
from tabsmith.workflow.schema_edits import (
    choosing_features,
    column_names,
    with_kind,
    with_role,
    with_split,
)
from tabsmith.workflow.session import (
    SOURCES_LIMIT,
    FieldName,
    FieldProblem,
    SeenFile,
    SessionNotice,
    SessionNoticeKind,
    TrainedModel,
    WorkflowSession,
    new_session,
)
from tabsmith.workflow.states import State
from tabsmith.workflow.training_settings import read_choice, recipe_file, run_spec


class Clock(NamedTuple):
    """The time (seconds since 1970), and the source of new ids."""

    now: float
    new_id: Callable[[float], str]


class StepResult(NamedTuple):
    """The session after an action, and the work that is to be carried out next."""

    session: WorkflowSession
    effect: Effect | None = None


class FieldRefusedError(Exception):
    """The value of a field cannot be used: the state stays the same, with the problem beside the field."""

    def __init__(self, *problems: FieldProblem, error: ErrorReport | None = None) -> None:
        super().__init__()
        self.problems = problems
        self.error = error


def stay(session: WorkflowSession, _action: object, _clock: Clock) -> StepResult:
    """Change nothing but the state."""
    return StepResult(session)


def setting(**fields: str) -> "TransitionHandler":
    """A handler that only changes these fields of the session."""
    return lambda session, _action, _clock: StepResult(replace(session, **fields))


def start_over(session: WorkflowSession, _action: object, clock: Clock) -> StepResult:
    """Replace the session by an empty one of the same user."""
    return StepResult(new_session(session.user, session.defaults, clock.now, clock.new_id(clock.now)))


# Source and table --------------------------------------------------------------------------------------------------


def choose_sample(session: WorkflowSession, action: actions.ChooseSample, _clock: Clock) -> StepResult:
    """Take the table from a sample, which needs no check."""
    return StepResult(replace(_with_source(session, SampleSource(action.name)), origin="sample"))


def check_path(
    session: WorkflowSession, action: actions.GivePath | actions.GiveData | actions.GiveNewRows, _clock: Clock
) -> StepResult:
    """Ask whether the file may be read."""
    match action:
        case actions.GivePath(path=path, as_text=as_text):
            return StepResult(session, CheckPath(path, as_text))
        case actions.GiveData(path=path):
            return StepResult(session, CheckPath(path))
        case actions.GiveNewRows(path=path, out=out, allow_missing=allow_missing):
            return StepResult(session, CheckPath(path, out=out, allow_missing=allow_missing))


def take_path(session: WorkflowSession, action: actions.PathAccepted, _clock: Clock) -> StepResult:
    """Make the file or the database the source. A table read from another source no longer counts."""
    source = action.source
    seen = SeenFile(source.path, action.size, action.modified) if isinstance(source, FileSource) else None
    return StepResult(replace(_with_source(session, source), file=seen))


def change_source(session: WorkflowSession, action: actions.ChangeSource, _clock: Clock) -> StepResult:
    """Read the table in another way, or take a source that was chosen before."""
    return StepResult(_with_source(session, action.source))


def read_in_another_way(session: WorkflowSession, action: actions.ChangeSource, clock: Clock) -> StepResult:
    """Read a table that was read already in another way, at once. The edits of its columns stay."""
    return read_table(_with_source(session, action.source), action, clock)


def _with_source(session: WorkflowSession, source: Source) -> WorkflowSession:
    """The session with `source` as its source, and first among those that it remembers."""
    others = tuple(other for other in session.sources if other != source)
    file = session.file
    if file is not None and not (isinstance(source, FileSource) and source.path == file.path):
        file = None
    return replace(session, source=source, sources=(source, *others)[:SOURCES_LIMIT], file=file)


def take_data(session: WorkflowSession, action: actions.PathAccepted, clock: Clock) -> StepResult:
    """Make the file that was sent the source, and ask for the table at once."""
    return read_table(take_path(session, action, clock).session, action, clock)


def take_new_rows(session: WorkflowSession, action: actions.PathAccepted, _clock: Clock) -> StepResult:
    """Ask for predictions of the new rows."""
    assert session.model is not None
    path = action.source.path if isinstance(action.source, FileSource) else describe_source(action.source)
    out = action.out or default_out(path)
    return StepResult(session, Predict(session.model.model_id, action.source, out, action.allow_missing))


def default_out(path: str) -> str:
    """The path of the predictions for the file at `path`: beside it, as `<name>-predictions.csv`."""
    folder, slash, name = path.rpartition("/")
    stem = name.split(".")[0] or name
    return f"{folder}{slash}{stem}-predictions.csv"


_PATH_FIELDS: Final = {
    State.AWAITING_FILE_PATH: FieldName.PATH,
    State.AWAITING_DATA: FieldName.DATA,
    State.PREDICTING: FieldName.NEW_ROWS,
}


def refuse_path(session: WorkflowSession, action: actions.PathRefused, _clock: Clock) -> StepResult:
    """Keep the path, with the reason beside its field."""
    raise FieldRefusedError(FieldProblem(_PATH_FIELDS[session.state], action.error))


def read_table(session: WorkflowSession, _action: object, _clock: Clock) -> StepResult:
    """Ask for the table."""
    assert session.source is not None
    return StepResult(replace(session, load="now"), ReadTable(session.source))


def take_table(session: WorkflowSession, action: TableRead, _clock: Clock) -> StepResult:
    """Take the table, apply the user's edits to its schema, and ask for a schema for the target they chose.

    Edits of another table are dropped; those of an earlier conversation about this one are taken up, and told.
    """
    info = action.info
    if session.source is None or without_snapshot(info.source) != without_snapshot(session.source):
        raise StepError(
            "This is a different table from the one that was asked for.", next_step="Wait for the right one."
        )
    file = session.file and SeenFile(session.file.path, info.size, info.modified)
    if session.table is None or table_key(session.table) != table_key(info):
        session = replace(session, edits=action.corrections)
        if action.corrections:
            text = f"As you corrected it last time: {action.corrections.describe()}."
            session = replace(
                session, notices=(*session.notices, SessionNotice(SessionNoticeKind.CORRECTED_BEFORE, text))
            )
    known = tuple(info.source if source == session.source else source for source in session.sources)
    read = replace(session, load="now", file=file, table=info, source=info.source, sources=known)
    loaded = _detected(read, action.schema)
    wanted = session.edits.target
    if wanted and wanted != action.schema.target and wanted in column_names(action.schema):
        # What does not fit the target that was found may well fit the one that is wanted.
        return StepResult(replace(loaded, notices=session.notices), DetectSchema(info, wanted))
    return StepResult(loaded)


def keep_error(session: WorkflowSession, action: JobFailed, _clock: Clock) -> StepResult:
    """Show what went wrong."""
    return StepResult(replace(session, problem=action.error))


# Schema ------------------------------------------------------------------------------------------------------------


def accept_schema(session: WorkflowSession, _action: actions.AcceptSchema, _clock: Clock) -> StepResult:
    """Accept the schema as shown.

    Raises StepError while a schema for another target is awaited, and FieldRefusedError if no model can be trained.
    """
    if session.waiting is not None and session.waiting.work == "target":
        raise StepError(
            f"The table is still being looked at for the target {clean(session.waiting.target, 60)}.",
            next_step="Wait a moment, then accept.",
        )
    if session.schema is not None and session.schema.target and session.table is not None:
        obstacle = find_obstacle(session.schema, session.table.profile)
        if obstacle is not None:
            raise FieldRefusedError(error=obstacle.error().report(details=False))
    return StepResult(session)


def change_role(session: WorkflowSession, action: actions.ChangeRole, clock: Clock) -> StepResult:
    """Change the role of a column. The role "target" means another target."""
    if action.role == "target":
        return change_target(session, actions.ChangeTarget(action.column), clock)
    return StepResult(_with_edit(lambda: with_role(session, _require_column(session, action.column), action.role)))


def change_kind(session: WorkflowSession, action: actions.ChangeKind, _clock: Clock) -> StepResult:
    """Change the kind of a column."""
    return StepResult(_with_edit(lambda: with_kind(session, _require_column(session, action.column), action.kind)))


def change_split(session: WorkflowSession, action: actions.ChangeSplit, _clock: Clock) -> StepResult:
    """Change how rows are set aside."""
    return StepResult(_with_edit(lambda: with_split(session, action.split)))


def change_target(session: WorkflowSession, action: actions.ChangeTarget, _clock: Clock) -> StepResult:
    """Ask for the schema for another target; the present target needs none."""
    assert session.schema is not None
    assert session.table is not None
    column = _require_column(session, action.column)
    if column == session.schema.target:
        return StepResult(replace(session, waiting=None))
    return StepResult(session, DetectSchema(session.table, column))


def choose_target(session: WorkflowSession, action: actions.ChooseTarget, _clock: Clock) -> StepResult:
    """Ask for the schema for the target that was named."""
    assert session.table is not None
    return StepResult(session, DetectSchema(session.table, target_named(session, action.text)))


def keep_target(session: WorkflowSession, _action: actions.ChooseTarget, _clock: Clock) -> StepResult:
    """Keep the present target."""
    return StepResult(_without_draft(session, FieldName.TARGET))


def same_target(session: WorkflowSession, action: actions.ChooseTarget) -> bool:
    """Whether the target that was named is the present one."""
    assert session.schema is not None
    return bool(session.schema.target) and target_named(session, action.text) == session.schema.target


def target_named(session: WorkflowSession, text: str) -> str:
    """The column that `text` names; the present target if it is empty. Raises FieldRefusedError."""
    assert session.schema is not None
    if not text.strip() and session.schema.target:
        return session.schema.target
    try:
        return read_column(text, column_names(session.schema))
    except UsageError as error:
        raise _refusal(FieldName.TARGET, error) from error


def take_target(session: WorkflowSession, action: SchemaDetected, _clock: Clock) -> StepResult:
    """Take the schema for the new target, with the user's edits applied."""
    target = action.schema.target
    if session.waiting is None or session.waiting.target != target:
        raise StepError("This is the schema for another target than the one asked for.", next_step="Wait for it.")
    roles = {name: role for name, role in session.edits.roles.items() if name != target}
    edited = replace(session, edits=replace(session.edits, target=target, roles=roles))
    return StepResult(_without_draft(_detected(edited, action.schema), FieldName.TARGET))


def keep_detect_error(_session: WorkflowSession, action: JobFailed, _clock: Clock) -> StepResult:
    """Keep the present target, with the reason beside its field."""
    raise FieldRefusedError(FieldProblem(FieldName.TARGET, action.error), error=action.error)


def choose_features(session: WorkflowSession, action: actions.ChooseFeatures, _clock: Clock) -> StepResult:
    """Make these columns the features."""
    assert session.schema is not None
    if not action.text.strip():
        return StepResult(_without_draft(session, FieldName.FEATURES))
    names = column_names(session.schema)
    eligible = [column.name for column in session.schema.columns if column.role in ("feature", "ignore")]
    try:
        chosen = read_columns(action.text, names, eligible)
    except UsageError as error:
        raise _refusal(FieldName.FEATURES, error) from error
    if session.schema.target in chosen:
        what = f"{clean(session.schema.target, 60)} is the target; it cannot be a feature too."
        raise _refusal(FieldName.FEATURES, UsageError(what, next_step="Leave it out, or go back to the target."))
    if not chosen:
        what = "No column is left to predict with."
        raise _refusal(FieldName.FEATURES, UsageError(what, next_step="Choose at least one feature."))
    return StepResult(_without_draft(_with_edit(lambda: choosing_features(session, chosen)), FieldName.FEATURES))


def take_manual_schema(session: WorkflowSession, action: actions.GiveSchema, _clock: Clock) -> StepResult:
    """Take the schema in words, if it has one of the three forms."""
    from tabsmith.tables.schema.manual import parse_manual_schema

    try:
        manual = parse_manual_schema(action.text)
    except SchemaError as error:
        raise _refusal(FieldName.SCHEMA, error) from error
    return StepResult(replace(session, manual=manual))


def _refusal(field: FieldName, error: UsageError) -> FieldRefusedError:
    return FieldRefusedError(FieldProblem(field, error.report(details=False)))


def _detected(session: WorkflowSession, detected: Schema) -> WorkflowSession:
    """The session with a newly detected schema, the user's edits applied, and a notice of those that do not fit."""
    schema, left_out = apply_edits(detected, session.edits)
    notices = session.notices
    if left_out:
        text = f"These changes of yours do not fit this table and were left out: {', '.join(left_out[:5])}."
        notices = (*notices, SessionNotice(SessionNoticeKind.EDITS_LEFT_OUT, text))
    return replace(session, detected=detected, schema=schema, notices=notices)


def _require_column(session: WorkflowSession, column: str) -> str:
    """`column`, if the schema has it. Raises StepError."""
    assert session.schema is not None
    if column not in column_names(session.schema):
        raise StepError(f"There is no column {clean(column, 60)!r}.", next_step="Choose one of the columns shown.")
    return column


def _with_edit(edit: Callable[[], WorkflowSession]) -> WorkflowSession:
    """The edited session. Raises FieldRefusedError for an edit that the schema does not allow."""
    try:
        return edit()
    except SchemaError as error:
        raise FieldRefusedError(error=error.report(details=False)) from error


def _without_draft(session: WorkflowSession, field: FieldName) -> WorkflowSession:
    """The session without the draft of a field whose value is now shown from the schema."""
    return replace(session, drafts={name: text for name, text in session.drafts.items() if name != field})


# Training, results, errors ----------------------------------------------------------------------------------------


def train(session: WorkflowSession, _action: actions.Train, clock: Clock) -> StepResult:
    """Ask for a run, or show the problem of every field that has one."""
    problems = read_choice(session).problems
    if problems:
        raise FieldRefusedError(*problems)
    run_id = clock.new_id(clock.now)
    return StepResult(
        replace(session, run_id=run_id), StartTraining(run_spec(session, run_id, clock.now), recipe_file(session))
    )


def finish_run(session: WorkflowSession, action: actions.RunFinished, _clock: Clock) -> StepResult:
    """Take the model of the run."""
    _require_run(session, action.report.run_id)
    return StepResult(replace(session, model=_trained_model(action.report), prediction=None))


def fail_run(session: WorkflowSession, action: actions.RunFailed, _clock: Clock) -> StepResult:
    """Show why the run has no model; the settings are where to try again."""
    _require_run(session, action.run_id)
    return StepResult(replace(session, problem=action.error, retry=State.CONFIGURING_MODEL))


def stop_run(session: WorkflowSession, action: actions.RunStopped, _clock: Clock) -> StepResult:
    """Return to the settings: a person stopped the run before it had a model."""
    _require_run(session, action.run_id)
    notice = SessionNotice(
        SessionNoticeKind.RUN_STOPPED, "The run was stopped before there was a model. Train again when you like."
    )
    return StepResult(replace(session, run_id="", notices=(notice,)))


def interrupt_run(session: WorkflowSession, action: actions.RunInterrupted, _clock: Clock) -> StepResult:
    """Offer to resume the run."""
    _require_run(session, action.run_id)
    problem = ErrorReport(
        "WorkerError",
        "The run was interrupted: its worker process is gone.",
        where=f"run {session.run_id}",
        next_step="Try again resumes it where it stood. Nothing measured so far is lost.",
    )
    return StepResult(replace(session, problem=problem, retry=State.TRAINING))


def go_wrong(session: WorkflowSession, action: actions.WentWrong, _clock: Clock) -> StepResult:
    """Show what went wrong; the present state is where to try again."""
    return StepResult(replace(session, problem=action.error, retry=session.state))


def resume_run(session: WorkflowSession, _action: actions.TryAgain, _clock: Clock) -> StepResult:
    """Ask for the run to be resumed."""
    return StepResult(session, ResumeTraining(session.run_id))


def take_prediction(session: WorkflowSession, action: Predicted, _clock: Clock) -> StepResult:
    """Take the predictions."""
    return StepResult(replace(session, prediction=action.prediction))


def finish(session: WorkflowSession, _action: actions.Finish, _clock: Clock) -> StepResult:
    """End the conversation and remove its document."""
    return StepResult(replace(session, history=(), revision=0), RemoveSession())


def _require_run(session: WorkflowSession, run_id: str) -> None:
    """Raises StepError for the result of another run."""
    if run_id != session.run_id:
        raise StepError(
            f"The session waits for the run {clean(session.run_id, 60)}, not for {clean(run_id, 60)}.",
            next_step="Open the other run from the list of runs.",
        )


def _trained_model(report: ModelReport) -> TrainedModel:
    """What the session keeps of the run's report."""
    holdout = report.holdout.scores[0] if report.holdout and report.holdout.scores else None
    return TrainedModel(
        report.model_id,
        report.run_id,
        report.schema.target,
        report.schema.problem_type,
        _finite(ModelScore(report.metric, report.cv_score)),
        _finite(holdout),
    )


def _finite(score: ModelScore | None) -> ModelScore | None:
    """`score`, or None for NaN, which a JSON document cannot hold. Bounds that are not finite are left out."""
    if score is None or not math.isfinite(score.score):
        return None
    bounded = all(bound is not None and math.isfinite(bound) for bound in (score.low, score.high))
    return score if bounded else replace(score, low=None, high=None)


# The table -------------------------------------------------------------------------------------------------------

TransitionHandler: TypeAlias = Callable[[WorkflowSession, Any, Clock], StepResult]
TransitionGuard: TypeAlias = Callable[[WorkflowSession, Any], bool]

HistoryChange: TypeAlias = Literal["push", "keep", "return"]
"""How the history changes. `push`: Back leads to the state that is left. `keep`: the state that is left is not added.
`return`: the state that is entered is an earlier one; the history is cut to what led to it."""


class Transition(NamedTuple):
    """At `state`, `action` is handled by `handler` and leads to `to`, if `guard` holds; the first such row counts."""

    state: State
    action: type[actions.WorkflowAction]
    to: State
    handler: TransitionHandler
    guard: TransitionGuard = lambda _session, _action: True
    history: HistoryChange = "push"


def _is_sample(session: WorkflowSession, _action: object) -> bool:
    return isinstance(session.source, SampleSource)


def _is_upload(session: WorkflowSession, _action: object) -> bool:
    return session.origin == "upload"


def _run_has_model(session: WorkflowSession, _action: object) -> bool:
    return session.model is not None and session.model.run_id == session.run_id


def _retries(state: State) -> TransitionGuard:
    return lambda session, _action: session.retry == state


ANYWHERE: Final = (actions.Back, actions.Cancel, actions.Type)
"""Actions that every state takes, which are not in the table: Back leads to the previous state, Cancel to IDLE, and Type
stays."""

_MAY_GO_WRONG: Final = tuple(
    state for state in State if state not in (State.IDLE, State.TRAINING, State.COMPLETED, State.ERROR)
)

TRANSITIONS: Final[tuple[Transition, ...]] = (
    Transition(State.IDLE, actions.Begin, State.CHOOSING_DATA_SOURCE, stay),
    # Source
    Transition(State.CHOOSING_DATA_SOURCE, actions.ChooseFile, State.AWAITING_FILE_PATH, setting(origin="file")),
    Transition(State.CHOOSING_DATA_SOURCE, actions.ChooseUpload, State.AWAITING_DATA, setting(origin="upload")),
    Transition(State.CHOOSING_DATA_SOURCE, actions.ChooseSample, State.CHOOSING_LOAD_OPTION, choose_sample),
    Transition(State.AWAITING_FILE_PATH, actions.GivePath, State.AWAITING_FILE_PATH, check_path),
    Transition(State.AWAITING_FILE_PATH, actions.PathAccepted, State.CHOOSING_LOAD_OPTION, take_path),
    Transition(State.AWAITING_FILE_PATH, actions.ChangeSource, State.CHOOSING_LOAD_OPTION, change_source),
    Transition(State.AWAITING_FILE_PATH, actions.PathRefused, State.AWAITING_FILE_PATH, refuse_path),
    Transition(State.AWAITING_DATA, actions.GiveData, State.AWAITING_DATA, check_path),
    Transition(State.AWAITING_DATA, actions.PathAccepted, State.AWAITING_DATA, take_data),
    Transition(State.AWAITING_DATA, actions.PathRefused, State.AWAITING_DATA, refuse_path),
    Transition(State.AWAITING_DATA, TableRead, State.CONFIRMING_SCHEMA, take_table),
    Transition(State.AWAITING_DATA, JobFailed, State.AWAITING_DATA, keep_error),
    # Table
    Transition(State.CHOOSING_LOAD_OPTION, actions.ChangeSource, State.CHOOSING_LOAD_OPTION, change_source),
    Transition(State.CHOOSING_LOAD_OPTION, actions.LoadNow, State.CHOOSING_LOAD_OPTION, read_table),
    Transition(State.CHOOSING_LOAD_OPTION, TableRead, State.CONFIRMING_SCHEMA, take_table),
    Transition(State.CHOOSING_LOAD_OPTION, JobFailed, State.CHOOSING_DATA_SOURCE, keep_error, _is_sample, "return"),
    Transition(State.CHOOSING_LOAD_OPTION, JobFailed, State.AWAITING_FILE_PATH, keep_error, history="return"),
    Transition(State.CHOOSING_LOAD_OPTION, actions.Defer, State.AWAITING_SCHEMA_INPUT, setting(load="defer")),
    # Schema
    Transition(State.CONFIRMING_SCHEMA, actions.AcceptSchema, State.CONFIGURING_MODEL, accept_schema),
    Transition(
        State.CONFIRMING_SCHEMA, actions.ChangeSource, State.CHOOSING_LOAD_OPTION, read_in_another_way, history="return"
    ),
    Transition(State.CONFIRMING_SCHEMA, actions.EditSchema, State.SELECTING_TARGET, accept_schema),
    Transition(State.CONFIRMING_SCHEMA, actions.RejectSchema, State.CHOOSING_DATA_SOURCE, stay, _is_sample),
    Transition(State.CONFIRMING_SCHEMA, actions.RejectSchema, State.AWAITING_DATA, stay, _is_upload),
    Transition(State.CONFIRMING_SCHEMA, actions.RejectSchema, State.AWAITING_FILE_PATH, stay),
    Transition(State.CONFIRMING_SCHEMA, actions.ChangeRole, State.CONFIRMING_SCHEMA, change_role),
    Transition(State.CONFIRMING_SCHEMA, actions.ChangeKind, State.CONFIRMING_SCHEMA, change_kind),
    Transition(State.CONFIRMING_SCHEMA, actions.ChangeSplit, State.CONFIRMING_SCHEMA, change_split),
    Transition(State.CONFIRMING_SCHEMA, actions.ChangeTarget, State.CONFIRMING_SCHEMA, change_target),
    Transition(State.CONFIRMING_SCHEMA, SchemaDetected, State.CONFIRMING_SCHEMA, take_target),
    Transition(State.CONFIRMING_SCHEMA, JobFailed, State.CONFIRMING_SCHEMA, keep_detect_error),
    Transition(State.SELECTING_TARGET, actions.ChooseTarget, State.SELECTING_FEATURES, keep_target, same_target),
    Transition(State.SELECTING_TARGET, actions.ChooseTarget, State.SELECTING_TARGET, choose_target),
    Transition(State.SELECTING_TARGET, SchemaDetected, State.SELECTING_FEATURES, take_target),
    Transition(State.SELECTING_TARGET, JobFailed, State.SELECTING_TARGET, keep_detect_error),
    Transition(State.SELECTING_FEATURES, actions.ChooseFeatures, State.CONFIGURING_MODEL, choose_features),
    Transition(State.AWAITING_SCHEMA_INPUT, actions.GiveSchema, State.CONFIGURING_MODEL, take_manual_schema),
    # Model and training
    Transition(State.CONFIGURING_MODEL, actions.Train, State.TRAINING, train),
    Transition(State.CONFIGURING_MODEL, actions.ShowRun, State.TRAINED, stay, _run_has_model),
    Transition(State.CONFIGURING_MODEL, actions.ShowRun, State.TRAINING, stay),
    Transition(State.TRAINING, actions.RunFinished, State.TRAINED, finish_run, history="keep"),
    Transition(State.TRAINING, actions.RunStopped, State.CONFIGURING_MODEL, stop_run, history="return"),
    Transition(State.TRAINING, actions.RunFailed, State.ERROR, fail_run, history="keep"),
    Transition(State.TRAINING, actions.RunInterrupted, State.ERROR, interrupt_run, history="keep"),
    # Result
    Transition(State.TRAINED, actions.PredictRows, State.PREDICTING, stay),
    Transition(State.TRAINED, actions.Finish, State.COMPLETED, finish, history="keep"),
    Transition(State.PREDICTING, actions.GiveNewRows, State.PREDICTING, check_path),
    Transition(State.PREDICTING, actions.PathAccepted, State.PREDICTING, take_new_rows),
    Transition(State.PREDICTING, actions.PathRefused, State.PREDICTING, refuse_path),
    Transition(State.PREDICTING, Predicted, State.PREDICTING, take_prediction),
    Transition(State.PREDICTING, JobFailed, State.PREDICTING, keep_error),
    Transition(State.PREDICTING, actions.Finish, State.COMPLETED, finish, history="keep"),
    Transition(State.COMPLETED, actions.Begin, State.CHOOSING_DATA_SOURCE, start_over, history="keep"),
    # Errors
    *(Transition(state, actions.WentWrong, State.ERROR, go_wrong) for state in _MAY_GO_WRONG),
    Transition(State.ERROR, actions.TryAgain, State.TRAINING, resume_run, _retries(State.TRAINING), "keep"),
    *(Transition(State.ERROR, actions.TryAgain, state, stay, _retries(state), "return") for state in _MAY_GO_WRONG),
)


def allowed_actions(state: State) -> tuple[type[actions.WorkflowAction], ...]:
    """The types of the actions that `state` takes, in the table's order, without those of ANYWHERE."""
    return tuple(dict.fromkeys(row.action for row in TRANSITIONS if row.state == state))


def transition_for(session: WorkflowSession, action: actions.WorkflowAction) -> Transition | None:
    """The row for `action` at the session's state. Raises FieldRefusedError if the text of a field decides the row."""
    for row in TRANSITIONS:
        if row.state == session.state and row.action is type(action) and row.guard(session, action):
            return row
    return None
