"""Runs of task files whose worker is killed with SIGKILL, alone or with all that it started, and which are resumed."""

import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tabsmith.orchestration import events as loop
from tabsmith.orchestration import events as task_events
from tabsmith.orchestration.decisions import AllowTool
from tabsmith.runs.events import Answer, RunEvent
from tabsmith.runs.folder import RunFolder
from tabsmith.runs.training import launch_detached
from tabsmith.tasks import TaskPermissions
from tests.core.runs import conftest
from tests.core.runs.conftest import Begin, ended, kill, resumed, until
from tests.core.runs.scripted import Asked
from tests.core.runs.tasking import DONE, TOKENS, bash, books_balance, task, write
from tests.core.runs.test_real_kills import after, kill_all

pytest.importorskip("claude_agent_sdk", reason="the extra claude-code is not installed")

ANYTHING = TaskPermissions(run=("*",))
MOMENTS = (
    task_events.TaskStarted,
    loop.SessionOpened,
    task_events.Worked,
    task_events.AcceptanceStarted,
    task_events.AcceptanceEnded,
    loop.Decided,
    loop.IterationEnded,
    task_events.TaskEnded,
)


@pytest.fixture(autouse=True)
def real_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a killed worker started is its own children here, not forks of another process."""
    monkeypatch.setattr(conftest, "start_run", launch_detached)


def appears(path: Path) -> None:
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} never came"
        time.sleep(0.005)


def nothing_runs_of(folder: RunFolder, words: str) -> None:
    """No command of the agent's lives on."""
    deadline = time.monotonic() + 20
    while any(words in " ".join(each.info["cmdline"] or ()) for each in psutil.process_iter(["cmdline"])):
        assert time.monotonic() < deadline, f"{words} lives on"
        time.sleep(0.02)


def events(folder: RunFolder) -> list[RunEvent]:
    return list(folder.events().read().values)


@pytest.mark.parametrize("end", [kill, kill_all])
def test_killed_in_the_middle_of_a_tool_call_it_does_the_same_iteration_again(
    end: Callable[[RunFolder], None], begin: Begin, claude: Asked, tmp_path: Path
) -> None:
    sleep = f"sleep 6{time.monotonic_ns() % 10**7}"
    server = claude([write("half", "1"), bash(f"touch under-way; {sleep}"), write("whole", "2"), DONE])
    work = tmp_path / "killed"
    folder = begin(task(work, "test -e half -a -e whole", may=ANYTHING))
    workspace = folder.root / "tasks" / "killed" / "folder"
    appears(workspace / "under-way")
    before = until(folder, lambda run: run.usage.turns == 2)
    end(folder)
    nothing_runs_of(folder, sleep)
    resumed(folder)
    run = ended(folder)

    assert (run.outcome, run.attempt) == ("success", 2)
    assert [each.iteration for each in run.trials] == [1]
    assert [(each.iteration, each.outcome) for each in run.sessions] == [(1, "lost"), (1, "answered")]
    assert run.sessions[0].usage == before.usage
    assert run.trials[0].usage == run.usage
    assert {path.name: path.read_text() for path in work.iterdir()} == {"half": "1", "whole": "2", "under-way": ""}
    books_balance(run, server)


def test_killed_after_every_kind_of_event_each_task_is_done_once(begin: Begin, claude: Asked, tmp_path: Path) -> None:
    # What the worker records between a moment and its kill is behind the next one, so there are tasks to spare.
    names = ("one", "two", "three", "four")
    server = claude([step for number in range(40) for step in (write(f"made{number}", ""), DONE)])
    tasks = [task(tmp_path / name, "ls made*") for name in names]
    folder = begin(*tasks)
    seen = 0
    for number, moment in enumerate(MOMENTS):
        seen = after(folder, moment, seen)
        (kill if number % 2 else kill_all)(folder)
        seen = max(seen, folder.events().read().next_offset)
        resumed(folder, number + 2)
    run = ended(folder, 120)

    assert run.outcome == "success"
    assert [(each.outcome, each.handed_back) for each in run.tasks] == [("success", "yes")] * len(names)
    told = [event.task for event in events(folder) if isinstance(event, task_events.TaskEnded)]
    assert told == list(names)
    ended_ = [event.iteration for event in events(folder) if isinstance(event, loop.IterationEnded)]
    assert ended_ == [each.iteration for each in run.trials] == [1, 2, 3, 4]
    assert [each.work.task for each in run.trials if each.work] == list(names)
    for name in names:
        assert any((tmp_path / name).iterdir())
    assert len({each.id for each in run.sessions}) == len(run.sessions)
    assert all(each.closed_at for each in run.sessions)
    assert len(server.requests) <= 2 * len(run.sessions)


def test_killed_between_acceptance_and_handing_back_the_agent_is_not_sent_again(
    begin: Begin, claude: Asked, tmp_path: Path
) -> None:
    server = claude([write("made", "1"), DONE, write("made", "2"), DONE])
    folder = begin(task(tmp_path / "back", "test -e made"))
    after(folder, loop.IterationEnded, 0)
    kill(folder)
    resumed(folder)
    run = ended(folder)
    assert (run.outcome, run.tasks[0].handed_back) == ("success", "yes")
    assert (tmp_path / "back" / "made").read_text() == "1"
    assert len(run.trials) == len(run.sessions) == 1
    books_balance(run, server)


def test_a_permission_of_before_a_kill_allows_nothing_after_it(begin: Begin, claude: Asked, tmp_path: Path) -> None:
    server = claude([bash("touch harmless; sleep 600"), bash("touch other"), DONE])
    folder = begin(task(tmp_path / "asking", "test ! -e other"), mode="confirm")
    question = until(folder, lambda run: run.question is not None).question
    assert question is not None
    folder.send(Answer(id=question.id, reply=AllowTool("once")))
    appears(folder.root / "tasks" / "asking" / "folder" / "harmless")
    kill_all(folder)
    resumed(folder)
    again = until(folder, lambda run: run.question is not None).question
    assert again is not None
    assert again.what == "Bash: touch other"
    folder.send(Answer(id=again.id, reply=AllowTool("no")))
    run = ended(folder)
    assert run.outcome == "success"
    assert TOKENS.input * 3 == server.handed_out.input == run.usage.input_tokens
