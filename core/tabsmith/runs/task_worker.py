"""A run of a task file: its tasks are done one after the other under one budget, each in a workspace of its own."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from tabsmith.config.settings import Settings
from tabsmith.errors import ErrorReport, ReportedError, SandboxError
from tabsmith.orchestration import events
from tabsmith.orchestration.decisions import AllowTool, Continue, Question
from tabsmith.orchestration.events import MergedBack, TaskEnded, TaskOutcome, TaskStarted
from tabsmith.orchestration.human_review import Breakpoints, HumanReview
from tabsmith.orchestration.limits import UsageTracker
from tabsmith.orchestration.loop.task_loop import TaskEnd, TaskLoop
from tabsmith.orchestration.sessions import SessionRecorder, Transcripts
from tabsmith.runs.agent_factory import AgentFactory, TaskAgentClient
from tabsmith.runs.controller import RunController
from tabsmith.runs.events import Outcome, RunEnded, RunEvent, TaskNamed, TasksReady
from tabsmith.runs.pool import Pool
from tabsmith.runs.snapshot import RunSnapshot, TaskState
from tabsmith.runs.task_workspace import ForkedTaskWorkspace
from tabsmith.sandbox.policy import WALLS, SandboxLevel, is_at_least
from tabsmith.sandbox.runner import detect_level
from tabsmith.tables.read.sources import TasksSource
from tabsmith.tasks import Task, TaskFile, next_task, order, parse
from tabsmith.text import clean


class TaskRun:
    """One attempt at a run of a task file."""

    def __init__(
        self,
        source: TasksSource,
        root: Path,
        control: RunController,
        pool: Pool,
        agents: AgentFactory,
        record: Callable[[RunEvent], None],
        *,
        transcripts: Transcripts,
        past: RunSnapshot,
        settings: Settings,
        breakpoints: tuple[str, ...],
    ) -> None:
        path = Path(source.path)
        self._file: TaskFile = parse(source.text, path, allowed=(*settings.paths.allowed, path.parent))
        self._tasks = order(self._file.tasks)
        self._root = root
        self._control = control
        self._pool = pool
        self._agents = agents
        self._transcripts = transcripts
        self._past = past
        self._settings = settings
        self._done = {each.name: each for each in past.tasks if each.state == "done"}
        self._number = max((each.iteration for each in past.recorded if each.finished), default=0)
        self._tracker = UsageTracker(
            lambda: control.limits,
            control.clock.seconds,
            control.seconds_for_fitting,
            warns_of_time=True,
            iterations=self._number,
            failures=past.failures,
            usage=past.usage,
            warnings=past.warnings,
        )
        self._record: Callable[[RunEvent], None] = self._tracker.booking(record)
        self._review = HumanReview(control, self._tracker, self._record, asks=True)
        facts = tuple(each.facts for each in past.trials if each.facts is not None)
        self._breakpoints = Breakpoints(breakpoints).replay(facts)

    async def run(self) -> RunEnded:
        """Do the tasks that can be done; returns the outcome of all of them together."""
        tasks = self._tasks
        in_order = tuple(TaskNamed(task.name, task.agent, task.depends_on) for task in tasks)
        self._record(TasksReady(tasks=in_order, warnings=self._file.warnings))
        level = await self._level()
        while True:
            good = {name for name, state in self._done.items() if state.outcome.startswith("success")}
            task, blocked_tasks = next_task(tasks, good, set(self._done) - good)
            for blocked in blocked_tasks:
                if blocked.task.name not in self._done:
                    why = f"{', '.join(blocked.by)} did not succeed"
                    self._end(blocked.task, TaskEnd("blocked", "blocked", why), "no")
            if task is None:
                break
            end, handed = await self._task(task, level)
            self._end(task, end, handed)
            spent = self._tracker.used_up() is not None and not end.outcome.startswith("success")
            if end.exit_reason == "user" or spent:
                self._give_up(end)
                break
        return self._ended()

    def stopped(self) -> RunEnded:
        """Return the end of a run that the person has stopped in the middle of a task."""
        self._give_up(TaskEnd("cancelled", "user", "stopped by you"))
        return self._ended()

    async def _level(self) -> SandboxLevel:
        """The strongest sandbox of this machine. If it is weaker than the settings ask for, a person has to agree."""
        found = await self._pool.run(lambda _: _Found(detect_level()), _Found)
        level, least = found.level, self._settings.tasks.sandbox
        if is_at_least(level, least):
            return level
        what = f"Commands would run at the sandbox level {level}, and {least} is asked for. Run them so?"
        if self._control.mode != "automatic":
            question = Question(id=f"sandbox-{level}", iteration=self._number, cause="permission", what=what)
            reply = await self._control.ask(question)
            if isinstance(reply, Continue) or (isinstance(reply, AllowTool) and reply.allowed != "no"):
                return level
        raise SandboxError(
            f"The strongest sandbox here is {level}, and {least} is asked for.",
            next_step="Install bubblewrap, or allow it: tabsmith config set tasks.sandbox " + level,
        )

    async def _task(self, task: Task, level: SandboxLevel) -> tuple[TaskEnd, MergedBack]:
        workspace = ForkedTaskWorkspace(task, self._root / "tasks" / task.name, level, self._pool)
        try:
            opened = await workspace.open()
            self._record(TaskStarted(task=task.name, how=opened.how, level=level, notes=opened.notes))
            agent = TaskAgentClient(
                task, self._agents.client, str(workspace.folder), level, self._settings, workspace.renew_repository
            )
            sessions = SessionRecorder(self._record, self._transcripts)
            loop = TaskLoop(
                task,
                agent,
                workspace,
                self._control,
                self._tracker,
                self._review,
                self._breakpoints,
                sessions,
                self._record,
                state=self._past,
                number=self._number,
                clock=self._control.clock.seconds,
                sandbox_has_walls=level in WALLS,
                grader=self._agents.grader,
                patience=self._settings.agents.timeout,
            )
            end = await loop.run()
            self._number = loop.number
            if not end.outcome.startswith("success"):
                return end, "no"
            return await self._hand_back(task, end, workspace)
        except ReportedError as error:
            reason = clean(error.what, 300)
            self._record(events.Noted(message=f"{task.name}: {reason}", level="warning"))
            return TaskEnd("failed", "stuck", reason), "refused"

    async def _hand_back(self, task: Task, end: TaskEnd, workspace: ForkedTaskWorkspace) -> tuple[TaskEnd, MergedBack]:
        """Hand the accepted work back. Where it cannot be, it stays accepted, and the person is told where it lies."""
        leave = await self._left_behind(task, workspace, self._number)
        try:
            back = await workspace.hand_back(self._number, leave)
        except ReportedError as error:
            reason = (
                f"accepted, not handed back: {clean(error.what, 300)} The work is in {clean(workspace.folder, 300)}"
            )
            self._record(events.Noted(message=f"{task.name}: {reason}", level="warning"))
            return TaskEnd("partial", "not handed back", reason), "refused"
        for note in back.notes:
            self._record(events.Noted(message=note, level="warning"))
        return end, "yes"

    async def _left_behind(self, task: Task, workspace: ForkedTaskWorkspace, iteration: int) -> tuple[str, ...]:
        """The accepted files that programs obey unasked, unless a person wants them handed back; they are named."""
        paths = await workspace.obeyed(iteration)
        if not paths:
            return ()
        named = ", ".join(clean(path, 80) for path in paths[:10])
        what = f"{task.name}: programs run or obey these files unasked: {named}. Hand them back too?"
        if self._control.mode != "automatic":
            question = Question(
                id=f"obeyed-{task.name}-{iteration}", iteration=iteration, cause="permission", what=what
            )
            reply = await self._control.ask(question)
            if isinstance(reply, Continue) or (isinstance(reply, AllowTool) and reply.allowed != "no"):
                return ()
        message = f"{task.name}: not handed back, because programs obey them unasked: {named}"
        self._record(events.Noted(message=message, level="warning"))
        return paths

    def _give_up(self, end: TaskEnd) -> None:
        """Record the tasks that are left as not done: the person has ended the run, or the budget is used up."""
        outcome: TaskOutcome = "cancelled" if end.exit_reason == "user" else "blocked"
        for task in self._tasks:
            if task.name not in self._done:
                self._end(task, TaskEnd(outcome, end.exit_reason, "not done"), "no")

    def _end(self, task: Task, end: TaskEnd, handed: MergedBack) -> None:
        self._record(
            TaskEnded(
                task=task.name,
                outcome=end.outcome,
                exit_reason=end.exit_reason,
                handed_back=handed,
                reason=end.reason,
            )
        )
        state = TaskState(task.name, "done", outcome=end.outcome, exit_reason=end.exit_reason, reason=end.reason)
        self._done[task.name] = state

    def _ended(self) -> RunEnded:
        """The outcome of the file: that of its tasks if they agree, else partial."""
        ends = [self._done[task.name] for task in self._tasks]
        outcomes = {each.outcome for each in ends}
        worst = next((each for each in ends if not each.outcome.startswith("success")), ends[-1])
        outcome: Outcome = "partial"
        if outcomes == {"success"}:
            outcome = "success"
        elif all(each.startswith("success") for each in outcomes):
            outcome = "success with limits"
        elif not any(each.startswith("success") for each in outcomes):
            outcome = worst.outcome or "failed"
        reason = worst.exit_reason or "done"
        error = None
        if outcome not in ("success", "success with limits", "cancelled"):
            what = f"{worst.name}: {worst.outcome}: {worst.reason}"
            more = f"Give it more: tabsmith runs resume {self._root.name}"
            error = ErrorReport("TaskNotDone", what, next_step=more)
        return RunEnded(outcome=outcome, exit_reason=reason, active_seconds=self._control.clock.seconds(), error=error)


class _Found(msgspec.Struct, frozen=True):
    level: SandboxLevel
