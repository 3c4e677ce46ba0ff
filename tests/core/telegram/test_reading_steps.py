"""What is pressed or typed at a step means what was shown there; anything else is stale or wrong, and never a crash."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tabsmith.tables.schema.types import Split
from tabsmith.telegram.actions import ChatAction, GiveAnswer, InvalidInput, ShowView, StaleButton
from tabsmith.telegram.chat_state import ChatView
from tabsmith.telegram.render.messages import Button, OutgoingMessage
from tabsmith.telegram.render.step_parsing import parse_press, parse_text
from tabsmith.telegram.render.steps import step_message, step_tag
from tabsmith.telegram.render.text import rendered
from tabsmith.workflow import actions
from tabsmith.workflow.session import FieldName, WorkflowSession
from tabsmith.workflow.states import State
from tabsmith.workflow.step_forms import step_form
from tests.core.telegram import walks
from tests.core.telegram.walks import Walker
from tests.core.workflow import builders as b

PROMPT = ChatView()
PLAIN = [
    b.at(*walk)
    for walk in (
        (), b.TO_PATH[:1], b.TO_PATH, b.TO_UPLOAD, b.TO_LOAD, b.TO_SCHEMA, b.TO_TARGET, b.TO_FEATURES, b.TO_WORDS,
        b.TO_MODEL, b.TO_TRAINING, b.TO_TRAINED, b.TO_PREDICTING, b.TO_COMPLETED, b.TO_ERROR,
    )
]  # fmt: skip


@pytest.fixture(scope="module", params=[walks.hostile_table, walks.plain_table])
def walker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walker]:
    with pytest.MonkeyPatch.context() as patch:  # for as long as other targets are looked at
        patch.setenv("TABSMITH_HOME", str(tmp_path_factory.mktemp("home")))
        made: Walker = request.param(tmp_path_factory.mktemp("table"))
        yield made


def buttons(session: WorkflowSession, view: ChatView = PROMPT) -> list[Button]:
    message = step_message(step_form(session), session, view)
    return [button for row in message.keyboard for button in row]


def press(session: WorkflowSession, label: str, view: ChatView = PROMPT) -> ChatAction:
    """What the button with this label means."""
    data = next(button.data for button in buttons(session, view) if button.label == label)
    return parse_press(data, step_form(session), session)


def type_in(session: WorkflowSession, text: str, view: ChatView = PROMPT) -> ChatAction:
    return parse_text(text, step_form(session), session, view)


def test_every_choice_of_every_prompt_has_a_button_that_gives_its_very_answer(walker: Walker) -> None:
    for session in walker.at_every_state().values():
        asked = step_form(session)
        there = {button.data: button.label for button in buttons(session)}
        for place, choice in enumerate(asked.choices):
            data = f"w:{step_tag(session)}:c{place}"
            assert parse_press(data, asked, session) == GiveAnswer(choice.answer)
            if not (choice.reads and asked.missing):  # such a one waits for a text, and nothing else
                assert there[data] == choice.label


def test_every_button_leads_on_and_none_is_refused(walker: Walker) -> None:
    for session in walker.at_every_state().values():
        asked, seen, open_views = step_form(session), {PROMPT}, [PROMPT]
        given = set()
        while open_views:
            for button in buttons(session, open_views.pop()):
                meaning = parse_press(button.data, asked, session)
                assert isinstance(meaning, ShowView | GiveAnswer), button
                if isinstance(meaning, ShowView) and meaning.view not in seen:
                    seen.add(meaning.view)
                    open_views.append(meaning.view)
                elif isinstance(meaning, GiveAnswer):
                    given.add(button.data)
                    moved = walker.answer(session, meaning.answer)
                    told = isinstance(
                        meaning.answer, actions.ChangeTarget
                    )  # whether it can be one shows when looked at
                    assert moved.problem is None or moved.problem == session.problem or told, button
                    assert step_message(step_form(moved), moved, meaning.view).text
        assert given or session.state is State.TRAINING


def test_a_press_on_a_message_of_another_step_is_stale(walker: Walker) -> None:
    session = walker.at_every_state()[State.CONFIRMING_SCHEMA]
    data = buttons(session)[0].data
    later = replace(session, state=State.CONFIGURING_MODEL)
    other = replace(session, id="20231114-221320-zzz999")
    assert parse_press(data, step_form(session), session) == GiveAnswer(actions.AcceptSchema())
    for changed in (later, other, replace(session, revision=0)):
        assert parse_press(data, step_form(changed), changed) == StaleButton()


@pytest.mark.parametrize(
    "what",
    ["c9", "c-1", "c", "c٣", "o", "ometric:0", "fmetric", "fnothing", "k0", "k1", "s0", "p0", "", "b", "r", "C0"],
)
def test_a_button_that_leads_nowhere_here_is_stale(what: str) -> None:
    session = b.fresh()
    assert parse_press(f"w:0:{what}", step_form(session), session) == StaleButton()


@pytest.mark.parametrize("what", ["k7", "k1r6", "k1k11", "k1x0", "s99", "c3", "ometric:0", "fsplits"])
def test_a_column_a_split_or_a_field_that_is_not_there_is_stale(what: str) -> None:
    session = b.at(*b.TO_SCHEMA)
    assert parse_press(f"w:0:{what}", step_form(session), session) == StaleButton()


def test_back_and_cancel_are_answers_and_back_only_where_it_leads_somewhere() -> None:
    session = b.at(*b.TO_SCHEMA)
    assert press(session, "← Back") == GiveAnswer(actions.Back())
    assert press(session, "Cancel") == GiveAnswer(actions.Cancel())
    assert parse_press("w:0:x", step_form(b.fresh()), b.fresh()) == GiveAnswer(actions.Cancel())


def test_a_field_is_opened_chosen_typed_and_emptied() -> None:
    session = b.at(*b.TO_MODEL)
    assert press(session, "Time · 60 s") == ShowView(ChatView("field", "time"))
    metric = ChatView("field", "metric")
    assert press(session, "RMSE", metric) == GiveAnswer(actions.Type(FieldName.METRIC, "rmse"))
    for text in ("RMSE", "rmse", "2", " Rmse "):
        assert type_in(session, text, metric) == GiveAnswer(actions.Type(FieldName.METRIC, "rmse"))
    assert type_in(session, "median", metric) == GiveAnswer(actions.Type(FieldName.METRIC, "median_ae"))
    assert type_in(session, "2 min", ChatView("field", "time")) == GiveAnswer(actions.Type(FieldName.TIME, "2 min"))
    spent = b.say_to(session, actions.Type(FieldName.BUDGET, "$2")).session
    assert press(spent, "Leave it empty", ChatView("field", "budget")) == GiveAnswer(actions.Type(FieldName.BUDGET, ""))


def test_an_option_that_there_is_not_is_answered_with_those_that_there_are() -> None:
    meaning = type_in(b.at(*b.TO_MODEL), "www.evil.example", ChatView("field", "metric"))
    assert isinstance(meaning, InvalidInput)
    assert rendered(meaning.text).text.startswith("This is none of the options: www.evil.example\n1  Auto: RMSE")
    assert [entity.type for entity in rendered(meaning.text).entities] == ["code"]


@pytest.mark.parametrize(
    ("walk", "text", "answer"),
    [
        (b.TO_PATH, "~/houses.csv", actions.GivePath("~/houses.csv")),
        (b.TO_UPLOAD, "/data/houses.csv", actions.GiveData("/data/houses.csv")),
        (b.TO_TARGET, "4", actions.ChooseTarget("4")),
        (b.TO_FEATURES, "1-3, sold", actions.ChooseFeatures("1-3, sold")),
        (b.TO_WORDS, "target: price\nfeatures: area", actions.GiveSchema("target: price\nfeatures: area")),
        (b.TO_PREDICTING, "/data/new.csv", actions.GiveNewRows("/data/new.csv")),
    ],
)
def test_what_is_typed_goes_into_the_field_that_the_step_asks_for(
    walk: tuple[actions.WorkflowAction, ...], text: str, answer: actions.WorkflowAction
) -> None:
    assert type_in(b.at(*walk), text) == GiveAnswer(answer)  # type: ignore[arg-type]


def test_the_result_of_a_prediction_keeps_the_place_that_was_chosen_for_it() -> None:
    session = b.at(*b.TO_PREDICTING, actions.Type(FieldName.OUT, "/data/out.csv"))
    assert type_in(session, "/data/new.csv") == GiveAnswer(actions.GiveNewRows("/data/new.csv", "/data/out.csv"))


@pytest.mark.parametrize(
    ("walk", "text", "answer"),
    [
        ((), "1", actions.Begin()),
        ((), "start", actions.Begin()),
        (b.TO_PATH[:1], "iris", actions.ChooseSample("iris")),
        (b.TO_PATH[:1], "8", actions.ChooseUpload()),
        (b.TO_LOAD, "later", actions.Defer()),
        (b.TO_SCHEMA, "accept", actions.AcceptSchema()),
        (b.TO_SCHEMA, "Choose step by step", actions.EditSchema()),
        (b.TO_SCHEMA, "back", actions.Back()),
        (b.TO_SCHEMA, "Cancel", actions.Cancel()),
        (b.TO_MODEL, "Train", actions.Train()),
        (b.TO_TRAINED, "predict", actions.PredictRows()),
        (b.TO_ERROR, "try again", actions.TryAgain()),
    ],
)
def test_where_no_text_is_asked_for_a_choice_is_taken_by_its_label_or_number(
    walk: tuple[actions.WorkflowAction, ...], text: str, answer: actions.WorkflowAction
) -> None:
    assert type_in(b.at(*walk), text) == GiveAnswer(answer)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", walks.HOSTILE_NAMES[:7])
def test_what_a_person_typed_in_vain_comes_back_without_a_link(name: str) -> None:
    for session, view in ((b.at(*b.TO_SCHEMA), PROMPT), (b.at(*b.TO_MODEL), ChatView("field", "family"))):
        meaning = type_in(session, name, view)
        assert isinstance(meaning, InvalidInput)
        assert not walks.LINK.search(walks.outside_code(OutgoingMessage(meaning.text)))
        assert name in rendered(meaning.text).text


def test_two_choices_that_a_word_could_mean_are_not_guessed_between() -> None:
    meaning = type_in(b.at(actions.Begin()), "file")
    assert isinstance(meaning, InvalidInput)
    assert "1  A file on this machine" in rendered(meaning.text).text


@pytest.mark.parametrize(
    ("walk", "text"), [(b.TO_MODEL, "rain"), (b.TO_TRAINING, "stop"), (b.TO_LOAD, "99"), ((), "  ")]
)
def test_what_means_nothing_here_is_answered_with_what_does(
    walk: tuple[actions.WorkflowAction, ...], text: str
) -> None:
    meaning = type_in(b.at(*walk), text)
    assert isinstance(meaning, InvalidInput)
    assert rendered(meaning.text).text


def test_the_name_of_a_field_opens_it() -> None:
    assert type_in(b.at(*b.TO_MODEL), "seed") == ShowView(ChatView("field", "seed"))


@pytest.mark.parametrize("view", [PROMPT, ChatView("columns", page=2), ChatView("column", "1")])
def test_a_column_is_opened_by_its_number_or_name(view: ChatView) -> None:
    session = b.at(*b.TO_SCHEMA)
    for text in ("4", "district", "District "):
        assert type_in(session, text, view) == ShowView(ChatView("column", "4"))
    meaning = type_in(session, "distrct", view)
    assert isinstance(meaning, InvalidInput)
    assert "Did you mean district?" in rendered(meaning.text).text


def test_a_column_gets_another_kind_or_role_and_is_shown_again_and_a_target_shows_the_schema() -> None:
    session, there = b.at(*b.TO_SCHEMA), ChatView("column", "3")
    assert press(session, "as category", there) == GiveAnswer(actions.ChangeKind("rooms", "category"), there)
    assert press(session, "ignore · left out", there) == GiveAnswer(actions.ChangeRole("rooms", "ignore"), there)
    assert press(session, "target · what is predicted", there) == GiveAnswer(actions.ChangeTarget("rooms"))
    assert press(session, "Predict district instead") == GiveAnswer(actions.ChangeTarget("district"))
    assert press(session, "3", ChatView("columns")) == ShowView(there)


def test_a_split_is_chosen_by_its_button_its_number_or_its_name() -> None:
    session, there = b.at(*b.TO_SCHEMA), ChatView("field", "split")
    assert press(session, "How rows are split") == ShowView(there)
    chosen = GiveAnswer(actions.ChangeSplit(Split("grouped", "district", reason="chosen by you")), there)
    assert press(session, "grouped by district", there) == chosen
    assert type_in(session, "2", there) == type_in(session, "grouped by district", there) == chosen
    assert isinstance(type_in(session, "somehow", there), InvalidInput)
    moved = b.say_to(session, actions.ChangeSplit(Split("grouped", "district"))).session
    assert press(moved, "random", there) == GiveAnswer(
        actions.ChangeSplit(Split("random", reason="chosen by you")), there
    )


def test_a_page_of_numbered_columns_leaves_what_is_typed_to_the_field() -> None:
    session = b.at(*b.TO_FEATURES)
    assert parse_press("w:0:p2", step_form(session), session) == ShowView(ChatView(page=2))
    assert type_in(session, "2", ChatView("columns", page=2)) == GiveAnswer(actions.ChooseFeatures("2"))


def test_a_column_among_thousands_is_named_by_its_number(tmp_path_factory: pytest.TempPathFactory) -> None:
    wide = walks.wide_table(tmp_path_factory.mktemp("wide"))
    session = wide.at_every_state()[State.CONFIRMING_SCHEMA]
    assert type_in(session, "4999") == ShowView(ChatView("column", "4999"))
    name = session.schema.columns[4998].name if session.schema else ""
    meaning = press(session, "as text", ChatView("column", "4999"))
    assert meaning == GiveAnswer(actions.ChangeKind(name, "text"), ChatView("column", "4999"))


PARTS = st.sampled_from(
    ["w:", "0", ":", "c", "k", "s", "p", "o", "f", "b", "r", "1", "99999999999", "metric", "time", "٣"]
)
DATA = st.one_of(
    st.text(max_size=64),
    st.lists(PARTS, max_size=8).map("".join),
    st.lists(PARTS, max_size=5).map(lambda parts: f"w:0:{''.join(parts)}"),
)
VIEWS = st.builds(
    ChatView,
    st.sampled_from(["prompt", "columns", "column", "field", "run"]),
    st.one_of(st.sampled_from(["1", "6", "7", "metric", "time", "split", "path"]), st.text(max_size=5)),
    st.integers(-5, 10**12),
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    session=st.sampled_from(PLAIN),
    data=DATA,
    text=st.one_of(st.text(max_size=40), DATA),
    view=VIEWS,
)
def test_whatever_comes_is_read_without_a_crash(session: WorkflowSession, data: str, text: str, view: ChatView) -> None:
    asked = step_form(session)
    meaning = parse_press(data, asked, session)
    assert isinstance(meaning, GiveAnswer | ShowView | StaleButton)
    for each in (meaning, parse_text(text, asked, session, view)):
        assert isinstance(each, GiveAnswer | ShowView | StaleButton | InvalidInput)
        assert step_message(asked, session, each.view if isinstance(each, GiveAnswer | ShowView) else view).text
