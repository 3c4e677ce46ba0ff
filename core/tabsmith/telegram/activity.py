"""Who talks to a bridge, and its newest messages, for a panel; read from its files, whether it runs or not."""

from typing import Final, Literal

import msgspec

from tabsmith.storage import Found
from tabsmith.telegram.chat_state import ChatStates
from tabsmith.telegram.status import BridgePaths
from tabsmith.telegram.transport.inbox import recent_updates
from tabsmith.telegram.transport.outbox import RecentMessage, recent_messages
from tabsmith.telegram.transport.updates import (
    ButtonPress,
    EditedMessage,
    FileMessage,
    IgnoredUpdate,
    TextMessage,
    UnsupportedMessage,
    parse_update,
)
from tabsmith.text import clean
from tabsmith.workflow.session import SessionStore

NOT_ON_THE_LIST: Final = "not answered: not on the list"
_MAX_CHARS: Final = 40


class ActivityEntry(msgspec.Struct, frozen=True):
    """A message that came in or went out at `at`; `note` says what became of it where that is worth saying."""

    at: float
    way: Literal["in", "out"]
    user: int
    name: str
    words: str
    note: str = ""


class BridgeUser(msgspec.Struct, frozen=True):
    """Somebody who talks to the bridge, or may. `seen_at` is 0 and `name` "" for one who has not written yet."""

    user: int
    name: str
    seen_at: float
    step: str  # state of their conversation; "" if there is none
    session: Literal["own", "local"]
    may: Literal["allowed", "not allowed"]


def recent_activity(paths: BridgePaths, most: int, allowed: tuple[int, ...]) -> tuple[ActivityEntry, ...]:
    """The newest messages in and out, the newest last. What a stranger wrote is not shown. Raises StorageError."""
    names = {chat.user: chat.name for chat in ChatStates(paths).all()}
    entries = [_received(update.at, update.update, allowed) for update in recent_updates(paths.inbox, most)]
    entries += [_sent(sent, names.get(sent.user, str(sent.user))) for sent in recent_messages(paths.outbox, most)]
    return tuple(sorted(entries, key=lambda entry: entry.at)[-most:])


def bridge_users(paths: BridgePaths, allowed: tuple[int, ...]) -> tuple[BridgeUser, ...]:
    """Everybody who has written, the latest seen first, then those on the list who have not. Raises StorageError."""
    chats = ChatStates(paths).all()
    users = [
        BridgeUser(
            chat.user,
            chat.name,
            chat.seen_at,
            _step(chat.session_user),
            chat.session,
            "allowed" if chat.user in allowed else "not allowed",
        )
        for chat in chats
    ]
    written = {chat.user for chat in chats}
    users += [BridgeUser(user, "", 0.0, "", "own", "allowed") for user in allowed if user not in written]
    return tuple(users)


def _step(session_user: str) -> str:
    match SessionStore(session_user).load():
        case Found(session):
            return session.state.value
        case _:
            return ""


def _received(at: float, raw: object, allowed: tuple[int, ...]) -> ActivityEntry:
    update = parse_update(raw)
    if isinstance(update, IgnoredUpdate):
        return ActivityEntry(at, "in", update.user, _stranger(update.user), "", f"not answered: {update.reason}")
    user = update.user
    if user.id not in allowed:
        return ActivityEntry(at, "in", user.id, _stranger(user.id), "", NOT_ON_THE_LIST)
    match update:
        case TextMessage(text=text, command=command):
            words = f"/{command} {text}".strip() if command else text
        case ButtonPress():
            words = "pressed a button"
        case FileMessage(name=name):
            words = f"a file: {name}"
        case EditedMessage():
            words = "changed a message"
        case UnsupportedMessage():
            words = "a message of another kind"
    return ActivityEntry(at, "in", user.id, user.name, clean(words, _MAX_CHARS))


def _sent(sent: RecentMessage, name: str) -> ActivityEntry:
    outcome = {"sent": "", "to send": "waits to be sent", "gave up": "not delivered"}[sent.outcome]
    note = ": ".join(part for part in (outcome, sent.why) if part)
    return ActivityEntry(sent.at, "out", sent.user, name, clean(sent.words, _MAX_CHARS), note)


def _stranger(user: int) -> str:
    return f"user {user}" if user else "unknown"
