"""One try, page by page, over journals and transcripts on the disk."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from textual.pilot import Pilot

from tabsmith.formatting import MINUS
from tabsmith.orchestration import events as loop
from tabsmith.presentation.events import run_log
from tabsmith.presentation.spans import plain_text
from tabsmith.runs.folder import RunFolder
from tabsmith_tui.screens.trial import PageTabs, TrialScreen, read_log, read_messages
from tabsmith_tui.views import trial_pages
from tabsmith_tui.widgets.drawing import Drawing
from tests.stories import agent_journals, journals
from tests.stories.agent_journals import improving
from tests.stories.agent_story import AgentStory
from tests.stories.hostile import HOSTILE, MARKS
from tests.tui import transcripts
from tests.tui.run_stage import append, open_run, until, worker_alive
from tests.tui.stage import screen_text

SMALL, LARGE = (80, 24), (120, 40)


def asked_again() -> AgentStory:
    """Seven iterations, and in the eighth two sessions without an answer before one with a recipe."""
    story = improving()
    story.measure(journals.CAT, 21_500, 330).judge(0.72).over()
    story.ask(story.agent)
    for retry in (1, 2):
        story.trouble("network", "connection refused", retry=retry, of=3, wait=1.0)
    story.close(story.open(3))
    return story.tell(loop.Proposed(iteration=9, recipe=journals.TREES, change="extra trees, deep"), 0.1)


@contextlib.asynccontextmanager
async def details(
    make_app: Any, story: AgentStory, iteration: int, size: tuple[int, int] = SMALL, *, alive: bool = True
) -> AsyncIterator[tuple[Pilot[Any], TrialScreen, RunFolder]]:
    """The details of one try of the story, its run alive or dead."""
    folder = journals.write(story.events, story.spec)
    transcripts.write(folder, story.snapshot)
    app = make_app()
    with worker_alive(folder) if alive else contextlib.nullcontext():
        async with app.run_test(size=size) as pilot:
            run = await open_run(pilot, dead=not alive and not story.snapshot.state.ended)
            screen = TrialScreen(lambda: run.shown, str(iteration))
            await app.push_screen(screen)
            await pilot.pause()
            yield pilot, screen, folder


async def test_the_overview_says_what_was_tried_why_how_it_scored_and_how_it_was_judged(make_app) -> None:
    async with details(make_app, improving(), 4, (140, 60)) as (pilot, _, _folder):
        shown = screen_text(pilot.app)
        for words in (
            "LightGBM, 63 leaves",
            "boosting handles the skew",
            "23,840 ± 410",
            f"{MINUS}2,460",
            "80% sure of it",
            "$0.035",
            "quality    0.78",
            "goes on",
            "valid, quality 0.78",
            "proceed from 0.7, escalate below 0.5",
            "iteration_tokens",
            "It was measured.",
        ):
            assert words in shown, words


async def test_the_recipe_is_compared_with_the_champion_of_its_own_time(make_app) -> None:
    async with details(make_app, improving(), 4, LARGE) as (pilot, _, _folder):
        await pilot.press("2")
        shown = screen_text(pilot.app)
        assert "#2" in shown
        assert "LightGBM instead of random forest" in shown


async def test_the_brief_is_shown_as_sent_beside_the_feedback_that_it_carried(make_app) -> None:
    async with details(make_app, improving(), 4, LARGE) as (pilot, screen, _):
        await pilot.press("3")
        await until(pilot, lambda: "This is iteration 4." in screen_text(pilot.app), "the brief")
        assert "Iteration 3 was measured." in screen.query_one("#beside", Drawing).text
        assert "+38 lines" in screen_text(pilot.app)
        assert "column 40" not in screen_text(pilot.app)
        await pilot.press("o", "end")
        await until(pilot, lambda: "column 40" in screen_text(pilot.app), "the whole of it")


async def test_the_reply_is_shown_as_it_was_received_literally(make_app) -> None:
    async with details(make_app, improving(), 4) as (pilot, _, _folder):
        await pilot.press("4")
        await until(pilot, lambda: "```json" in screen_text(pilot.app), "the reply")
        assert '{"recipe": {"family": "catboost"' in screen_text(pilot.app)


async def test_every_attempt_of_an_iteration_can_be_looked_at(make_app) -> None:
    async with details(make_app, asked_again(), 9) as (pilot, _, _folder):
        await pilot.press("4")
        await until(pilot, lambda: "attempt 3" in screen_text(pilot.app), "the last attempt")
        await pilot.press("a")
        await until(pilot, lambda: "attempt 1" in screen_text(pilot.app), "the first attempt")
        await until(pilot, lambda: "connection refused" in screen_text(pilot.app), "its trouble")
        await pilot.press("5")
        shown = screen_text(pilot.app)
        assert "3 sessions" in shown
        assert "network: connection refused" in shown
        assert "cost —" in shown


async def test_the_log_of_an_iteration_holds_its_lines_and_no_others(make_app) -> None:
    async with details(make_app, improving(), 3) as (pilot, _, _folder):
        await pilot.press("6")
        await until(pilot, lambda: "Pool_Area" in screen_text(pilot.app), "the log")
        shown = screen_text(pilot.app)
        assert "feedback" in shown
        assert "#4" not in shown
        assert "#2" not in shown


async def test_left_and_right_go_through_the_iterations_on_the_same_page(make_app) -> None:
    async with details(make_app, improving(), 4) as (pilot, screen, _):
        await pilot.press("3", "left")
        await until(pilot, lambda: "This is iteration 3." in screen_text(pilot.app), "the brief before")
        await pilot.press("right", "]")
        await until(pilot, lambda: "This is iteration 5." in screen_text(pilot.app), "the brief after")
        await pilot.press(*["right"] * 20)
        assert "Iteration 8 of 8" in screen_text(pilot.app)
        await pilot.press("tab")
        assert screen.page == "reply"


@pytest.mark.parametrize("ended", [False, True], ids=["killed", "finished"])
async def test_a_run_that_is_over_shows_the_same_pages(make_app, ended: bool) -> None:
    story = improving()
    if ended:
        story.measure(journals.CAT, 21_500, 330).judge(0.72).over().end(journals.price_report())
    async with details(make_app, story, 4, alive=False) as (pilot, _, _folder):
        await pilot.press("3")
        await until(pilot, lambda: "This is iteration 4." in screen_text(pilot.app), "the brief")
        await pilot.press("6")
        await until(pilot, lambda: "goes on" in screen_text(pilot.app), "the log")


async def test_a_try_that_goes_on_is_followed(make_app) -> None:
    async with details(make_app, improving(), 8) as (pilot, _, folder):
        assert "2 of 5" in screen_text(pilot.app)
        more = AgentStory()
        more.events, more.at, more.iteration = [], journals.START + 300, 8
        more.measure(journals.CAT, 21_500, 330)
        append(folder, *more.events)
        await until(pilot, lambda: "21,500 ± 330" in screen_text(pilot.app), "the score")


async def test_a_click_on_the_name_of_a_page_turns_to_it(make_app) -> None:
    async with details(make_app, improving(), 4) as (pilot, screen, _):
        at = screen.query_one(PageTabs).render().plain.index("sessions")
        await pilot.click(PageTabs, offset=(at + 2, 0))
        await pilot.pause()
        assert screen.page == "sessions"


async def test_a_try_of_the_search_has_no_page_for_words_that_were_never_said(make_app) -> None:
    async with details(make_app, journals.house_prices(), 4) as (pilot, screen, _):  # type: ignore[arg-type]
        assert "brief" not in screen.query_one(PageTabs).render().plain
        await pilot.press("3")
        assert screen.page == "log"
        assert not any(binding.action == "unfold" for _, binding, on, _ in screen.active_bindings.values() if on)


async def test_copying_a_page_takes_the_long_texts_whole(make_app, monkeypatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    async with details(make_app, improving(), 4) as (pilot, _, _folder):
        await pilot.press("3")
        await until(pilot, lambda: "+38 lines" in screen_text(pilot.app), "the brief")
        await pilot.press("c")
        await until(pilot, lambda: "column 40" in (pilot.app.clipboard or ""), "the copy")
        assert "This is iteration 4." in pilot.app.clipboard


def test_the_log_of_an_old_iteration_is_found_where_the_snapshot_has_forgotten_it() -> None:
    story = improving()
    for number in range(600):
        story.tell(loop.Noted(message=f"note {number}"))
    folder = journals.write(story.events, story.spec)
    assert not any("Pool_Area" in each.text for each in run_log(story.snapshot))
    found = read_log(folder.id, 3)
    assert any("Pool_Area" in each.text for each in found)


def test_a_replay_shows_no_line_that_comes_later() -> None:
    story = improving()
    folder = journals.write(story.events, story.spec)
    lines = read_log(folder.id, 4)
    shown = plain_text(trial_pages.log(lines, lines[0].at).lines)
    assert len(shown.splitlines()) == len([each for each in lines if each.at <= lines[0].at]) < len(lines)


def test_every_page_of_a_hostile_try_is_harmless() -> None:
    story = agent_journals.hostile_agent()
    folder = journals.write(story.events, story.spec)
    snapshot = story.snapshot
    transcripts.write(folder, snapshot, reply="\n".join(HOSTILE))
    for each in snapshot.trials:
        pages = [trial_pages.overview(snapshot, each), trial_pages.recipe(snapshot, each)]
        pages.append(trial_pages.log(read_log(folder.id, each.iteration), snapshot.updated_at))
        for session in trial_pages.sessions_of(snapshot, each):
            said = read_messages(folder.id, session.id)
            pages += [
                trial_pages.brief(session, said, unfolded=True),
                trial_pages.reply(session, said, unfolded=True),
                trial_pages.sessions(snapshot, each, session.id),
            ]
        shown = "\n".join(plain_text((*page.lines, *page.beside)) for page in pages).encode()
        assert not any(mark in shown for mark in MARKS)
        assert b"\x1b" not in shown


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["middle", "large"])
@pytest.mark.parametrize("page", ["overview", "brief", "sessions"])
def test_try_pages(snap_compare, make_app, page: str, size: tuple[int, int]) -> None:
    """Tabs with the page in hand; overview: what, why, score, folds, beside it how it was judged; brief: what was sent,
    its beginning folded, beside it (or above) the feedback; sessions: three attempts, two of them without an answer."""
    story = asked_again() if page == "sessions" else improving()
    folder = journals.write(story.events, story.spec)
    transcripts.write(folder, story.snapshot)

    async def before(pilot: Any) -> None:
        run = await open_run(pilot)
        await until(pilot, lambda: run.live == run.shown, "the run")
        screen = TrialScreen(lambda: run.shown, "9" if page == "sessions" else "4")
        await pilot.app.push_screen(screen)
        await pilot.press({"overview": "1", "brief": "3", "sessions": "5"}[page])
        if page == "brief":
            await until(pilot, lambda: "This is iteration 4." in screen_text(pilot.app), "the brief")
        await pilot.pause()

    with worker_alive(folder):
        assert snap_compare(make_app(), terminal_size=size, run_before=before)
