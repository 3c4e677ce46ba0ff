"""What the dashboard shows of a run, without a terminal: pure functions of the snapshot."""

import msgspec
import pytest
from rich.cells import cell_len

from tabsmith.errors import UsageError
from tabsmith.formatting import MINUS
from tabsmith.orchestration import events as loop
from tabsmith.presentation import budgets, recipes, scores
from tabsmith.presentation.spans import Span, plain_text
from tabsmith.runs import events as run
from tabsmith.runs import replies
from tabsmith.runs.events import Pause, RunState, SetLimit, Stop
from tabsmith.runs.snapshot import RunSnapshot, interrupted
from tabsmith.runs.spec import Limits
from tabsmith_tui.views import leaderboard, run_actions, run_cards, run_header, trial_details
from tabsmith_tui.views.run_actions import Pending
from tests.stories import journals
from tests.stories.agent_story import AgentStory, asked_for
from tests.stories.journals import Story, house_prices


def text(lines) -> str:
    return plain_text(lines)


def rows(table) -> list[str]:
    return ["  ".join(cell.text for cell in table.cells(index)) for index in range(len(table))]


# Header, budgets ---------------------------------------------------------------------------------------------------


def test_the_header_names_run_source_target_metric_with_its_direction_and_time_of_limit():
    story = house_prices()
    shown = run_header.run_header(story.snapshot, journals.RUN_ID, None, story.at)
    assert shown.title == "run 7f3a9c · housing.csv · Sale_Price"
    assert shown.metric == "RMSE, lower is better"
    assert shown.state is RunState.RUNNING
    assert shown.elapsed == "2:03 of 10:00"


def test_nothing_known_is_a_dash_and_never_0():
    shown = run_header.run_header(RunSnapshot(), journals.RUN_ID, None, journals.START)
    assert shown.elapsed == "—"
    assert shown.metric == ""


def test_a_budget_warns_at_80_and_again_at_95_per_cent():
    story = house_prices()
    snapshot = story.snapshot
    levels = []
    for limit in (600.0, 150.0, 128.0):
        limited = msgspec.structs.replace(snapshot, limits=Limits(seconds=limit))
        levels.append(budgets.limit_uses(limited, story.at)[0].level)
    assert levels == ["fine", "warn", "last"]


def test_a_cost_that_is_not_known_is_a_dash_and_never_0_dollars():
    snapshot = msgspec.structs.replace(house_prices().snapshot, limits=Limits(dollars="2.00"))
    line = run_header.budget_line(budgets.limit_uses(snapshot, journals.START), "", 100)
    assert "cost — of $2.00" in text([line])
    assert "$0" not in text([line])


def test_every_budget_line_fits_its_width():
    snapshot = msgspec.structs.replace(
        house_prices().snapshot, limits=Limits(seconds=600.0, iterations=40, dollars="2.00")
    )
    shown = budgets.limit_uses(snapshot, journals.START + 100)
    for width in (78, 100, 120):
        assert cell_len(text([run_header.budget_line(shown, "about 4 min left", width)])) <= width


def test_time_left_is_said_only_with_evidence_and_as_a_guess():
    story = Story(journals.spec(limits=Limits(seconds=0.0, iterations=20))).begin()
    assert budgets.time_left(story.snapshot, story.at) == ""
    for _ in range(3):
        story.score(journals.LINEAR, "again", 30_000, 500, seconds=10.0)
    assert budgets.time_left(story.snapshot, story.at) == "about 3 min left"
    story.pause()
    assert budgets.time_left(story.snapshot, story.at) == ""


def test_a_pause_is_not_counted_as_time():
    story = house_prices().pause()
    assert budgets.elapsed(story.snapshot, story.at + 3_600) == budgets.elapsed(story.snapshot, story.at)


# Commands ----------------------------------------------------------------------------------------------------------


def test_a_stop_shows_as_stopping_at_once_until_the_journal_confirms_it():
    story = house_prices()
    pending = Pending(Stop(), story.at)
    assert run_actions.shown_state(story.snapshot, pending) is RunState.STOPPING
    assert not run_actions.is_confirmed(pending, story.snapshot)
    story.tell(run.StateChanged(state=RunState.STOPPING, message="stopping now"))
    assert run_actions.is_confirmed(pending, story.snapshot)


def test_a_pause_is_not_called_paused_before_the_worker_says_so():
    story = house_prices()
    pending = Pending(Pause(), story.at)
    assert run_actions.shown_state(story.snapshot, pending) is RunState.RUNNING
    assert run_actions.pending_text(pending, story.snapshot, story.at) == "pause asked for"
    assert run_actions.pending_text(pending, story.snapshot, story.at + 5) == "pause asked for, no answer for 0:05"
    assert run_actions.pending_text(pending, story.pause().snapshot, story.at) == ""


@pytest.mark.parametrize(
    ("typed", "limit"),
    [
        ("60", 660),
        ("+2 min", 720),
        ("20 more", 620),
        ("1:30", 690),
        ("1 h", 4200),
        ("1h 30 min", 6000),
        ("0.5 min", 630),
        ("to 15 min", 900),
        ("=1:00:00", 3600),
        ("  +90s ", 690),
    ],
)
def test_more_time_is_understood_as_people_write_it(typed, limit):
    assert replies.parse_limit_change(typed, house_prices().snapshot) == SetLimit(limit="seconds", to=str(limit))


@pytest.mark.parametrize("typed", ["", "soon", "-5", "0", "5 parsecs", "1" * 400, "[/nope]", "9999999 h", "\x1b[2J"])
def test_what_is_not_a_length_of_time_is_refused_in_words(typed):
    with pytest.raises(UsageError) as refusal:
        replies.parse_limit_change(typed, house_prices().snapshot)
    assert refusal.value.next_step
    assert "\x1b" not in str(refusal.value)


def test_a_run_without_a_limit_can_be_given_one_but_not_more_of_it():
    snapshot = msgspec.structs.replace(house_prices().snapshot, limits=Limits(seconds=0.0))
    with pytest.raises(UsageError, match="no time limit"):
        replies.parse_limit_change("60", snapshot)
    assert replies.parse_limit_change("to 15 min", snapshot) == SetLimit(limit="seconds", to="900")


# Cards -------------------------------------------------------------------------------------------------------------


def test_the_champion_card_says_score_error_tries_gain_and_that_the_hold_out_is_closed():
    shown = text(run_cards.champion_card(house_prices().snapshot))
    assert shown.splitlines() == [
        "CatBoost + 3 derived, 1 dropped",
        "21,480 ± 310   9 tries",
        f"{MINUS}10,420 against the first, ridge",
        "test set: 586 rows, kept back until the end",
    ]


def test_a_difference_has_its_sign_and_its_tone_says_whether_it_is_better():
    story = Story(metric=journals.AUC).begin()
    story.score(journals.LINEAR, "first", 0.80, 0.01, wins=True).score(journals.CAT, "next", 0.88, 0.01, wins=True)
    card = run_cards.champion_card(story.snapshot)
    assert "+0.08 against the first" in text(card)
    assert (Span("+0.08", "good") in card[2], Span("+0.08", "bad") in card[2]) == (True, False)
    assert scores.difference_tone(0.08, journals.RMSE) == "bad"


def test_without_a_champion_the_card_says_why():
    assert "nothing is scored" in text(run_cards.champion_card(Story().begin().snapshot))
    assert "no recipe was scored" in text(run_cards.champion_card(Story().begin().end(error=journals.FAILURE).snapshot))


def test_the_agent_card_shows_when_another_agent_than_planned_is_at_work():
    story = AgentStory(asked_for("llm")).begin()
    story.ask("llm")
    assert "planned llm ✔ actual same" in text(run_cards.agent_card(story.snapshot))
    story.hand_over("three failures in a row: network")
    shown = text(run_cards.agent_card(story.snapshot))
    assert "! actual search: three failures in a row: network" in shown


# Tables ------------------------------------------------------------------------------------------------------------


def test_the_leaderboard_is_best_first_with_the_difference_to_the_champion_of_now():
    board = leaderboard.Leaderboard(house_prices().snapshot)
    shown = rows(board)
    assert shown[0] == "1  CatBoost + 3 derived, 1 dropped  21,480 ± 310  —  24 s  ★ champion"
    assert shown[3] == "4  LightGBM  23,840 ± 410  +2,360  9.0 s  was champion"
    assert len(board) == 9
    assert board.key(0) == "9"


def test_a_try_within_the_noise_of_its_folds_is_called_that_and_not_behind():
    story = Story().begin()
    story.score(journals.LINEAR, "first", 30_000, 500, wins=True)
    story.propose(journals.NEAR, "noisy").folds((29_000, 31_500, 29_800, 30_500, 29_900))
    folds = story.snapshot.trials[-1].folds
    evaluation = journals.Evaluation(journals.NEAR, folds, 30_140, 400, 4.0, "x")
    story.tell(loop.Evaluated(iteration=2, evaluation=evaluation))
    assert rows(leaderboard.Leaderboard(story.snapshot))[1].endswith("within noise")


def test_the_iterations_are_newest_first_and_say_what_became_of_each():
    shown = rows(leaderboard.Iterations(house_prices().snapshot))
    assert shown[0] == "12  target encoding of Street  —  —  —  ◑ fold 3/5"
    assert shown[3].endswith(f"{MINUS}2,360  24 s  ★ champion")
    assert "! refused" in shown[7]
    assert "✘ failed" in shown[5]
    assert "☆ was champion" in shown[11]


def test_what_was_being_fitted_when_the_run_ended_is_called_cut_short():
    shown = rows(leaderboard.Iterations(interrupted(house_prices().snapshot)))
    assert shown[0].endswith("cut short")


def test_the_filter_looks_at_names_changes_and_messages_in_whatever_letters():
    snapshot = house_prices().snapshot
    assert len(leaderboard.Leaderboard(snapshot, "LIGHTGBM")) == 2
    assert len(leaderboard.Iterations(snapshot, "pool_area")) == 1
    assert len(leaderboard.Iterations(snapshot, "#9")) == 1
    assert len(leaderboard.Iterations(snapshot, "no such thing")) == 0
    assert leaderboard.table_title("Iterations", 2, 12, "[/nope]") == 'Iterations  2 of 12 with "[/nope]"'


def test_the_ensemble_stands_above_the_leaderboard():
    story = house_prices()
    story.tell(loop.EnsembleBuilt(recipes=("a", "b"), weights=(0.6, 0.4), score=21_190, standard_error=305))
    assert (
        rows(leaderboard.Leaderboard(story.snapshot))[0]
        == f"Σ  weighted average of 2 models  21,190 ± 300  {MINUS}290  —  built"
    )
    assert "recipe a" in text(trial_details.trial_details(story.snapshot, leaderboard.ENSEMBLE)[1])


# Details -----------------------------------------------------------------------------------------------------------


def test_details_hold_recipe_difference_folds_and_time():
    title, lines = trial_details.trial_details(house_prices().snapshot, "10")
    shown = text(lines)
    assert title == "Iteration 10"
    assert "derived    log_area = ln(Lot_Area + 1)" in shown
    assert "· keep Street" in shown
    assert "on 5 shared folds" in shown
    assert "Folds  5 of 5" in shown


def test_details_of_a_refusal_hold_its_whole_message():
    shown = text(trial_details.trial_details(house_prices().snapshot, "5")[1])
    assert "derived.pool: unknown column Pool_Area; did you mean Lot_Area?" in shown
    assert "— (not scored)" in shown


def test_a_difference_of_recipes_is_a_line_for_each_change():
    said = text(recipes.change_lines(journals.BOOST, journals.CAT)).splitlines()
    assert said[0] == "· CatBoost instead of LightGBM"
    assert "· + age = Year_Sold - Year_Built" in said
    assert "· drop Street" in said
    assert text(recipes.change_lines(journals.CAT, journals.CAT)) == "The recipes are the same."


def test_paired_differences_need_two_shared_folds():
    folds = house_prices().snapshot.trials[0].folds
    assert scores.paired_difference(folds[:1], folds) is None
    even = scores.paired_difference(folds, folds)
    assert even is not None
    assert even.noise
