"""Calls of an agent: each in a session of its own, and repeated after a wait while its trouble is of a kind that passes."""

import asyncio
import hashlib
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final, Generic, TypeVar

import msgspec

from tabsmith.agents.protocol import AgentName
from tabsmith.errors import AgentError, AgentErrorKind, AgentRateLimitError
from tabsmith.orchestration.events import LoopEvent, RetryScheduled
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
