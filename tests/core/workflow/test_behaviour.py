"""What a person meets on the way: going back, drafts, deferral, schema edits, errors by name."""

import msgspec
import pytest
from msgspec.structs import replace

from tabsmith.errors import MissingColumnError, StepError
from tabsmith.runs.jobs import JobFailed, Predict, ReadTable
from tabsmith.runs.spec import Confirmed, Deferred
from tabsmith.tables.profile.types import ColumnProfile, TableProfile
from tabsmith.tables.read.sources import DatabaseSource, FileSource
from tabsmith.tables.schema.types import Split
from tabsmith.workflow import actions
from tabsmith.workflow.effects import CheckPath, RemoveSession, StartTraining
from tabsmith.workflow.form import ColumnsField
from tabsmith.workflow.machine import marks, step
from tabsmith.workflow.session import HISTORY_LIMIT, FieldName, WorkflowSession
from tabsmith.workflow.states import GuidedStep, State, StepMark
from tabsmith.workflow.step_forms import filled, step_form

from . import builders as b

RUN = b.moment().new_id(b.NOW)


def _back(session: WorkflowSession, times: int = 1) -> WorkflowSession:
    for _ in range(times):
        session = step(session, actions.Back(), b.moment()).session
    return session


def test_going_back_keeps_everything_and_marks_what_follows() -> None:
    session = b.at(
        *b.TO_SCHEMA, actions.ChangeRole("area", "ignore"), actions.AcceptSchema(), actions.Type(FieldName.TIME, "abc")
    )
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
    again = b.say_to(back, actions.GivePath("/data/houses.csv"), actions.LoadNow()).session
    assert again.schema is not None
    assert again.schema.column("area").role == "ignore"
    assert b.say_to(again, actions.AcceptSchema()).session.draft(FieldName.TIME) == "abc"


def test_the_way_back_is_ten_deep() -> None:
    session = b.at(*b.TO_SCHEMA)
    for _ in range(4):
        session = b.say_to(
            session, actions.RejectSchema(), actions.GivePath("/data/houses.csv"), actions.LoadNow()
        ).session
    assert len(session.history) == HISTORY_LIMIT == 10
    session = _back(session, 10)
    with pytest.raises(StepError, match="nothing to go back to"):
        _back(session)


def test_nobody_goes_back_into_a_training_that_is_over() -> None:
    assert _back(b.at(*b.TO_TRAINED)).state == State.CONFIGURING_MODEL


def test_who_went_back_by_mistake_finds_the_result_again() -> None:
    session = b.at(*b.TO_TRAINED)
    again = b.say_to(_back(session), actions.ShowRun()).session
    assert (again.state, again.model, again.run_id) == (State.TRAINED, session.model, session.run_id)
    with pytest.raises(StepError, match="a run"):
        step(b.at(*b.TO_TRAINING, actions.RunStopped(RUN)), actions.ShowRun(), b.moment())


def test_back_leaves_out_places_whose_table_is_not_the_present_one() -> None:
    session = b.at(*b.TO_SCHEMA, actions.RejectSchema())
    other = b.say_to(session, actions.GivePath("/data/flats.csv")).session
    assert _back(other).state == State.AWAITING_FILE_PATH
    assert _back(other, 2).state == State.CHOOSING_LOAD_OPTION  # not CONFIRMING_SCHEMA: that showed the other table


@pytest.mark.parametrize("walk", [(), b.TO_PATH, b.TO_SCHEMA, b.TO_TRAINING, b.TO_ERROR, b.TO_PREDICTING])
def test_cancel_leads_to_an_empty_idle_and_removes_the_session(walk: tuple[actions.WorkflowAction, ...]) -> None:
    taken = step(b.at(*walk), actions.Cancel(), b.moment())
    assert taken.effect == RemoveSession()
    assert (taken.session.state, taken.session.drafts, taken.session.source) == (State.IDLE, {}, None)


def test_a_failed_load_shows_the_real_error_and_returns_to_the_path_with_the_path_still_there() -> None:
    waiting = b.say_to(b.at(*b.TO_LOAD), actions.LoadNow(), results=False).session
    failed = step(waiting, JobFailed(b.TROUBLE), b.moment()).session
    shown = step_form(failed)
    assert (shown.state, shown.problem) == (State.AWAITING_FILE_PATH, b.TROUBLE)
    assert shown.fields[0].value == "/data/houses.csv"  # type: ignore[union-attr]
    assert _back(failed).state == State.CHOOSING_DATA_SOURCE


def test_a_refused_path_stays_in_its_field_with_the_reason_beside_it() -> None:
    waiting = b.say_to(b.at(*b.TO_PATH), actions.GivePath("/nowhere"), results=False).session
    refused = step(waiting, actions.PathRefused(b.TROUBLE), b.moment()).session
    field = step_form(refused).fields[0]
    assert (field.value, field.problem) == ("/nowhere", b.TROUBLE)  # type: ignore[union-attr]
    typed = step(refused, actions.Type(FieldName.PATH, "/now"), b.moment()).session
    assert step_form(typed).fields[0].problem is None  # type: ignore[union-attr]


def test_a_result_that_comes_after_the_person_moved_on_is_refused() -> None:
    waiting = b.say_to(b.at(*b.TO_LOAD), actions.LoadNow(), results=False).session
    with pytest.raises(StepError, match="too late"):
        step(_back(waiting), b.loaded(waiting), b.moment())


def test_with_defer_nothing_is_read_before_training() -> None:
    session, effects = b.fresh(), []
    words = "target: price\nfeatures: area, rooms\ntypes: rooms = category"
    for answer in (*b.TO_LOAD, actions.Defer(), actions.GiveSchema(words), actions.Train()):
        taken = b.say_to(session, answer, results=False)
        session = taken.session
        effects += [taken.effect] if taken.effect else []
        if isinstance(taken.effect, CheckPath):
            session = step(session, b.accepted(), b.moment()).session
    assert [type(effect) for effect in effects] == [CheckPath, StartTraining]
    spec = effects[-1].spec  # type: ignore[union-attr]
    assert isinstance(spec.schema, Deferred)
    assert spec.schema.manual.features == ("area", "rooms")


def test_a_schema_in_words_that_no_form_fits_is_kept_with_the_reasons_per_form() -> None:
    session = b.at(*b.TO_WORDS, actions.GiveSchema("{oops"))
    assert session.state == State.AWAITING_SCHEMA_INPUT
    assert session.draft(FieldName.SCHEMA) == "{oops"
    problem = session.problem_of(FieldName.SCHEMA)
    assert problem is not None
    assert problem.name == "SchemaError"
    assert problem.what.lower().count(":") >= 2


def test_the_schema_confirmed_is_the_one_trained_by_with_the_table_it_was_seen_on() -> None:
    walk = (
        *b.TO_SCHEMA,
        actions.ChangeKind("rooms", "category"),
        actions.AcceptSchema(),
        actions.Type(FieldName.TIME, "1:30"),
    )
    spec = b.say_to(b.at(*walk), actions.Train()).effect.spec  # type: ignore[union-attr]
    assert isinstance(spec.schema, Confirmed)
    assert (spec.schema.fingerprint, spec.schema.accepted.column("rooms").kind) == ("f1", "category")
    assert (spec.id, spec.choice.limits.seconds) == (RUN, 90.0)


def test_edits_are_laid_over_another_target() -> None:
    walk = (*b.TO_SCHEMA, actions.ChangeRole("area", "ignore"), actions.ChangeKind("rooms", "category"))
    session = b.at(*walk, actions.ChangeTarget("district"))
    assert session.schema is not None
    assert (session.schema.target, session.schema.problem_type) == ("district", "multiclass")
    assert session.schema.column("area").role == "ignore"
    assert session.schema.column("rooms").kind == "category"
    assert session.schema.column("price").role == "feature"


def test_a_chosen_target_is_asked_for_again_when_the_table_is_read_again() -> None:
    session = b.at(
        *b.TO_SCHEMA, actions.ChangeTarget("district"), actions.RejectSchema(), actions.GivePath("/data/houses.csv")
    )
    session = b.say_to(session, actions.LoadNow()).session
    assert session.schema is not None
    assert session.schema.target == "district"


def test_an_edit_taken_back_leaves_the_schema_as_detected() -> None:
    session = b.at(*b.TO_SCHEMA)
    changed = b.say_to(session, actions.ChangeRole("sold", "time")).session
    assert changed.schema is not None
    assert changed.schema.split.kind == "forward"
    undone = b.say_to(changed, actions.ChangeRole("sold", "feature")).session
    assert (undone.schema, undone.edits) == (session.schema, session.edits)


def test_a_role_that_the_schema_does_not_allow_is_refused_by_name_and_changes_nothing() -> None:
    session = b.at(*b.TO_SCHEMA)
    refused = b.say_to(session, actions.ChangeRole("district", "time")).session
    assert refused.problem is not None
    assert refused.problem.name == "SchemaError"
    assert (refused.schema, refused.edits, refused.state) == (session.schema, session.edits, session.state)


def test_a_split_that_does_not_fit_the_new_target_is_left_out_and_said() -> None:
    session = b.at(*b.TO_SCHEMA, actions.ChangeTarget("district"))
    stratified = b.say_to(session, actions.ChangeSplit(Split("stratified", holdout=0.1))).session
    back = b.say_to(stratified, actions.ChangeTarget("price")).session
    assert back.schema is not None
    assert back.schema.split.kind == "random"
    assert "stratified split" in back.notices[0].text


def test_nothing_is_accepted_while_another_target_is_being_looked_at() -> None:
    waiting = b.say_to(b.at(*b.TO_SCHEMA), actions.ChangeTarget("district"), results=False).session
    with pytest.raises(StepError, match="district"):
        step(waiting, actions.AcceptSchema(), b.moment())


def test_what_is_missing_is_named() -> None:
    waiting = b.say_to(b.at(*b.TO_LOAD), actions.LoadNow(), results=False).session
    session = step(waiting, b.loaded(waiting, b.schema("")), b.moment()).session
    assert step_form(session).missing == ("a target", "a target that can be predicted")
    with pytest.raises(StepError, match="Still missing: a target"):
        step(session, actions.AcceptSchema(), b.moment())


def test_features_need_one_at_least() -> None:
    session = b.at(*b.TO_FEATURES, actions.ChooseFeatures("all but 1-5"))
    assert session.state == State.SELECTING_FEATURES
    problem = session.problem_of(FieldName.FEATURES)
    assert problem is not None
    assert "No column is left" in problem.what
    assert session.draft(FieldName.FEATURES) == "all but 1-5"


def test_features_by_name_number_and_range() -> None:
    session = b.at(*b.TO_FEATURES, actions.ChooseFeatures("2-3, sold"))
    assert session.schema is not None
    assert [column.name for column in session.schema.features] == ["area", "rooms", "sold"]


def test_every_bad_field_of_the_model_step_is_shown_and_nothing_starts() -> None:
    typed = (
        actions.Type(FieldName.TIME, "soon"),
        actions.Type(FieldName.SEED, "-1"),
        actions.Type(FieldName.METRIC, "roc_auc"),
    )
    taken = b.say_to(b.at(*b.TO_MODEL), *typed, actions.Train())
    assert taken.session.state == State.CONFIGURING_MODEL
    assert taken.effect is None
    assert {each.field for each in taken.session.problems} == {FieldName.TIME, FieldName.SEED, FieldName.METRIC}
    assert taken.session.draft(FieldName.TIME) == "soon"


def test_the_end_of_another_run_is_refused() -> None:
    with pytest.raises(StepError, match="waits for the run"):
        step(b.at(*b.TO_TRAINING), actions.RunFinished(b.report("another")), b.moment())


def test_a_score_that_is_no_number_is_unknown() -> None:
    session = b.say_to(b.at(*b.TO_TRAINING), actions.RunFinished(b.report(RUN, float("nan")))).session
    assert session.model is not None
    assert (session.model.cv_score, session.model.holdout) == (None, None)


def test_predictions_go_beside_the_new_rows_unless_said_otherwise() -> None:
    def out(answer: actions.GiveNewRows) -> str:
        waiting = b.say_to(b.at(*b.TO_PREDICTING), answer, results=False)
        effect = waiting.effect
        assert isinstance(effect, CheckPath)
        predict = step(waiting.session, b.accepted(effect.path, effect.out), b.moment()).effect
        assert isinstance(predict, Predict)
        return predict.out

    assert out(actions.GiveNewRows("/data/new.csv.gz")) == "/data/new-predictions.csv"
    assert out(actions.GiveNewRows("/data/new.csv", "/tmp/result.parquet")) == "/tmp/result.parquet"


def test_rows_without_an_important_column_are_predicted_only_when_told_to() -> None:
    asked = b.say_to(b.at(*b.TO_PREDICTING), actions.GiveNewRows("/data/new.csv"), results=False)
    asked = step(asked.session, b.accepted("/data/new.csv"), b.moment())
    assert isinstance(asked.effect, Predict)
    assert not asked.effect.allow_missing
    error = MissingColumnError("The rows lack a column that the model relies on.")
    refused = step(asked.session, JobFailed(error.report()), b.moment()).session
    choice = next(choice for choice in step_form(refused).choices if "all the same" in choice.label)
    assert choice.answer == actions.GiveNewRows("/data/new.csv", allow_missing=True)
    again = b.say_to(refused, choice.answer, results=False)
    assert isinstance(again.effect, CheckPath)
    assert again.effect.allow_missing
    accepted = replace(b.accepted("/data/new.csv"), allow_missing=True)
    told = step(again.session, accepted, b.moment())
    assert isinstance(told.effect, Predict)
    assert told.effect.allow_missing
    assert told.session.waiting is not None
    assert told.session.waiting.allow_missing
    assert not any("all the same" in choice.label for choice in step_form(b.at(*b.TO_PREDICTING)).choices)


@pytest.mark.parametrize("text", ["\ud800", "x" * 1_000_001])
def test_a_text_that_cannot_be_kept_is_refused(text: str) -> None:
    with pytest.raises(StepError):
        step(b.at(*b.TO_PATH), actions.GivePath(text), b.moment())


def test_enter_enter_enter_trains_a_sample() -> None:
    session = b.at(actions.Begin(), actions.ChooseSample("iris"))
    for _ in range(3):
        shown = step_form(session)
        assert shown.missing == ()
        taken = b.say_to(session, filled(shown.choices[shown.default], {}))
        session = taken.session
    assert session.state == State.TRAINING
    assert isinstance(taken.effect, StartTraining)


def test_a_table_is_read_in_another_way_with_the_edits_of_its_columns_kept() -> None:
    edited = b.at(*b.TO_SCHEMA, actions.ChangeKind("district", "text"))
    taken = step(edited, actions.ChangeSource(b.OTHER_WAY), b.moment())
    assert taken.effect == ReadTable(b.OTHER_WAY)
    assert (taken.session.source, taken.session.edits) == (b.OTHER_WAY, edited.edits)
    loaded = b.say_to(edited, actions.ChangeSource(b.OTHER_WAY)).session
    assert loaded.state == State.CONFIRMING_SCHEMA
    assert loaded.table is not None
    assert loaded.table.source == b.OTHER_WAY


def test_a_session_remembers_its_sources_and_offers_them_at_the_file_step() -> None:
    first = b.at(*b.TO_LOAD)
    second = b.say_to(first, actions.Back(), actions.GivePath("/data/cities.csv")).session
    assert second.sources == (FileSource("/data/cities.csv"), FileSource("/data/houses.csv"))
    choosing = b.say_to(second, actions.Back()).session
    offered = [choice.answer for choice in step_form(choosing).choices[1:]]
    assert offered == [actions.ChangeSource(source) for source in second.sources]
    again = b.say_to(choosing, offered[1]).session
    assert (again.state, again.source) == (State.CHOOSING_LOAD_OPTION, FileSource("/data/houses.csv"))
    assert again.sources == (FileSource("/data/houses.csv"), FileSource("/data/cities.csv"))


@pytest.mark.parametrize(
    ("typed", "saved"),
    [
        ("postgresql://ann:s3c", "postgresql://ann"),
        ("postgresql://ann:s3cret@host/db", "postgresql://ann@host/db"),
        ("postgresql://ann@host/db?password=s3cret", "postgresql://ann@host/db"),
        ("~/data/a:b@c.csv", "~/data/a:b@c.csv"),
    ],
)
def test_a_password_that_is_typed_is_never_part_of_the_session(typed: str, saved: str) -> None:
    session = step(b.at(*b.TO_PATH), actions.Type(FieldName.PATH, typed), b.moment()).session
    assert session.draft(FieldName.PATH) == saved
    if "@" in typed and "://" in typed:
        given = step(session, actions.GivePath(typed), b.moment())
        assert given.effect == CheckPath(typed)
        assert "s3cret" not in msgspec.json.encode(given.session).decode()


def test_the_snapshot_of_a_database_becomes_part_of_the_source_once_it_is_read() -> None:
    asked = DatabaseSource("postgresql://ann@host/db")
    session = b.say_to(b.at(*b.TO_PATH), actions.GivePath("x"), results=False).session
    chosen = step(session, actions.PathAccepted(asked, 0, 0.0), b.moment()).session
    assert (chosen.source, chosen.file) == (asked, None)
    reading = step(chosen, actions.LoadNow(), b.moment()).session
    result = b.loaded(reading)
    read = replace(asked, fingerprint="f9")
    loaded = step(reading, replace(result, info=replace(result.info, source=read)), b.moment()).session
    assert (loaded.state, loaded.source, loaded.sources) == (State.CONFIRMING_SCHEMA, read, (read,))


def test_a_schema_that_no_model_can_be_trained_with_is_not_accepted() -> None:
    few = TableProfile(4, tuple(ColumnProfile(name, "float", 4, 0, 4) for name in b.COLUMNS))
    session = b.at(*b.TO_SCHEMA)
    assert session.table is not None
    session = replace(session, table=replace(session.table, profile=few))
    field = next(field for field in step_form(session).fields if isinstance(field, ColumnsField))
    assert field.obstacle is not None
    refused = b.say_to(session, actions.AcceptSchema()).session
    assert refused.state is State.CONFIRMING_SCHEMA
    assert refused.problem is not None
    assert "at least 6 rows" in refused.problem.next_step
