"""The conversation as one table: at which state, on which answer, what happens and where it leads.

Read a row as: at `state`, `answer` does `move` and leads to `to` (if `when` holds; the first such row counts). Back,
Cancel and Type fit everywhere and are not in the table: Back leads where the session came from, Cancel to IDLE, and
Type stays.

What a move is made of: what comes from outside, what comes of it, and how it refuses what it cannot use.

What the answers about a table and its schema change in a session. Pure; `transitions` says where each one leads.

What the answers about training, results and trouble change in a session. Pure, as in `moves`.
"""

import math
from collections.abc import Callable
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from msgspec.structs import replace

from tabsmith.errors import ErrorReport, SchemaError, StepError, UsageError
from tabsmith.modeling.results import ModelReport, ModelScore
from tabsmith.tables.read.sources import FileSource, SampleSource
from tabsmith.tables.schema.types import Schema
from tabsmith.text import clean
from tabsmith.workflow import actions
from tabsmith.workflow import effects as do
from tabsmith.workflow.inputs import read_column, read_columns
from tabsmith.workflow.schema_edits import (
    apply_edits,
    choosing_features,
    column_names,
    with_kind,
    with_role,
    with_split,
)
from tabsmith.workflow.session import (
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
from tabsmith.workflow.training_settings import read_choice, run_spec


class Clock(NamedTuple):
    """What comes from outside: the time (seconds since 1970), and a source of new names."""

    now: float
    new_id: Callable[[float], str]


class Moved(NamedTuple):
    """The session after an answer (its state is set by the arrow), and the work it asks for."""

    session: WorkflowSession
    effect: do.Effect | None = None


class FieldRefusedError(Exception):
    """What was given cannot be used: the person stays where they are, with the reason beside the field."""

    def __init__(self, *problems: FieldProblem, error: ErrorReport | None = None) -> None:
        super().__init__()
        self.problems = problems
        self.error = error


def _refuse(field: FieldName, error: UsageError) -> FieldRefusedError:
    return FieldRefusedError(FieldProblem(field, error.report(details=False)))


def stay(session: WorkflowSession, _answer: object, _moment: Clock) -> Moved:
    """Nothing changes but the place."""
    return Moved(session)


def start_over(session: WorkflowSession, _answer: object, moment: Clock) -> Moved:
    """A new session of the same user, with nothing said."""
    return Moved(new_session(session.user, session.defaults, moment.now, moment.new_id(moment.now)))


# Source and table --------------------------------------------------------------------------------------------------


def choose_file(session: WorkflowSession, _answer: actions.ChooseFile, _moment: Clock) -> Moved:
    """The table is a file on this machine; what was chosen before stays until another is."""
    return Moved(replace(session, origin="file"))


def choose_upload(session: WorkflowSession, _answer: actions.ChooseUpload, _moment: Clock) -> Moved:
    """The table will be sent here."""
    return Moved(replace(session, origin="upload"))


def choose_sample(session: WorkflowSession, answer: actions.ChooseSample, _moment: Clock) -> Moved:
    """The table is a sample; nothing has to be checked."""
    return Moved(replace(session, origin="sample", source=SampleSource(answer.name), file=None))


def check_path(session: WorkflowSession, answer: actions.GivePath, _moment: Clock) -> Moved:
    """Ask whether the file may be read."""
    return Moved(session, do.CheckPath(answer.path, answer.as_text))


def check_data(session: WorkflowSession, answer: actions.GiveData, _moment: Clock) -> Moved:
    """Ask whether the file that was sent may be read."""
    return Moved(session, do.CheckPath(answer.path))


def check_new_rows(session: WorkflowSession, answer: actions.GiveNewRows, _moment: Clock) -> Moved:
    """Ask whether the new rows may be read."""
    return Moved(session, do.CheckPath(answer.path, out=answer.out))


def take_path(session: WorkflowSession, answer: actions.PathAccepted, _moment: Clock) -> Moved:
    """The file is the source now; a table read from another one no longer counts."""
    as_text = session.waiting is not None and session.waiting.as_text
    seen = SeenFile(answer.path, answer.size, answer.modified)
    return Moved(replace(session, source=FileSource(answer.path, as_text), file=seen))


def take_data(session: WorkflowSession, answer: actions.PathAccepted, moment: Clock) -> Moved:
    """The file that was sent is the source, and is read at once."""
    return read_table(take_path(session, answer, moment).session, answer, moment)


def take_new_rows(session: WorkflowSession, answer: actions.PathAccepted, _moment: Clock) -> Moved:
    """Ask for the predictions."""
    assert session.model is not None
    out = answer.out or default_out(answer.path)
    return Moved(session, do.PredictFile(session.model.model_id, FileSource(answer.path), out))


def default_out(path: str) -> str:
    """Where the predictions for the file at `path` go: beside it, as `<name>-predictions.csv`."""
    folder, slash, name = path.rpartition("/")
    stem = name.split(".")[0] or name
    return f"{folder}{slash}{stem}-predictions.csv"


def refuse_path(_session: WorkflowSession, answer: actions.PathRefused, _moment: Clock) -> Moved:
    """The path stays, with the reason beside it."""
    raise FieldRefusedError(FieldProblem(FieldName.PATH, answer.error))


def refuse_data(_session: WorkflowSession, answer: actions.PathRefused, _moment: Clock) -> Moved:
    """As refuse_path, for a file that was sent."""
    raise FieldRefusedError(FieldProblem(FieldName.DATA, answer.error))


def refuse_new_rows(_session: WorkflowSession, answer: actions.PathRefused, _moment: Clock) -> Moved:
    """As refuse_path, for new rows."""
    raise FieldRefusedError(FieldProblem(FieldName.NEW_ROWS, answer.error))


def read_table(session: WorkflowSession, _answer: object, _moment: Clock) -> Moved:
    """Ask for the table."""
    assert session.source is not None
    return Moved(replace(session, load="now"), do.ReadSource(session.source))


def defer(session: WorkflowSession, _answer: actions.Defer, _moment: Clock) -> Moved:
    """Nothing is read before training."""
    return Moved(replace(session, load="defer"))


def take_table(session: WorkflowSession, answer: actions.TableLoaded, _moment: Clock) -> Moved:
    """The table is there, with the person's edits laid over its schema; a target they chose is looked at again."""
    info = answer.info
    if info.source != session.source:
        raise StepError("This is another table than the one that was asked for.", next_step="Wait for the right one.")
    file = session.file and SeenFile(session.file.path, info.size, info.modified)
    loaded = _detected(replace(session, load="now", file=file, table=info), answer.schema)
    wanted = session.edits.target
    if wanted and wanted != answer.schema.target and wanted in column_names(answer.schema):
        return Moved(loaded, do.DetectTarget(info, wanted))
    return Moved(loaded)


def keep_error(
    session: WorkflowSession, answer: actions.LoadFailed | actions.PredictionFailed, _moment: Clock
) -> Moved:
    """What went wrong is shown as it is."""
    return Moved(replace(session, problem=answer.error))


# Schema ------------------------------------------------------------------------------------------------------------


def accept_schema(session: WorkflowSession, _answer: actions.AcceptSchema, _moment: Clock) -> Moved:
    """The schema counts as shown. Raises StepError while another target is being looked at."""
    if session.waiting is not None and session.waiting.work == "target":
        raise StepError(
            f"The table is still being looked at for the target {clean(session.waiting.target, 60)}.",
            next_step="Wait a moment, then accept.",
        )
    return Moved(session)


def change_role(session: WorkflowSession, answer: actions.ChangeRole, moment: Clock) -> Moved:
    """Another role for a column; the role of the target is another target."""
    if answer.role == "target":
        return change_target(session, actions.ChangeTarget(answer.column), moment)
    return Moved(_edited(lambda: with_role(session, _known(session, answer.column), answer.role)))


def change_kind(session: WorkflowSession, answer: actions.ChangeKind, _moment: Clock) -> Moved:
    """Another kind for a column."""
    return Moved(_edited(lambda: with_kind(session, _known(session, answer.column), answer.kind)))


def change_split(session: WorkflowSession, answer: actions.ChangeSplit, _moment: Clock) -> Moved:
    """Another way to set rows aside."""
    return Moved(_edited(lambda: with_split(session, answer.split)))


def change_target(session: WorkflowSession, answer: actions.ChangeTarget, _moment: Clock) -> Moved:
    """Ask to understand the table for another target."""
    assert session.schema is not None
    assert session.table is not None
    column = _known(session, answer.column)
    if column == session.schema.target:
        return Moved(replace(session, waiting=None))
    return Moved(session, do.DetectTarget(session.table, column))


def choose_target(session: WorkflowSession, answer: actions.ChooseTarget, _moment: Clock) -> Moved:
    """Look the table over for the target that was named; only when it is not the present one."""
    assert session.table is not None
    return Moved(session, do.DetectTarget(session.table, target_named(session, answer.text)))


def keep_target(session: WorkflowSession, _answer: actions.ChooseTarget, _moment: Clock) -> Moved:
    """The target is the present one."""
    return Moved(_without_draft(session, FieldName.TARGET))


def same_target(session: WorkflowSession, answer: actions.ChooseTarget) -> bool:
    """Whether the target named is the one that the schema has already."""
    assert session.schema is not None
    return bool(session.schema.target) and target_named(session, answer.text) == session.schema.target


def target_named(session: WorkflowSession, text: str) -> str:
    """The column that `text` names, or the present target when it is empty. Raises RefusedError."""
    assert session.schema is not None
    if not text.strip() and session.schema.target:
        return session.schema.target
    try:
        return read_column(text, column_names(session.schema))
    except UsageError as error:
        raise _refuse(FieldName.TARGET, error) from error


def take_target(session: WorkflowSession, answer: actions.TargetDetected, _moment: Clock) -> Moved:
    """The table understood for the target that was asked for, with the edits laid over it."""
    target = answer.schema.target
    if session.waiting is None or session.waiting.target != target:
        raise StepError("This is the schema for another target than the one asked for.", next_step="Wait for it.")
    roles = {name: role for name, role in session.edits.roles.items() if name != target}
    edited = replace(session, edits=replace(session.edits, target=target, roles=roles))
    return Moved(_without_draft(_detected(edited, answer.schema), FieldName.TARGET))


def keep_detect_error(_session: WorkflowSession, answer: actions.DetectFailed, _moment: Clock) -> Moved:
    """The target stays the present one, with the reason beside the field."""
    raise FieldRefusedError(FieldProblem(FieldName.TARGET, answer.error), error=answer.error)


def choose_features(session: WorkflowSession, answer: actions.ChooseFeatures, _moment: Clock) -> Moved:
    """These columns are the features."""
    assert session.schema is not None
    if not answer.text.strip():
        return Moved(_without_draft(session, FieldName.FEATURES))
    names = column_names(session.schema)
    eligible = [column.name for column in session.schema.columns if column.role in ("feature", "ignore")]
    try:
        chosen = read_columns(answer.text, names, eligible)
    except UsageError as error:
        raise _refuse(FieldName.FEATURES, error) from error
    if session.schema.target in chosen:
        words = f"{clean(session.schema.target, 60)} is the target; it cannot be a feature too."
        raise _refuse(FieldName.FEATURES, UsageError(words, next_step="Leave it out, or go back to the target."))
    if not chosen:
        words = "No column is left to predict with."
        raise _refuse(FieldName.FEATURES, UsageError(words, next_step="Choose at least one feature."))
    return Moved(_without_draft(_edited(lambda: choosing_features(session, chosen)), FieldName.FEATURES))


def take_manual_schema(session: WorkflowSession, answer: actions.GiveSchema, _moment: Clock) -> Moved:
    """The schema in words, if one of the three forms fits."""
    from tabsmith.tables.schema.manual import parse_manual_schema

    try:
        manual = parse_manual_schema(answer.text)
    except SchemaError as error:
        raise _refuse(FieldName.SCHEMA, error) from error
    return Moved(replace(session, manual=manual))


def _detected(session: WorkflowSession, detected: Schema) -> WorkflowSession:
    """The session with a new detection, the person's edits laid over it; those that do not fit are told."""
    schema, left_out = apply_edits(detected, session.edits)
    notices = session.notices
    if left_out:
        words = f"These changes of yours do not fit this table and were left out: {', '.join(left_out[:5])}."
        notices = (*notices, SessionNotice(SessionNoticeKind.EDITS_LEFT_OUT, words))
    return replace(session, detected=detected, schema=schema, notices=notices)


def _known(session: WorkflowSession, column: str) -> str:
    assert session.schema is not None
    if column not in column_names(session.schema):
        raise StepError(f"There is no column {clean(column, 60)!r}.", next_step="Choose one of the columns shown.")
    return column


def _edited(edit: Callable[[], WorkflowSession]) -> WorkflowSession:
    try:
        return edit()
    except SchemaError as error:
        raise FieldRefusedError(error=error.report(details=False)) from error


def _without_draft(session: WorkflowSession, field: FieldName) -> WorkflowSession:
    """The value stands in the schema now, and is shown from there."""
    return replace(session, drafts={name: text for name, text in session.drafts.items() if name != field})


def train(session: WorkflowSession, _answer: actions.Train, moment: Clock) -> Moved:
    """Ask for the run, or show every field that cannot be understood."""
    problems = read_choice(session).problems
    if problems:
        raise FieldRefusedError(*problems)
    run_id = moment.new_id(moment.now)
    return Moved(replace(session, run_id=run_id), do.StartTraining(run_spec(session, run_id, moment.now)))


def finish_run(session: WorkflowSession, answer: actions.RunFinished, _moment: Clock) -> Moved:
    """The model is there."""
    _require_run(session, answer.report.run_id)
    return Moved(replace(session, model=_in_short(answer.report), prediction=None))


def fail_run(session: WorkflowSession, answer: actions.RunFailed, _moment: Clock) -> Moved:
    """There is no model; the settings are where to try again."""
    _require_run(session, answer.run_id)
    return Moved(replace(session, problem=answer.error, retry=State.CONFIGURING_MODEL))


def stop_run(session: WorkflowSession, answer: actions.RunStopped, _moment: Clock) -> Moved:
    """There is no model, because a person wanted none."""
    _require_run(session, answer.run_id)
    notice = SessionNotice(
        SessionNoticeKind.RUN_STOPPED, "The run was stopped before there was a model. Train again when you like."
    )
    return Moved(replace(session, run_id="", notices=(notice,)))


def interrupt_run(session: WorkflowSession, answer: actions.RunInterrupted, _moment: Clock) -> Moved:
    """The run can be resumed."""
    _require_run(session, answer.run_id)
    problem = ErrorReport(
        "WorkerError",
        "The run was interrupted: its worker process is gone.",
        where=f"run {session.run_id}",
        next_step="Try again resumes it where it stood. Nothing measured so far is lost.",
    )
    return Moved(replace(session, problem=problem, retry=State.TRAINING))


def go_wrong(session: WorkflowSession, answer: actions.WentWrong, _moment: Clock) -> Moved:
    """What went wrong is shown; the present state is where to try again."""
    return Moved(replace(session, problem=answer.error, retry=session.state))


def resume_run(session: WorkflowSession, _answer: actions.TryAgain, _moment: Clock) -> Moved:
    """Ask for the run to go on."""
    return Moved(session, do.ResumeTraining(session.run_id))


def take_prediction(session: WorkflowSession, answer: actions.PredictionDone, _moment: Clock) -> Moved:
    """The predictions are written."""
    return Moved(replace(session, prediction=answer.prediction))


def finish(session: WorkflowSession, _answer: actions.Finish, _moment: Clock) -> Moved:
    """The conversation is over; its document is removed."""
    return Moved(replace(session, history=(), revision=0), do.RemoveSession())


def _require_run(session: WorkflowSession, run_id: str) -> None:
    if run_id != session.run_id:
        raise StepError(
            f"The session waits for the run {clean(session.run_id, 60)}, not for {clean(run_id, 60)}.",
            next_step="Open the other run from the list of runs.",
        )


def _in_short(report: ModelReport) -> TrainedModel:
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
    """A document holds no NaN: a score that is none is unknown."""
    if score is None or not math.isfinite(score.score):
        return None
    bounded = all(bound is not None and math.isfinite(bound) for bound in (score.low, score.high))
    return score if bounded else replace(score, low=None, high=None)


TransitionHandler: TypeAlias = Callable[[WorkflowSession, Any, Clock], Moved]
TransitionGuard: TypeAlias = Callable[[WorkflowSession, Any], bool]

HistoryChange: TypeAlias = Literal["push", "keep", "return"]
"""What becomes of the way back. `push`: the state left is where Back leads. `keep`: nobody goes back to the state left.
`return`: the state entered is an earlier one; the way back is cut to what led there."""

ANYWHERE: Final = (actions.Back, actions.Cancel, actions.Type)


def _always(_session: WorkflowSession, _answer: object) -> bool:
    return True


def _retries(state: State) -> TransitionGuard:
    return lambda session, _answer: session.retry == state


def _sample(session: WorkflowSession, _answer: object) -> bool:
    return isinstance(session.source, SampleSource)


def _upload(session: WorkflowSession, _answer: object) -> bool:
    return session.origin == "upload"


def _run_has_model(session: WorkflowSession, _answer: object) -> bool:
    return session.model is not None and session.model.run_id == session.run_id


class Transition(NamedTuple):
    """One row of the table."""

    state: State
    answer: type[actions.WorkflowAction]
    to: State
    move: TransitionHandler
    when: TransitionGuard = _always
    trail: HistoryChange = "push"


_MAY_GO_WRONG: Final = tuple(
    state for state in State if state not in (State.IDLE, State.TRAINING, State.COMPLETED, State.ERROR)
)

TRANSITIONS: Final[tuple[Transition, ...]] = (
    Transition(State.IDLE, actions.Begin, State.CHOOSING_DATA_SOURCE, stay),
    # Source
    Transition(State.CHOOSING_DATA_SOURCE, actions.ChooseFile, State.AWAITING_FILE_PATH, choose_file),
    Transition(State.CHOOSING_DATA_SOURCE, actions.ChooseUpload, State.AWAITING_DATA, choose_upload),
    Transition(State.CHOOSING_DATA_SOURCE, actions.ChooseSample, State.CHOOSING_LOAD_OPTION, choose_sample),
    Transition(State.AWAITING_FILE_PATH, actions.GivePath, State.AWAITING_FILE_PATH, check_path),
    Transition(State.AWAITING_FILE_PATH, actions.PathAccepted, State.CHOOSING_LOAD_OPTION, take_path),
    Transition(State.AWAITING_FILE_PATH, actions.PathRefused, State.AWAITING_FILE_PATH, refuse_path),
    Transition(State.AWAITING_DATA, actions.GiveData, State.AWAITING_DATA, check_data),
    Transition(State.AWAITING_DATA, actions.PathAccepted, State.AWAITING_DATA, take_data),
    Transition(State.AWAITING_DATA, actions.PathRefused, State.AWAITING_DATA, refuse_data),
    Transition(State.AWAITING_DATA, actions.TableLoaded, State.CONFIRMING_SCHEMA, take_table),
    Transition(State.AWAITING_DATA, actions.LoadFailed, State.AWAITING_DATA, keep_error),
    # Table
    Transition(State.CHOOSING_LOAD_OPTION, actions.LoadNow, State.CHOOSING_LOAD_OPTION, read_table),
    Transition(State.CHOOSING_LOAD_OPTION, actions.TableLoaded, State.CONFIRMING_SCHEMA, take_table),
    Transition(
        State.CHOOSING_LOAD_OPTION, actions.LoadFailed, State.CHOOSING_DATA_SOURCE, keep_error, _sample, "return"
    ),
    Transition(State.CHOOSING_LOAD_OPTION, actions.LoadFailed, State.AWAITING_FILE_PATH, keep_error, trail="return"),
    Transition(State.CHOOSING_LOAD_OPTION, actions.Defer, State.AWAITING_SCHEMA_INPUT, defer),
    # Schema
    Transition(State.CONFIRMING_SCHEMA, actions.AcceptSchema, State.CONFIGURING_MODEL, accept_schema),
    Transition(State.CONFIRMING_SCHEMA, actions.EditSchema, State.SELECTING_TARGET, accept_schema),
    Transition(State.CONFIRMING_SCHEMA, actions.RejectSchema, State.CHOOSING_DATA_SOURCE, stay, _sample),
    Transition(State.CONFIRMING_SCHEMA, actions.RejectSchema, State.AWAITING_DATA, stay, _upload),
    Transition(State.CONFIRMING_SCHEMA, actions.RejectSchema, State.AWAITING_FILE_PATH, stay),
    Transition(State.CONFIRMING_SCHEMA, actions.ChangeRole, State.CONFIRMING_SCHEMA, change_role),
    Transition(State.CONFIRMING_SCHEMA, actions.ChangeKind, State.CONFIRMING_SCHEMA, change_kind),
    Transition(State.CONFIRMING_SCHEMA, actions.ChangeSplit, State.CONFIRMING_SCHEMA, change_split),
    Transition(State.CONFIRMING_SCHEMA, actions.ChangeTarget, State.CONFIRMING_SCHEMA, change_target),
    Transition(State.CONFIRMING_SCHEMA, actions.TargetDetected, State.CONFIRMING_SCHEMA, take_target),
    Transition(State.CONFIRMING_SCHEMA, actions.DetectFailed, State.CONFIRMING_SCHEMA, keep_detect_error),
    Transition(State.SELECTING_TARGET, actions.ChooseTarget, State.SELECTING_FEATURES, keep_target, same_target),
    Transition(State.SELECTING_TARGET, actions.ChooseTarget, State.SELECTING_TARGET, choose_target),
    Transition(State.SELECTING_TARGET, actions.TargetDetected, State.SELECTING_FEATURES, take_target),
    Transition(State.SELECTING_TARGET, actions.DetectFailed, State.SELECTING_TARGET, keep_detect_error),
    Transition(State.SELECTING_FEATURES, actions.ChooseFeatures, State.CONFIGURING_MODEL, choose_features),
    Transition(State.AWAITING_SCHEMA_INPUT, actions.GiveSchema, State.CONFIGURING_MODEL, take_manual_schema),
    # Model and training
    Transition(State.CONFIGURING_MODEL, actions.Train, State.TRAINING, train),
    Transition(State.CONFIGURING_MODEL, actions.ShowRun, State.TRAINED, stay, _run_has_model),
    Transition(State.CONFIGURING_MODEL, actions.ShowRun, State.TRAINING, stay),
    Transition(State.TRAINING, actions.RunFinished, State.TRAINED, finish_run, trail="keep"),
    Transition(State.TRAINING, actions.RunStopped, State.CONFIGURING_MODEL, stop_run, trail="return"),
    Transition(State.TRAINING, actions.RunFailed, State.ERROR, fail_run, trail="keep"),
    Transition(State.TRAINING, actions.RunInterrupted, State.ERROR, interrupt_run, trail="keep"),
    # Result
    Transition(State.TRAINED, actions.PredictRows, State.PREDICTING, stay),
    Transition(State.TRAINED, actions.Finish, State.COMPLETED, finish, trail="keep"),
    Transition(State.PREDICTING, actions.GiveNewRows, State.PREDICTING, check_new_rows),
    Transition(State.PREDICTING, actions.PathAccepted, State.PREDICTING, take_new_rows),
    Transition(State.PREDICTING, actions.PathRefused, State.PREDICTING, refuse_new_rows),
    Transition(State.PREDICTING, actions.PredictionDone, State.PREDICTING, take_prediction),
    Transition(State.PREDICTING, actions.PredictionFailed, State.PREDICTING, keep_error),
    Transition(State.PREDICTING, actions.Finish, State.COMPLETED, finish, trail="keep"),
    Transition(State.COMPLETED, actions.Begin, State.CHOOSING_DATA_SOURCE, start_over, trail="keep"),
    # Trouble
    *(Transition(state, actions.WentWrong, State.ERROR, go_wrong) for state in _MAY_GO_WRONG),
    Transition(State.ERROR, actions.TryAgain, State.TRAINING, resume_run, _retries(State.TRAINING), "keep"),
    *(Transition(State.ERROR, actions.TryAgain, state, stay, _retries(state), "return") for state in _MAY_GO_WRONG),
)


def allowed_actions(state: State) -> tuple[type[actions.WorkflowAction], ...]:
    """The kinds of answer that fit `state`, in the table's order, those that fit anywhere left out."""
    return tuple(dict.fromkeys(arrow.answer for arrow in TRANSITIONS if arrow.state == state))


def transition_for(session: WorkflowSession, answer: actions.WorkflowAction) -> Transition | None:
    """The row that `answer` takes from where the session stands. Raises RefusedError for a field's bad text."""
    for arrow in TRANSITIONS:
        if arrow.state == session.state and arrow.answer is type(answer) and arrow.when(session, answer):
            return arrow
    return None
