"""What the dashboard says of a run with an agent, without a terminal: tokens, money, judgements, questions, lines."""

from decimal import Decimal

import msgspec
import pytest
from rich.cells import cell_len

from tabsmith.agents.usage import NO_USAGE, Usage
from tabsmith.formatting import MINUS
from tabsmith.orchestration import events as loop
from tabsmith.orchestration.decisions import Continue
from tabsmith.presentation import budgets
from tabsmith.presentation.spans import plain_text
from tabsmith.runs import replies
from tabsmith.runs.events import RunState, SetLimit
from tabsmith.runs.spec import Limits
from tabsmith_tui.views import leaderboard, question, run_actions, run_cards, run_header, score_plot
from tabsmith_tui.views.run_header import run_banner
from tests.stories import agent_journals, journals
from tests.stories.agent_journals import improving
from tests.stories.agent_story import USED, AgentStory, asked_for
from tests.stories.hostile import MARKS
from tests.stories.journals import house_prices

KEYS = dict(zip(replies.ANSWER_ACTIONS, ("enter", "c", "b", "s", "w", "x"), strict=True))
UNPRICED = Usage(input_tokens=900, output_tokens=80, turns=1, unpriced=1)


def rows(table) -> list[str]:
    return ["  ".join(cell.text for cell in table.cells(index)) for index in range(len(table))]


def card(story: AgentStory) -> str:
    return plain_text(run_cards.agent_card(story.snapshot))


# Tokens and money --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0"), (812, "812"), (48_100, "48.1k"), (999_940, "999.9k"), (999_960, "1.0M"), (2_450_000, "2.5M")],
)
def test_tokens_are_short(count, shown):
    assert budgets.token_count(count) == shown


@pytest.mark.parametrize(
    ("dollars", "shown"),
    [("0", "$0.00"), ("12.4", "$12.40"), ("0.0352", "$0.035"), ("0.0031", "$0.0031"), ("0.00000001", "<$0.0001")],
)
def test_money_has_as_many_digits_as_it_takes_not_to_be_nothing(dollars, shown):
    assert budgets.money(Decimal(dollars)) == shown


def test_a_price_that_is_not_known_is_said_and_never_0():
    assert budgets.usage_cost(NO_USAGE) == "—"
    assert budgets.usage_cost(UNPRICED) == "price unknown"
    assert budgets.usage_cost(UNPRICED + USED) == "$0.035 + price unknown"
    assert budgets.usage_cost_cell(UNPRICED) == "?"
    assert budgets.usage_cost_cell(UNPRICED + USED) == "≥$0.03"
    story = AgentStory().begin()
    story.offer(journals.LINEAR, "first", usage=UNPRICED)
    everything = card(story) + budgets.run_cost(story.snapshot) + " ".join(rows(leaderboard.Iterations(story.snapshot)))
    assert "price unknown" in everything
    assert "$0.00" not in everything


# The agent's card --------------------------------------------------------------------------------------------------


def test_the_card_holds_the_sums_over_all_sessions():
    story = improving()
    snapshot = story.snapshot
    sessions = snapshot.sessions
    assert snapshot.usage.input_tokens == sum(session.usage.input_tokens for session in sessions) == 8 * 4_010
    assert card(story).splitlines() == [
        "claude-code  iteration 8",
        "claude-sonnet-4-5",
        "in 32.1k  out 4.1k  cache 20.7k",
        "reasoning 960",
        "8 sessions  8 turns  $0.28",
        "context 6.6k  waited 0:24",
        "quality 0.78  confidence 0.71",
        "planned claude-code ✔ actual same",
        "5 scored  1 refused  1 failed",
    ]


def test_before_anything_was_asked_nothing_is_0():
    shown = card(AgentStory().begin())
    assert "nothing was asked yet: cost —" in shown
    assert "in 0" not in shown
    assert "$0" not in shown


def test_a_search_has_no_tokens_no_note_and_no_mode_on_its_screen():
    story = house_prices()
    assert plain_text(run_cards.agent_card(story.snapshot)).splitlines() == [
        "search  iteration 12",
        "planned search ✔ actual same",
        "9 scored  1 refused  1 failed",
    ]
    offered = run_actions.offered_actions(story.snapshot, replaying=False, resuming=False)
    assert not offered["note"]
    assert not offered["mode"]
    assert budgets.run_cost(story.snapshot) == ""
    assert leaderboard.Iterations(story.snapshot).columns == leaderboard.ITERATION_COLUMNS


def test_the_wait_for_the_next_try_counts_down_and_ends():
    story = agent_journals.waiting()
    until = story.snapshot.retry.until

    def at(seconds: float) -> str:
        return plain_text(run_cards.agent_activity(story.snapshot, until - seconds))

    assert at(12.0) == "◷ retry 2 of 3 in 0:12, network"
    assert at(0.4) == "◷ retry 2 of 3 in 0:01, network"
    assert at(-1.0) == "◷ retry 2 of 3 now, network"
    assert "retry 2 of 3 in 0:12" in plain_text([run_cards.agent_line(story.snapshot, until - 12)])


def test_an_open_session_shows_how_long_it_takes():
    story = AgentStory().begin()
    story.ask(story.agent)
    story.open()
    assert plain_text(run_cards.agent_activity(story.snapshot, story.at + 9)) == "◷ waiting 0:09 for the answer"


def test_a_handover_shows_its_reason_in_card_line_and_banner():
    story = agent_journals.handed_over()
    snapshot = story.snapshot
    reason = "3 failures in a row"
    assert f"! actual search: {reason}" in card(story)
    assert f"for claude-code: {reason}" in plain_text([run_cards.agent_line(snapshot, story.at)])
    shown = run_banner(snapshot, None, story.at, replay=None, playing=False, resuming=False)
    assert f"search proposes instead of claude-code: {reason}" in plain_text(shown.lines)
    done = story.end(journals.price_report()).snapshot
    shown = run_banner(done, None, story.at, replay=None, playing=False, resuming=False)
    assert f"search proposes instead of claude-code: {reason}" in plain_text(shown.lines)


def test_an_agent_that_is_back_leaves_no_trace_of_the_handover():
    story = agent_journals.handed_over().come_back()
    assert "✔ actual same" in card(story)
    assert run_banner(story.snapshot, None, story.at, replay=None, playing=False, resuming=False).lines == ()


def test_grades_by_the_rule_in_place_of_a_model_are_counted():
    story = AgentStory().begin()
    story.offer(journals.LINEAR, "first").measure(journals.LINEAR, 30_000, 300).judge(0.7, fallback="no key").over()
    assert "1 grade by rule, not by a model" in card(story)
    assert "quality 0.70  confidence 0.71  by rule" in card(story)


def test_a_champion_on_probation_is_called_that():
    assert "on probation" in plain_text(run_cards.champion_card(improving().snapshot))
    assert "on probation" in plain_text([run_cards.champion_line(improving().snapshot)])


# Tables and plot ---------------------------------------------------------------------------------------------------


def test_the_iterations_say_what_each_cost_and_what_was_decided():
    shown = rows(leaderboard.Iterations(improving().snapshot))
    assert shown[1] == f"7  CatBoost with three derived columns  21,480 ±310  {MINUS}2,360  $0.035  0:12  ★ champion"
    assert shown[3] == "5  nearest neighbours, 5,000 of them  failed  —  $0.035  0:04  ✘ escalated"
    assert shown[5] == "3  price per pool area  refused  —  $0.035  0:03  ! feedback"
    assert (
        "no answer  —  —  0:00  ✘ escalated" in rows(leaderboard.Iterations(agent_journals.handed_over().snapshot))[1]
    )


def test_all_columns_of_the_iterations_fit_on_80_cells():
    from tabsmith_tui.widgets.lines_table import widths

    assert all(widths(leaderboard.ASKED_COLUMNS, 73))
    story = AgentStory().begin()
    story.iteration = 1_233
    story.ask()
    number, change, *_ = widths(leaderboard.Iterations(story.snapshot).columns, 73)
    assert number == 4
    assert change >= 14


def test_what_a_person_left_out_is_called_skipped_and_is_no_point_of_the_plot():
    story = improving()
    story.measure(journals.CAT, 21_500, 330).judge(0.72).tell(loop.IterationSkipped(iteration=8))
    assert rows(leaderboard.Iterations(story.snapshot))[0].endswith("↷ skipped")
    assert [point.iteration for point in score_plot.curve(story.snapshot).points] == [1, 2, 4, 6, 7]


def test_the_filter_finds_the_agents_reason_and_the_decision():
    snapshot = improving().snapshot
    assert len(leaderboard.Iterations(snapshot, "skew")) == 1
    assert len(leaderboard.Iterations(snapshot, "clarify")) == 1


# Limits ------------------------------------------------------------------------------------------------------------


def test_every_limit_has_its_share_and_a_warning_survives_where_there_is_no_room():
    limits = Limits(seconds=600.0, iterations=40, dollars="0.30", tokens=200_000, failures=3)
    snapshot = msgspec.structs.replace(improving().snapshot, limits=limits)
    shown = {each.name: each for each in budgets.limit_uses(snapshot, journals.START + 60)}
    assert list(shown) == ["time", "iterations", "cost", "tokens", "failures"]
    assert (shown["cost"].used, shown["cost"].limit, shown["cost"].level) == ("$0.28", "$0.30", "warn")
    assert (shown["tokens"].used, shown["tokens"].limit) == ("56.9k", "200.0k")
    for width in (58, 78, 118):
        drawn = plain_text([run_header.budget_line(tuple(shown.values()), "", width)])
        assert cell_len(drawn) <= width
        assert "cost $0.28 of $0.30" in drawn
    assert "more" in plain_text([run_header.budget_line(tuple(shown.values()), "", 58)])


def test_time_stands_still_while_a_person_is_asked():
    story = agent_journals.at_breakpoint()
    assert budgets.elapsed(story.snapshot, story.at + 3_600) == budgets.elapsed(story.snapshot, story.at)
    story.replied(Continue())
    assert story.snapshot.state is RunState.RUNNING
    assert budgets.elapsed(story.snapshot, story.at + 60) != budgets.elapsed(story.snapshot, story.at)


@pytest.mark.parametrize(
    ("typed", "command"),
    [
        ("$5", SetLimit(limit="dollars", to="5.00")),
        ("+$2", SetLimit(limit="dollars", to="4.00")),
        ("20 iterations", SetLimit(limit="iterations", to="20")),
        ("200k tokens", SetLimit(limit="tokens", to="200000")),
        ("+2 min", SetLimit(limit="seconds", to="720")),
    ],
)
def test_more_of_any_limit_is_understood_by_its_sign_or_noun(typed, command):
    assert replies.parse_limit_change(typed, improving().snapshot) == command


# Foreign text ------------------------------------------------------------------------------------------------------


def test_no_view_of_an_agents_run_lets_a_control_through():
    story = agent_journals.hostile_agent()
    snapshot = story.snapshot
    shown = [
        card(story),
        plain_text([run_cards.agent_line(snapshot, story.at)]),
        plain_text(question.question_lines(snapshot, story.at, 100, KEYS)),
        plain_text(run_banner(snapshot, None, story.at, replay=None, playing=False, resuming=False).lines),
        *rows(leaderboard.Iterations(snapshot)),
    ]
    assert "[/nope]" in shown[0]
    for each in shown:
        assert not any(mark.decode() in each for mark in MARKS)
        assert not any(character in each for character in "\x1b\x07\x9b\x9d\u202e\u2066\x00\x7f")
        assert len(each) < 20_000


def test_an_iteration_limit_is_used_by_every_iteration_that_is_over():
    asked = asked_for(limits=Limits(seconds=600.0, iterations=12))
    shown = {each.name: each.used for each in budgets.limit_uses(improving(asked).snapshot, journals.START)}
    assert shown["iterations"] == "7"
