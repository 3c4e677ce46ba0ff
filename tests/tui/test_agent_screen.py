"""The dashboard of a run with an agent, driven by keys over real journals; what it sends is read back from disk."""

import pytest
from textual.widgets import Input

from tabsmith.orchestration.decisions import ChangeBrief, Continue, Decide, EndRun, Extend, Skip
from tabsmith.runs.events import Answer, Note, RunState, SetLimit, SetMode
from tabsmith_tui.screens.dialogs import QuestionScreen
from tabsmith_tui.store import Store
from tabsmith_tui.widgets.ask_bar import AskBar
from tests.stories import agent_journals, journals
from tests.stories.agent_journals import improving
from tests.tui.run_stage import append, running, until
from tests.tui.stage import screen_text
from tests.tui.test_run_screen import sent


async def test_a_question_comes_up_as_a_bar_without_taking_the_keys_from_the_tables(make_app):
    story = improving()
    story.measure(journals.CAT, 22_900, 330)
    async with running(make_app(Store()), story, (80, 24)) as (pilot, screen, folder):
        assert "continue" not in screen_text(pilot.app)
        focused = screen.focused
        before = len(story.events)
        story.question("breakpoint", "the score went down")
        append(folder, *story.events[before:])
        await until(pilot, lambda: "the score went down" in screen_text(pilot.app), "the bar")
        assert "? asking you" in screen_text(pilot.app)
        assert screen.focused is focused
        await pilot.press("t", "down")
        assert screen.board.table is screen.board.iterations
        assert sent(folder) == []


@pytest.mark.parametrize(
    ("keys", "reply"),
    [
        (("c",), Continue()),
        (("s",), Skip()),
        (("x",), EndRun()),
        (("enter", "enter"), Continue()),
        (("a", *"skip", "enter"), Skip()),
        (("enter", *"be bold", "enter"), ChangeBrief("be bold")),
        (("b", *"be bold", "enter"), ChangeBrief("be bold")),
        (("w", "down", "enter"), Decide("retry")),
    ],
)
@pytest.mark.parametrize("size", [(80, 24), (60, 20)])
async def test_every_key_of_the_bar_answers_the_question_that_is_open(make_app, keys, reply, size):
    story = agent_journals.at_breakpoint()
    asked = story.snapshot.question.id
    async with running(make_app(Store()), story, size) as (pilot, _, folder):
        await pilot.press(*(key if key != " " else "space" for key in keys))
        await until(pilot, lambda: sent(folder) == [Answer(id=asked, reply=reply)], "the answer")
        assert "answer given" in screen_text(pilot.app)


async def test_an_answer_that_is_taken_lets_the_run_go_on_and_the_bar_is_gone(make_app):
    story = agent_journals.at_breakpoint()
    async with running(make_app(Store()), story, (80, 24)) as (pilot, screen, folder):
        await pilot.press("c")
        before = len(story.events)
        story.replied(Continue())
        append(folder, *story.events[before:])
        await until(pilot, lambda: screen.live.state is RunState.RUNNING, "the run")
        await until(pilot, lambda: "? breakpoint" not in screen_text(pilot.app), "the end of the bar")
        assert "answer given" not in screen_text(pilot.app)


async def test_a_spent_limit_takes_an_amount_and_enter_alone_is_no_answer(make_app):
    story = agent_journals.out_of_money()
    asked = story.snapshot.question.id
    async with running(make_app(Store()), story, (80, 24)) as (pilot, screen, folder):
        await pilot.press("enter", "enter")
        await until(pilot, lambda: "How much more?" in screen_text(pilot.app), "the question back")
        await pilot.press(*"much", "enter")
        await until(pilot, lambda: "not an amount of dollars" in screen_text(pilot.app), "the mistake")
        assert screen.query_one(Input).value == "much"
        assert sent(folder) == []
        await pilot.press(*["backspace"] * 4, "plus", "2", "enter")
        await until(pilot, lambda: sent(folder) == [Answer(id=asked, reply=Extend("dollars", "2.25"))], "the answer")
        assert screen.query_one(AskBar).asking == ""


async def test_plus_answers_a_spent_limit_too(make_app):
    story = agent_journals.out_of_money()
    async with running(make_app(Store()), story, (80, 24)) as (pilot, _, folder):
        await pilot.press("plus", *"$5", "enter")
        await until(pilot, lambda: len(sent(folder)) == 1, "the answer")
        assert sent(folder)[0].reply == Extend("dollars", "5.00")


async def test_going_on_without_a_limit_asks_first(make_app):
    story = agent_journals.out_of_money()
    async with running(make_app(Store()), story, (80, 24)) as (pilot, screen, folder):
        await pilot.press("c")
        assert isinstance(pilot.app.screen, QuestionScreen)
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen is screen, "the dashboard")
        assert sent(folder) == []
        await pilot.press("c", "down", "enter")
        await until(pilot, lambda: len(sent(folder)) == 1, "the answer")
        assert sent(folder)[0].reply == Continue()


async def test_an_answer_begun_to_a_question_that_somebody_else_answers_is_not_sent(make_app):
    story = agent_journals.at_breakpoint()
    async with running(make_app(Store()), story, (80, 24)) as (pilot, screen, folder):
        await pilot.press("b", *"be bold")
        before = len(story.events)
        story.replied(Continue())
        append(folder, *story.events[before:])
        await until(pilot, lambda: screen.query_one(AskBar).asking == "", "the end of the field")
        await pilot.press("enter")
        assert sent(folder) == []


async def test_a_dialog_left_open_does_not_answer_a_later_question(make_app):
    story = agent_journals.at_breakpoint()
    async with running(make_app(Store()), story, (80, 24)) as (pilot, screen, folder):
        await pilot.press("w")
        before = len(story.events)
        story.replied(Continue()).question("breakpoint", "another one")
        append(folder, *story.events[before:])
        await until(pilot, lambda: screen.live.question and screen.live.question.what == "another one", "the other")
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen is screen, "the dashboard")
        assert sent(folder) == []


async def test_escape_leaves_the_question_open(make_app):
    async with running(make_app(Store()), agent_journals.at_breakpoint(), (80, 24)) as (pilot, screen, folder):
        await pilot.press("enter", *"half a thought", "escape")
        await until(pilot, lambda: screen.query_one(AskBar).asking == "", "the end of the field")
        assert "? breakpoint" in screen_text(pilot.app)
        assert "continue" in screen_text(pilot.app)
        assert sent(folder) == []


async def test_a_click_on_the_bar_begins_the_answer(make_app):
    async with running(make_app(Store()), agent_journals.at_breakpoint(), (80, 24)) as (pilot, screen, _):
        await pilot.click("#question", offset=(5, 1))
        await until(pilot, lambda: screen.query_one(AskBar).asking == "answer", "the field")


async def test_while_an_answer_is_typed_the_bar_names_no_keys_that_would_only_be_letters(make_app):
    async with running(make_app(Store()), agent_journals.at_breakpoint(), (80, 24)) as (pilot, _, _folder):
        assert "c continue" in screen_text(pilot.app)
        await pilot.press("enter")
        await until(pilot, lambda: "c continue" not in screen_text(pilot.app), "the bar without keys")


async def test_the_bar_names_the_keys_that_this_person_has(make_app):
    app = make_app(Store(), run__continue="z")
    async with running(app, agent_journals.at_breakpoint(), (80, 24)) as (pilot, _, folder):
        assert "z continue" in screen_text(pilot.app)
        await pilot.press("z")
        await until(pilot, lambda: len(sent(folder)) == 1, "the answer")


async def test_a_note_reaches_the_agent_and_shows_as_given_until_the_journal_has_it(make_app):
    story = improving()
    async with running(make_app(Store()), story, (80, 24)) as (pilot, screen, folder):
        await pilot.press("n", "enter")
        await until(pilot, lambda: "Nothing was written" in screen_text(pilot.app), "the mistake")
        await pilot.press(*"try logs", "enter")
        await until(pilot, lambda: sent(folder) == [Note(text="try logs")], "the note")
        assert "note given to the agent" in screen_text(pilot.app)
        append(folder, journals.loop.NoteTaken(at=story.at, text="try logs"))
        await until(pilot, lambda: screen.live.notes == ("try logs",), "the note in the journal")
        await until(pilot, lambda: "note given to the agent" not in screen_text(pilot.app), "no more words")


async def test_the_mode_is_chosen_and_the_one_in_force_changes_nothing(make_app):
    async with running(make_app(Store()), improving(), (120, 40)) as (pilot, screen, folder):
        assert "m confirm" in screen_text(pilot.app)
        await pilot.press("m", "enter")
        await until(pilot, lambda: pilot.app.screen is screen, "the dashboard")
        assert sent(folder) == []
        await pilot.press("m", "down", "down", "enter")
        await until(pilot, lambda: sent(folder) == [SetMode(mode="manual")], "the mode")


async def test_more_of_every_limit_is_one_key_away(make_app):
    async with running(make_app(Store()), improving(), (80, 24)) as (pilot, _, folder):
        await pilot.press("plus", *"+$2", "enter")
        await until(pilot, lambda: sent(folder) == [SetLimit(limit="dollars", to="4.00")], "the command")


async def test_a_search_is_offered_no_note_and_no_mode(make_app):
    async with running(make_app(Store()), journals.house_prices(), (160, 40)) as (pilot, screen, folder):
        await pilot.press("n", "m", "c", "s", "b", "w")
        assert pilot.app.screen is screen
        assert screen.query_one(AskBar).asking == ""
        assert sent(folder) == []
        assert "note" not in screen_text(pilot.app).splitlines()[-1]


async def test_the_wait_for_the_next_try_counts_down_without_an_event(make_app):
    story = agent_journals.waiting()
    app = make_app()
    now = [story.at]
    app.clock = lambda: now[0]
    async with running(app, story, (120, 40)) as (pilot, _, _folder):
        await until(pilot, lambda: "retry 2 of 3 in 0:12" in screen_text(app), "the wait")
        now[0] += 5
        await until(pilot, lambda: "retry 2 of 3 in 0:07" in screen_text(app), "less of it")


async def test_between_two_events_only_what_moves_with_time_is_drawn(make_app):
    story = agent_journals.waiting()
    app = make_app()
    now = [story.at]
    app.clock = lambda: now[0]
    async with running(app, story, (120, 40)) as (_pilot, screen, _):
        drawn: list[str] = []
        board = screen.board
        for widget in (board.champion, board.agent, board.plot, board.selected, board.glance):
            widget.refresh = lambda *_, name=widget.id, **__: drawn.append(name)
        for tenth in range(15):
            now[0] = story.at + tenth / 10
            screen.take(screen.live)
        assert sorted(drawn) == ["agent-card", "glance"]  # once for the second that went by, not for every look


async def test_a_replay_of_a_question_shows_it_without_keys(make_app):
    story = agent_journals.at_breakpoint().replied(Continue())
    story.end(journals.price_report())
    async with running(make_app(Store()), story, (80, 24)) as (pilot, screen, folder):
        await pilot.press("r")
        await until(pilot, lambda: screen.replay is not None, "the replay")
        place = next(n for n, event in enumerate(story.events) if isinstance(event, journals.loop.QuestionAnswered))
        screen.action_step(place - screen.replay.position)
        await until(pilot, lambda: "? breakpoint" in screen_text(pilot.app), "the question")
        assert "c continue" not in screen_text(pilot.app)
        await pilot.press("c", "s", "x")
        assert sent(folder) == []


async def test_a_run_that_dies_while_it_asks_says_so_and_asks_no_more(make_app):
    async with running(make_app(Store()), agent_journals.at_breakpoint(), (80, 24), alive=False) as (pilot, _, folder):
        assert "! interrupted" in screen_text(pilot.app)
        assert "? breakpoint" not in screen_text(pilot.app)
        await pilot.press("c")
        assert sent(folder) == []


async def test_hostile_words_of_an_agent_are_literal_on_the_dashboard(make_app):
    for size in ((60, 20), (80, 24), (120, 40)):
        async with running(make_app(Store()), agent_journals.hostile_agent(), size) as (pilot, screen, folder):
            await pilot.press("t", "enter")
            screen.query_one(Input).value = "\x1b]0;PWNED\x07[/nope]"
            await pilot.press("enter")
            await until(pilot, lambda folder=folder: len(sent(folder)) == 1, "the answer")
            assert sent(folder)[0].reply == ChangeBrief("[/nope]")
            shown = screen_text(pilot.app)
            assert "[/nope]" in shown
            assert not any(character in shown for character in "\x1b\x07\x9b\x9d\u202e\u2066\x00\x7f")
        for path in sorted(folder.root.rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()
        folder.root.rmdir()
