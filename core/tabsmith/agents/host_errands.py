"""Errands in the agents' process: the hands that carry them out, and the permissions that they wait for."""

import asyncio
import math
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from tabsmith import config
from tabsmith.agents.errands import Activity, Allowed, Errand, Finished, Hand, Permission
from tabsmith.agents.host_sandbox import around_commands, around_program
from tabsmith.agents.host_words import cut, sound
from tabsmith.agents.in_time import in_time
from tabsmith.agents.keys import redact
from tabsmith.agents.patience import Patience
from tabsmith.agents.protocol import SpeakerName, Turn
from tabsmith.agents.wire import Done, Heard, Notice, Shown, Wants
from tabsmith.config.tree import Agents
from tabsmith.errors import AgentError, AgentTimeoutError
from tabsmith.sandbox.running import scratch
from tabsmith.text import clean_block

_LONGEST_ACTIVITY: Final = 20_000  # characters


class Errands:
    """Those that are under way. `tell` is given every notice."""

    def __init__(self, tell: Callable[[Notice], None]) -> None:
        self._tell = tell
        self._wanted: dict[tuple[str, str], asyncio.Future[Allowed]] = {}  # by session and id

    def permit(self, session: str, name: str, allowed: Allowed) -> None:
        """Pass the answer on. It may come too late, for the errand may be over."""
        wanted = self._wanted.get((session, name))
        if wanted is not None and not wanted.done():
            wanted.set_result(allowed)

    async def carry_out(self, name: SpeakerName, errand: Errand, grace: float) -> Done:
        """Have the errand carried out; `grace` is how much longer than its seconds it may take. Raises AgentError."""
        with scratch() as own:
            return await self._carry_out(_make(name, config.load().agents, errand, Path(own)), errand, grace)

    async def _carry_out(self, hand: Hand, errand: Errand, grace: float) -> Done:
        session = errand.session
        patience = Patience(math.inf, errand.seconds + grace)  # silence is the hand's own affair

        def hear(turn: Turn) -> None:
            whole = msgspec.structs.replace(
                turn, text=cut(sound(turn.text)), model=sound(turn.model), foreign=sound(turn.foreign)
            )
            self._tell(Heard(session, whole))

        def show(activity: Activity) -> None:
            text = clean_block(redact(sound(activity.text)), _LONGEST_ACTIVITY)
            self._tell(Shown(session, msgspec.structs.replace(activity, text=text)))

        async def allow(permission: Permission) -> Allowed:
            key = (session, permission.id)
            wanted: asyncio.Future[Allowed] = asyncio.get_running_loop().create_future()
            self._wanted[key] = wanted
            try:
                with patience.waiting():
                    self._tell(Wants(session, permission))
                    return await wanted
            finally:
                del self._wanted[key]

        work = asyncio.ensure_future(hand.work(errand, hear, show, allow))
        try:
            if not await in_time(patience, work):
                raise AgentTimeoutError(f"The errand was not done within {errand.seconds:,.0f} s.")
            finished = work.result()
        finally:
            work.cancel()
            await asyncio.wait((work,))
            if not work.cancelled():
                work.exception()  # when it was given up, nobody looks at it
        return Done(session, Finished(cut(sound(finished.text)), finished.end))


def _make(name: SpeakerName, settings: Agents, errand: Errand, own: Path) -> Hand:
    match name:
        case "claude-code":
            from tabsmith.agents import claude_code_hands

            return claude_code_hands.make(settings, commands=around_commands(errand, own))
        case "acp":
            from tabsmith.agents import acp_hands

            return acp_hands.make(settings, around_program(errand, own))
        case "llm":
            raise AgentError(
                "The agent llm only answers; it cannot work in a folder.", next_step="Choose claude-code or acp."
            )
