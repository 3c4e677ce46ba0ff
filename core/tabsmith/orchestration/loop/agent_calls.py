"""Asking an agent for a recipe until it answers or the patience with it ends: sessions, and retries after a wait."""

import asyncio
import time
from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from tabsmith.agents.prompts.quoting import quote
from tabsmith.agents.protocol import Agent, AgentSession, Brief, Exhausted, ModelReply, Prompt, Proposal
from tabsmith.errors import AgentError, AgentErrorKind, AgentRateLimitError
from tabsmith.orchestration.events import LoopEvent, RetryScheduled
from tabsmith.orchestration.loop.iteration import Begun, Failure
from tabsmith.orchestration.loop.retries import next_retry
from tabsmith.orchestration.sessions import SessionRecorder
from tabsmith.text import clean


class NoAnswer(msgspec.Struct, frozen=True):
    """The agent was asked, as often as its trouble deserves, and gave no recipe."""

    trouble: AgentErrorKind
    message: str


class CallResult(msgspec.Struct, frozen=True):
    """What came of asking, and how often the agent was asked again."""

    answer: Proposal | Exhausted | NoAnswer
    sessions: tuple[str, ...] = ()
    retries: int = 0
    rate_limits: int = 0


def earlier_result(begun: Begun, answer: Proposal | Exhausted) -> CallResult:
    """What came of asking, as an earlier worker heard it."""
    return CallResult(answer, begun.sessions, len(begun.failures), _limited(begun.failures))


class _NoSession:
    """The talk of an agent that says nothing."""

    session = ""
    seconds = 0.0

    def on_prompt(self, letter: Prompt) -> None:
        raise AssertionError(f"an agent that does not speak has sent a letter: {letter.text[:80]}")

    def on_reply(self, turn: ModelReply) -> None:
        raise AssertionError(f"an agent that does not speak has heard a reply: {turn.text[:80]}")


NO_SESSION: AgentSession = _NoSession()


class AgentCaller:
    """How agents are asked. `patience` tells how many seconds a call may take now, `time_left` how many the run has for
    it all, `may_spend` whether another call is within the budget."""

    def __init__(
        self,
        sessions: SessionRecorder,
        record: Callable[[LoopEvent], None],
        *,
        patience: Callable[[], float],
        time_left: Callable[[], float],
        may_spend: Callable[[], bool],
    ) -> None:
        self._sessions = sessions
        self._record = record
        self._patience = patience
        self._time_left = time_left
        self._may_spend = may_spend

    async def ask(self, agent: Agent, brief: Brief, begun: Begun, *, only_once: bool = False) -> CallResult:
        """The agent's answer. One that speaks is asked in a session, again after a passing trouble unless `only_once`.
        `begun` tells in which sessions of this iteration it was asked before, and in vain."""
        if not agent.uses_llm:
            return CallResult(await agent.propose(brief, NO_SESSION))
        failures, sessions, retry_at = begun.failures, begun.sessions, begun.retry_at
        while True:
            if failures:
                if only_once or not retry_at:
                    retry_at = self._retry_at(brief.iteration, failures, sessions, only_once=only_once)
                    if not retry_at:
                        last = failures[-1]
                        answer = NoAnswer(last.trouble, clean(last.what, 300))
                        return CallResult(answer, sessions, len(failures) - 1, _limited(failures))
                await asyncio.sleep(max(0.0, retry_at - time.time()))
                retry_at = 0.0
            told = replace(brief, feedback=_with_unreadable(failures, brief.feedback))
            seconds = self._patience()
            try:
                with self._sessions.open(
                    brief.iteration, 1 + len(sessions), agent.name, agent.model, seconds=seconds
                ) as talk:
                    sessions += (talk.session,)
                    return CallResult(await agent.propose(told, talk), sessions, len(failures), _limited(failures))
            except AgentError as error:
                after = error.retry_after if isinstance(error, AgentRateLimitError) else None
                failures += (Failure(error.trouble, error.what, error.next_step, after),)

    def _retry_at(
        self, iteration: int, failures: tuple[Failure, ...], sessions: tuple[str, ...], *, only_once: bool
    ) -> float:
        """When the agent is asked again after the last of the failures, seconds since 1970; 0 for not at all."""
        last, before = failures[-1], len(failures) - 1
        if only_once or not self._may_spend():
            return 0.0
        retry = next_retry(last.trouble, before, last.retry_after, self._time_left(), seed=sessions[-1])
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


def _limited(failures: tuple[Failure, ...]) -> int:
    return sum(each.trouble == "rate limit" for each in failures)


def _with_unreadable(failures: tuple[Failure, ...], feedback: str) -> str:
    """The feedback, and what was wrong with the answers that could not be read."""
    for each in failures:
        if each.trouble == "data":
            words = f"Your last answer could not be read: {quote(each.what, 400)} {each.next_step}".strip()
            feedback = f"{words}\n{feedback}" if feedback else words
    return feedback
