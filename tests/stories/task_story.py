"""A run of a task file, told event by event in the order in which its worker records them."""

from typing import Any, Literal, Self

import msgspec

from tabsmith.agents.agent_jobs import Activity, AgentJobEnd, RiskLevel
from tabsmith.orchestration import events as loop
from tabsmith.orchestration import events as task
from tabsmith.orchestration.decisions import DecisionAction
from tabsmith.runs import events as run
from tabsmith.runs.events import RunState
from tabsmith.runs.spec import Limits, RunSpec
from tabsmith.tables.read.sources import TasksSource
from tests.stories.agent_story import USED, AgentStory, asked_for

ACCEPT = "python -m pytest -q test_calc.py"
REJECTED = "F.\nE   assert divide(1, 0) is None\nE   ZeroDivisionError: division by zero\n1 failed, 3 passed in 0.02s\n"


def asked_tasks(path: str = "work/tasks.toml") -> RunSpec:
    """A task file asked for: ten minutes, two dollars."""
    spec = asked_for(limits=Limits(seconds=600.0, dollars="2.00"))
    return msgspec.structs.replace(spec, source=TasksSource(path, "[[task]]\n"))


class TaskStory(AgentStory):
    """A run of a task file, told event by event."""

    def __init__(self, *names: str | tuple[str, tuple[str, ...]], path: str = "work/tasks.toml") -> None:
        super().__init__(asked_tasks(path))
        pairs = [name if isinstance(name, tuple) else (name, ()) for name in names]
        self.named = tuple(run.TaskNamed(name, "claude-code", after) for name, after in pairs)
        self.session = ""

    def read(self) -> Self:
        """A worker takes the run up and has read the file."""
        self.tell(run.RunStarted(spec=self.spec, pid=4_711, attempt=1, version="0.1.0"), 0.4)
        self.tell(run.StateChanged(state=RunState.RUNNING), 0.1)
        self.tell(run.TasksReady(tasks=self.named), 0.1)
        return self

    def start(self, name: str, level: str = "bubblewrap", how: Literal["copy", "worktree"] = "copy") -> Self:
        """A task begins."""
        self.tell(task.TaskStarted(task=name, how=how, level=level), 0.2)
        return self

    def send(self, name: str) -> Self:
        """The agent is sent into the folder."""
        self.iteration += 1
        self.tell(loop.IterationStarted(iteration=self.iteration, agent="claude-code", task=name), 0.1)
        self.tell(run.StateChanged(state=RunState.WAITING, message="claude-code is at work"))
        self.session = self.open()
        return self

    def act(self, kind: Any, text: str, tool: str = "", *, failed: bool = False) -> Self:
        """The agent does something."""
        activity = Activity(kind, text, tool, failed)
        self.tell(task.Acted(iteration=self.iteration, session=self.session, activity=activity), 2.0)
        return self

    def permit(self, tool: str, what: str, risk: RiskLevel, allowed: Any, by: Any = "person") -> Self:
        """What became of a permission."""
        event = task.PermissionDecided(
            iteration=self.iteration, tool=tool, what=what, risk=risk, allowed=allowed, by=by
        )
        self.tell(event, 0.5)
        return self

    def leave(self, words: str, *changes: task.ChangedFile, end: AgentJobEnd = "done") -> Self:
        """The errand is over."""
        self.close(self.session, USED, seconds=6.0)
        self.tell(task.Worked(iteration=self.iteration, end=end, words=words, changes=changes), 0.2)
        return self

    def prove(self, status: int | None = 0, output: str = "4 passed in 0.02s\n", *, ended: str = "") -> Self:
        """The acceptance command runs to its end."""
        self.tell(task.AcceptanceStarted(iteration=self.iteration, command=ACCEPT), 0.1)
        verdict: task.AcceptanceVerdict = "accepted" if status == 0 else "rejected"
        level = next((each.level for each in self.snapshot.tasks if each.state == "running"), "bubblewrap")
        came = task.Acceptance(verdict=verdict, status=status, ended=ended, seconds=1.2, output=output, level=level)
        self.tell(task.AcceptanceEnded(iteration=self.iteration, acceptance=came), 1.2)
        return self

    def settle(self, quality: float, action: DecisionAction = "proceed", feedback: str = "It was accepted.") -> Self:
        """The iteration is judged and over."""
        self.judge(quality, action, "" if quality >= 0.7 else f"quality {quality:.2f} < 0.70")
        return self.over(feedback)

    def finish(
        self,
        name: str,
        outcome: task.TaskOutcome = "success",
        reason: str = "accepted in iteration 2",
        *,
        why: task.TaskExit = "done",
        back: task.MergedBack = "yes",
    ) -> Self:
        """The task is over."""
        self.tell(task.TaskEnded(task=name, outcome=outcome, exit_reason=why, handed_back=back, reason=reason), 0.2)
        return self

    def conclude(self, outcome: run.Outcome, why: run.ExitReason, error: Any = None) -> Self:
        """The run is over."""
        seconds = self.snapshot.active_seconds(self.at)
        self.tell(run.RunEnded(outcome=outcome, exit_reason=why, active_seconds=seconds, error=error), 0.1)
        return self


def calculator() -> TaskStory:
    """Five tasks: the first took two iterations, the second claims what is not so, the third is at work."""
    story = TaskStory(
        "calculator", "average", ("report", ("calculator",)), ("publish", ("report", "average")), "notes"
    ).read()
    story.start("calculator").send("calculator")
    story.act("message", "I will write calc.py with four operations.").act("tool", "calc.py", "Write")
    story.act("result", "ok", "Write")
    story.leave("All four operations work.", task.ChangedFile("calc.py", "added", 24, 0))
    story.prove(1, REJECTED).settle(0.31, "clarify", "exit status 1: divide(1, 0) has to give None")
    story.send("calculator").act("tool", "calc.py", "Edit").act("tool", "python -m pytest -q", "Bash")
    story.permit("Bash", "python -m pytest -q", "medium", "always")
    story.leave(
        "divide now gives None.", task.ChangedFile("calc.py", "modified", 3, 1), task.ChangedFile("a.pyc", "added")
    )
    story.prove().settle(0.92).finish("calculator")
    story.start("average").send("average").act("message", "The average is 31.0.")
    story.leave("The average is 31.0, the goal is reached.", task.ChangedFile("average.txt", "added", 1, 0))
    story.prove(1, "expected 30.0, found 31.0\n").settle(0.2, "escalate", "it is not 30.0")
    story.finish("average", "failed", "the acceptance command failed: exit status 1", why="stuck", back="no")
    story.start("report").send("report").act("message", "I read the calculator first.")
    story.permit("WebFetch", "https://example.org/template.html", "high", "no")
    return story.act("tool", "python make_report.py --out report.html", "Bash")


def proved_wrong() -> TaskStory:
    """The same, ended: what depends on the failed task was never begun."""
    from tabsmith.errors import ErrorReport

    story = calculator()
    story.leave("The report is there.", task.ChangedFile("report.html", "added", 120, 0)).prove().settle(0.64)
    story.finish("report", "success with limits", "accepted, with quality 0.64 under 0.70")
    story.finish("publish", "blocked", "average did not succeed", why="blocked", back="no")
    story.start("notes").send("notes").leave("Notes are written.", task.ChangedFile("notes.md", "added", 9, 0)).prove()
    story.settle(0.9).finish("notes", back="refused")
    error = ErrorReport("TaskNotDone", "average: failed: the acceptance command failed: exit status 1")
    return story.conclude("partial", "stuck", error)
