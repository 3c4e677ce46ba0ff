"""Sending the agent of a task: a session each time, again after a passing trouble, stopped when the money is spent."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

import msgspec

from tabsmith.agents.agent_jobs import Activity, AgentJob, AgentJobResult, PermissionAnswer, PermissionRequest
from tabsmith.agents.protocol import AgentName, ModelReply
from tabsmith.errors import AgentError, AgentRateLimitError
from tabsmith.orchestration import events
from tabsmith.orchestration.events import LoopEvent
from tabsmith.orchestration.human.review import TaskReview
from tabsmith.orchestration.human.user_interface import UserInterface
from tabsmith.orchestration.limits.budget import TaskBudget, UsageTracker
from tabsmith.orchestration.loop import task_prompts
from tabsmith.orchestration.loop.iteration import TaskIteration
from tabsmith.orchestration.loop.retries import next_retry
from tabsmith.orchestration.sessions import RecordedSession, SessionRecorder
from tabsmith.orchestration.task_events import Acted, TaskEvent
from tabsmith.tasks import Task
from tabsmith.text import clean

SHOWN: Final = 300  # characters of an activity in the journal; the transcript has all of it


class TaskAgentProcess(Protocol):
    """The agent of a task, in its own process."""

    @property
    def name(self) -> AgentName: ...

    @property
    def model(self) -> str: ...

    def errand(self, task: Task, session: str, continues: str) -> AgentJob:
        """The errand without its letter: where, with which rights, how long."""
        ...

    async def work(
        self,
        errand: AgentJob,
        hear: Callable[[ModelReply], None],
        show: Callable[[Activity], None],
        allow: Callable[[PermissionRequest], Awaitable[PermissionAnswer]],
    ) -> AgentJobResult:
        """See agents/agent_jobs.py: Hand."""
        ...


class TaskAgentCaller:
    """Sends it once for each iteration. `last_session` is the one that worked, for a conversation that goes on."""

    def __init__(
        self,
        task: Task,
        hands: TaskAgentProcess,
        person: UserInterface,
        tracker: UsageTracker,
        limits: TaskBudget,
        consulting: TaskReview,
        sessions: SessionRecorder,
        record: Callable[[LoopEvent | TaskEvent], None],
        *,
        last_session: str,
    ) -> None:
        self._task = task
        self._hands = hands
        self._person = person
        self._tracker = tracker
        self._limits = limits
        self._consulting = consulting
        self._sessions = sessions
        self._record = record
        self._last_session = last_session

    async def send(self, step: TaskIteration, feedback: str) -> None:
        """Have the agent work. `step` tells how that ended."""
        while True:
            self._person.waiting(f"{self._hands.name} is at work")
            try:
                with self._sessions.open(
                    step.number,
                    step.retries + 1,
                    self._hands.name,
                    self._hands.model,
                    seconds=self._seconds(),
                ) as talk:
                    step.sessions.append(talk.session)
                    step.finished = await self._carried_out(step, talk, feedback)
                    step.trouble, step.message = None, ""
                    self._last_session = talk.session
                    return
            except AgentError as error:
                wait = self._again(step, error)
                if wait is None:
                    return
                await asyncio.sleep(wait)

    async def _carried_out(self, step: TaskIteration, talk: RecordedSession, feedback: str) -> AgentJobResult:
        letter = task_prompts.write_task_prompt(
            self._task, step.number, feedback, self._tracker.remaining(), self._person.notes
        )
        errand = self._hands.errand(self._task, talk.session, self._last_session)
        errand = msgspec.structs.replace(
            errand, prompt=letter, seconds=min(errand.seconds, self._seconds()), dollars=self._limits.dollars_left()
        )
        talk.on_prompt(letter)
        spent = asyncio.Event()
        latest: list[Activity] = []

        def look() -> None:
            # After its last words it is at its end anyway; whatever it does with a tool leads to another reply.
            if latest and latest[-1].kind != "message" and self._limits.spent():
                spent.set()

        def hear(turn: ModelReply) -> None:
            talk.on_reply(turn)
            look()

        def show(activity: Activity) -> None:
            cut = msgspec.structs.replace(activity, text=clean(activity.text, SHOWN))
            self._record(Acted(iteration=step.number, session=talk.session, activity=cut))
            latest[:] = [activity]
            look()

        working = asyncio.ensure_future(self._hands.work(errand, hear, show, self._consulting.allower(step)))
        stopping = asyncio.ensure_future(spent.wait())
        try:
            await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
            return working.result() if working.done() else AgentJobResult("", "budget")
        finally:
            working.cancel()
            stopping.cancel()
            await asyncio.gather(working, stopping, return_exceptions=True)  # it says what it still used

    def _again(self, step: TaskIteration, error: AgentError) -> float | None:
        """How long to wait until it is sent again; None when it is not."""
        step.trouble, step.message = error.trouble, clean(error.what, 300)
        step.rate_limits += isinstance(error, AgentRateLimitError)
        after = error.retry_after if isinstance(error, AgentRateLimitError) else None
        retry = next_retry(error.trouble, step.retries, after, self._seconds(), seed=step.sessions[-1])
        if retry is None or self._limits.spent():
            self._record(events.Unanswered(iteration=step.number, trouble=error.trouble, message=step.message))
            return None
        step.retries += 1
        self._record(
            events.RetryScheduled(
                iteration=step.number,
                trouble=error.trouble,
                retry=retry.number,
                retries=retry.of,
                until=time.time() + retry.wait,
                message=step.message,
            )
        )
        return retry.wait

    def _seconds(self) -> float:
        return min(self._person.seconds_for_fitting(), self._limits.seconds_left())
