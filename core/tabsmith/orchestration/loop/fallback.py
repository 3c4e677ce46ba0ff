"""Who proposes: the planned agent, or search in its place while the agent fails. Each change is recorded with its reason."""

from collections.abc import Callable
from typing import Final

from tabsmith.agents.protocol import Agent, AgentName
from tabsmith.orchestration.events import AgentChanged, LoopEvent

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
        self._search = search
        self._record = record
        self._asked_in_vain = 0
        self._iterations_until_asked = 0

    @property
    def actual(self) -> Agent:
        """The agent that proposes at present."""
        return self._search if self.reason else self.planned

    def order(self) -> tuple[Agent, ...]:
        """The agents to ask in the iteration that begins, one after the other until one answers."""
        if not self.reason:
            return (self.planned,)
        if self._iterations_until_asked > 0:
            self._iterations_until_asked -= 1
            return (self._search,)
        return (self.planned, self._search)

    def called(self, name: AgentName) -> Agent:
        """The agent of that name in the journal."""
        return self._search if name == self._search.name else self.planned

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
