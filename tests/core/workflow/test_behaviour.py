"""What a person meets on the way: going back, drafts, deferral, schema edits, errors by name."""

import pytest

from tabsmith.errors import StepError
from tabsmith.runs.spec import Confirmed, Deferred
from tabsmith.tables.schema import Split
from tabsmith.workflow import answers as say
from tabsmith.workflow import effects as do
from tabsmith.workflow.drafts import FieldName
from tabsmith.workflow.prompts import filled, prompt
from tabsmith.workflow.session import HISTORY, WorkflowSession
from tabsmith.workflow.states import GuidedStep, State, StepMark
from tabsmith.workflow.steps import marks, step

from . import builders as b

RUN = b.moment().new_id(b.NOW)


def _back(session: WorkflowSession, times: int = 1) -> WorkflowSession:
    for _ in range(times):
        session = step(session, say.Back(), b.moment()).session
    return session


def test_going_back_keeps_everything_and_marks_what_follows() -> None:
    session = b.at(*b.TO_SCHEMA, say.ChangeRole("area", "ignore"), say.AcceptSchema(), say.Type(FieldName.TIME, "abc"))
    back = _back(session, 3)
    assert back.state == State.AWAITING_FILE_PATH
    assert (back.table, back.schema, back.edits, back.drafts) == (
        session.table, session.schema, session.edits, session.drafts,
    )  # fmt: skip
    assert marks(back) == {
        GuidedStep.SOURCE: StepMark.CURRENT,
        GuidedStep.TABLE: StepMark.CHECK_AGAIN,
        GuidedStep.SCHEMA: StepMark.CHECK_AGAIN,
        GuidedStep.MODEL: StepMark.CHECK_AGAIN,
        GuidedStep.TRAIN: StepMark.OPEN,
        GuidedStep.RESULT: StepMark.OPEN,
    }
    again = b.say_to(back, say.GivePath("/data/houses.csv"), say.LoadNow()).session
    assert again.schema is not None
    assert again.schema.column("area").role == "ignore"
    assert b.say_to(again, say.AcceptSchema()).session.draft(FieldName.TIME) == "abc"


def test_the_way_back_is_ten_deep() -> None:
    session = b.at(*b.TO_SCHEMA)
    for _ in range(4):
        session = b.say_to(session, say.RejectSchema(), say.GivePath("/data/houses.csv"), say.LoadNow()).session
    assert len(session.history) == HISTORY == 10
    session = _back(session, 10)
    with pytest.raises(StepError, match="nothing to go back to"):
        _back(session)


def test_nobody_goes_back_into_a_training_that_is_over() -> None:
    assert _back(b.at(*b.TO_TRAINED)).state == State.CONFIGURING_MODEL


def test_who_went_back_by_mistake_finds_the_result_again() -> None:
    session = b.at(*b.TO_TRAINED)
    again = b.say_to(_back(session), say.ShowRun()).session
    assert (again.state, again.model, again.run_id) == (State.TRAINED, session.model, session.run_id)
    with pytest.raises(StepError, match="a run"):
        step(b.at(*b.TO_TRAINING, say.RunStopped(RUN)), say.ShowRun(), b.moment())


def test_back_leaves_out_places_whose_table_is_not_the_present_one() -> None:
    session = b.at(*b.TO_SCHEMA, say.RejectSchema())
    other = b.say_to(session, say.GivePath("/data/flats.csv")).session
    assert _back(other).state == State.AWAITING_FILE_PATH
    assert _back(other, 2).state == State.CHOOSING_LOAD_OPTION  # not CONFIRMING_SCHEMA: that showed the other table


@pytest.mark.parametrize("walk", [(), b.TO_PATH, b.TO_SCHEMA, b.TO_TRAINING, b.TO_ERROR, b.TO_PREDICTING])
def test_cancel_leads_to_an_empty_idle_and_removes_the_session(walk: tuple[say.Answer, ...]) -> None:
    taken = step(b.at(*walk), say.Cancel(), b.moment())
    assert taken.effects == (do.RemoveSession(),)
    assert (taken.session.state, taken.session.drafts, taken.session.source) == (State.IDLE, {}, None)


def test_a_failed_load_shows_the_real_error_and_returns_to_the_path_with_the_path_still_there() -> None:
    waiting = b.say_to(b.at(*b.TO_LOAD), say.LoadNow(), results=False).session
    failed = step(waiting, say.LoadFailed(b.TROUBLE), b.moment()).session
    shown = prompt(failed)
    assert (shown.state, shown.problem) == (State.AWAITING_FILE_PATH, b.TROUBLE)
    assert shown.fields[0].value == "/data/houses.csv"  # type: ignore[union-attr]
    assert _back(failed).state == State.CHOOSING_DATA_SOURCE


def test_a_refused_path_stays_in_its_field_with_the_reason_beside_it() -> None:
    waiting = b.say_to(b.at(*b.TO_PATH), say.GivePath("/nowhere"), results=False).session
    refused = step(waiting, say.PathRefused(b.TROUBLE), b.moment()).session
    field = prompt(refused).fields[0]
    assert (field.value, field.problem) == ("/nowhere", b.TROUBLE)  # type: ignore[union-attr]
    typed = step(refused, say.Type(FieldName.PATH, "/now"), b.moment()).session
    assert prompt(typed).fields[0].problem is None  # type: ignore[union-attr]


def test_a_result_that_comes_after_the_person_moved_on_is_refused() -> None:
    waiting = b.say_to(b.at(*b.TO_LOAD), say.LoadNow(), results=False).session
    with pytest.raises(StepError, match="too late"):
        step(_back(waiting), b.loaded(waiting), b.moment())


def test_with_defer_nothing_is_read_before_training() -> None:
    session, effects = b.fresh(), []
    words = "target: price\nfeatures: area, rooms\ntypes: rooms = category"
    for answer in (*b.TO_LOAD, say.Defer(), say.GiveSchema(words), say.Train()):
        taken = b.say_to(session, answer, results=False)
        session = taken.session
        effects += taken.effects
        if taken.effects and isinstance(taken.effects[0], do.CheckPath):
            session = step(session, b.accepted(), b.moment()).session
    assert [type(effect) for effect in effects] == [do.CheckPath, do.StartTraining]
    spec = effects[-1].spec  # type: ignore[union-attr]
    assert isinstance(spec.schema, Deferred)
    assert spec.schema.manual.features == ("area", "rooms")


def test_a_schema_in_words_that_no_form_fits_is_kept_with_the_reasons_per_form() -> None:
    session = b.at(*b.TO_WORDS, say.GiveSchema("{oops"))
    assert session.state == State.AWAITING_SCHEMA_INPUT
    assert session.draft(FieldName.SCHEMA) == "{oops"
    problem = session.problem_of(FieldName.SCHEMA)
    assert problem is not None
    assert problem.name == "SchemaError"
    assert problem.what.lower().count(":") >= 2


def test_the_schema_confirmed_is_the_one_trained_by_with_the_table_it_was_seen_on() -> None:
    walk = (*b.TO_SCHEMA, say.ChangeKind("rooms", "category"), say.AcceptSchema(), say.Type(FieldName.TIME, "1:30"))
    spec = b.say_to(b.at(*walk), say.Train()).effects[0].spec  # type: ignore[union-attr]
    assert isinstance(spec.schema, Confirmed)
    assert (spec.schema.fingerprint, spec.schema.accepted.column("rooms").kind) == ("f1", "category")
    assert (spec.id, spec.choice.limits.seconds) == (RUN, 90.0)


def test_edits_are_laid_over_another_target() -> None:
    walk = (*b.TO_SCHEMA, say.ChangeRole("area", "ignore"), say.ChangeKind("rooms", "category"))
    session = b.at(*walk, say.ChangeTarget("district"))
    assert session.schema is not None
    assert (session.schema.target, session.schema.task) == ("district", "multiclass")
    assert session.schema.column("area").role == "ignore"
    assert session.schema.column("rooms").kind == "category"
    assert session.schema.column("price").role == "feature"


def test_a_chosen_target_is_asked_for_again_when_the_table_is_read_again() -> None:
    session = b.at(*b.TO_SCHEMA, say.ChangeTarget("district"), say.RejectSchema(), say.GivePath("/data/houses.csv"))
    session = b.say_to(session, say.LoadNow()).session
    assert session.schema is not None
    assert session.schema.target == "district"


def test_an_edit_taken_back_leaves_the_schema_as_detected() -> None:
    session = b.at(*b.TO_SCHEMA)
    changed = b.say_to(session, say.ChangeRole("sold", "time")).session
    assert changed.schema is not None
    assert changed.schema.split.kind == "forward"
    undone = b.say_to(changed, say.ChangeRole("sold", "feature")).session
    assert (undone.schema, undone.edits) == (session.schema, session.edits)


def test_a_role_that_the_schema_does_not_allow_is_refused_by_name_and_changes_nothing() -> None:
    session = b.at(*b.TO_SCHEMA)
    refused = b.say_to(session, say.ChangeRole("district", "time")).session
    assert refused.problem is not None
    assert refused.problem.name == "SchemaError"
    assert (refused.schema, refused.edits, refused.state) == (session.schema, session.edits, session.state)


def test_a_split_that_does_not_fit_the_new_target_is_left_out_and_said() -> None:
    session = b.at(*b.TO_SCHEMA, say.ChangeTarget("district"))
    stratified = b.say_to(session, say.ChangeSplit(Split("stratified", holdout=0.1))).session
    back = b.say_to(stratified, say.ChangeTarget("price")).session
    assert back.schema is not None
    assert back.schema.split.kind == "random"
    assert "stratified split" in back.notices[0].text


def test_nothing_is_accepted_while_another_target_is_being_looked_at() -> None:
    waiting = b.say_to(b.at(*b.TO_SCHEMA), say.ChangeTarget("district"), results=False).session
    with pytest.raises(StepError, match="district"):
        step(waiting, say.AcceptSchema(), b.moment())


def test_what_is_missing_is_named() -> None:
    waiting = b.say_to(b.at(*b.TO_LOAD), say.LoadNow(), results=False).session
    session = step(waiting, b.loaded(waiting, b.schema("")), b.moment()).session
    assert prompt(session).missing == ("a target", "a target that can be predicted")
    with pytest.raises(StepError, match="Still missing: a target"):
        step(session, say.AcceptSchema(), b.moment())


def test_features_need_one_at_least() -> None:
    session = b.at(*b.TO_FEATURES, say.ChooseFeatures("all but 1-5"))
    assert session.state == State.SELECTING_FEATURES
    problem = session.problem_of(FieldName.FEATURES)
    assert problem is not None
    assert "No column is left" in problem.what
    assert session.draft(FieldName.FEATURES) == "all but 1-5"


def test_features_by_name_number_and_range() -> None:
    session = b.at(*b.TO_FEATURES, say.ChooseFeatures("2-3, sold"))
    assert session.schema is not None
    assert [column.name for column in session.schema.features] == ["area", "rooms", "sold"]


def test_every_bad_field_of_the_model_step_is_shown_and_nothing_starts() -> None:
    typed = (say.Type(FieldName.TIME, "soon"), say.Type(FieldName.SEED, "-1"), say.Type(FieldName.METRIC, "roc_auc"))
    taken = b.say_to(b.at(*b.TO_MODEL), *typed, say.Train())
    assert taken.session.state == State.CONFIGURING_MODEL
    assert not taken.effects
    assert {each.field for each in taken.session.problems} == {FieldName.TIME, FieldName.SEED, FieldName.METRIC}
    assert taken.session.draft(FieldName.TIME) == "soon"


def test_the_end_of_another_run_is_refused() -> None:
    with pytest.raises(StepError, match="waits for the run"):
        step(b.at(*b.TO_TRAINING), say.RunFinished(b.report("another")), b.moment())


def test_a_score_that_is_no_number_is_unknown() -> None:
    session = b.say_to(b.at(*b.TO_TRAINING), say.RunFinished(b.report(RUN, float("nan")))).session
    assert session.model is not None
    assert (session.model.cv_score, session.model.holdout) == (None, None)


def test_predictions_go_beside_the_new_rows_unless_said_otherwise() -> None:
    def out(answer: say.GiveNewRows) -> str:
        waiting = b.say_to(b.at(*b.TO_PREDICTING), answer, results=False)
        effect = waiting.effects[0]
        assert isinstance(effect, do.CheckPath)
        predict = step(waiting.session, b.accepted(effect.path, effect.out), b.moment()).effects[0]
        assert isinstance(predict, do.PredictFile)
        return predict.out

    assert out(say.GiveNewRows("/data/new.csv.gz")) == "/data/new-predictions.csv"
    assert out(say.GiveNewRows("/data/new.csv", "/tmp/result.parquet")) == "/tmp/result.parquet"


@pytest.mark.parametrize("text", ["\ud800", "x" * 1_000_001])
def test_a_text_that_cannot_be_kept_is_refused(text: str) -> None:
    with pytest.raises(StepError):
        step(b.at(*b.TO_PATH), say.GivePath(text), b.moment())


def test_enter_enter_enter_trains_a_sample() -> None:
    session = b.at(say.Begin(), say.ChooseSample("iris"))
    for _ in range(3):
        shown = prompt(session)
        assert shown.missing == ()
        taken = b.say_to(session, filled(shown.choices[shown.default], {}))
        session = taken.session
    assert session.state == State.TRAINING
    assert isinstance(taken.effects[0], do.StartTraining)
