"""One table for each kind of state: its glyph, word and tone, the same on every surface; an error as its three sentences."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from tabsmith.agents.agent_jobs import AgentJobEnd
from tabsmith.errors import ErrorReport
from tabsmith.formatting import MINUS
from tabsmith.orchestration.decisions import Cause
from tabsmith.presentation.spans import Line, Span, Tone, foreign, span
from tabsmith.runs.events import ExitReason, Outcome, RunState

if TYPE_CHECKING:
    from tabsmith.agents.backend import AvailabilityState


class Label(NamedTuple):
    """The glyph, word and tone of a state. The glyph is one cell wide in every terminal."""

    glyph: str
    word: str
    tone: Tone

    @property
    def text(self) -> str:
        """Glyph and word: `● running`."""
        return f"{self.glyph} {self.word}"

    @property
    def span(self) -> Span:
        """Glyph and word in the label's tone."""
        return Span(self.text, self.tone)


RUN_STATES: Final[Mapping[RunState, Label]] = MappingProxyType(
    {
        RunState.QUEUED: Label("◌", RunState.QUEUED.value, "dim"),
        RunState.READING: Label("◔", RunState.READING.value, "accent"),
        RunState.RUNNING: Label("●", RunState.RUNNING.value, "good"),
        RunState.WAITING: Label("◷", RunState.WAITING.value, "accent"),
        RunState.EVALUATING: Label("◑", RunState.EVALUATING.value, "good"),
        RunState.FINISHING: Label("◕", RunState.FINISHING.value, "good"),
        RunState.PAUSED: Label("‖", RunState.PAUSED.value, "warn"),
        RunState.ASKING: Label("?", RunState.ASKING.value, "warn"),
        RunState.STOPPING: Label("◍", RunState.STOPPING.value, "warn"),
        RunState.DONE: Label("✔", RunState.DONE.value, "good"),
        RunState.FAILED: Label("✘", RunState.FAILED.value, "bad"),
        RunState.INTERRUPTED: Label("!", RunState.INTERRUPTED.value, "warn"),
    }
)
IDLE: Final = Label("○", "idle", "dim")

OUTCOMES: Final[Mapping[Outcome, Label]] = MappingProxyType(
    {
        "success": Label("✔", "success", "good"),
        "success with limits": Label("✓", "with limits", "warn"),
        "partial": Label("◐", "partial", "warn"),
        "failed": Label("✘", "failed", "bad"),
        "blocked": Label("⊘", "blocked", "warn"),
        "cancelled": Label("□", "cancelled", "dim"),
    }
)
"""The outcome of a run, or of a task of a task file."""

EXIT_REASONS: Final[Mapping[ExitReason, str]] = MappingProxyType(
    {
        "done": "",
        "time": "time limit reached",
        "iterations": "iteration limit reached",
        "budget": "budget used up",
        "user": "stopped on request",
        "error": "",  # the error itself is shown
        "stuck": "no further progress",
        "agent failed": "the agent failed",
        "not handed back": "accepted, not handed back",
        "blocked": "a task it depends on did not succeed",
    }
)
"""Why a run or a task ended; empty where the outcome says all."""

LOG_TONES: Final[Mapping[str, Tone]] = MappingProxyType({"info": "plain", "warning": "warn", "error": "bad"})
"""The tone of a line of a run's log, by its level."""

AVAILABILITIES: "Final[Mapping[AvailabilityState, Label]]" = MappingProxyType(
    {
        "usable": Label("✔", "ready", "good"),
        "not usable": Label("✘", "not ready", "bad"),
        "unknown": Label("?", "not checked", "warn"),
    }
)
CAUSES: Final[Mapping[Cause, str]] = MappingProxyType(
    {
        "breakpoint": "breakpoint",
        "budget": "limit reached",
        "escalation": "needs you",
        "checkpoint": "checkpoint",
        "proposal": "proposal",
        "permission": "permission",
    }
)
"""Why a run asks its person."""

AGENT_JOB_ENDS: Final[Mapping[AgentJobEnd, str]] = MappingProxyType(
    {
        "done": "it said that it was done",
        "turn limit": "its turns were used up",
        "refused": "its model refused",
        "silence": "it was silent for too long",
        "budget": "the budget was spent",
    }
)
FILE_CHANGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "added": "+ added",
        "removed": f"{MINUS} removed",
        "modified": "~ changed",
        "renamed": "→ renamed",
        "mode": "~ mode",
        "link": "~ link",
    }
)


def error_lines(error: ErrorReport) -> tuple[Line, ...]:
    """An error in one to three lines; a place or a next step that is not known has none."""
    lines: list[Line] = [(Span("✘ ", "bad"), span(error.what, "bad", 600))]
    if error.where:
        lines.append((Span("at ", "dim"), foreign(error.where, limit=200)))
    if error.next_step:
        lines.append((span(error.next_step),))
    return tuple(lines)
