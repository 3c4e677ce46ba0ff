"""Calls of an agent: each in a session of its own, and repeated after a wait while its trouble is of a kind that passes.
While the planned agent fails, search proposes in its place; each change is recorded with its reason."""

import asyncio
import hashlib
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final, Generic, TypeVar

import msgspec

from tabsmith.agents.protocol import Agent, AgentName
from tabsmith.errors import AgentError, AgentErrorKind, AgentRateLimitError
from tabsmith.orchestration.events import AgentChanged, LoopEvent, RetryScheduled
from tabsmith.orchestration.sessions import RecordedSession, SessionRecorder
from tabsmith.text import clean

RETRIES: Final[Mapping[AgentErrorKind, int]] = MappingProxyType(
    {"network": 3, "timeout": 2, "data": 1, "rate limit": 3, "access": 0, "missing": 0, "program": 0}
)
"""Retries by trouble. A refused recipe is no trouble: the next brief says why it was refused, and nothing is repeated."""

FIRST_WAIT: Final = 0.5
"""Seconds before the first retry; each later one waits twice as long."""

_MAX_WAIT: Final = 30.0  # seconds, where the server asks for nothing
_MAX_REQUESTED_WAIT: Final = 60.0  # seconds, where the server asks for them
_JITTER: Final = 0.1  # share of the wait, so that many runs do not come back at once


class Retry(msgspec.Struct, frozen=True):
    """Retry `number` of at most `of`, after `wait` seconds."""

    number: int
    of: int
    wait: float


def next_retry(
    trouble: AgentErrorKind,
    retries_done: int,
    retry_after: float | None = None,
    seconds_left: float | None = None,
    *,
    seed: str = "",
) -> Retry | None:
    """Return the next retry; None if the trouble does not pass, if no retry is left, or if the wait would take all of
    the `seconds_left` (None for no limit).

    A server's own `retry_after` (seconds) is respected up to a minute. The wait is longer by a random share that `seed`
    determines.
    """
    allowed = RETRIES[trouble]
    if retries_done >= allowed:
        return None
    digest = hashlib.sha256(f"{seed}:{trouble}:{retries_done}".encode()).digest()
    random_share = int.from_bytes(digest[:4], "big") / 2**32
    wait = float(min(_MAX_WAIT, FIRST_WAIT * 2**retries_done * (1 + _JITTER * random_share)))
    if retry_after is not None and not math.isnan(retry_after):
        wait = max(wait, min(_MAX_REQUESTED_WAIT, retry_after))
    if seconds_left is not None and wait >= seconds_left:
        return None
    return Retry(retries_done + 1, allowed, wait)


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


FALLBACK_AFTER: Final = 3
"""After so many failures of the agent in a row, search takes over."""

RETRY_GAPS: Final = (1, 1, 2, 4)
"""Iterations of search before the agent is asked again: after its first failure, its second, ...; then the last one."""


class Fallback:
    """Decides whom to ask in an iteration, from what `unanswered`, `answered` and `settled` are told.

    `failures` and `reason` are those of an earlier worker: a run that is resumed while search stands in asks the agent
    again at once.
    """

    def __init__(
        self,
        planned: Agent,
        search: Agent,
        record: Callable[[LoopEvent], None],
        *,
        failures: int = 0,
        reason: str = "",
    ) -> None:
        self.planned = planned
        self.failures = failures
        self.reason = reason  # why search stands in; "" while it does not
        self.search = search
        self._record = record
        self._asked_in_vain = 0
        self._iterations_until_asked = 0

    @property
    def actual(self) -> Agent:
        """The agent that proposes at present."""
        return self.search if self.reason else self.planned

    def order(self) -> tuple[Agent, ...]:
        """The agents to ask in the iteration that begins, one after the other until one answers."""
        if not self.reason:
            return (self.planned,)
        if self._iterations_until_asked > 0:
            self._iterations_until_asked -= 1
            return (self.search,)
        return (self.planned, self.search)

    def called(self, name: AgentName) -> Agent:
        """The agent of that name in the journal."""
        return self.search if name == self.search.name else self.planned

    def unanswered(self) -> None:
        """The planned agent was asked again, and gave no answer."""
        self._wait()

    def answered(self, agent: Agent) -> None:
        """`agent` made a proposal; the planned agent is back if it was that one."""
        if agent is self.planned and self.reason:
            self.reason, self.failures, self._asked_in_vain = "", 0, 0
            self._record_change("it answers again")

    def failures_after(self, agent: Agent, *, failed: bool) -> int:
        """The planned agent's failures in a row, an iteration of `agent` included."""
        if agent is not self.planned or not agent.uses_llm:
            return self.failures
        return self.failures + 1 if failed else 0

    def settled(self, agent: Agent, *, failed: bool, why: str) -> None:
        """An iteration of `agent` is over; search takes over if it was one failure too many."""
        self.failures = self.failures_after(agent, failed=failed)
        if failed and self.failures >= FALLBACK_AFTER:
            self.give_up(f"{self.failures} failures in a row, the last: {why}")

    def give_up(self, reason: str) -> None:
        """Let search take over now, unless it proposes already."""
        if self.planned.uses_llm and not self.reason:
            self.reason = reason
            self._asked_in_vain = 0
            self._wait()
            self._record_change(reason)

    def _wait(self) -> None:
        self._iterations_until_asked = RETRY_GAPS[min(self._asked_in_vain, len(RETRY_GAPS) - 1)]
        self._asked_in_vain += 1

    def _record_change(self, reason: str) -> None:
        self._record(AgentChanged(planned=self.planned.name, actual=self.actual.name, reason=reason))
