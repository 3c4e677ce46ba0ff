"""Who proposes: the agent that was chosen, or search in its place while it fails; always said, with the reason."""

from collections.abc import Callable
from typing import Final

from tabsmith.agents.protocol import Agent, AgentName
from tabsmith.orchestration.events import AgentChanged, LoopEvent

FALLBACK_AFTER: Final = 3
"""After so many failures of the agent in a row, search takes over."""

RETRY_GAPS: Final = (1, 1, 2, 4)
"""Iterations of search between two looks whether the agent answers again; the last one from then on."""


class Fallback:
    """`order` says whom to ask in an iteration; what became of it is told to `unanswered`, `answered`, `settled`.

    `failures` and `reason` are those of an earlier worker: a run that is taken up with search standing in looks at once
    whether the agent answers again.
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
        self._looks = 0
        self._until_look = 0

    @property
    def actual(self) -> Agent:
        """Who proposes at present."""
        return self._search if self.reason else self.planned

    def order(self) -> tuple[Agent, ...]:
        """Whom to ask in the iteration that begins, one after the other until one answers."""
        if not self.reason:
            return (self.planned,)
        if self._until_look > 0:
            self._until_look -= 1
            return (self._search,)
        return (self.planned, self._search)

    def called(self, name: AgentName) -> Agent:
        """The agent that the journal calls so."""
        return self._search if name == self._search.name else self.planned

    def unanswered(self) -> None:
        """A look whether the planned agent answers again was in vain."""
        self._wait()

    def answered(self, agent: Agent) -> None:
        """`agent` made a proposal."""
        if agent is self.planned and self.reason:
            self.reason, self.failures, self._looks = "", 0, 0
            self._changed("it answers again")

    def failures_after(self, agent: Agent, *, failed: bool) -> int:
        """The planned agent's failures in a row, once this iteration of `agent` is decided."""
        if agent is not self.planned or not agent.uses_llm:
            return self.failures
        return self.failures + 1 if failed else 0

    def settled(self, agent: Agent, *, failed: bool, why: str) -> None:
        """An iteration of `agent` is over."""
        self.failures = self.failures_after(agent, failed=failed)
        if failed and self.planned.uses_llm and not self.reason and self.failures >= FALLBACK_AFTER:
            self._stand_in(f"{self.failures} failures in a row, the last: {why}")

    def give_up(self, why: str) -> None:
        """Hand over now."""
        if self.planned.uses_llm and not self.reason:
            self._stand_in(why)

    def _stand_in(self, why: str) -> None:
        self.reason = why
        self._looks = 0
        self._wait()
        self._changed(why)

    def _wait(self) -> None:
        self._until_look = RETRY_GAPS[min(self._looks, len(RETRY_GAPS) - 1)]
        self._looks += 1

    def _changed(self, reason: str) -> None:
        self._record(AgentChanged(planned=self.planned.name, actual=self.actual.name, reason=reason))
