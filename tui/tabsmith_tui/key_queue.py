"""A queue of keys: the next key is handled when everything that the key before it set off is done.

Textual gives a key to the widget that has the focus when the key arrives, and runs its binding only after the event has
bubbled up to the app. In a burst of keys (a slow line, a script) letters would overtake the keys that edit or move the
focus: "ab", backspace, "c" would become "ab".
"""

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from textual.app import App
from textual.events import Event
from textual.message_pump import MessagePump
from textual.timer import Timer

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
