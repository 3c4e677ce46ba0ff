"""The person at the other end of a run, as the loop sees them. The worker's `RunController` implements it."""

from typing import Final, Literal, Protocol, TypeAlias

from tabsmith.config.settings import Mode
from tabsmith.limits import LimitName, Limits
from tabsmith.orchestration.questions import Question, Reply

LoopEnd: TypeAlias = Literal["done", "time", "iterations", "budget", "user"]
"""Why a loop ended; `done` if the agent or the loop itself had nothing more to do."""

LIMIT_ENDS: Final[dict[LimitName, LoopEnd]] = {
    "seconds": "time",
    "iterations": "iterations",
    "tokens": "budget",
    "dollars": "budget",
    "failures": "budget",
}


class UserInterface(Protocol):
    """Asks a person and takes their notes; knows the limits and what is left of the time."""

    @property
    def mode(self) -> Mode: ...
    @property
    def notes(self) -> tuple[str, ...]: ...
    @property
    def limits(self) -> Limits: ...

    def seconds_for_fitting(self) -> float:
        """Seconds of work left before finishing has to begin; infinite without a time limit."""
        ...

    def asked_to_end(self) -> bool:
        """Whether the person wants the run to end after the iteration."""
        ...

    def waiting(self, message: str) -> None:
        """Show that an agent is asked now."""
        ...

    async def going(self) -> None:
        """Return once the run is not paused."""
        ...

    async def ask(self, question: Question) -> Reply:
        """Return the person's reply; until then everything stands still."""
        ...

    def note(self, text: str) -> None:
        """Tell the agent `text` in every brief from now on."""
        ...

    def set_limit(self, limit: LimitName, to: str) -> None:
        """Set a limit to `to`, a decimal. Raises UsageError for what is no amount."""
        ...

    def pause(self) -> None:
        """Pause until the person resumes."""
        ...
