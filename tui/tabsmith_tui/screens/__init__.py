"""The registry of screens. Each is one module beside this one, imported when the screen is first opened.

To add a screen, write its module, name it here, and give it keys in `keys.py`.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any, Final, Literal, TypeAlias

from textual.screen import Screen

ScreenName: TypeAlias = Literal[
    "home", "guided", "run", "result", "predict", "models", "runs", "agents", "tasks", "bridge", "explore"
]


def _lazy(module: str, name: str) -> Callable[..., Screen[Any]]:
    """A factory of the screen `name`, which imports the screen's module when it is called."""

    def make(*arguments: object, **options: object) -> Screen[Any]:
        screen: Screen[Any] = getattr(import_module(f"{__name__}.{module}"), name)(*arguments, **options)
        return screen

    return make


SCREENS: Final[dict[ScreenName, Callable[..., Screen[Any]]]] = {
    "home": _lazy("home", "HomeScreen"),
    "guided": _lazy("guided", "GuidedScreen"),
    "run": _lazy("run", "RunScreen"),
    "result": _lazy("result", "ResultScreen"),
    "predict": _lazy("predict", "PredictScreen"),
    "models": _lazy("models", "ModelsScreen"),
    "runs": _lazy("runs", "RunsScreen"),
    "agents": _lazy("agents", "AgentsScreen"),
    "tasks": _lazy("task_file", "TaskFileScreen"),
    "bridge": _lazy("bridge", "BridgeScreen"),
    "explore": _lazy("explore", "ExploreScreen"),
}
"""The screens that are opened by name, as `TabsmithApp.SCREENS`."""
