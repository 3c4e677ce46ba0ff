"""Keys one after the other: the next is looked at when all that the one before it set off in its widgets is done.

Textual gives each key to the widget that has the focus when it comes in, and runs its binding only when it has bubbled
up to the app. Of keys that come in one burst (a fast hand on a slow line, a script) the letters then overtake the keys
that edit or move the focus: "ab", backspace, "c" would become "ab".
"""

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from textual.app import App
from textual.events import Event
from textual.message_pump import MessagePump
from textual.timer import Timer

LONGEST_WAIT = 0.5  # seconds; a widget that is taken away, or waits for something itself, holds the next key no longer


class KeyQueue:
    """A queue of keys and pastes for `app`; `give` hands one on to Textual."""

    def __init__(self, app: App[Any], give: Callable[[Event], Awaitable[None]]) -> None:
        self._app = app
        self._give = give
        self._waiting: deque[Event] = deque()
        self._at_work = 0  # the number of the key under way; 0 is none
        self._count = 0
        self._timer: Timer | None = None

    async def take(self, event: Event) -> None:
        """Hand the key on now, or when those before it are done."""
        self._waiting.append(event)
        if not self._at_work:
            await self._next()

    async def _next(self) -> None:
        self._at_work = 0
        if self._timer is not None:
            self._timer.stop()
        if not self._waiting:
            return
        self._count += 1
        number = self._at_work = self._count
        way: list[MessagePump] = list((self._app.focused or self._app.screen).ancestors_with_self)
        self._timer = self._app.set_timer(LONGEST_WAIT, lambda: self._done(number))
        await self._give(self._waiting.popleft())
        self._follow(number, way)

    def _follow(self, number: int, way: list[MessagePump]) -> None:
        """Go the way that the key bubbles up, always behind it."""
        while way:
            step = way.pop(0)
            if step.call_later(self._follow, number, way) if way else step.call_later(self._done, number):
                return

    async def _done(self, number: int) -> None:
        if number == self._at_work:
            await self._next()
