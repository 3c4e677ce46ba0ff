"""Retries of an agent's call: which trouble passes, how often the call is repeated, and after how long a wait."""

import hashlib
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from tabsmith.errors import AgentErrorKind

RETRIES: Final[Mapping[AgentErrorKind, int]] = MappingProxyType(
    {"network": 3, "timeout": 2, "data": 1, "rate limit": 3, "access": 0, "missing": 0, "program": 0}
)
"""Retries by trouble. A refused recipe is no trouble: the next brief says why it was refused, and nothing is repeated."""

FIRST_WAIT: Final = 0.5
"""Seconds before the first retry; each later one waits twice as long."""

_MAX_WAIT: Final = 30.0  # seconds, where the server asks for nothing
_MAX_REQUESTED_WAIT: Final = 60.0  # seconds, where the server asks for them
_JITTER: Final = 0.1  # share of the wait, so that many runs do not come back at once


class Retry(msgspec.Struct, frozen=True):
    """Retry `number` of at most `of`, after `wait` seconds."""

    number: int
    of: int
    wait: float


def next_retry(
    trouble: AgentErrorKind,
    retries_done: int,
    retry_after: float | None = None,
    seconds_left: float | None = None,
    *,
    seed: str = "",
) -> Retry | None:
    """Return the next retry; None if the trouble does not pass, if no retry is left, or if the wait would take all of
    the `seconds_left` (None for no limit).

    A server's own `retry_after` (seconds) is respected up to a minute. The wait is longer by a random share that `seed`
    determines.
    """
    allowed = RETRIES[trouble]
    if retries_done >= allowed:
        return None
    digest = hashlib.sha256(f"{seed}:{trouble}:{retries_done}".encode()).digest()
    random_share = int.from_bytes(digest[:4], "big") / 2**32
    wait = float(min(_MAX_WAIT, FIRST_WAIT * 2**retries_done * (1 + _JITTER * random_share)))
    if retry_after is not None and not math.isnan(retry_after):
        wait = max(wait, min(_MAX_REQUESTED_WAIT, retry_after))
    if seconds_left is not None and wait >= seconds_left:
        return None
    return Retry(retries_done + 1, allowed, wait)
