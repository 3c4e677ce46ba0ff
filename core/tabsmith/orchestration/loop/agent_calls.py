"""Calls of an agent: each in a session of its own, and again after a wait while its trouble passes."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

import msgspec

from tabsmith.agents.protocol import AgentName
from tabsmith.errors import AgentError, AgentErrorKind, AgentRateLimitError
from tabsmith.orchestration.events import LoopEvent, RetryScheduled
from tabsmith.orchestration.loop.retries import next_retry
from tabsmith.orchestration.sessions import RecordedSession, SessionRecorder
from tabsmith.text import clean

T = TypeVar("T")


class NoAnswer(msgspec.Struct, frozen=True):
    """The agent was asked as often as its trouble deserves, and gave no answer."""

    trouble: AgentErrorKind
    message: str


class CallResult(msgspec.Struct, Generic[T], frozen=True):
    """The answer, the ids of the sessions in which it was asked for, and how often the agent was asked again."""

    answer: T | NoAnswer
    sessions: tuple[str, ...] = ()
    retries: int = 0
    rate_limits: int = 0


class Failure(msgspec.Struct, frozen=True):
    """One call of the agent that went wrong, and how."""

    trouble: AgentErrorKind
    what: str
    next_step: str = ""
    retry_after: float | None = None


class EarlierCalls(msgspec.Struct, frozen=True):
    """Calls of the same iteration that an earlier worker made in vain: what went wrong, in which sessions, and when
    (seconds since 1970) the agent is to be asked again; 0 if that was not settled."""

    failures: tuple[Failure, ...] = ()
    sessions: tuple[str, ...] = ()
    retry_at: float = 0.0


NO_CALLS: Final = EarlierCalls()


class AgentCaller:
    """Calls agents. `call_seconds` says how long one call may take now, `seconds_left` how long the run has for all of
    it, and `may_spend` whether another call is within the budget."""

    def __init__(
        self,
        sessions: SessionRecorder,
        record: Callable[[LoopEvent], None],
        *,
        call_seconds: Callable[[], float],
        seconds_left: Callable[[], float],
        may_spend: Callable[[], bool],
    ) -> None:
        self._sessions = sessions
        self._record = record
        self._call_seconds = call_seconds
        self._seconds_left = seconds_left
        self._may_spend = may_spend

    async def call(
        self,
        agent: AgentName,
        model: str,
        iteration: int,
        ask: Callable[[RecordedSession, tuple[Failure, ...]], Awaitable[T]],
        *,
        earlier: EarlierCalls = NO_CALLS,
        only_once: bool = False,
    ) -> CallResult[T]:
        """Return what `ask` returns in a session; it is told the failures so far. After a passing trouble it is called
        again, unless `only_once`; NoAnswer takes the answer's place once no retry is left."""
        failures, sessions, retry_at = earlier.failures, earlier.sessions, earlier.retry_at
        while True:
            if failures:
                if only_once or not retry_at:
                    retry_at = 0.0 if only_once else self._schedule_retry(iteration, failures, sessions)
                    if not retry_at:
                        last = failures[-1]
                        answer = NoAnswer(last.trouble, clean(last.what, 300))
                        return CallResult(answer, sessions, len(failures) - 1, count_rate_limits(failures))
                await asyncio.sleep(max(0.0, retry_at - time.time()))
                retry_at = 0.0
            attempt, seconds = 1 + len(sessions), self._call_seconds()
            try:
                with self._sessions.open(iteration, attempt, agent, model, seconds=seconds) as session:
                    sessions += (session.session,)
                    return CallResult(
                        await ask(session, failures), sessions, len(failures), count_rate_limits(failures)
                    )
            except AgentError as error:
                after = error.retry_after if isinstance(error, AgentRateLimitError) else None
                failures += (Failure(error.trouble, error.what, error.next_step, after),)

    def _schedule_retry(self, iteration: int, failures: tuple[Failure, ...], sessions: tuple[str, ...]) -> float:
        """When the agent is asked again after the last of the failures, seconds since 1970; 0 for not at all."""
        last = failures[-1]
        if not self._may_spend():
            return 0.0
        retry = next_retry(last.trouble, len(failures) - 1, last.retry_after, self._seconds_left(), seed=sessions[-1])
        if retry is None:
            return 0.0
        until = time.time() + retry.wait
        self._record(
            RetryScheduled(
                iteration=iteration,
                trouble=last.trouble,
                retry=retry.number,
                retries=retry.of,
                until=until,
                message=clean(last.what, 300),
            )
        )
        return until


def count_rate_limits(failures: tuple[Failure, ...]) -> int:
    """How many of the failures were refusals for now."""
    return sum(failure.trouble == "rate limit" for failure in failures)
