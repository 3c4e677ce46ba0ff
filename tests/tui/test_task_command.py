"""Task files on the command line: refused or started, followed, answered, and what the documents say of them."""

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

import msgspec
import pytest

from tabsmith.agents.agent_jobs import Activity
from tabsmith.agents.usage import Usage
from tabsmith.errors import UsageError
from tabsmith.orchestration import events as loop
from tabsmith.orchestration import events as task
from tabsmith.orchestration.decisions import AllowTool, ChangeBrief, EndRun, Reply
from tabsmith.presentation.events import EventPrinter
from tabsmith.presentation.spans import plain_text
from tabsmith.runs import events as run_events
from tabsmith.runs import replies
from tabsmith.runs.events import Answer, RunState, Stop
from tabsmith.runs.folder import RunFolder, run_ids
from tabsmith.runs.spec import Limits
from tabsmith.tables.read.sources import TasksSource
from tabsmith_tui.commands.root import run
from tabsmith_tui.views import question
from tests.stories import journals
from tests.stories.agent_story import USED, AgentStory, asked_for
from tests.stories.hostile import HOSTILE
from tests.stories.journals import RUN_ID
from tests.tui.run_stage import append, worker_alive
from tests.tui.terminal import tabsmith_in_terminal

KINDS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens", "turns")
FILE = """\
[budget]
iterations = 6
dollars = "1.00"
[[task]]
name = "calculator"
goal = "Write calculator.py with add, subtract, multiply and divide."
folder = "calculator"
agent = "claude-code"
accept = "python3 -m pytest -q"
[[task]]
name = "report"
goal = "Say what the calculator can do, in report.md."
folder = "report"
accept = "test -s report.md"
depends_on = ["calculator"]
"""


class TaskStory(AgentStory):
    """A run of a task file, told event by event in the order in which the loop records them."""

    def __init__(self, path: str = "/home/ada/tasks.toml") -> None:
        spec = asked_for("claude-code", limits=Limits(seconds=0.0, iterations=6, dollars="1.00"))
        super().__init__(msgspec.structs.replace(spec, source=TasksSource(path, FILE)))
        self.name = ""

    def ready(self, *tasks: tuple[str, tuple[str, ...]], warnings: tuple[str, ...] = ()) -> Self:
        self.tell(run_events.RunStarted(spec=self.spec, pid=4_711, attempt=1, version="0.1.0"), 0.4)
        named = tuple(run_events.TaskNamed(name, "claude-code", needs) for name, needs in tasks)
        self.tell(run_events.TasksReady(tasks=named, warnings=warnings), 0.1)
        self.tell(run_events.StateChanged(state=RunState.RUNNING))
        return self

    def task(self, name: str, level: str = "bubblewrap", notes: tuple[str, ...] = ()) -> Self:
        self.name = name
        self.tell(task.TaskStarted(task=name, how="copy", level=level, notes=notes), 0.2)
        return self

    def begin_work(self, *does: Activity) -> str:
        """The agent is sent into the folder; its session stays open."""
        self.iteration += 1
        self.tell(loop.IterationStarted(iteration=self.iteration, agent="claude-code", task=self.name), 0.1)
        session = self.open()
        for each in does:
            self.tell(task.Acted(iteration=self.iteration, session=session, activity=each), 0.5)
        return session

    def permit(self, allowed: Any, by: Any = "mode", what: str = "curl example.org") -> Self:
        event = task.PermissionDecided(
            iteration=self.iteration, tool="Bash", what=what, risk="high", allowed=allowed, by=by
        )
        self.tell(event, 0.1)
        return self

    def work(self, status: int | None, output: str, *, words: str = "I am done.", usage: Usage = USED) -> Self:
        """A whole iteration; accepted with a `status` of 0."""
        session = self.begin_work(Activity("tool", "calculator.py", "Write"), Activity("message", words))
        self.close(session, usage)
        changes = (task.ChangedFile("calculator.py", "added", 12), task.ChangedFile("test_calculator.py", "added", 20))
        self.tell(task.Worked(iteration=self.iteration, end="done", words=words, changes=changes), 0.1)
        self.tell(task.AcceptanceStarted(iteration=self.iteration, command="python3 -m pytest -q"), 0.1)
        result = task.Acceptance(
            verdict="accepted" if status == 0 else "rejected",
            status=status,
            ended="exit" if status is not None else "timeout",
            seconds=1.2,
            output=output,
            level="bubblewrap",
        )
        self.tell(task.AcceptanceEnded(iteration=self.iteration, acceptance=result), 1.2)
        self.judge(0.9 if status == 0 else 0.2, "proceed" if status == 0 else "retry")
        return self.over()

    def end_task(self, name: str, outcome: Any, exit_reason: Any, reason: str, handed_back: Any = "no") -> Self:
        event = task.TaskEnded(
            task=name, outcome=outcome, exit_reason=exit_reason, handed_back=handed_back, reason=reason
        )
        self.tell(event, 0.1)
        return self

    def finish(self, outcome: Any, exit_reason: Any = "done") -> Self:
        self.tell(run_events.RunEnded(outcome=outcome, exit_reason=exit_reason, active_seconds=42.0), 0.1)
        return self


def proven() -> TaskStory:
    """Both tasks succeed, the first in its second iteration."""
    story = TaskStory().ready(("calculator", ()), ("report", ("calculator",)))
    story.task("calculator").work(1, "E  ZeroDivisionError\n1 failed").work(0, "4 passed")
    story.end_task("calculator", "success", "done", "accepted in iteration 2", "yes")
    story.task("report").work(0, "")
    story.end_task("report", "success", "done", "accepted in iteration 3", "yes")
    return story.finish("success")


def claimed() -> TaskStory:
    """The agent claims success with a wrong answer; the next task is never begun."""
    story = TaskStory().ready(("calculator", ()), ("report", ("calculator",)))
    story.task("calculator")
    for _ in range(3):
        story.work(1, "expected 30.0, found 29.0", words="The average is 29.0; all done!")
    story.end_task("calculator", "failed", "stuck", "3 iterations in a row led nowhere, the last: exit status 1")
    story.end_task("report", "blocked", "blocked", "calculator did not succeed")
    return story.finish("failed", "stuck")


def permission() -> TaskStory:
    """The agent asks to do what it may not."""
    story = TaskStory().ready(("calculator", ()))
    story.task("calculator").begin_work()
    return story.question("permission", "Bash: curl example.org", details="risk high")


def written(story: TaskStory) -> RunFolder:
    """The story on disk."""
    return journals.write(story.events, story.spec)


def document(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> Any:
    """What a command prints with --json."""
    assert run([*arguments, "--json"]) == status
    return json.loads(capsys.readouterr().out)


def lines_of(story: TaskStory) -> list[str]:
    """The plain lines of the run, without their times."""
    told: list[str] = []
    lines = EventPrinter(told.append)
    for event in story.events:
        lines(event)
    return [line.strip().split("  ", 1)[1].strip() for line in told]


@pytest.fixture
def task_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A task file that can be done here, as far as the file goes; no agent program on it is really started."""
    path = tmp_path / "tasks.toml"
    path.write_text(FILE)
    monkeypatch.chdir(tmp_path)
    return path


# The document and the report ------------------------------------------------------------------------------------------


def test_the_document_has_every_task_with_its_sessions_and_their_exact_sum(capsys: pytest.CaptureFixture[str]) -> None:
    written(proven())
    found = document(capsys, "runs", "show", "last")
    assert (found["run_id"], found["outcome"], found["exit_reason"], found["error"]) == (
        RUN_ID,
        "success",
        "done",
        None,
    )
    calculator, report = found["tasks"]
    assert (calculator["name"], calculator["iterations"], len(calculator["sessions"])) == ("calculator", 2, 2)
    assert (report["name"], report["iterations"], len(report["sessions"])) == ("report", 1, 1)
    for each in found["tasks"]:
        assert (each["outcome"], each["exit_reason"], each["handed_back"]) == ("success", "done", "yes")
        assert each["sandbox"] == "bubblewrap"
        assert each["usage"]["sessions"] == len(each["sessions"])
        for kind in KINDS:
            assert each["usage"][kind] == sum(session["usage"][kind] for session in each["sessions"])
    for kind in KINDS:
        assert found["usage"][kind] == sum(each["usage"][kind] for each in found["tasks"]) > 0 or kind.startswith(
            "cache_write"
        )
    costs = [Decimal(each["usage"]["cost"]) for each in found["tasks"]]
    assert Decimal(found["usage"]["cost"]) == sum(costs) == Decimal("0.1056")
    ids = [session["id"] for each in found["tasks"] for session in each["sessions"]]
    assert sorted(ids) == sorted(session["id"] for session in found["sessions"])


def test_a_price_that_is_not_known_is_null_in_its_task_and_in_the_total_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    unknown = msgspec.structs.replace(USED, cost=Decimal(0), unpriced=1)
    story = TaskStory().ready(("calculator", ()), ("report", ()))
    story.task("calculator").work(0, "").end_task("calculator", "success", "done", "accepted", "yes")
    story.task("report").work(0, "", usage=unknown).end_task("report", "success", "done", "accepted", "yes")
    written(story.finish("success"))
    found = document(capsys, "runs", "show", "last")
    assert [each["usage"]["cost"] for each in found["tasks"]] == ["0.0352", None]
    assert found["usage"]["cost"] is None
    assert run(["runs", "show", "last"]) == 0
    assert "$0.035 + price unknown" in capsys.readouterr().out.splitlines()[3]


def test_an_agent_that_claims_success_with_a_wrong_answer_has_failed_and_the_report_says_why(
    capsys: pytest.CaptureFixture[str],
) -> None:
    written(claimed())
    assert run(["runs", "show", "last"]) == 1
    told = capsys.readouterr().out
    rows = {line.split("  ")[0]: line for line in told.splitlines() if line}
    assert "failed, stuck" in rows["calculator"]
    assert "3 iterations in a row led nowhere" in rows["calculator"]
    assert "blocked" in rows["report"]
    assert "calculator did not succeed" in rows["report"]
    assert "$0.11" in rows["in all"]
    assert "calculator, iteration 3: rejected, exit status 1" in told
    assert "  expected 30.0, found 29.0" in told
    assert "The agent said: The average is 29.0; all done!" in told
    assert "handed back  nothing" in told


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        ("success", 0),
        ("success with limits", 0),
        ("partial", 1),
        ("failed", 1),
        ("blocked", 1),
        ("cancelled", 1),
    ],
)
def test_the_exit_status_follows_the_outcome(capsys: pytest.CaptureFixture[str], outcome: str, status: int) -> None:
    story = TaskStory().ready(("calculator", ()))
    story.task("calculator").work(0, "").end_task("calculator", outcome, "done", "it is over")
    written(story.finish(outcome))
    assert document(capsys, "runs", "show", "last", status=status)["tasks"][0]["outcome"] == outcome
    assert run(["runs", "show", "last"]) == status
    assert run(["runs", "attach", "last"]) == status


def test_a_run_in_the_middle_of_its_work_has_a_document_and_a_report(capsys: pytest.CaptureFixture[str]) -> None:
    story = TaskStory().ready(("calculator", ()), ("report", ("calculator",)))
    story.task("calculator").work(1, "1 failed").begin_work(Activity("tool", "ls", "Bash"))
    with worker_alive(written(story)):
        found = document(capsys, "runs", "show", "last", status=1)
        assert run(["runs", "show", "last"]) == 1
    assert [each["state"] for each in found["tasks"]] == ["running", "waiting"]
    assert [each["outcome"] for each in found["tasks"]] == [None, None]
    assert [each["sandbox"] for each in found["tasks"]] == ["bubblewrap", None]
    assert found["tasks"][0]["sessions"][1]["ended_at"] is None
    assert found["outcome"] is None
    assert "waiting" in capsys.readouterr().out


def test_a_run_whose_worker_died_says_how_to_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    written(TaskStory().ready(("calculator", ())).task("calculator"))
    assert run(["runs", "show", "last"]) == 1
    assert f"tabsmith runs resume {RUN_ID}" in capsys.readouterr().err


def test_lists_of_runs_hold_runs_of_task_files_and_their_iterations_can_be_tried(
    capsys: pytest.CaptureFixture[str],
) -> None:
    written(claimed())
    (found,) = document(capsys, "runs", "list")
    assert (found["source"], found["target"], found["state"]) == ("tasks.toml", "", "failed")
    assert run(["runs"]) == 0
    assert "tasks.toml" in capsys.readouterr().out
    assert run(["runs", "history"]) == 0
    assert run(["runs", "history", "--json"]) == 0
    capsys.readouterr()
    assert run(["runs", "try", "last", "iteration == 2"]) == 0
    assert "#2" in capsys.readouterr().out


# Plain lines ----------------------------------------------------------------------------------------------------------


def test_every_step_of_a_task_is_a_plain_line() -> None:
    lines = lines_of(proven())
    assert "tasks     2 tasks: calculator, report" in lines
    assert "task      calculator: in a copy, sandbox bubblewrap" in lines
    assert "work      #1 calculator: claude-code is sent" in lines
    assert "tool      #1 Write: calculator.py" in lines
    assert "says      #1 I am done." in lines
    assert "worked    #1 done, 2 files changed (calculator.py, test_calculator.py), says: I am done." in lines
    assert "accept    #1 python3 -m pytest -q" in lines
    assert "rejected  #1 exit status 1, 1.2 s: 1 failed" in lines
    assert "accepted  #2 exit status 0, 1.2 s" in lines
    assert "task      calculator: ✔ success; accepted in iteration 2; handed back" in lines


def test_permissions_limits_and_warnings_are_plain_lines() -> None:
    story = TaskStory().ready(("calculator", ()), warnings=("a and b work on the same folder",))
    story.task("calculator", "rlimits", ("no worktree: it is no repository",)).begin_work(
        Activity("result", "it worked", "Bash"), Activity("result", "no such file", "Bash", failed=True)
    )
    story.permit("no").permit("always", "person", "make")
    lines = lines_of(story)
    assert "tasks     1 task: calculator. Mind: a and b work on the same folder" in lines
    assert "task      calculator: in a copy, sandbox rlimits; no worktree: it is no repository" in lines
    assert "permit    #1 Bash refused by the mode (high risk): curl example.org" in lines
    assert "permit    #1 Bash allowed always by you (high risk): make" in lines
    assert "tool      #1 Bash failed: no such file" in lines
    assert not any("it worked" in line for line in lines)


def test_an_acceptance_command_that_was_ended_or_could_not_run_says_so() -> None:
    story = TaskStory().ready(("calculator", ())).task("calculator").work(None, "spinning")
    broken = task.Acceptance(
        verdict="could not run", status=None, ended="no shell", seconds=0.0, output="", level="none"
    )
    story.tell(task.AcceptanceEnded(iteration=1, acceptance=broken))
    lines = lines_of(story)
    assert "rejected  #1 ended by timeout, 1.2 s: spinning" in lines
    assert any(line.startswith("rejected  #1 it could not run: no shell") for line in lines)


def test_nothing_that_an_agent_says_reaches_the_terminal_raw(capsys: pytest.CaptureFixture[str]) -> None:
    words = "\n".join(HOSTILE)
    story = TaskStory().ready((words, ()), warnings=(words,)).task(words, notes=(words,))
    story.begin_work(Activity("message", words), Activity("tool", words, words), Activity("result", words, words, True))
    story.permit("no", what=words).work(1, words, words=words).end_task(words, "failed", "stuck", words)
    written(story.finish("failed", "stuck"))
    assert run(["runs", "attach", "last"]) == 1
    told = capsys.readouterr()
    assert not [each for each in told.out + told.err if (ord(each) < 32 and each != "\n") or 127 <= ord(each) < 160]


# Permissions ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "reply"),
    [
        ("yes", AllowTool("once")),
        ("Y", AllowTool("once")),
        ("no", AllowTool("no")),
        ("always", AllowTool("always")),
        ("brief  use the file instead", ChangeBrief("use the file instead")),
        ("stop", EndRun()),
    ],
)
def test_a_permission_is_answered_by_yes_no_or_always(typed: str, reply: Reply) -> None:
    assert replies.parse_line(typed, permission().snapshot) == reply


@pytest.mark.parametrize("typed", ["", "c", "continue", "skip", "retry", "yess", "+2", "\x1b[2J"])
def test_what_is_no_answer_to_a_permission_allows_nothing(typed: str) -> None:
    with pytest.raises(UsageError) as refused:
        replies.parse_line(typed, permission().snapshot)
    assert "yes, no, always" in refused.value.next_step
    assert "continue" not in refused.value.next_step


def test_on_the_screen_other_words_refuse_a_permission_and_are_told_to_the_agent() -> None:
    snapshot = permission().snapshot
    assert replies.parse_reply("use the file instead", snapshot) == ChangeBrief("use the file instead")
    assert replies.parse_reply("always", snapshot) == AllowTool("always")
    for typed in ("", "continue", "skip", "proceed"):
        with pytest.raises(UsageError, match="allowed"):
            replies.parse_reply(typed, snapshot)
    takes = replies.accepted_actions(snapshot)
    assert {name for name, taken in takes.items() if taken} == {*replies.PERMISSION_ACTIONS, "answer", "brief", "end"}


def test_the_bar_of_a_permission_says_what_is_asked_and_its_keys() -> None:
    story = permission()
    keys = dict(zip(replies.REPLY_ACTIONS, ("y", "n", "a", "enter", "c", "b", "s", "w", "x"), strict=True))
    shown = plain_text(question.question_lines(story.snapshot, story.at, 100, keys))
    assert "? permission  Bash: curl example.org" in shown
    assert "risk high" in shown
    for words in ("y yes, once", "n no", "a always", "enter yes, no, always", "b refuse, and say why", "x stop"):
        assert words in shown
    assert "continue" not in shown


def test_a_permission_in_the_terminal_is_answered_by_a_line() -> None:
    story = permission()
    folder = written(story)
    asked = story.snapshot.question
    assert asked is not None
    with worker_alive(folder), tabsmith_in_terminal("runs", "attach", RUN_ID, columns=110, lines=40) as terminal:
        terminal.wait_for("Bash: curl example.org", "risk high", "yes, no, always, brief TEXT, stop", "\n>")
        terminal.write("continue\r")
        terminal.wait_for("Understood are")
        terminal.write("always\r")
        terminal.wait_until(lambda: folder.commands().read().values != (), "the answer")
        (answer,) = folder.commands().read().values
        assert isinstance(answer, Answer)
        assert (answer.id, answer.reply) == (asked.id, AllowTool("always"))
        append(folder, loop.QuestionAnswered(id=asked.id, reply=AllowTool("always"), at=story.at + 5))
        terminal.wait_for("answer    allow always")
        append(folder, run_events.RunEnded(outcome="success", exit_reason="done", active_seconds=9.0, at=story.at + 9))
        assert terminal.wait_exit() == 0


# Asked for ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "right", "says"),
    [
        ('goal = "Say', 'gaol = "Say', ["task 2 \"report\": there is no key 'gaol'; the nearest one is 'goal'"]),
        ('folder = "report"', 'folder = "report"\ndepends_on = ["report"]', ["is not valid TOML"]),
        ('agent = "claude-code"', 'depends_on = ["report"]', ["calculator → report → calculator"]),
        ("test -s report.md", "no-such-program-here", ['task 2 "report": accept', "no-such-program-here"]),
        ('"Say what the calculator can do, in report.md."', '" "', ['task 2 "report": goal: is empty']),
        ('folder = "report"', 'folder = "/etc/report"', ["/etc/report lies outside the folders that may be used"]),
        ('dollars = "1.00"', 'dollar = "1.00"\n', ["'dollar'", "'dollars'"]),
    ],
)
def test_a_wrong_task_file_is_refused_before_there_is_a_run(
    capsys: pytest.CaptureFixture[str], task_file: Path, wrong: str, right: str, says: list[str]
) -> None:
    assert wrong in FILE
    task_file.write_text(FILE.replace(wrong, right, 1))
    assert run(["task", str(task_file)]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert all(each in told.err for each in says), told.err
    assert run_ids() == ()


def test_all_mistakes_of_a_file_are_told_at_once_and_in_the_document(
    capsys: pytest.CaptureFixture[str], task_file: Path
) -> None:
    task_file.write_text(FILE.replace("goal =", "gaol =").replace("test -s", "no-such-program-here"))
    failure = document(capsys, "task", str(task_file), status=2)["error"]
    assert failure["name"] == "TaskFileError"
    assert failure["what"].count("'gaol'") == 2
    assert "no-such-program-here" in failure["what"]
    assert run_ids() == ()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--breakpoint", "qualty < 0.5"], "quality"),
        (["--mode", "sometimes"], "confirm"),
    ],
)
def test_wrong_options_are_refused_before_there_is_a_run(
    capsys: pytest.CaptureFixture[str], task_file: Path, options: list[str], says: str
) -> None:
    assert run(["task", str(task_file), *options]) == 2
    assert says in capsys.readouterr().err
    assert run_ids() == ()


def test_an_agent_that_cannot_be_used_is_named_before_there_is_a_run(
    capsys: pytest.CaptureFixture[str], task_file: Path
) -> None:
    task_file.write_text(FILE.replace('folder = "report"', 'folder = "report"\nagent = "acp"'))
    assert run(["task", str(task_file)]) == 2
    assert "agents.acp.command" in capsys.readouterr().err
    assert run_ids() == ()


def test_a_file_that_is_not_there_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(["task", str(tmp_path / "none.toml")]) == 2
    assert "There is no task file at this path" in capsys.readouterr().err


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs are asked for and stay in the queue: their worker is not what is tested here."""
    monkeypatch.setattr("tabsmith_tui.commands.follow.launch_detached", lambda _: None)


@pytest.mark.usefixtures("started")
def test_a_run_is_asked_for_with_the_files_text_budget_mode_and_breakpoints(
    capsys: pytest.CaptureFixture[str], task_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TABSMITH_AGENTS__DOLLARS", "3.50")
    monkeypatch.setenv("TABSMITH_AGENTS__ACP__COMMAND", f"{sys.executable} -c pass")
    acp = 'depends_on = ["calculator"]\nagent = "acp"'
    task_file.write_text(
        FILE.replace('depends_on = ["calculator"]', acp).replace('agent = "claude-code"', 'agent = "acp"')
    )
    options = ["--mode", "manual", "--breakpoint", "quality < 0.2"]
    found = document(capsys, "task", task_file.name, "--detach", *options)
    assert (found["state"], found["outcome"], found["tasks"]) == ("queued", None, [])
    spec = RunFolder(found["run_id"]).spec()
    assert spec.source == TasksSource(str(task_file), task_file.read_text())
    assert (spec.choice.agent, spec.choice.mode) == ("acp", "manual")
    assert spec.choice.breakpoints == ("quality < 0.2",)
    assert spec.choice.limits == Limits(seconds=0.0, iterations=6, dollars="1.00")


@pytest.mark.usefixtures("started")
def test_without_a_budget_the_dollars_of_the_settings_hold_and_warnings_are_told(
    capsys: pytest.CaptureFixture[str], task_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TABSMITH_AGENTS__DOLLARS", "3.50")
    monkeypatch.setenv("TABSMITH_AGENTS__ACP__COMMAND", f"{sys.executable} -c pass")
    text = '[[task]]\nname = "{}"\ngoal = "x"\nfolder = "here"\naccept = "true"\nagent = "acp"\n'
    task_file.write_text(text.format("a") + text.format("b"))
    assert run(["task", str(task_file), "--detach"]) == 0
    told = capsys.readouterr()
    (run_id,) = run_ids()
    assert told.out == run_id + "\n"
    assert "Mind: a and b work on the same folder" in told.err
    choice = RunFolder(run_id).spec().choice
    assert choice.limits == Limits(seconds=0.0, dollars="3.50")
    assert choice.mode == "automatic"  # nobody sits there to be asked


def test_ctrl_c_stops_the_run_and_says_what_it_came_to(task_file: Path) -> None:
    """The run is the real journal's; what stands in for the worker is this test, which acts on the command to stop."""
    story = TaskStory().ready(("calculator", ())).task("calculator")
    folder = written(story)
    program = (
        "import sys\n"
        "from tabsmith.runs.folder import RunFolder\n"
        "from tabsmith_tui.commands.follow import follow\n"
        "sys.exit(follow(RunFolder(sys.argv[1]), as_json=True))"
    )
    with worker_alive(folder):
        command = [sys.executable, "-c", program, RUN_ID]
        following = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert following.stderr is not None
        for line in following.stderr:
            if "sandbox bubblewrap" in line:
                break
        following.send_signal(2)
        assert any("Stopping; what was accepted so far is kept." in line for line in following.stderr)
        end = task.TaskEnded(
            task="calculator", outcome="cancelled", exit_reason="user", handed_back="no", at=story.at + 1
        )
        over = run_events.RunEnded(outcome="cancelled", exit_reason="user", active_seconds=2.0, at=story.at + 2)
        append(folder, end, over)
    out, _ = following.communicate(timeout=30)  # once the worker has let go of the run
    assert following.returncode == 130
    found = json.loads(out)
    assert (found["outcome"], found["tasks"][0]["outcome"]) == ("cancelled", "cancelled")
    assert [type(each) for each in folder.commands().read().values] == [Stop]


# For real -------------------------------------------------------------------------------------------------------------

GREETING = """\
[budget]
iterations = 2
[[task]]
name = "greeting"
goal = "Write hello.txt with three lines."
folder = "greeting"
agent = "acp"
accept = "{accept}"
"""


@pytest.fixture
def greeting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder, and a real agent program that writes hello.txt in it and says that it is done."""
    worker = Path(__file__).parents[1] / "peers" / "acp_worker.py"
    monkeypatch.setenv("TABSMITH_AGENTS__ACP__COMMAND", f"{sys.executable} {worker} works")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "greeting"


def test_what_a_real_agent_did_is_proven_and_handed_back(capsys: pytest.CaptureFixture[str], greeting: Path) -> None:
    Path("tasks.toml").write_text(GREETING.format(accept="grep -q two hello.txt"))
    found = document(capsys, "task", "tasks.toml")
    (task_found,) = found["tasks"]
    assert (found["outcome"], task_found["outcome"], task_found["handed_back"]) == ("success", "success", "yes")
    assert (task_found["iterations"], len(task_found["sessions"])) == (1, 1)
    assert found["usage"] == task_found["usage"]
    assert (found["usage"]["input_tokens"], found["usage"]["cost"]) == (100, "0.03")
    assert (greeting / "hello.txt").read_text() == "one\ntwo\nthree\n"


def test_what_a_real_agent_only_claims_is_refused_with_the_reason_and_stays_out_of_the_folder(
    capsys: pytest.CaptureFixture[str], greeting: Path
) -> None:
    Path("tasks.toml").write_text(GREETING.format(accept="grep four hello.txt || { echo no four; exit 3; }"))
    assert run(["task", "tasks.toml"]) == 1
    told = capsys.readouterr()
    assert "greeting, iteration 2: rejected, exit status 3\n  no four" in told.out
    assert "The agent said: " in told.out
    assert "handed back  nothing" in told.out
    assert "worked    #2 done, " in told.err
    assert not (greeting / "hello.txt").exists()
