"""The actions of `keys.py` as Textual bindings, checked against the person's keymap, and listed in the command palette; and
the queue in which pressed keys are handled.

A screen writes `BINDINGS = bindings("run.pause", "run.stop")`, or `BINDINGS = bindings_of("run")` for all of its scope.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from textual.app import App
from textual.binding import ActiveBinding, Binding, BindingType
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.events import Event
from textual.message_pump import MessagePump
from textual.timer import Timer

from tabsmith.text import clean, nearest
from tabsmith_tui.keys import ALL_ACTIONS, Action, Scope

ACTIONS: Final[Mapping[str, Action]] = MappingProxyType({action.id: action for action in ALL_ACTIONS})
"""Every action by its id, in the order of the table."""

_KEY_NAMES: Final = {
    "escape": "esc",
    "slash": "/",
    "colon": ":",
    "question_mark": "?",
    "delete": "del",
    "full_stop": ".",
    "comma": ",",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "plus": "+",
    "minus": "-",
    "pageup": "pgup",
    "pagedown": "pgdn",
}


class Keymap:
    """Keys that a person chose, by action id, and one sentence for each choice that was refused."""

    def __init__(self, keys: Mapping[str, str], problems: tuple[str, ...]) -> None:
        self.keys = dict(keys)
        self.problems = problems


def bindings(*action_ids: str) -> list[BindingType]:
    """Textual bindings of these actions, in this order."""
    return [_binding(ACTIONS[action_id]) for action_id in action_ids]


def bindings_of(scope: Scope, without: Collection[str] = ()) -> list[BindingType]:
    """Textual bindings of all actions of `scope`, in the order of the table; `without` those that a widget has."""
    return [_binding(action) for action in ACTIONS.values() if action.scope == scope and action.id not in without]


def check_keymap(chosen: Mapping[str, str]) -> Keymap:
    """Check the keys that a person chose: the part that is usable, and one sentence for each choice that is not.

    An unknown id is named together with its nearest one. A key that another action of the same screen, or of the whole
    app, already has is refused: the action keeps the key it had.
    """
    problems: list[str] = []
    keys: dict[str, str] = {}
    for action_id, wanted in chosen.items():
        if action_id not in ACTIONS:
            problems.append(
                f"ui.keymap: there is no action {clean(action_id, 60)!r}; the nearest is {nearest(action_id, ACTIONS, cutoff=0.0)!r}."
            )
        elif not _split(wanted):
            problems.append(f"ui.keymap: {action_id} has no key; it keeps {ACTIONS[action_id].keys}.")
        else:
            keys[action_id] = ",".join(_split(wanted))
    clash = _clash(keys)
    while clash:
        mine, other, key = clash
        problems.append(
            f"ui.keymap: {mine} cannot have {clean(key, 20)!r}: {other} ({ACTIONS[other].label}) has it already. "
            f"{mine} keeps {ACTIONS[mine].keys}."
        )
        del keys[mine]
        clash = _clash(keys)
    return Keymap({**_siblings(keys), **keys}, tuple(problems))


def key_words(key: str) -> str:
    """A key as it is written on a keyboard: `enter`, `esc`, `ctrl+q`, `/`, `f1`."""
    *modifiers, last = key.split("+")
    return "+".join([*modifiers, _KEY_NAMES.get(last, last)])


def _clash(keys: Mapping[str, str]) -> tuple[str, str, str] | None:
    """The first rebound action whose key another action has at the same place: (rebound, other, key)."""
    for mine, wanted in keys.items():
        for other in ACTIONS.values():
            if other.id == mine or not _meet(ACTIONS[mine].scope, other.scope):
                continue
            shared = set(_split(wanted)) & set(_split(keys.get(other.id, other.keys)))
            if shared - set(_split(ACTIONS[mine].keys)):
                return mine, other.id, min(shared - set(_split(ACTIONS[mine].keys)))
    return None


def _siblings(keys: Mapping[str, str]) -> dict[str, str]:
    """The actions that share a key with a rebound one at the same place, with their own keys.

    Several may share one, each for another step of a screen. Textual drops a rebound action's old keys for all of them.
    """
    return {
        other.id: other.keys
        for mine in keys
        for other in ACTIONS.values()
        if other.scope == ACTIONS[mine].scope and set(_split(other.keys)) & set(_split(ACTIONS[mine].keys))
    }


def _meet(a: Scope, b: Scope) -> bool:
    return a == b or "app" in (a, b)


def _split(keys: str) -> list[str]:
    return [part.strip() for part in keys.split(",") if part.strip()]


def _binding(action: Action) -> Binding:
    return Binding(action.keys, action.does, action.label, show=action.in_footer, tooltip=action.help, id=action.id)


class ActionCommands(Provider):
    """The command palette: finds the actions that are possible now by label, help or id, and shows their keys."""

    async def discover(self) -> Hits:
        """List every possible action, before anything is typed."""
        for label, text, help_text, active in self._actions():
            yield DiscoveryHit(label, partial(self._do, active), text=text, help=help_text)

    async def search(self, query: str) -> Hits:
        """List the actions that match what is typed."""
        matcher = self.matcher(query)
        for label, text, help_text, active in self._actions():
            score = max(matcher.match(text), 0.6 * matcher.match(help_text))
            if score > 0:
                yield Hit(score, label, partial(self._do, active), text=text, help=help_text)

    async def _do(self, active: ActiveBinding) -> None:
        await self.app.run_action(active.binding.action, default_namespace=active.node)

    def _actions(self) -> Iterator[tuple[Content, str, str, ActiveBinding]]:
        seen: set[str] = {"app.palette"}
        for active in self.screen.active_bindings.values():
            name = active.binding.id or ""
            if name in seen or name not in ACTIONS or not active.enabled:
                continue
            seen.add(name)
            action = ACTIONS[name]
            label = Content.assemble(action.label, (f"   {self.app.get_key_display(active.binding)}", "$quiet"))
            yield label, f"{action.label} {action.id}", action.help, active


LONGEST_WAIT = 0.5  # seconds; a widget that was removed, or waits itself, delays the next key no longer


class KeyQueue:
    """A queue of keys and pastes for `app`; `handle` passes an event to Textual."""

    def __init__(self, app: App[Any], handle: Callable[[Event], Awaitable[None]]) -> None:
        self._app = app
        self._handle = handle
        self._waiting: deque[Event] = deque()
        self._current = 0  # the number of the key that is being handled; 0 for none
        self._count = 0
        self._timer: Timer | None = None

    async def take(self, event: Event) -> None:
        """Handle the event now, or after the events before it."""
        self._waiting.append(event)
        if not self._current:
            await self._next()

    async def _next(self) -> None:
        self._current = 0
        if self._timer is not None:
            self._timer.stop()
        if not self._waiting:
            return
        self._count += 1
        number = self._current = self._count
        path: list[MessagePump] = list((self._app.focused or self._app.screen).ancestors_with_self)
        self._timer = self._app.set_timer(LONGEST_WAIT, lambda: self._done(number))
        await self._handle(self._waiting.popleft())
        self._follow(number, path)

    def _follow(self, number: int, path: list[MessagePump]) -> None:
        """Follow the event up its path of widgets, always behind it; at the end it is handled."""
        while path:
            node = path.pop(0)
            if node.call_later(self._follow, number, path) if path else node.call_later(self._done, number):
                return

    async def _done(self, number: int) -> None:
        if number == self._current:
            await self._next()
