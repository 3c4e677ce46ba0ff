"""An action as data: its id, its keys, and what it does in plain words."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Scope: TypeAlias = Literal[
    "app",
    "home",
    "runs",
    "beside",
    "models",
    "predict",
    "agents",
    "condition",
    "tasks",
    "bridge",
    "guided",
    "run",
    "try",
    "result",
    "question",
    "error",
]
"""Where an action works: everywhere ("app"), or on one screen; "question" and "error" are dialogs."""


@dataclass(frozen=True, slots=True)
class Action:
    """Something a person can do with a key, from the palette, or with the mouse in the footer.

    `keys` are Textual's key names, several divided by commas; a person may change them by `id`. `does` is Textual's
    action: `pause` is the method `action_pause` of the screen, `app.help_panel` one of the app. `help` is one sentence
    in plain words. `in_footer` shows it at the bottom of the screen.
    """

    id: str
    keys: str
    does: str
    label: str
    help: str
    scope: Scope
    in_footer: bool = True
