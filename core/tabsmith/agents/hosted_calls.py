"""A question or an errand as the worker waits for its end: what is told about it, and how it came out."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeAlias, TypeVar

from tabsmith.agents.errands import Activity, Allowed, Errand, Finished, Permission
from tabsmith.agents.patience import Patience
from tabsmith.agents.protocol import Question, Turn
from tabsmith.agents.wire import Answered, Cancel, Done, Failed, Heard, Notice, Permit, Request, Shown, Wants
from tabsmith.errors import (
    AgentAccessError,
    AgentError,
    AgentMissingError,
    AgentNetworkError,
    AgentRateLimitError,
    AgentReplyError,
    AgentTimeoutError,
)

Hear: TypeAlias = Callable[[Turn], None]
Show: TypeAlias = Callable[[Activity], None]
Allow: TypeAlias = Callable[[Permission], Awaitable[Allowed]]

_KINDS: Final = (AgentMissingError, AgentNetworkError, AgentTimeoutError, AgentAccessError, AgentReplyError, AgentError)

Answer = TypeVar("Answer", str, Finished)


class Call(Generic[Answer]):
    """It waits for its answer. `send` writes a request to the agents' process; `patience` is how long that may take
    before it is given up itself."""

    def __init__(self, session: str, patience: Patience, hear: Hear, send: Callable[[Request], None]) -> None:
        self.session = session
        self.patience = patience
        self.answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._hear = hear
        self._send = send

    def take(self, notice: Notice) -> None:
        """What the process tells about this call. What the asker's own functions raise is the asker's, who gets it."""
        try:
            self._took(notice)
        except Exception as error:  # noqa: BLE001 - any: see above
            self.over(error)
            self._send(Cancel(self.session))

    def over(self, outcome: Answer | Exception) -> None:
        """The first outcome counts."""
        if self.answer.done():
            return
        if isinstance(outcome, Exception):
            self.answer.set_exception(outcome)
            self.answer.exception()  # who was cancelled does not look at it, and that is no fault
        else:
            self.answer.set_result(outcome)

    def forget(self) -> None:
        """Nobody waits any more."""

    def _took(self, notice: Notice) -> None:
        match notice:
            case Heard(_, turn):
                self._hear(turn)
            case Failed():
                self.over(_error(notice))


class Asked(Call[str]):
    """A question."""

    def __init__(self, question: Question, extra: float, hear: Hear, send: Callable[[Request], None]) -> None:
        super().__init__(question.session, Patience(math.inf, question.seconds + extra), hear, send)

    def _took(self, notice: Notice) -> None:
        if isinstance(notice, Answered):
            self.over(notice.text)
        else:
            super()._took(notice)


class Sent(Call[Finished]):
    """An errand. While `allow` asks a person the time stands still."""

    def __init__(
        self, errand: Errand, extra: float, hear: Hear, show: Show, allow: Allow, send: Callable[[Request], None]
    ) -> None:
        super().__init__(errand.session, Patience(math.inf, errand.seconds + extra), hear, send)
        self._show = show
        self._allow = allow
        self._asking: set[asyncio.Task[None]] = set()

    def forget(self) -> None:
        for asking in self._asking:
            asking.cancel()

    def _took(self, notice: Notice) -> None:
        match notice:
            case Shown(_, activity):
                self._show(activity)
            case Wants(_, permission):
                asking = asyncio.create_task(self._ask(permission))
                self._asking.add(asking)
                asking.add_done_callback(self._asking.discard)
            case Done(_, finished):
                self.over(finished)
            case _:
                super()._took(notice)

    async def _ask(self, permission: Permission) -> None:
        try:
            with self.patience.waiting():
                allowed = await self._allow(permission)
        except Exception as error:  # noqa: BLE001 - the asker's own, who gets it
            self.over(error)
            self._send(Cancel(self.session))
        else:
            self._send(Permit(self.session, permission.id, allowed))


def _error(failed: Failed) -> AgentError:
    """What was raised there, raised again here."""
    if failed.trouble == "rate limit":
        return AgentRateLimitError(failed.what, next_step=failed.next_step, retry_after=failed.retry_after)
    kind = next(kind for kind in _KINDS if kind.trouble == failed.trouble)
    return kind(failed.what, next_step=failed.next_step)
