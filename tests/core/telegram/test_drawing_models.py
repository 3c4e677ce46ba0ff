"""Models, results, predictions and settings on a phone."""

from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tabsmith.agents.backend import Availability
from tabsmith.formatting import MINUS
from tabsmith.modeling.metric_catalogue import get_metric
from tabsmith.modeling.model_files import ModelSummary
from tabsmith.modeling.results import (
    Baseline,
    Confusion,
    Holdout,
    ModelReport,
    ModelScore,
    PredictedFile,
    RowsScore,
    UnreadCell,
    UnreadCells,
)
from tabsmith.telegram.actions import (
    ChatAction,
    DeleteModel,
    SetFollowAll,
    SetNotificationLevel,
    ShowView,
    StaleButton,
    SwitchSession,
)
from tabsmith.telegram.chat_state import ChatState, ChatView, NotificationKind, NotificationLevel
from tabsmith.telegram.render import models
from tabsmith.telegram.render import settings as own_settings
from tabsmith.telegram.render.messages import Button, OutgoingMessage
from tabsmith.telegram.render.text import LONGEST_CAPTION, rendered
from tests.core.telegram.drawn import (
    LINKS,
    NAMES,
    buttons,
    data,
    hostile_reports,
    labels,
    plain,
    require_harmless,
)
from tests.stories import agent_journals
from tests.stories.journals import ACCURACY, AUC, RMSE, START, class_report, price_report

MODEL = "sale-price-7f3a9c"
HOUSES = ModelSummary(
    MODEL, START, "housing.csv", "Sale_Price", "regression", "RMSE", 21_190, 21_020, ("catboost",), 12_345
)
DAMAGED = ModelSummary("broken-1", damaged="report.json: it is missing")
LONG = replace(HOUSES, id="m" * 100)


def words(report: ModelReport) -> list[str]:
    """The result, line by line."""
    return plain(models.result_text(report)).splitlines()


# Results -----------------------------------------------------------------------------------------------------------


def test_a_result_says_the_score_on_the_hold_out_first_and_how_it_compares():
    shown = words(price_report())
    assert shown[:2] == [MODEL, "predicts Sale_Price of housing.csv"]
    assert shown[3:8] == [
        "RMSE 21,020 · 95 % interval 19,480 to 22,640 · lower is better",
        "on the test set: 586 rows that no model had seen",
        "MAE 14,310 · 95 % interval 13,390 to 15,250",
        "R² 0.9268 · 95 % interval 0.9103 to 0.9401",
        "cross-validated score 21,190 ± 300, the best of 9 tries",
    ]


@pytest.mark.parametrize(
    ("beaten", "verdict"), [("yes", "the model is better"), ("not shown", "the model is not shown to be better")]
)
def test_a_result_says_whether_the_model_beats_a_guess(beaten, verdict):
    holdout = Holdout(586, (ModelScore(RMSE, 21_020),), Baseline(78_000, beaten, 0.999))
    assert f"always predicting the same number: 78,000; {verdict}" in words(price_report(holdout=holdout))


def test_without_a_hold_out_the_score_is_said_to_be_a_little_too_good():
    shown = "\n".join(words(price_report(holdout=None)))
    assert "RMSE 21,190 ± 300 · lower is better" in shown
    assert "a little too good: there is no test set" in shown


def test_a_result_names_the_five_columns_that_matter_most():
    shown = words(price_report(names=[f"column {number}" for number in range(9)]))
    at = next(place for place, each in enumerate(shown) if each.startswith("Top features"))
    assert [each.split("  ")[1] for each in shown[at + 1 : at + 6]] == [f"column {number}" for number in range(5)]
    assert not any("column 5" in each for each in shown)


def test_columns_that_make_no_difference_are_not_called_important():
    shown = words(class_report())
    assert any("Fare" in each for each in shown)
    assert not any("Age" in each for each in shown)
    assert "The importance of the columns was not measured." in words(price_report(importance=()))


def test_a_result_says_which_recipes_vote_and_what_a_reader_should_know():
    shown = words(price_report(notes=("the folds were made fewer",)))
    assert "Weighted average of 3 models:" in shown
    assert "64.0 %  CatBoost" in shown
    assert "! the folds were made fewer" in shown
    assert "Trained on 2,344 rows in 2 min 22 s: 12 iterations, 9 tries scored." in shown


def test_a_result_of_a_run_with_an_agent_says_what_it_cost():
    run = agent_journals.improving().snapshot
    assert "Its agent: $0.28, 56.9k tokens." in plain(models.result_text(price_report(), run=run))


# Pictures ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "report", [price_report(), class_report(), class_report(tuple("abcdefgh")), *hostile_reports()]
)
def test_every_picture_has_a_caption_that_fits_and_words_to_stand_in_for_it(report):
    charts = models.result_charts(report)
    assert [each.kind for each in charts] == ["score", "importance", "outcome"]
    for chart in charts:
        assert chart.run_id == report.run_id
        assert rendered(chart.caption, LONGEST_CAPTION).text == plain(chart.caption) != ""
        require_harmless(chart.caption)
        require_harmless(chart.instead)


def test_a_model_whose_columns_were_not_weighed_has_no_picture_of_them():
    assert [each.kind for each in models.result_charts(price_report(importance=()))] == ["score", "outcome"]


def test_a_small_confusion_stands_as_a_table_where_there_is_no_picture():
    confusion = Confusion(("died", "survived"), ((92, 3), (7, 1_089)))
    shown = plain(models.result_charts(class_report(outcome=confusion))[-1].instead).splitlines()
    assert shown == [
        "1,181 of 1,191 rows right.",
        "truth \\ predicted",
        "               died  survived",
        "died             92         3",
        "survived          7     1,089",
    ]


def test_of_many_classes_the_worst_confusions_are_told():
    classes = tuple("abcdefgh")
    counts = tuple(tuple(90 if row == column else 10 * row + column for column in range(8)) for row in range(8))
    shown = plain(
        models.result_charts(class_report(classes, outcome=Confusion(classes, counts)))[-1].instead
    ).splitlines()
    assert shown[1] == "h taken for g: 76 rows"
    assert len(shown) == 6


def test_residuals_are_told_by_their_quartiles():
    shown = plain(models.result_charts(price_report())[-1].instead)
    assert f"half of the rows: {MINUS}9,800 to 10,400" in shown


# Predictions -------------------------------------------------------------------------------------------------------

DONE = PredictedFile(
    MODEL,
    1_200,
    ("Sale_Price",),
    "/home/ada/new.predictions.csv",
    ("Street",),
    ("note",),
    3,
    unread=(UnreadCells("Lot_Area", 3, (UnreadCell(17, "ask"),)),),
    score=RowsScore(1_190, (ModelScore(get_metric("rmse"), 21_480),), (ModelScore(get_metric("rmse"), 20_110),)),
)


def test_predictions_are_a_file_with_what_it_came_to_in_words():
    file = models.prediction_file(DONE)
    shown = plain(file.caption)
    assert (file.path, file.name) == (DONE.out, "new.predictions.csv")
    assert "1,200 rows predicted with sale-price-7f3a9c" in shown
    assert "lacks, treated as missing: Street" in shown
    assert "does not use: note" in shown
    assert 'Lot_Area: 3 cells not understood are treated as missing ("ask" in row 17)' in shown
    assert "RMSE 21,480; on the test set 20,110" in shown


def test_where_the_file_cannot_be_sent_it_is_said_where_it_lies():
    assert DONE.out in plain(models.prediction_file(DONE).instead)


def test_a_file_of_predictions_brings_no_link_and_no_long_caption():
    done = PredictedFile(LINKS[0], 3, (), "/tmp/" + "x" * 300 + "\x1b[2J/evil.example", NAMES, NAMES)
    file = models.prediction_file(done)
    require_harmless(file.caption)
    require_harmless(file.instead)
    assert file.name == "evil.example"
    assert len(rendered(file.caption, LONGEST_CAPTION).text) <= LONGEST_CAPTION


# The list, one model, deleting -------------------------------------------------------------------------------------


def test_models_are_listed_with_what_they_predict_and_a_button_each():
    message = models.models_message((HOUSES, DAMAGED), 0, START + 90)
    shown = plain(message).splitlines()
    assert shown[1:3] == ["1  housing.csv → Sale_Price", "    RMSE 21,020, 1 min ago"]
    assert "✘ damaged  broken-1" in shown[3]
    assert models.parse_press(data(message, "1")) == ShowView(ChatView("model", MODEL))
    assert models.parse_press(data(message, "2")) == ShowView(ChatView("model", "broken-1"))


def test_many_models_stand_on_pages():
    many = tuple(replace(HOUSES, id=f"model-{place}") for place in range(17))
    message = models.models_message(many, 1, START)
    assert "Models, page 2 of 3" in plain(message)
    assert models.parse_press(data(message, "9")) == ShowView(ChatView("model", "model-8"))
    assert models.parse_press(data(message, "← newer")) == ShowView(ChatView("models", page=0))
    assert models.parse_press(data(message, "older →")) == ShowView(ChatView("models", page=2))


def test_a_list_without_models_says_so():
    assert "no models yet" in plain(models.models_message((), 0, START))


@pytest.mark.parametrize(
    ("label", "meaning"),
    [
        ("Predict with it…", ShowView(ChatView("predict", MODEL))),
        ("Pictures", ShowView(ChatView("model", MODEL, models.PICTURES))),
        ("All models", ShowView(ChatView("models"))),
    ],
)
def test_a_model_can_be_used_by_its_buttons(label, meaning):
    message = models.model_message(HOUSES, price_report())
    assert models.parse_press(data(message, label)) == meaning


def test_a_model_is_deleted_only_after_a_question():
    asked = models.parse_press(data(models.model_message(HOUSES, price_report()), "Delete…"))
    assert isinstance(asked, ShowView)
    assert models.asks_to_delete(asked.view)
    question = models.confirm_delete(HOUSES)
    assert "Delete this model?" in plain(question)
    assert models.parse_press(data(question, "Yes, delete it")) == DeleteModel(MODEL)
    assert models.parse_press(data(question, "No, keep it")) == ShowView(ChatView("model", MODEL))
    assert not models.asks_to_delete(ChatView("model", MODEL))
    assert not models.asks_to_delete(ChatView("models", page=asked.view.page))


def test_a_damaged_model_says_why_and_can_only_be_deleted():
    message = models.model_message(DAMAGED, None)
    assert "report.json: it is missing" in plain(message)
    assert labels(message) == ["Delete…", "All models"]


def test_a_model_with_too_long_an_id_has_no_buttons_of_its_own():
    for message in (
        models.models_message((LONG,), 0, START),
        models.model_message(LONG, price_report(model_id=LONG.id)),
    ):
        assert all(models.parse_press(each.data) == ShowView(ChatView("models")) for each in buttons(message))
        assert "in the terminal" in plain(message)


@pytest.mark.parametrize("size", [1, 52, 53])
def test_every_button_of_a_model_with_a_short_id_is_there(size):
    summary = replace(HOUSES, id="m" * size)
    assert labels(models.model_message(summary, price_report())) == [
        "Predict with it…",
        "Pictures",
        "Delete…",
        "All models",
    ]
    assert len(labels(models.confirm_delete(summary))) == 2


def test_nothing_about_a_model_can_be_pressed_but_its_buttons():
    for name in NAMES:
        summary = ModelSummary("m-1", START, name, name, "binary", name, 1.0, 2.0, (name,), 1, name)
        require_harmless(models.models_message((summary, replace(summary, id="m-2", damaged="")), 0, START))
        require_harmless(models.model_message(summary, None))
        require_harmless(models.confirm_delete(summary))
    for report in hostile_reports():
        require_harmless(models.model_message(HOUSES, report))


def test_a_metric_of_a_model_from_elsewhere_cannot_bring_a_link():
    metric = replace(AUC, label="evil.example")
    scores = (ModelScore(metric, 0.9, 0.8, 0.95), ModelScore(replace(ACCURACY, label="@admin"), 0.9))
    report = class_report(metric=metric, holdout=Holdout(10, scores))
    require_harmless(models.result_text(report))
    for chart in models.result_charts(report):
        require_harmless(chart.caption)
        require_harmless(chart.instead)


@settings(max_examples=300, deadline=None)
@given(
    st.text(max_size=64)
    | st.lists(st.sampled_from(["m", "", "yes", "0", "²", "9999", MODEL, "../x", "é", "::"]), max_size=5).map(":".join)
)
def test_only_a_yes_with_a_models_name_deletes(pressed):
    meaning = models.parse_press(pressed)
    assert isinstance(meaning, ShowView | DeleteModel | StaleButton)
    if isinstance(meaning, DeleteModel):
        assert pressed == f"m:{meaning.model_id}:yes"
        assert "/" not in meaning.model_id


# Settings ----------------------------------------------------------------------------------------------------------

SEAT = ChatState(user=7, chat_id=7, name="Ada")


def settings_of(seat: ChatState, **changes: object) -> OutgoingMessage:
    """The settings of a person."""
    about: dict[str, object] = {
        "token_from": "the environment",
        "server": "http://127.0.0.1:8081",
        "allowed_users": 2,
        "folders": (Path("/home/ada/data"),),
        "agents": (Availability("search", "usable", "a part of tabsmith; needs no language model"),),
    }
    return own_settings.settings_message(seat, **{**about, **changes})  # type: ignore[arg-type]


def hearing(message: OutgoingMessage) -> list[Button]:
    """The buttons of the notices."""
    return [each for each in buttons(message) if each.data.startswith("s:hear:")]


def test_settings_say_what_is_set_and_where_the_token_comes_from():
    shown = plain(settings_of(SEAT))
    assert "The token comes from the environment" in shown
    assert "/home/ada/data" in shown
    assert "2 people may use this bridge." in shown
    assert "search: ready, a part of tabsmith; needs no language model" in shown


def test_a_press_on_a_notice_changes_it_from_on_to_silent_to_off_and_on_again():
    seat = SEAT
    seen: list[NotificationLevel] = []
    for _ in range(3):
        button = hearing(settings_of(seat))[0]
        assert button.label == f"it asks: {seat.notification_level('question')}"
        meaning = own_settings.parse_press(button.data, seat)
        assert isinstance(meaning, SetNotificationLevel)
        assert meaning.kind == "question"
        seat = replace(seat, levels={**seat.levels, meaning.kind: meaning.level})
        seen.append(meaning.level)
    assert seen == ["silent", "off", "on"]


def test_every_kind_of_notice_has_its_button():
    kinds = []
    for button in hearing(settings_of(SEAT)):
        meaning = own_settings.parse_press(button.data, SEAT)
        assert isinstance(meaning, SetNotificationLevel)
        kinds.append(meaning.kind)
    assert sorted(kinds) == sorted(get_args(NotificationKind))


def test_a_button_that_shows_what_is_not_so_any_more_is_stale():
    button = hearing(settings_of(SEAT))[0]
    assert own_settings.parse_press(button.data, replace(SEAT, levels={"question": "off"})) == StaleButton()


@pytest.mark.parametrize(
    ("seat", "label", "meaning"),
    [
        (SEAT, "Follow all", SetFollowAll(on=True)),
        (replace(SEAT, follow_all=True), "Follow only mine", SetFollowAll(on=False)),
        (SEAT, "The terminal's conversation", SwitchSession("local")),
        (replace(SEAT, session="local"), "My own conversation", SwitchSession("own")),
    ],
)
def test_a_setting_is_changed_by_the_button_that_says_so(seat, label, meaning):
    assert own_settings.parse_press(data(settings_of(seat), label), seat) == meaning


def test_nothing_in_the_settings_can_be_pressed_but_its_buttons():
    agents = tuple(Availability("acp", "not usable", name) for name in LINKS)
    folders = tuple(Path("/home") / name for name in LINKS)
    for seat in (SEAT, replace(SEAT, name=LINKS[0], session="local", follow_all=True)):
        require_harmless(settings_of(seat, agents=agents, folders=folders, token_from="/etc/x.toml"))


@settings(max_examples=200, deadline=None)
@given(
    st.text(max_size=64)
    | st.lists(st.sampled_from(["s", "hear", "all", "sit", "on", "own", "question", "x"]), max_size=5).map(":".join)
)
def test_no_data_can_set_what_there_is_not(pressed):
    meaning: ChatAction = own_settings.parse_press(pressed, SEAT)
    assert isinstance(meaning, SetNotificationLevel | SetFollowAll | SwitchSession | StaleButton)
