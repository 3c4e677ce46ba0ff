"""Every row of the transition table, walked."""

from typing import NamedTuple

import pytest

from tabsmith.errors import StepError
from tabsmith.modeling.prediction import Prediction
from tabsmith.tables.schema import Split
from tabsmith.workflow import answers as say
from tabsmith.workflow import effects as do
from tabsmith.workflow.checks import missing
from tabsmith.workflow.prompts import prompt
from tabsmith.workflow.session import WorkflowSession
from tabsmith.workflow.states import PREREQUISITES, STEP_OF, State
from tabsmith.workflow.steps import step, words_of
from tabsmith.workflow.transitions import ARROWS, fitting

from . import builders as b

RUN = b.moment().new_id(b.NOW)
WRONG = say.WentWrong(b.TROUBLE)
DISTRICT = say.TargetDetected(b.schema("district"))
NOT_PREDICTED = say.PredictionFailed(b.TROUBLE)
PREDICTED = say.PredictionDone(Prediction("m1", 1, (), "o"))


class Walk(NamedTuple):
    """From `start`, with the work that `opened` asks for left waiting, `answer` leads to `to`."""

    start: tuple[say.Answer, ...]
    answer: say.Answer
    to: State
    opened: tuple[say.Answer, ...] = ()

    def before(self) -> WorkflowSession:
        return b.say_to(b.at(*self.start), *self.opened, results=False).session

    def __str__(self) -> str:
        return f"{self.before().state.name} {type(self.answer).__name__} {self.to.name}"


WALKS: tuple[Walk, ...] = (
    Walk((), say.Begin(), State.CHOOSING_DATA_SOURCE),
    Walk((say.Begin(),), say.ChooseFile(), State.AWAITING_FILE_PATH),
    Walk((say.Begin(),), say.ChooseUpload(), State.AWAITING_DATA),
    Walk((say.Begin(),), say.ChooseSample("iris"), State.CHOOSING_LOAD_OPTION),
    Walk(b.TO_PATH, say.GivePath("/data/houses.csv"), State.AWAITING_FILE_PATH),
    Walk(b.TO_PATH, b.accepted(), State.CHOOSING_LOAD_OPTION, opened=(say.GivePath("x"),)),
    Walk(b.TO_PATH, say.PathRefused(b.TROUBLE), State.AWAITING_FILE_PATH, opened=(say.GivePath("x"),)),
    Walk(b.TO_UPLOAD, say.GiveData("/data/sent.csv"), State.AWAITING_DATA),
    Walk(b.TO_UPLOAD, b.accepted(), State.AWAITING_DATA, opened=(say.GiveData("x"),)),
    Walk(b.TO_UPLOAD, say.PathRefused(b.TROUBLE), State.AWAITING_DATA, opened=(say.GiveData("x"),)),
    Walk(
        b.TO_UPLOAD,
        say.LoadFailed(b.TROUBLE),
        State.AWAITING_DATA,
        opened=(
            say.GiveData("x"),
            b.accepted(),
        ),
    ),
    Walk(b.TO_LOAD, say.LoadNow(), State.CHOOSING_LOAD_OPTION),
    Walk(b.TO_LOAD, say.LoadFailed(b.TROUBLE), State.AWAITING_FILE_PATH, opened=(say.LoadNow(),)),
    Walk(b.TO_SAMPLE, say.LoadFailed(b.TROUBLE), State.CHOOSING_DATA_SOURCE, opened=(say.LoadNow(),)),
    Walk(b.TO_LOAD, say.Defer(), State.AWAITING_SCHEMA_INPUT),
    Walk(b.TO_SCHEMA, say.AcceptSchema(), State.CONFIGURING_MODEL),
    Walk(b.TO_SCHEMA, say.EditSchema(), State.SELECTING_TARGET),
    Walk(b.TO_SCHEMA, say.RejectSchema(), State.AWAITING_FILE_PATH),
    Walk((*b.TO_SAMPLE, say.LoadNow()), say.RejectSchema(), State.CHOOSING_DATA_SOURCE),
    Walk((*b.TO_UPLOAD, say.GiveData("/data/sent.csv")), say.RejectSchema(), State.AWAITING_DATA),
    Walk(b.TO_SCHEMA, say.ChangeRole("area", "ignore"), State.CONFIRMING_SCHEMA),
    Walk(b.TO_SCHEMA, say.ChangeKind("rooms", "category"), State.CONFIRMING_SCHEMA),
    Walk(b.TO_SCHEMA, say.ChangeSplit(Split("grouped", "district")), State.CONFIRMING_SCHEMA),
    Walk(b.TO_SCHEMA, say.ChangeTarget("district"), State.CONFIRMING_SCHEMA),
    Walk(b.TO_SCHEMA, say.DetectFailed(b.TROUBLE), State.CONFIRMING_SCHEMA, opened=(say.ChangeTarget("district"),)),
    Walk(b.TO_TARGET, say.ChooseTarget("price"), State.SELECTING_FEATURES),
    Walk(b.TO_TARGET, say.ChooseTarget("district"), State.SELECTING_TARGET),
    Walk(b.TO_TARGET, say.DetectFailed(b.TROUBLE), State.SELECTING_TARGET, opened=(say.ChooseTarget("district"),)),
    Walk(b.TO_FEATURES, say.ChooseFeatures("area"), State.CONFIGURING_MODEL),
    Walk(b.TO_WORDS, say.GiveSchema("target: price"), State.CONFIGURING_MODEL),
    Walk(b.TO_MODEL, say.Train(), State.TRAINING),
    Walk((*b.TO_TRAINING, say.Back()), say.ShowRun(), State.TRAINING),
    Walk((*b.TO_TRAINED, say.Back()), say.ShowRun(), State.TRAINED),
    Walk(b.TO_TRAINING, say.RunFinished(b.report(RUN)), State.TRAINED),
    Walk(b.TO_TRAINING, say.RunStopped(RUN), State.CONFIGURING_MODEL),
    Walk(b.TO_TRAINING, say.RunFailed(RUN, b.TROUBLE), State.ERROR),
    Walk(b.TO_TRAINING, say.RunInterrupted(RUN), State.ERROR),
    Walk(b.TO_TRAINED, say.PredictRows(), State.PREDICTING),
    Walk(b.TO_TRAINED, say.Finish(), State.COMPLETED),
    Walk(b.TO_PREDICTING, say.GiveNewRows("/data/new.csv"), State.PREDICTING),
    Walk(b.TO_PREDICTING, b.accepted(), State.PREDICTING, opened=(say.GiveNewRows("/data/new.csv"),)),
    Walk(b.TO_PREDICTING, say.PathRefused(b.TROUBLE), State.PREDICTING, opened=(say.GiveNewRows("/data/new.csv"),)),
    Walk(b.TO_PREDICTING, say.Finish(), State.COMPLETED),
    Walk(b.TO_COMPLETED, say.Begin(), State.CHOOSING_DATA_SOURCE),
    Walk((say.Begin(),), WRONG, State.ERROR),
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
    Walk((say.Begin(), WRONG), say.TryAgain(), State.CHOOSING_DATA_SOURCE),
    Walk((*b.TO_PATH, WRONG), say.TryAgain(), State.AWAITING_FILE_PATH),
    Walk((*b.TO_UPLOAD, WRONG), say.TryAgain(), State.AWAITING_DATA),
    Walk((*b.TO_LOAD, WRONG), say.TryAgain(), State.CHOOSING_LOAD_OPTION),
    Walk((*b.TO_SCHEMA, WRONG), say.TryAgain(), State.CONFIRMING_SCHEMA),
    Walk((*b.TO_TARGET, WRONG), say.TryAgain(), State.SELECTING_TARGET),
    Walk((*b.TO_FEATURES, WRONG), say.TryAgain(), State.SELECTING_FEATURES),
    Walk((*b.TO_WORDS, WRONG), say.TryAgain(), State.AWAITING_SCHEMA_INPUT),
    Walk(b.TO_ERROR, say.TryAgain(), State.CONFIGURING_MODEL),
    Walk((*b.TO_TRAINING, say.RunInterrupted(RUN)), say.TryAgain(), State.TRAINING),
    Walk((*b.TO_TRAINED, WRONG), say.TryAgain(), State.TRAINED),
    Walk((*b.TO_PREDICTING, WRONG), say.TryAgain(), State.PREDICTING),
    Walk(b.TO_LOAD, b.loaded(b.at(*b.TO_LOAD)), State.CONFIRMING_SCHEMA, opened=(say.LoadNow(),)),
    Walk(b.TO_UPLOAD, b.loaded(b.at(*b.TO_LOAD)), State.CONFIRMING_SCHEMA, opened=(say.GiveData("x"), b.accepted())),
    Walk(b.TO_SCHEMA, DISTRICT, State.CONFIRMING_SCHEMA, opened=(say.ChangeTarget("district"),)),
    Walk(b.TO_TARGET, DISTRICT, State.SELECTING_FEATURES, opened=(say.ChooseTarget("district"),)),
    Walk(b.TO_PREDICTING, PREDICTED, State.PREDICTING, opened=(say.GiveNewRows("x"), b.accepted())),
    Walk(b.TO_PREDICTING, NOT_PREDICTED, State.PREDICTING, opened=(say.GiveNewRows("x"), b.accepted())),
)


@pytest.mark.parametrize("walk", WALKS, ids=str)
def test_an_answer_leads_where_the_table_says(walk: Walk) -> None:
    before = walk.before()
    after = step(before, walk.answer, b.moment()).session
    assert after.state == walk.to
    assert (before.state, type(walk.answer), walk.to) in {(arrow.state, arrow.answer, arrow.to) for arrow in ARROWS}
    assert not missing(after.state, after)
    assert prompt(after).state == walk.to


def test_every_row_of_the_table_is_walked_here() -> None:
    walked = {(walk.before().state, type(walk.answer), walk.to) for walk in WALKS}
    assert {(arrow.state, arrow.answer, arrow.to) for arrow in ARROWS} == walked


def test_every_state_is_reached_and_has_prerequisites_and_a_step() -> None:
    assert {arrow.to for arrow in ARROWS} | {State.IDLE} == set(State)
    assert set(PREREQUISITES) == set(State)
    assert set(STEP_OF) == set(State) - {State.IDLE, State.ERROR}


@pytest.mark.parametrize("state", list(State))
def test_an_answer_that_does_not_fit_says_what_would_and_changes_nothing(state: State) -> None:
    reached = {walk.to: step(walk.before(), walk.answer, b.moment()).session for walk in WALKS}
    session = {State.IDLE: b.fresh(), **reached}[state]
    wrong = next(answer for answer in (say.Train(), say.LoadNow()) if type(answer) not in fitting(state))
    with pytest.raises(StepError) as caught:
        step(session, wrong, b.moment())
    assert state.value in caught.value.what
    expected = [words_of(kind) for kind in fitting(state) if kind in say.PERSON_ANSWERS]
    assert all(words in caught.value.next_step for words in [*expected, "cancel"])


def test_work_is_asked_for_by_type() -> None:
    assert isinstance(b.say_to(b.at(*b.TO_LOAD), say.LoadNow(), results=False).effects[0], do.ReadSource)
    assert isinstance(b.say_to(b.at(*b.TO_MODEL), say.Train(), results=False).effects[0], do.StartTraining)
    interrupted = b.at(*b.TO_TRAINING, say.RunInterrupted(RUN))
    assert b.say_to(interrupted, say.TryAgain()).effects == (do.ResumeTraining(RUN),)
