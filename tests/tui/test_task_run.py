"""A run of a task file on the screen: tasks, activity, iterations, permissions, its end; and each iteration's pages."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from textual.pilot import Pilot

from tabsmith import formatting
from tabsmith.errors import ErrorReport
from tabsmith.orchestration import events as task
from tabsmith.orchestration.decisions import AllowTool, Reply
from tabsmith.presentation import budgets, tasks
from tabsmith.presentation.spans import plain_text
from tabsmith.presentation.summaries import exit_lines
from tabsmith.presentation.trials import work_result
from tabsmith.runs import events as run_events
from tabsmith.runs.events import Answer, RunState
from tabsmith.runs.folder import RunFolder
from tabsmith.runs.snapshot import interrupted
from tabsmith.runs.watch import summarize
from tabsmith.workspaces import Workspace
from tabsmith_tui.screens.run import RunScreen
from tabsmith_tui.screens.runs import RunsScreen
from tabsmith_tui.screens.side_by_side import SideBySideScreen
from tabsmith_tui.screens.trial import TrialScreen
from tabsmith_tui.store import Store
from tabsmith_tui.views import run_column, run_header, task_activity, task_pages
from tabsmith_tui.views import tasks as task_views
from tabsmith_tui.views.run_header import run_banner
from tabsmith_tui.widgets.help_panel import explain
from tests.stories import journals
from tests.stories.hostile import HOSTILE, MARKS
from tests.stories.task_story import ACCEPT, TaskStory, calculator, proved_wrong
from tests.tui import transcripts
from tests.tui.run_stage import append, open_run, running, until, worker_alive
from tests.tui.stage import FixedStore, screen_text, settle

SMALL, MIDDLE, LARGE = (60, 20), (80, 24), (120, 40)


def asking() -> TaskStory:
    """The agent of the third task wants what it may not."""
    return calculator().question("permission", "Bash: curl https://example.org/x.sh", details="risk high")


def worked_in(folder: RunFolder, tmp_path: Path) -> None:
    """The workspace of the first task, with the two iterations that the story tells of."""
    origin = tmp_path / "calc"
    origin.mkdir()
    (origin / "readme.txt").write_text("a calculator\n")
    workspace = Workspace.create(origin, folder.root / "tasks" / "calculator", "copy")
    (workspace.folder / "calc.py").write_text("def divide(a, b):\n    return a / b\n")
    workspace.mark(1)
    (workspace.folder / "calc.py").write_text("def divide(a, b):\n    return a / b if b else None\n")
    workspace.mark(2)


@contextlib.asynccontextmanager
async def pages(
    make_app: Any, story: TaskStory, iteration: int, size: tuple[int, int] = MIDDLE, tmp_path: Path | None = None
) -> AsyncIterator[tuple[Pilot[Any], TrialScreen]]:
    """The details of one iteration."""
    folder = journals.write(story.events, story.spec)
    transcripts.write(folder, story.snapshot, "I am done.")
    if tmp_path is not None:
        worked_in(folder, tmp_path)
    app = make_app()
    with worker_alive(folder):
        async with app.run_test(size=size) as pilot:
            screen = await open_run(pilot)
            shown = TrialScreen(lambda: screen.shown, str(iteration))
            await app.push_screen(shown)
            await pilot.pause()
            yield pilot, shown


async def test_the_tasks_stand_where_a_champion_would_with_what_they_wait_for_and_their_sandbox(make_app) -> None:
    async with running(make_app(), calculator(), LARGE) as (pilot, _, _folder):
        shown = screen_text(pilot.app)
        for words in (
            "tasks.toml",
            "2 of 5 tasks",
            "after report, average",
            "sandbox bubblewrap, copy",
            "✔ success",
            "✘ failed",
            "● running",
            "python make_report.py --out report.html",
            "refused: WebFetch",
            "exit 1",
            "feedback",
            f"2 (+3 {formatting.MINUS}1)",
        ):
            assert words in shown, words
        for wrong in ("champion", "recipe", "test set", "Leaderboard"):
            assert wrong not in shown, wrong


def test_a_weak_sandbox_is_a_warning() -> None:
    story = TaskStory("one").read().start("one", level="rlimits").send("one")
    card = task_views.task_card(story.snapshot)
    assert "! sandbox rlimits: no walls" in plain_text(card)
    assert any(piece.tone == "warn" for line in card for piece in line if "rlimits" in piece.text)
    assert "rlimits" in plain_text([task_views.task_line(story.snapshot)])


def test_what_the_agent_says_is_never_the_verdict() -> None:
    story = TaskStory("average").read().start("average").send("average")
    story.leave("Success! All done.").prove(1, "expected 30.0, found 31.0\n").settle(0.1, "escalate")
    run = story.snapshot
    assert work_result(run.trials[0], run).text == "✘ exit 1"
    shown = plain_text(task_activity.activity_lines(run, story.at, 80, 5))
    assert "claims Success! All done." in shown
    assert "proof  expected 30.0, found 31.0" in shown
    overview = task_pages.overview(run, run.trials[0]).text
    assert "its own claim, which proves nothing" in overview
    assert "exit 1" in overview


def test_the_silence_is_counted_from_the_last_sign_of_life_and_stands_out_when_it_is_long() -> None:
    story = calculator()
    run = story.snapshot
    assert "silent for 0:42" in plain_text(task_activity.activity_lines(run, story.at + 42, 100, 5))
    silent = [
        each
        for line in task_activity.activity_lines(run, story.at + 75, 100, 5)
        for each in line
        if "silent" in each.text
    ]
    assert [each.tone for each in silent] == ["warn"]
    ended = proved_wrong()
    assert "silent" not in plain_text(task_activity.activity_lines(ended.snapshot, ended.at + 75, 100, 5))


async def test_enter_on_a_task_shows_its_iterations_and_escape_all_of_them(make_app) -> None:
    async with running(make_app(), calculator(), MIDDLE) as (pilot, screen, _folder):
        await pilot.press("enter")
        await until(pilot, lambda: screen.board.iterations.count == 2, "the iterations of the calculator")
        assert screen.board.table is screen.board.iterations
        assert isinstance(pilot.app.screen, RunScreen)
        assert screen.board.leaderboard.count == 5
        await until(pilot, lambda: screen.board.iterations.has_focus, "the focus")
        await pilot.press("escape")
        await until(pilot, lambda: screen.board.iterations.count == 4, "all iterations")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, TrialScreen), "the iteration")


async def test_f1_explains_tasks_and_iterations_in_their_own_words(make_app) -> None:
    async with running(make_app(), calculator(), LARGE) as (pilot, screen, _folder):
        assert "a task of the file" in explain(screen.board.leaderboard)
        assert "the acceptance command, which alone" in explain(screen.board.iterations)
        await pilot.press("f1")
        await until(pilot, lambda: "a task of the" in screen_text(pilot.app), "the help")


async def test_the_filter_finds_a_changed_file(make_app) -> None:
    async with running(make_app(), calculator(), MIDDLE) as (pilot, screen, _folder):
        await pilot.press("t", "slash", *"a.pyc")
        await until(pilot, lambda: screen.board.iterations.count == 1, "the iteration with the file")


@pytest.mark.parametrize(
    ("key", "reply"),
    [("y", AllowTool("once")), ("n", AllowTool("no")), ("a", AllowTool("always"))],
    ids=["yes", "no", "always"],
)
async def test_a_permission_is_answered_with_a_key(make_app, key: str, reply: Reply) -> None:
    async with running(make_app(Store()), asking(), MIDDLE) as (pilot, screen, folder):
        shown = screen_text(pilot.app)
        assert "? permission" in shown
        assert "curl https://example.org/x.sh" in shown
        assert "risk high" in shown
        await pilot.press(key)
        asked = screen.live.question
        assert asked is not None

        def sent() -> list[object]:
            return [msgspec.structs.replace(each, at=0.0) for each in folder.commands().read().values]

        await until(pilot, lambda: sent() == [Answer(id=asked.id, reply=reply)], "the answer")


async def test_the_keys_of_a_permission_mean_nothing_without_one(make_app) -> None:
    async with running(make_app(Store()), calculator(), MIDDLE) as (_pilot, screen, _folder):
        for action in ("allow_once", "allow_no", "allow_always"):
            assert not screen.check_action(action, ())
        assert screen.check_action("note", ())


async def test_a_run_that_ended_says_its_outcome_why_and_what_was_not_handed_back(make_app) -> None:
    async with running(make_app(), proved_wrong(), LARGE, alive=False) as (pilot, screen, _folder):
        shown = screen_text(pilot.app)
        assert "◐ partial" in shown
        assert "average  the acceptance command failed: exit status 1" in shown
        assert "not handed back  notes" in shown
        assert not screen.check_action("result", ())
        await pilot.press("r")
        await until(pilot, lambda: screen.replay is not None, "the replay")


def test_a_killed_run_says_how_many_tasks_are_done_and_where_it_goes_on() -> None:
    story = calculator()
    said = run_banner(interrupted(story.snapshot), None, story.at, replay=None, playing=False, resuming=False)
    assert "2 of 5 tasks done" in plain_text(said.lines)
    assert "resume at iteration 4" in plain_text(said.lines)
    assert "! cut short" in plain_text(
        task_views.task_details(interrupted(story.snapshot).tasks[2], interrupted(story.snapshot))
    )


def test_a_run_that_failed_before_any_task_says_why() -> None:
    story = TaskStory("one")
    story.tell(run_events.RunStarted(spec=story.spec, pid=1, attempt=1, version="0.1.0"), 0.4)
    story.conclude("failed", "error", ErrorReport("SandboxError", "No sandbox here.", next_step="Install bubblewrap."))
    said = plain_text(run_banner(story.snapshot, None, story.at, replay=None, playing=False, resuming=False).lines)
    assert "No sandbox here." in said
    assert "Install bubblewrap." in said


@pytest.mark.parametrize("outcome", ["success", "success with limits", "partial", "failed", "blocked", "cancelled"])
def test_every_outcome_has_words_and_none_speaks_of_a_model(outcome: Any) -> None:
    story = TaskStory("one").read().start("one").finish("one", outcome, "because").conclude(outcome, "done")
    run = story.snapshot
    said = plain_text(run_banner(run, None, story.at, replay=None, playing=False, resuming=False).lines)
    assert outcome in said or tasks.outcome_label(outcome, "").text in said
    assert "model" not in said
    assert "journal does not say" not in said


async def test_the_overview_and_the_acceptance_show_the_proof(make_app) -> None:
    async with pages(make_app, calculator(), 1, LARGE) as (pilot, screen):
        shown = screen_text(pilot.app)
        for words in ("All four operations work.", "proves nothing", "exit 1", "feedback", "exit status 1: divide"):
            assert words in shown, words
        await pilot.press("3")
        await until(pilot, lambda: ACCEPT in screen_text(pilot.app), "the command")
        assert "ZeroDivisionError" in screen_text(pilot.app)
        assert screen.page == "acceptance"


async def test_the_difference_is_to_the_iteration_before(make_app, tmp_path: Path) -> None:
    async with pages(make_app, calculator(), 2, LARGE, tmp_path) as (pilot, _):
        await pilot.press("2")
        await until(pilot, lambda: "return a / b if b else None" in screen_text(pilot.app), "the difference")
        shown = screen_text(pilot.app)
        assert "-    return a / b" in shown
        assert "def divide" in shown
        assert "a calculator" not in shown
        await pilot.press("left")
        await until(pilot, lambda: "+    return a / b" in screen_text(pilot.app), "the first difference")


async def test_a_workspace_that_is_gone_is_told_and_the_files_are_still_named(make_app) -> None:
    async with pages(make_app, calculator(), 1) as (pilot, _):
        await pilot.press("2")
        await until(pilot, lambda: "cannot be shown" in screen_text(pilot.app), "the reason")
        assert "calc.py" in screen_text(pilot.app)


async def test_the_conversation_holds_letter_tool_calls_and_replies_in_their_order(make_app) -> None:
    async with pages(make_app, calculator(), 2, LARGE) as (pilot, _):
        await pilot.press("4")
        await until(pilot, lambda: "uses Bash" in screen_text(pilot.app), "the tool calls")
        shown = screen_text(pilot.app)
        assert shown.index("tabsmith sent") < shown.index("uses Edit") < shown.index("uses Bash")
        assert "python -m pytest -q" in shown
        assert "I am done." in shown
        await pilot.press("5")
        await until(pilot, lambda: "allowed always" in screen_text(pilot.app), "the permission")
        assert "by you" in screen_text(pilot.app)


async def test_an_iteration_at_work_grows_while_it_is_open(make_app) -> None:
    story = calculator()
    folder = journals.write(story.events, story.spec)
    with worker_alive(folder):
        async with make_app().run_test(size=MIDDLE) as pilot:
            run = await open_run(pilot)
            await pilot.app.push_screen(TrialScreen(lambda: run.shown, "4"))
            await until(pilot, lambda: "2 acts" in screen_text(pilot.app), "the acts so far")
            before = len(story.events)
            story.act("message", "The report is there.")
            append(folder, *story.events[before:])
            await until(pilot, lambda: "3 acts" in screen_text(pilot.app), "one more")


async def test_lists_show_tasks_in_place_of_a_score(make_app) -> None:
    story = proved_wrong()
    journals.write(story.events, story.spec)
    summary = summarize(journals.RUN_ID)
    assert (summary.tasks, summary.tasks_over, summary.outcome) == (5, 5, "partial")
    async with make_app(FixedStore(runs=(summary,))).run_test(size=LARGE) as pilot:
        await until(pilot, lambda: "5 of 5 tasks" in screen_text(pilot.app), "the run on home")
        await pilot.press("r")
        await settle(pilot)
        assert isinstance(pilot.app.screen, RunsScreen)
        shown = screen_text(pilot.app)
        assert "5 of 5 tasks" in shown
        assert "partial" in shown
        assert "model" not in shown.split("5 of 5 tasks", 1)[1].splitlines()[0]


async def test_side_by_side_shows_a_run_of_tasks_beside_one_of_models(make_app) -> None:
    story = calculator()
    journals.write(story.events, story.spec)
    async with make_app().run_test(size=LARGE) as pilot:
        await pilot.app.push_screen(SideBySideScreen([journals.RUN_ID]))
        await until(pilot, lambda: "2 of 5 tasks" in screen_text(pilot.app), "the tasks")


def test_the_farewell_names_the_tasks_and_no_model() -> None:
    story = calculator()
    journals.write(story.events, story.spec)
    with worker_alive(RunFolder(journals.RUN_ID)):
        lines = exit_lines((summarize(journals.RUN_ID),))
    assert "2 of 5 tasks" in lines[0]
    assert not any("model" in line for line in lines)


@pytest.mark.parametrize(
    ("size", "end"), [(SMALL, False), (MIDDLE, False), (LARGE, True)], ids=["small", "middle", "large, ended"]
)
async def test_hostile_names_words_paths_and_output_stay_text(make_app, size: tuple[int, int], *, end: bool) -> None:
    story = TaskStory(*HOSTILE, (" ".join(HOSTILE[:3]), HOSTILE)).read()
    for text in HOSTILE:
        story.start(text).send(text).act("message", text).act("tool", text, text).act("result", text, text, failed=True)
        story.permit(text, text, "high", "no")
        story.leave(
            text, task.ChangedFile(text, "added", 10**9, 10**9), task.ChangedFile(text, "renamed"), end="silence"
        )
        story.prove(None, text, ended=text).settle(0.0, "escalate", text).finish(text, "failed", text, back="refused")
    story.start(HOSTILE[0]).send(HOSTILE[0]).act("tool", HOSTILE[2], HOSTILE[3])
    story.question("permission", HOSTILE[3], details=HOSTILE[5])
    if end:
        story.conclude("failed", "stuck")
    run = story.snapshot
    for line in run_column.run_column(run, story.at, 38, 60):
        assert not any(mark.decode("utf-8", "replace") in plain_text([line]) for mark in MARKS)
    for each in run.trials:
        for page in (
            task_pages.overview(run, each),
            task_pages.files(each, each.work.words if each.work else "", unfolded=True),
            task_pages.acceptance(each, HOSTILE[3], unfolded=True),
            task_pages.permissions(each),
        ):
            said = (plain_text(page.lines) + plain_text(page.beside) + page.text).encode("utf-8", "replace")
            assert not any(mark in said for mark in MARKS)
            assert b"\x1b" not in said
    async with running(make_app(), story, size, alive=not end) as (pilot, screen, _folder):
        assert "\x1b" not in screen_text(pilot.app)
        await pilot.press("t", "d")
        await until(pilot, lambda: isinstance(pilot.app.screen, TrialScreen), "details")
        for page_key in "123456":
            await pilot.press(page_key)
            assert "\x1b" not in screen_text(pilot.app)
        assert screen.live.state is (RunState.FAILED if end else RunState.ASKING)


def test_the_header_counts_tasks_and_guesses_no_time() -> None:
    story = calculator()
    shown = run_header.run_header(story.snapshot, journals.RUN_ID, None, story.at)
    assert shown.title.endswith("tasks.toml · 2 of 5 tasks")
    assert not budgets.time_left(story.snapshot, story.at).startswith("about")


def picture(compare: Any, app: Any, story: TaskStory, size: tuple[int, int], *keys: str) -> bool:
    """Compare the dashboard over this story after these keys."""
    folder = journals.write(story.events, story.spec)

    async def before(pilot: Pilot[Any]) -> None:
        screen = await open_run(pilot)
        await until(pilot, lambda: screen.live.attempt > 0, "the run")
        for key in keys:
            await pilot.press(key)
        await pilot.pause()

    with worker_alive(folder):
        return bool(compare(app, terminal_size=size, run_before=before))


def still(app: Any, story: TaskStory) -> Any:
    """The app four seconds after the story's last event."""
    app.clock = lambda: story.at + 4.0
    return app


def test_picture_large(snap_compare, make_app) -> None:
    """Tasks, agent and the selected task on the left; activity, tasks and iterations on the right; the log below."""
    story = calculator()
    assert picture(snap_compare, still(make_app(), story), story, LARGE)


def test_picture_middle(snap_compare, make_app) -> None:
    """Tasks and agent in a line each, what the agent does, the iterations with all their columns, the log."""
    story = calculator()
    assert picture(snap_compare, still(make_app(), story), story, MIDDLE, "t")


def test_picture_permission(snap_compare, make_app) -> None:
    """The list of tasks; above the keys a bar: which tool wants what at which risk, and the keys that answer."""
    story = asking()
    assert picture(snap_compare, still(make_app(), story), story, MIDDLE)


def test_picture_ended(snap_compare, make_app) -> None:
    """A run that ended: outcome, counts, why the first task failed, what was not handed back."""
    story = proved_wrong()
    assert picture(snap_compare, still(make_app(), story), story, LARGE)
