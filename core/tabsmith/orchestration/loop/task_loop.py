"""The loop of one task: a coding agent works in a folder, and tabsmith's own acceptance command proves what came of it.

The verdict is the acceptance command's; what the agent says of its work decides nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

import msgspec

from tabsmith.agents.agent_jobs import Activity, AgentJobResult, PermissionAnswer, PermissionRequest
from tabsmith.agents.protocol import AgentName, ModelReply, Prompt
from tabsmith.agents.usage import total_usage
from tabsmith.conditions import IterationMetrics
from tabsmith.errors import AgentError
from tabsmith.orchestration import events
from tabsmith.orchestration.decisions import Decide, Decision, Quality, Reply
from tabsmith.orchestration.events import (
    Acceptance,
    AcceptanceEnded,
    AcceptanceStarted,
    Acted,
    ChangedFile,
    LoopEvent,
    TaskEvent,
    TaskExit,
    TaskOutcome,
    Worked,
)
from tabsmith.orchestration.human_review import (
    LIMIT_ENDS,
    Breakpoints,
    HumanReview,
    LoopEnd,
    ToolPermissions,
    UserInterface,
    human_decision,
)
from tabsmith.orchestration.limits import TaskBudget, UsageTracker
from tabsmith.orchestration.loop.agent_calls import AgentCaller, NoAnswer
from tabsmith.orchestration.loop.decide import DecisionInput
from tabsmith.orchestration.loop.feedback import task_feedback, write_task_prompt
from tabsmith.orchestration.loop.grading import Grader, grade_task_by_rule, lower_grade, rubric_grade_prompt
from tabsmith.orchestration.loop.iteration import TaskIteration
from tabsmith.orchestration.loop.loop import Loop
from tabsmith.orchestration.loop_state import LoopState, Trial
from tabsmith.orchestration.sessions import RecordedSession, SessionRecorder
from tabsmith.tasks import Task
from tabsmith.text import clean, plural

MAX_FAILURES: Final = 3
"""Iterations in a row in which the agent gave no work, or that were not worth going on with."""

GOOD_QUALITY: Final = 0.7
"""Quality from which an accepted task is a plain success."""

MAX_ACTIVITY: Final = 300
"""Characters of an activity in the journal; the transcript has all of it."""


class ChangedFiles(Protocol):
    """Files that differ: those that are named, and how many more."""

    @property
    def named(self) -> tuple[ChangedFile, ...]: ...
    @property
    def more(self) -> int: ...


class TaskWorkspace(Protocol):
    """The folder that a task is worked on in, and the command that proves it."""

    async def changes(self, iteration: int) -> ChangedFiles:
        """What the iteration left different, kept to be looked at later."""
        ...

    async def changed(self) -> ChangedFiles:
        """What differs from where the task began."""
        ...

    async def difference(self, iteration: int) -> str:
        """What differs after the iteration from where the task began, as text."""
        ...

    async def accept(self, iteration: int) -> Acceptance:
        """Run the acceptance command on what the iteration left, with protected files as they were at first."""
        ...


class TaskAgent(Protocol):
    """The coding agent of a task, in its own process."""

    @property
    def name(self) -> AgentName: ...

    @property
    def model(self) -> str: ...

    async def work(
        self,
        session: str,
        prompt: Prompt,
        *,
        continues: str,
        seconds: float,
        dollars: str,
        on_reply: Callable[[ModelReply], None],
        on_activity: Callable[[Activity], None],
        ask_permission: Callable[[PermissionRequest], Awaitable[PermissionAnswer]],
    ) -> AgentJobResult:
        """Work on the prompt for at most so many seconds and dollars ("" for no limit); `continues` is the session whose
        conversation may go on. Raises AgentError."""
        ...


class TaskEnd(msgspec.Struct, frozen=True):
    """What the task came to, before its folder is handed back."""

    outcome: TaskOutcome
    exit_reason: TaskExit
    reason: str


class TaskLoop(Loop[TaskIteration]):
    """One task of a run, which goes on from `state`: what the journal says of the run so far. `number` is the latest
    iteration of the whole file. An iteration that was broken off is done again.

    `sandbox_has_walls`: the agent's commands cannot reach outside of what they are given.
    `grader` is a language model that grades the work against the task's rubric, if it has one, and `patience` how many
    seconds it is waited for."""

    def __init__(
        self,
        task: Task,
        agent: TaskAgent,
        workspace: TaskWorkspace,
        ui: UserInterface,
        tracker: UsageTracker,
        review: HumanReview,
        breakpoints: Breakpoints,
        sessions: SessionRecorder,
        record: Callable[[LoopEvent | TaskEvent], None],
        *,
        state: LoopState,
        number: int,
        clock: Callable[[], float],
        sandbox_has_walls: bool = False,
        grader: Grader | None = None,
        patience: float = 120.0,
    ) -> None:
        trials = [each for each in state.recorded_of_task(task.name) if each.finished]
        super().__init__(
            ui,
            tracker,
            review,
            breakpoints,
            record,
            clock=clock,
            number=number,
            feedback=trials[-1].feedback if trials else "",
        )
        self._task = task
        self._agent = agent
        self._workspace = workspace
        self._first = trials[0].iteration if trials else number + 1
        before = total_usage(each.usage for each in state.sessions if each.iteration < self._first)
        self._task_budget = TaskBudget(
            task.limits,
            tracker,
            first=self._first,
            before=before if trials else tracker.usage,
            started=clock() - sum(each.facts.iteration_seconds for each in trials if each.facts),
        )
        self._permissions = ToolPermissions(review, record, sandbox_has_walls=sandbox_has_walls)
        self._agent_caller = AgentCaller(
            sessions,
            record,
            call_seconds=self._seconds_left,
            seconds_left=self._seconds_left,
            may_spend=lambda: not self._task_budget.spent(),
        )
        self._grader = grader
        self._patience = patience
        self._sessions = sessions
        self._last_session = _last_session(state, trials)
        self._cut_short = bool(trials and trials[-1].work and trials[-1].work.end != "done")
        self._accepted = _accepted_quality(trials[-1]) if trials else None
        self._restored = _restored(trials[-1]) if trials else ()
        self._why_stuck = ""
        self._agent_failed = False
        self._task_failures = 0
        for decision in [each.decision for each in trials if each.decision is not None]:
            self._task_failures = self._task_failures + 1 if decision.action == "escalate" else 0
            self._streak = self._streak.after(decision, progress=False)
        self._task_budget.count(self._task_failures)

    async def run(self) -> TaskEnd:
        """Iterate until the task is over; returns what it came to."""
        end = "done" if self._accepted is not None else await self.iterate()
        if self._accepted is not None:
            if self._restored:
                first, more = self._restored[0], len(self._restored) - 1
                files = f"{first} and {plural(more, 'more protected file')}" if more else f"{first}, a protected file,"
                reason = f"accepted without the agent's changes of {files} which are not handed back"
                return TaskEnd("success with limits", "done", reason)
            if self._accepted >= GOOD_QUALITY:
                return TaskEnd("success", "done", f"accepted in iteration {self.number}")
            reason = f"accepted, with quality {self._accepted:.2f} under {GOOD_QUALITY:.2f}"
            return TaskEnd("success with limits", "done", reason)
        match end:
            case "done":
                return TaskEnd(
                    await self._unaccepted_outcome(), "agent failed" if self._agent_failed else "stuck", self._why_stuck
                )
            case "user":
                return TaskEnd("cancelled", "user", "stopped by you")
            case "iterations":
                reason = "its iterations are used up without acceptance"
                return TaskEnd(await self._unaccepted_outcome(), "iterations", reason)
            case _:
                reason = "its budget is used up without acceptance"
                return TaskEnd(await self._unaccepted_outcome(), "budget", reason)

    async def _unaccepted_outcome(self) -> TaskOutcome:
        """Blocked if the agent was never sent, partial if it was cut short and left work, failed if it meant to be
        done."""
        if self.number < self._first:
            return "blocked"
        if not self._cut_short:
            return "failed"
        changed = await self._workspace.changed()
        return "partial" if changed.named else "failed"

    def _own_limit(self) -> LoopEnd | None:
        limit = self._task_budget.budget().used_up()
        return LIMIT_ENDS[limit] if limit is not None else None

    async def _iterate(self) -> LoopEnd | None:
        self.number += 1
        iteration = TaskIteration(number=self.number, started=self._clock(), usage_before=self._tracker.usage)
        self._record(events.IterationStarted(iteration=self.number, agent=self._agent.name, task=self._task.name))
        try:
            await self._attempt(iteration)
            await self.finish_iteration(iteration)
        except BaseException:
            self.close_iteration(iteration)
            raise
        if iteration.accepted:
            self._accepted = iteration.quality.value if iteration.quality else 0.0
            self._restored = iteration.acceptance.restored if iteration.acceptance else ()
            return "done"
        if self._task_failures < MAX_FAILURES:
            return None
        rule = iteration.decision.rule if iteration.decision else "it was broken off"
        last = iteration.message or rule
        self._why_stuck = f"{self._task_failures} iterations in a row led nowhere, the last: {last}"
        self._agent_failed = bool(iteration.trouble)
        return "done"

    # The agent's work and its proof -----------------------------------------------------------------------------------

    async def _attempt(self, iteration: TaskIteration) -> None:
        agent = self._agent
        self._ui.waiting(f"{agent.name} is at work")
        call = await self._agent_caller.call(
            agent.name,
            agent.model,
            iteration.number,
            lambda session, _: self._work(iteration, session),
        )
        iteration.sessions, iteration.retries, iteration.rate_limits = call.sessions, call.retries, call.rate_limits
        if isinstance(call.answer, NoAnswer):
            iteration.trouble, iteration.message = call.answer.trouble, call.answer.message
            self._record(
                events.Unanswered(iteration=iteration.number, trouble=iteration.trouble, message=iteration.message)
            )
        else:
            iteration.result, self._last_session = call.answer, call.sessions[-1]
        changes = await self._workspace.changes(iteration.number)
        iteration.changes, iteration.more = changes.named, changes.more
        self._cut_short = iteration.result is None or iteration.result.end != "done"
        if iteration.result is not None:
            self._record(
                Worked(
                    iteration=iteration.number,
                    end=iteration.result.end,
                    words=clean(iteration.result.text, 500),
                    changes=iteration.changes,
                    more=iteration.more,
                )
            )
            await self._prove(iteration)

    async def _work(self, iteration: TaskIteration, session: RecordedSession) -> AgentJobResult:
        """Have the agent work; end its work when the budget is spent."""
        prompt = write_task_prompt(
            self._task, iteration.number, self.feedback, self._tracker.remaining(), self._ui.notes
        )
        session.on_prompt(prompt)
        spent = asyncio.Event()
        latest: list[Activity] = []

        def check_budget() -> None:
            # After its last words it is at its end anyway; whatever it does with a tool leads to another reply.
            if latest and latest[-1].kind != "message" and self._task_budget.spent():
                spent.set()

        def on_reply(reply: ModelReply) -> None:
            session.on_reply(reply)
            check_budget()

        def on_activity(activity: Activity) -> None:
            cut = msgspec.structs.replace(activity, text=clean(activity.text, MAX_ACTIVITY))
            self._record(Acted(iteration=iteration.number, session=session.session, activity=cut))
            latest[:] = [activity]
            check_budget()

        async def ask_permission(request: PermissionRequest) -> PermissionAnswer:
            answer = await self._permissions.answer(iteration.number, request)
            iteration.refused += answer == "no"
            return answer

        working = asyncio.ensure_future(
            self._agent.work(
                session.session,
                prompt,
                continues=self._last_session,
                seconds=self._seconds_left(),
                dollars=self._task_budget.dollars_left(),
                on_reply=on_reply,
                on_activity=on_activity,
                ask_permission=ask_permission,
            )
        )
        stopping = asyncio.ensure_future(spent.wait())
        try:
            await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
            return working.result() if working.done() else AgentJobResult("", "budget")
        finally:
            working.cancel()
            stopping.cancel()
            await asyncio.gather(working, stopping, return_exceptions=True)  # it says what it still used

    async def _prove(self, iteration: TaskIteration) -> None:
        await self._ui.going()
        self._record(AcceptanceStarted(iteration=iteration.number, command=self._task.accept))
        acceptance = iteration.acceptance = await self._workspace.accept(iteration.number)
        self._record(AcceptanceEnded(iteration=iteration.number, acceptance=acceptance))
        if acceptance.verdict != "accepted":
            how = f"exit status {acceptance.status}" if acceptance.status is not None else acceptance.ended
            iteration.message = f"the acceptance command failed: {how}"

    def _seconds_left(self) -> float:
        return min(self._ui.seconds_for_fitting(), self._task_budget.seconds_left())

    # From the proof to the record -------------------------------------------------------------------------------------

    async def _grade(self, iteration: TaskIteration) -> Quality | None:
        if iteration.acceptance is None or iteration.result is None:
            return None
        changed = len(iteration.changes) + iteration.more
        own = grade_task_by_rule(iteration.acceptance, changed, iteration.result.end, iteration.refused)
        grader = self._grader
        if grader is None or not self._task.rubric:
            return own
        try:
            difference = await self._workspace.difference(iteration.number)
            prompt = rubric_grade_prompt(self._task, difference, iteration.acceptance)
            with self._sessions.open(
                iteration.number, 1, grader.name, grader.model, seconds=self._patience, purpose="grade"
            ) as session:
                return lower_grade(own, await grader.grade(prompt, session))
        except AgentError as error:
            return msgspec.structs.replace(own, fallback=clean(error.what, 200))

    def _decision_input(self, iteration: TaskIteration) -> DecisionInput:
        return DecisionInput(
            valid=iteration.acceptance is not None and iteration.acceptance.verdict != "could not run",
            quality=iteration.quality.value if iteration.quality else 0.0,
            improved=iteration.accepted,
            trouble=iteration.trouble,
        )

    def _metrics(self, iteration: TaskIteration) -> IterationMetrics:
        proved = iteration.acceptance is not None
        return IterationMetrics(
            valid=proved,
            scored=proved,
            accepted=iteration.accepted,
            rejected=proved and not iteration.accepted,
            tries=iteration.number,
        )

    def _asks_on_escalation(self, iteration: TaskIteration) -> bool:
        return not iteration.accepted

    def _obey(self, iteration: TaskIteration, reply: Reply) -> LoopEnd | None:
        if not isinstance(reply, Decide):
            iteration.decision = Decision("proceed", 1.0, "you chose to continue", by="person")
            return None
        iteration.decision = human_decision(reply.action)
        self._record(events.Decided(iteration=iteration.number, decision=iteration.decision))
        if reply.action == "checkpoint" and not iteration.accepted:
            self._ui.pause()
        return None

    @property
    def _failures(self) -> int:
        return self._task_failures

    def _failures_after(self, iteration: TaskIteration, decision: Decision) -> int:
        return self._task_failures + 1 if decision.action == "escalate" and not iteration.accepted else 0

    def _count_decision(self, iteration: TaskIteration, decision: Decision) -> None:
        self._task_failures = self._failures_after(iteration, decision)
        self._task_budget.count(self._task_failures)

    def _brought_progress(self, iteration: TaskIteration, decision: Decision) -> bool:  # noqa: ARG002 - a hook
        return iteration.accepted

    def _write_feedback(self, iteration: TaskIteration) -> str:
        ask = ""
        if iteration.decision is not None and iteration.decision.action == "clarify":
            ask = "Look at what it printed, say in one sentence what was wrong, and mend it."
        return task_feedback(iteration.acceptance, iteration.changes, iteration.more, iteration.message, ask)


def _last_session(state: LoopState, trials: list[Trial]) -> str:
    """The session in which the agent worked last, for a conversation that is to go on; "" if there is none."""
    iterations = {each.iteration for each in trials}
    worked = [
        each
        for each in state.sessions
        if each.iteration in iterations and each.outcome == "answered" and each.purpose == "propose"
    ]
    if not worked:
        return ""
    return worked[-1].foreign or worked[-1].id


def _restored(last: Trial) -> tuple[str, ...]:
    """The protected files that were restored before the iteration's acceptance."""
    return last.work.acceptance.restored if last.work and last.work.acceptance else ()


def _accepted_quality(last: Trial) -> float | None:
    """The quality of an iteration that was accepted, so that its work only has to be handed back; None where it was
    not."""
    acceptance = last.work.acceptance if last.work else None
    if acceptance is None or acceptance.verdict != "accepted":
        return None
    return last.quality.value if last.quality else 0.0
