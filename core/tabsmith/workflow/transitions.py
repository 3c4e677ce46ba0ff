"""The conversation as one table: at which state, on which answer, what happens and where it leads.

Read a row as: at `state`, `answer` does `move` and leads to `to` (if `when` holds; the first such row counts). Back,
Cancel and Type fit everywhere and are not in the table: Back leads where the session came from, Cancel to IDLE, and
Type stays.
"""

from collections.abc import Callable
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from tabsmith.tables.sources import SampleSource
from tabsmith.workflow import answers as say
from tabsmith.workflow import moves, run_moves
from tabsmith.workflow.moved import Moment, Moved
from tabsmith.workflow.session import WorkflowSession
from tabsmith.workflow.states import State

Move: TypeAlias = Callable[[WorkflowSession, Any, Moment], Moved]
Condition: TypeAlias = Callable[[WorkflowSession, Any], bool]

Trail: TypeAlias = Literal["push", "keep", "return"]
"""What becomes of the way back. `push`: the state left is where Back leads. `keep`: nobody goes back to the state left.
`return`: the state entered is an earlier one; the way back is cut to what led there."""

ANYWHERE: Final = (say.Back, say.Cancel, say.Type)


def _always(_session: WorkflowSession, _answer: object) -> bool:
    return True


def _retries(state: State) -> Condition:
    return lambda session, _answer: session.retry == state


def _sample(session: WorkflowSession, _answer: object) -> bool:
    return isinstance(session.source, SampleSource)


def _upload(session: WorkflowSession, _answer: object) -> bool:
    return session.origin == "upload"


def _run_has_model(session: WorkflowSession, _answer: object) -> bool:
    return session.model is not None and session.model.run_id == session.run_id


class Arrow(NamedTuple):
    """One row of the table."""

    state: State
    answer: type[say.Answer]
    to: State
    move: Move
    when: Condition = _always
    trail: Trail = "push"


_MAY_GO_WRONG: Final = tuple(
    state for state in State if state not in (State.IDLE, State.TRAINING, State.COMPLETED, State.ERROR)
)

ARROWS: Final[tuple[Arrow, ...]] = (
    Arrow(State.IDLE, say.Begin, State.CHOOSING_DATA_SOURCE, moves.stay),
    # Source
    Arrow(State.CHOOSING_DATA_SOURCE, say.ChooseFile, State.AWAITING_FILE_PATH, moves.choose_file),
    Arrow(State.CHOOSING_DATA_SOURCE, say.ChooseUpload, State.AWAITING_DATA, moves.choose_upload),
    Arrow(State.CHOOSING_DATA_SOURCE, say.ChooseSample, State.CHOOSING_LOAD_OPTION, moves.choose_sample),
    Arrow(State.AWAITING_FILE_PATH, say.GivePath, State.AWAITING_FILE_PATH, moves.check_path),
    Arrow(State.AWAITING_FILE_PATH, say.PathAccepted, State.CHOOSING_LOAD_OPTION, moves.take_path),
    Arrow(State.AWAITING_FILE_PATH, say.PathRefused, State.AWAITING_FILE_PATH, moves.refuse_path),
    Arrow(State.AWAITING_DATA, say.GiveData, State.AWAITING_DATA, moves.check_data),
    Arrow(State.AWAITING_DATA, say.PathAccepted, State.AWAITING_DATA, moves.take_data),
    Arrow(State.AWAITING_DATA, say.PathRefused, State.AWAITING_DATA, moves.refuse_data),
    Arrow(State.AWAITING_DATA, say.TableLoaded, State.CONFIRMING_SCHEMA, moves.take_table),
    Arrow(State.AWAITING_DATA, say.LoadFailed, State.AWAITING_DATA, moves.keep_error),
    # Table
    Arrow(State.CHOOSING_LOAD_OPTION, say.LoadNow, State.CHOOSING_LOAD_OPTION, moves.read_table),
    Arrow(State.CHOOSING_LOAD_OPTION, say.TableLoaded, State.CONFIRMING_SCHEMA, moves.take_table),
    Arrow(State.CHOOSING_LOAD_OPTION, say.LoadFailed, State.CHOOSING_DATA_SOURCE, moves.keep_error, _sample, "return"),
    Arrow(State.CHOOSING_LOAD_OPTION, say.LoadFailed, State.AWAITING_FILE_PATH, moves.keep_error, trail="return"),
    Arrow(State.CHOOSING_LOAD_OPTION, say.Defer, State.AWAITING_SCHEMA_INPUT, moves.defer),
    # Schema
    Arrow(State.CONFIRMING_SCHEMA, say.AcceptSchema, State.CONFIGURING_MODEL, moves.accept_schema),
    Arrow(State.CONFIRMING_SCHEMA, say.EditSchema, State.SELECTING_TARGET, moves.accept_schema),
    Arrow(State.CONFIRMING_SCHEMA, say.RejectSchema, State.CHOOSING_DATA_SOURCE, moves.stay, _sample),
    Arrow(State.CONFIRMING_SCHEMA, say.RejectSchema, State.AWAITING_DATA, moves.stay, _upload),
    Arrow(State.CONFIRMING_SCHEMA, say.RejectSchema, State.AWAITING_FILE_PATH, moves.stay),
    Arrow(State.CONFIRMING_SCHEMA, say.ChangeRole, State.CONFIRMING_SCHEMA, moves.change_role),
    Arrow(State.CONFIRMING_SCHEMA, say.ChangeKind, State.CONFIRMING_SCHEMA, moves.change_kind),
    Arrow(State.CONFIRMING_SCHEMA, say.ChangeSplit, State.CONFIRMING_SCHEMA, moves.change_split),
    Arrow(State.CONFIRMING_SCHEMA, say.ChangeTarget, State.CONFIRMING_SCHEMA, moves.change_target),
    Arrow(State.CONFIRMING_SCHEMA, say.TargetDetected, State.CONFIRMING_SCHEMA, moves.take_target),
    Arrow(State.CONFIRMING_SCHEMA, say.DetectFailed, State.CONFIRMING_SCHEMA, moves.keep_detect_error),
    Arrow(State.SELECTING_TARGET, say.ChooseTarget, State.SELECTING_FEATURES, moves.keep_target, moves.same_target),
    Arrow(State.SELECTING_TARGET, say.ChooseTarget, State.SELECTING_TARGET, moves.choose_target),
    Arrow(State.SELECTING_TARGET, say.TargetDetected, State.SELECTING_FEATURES, moves.take_target),
    Arrow(State.SELECTING_TARGET, say.DetectFailed, State.SELECTING_TARGET, moves.keep_detect_error),
    Arrow(State.SELECTING_FEATURES, say.ChooseFeatures, State.CONFIGURING_MODEL, moves.choose_features),
    Arrow(State.AWAITING_SCHEMA_INPUT, say.GiveSchema, State.CONFIGURING_MODEL, moves.take_schema_words),
    # Model and training
    Arrow(State.CONFIGURING_MODEL, say.Train, State.TRAINING, run_moves.train),
    Arrow(State.CONFIGURING_MODEL, say.ShowRun, State.TRAINED, moves.stay, _run_has_model),
    Arrow(State.CONFIGURING_MODEL, say.ShowRun, State.TRAINING, moves.stay),
    Arrow(State.TRAINING, say.RunFinished, State.TRAINED, run_moves.finish_run, trail="keep"),
    Arrow(State.TRAINING, say.RunStopped, State.CONFIGURING_MODEL, run_moves.stop_run, trail="return"),
    Arrow(State.TRAINING, say.RunFailed, State.ERROR, run_moves.fail_run, trail="keep"),
    Arrow(State.TRAINING, say.RunInterrupted, State.ERROR, run_moves.interrupt_run, trail="keep"),
    # Result
    Arrow(State.TRAINED, say.PredictRows, State.PREDICTING, moves.stay),
    Arrow(State.TRAINED, say.Finish, State.COMPLETED, run_moves.finish, trail="keep"),
    Arrow(State.PREDICTING, say.GiveNewRows, State.PREDICTING, moves.check_new_rows),
    Arrow(State.PREDICTING, say.PathAccepted, State.PREDICTING, moves.take_new_rows),
    Arrow(State.PREDICTING, say.PathRefused, State.PREDICTING, moves.refuse_new_rows),
    Arrow(State.PREDICTING, say.PredictionDone, State.PREDICTING, run_moves.take_prediction),
    Arrow(State.PREDICTING, say.PredictionFailed, State.PREDICTING, moves.keep_error),
    Arrow(State.PREDICTING, say.Finish, State.COMPLETED, run_moves.finish, trail="keep"),
    Arrow(State.COMPLETED, say.Begin, State.CHOOSING_DATA_SOURCE, moves.afresh, trail="keep"),
    # Trouble
    *(Arrow(state, say.WentWrong, State.ERROR, run_moves.go_wrong) for state in _MAY_GO_WRONG),
    Arrow(State.ERROR, say.TryAgain, State.TRAINING, run_moves.resume_run, _retries(State.TRAINING), "keep"),
    *(Arrow(State.ERROR, say.TryAgain, state, moves.stay, _retries(state), "return") for state in _MAY_GO_WRONG),
)


def fitting(state: State) -> tuple[type[say.Answer], ...]:
    """The kinds of answer that fit `state`, in the table's order, those that fit anywhere left out."""
    return tuple(dict.fromkeys(arrow.answer for arrow in ARROWS if arrow.state == state))


def arrow_for(session: WorkflowSession, answer: say.Answer) -> Arrow | None:
    """The row that `answer` takes from where the session stands. Raises RefusedError for a field's bad text."""
    for arrow in ARROWS:
        if arrow.state == session.state and arrow.answer is type(answer) and arrow.when(session, answer):
            return arrow
    return None
