"""Which trouble of an agent passes, how often it is asked again, and after how long a wait."""

import hashlib
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from tabsmith.agents.protocol import AgentErrorKind

RETRIES: Final[Mapping[AgentErrorKind, int]] = MappingProxyType(
    {
        "network": 3,
        "timeout": 2,
        "data": 1,
        "rate limit": 3,
        "access": 0,
        "missing": 0,
        "program": 0,
    }
)
"""Retries by trouble. A recipe that is refused is no trouble: the next brief tells the agent why, and nothing is asked
again."""

_FIRST: Final = 0.5  # seconds
_LONGEST: Final = 30.0  # seconds between two tries of ours
_LONGEST_ASKED: Final = 60.0  # seconds that a server may ask for
_JITTER: Final = 0.1  # share, so that many runs do not come back at once


class Retry(msgspec.Struct, frozen=True):
    """The `number`-th retry of `of`, after `wait` seconds."""

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
    """When to ask again, or None: the trouble does not pass, the retries are used up, or the wait would take all the
    time left (`seconds_left`, None for no limit).

    A server's own `retry_after` is waited for, up to a minute. The wait differs a little by `seed` and is the same for
    the same one.
    """
    most = RETRIES[trouble]
    if retries_done >= most:
        return None
    wait = max(_backoff(trouble, retries_done, seed), _asked(retry_after))
    if seconds_left is not None and wait >= seconds_left:
        return None
    return Retry(retries_done + 1, most, wait)


def _backoff(trouble: AgentErrorKind, retries_done: int, seed: str) -> float:
    digest = hashlib.sha256(f"{seed}:{trouble}:{retries_done}".encode()).digest()
    share = int.from_bytes(digest[:4], "big") / 2**32
    return float(min(_LONGEST, _FIRST * 2**retries_done * (1 + _JITTER * share)))


def _asked(retry_after: float | None) -> float:
    if retry_after is None or math.isnan(retry_after):
        return 0.0
    return min(_LONGEST_ASKED, max(0.0, retry_after))
