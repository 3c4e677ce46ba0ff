"""A run's board, the list of runs, and what is pressed or typed there."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tabsmith.runs import events
from tabsmith.runs.events import Note, Pause, Resume, RunState, SetLimit, Stop
from tabsmith.runs.snapshot import RunSnapshot, interrupted
from tabsmith.runs.watch import RunSummary
from tabsmith.telegram.actions import (
    ChatAction,
    FollowRun,
    InvalidInput,
    ResumeRun,
    SendRunCommand,
    ShowView,
    StaleButton,
)
from tabsmith.telegram.chat_state import ChatView
from tabsmith.telegram.render import questions, run_list, run_message
from tabsmith.telegram.render.messages import OutgoingMessage
from tabsmith.telegram.render.text import rendered
from tests.core.telegram.drawn import (
    LINKS,
    buttons,
    data,
    hostile_agent,
    hostile_reading,
    hostile_tasks,
    hostile_work,
    labels,
    plain,
    require_harmless,
)
from tests.stories import agent_journals, journals, task_story
from tests.stories.journals import RUN_ID, START, Story, house_prices

LONG_ID = "2" * 64


def drawn(story: Story, *, followed: bool = True, run_id: str = RUN_ID) -> OutgoingMessage:
    """The board of the story's run as it stands."""
    return run_message.run_message(story.snapshot, run_id, story.at, followed=followed)


def lines(message: OutgoingMessage) -> list[str]:
    """The text, line by line, without what is at the ends."""
    return [line.strip() for line in plain(message).splitlines()]


ENDED = house_prices().end(journals.price_report())
FAILED = house_prices().end(error=journals.FAILURE)
EVERY: dict[str, Story] = {
    "search": house_prices(),
    "paused": house_prices().pause(),
    "agent": agent_journals.improving(),
    "retrying": agent_journals.waiting(),
    "handed over": agent_journals.handed_over(),
    "breakpoint": agent_journals.at_breakpoint(),
    "out of money": agent_journals.out_of_money(),
    "tasks": task_story.calculator(),
    "tasks ended": task_story.proved_wrong(),
    "ended": ENDED,
    "failed": FAILED,
    "just asked for": Story(),
}


# The board ---------------------------------------------------------------------------------------------------------


def test_a_board_says_where_the_run_stands_and_how_good_it_is():
    shown = lines(drawn(house_prices()))
    assert shown[:4] == [
        "● running",
        "housing.csv → Sale_Price  run 7f3a9c",
        "RMSE 21,480 ± 310  lower is better",
        "the best of 9 tries",
    ]
    assert shown[-1] == "time 2:03 of 10:00, at most 8 min left"


def test_a_board_shows_the_last_three_iterations_the_latest_first():
    assert lines(drawn(house_prices()))[4:7] == [
        "· 12  target encoding of Street  ◑ fold 3/5",
        "· 11  random forest, deeper  22,910 ± 420 (+1,430)",
        "· 10  keep Street  21,500 ± 330 (+20)",
    ]


def test_a_metric_that_grows_is_said_to_be_better_when_higher():
    story = Story(metric=journals.AUC).begin().score(journals.LINEAR, "the first", 0.8731, 0.0042, wins=True)
    assert "ROC AUC 0.8731 ± 0.0042  higher is better" in lines(drawn(story))


def test_cost_and_tokens_are_shown_where_an_agent_speaks_and_only_there():
    assert "$0.28 of $2.00, 56.9k tokens" in lines(drawn(agent_journals.improving()))
    assert "tokens" not in plain(drawn(house_prices()))


def test_another_agent_than_planned_is_shown_with_the_reason():
    shown = lines(drawn(agent_journals.handed_over()))
    assert "agent search" in shown
    reason = "3 failures in a row, the last: the server refused the key (401)"
    assert f"! planned was claude-code: {reason}" in shown


def test_a_run_of_tasks_shows_each_task_and_the_verdict_of_its_command():
    shown = lines(drawn(task_story.calculator()))
    assert "2 of 5 tasks" in shown
    assert "average  ✘ failed" in shown
    assert "report  ● running" in shown
    assert "· 3  average  ✘ exit 1" in shown


def test_the_clock_of_a_board_goes_on_while_the_run_works_and_stands_while_it_is_paused():
    working, paused = house_prices(), house_prices().pause()
    assert "time 2:13" in plain(run_message.run_message(working.snapshot, RUN_ID, working.at + 10, followed=True))
    later = run_message.run_message(paused.snapshot, RUN_ID, paused.at + 1_000, followed=True)
    assert plain(later) == plain(drawn(paused))


def test_a_finished_run_shows_the_score_of_its_model_on_the_hold_out():
    shown = plain(drawn(ENDED))
    assert "RMSE 21,020 · 95 % interval 19,480 to 22,640 · lower is better" in shown
    assert "586 rows that no model had seen" in shown


def test_a_run_that_reads_says_how_far_it_has_come():
    story = Story()
    story.tell(events.RunStarted(spec=story.spec, pid=4_711, attempt=1, version="0.1.0"), 0.4)
    story.tell(events.StateChanged(state=RunState.READING, message="reading data/housing.csv"), 0.1)
    story.tell(events.ReadingProgress(share=0.4, message="1,172 of 2,930 rows"), 0.2)
    assert lines(drawn(story))[0] == "◔ reading  1,172 of 2,930 rows 40 %"


def test_a_failed_run_says_what_happened_and_what_to_do_next():
    shown = plain(drawn(FAILED))
    assert journals.FAILURE.what in shown
    assert journals.FAILURE.next_step in shown


# Its buttons -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "offered"),
    [
        ("search", ["‖ Pause", "Stop after this one", "■ Stop now", "More time or budget…", "Stop following"]),
        ("paused", ["▶ Resume", "Stop after this one", "■ Stop now", "More time or budget…", "Stop following"]),
        (
            "agent",
            [
                "‖ Pause",
                "Stop after this one",
                "■ Stop now",
                "More time or budget…",
                "Note to the agent…",
                "Stop following",
            ],
        ),
        ("breakpoint", ["Answer…", "■ Stop now", "More time or budget…", "Note to the agent…", "Stop following"]),
        ("ended", ["Result"]),
        ("failed", []),
        ("tasks ended", []),
    ],
)
def test_a_board_offers_what_has_a_meaning_where_the_run_stands(name, offered):
    assert labels(drawn(EVERY[name])) == [*offered, "All runs"]


def test_an_interrupted_run_can_be_resumed():
    run = interrupted(house_prices().snapshot)
    message = run_message.run_message(run, RUN_ID, START, followed=False)
    assert labels(message) == ["▶ Resume", "All runs"]
    assert run_list.parse_press(data(message, "▶ Resume"), run) == ResumeRun(RUN_ID)


def test_while_a_permission_is_asked_for_no_note_is_offered():
    story = task_story.calculator().question("permission", "Bash: make")
    assert "Note to the agent…" not in labels(drawn(story))


@pytest.mark.parametrize(
    ("name", "label", "meaning"),
    [
        ("search", "‖ Pause", SendRunCommand(RUN_ID, Pause(), "Paused.")),
        ("paused", "▶ Resume", SendRunCommand(RUN_ID, Resume(), "Resumed.")),
        (
            "search",
            "Stop after this one",
            SendRunCommand(RUN_ID, Stop(when="after iteration"), "It stops after this one."),
        ),
        ("search", "■ Stop now", SendRunCommand(RUN_ID, Stop(), "It stops now; the best so far is kept.")),
        ("search", "More time or budget…", ShowView(ChatView("amount", RUN_ID))),
        ("agent", "Note to the agent…", ShowView(ChatView("note", RUN_ID))),
        ("breakpoint", "Answer…", ShowView(ChatView("answer", RUN_ID))),
        ("ended", "Result", ShowView(ChatView("model", "sale-price-7f3a9c"))),
        ("search", "Stop following", FollowRun(RUN_ID, on=False)),
        ("search", "All runs", ShowView(ChatView("runs"))),
    ],
)
def test_a_button_of_a_board_means_what_it_says(name, label, meaning):
    run = EVERY[name].snapshot
    assert run_list.parse_press(data(drawn(EVERY[name]), label), run) == meaning


def test_a_run_that_is_not_followed_can_be():
    message = drawn(house_prices(), followed=False)
    assert run_list.parse_press(data(message, "Follow"), house_prices().snapshot) == FollowRun(RUN_ID, on=True)


@pytest.mark.parametrize("name", EVERY)
def test_no_button_of_a_board_is_stale_while_the_run_stands_there(name):
    run = EVERY[name].snapshot
    for button in buttons(drawn(EVERY[name])):
        assert run_list.parse_press(button.data, run) != StaleButton(), button


@pytest.mark.parametrize("label", ["‖ Pause", "Stop after this one", "■ Stop now", "More time or budget…"])
def test_a_button_is_stale_once_the_run_has_ended_and_for_a_run_that_is_gone(label):
    pressed = data(drawn(house_prices()), label)
    assert run_list.parse_press(pressed, ENDED.snapshot) == StaleButton()
    assert run_list.parse_press(pressed, None) == StaleButton()


def test_a_run_with_too_long_an_id_has_no_buttons_of_its_own_and_says_where_to_control_it():
    message = drawn(house_prices(), run_id=LONG_ID)
    assert labels(message) == ["All runs"]
    assert "control it in the terminal" in plain(message)


# The list ----------------------------------------------------------------------------------------------------------


def listed(count: int) -> tuple[RunSummary, ...]:
    """So many runs, one an hour."""
    return tuple(
        RunSummary(
            f"20261120-{place:06}-7f3a9c",
            RunState.DONE,
            f"table-{place}.csv",
            "Sale_Price",
            "regression",
            journals.RMSE,
            21_480.0,
            9,
            START - 3_600 * place,
        )
        for place in range(count)
    )


def test_runs_are_listed_eight_to_a_page_with_a_button_for_each():
    first, second = run_list.runs_message(listed(10), 0, START), run_list.runs_message(listed(10), 1, START)
    assert "Runs, page 1 of 2" in plain(first)
    assert len([button for button in buttons(first) if button.data.endswith(":open")]) == 8
    assert "table-8.csv" in plain(second)
    assert "table-7.csv" not in plain(second)
    assert run_list.parse_press(data(second, "10 ✔"), None) == ShowView(ChatView("run", "20261120-000009-7f3a9c"))
    assert run_list.parse_press(data(first, "older →"), None) == ShowView(ChatView("runs", page=1))
    assert run_list.parse_press(data(second, "← newer"), None) == ShowView(ChatView("runs", page=0))
    assert "older →" not in labels(second)


def test_a_page_that_is_gone_shows_the_last_there_is():
    assert plain(run_list.runs_message(listed(10), 40, START)) == plain(run_list.runs_message(listed(10), 1, START))


def test_a_list_without_runs_says_so():
    assert "no runs yet" in plain(run_list.runs_message((), 0, START))


def test_a_run_that_cannot_be_read_is_listed_with_its_problem():
    broken = RunSummary(LONG_ID, RunState.FAILED, source="?", problem="its specification is damaged")
    message = run_list.runs_message((broken,), 0, START)
    assert "its specification is damaged" in plain(message)
    assert labels(message) == []
    assert "look at it in the terminal" in plain(message)


# What is typed -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "limit", "to", "said"),
    [
        ("+5 min", "seconds", "900", "The limit is 900 s from now on."),
        ("+$2", "dollars", "4.00", "The limit is $4.00 from now on."),
        ("20 iterations", "iterations", "20", "The limit is 20 iterations from now on."),
        ("200k tokens", "tokens", "200000", "The limit is 200,000 tokens from now on."),
    ],
)
def test_more_of_a_limit_is_typed_as_people_write_it(typed, limit, to, said):
    meaning = run_list.parse_text(typed, agent_journals.improving().snapshot, RUN_ID, ChatView("amount", RUN_ID))
    assert meaning == SendRunCommand(RUN_ID, SetLimit(limit=limit, to=to), said)


def test_what_is_no_amount_is_refused_with_an_example():
    meaning = run_list.parse_text("soon", house_prices().snapshot, RUN_ID, ChatView("amount", RUN_ID))
    assert isinstance(meaning, InvalidInput)
    assert "'soon' is not a length of time" in plain(meaning.text)
    assert "+2 min" in plain(meaning.text)


def test_a_note_is_told_to_the_agent_as_it_was_written():
    meaning = run_list.parse_text(
        "  drop\nthe street\x1b[2J ", agent_journals.improving().snapshot, RUN_ID, ChatView("note", RUN_ID)
    )
    assert meaning == SendRunCommand(RUN_ID, Note(text="drop\nthe street"), "The agent is told.")


def test_a_search_takes_no_note_and_a_run_that_ended_takes_nothing():
    assert run_list.parse_text("hello", house_prices().snapshot, RUN_ID, ChatView("note", RUN_ID)) == StaleButton()
    assert run_list.parse_text("+5 min", ENDED.snapshot, RUN_ID, ChatView("amount", RUN_ID)) == StaleButton()
    assert run_list.parse_text("+5 min", None, RUN_ID, ChatView("amount", RUN_ID)) == StaleButton()


def test_nothing_written_is_no_note():
    meaning = run_list.parse_text(" \n ", agent_journals.improving().snapshot, RUN_ID, ChatView("note", RUN_ID))
    assert isinstance(meaning, InvalidInput)


@pytest.mark.parametrize("kind", ["amount", "note", "answer"])
def test_what_is_asked_for_in_words_says_what_to_write_and_leads_back_to_the_run(kind):
    story = agent_journals.at_breakpoint()
    message = run_list.typed_input_message(ChatView(kind, RUN_ID), story.snapshot, RUN_ID, story.at)
    assert "Write" in plain(message)
    assert run_list.parse_press(data(message, "Show the run"), story.snapshot) == ShowView(ChatView("run", RUN_ID))


def test_more_of_a_limit_is_asked_for_beside_the_limits_in_force():
    story = agent_journals.improving()
    shown = lines(run_list.typed_input_message(ChatView("amount", RUN_ID), story.snapshot, RUN_ID, story.at))
    assert "time: 1:15 of 10:00" in shown
    assert "cost: $0.28 of $2.00" in shown


# From outside ------------------------------------------------------------------------------------------------------

STRANGE = (hostile_agent(), hostile_work(), hostile_reading(), hostile_tasks(), journals.hostile())


@pytest.mark.parametrize("story", [*EVERY.values(), *STRANGE])
def test_nothing_on_a_board_can_be_pressed_but_its_buttons(story):
    require_harmless(drawn(story))
    require_harmless(run_message.run_message(interrupted(story.snapshot), RUN_ID, story.at, followed=False))


def test_nothing_in_a_list_can_be_pressed_but_its_buttons():
    found = [RunSummary(RUN_ID, RunState.RUNNING, name, name, problem=name, started_at=START) for name in LINKS]
    for page in (0, 1):
        require_harmless(run_list.runs_message(tuple(found), page, START))


def test_an_error_cannot_bring_a_link_with_it():
    for name in LINKS:
        failure = msgspec.structs.replace(journals.FAILURE, what=f"see {name} for more", next_step=name, where=name)
        require_harmless(drawn(house_prices().end(error=failure)))


def test_names_are_shown_as_code_where_they_could_be_taken_for_our_words():
    story = Story().begin(journals.schema("Pause it now")).ask()
    shown = rendered(drawn(story).text)
    at = shown.text.index("Pause it now")
    assert any(each.type == "code" and each.offset == at and each.length == 12 for each in shown.entities)


SOME_RUNS: list[RunSnapshot | None] = [None, *(each.snapshot for each in EVERY.values())]
PIECES = st.sampled_from(["r", "q", "", "0", "99999", "²", RUN_ID, LONG_ID, "open", "now", "result", "::", "é", "\x00"])
DATA = st.text(max_size=64) | st.lists(PIECES, max_size=6).map(":".join)


@settings(max_examples=300, deadline=None)
@given(pressed=DATA, run=st.sampled_from(SOME_RUNS))
def test_no_data_of_a_button_can_do_more_than_be_stale(pressed, run):
    for meaning in (run_list.parse_press(pressed, run), questions.parse_press(pressed, run)):
        assert isinstance(meaning, ChatAction)
        if isinstance(meaning, (SendRunCommand, ResumeRun, FollowRun)):
            assert meaning.run_id in pressed


@settings(max_examples=200, deadline=None)
@given(
    typed=st.text(max_size=200) | st.from_regex(r"\+?\$?[0-9.,: ]{0,9}(min|k|h)?"),
    run=st.sampled_from(SOME_RUNS),
    kind=st.sampled_from(["run", "amount", "note", "answer"]),
)
def test_whatever_is_typed_at_a_run_is_understood_refused_in_words_or_stale(typed, run, kind):
    meaning = run_list.parse_text(typed, run, RUN_ID, ChatView(kind, RUN_ID))
    assert isinstance(meaning, SendRunCommand | InvalidInput | StaleButton)
    if isinstance(meaning, InvalidInput):
        require_harmless(meaning.text)
