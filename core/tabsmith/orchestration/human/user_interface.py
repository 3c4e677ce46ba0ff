"""The person at the other end of a run, and the purse, as the loop sees them. The worker's `Control` is one."""

from typing import Final, Literal, Protocol, TypeAlias

from tabsmith.limits import LimitName, Limits
from tabsmith.orchestration.questions import Mode, Question, Reply

LoopEnd: TypeAlias = Literal["done", "time", "iterations", "budget", "user"]
"""Why a loop ended."""

LIMIT_ENDS: Final[dict[LimitName, LoopEnd]] = {
    "seconds": "time",
    "iterations": "iterations",
    "tokens": "budget",
    "dollars": "budget",
    "failures": "budget",
}


class UserInterface(Protocol):
    """Who is asked, and tells; what is left of the time."""

    @property
    def mode(self) -> Mode: ...
    @property
    def notes(self) -> tuple[str, ...]: ...
    @property
    def limits(self) -> Limits: ...

    def seconds_for_fitting(self) -> float:
        """Seconds of work left before the run has to finish; infinite without a limit."""
        ...

    def asked_to_end(self) -> bool:
        """Whether the run is to end after the iteration."""
        ...

    def waiting(self, message: str) -> None:
        """An agent is asked now."""
        ...

    async def going(self) -> None:
        """Returns when the run is not paused."""
        ...

    async def ask(self, question: Question) -> Reply:
        """The person's answer; until it is there everything stands still."""
        ...

    def note(self, text: str) -> None:
        """What the agent is told from now on."""
        ...

    def set_limit(self, limit: LimitName, to: str) -> None:
        """Another limit from now on, a decimal; raises UsageError."""
        ...

    def pause(self) -> None:
        """Stand still until the person goes on."""
        ...
