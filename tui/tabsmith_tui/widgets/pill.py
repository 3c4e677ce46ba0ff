"""The status pill: a run's state as a glyph, a word and a colour together."""

from typing import Literal, TypeAlias

from textual.content import Content

from tabsmith.presentation.labels import IDLE, RUN_STATES
from tabsmith.runs.events import RunState
from tabsmith_tui.widgets.drawing import content

PillState: TypeAlias = RunState | Literal["idle"]


def pill(state: PillState) -> Content:
    """The pill of a run's state, such as "● running", or "○ idle"."""
    label = IDLE if state == "idle" else RUN_STATES[state]
    return content([(label.span,)])
