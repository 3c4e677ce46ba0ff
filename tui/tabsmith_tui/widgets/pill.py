"""The status pill: a run's state as a glyph, a word and a colour together."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from textual.content import Content

from tabsmith.runs.events import RunState

PillState: TypeAlias = RunState | Literal["idle"]

# Glyphs are one cell wide in every terminal, and no two states share one.
_LOOKS: Final[Mapping[PillState, tuple[str, str]]] = MappingProxyType(
    {
        "idle": ("○", "$quiet"),
        RunState.QUEUED: ("◌", "$quiet"),
        RunState.READING: ("◔", "$accent"),
        RunState.RUNNING: ("●", "$good"),
        RunState.WAITING: ("◷", "$accent"),
        RunState.EVALUATING: ("◑", "$good"),
        RunState.FINISHING: ("◕", "$good"),
        RunState.PAUSED: ("‖", "$warn"),
        RunState.ASKING: ("?", "$warn"),
        RunState.STOPPING: ("◍", "$warn"),
        RunState.DONE: ("✔", "$good"),
        RunState.FAILED: ("✘", "$bad"),
        RunState.INTERRUPTED: ("!", "$warn"),
    }
)


def pill(state: PillState) -> Content:
    """The pill of `state`, such as "● running"; the word is the state's own."""
    glyph, style = _LOOKS[state]
    return Content.styled(f"{glyph} {state}", style)
