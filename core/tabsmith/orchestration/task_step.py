"""An iteration of a task while it happens."""

from dataclasses import dataclass, field

from tabsmith.agents.errands import Finished
from tabsmith.agents.usage import Usage
from tabsmith.errors import Trouble
from tabsmith.orchestration.decisions import Decision, Quality
from tabsmith.orchestration.task_events import Acceptance, Changed


@dataclass
class Step:
    """What is known of it so far. `finished` is None until the agent came back."""

    number: int
    started: float
    usage_before: Usage
    finished: Finished | None = None
    trouble: Trouble | None = None
    message: str = ""
    retries: int = 0
    rate_limits: int = 0
    refused: int = 0  # permissions
    changes: tuple[Changed, ...] = ()
    more: int = 0
    acceptance: Acceptance | None = None
    quality: Quality | None = None
    decision: Decision | None = None
    sessions: list[str] = field(default_factory=list)

    @property
    def accepted(self) -> bool:
        return self.acceptance is not None and self.acceptance.verdict == "accepted"
