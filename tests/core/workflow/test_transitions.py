"""Every row of the transition table, walked."""

from typing import NamedTuple

import pytest

from tabsmith.errors import StepError
from tabsmith.modeling.results import PredictedFile
from tabsmith.runs.jobs import JobFailed, Predicted, ReadTable, SchemaDetected
from tabsmith.tables.schema.types import Split
from tabsmith.workflow import actions
from tabsmith.workflow.effects import ResumeTraining, StartTraining
from tabsmith.workflow.machine import action_name, missing, step
from tabsmith.workflow.session import WorkflowSession
from tabsmith.workflow.states import PREREQUISITES, STEP_OF, State
from tabsmith.workflow.step_forms import step_form
from tabsmith.workflow.transitions import TRANSITIONS, allowed_actions

from . import builders as b

RUN = b.moment().new_id(b.NOW)
WRONG = actions.WentWrong(b.TROUBLE)
DISTRICT = SchemaDetected(b.schema("district"))
NOT_PREDICTED = JobFailed(b.TROUBLE)
PREDICTED = Predicted(PredictedFile("m1", 1, (), "o"), b.NO_ROWS)


class Walk(NamedTuple):
    """From `start`, with the work that `opened` asks for left waiting, `answer` leads to `to`."""

    start: tuple[actions.WorkflowAction, ...]
    answer: actions.WorkflowAction
    to: State
    opened: tuple[actions.WorkflowAction, ...] = ()

    def before(self) -> WorkflowSession:
        return b.say_to(b.at(*self.start), *self.opened, results=False).session

    def __str__(self) -> str:
        return f"{self.before().state.name} {type(self.answer).__name__} {self.to.name}"


WALKS: tuple[Walk, ...] = (
    Walk((), actions.Begin(), State.CHOOSING_DATA_SOURCE),
    Walk((actions.Begin(),), actions.ChooseFile(), State.AWAITING_FILE_PATH),
    Walk((actions.Begin(),), actions.ChooseUpload(), State.AWAITING_DATA),
    Walk((actions.Begin(),), actions.ChooseSample("iris"), State.CHOOSING_LOAD_OPTION),
    Walk(b.TO_PATH, actions.GivePath("/data/houses.csv"), State.AWAITING_FILE_PATH),
    Walk(b.TO_PATH, b.accepted(), State.CHOOSING_LOAD_OPTION, opened=(actions.GivePath("x"),)),
    Walk(b.TO_PATH, actions.PathRefused(b.TROUBLE), State.AWAITING_FILE_PATH, opened=(actions.GivePath("x"),)),
    Walk(b.TO_PATH, actions.ChangeSource(b.OTHER_WAY), State.CHOOSING_LOAD_OPTION),
    Walk(b.TO_LOAD, actions.ChangeSource(b.OTHER_WAY), State.CHOOSING_LOAD_OPTION),
    Walk(b.TO_SCHEMA, actions.ChangeSource(b.OTHER_WAY), State.CHOOSING_LOAD_OPTION),
    Walk(b.TO_UPLOAD, actions.GiveData("/data/sent.csv"), State.AWAITING_DATA),
    Walk(b.TO_UPLOAD, b.accepted(), State.AWAITING_DATA, opened=(actions.GiveData("x"),)),
    Walk(b.TO_UPLOAD, actions.PathRefused(b.TROUBLE), State.AWAITING_DATA, opened=(actions.GiveData("x"),)),
    Walk(
        b.TO_UPLOAD,
        JobFailed(b.TROUBLE),
        State.AWAITING_DATA,
        opened=(
            actions.GiveData("x"),
            b.accepted(),
        ),
    ),
    Walk(b.TO_LOAD, actions.LoadNow(), State.CHOOSING_LOAD_OPTION),
    Walk(b.TO_LOAD, JobFailed(b.TROUBLE), State.AWAITING_FILE_PATH, opened=(actions.LoadNow(),)),
    Walk(b.TO_SAMPLE, JobFailed(b.TROUBLE), State.CHOOSING_DATA_SOURCE, opened=(actions.LoadNow(),)),
    Walk(b.TO_LOAD, actions.Defer(), State.AWAITING_SCHEMA_INPUT),
    Walk(b.TO_SCHEMA, actions.AcceptSchema(), State.CONFIGURING_MODEL),
    Walk(b.TO_SCHEMA, actions.EditSchema(), State.SELECTING_TARGET),
    Walk(b.TO_SCHEMA, actions.RejectSchema(), State.AWAITING_FILE_PATH),
    Walk((*b.TO_SAMPLE, actions.LoadNow()), actions.RejectSchema(), State.CHOOSING_DATA_SOURCE),
    Walk((*b.TO_UPLOAD, actions.GiveData("/data/sent.csv")), actions.RejectSchema(), State.AWAITING_DATA),
    Walk(b.TO_SCHEMA, actions.ChangeRole("area", "ignore"), State.CONFIRMING_SCHEMA),
    Walk(b.TO_SCHEMA, actions.ChangeKind("rooms", "category"), State.CONFIRMING_SCHEMA),
    Walk(b.TO_SCHEMA, actions.ChangeSplit(Split("grouped", "district")), State.CONFIRMING_SCHEMA),
    Walk(b.TO_SCHEMA, actions.ChangeTarget("district"), State.CONFIRMING_SCHEMA),
    Walk(
        b.TO_SCHEMA,
        JobFailed(b.TROUBLE),
        State.CONFIRMING_SCHEMA,
        opened=(actions.ChangeTarget("district"),),
    ),
    Walk(b.TO_TARGET, actions.ChooseTarget("price"), State.SELECTING_FEATURES),
    Walk(b.TO_TARGET, actions.ChooseTarget("district"), State.SELECTING_TARGET),
    Walk(b.TO_TARGET, JobFailed(b.TROUBLE), State.SELECTING_TARGET, opened=(actions.ChooseTarget("district"),)),
    Walk(b.TO_FEATURES, actions.ChooseFeatures("area"), State.CONFIGURING_MODEL),
    Walk(b.TO_WORDS, actions.GiveSchema("target: price"), State.CONFIGURING_MODEL),
    Walk(b.TO_MODEL, actions.Train(), State.TRAINING),
    Walk((*b.TO_TRAINING, actions.Back()), actions.ShowRun(), State.TRAINING),
    Walk((*b.TO_TRAINED, actions.Back()), actions.ShowRun(), State.TRAINED),
    Walk(b.TO_TRAINING, actions.RunFinished(b.report(RUN)), State.TRAINED),
    Walk(b.TO_TRAINING, actions.RunStopped(RUN), State.CONFIGURING_MODEL),
    Walk(b.TO_TRAINING, actions.RunFailed(RUN, b.TROUBLE), State.ERROR),
    Walk(b.TO_TRAINING, actions.RunInterrupted(RUN), State.ERROR),
    Walk(b.TO_TRAINED, actions.PredictRows(), State.PREDICTING),
    Walk(b.TO_TRAINED, actions.Finish(), State.COMPLETED),
    Walk(b.TO_PREDICTING, actions.GiveNewRows("/data/new.csv"), State.PREDICTING),
    Walk(b.TO_PREDICTING, b.accepted(), State.PREDICTING, opened=(actions.GiveNewRows("/data/new.csv"),)),
    Walk(
        b.TO_PREDICTING,
        actions.PathRefused(b.TROUBLE),
        State.PREDICTING,
        opened=(actions.GiveNewRows("/data/new.csv"),),
    ),
    Walk(b.TO_PREDICTING, actions.Finish(), State.COMPLETED),
    Walk(b.TO_COMPLETED, actions.Begin(), State.CHOOSING_DATA_SOURCE),
    Walk((actions.Begin(),), WRONG, State.ERROR),
    Walk(b.TO_PATH, WRONG, State.ERROR),
    Walk(b.TO_UPLOAD, WRONG, State.ERROR),
    Walk(b.TO_LOAD, WRONG, State.ERROR),
    Walk(b.TO_SCHEMA, WRONG, State.ERROR),
    Walk(b.TO_TARGET, WRONG, State.ERROR),
    Walk(b.TO_FEATURES, WRONG, State.ERROR),
    Walk(b.TO_WORDS, WRONG, State.ERROR),
    Walk(b.TO_MODEL, WRONG, State.ERROR),
    Walk(b.TO_TRAINED, WRONG, State.ERROR),
    Walk(b.TO_PREDICTING, WRONG, State.ERROR),
    Walk((actions.Begin(), WRONG), actions.TryAgain(), State.CHOOSING_DATA_SOURCE),
    Walk((*b.TO_PATH, WRONG), actions.TryAgain(), State.AWAITING_FILE_PATH),
    Walk((*b.TO_UPLOAD, WRONG), actions.TryAgain(), State.AWAITING_DATA),
    Walk((*b.TO_LOAD, WRONG), actions.TryAgain(), State.CHOOSING_LOAD_OPTION),
    Walk((*b.TO_SCHEMA, WRONG), actions.TryAgain(), State.CONFIRMING_SCHEMA),
    Walk((*b.TO_TARGET, WRONG), actions.TryAgain(), State.SELECTING_TARGET),
    Walk((*b.TO_FEATURES, WRONG), actions.TryAgain(), State.SELECTING_FEATURES),
    Walk((*b.TO_WORDS, WRONG), actions.TryAgain(), State.AWAITING_SCHEMA_INPUT),
    Walk(b.TO_ERROR, actions.TryAgain(), State.CONFIGURING_MODEL),
    Walk((*b.TO_TRAINING, actions.RunInterrupted(RUN)), actions.TryAgain(), State.TRAINING),
    Walk((*b.TO_TRAINED, WRONG), actions.TryAgain(), State.TRAINED),
    Walk((*b.TO_PREDICTING, WRONG), actions.TryAgain(), State.PREDICTING),
    Walk(b.TO_LOAD, b.loaded(b.at(*b.TO_LOAD)), State.CONFIRMING_SCHEMA, opened=(actions.LoadNow(),)),
    Walk(
        b.TO_UPLOAD, b.loaded(b.at(*b.TO_LOAD)), State.CONFIRMING_SCHEMA, opened=(actions.GiveData("x"), b.accepted())
    ),
    Walk(b.TO_SCHEMA, DISTRICT, State.CONFIRMING_SCHEMA, opened=(actions.ChangeTarget("district"),)),
    Walk(b.TO_TARGET, DISTRICT, State.SELECTING_FEATURES, opened=(actions.ChooseTarget("district"),)),
    Walk(b.TO_PREDICTING, PREDICTED, State.PREDICTING, opened=(actions.GiveNewRows("x"), b.accepted())),
    Walk(b.TO_PREDICTING, NOT_PREDICTED, State.PREDICTING, opened=(actions.GiveNewRows("x"), b.accepted())),
)


@pytest.mark.parametrize("walk", WALKS, ids=str)
def test_an_answer_leads_where_the_table_says(walk: Walk) -> None:
    before = walk.before()
    after = step(before, walk.answer, b.moment()).session
    assert after.state == walk.to
    assert (before.state, type(walk.answer), walk.to) in {(row.state, row.action, row.to) for row in TRANSITIONS}
    assert not missing(after.state, after)
    assert step_form(after).state == walk.to


def test_every_row_of_the_table_is_walked_here() -> None:
    walked = {(walk.before().state, type(walk.answer), walk.to) for walk in WALKS}
    assert {(row.state, row.action, row.to) for row in TRANSITIONS} == walked


def test_every_state_is_reached_and_has_prerequisites_and_a_step() -> None:
    assert {row.to for row in TRANSITIONS} | {State.IDLE} == set(State)
    assert set(PREREQUISITES) == set(State)
    assert set(STEP_OF) == set(State) - {State.IDLE, State.ERROR}


@pytest.mark.parametrize("state", list(State))
def test_an_answer_that_does_not_fit_says_what_would_and_changes_nothing(state: State) -> None:
    reached = {walk.to: step(walk.before(), walk.answer, b.moment()).session for walk in WALKS}
    session = {State.IDLE: b.fresh(), **reached}[state]
    wrong = next(
        answer for answer in (actions.Train(), actions.LoadNow()) if type(answer) not in allowed_actions(state)
    )
    with pytest.raises(StepError) as caught:
        step(session, wrong, b.moment())
    assert session.place in caught.value.what
    expected = [action_name(kind) for kind in allowed_actions(state) if kind in actions.USER_ACTIONS]
    assert all(words in caught.value.next_step for words in [*expected, "cancel"])


def test_work_is_asked_for_by_type() -> None:
    assert isinstance(b.say_to(b.at(*b.TO_LOAD), actions.LoadNow(), results=False).effect, ReadTable)
    assert isinstance(b.say_to(b.at(*b.TO_MODEL), actions.Train(), results=False).effect, StartTraining)
    interrupted = b.at(*b.TO_TRAINING, actions.RunInterrupted(RUN))
    assert b.say_to(interrupted, actions.TryAgain()).effect == ResumeTraining(RUN)
