"""Waiting for an end that may be a while in coming, because a person is asked in between."""

import asyncio
from typing import Any

from tabsmith.agents.patience import Patience


async def in_time(patience: Patience, end: asyncio.Future[Any]) -> bool:
    """Wait until `end` is done; False when patience is lost first. It is not cancelled."""
    lost = asyncio.ensure_future(patience.lost())
    try:
        await asyncio.wait((lost, end), return_when=asyncio.FIRST_COMPLETED)
        return end.done()
    finally:
        lost.cancel()
