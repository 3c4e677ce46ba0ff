"""The updates in an answer, each kept as it came: one that cannot be read must not stop the others."""

import json
from typing import Final

import msgspec

from tabsmith.telegram.failures import Garbled, ServerFault

_BAD: Final = (ValueError, RecursionError)  # msgspec's own errors and UnicodeDecodeError are ValueErrors


class RawUpdate(msgspec.Struct, frozen=True):
    """An update: its number, and the whole of it as a JSON object in one line."""

    update_id: int
    raw: msgspec.Raw


class Polled(msgspec.Struct, frozen=True):
    """What a poll brought, in order; `unreadable` says of each that could not be taken as it is, why."""

    updates: tuple[RawUpdate, ...]
    unreadable: tuple[str, ...] = ()


def read_updates(payload: bytes) -> Polled:
    """The updates in an answer. Raises Garbled, or ServerFault for what is no answer of the Bot API."""
    result = _result(payload)
    if not isinstance(result, list):
        # A page from some gateway is no word of the Bot API, and says nothing about the updates that wait there.
        theirs = payload[:80].replace(b" ", b"").replace(b"\n", b"").startswith(b'{"ok":true')
        raise (Garbled if theirs else ServerFault)(200, "an answer that cannot be read")
    updates: list[RawUpdate] = []
    unreadable: list[str] = []
    for element in result:
        number = element.get("update_id") if isinstance(element, dict) else None
        if type(number) is not int or not 0 <= number < 2**62:
            unreadable.append("an update without a number")
            continue
        raw = json.dumps(element, ensure_ascii=False).encode("utf-8", "replace")
        try:
            msgspec.json.decode(raw)
        except _BAD:
            unreadable.append("an update that is no proper JSON")
            raw = b'{"update_id":%d}' % number  # of no kind: it is passed over, and not fetched again
        updates.append(RawUpdate(number, msgspec.Raw(raw)))
    return Polled(tuple(updates), tuple(unreadable))


def _result(payload: bytes) -> object:
    try:
        # The standard library takes more than msgspec does, which would refuse all updates for one with half a
        # surrogate pair in it.
        answer = json.loads(payload.decode("utf-8", "replace"))
        return answer["result"] if answer["ok"] is True else None
    except (*_BAD, LookupError, TypeError):
        return None
