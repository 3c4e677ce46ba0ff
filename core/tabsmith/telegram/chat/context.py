"""The two contexts that handlers work with: one of the bridge, and one for each occasion to answer a person."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from msgspec.structs import replace

from tabsmith.agents.backend import selectable
from tabsmith.config.settings import Settings
from tabsmith.runs.events import RunState
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.runs.supervisor import Supervisor
from tabsmith.telegram.chat.access_control import AccessControl
from tabsmith.telegram.chat_state import ChatState, ChatStates, ChatView
from tabsmith.telegram.render.messages import Outgoing, OutgoingMessage
from tabsmith.telegram.render.text import StyledText
from tabsmith.telegram.status import BridgePaths, StatusWriter
from tabsmith.telegram.transport.updates import TelegramUser
from tabsmith.workflow.conversation import Conversation
from tabsmith.workflow.effects import AwaitedRun, run_snapshot
from tabsmith.workflow.session import SessionStore

if TYPE_CHECKING:
    from tabsmith.telegram.chat.jobs import ChatJobs
    from tabsmith.telegram.transport.bot_api import BotApi
    from tabsmith.telegram.transport.outbox import Outbox
    from tabsmith.telegram.transport.sending import Sender

_SEEN_INTERVAL = 60.0  # seconds; `seen_at` is saved no more often


@dataclass
class BridgeContext:
    """The parts of a running bridge, and the chat states of the people who talk to it. One for each process."""

    paths: BridgePaths
    access: AccessControl
    status: StatusWriter
    api: "BotApi"
    outbox: "Outbox"
    sender: "Sender"
    supervisor: Supervisor
    chat_states: ChatStates
    token_from: str
    server: str
    clock: Callable[[], float] = time.time
    jobs: "ChatJobs" = field(init=False)
    _awaited_runs: dict[str, AwaitedRun] = field(default_factory=dict)  # by session user
    _locks: dict[str, asyncio.Lock] = field(default_factory=dict)  # by session user
    _chats: dict[int, ChatState] = field(default_factory=dict)  # nobody else writes chat states
    _all_loaded: bool = False

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self.access.settings

    # Chat states --------------------------------------------------------------------------------------------------

    def visit(self, user: TelegramUser) -> ChatState:
        """The chat state of a user who has just written, a new one for somebody new."""
        chat = self.chat(user.id)
        now = self.clock()
        if chat is None:
            chat = ChatState(user=user.id, chat_id=user.chat_id, name=user.name, seen_at=now)
        elif (chat.chat_id, chat.name) != (user.chat_id, user.name) or now - chat.seen_at > _SEEN_INTERVAL:
            chat = replace(chat, chat_id=user.chat_id, name=user.name, seen_at=now)
        return self.save(chat)

    def chat(self, user: int) -> ChatState | None:
        """The chat state of a user; None for one who has never written."""
        if user not in self._chats:
            chat = self.chat_states.load(user)
            if chat is None:
                return None
            self._chats[user] = chat
        return self._chats[user]

    def save(self, chat: ChatState) -> ChatState:
        """Make this the chat's state; it is written to disk if it changed."""
        if self._chats.get(chat.user) != chat:
            self.chat_states.save(chat)
            self._chats[chat.user] = chat
        return chat

    def allowed_chats(self) -> tuple[ChatState, ...]:
        """The chat states of all who have written and may talk to the bot now."""
        if not self._all_loaded:
            self._all_loaded = True
            for chat in self.chat_states.all():
                self._chats.setdefault(chat.user, chat)
        return tuple(chat for chat in self._chats.values() if self.access.allows(chat.user))

    # Conversations ------------------------------------------------------------------------------------------------

    def conversation(self, chat: ChatState) -> Conversation:
        """The conversation that the person is in, as it is on disk now. Raises StorageError."""
        agents, why_not = selectable(self.access.availability)
        return Conversation(
            SessionStore(chat.session_user, clock=self.clock),
            self.settings,
            clock=self.clock,
            run=lambda run_id: self._run_for(chat.session_user, run_id),
            agents=agents,
            why_not=why_not,
            keeps_work=True,
            asker="bridge",
            readable=self.settings.paths.readable_by(str(chat.user)),
        )

    def _run_for(self, session_user: str, run_id: str) -> RunSnapshot | None:
        """The run that a conversation waits for, as the conversation is to see it when it is loaded.

        A run that has ended counts as going on, because `RunFollower` tells its end, with the pictures. A run that is
        being resumed does not count as interrupted.
        """
        if run_snapshot(run_id) is None:
            return None
        awaited = self.awaited_run(session_user).look(run_id)
        if awaited is None or (awaited.run.state.ended and awaited.run.state is not RunState.INTERRUPTED):
            return RunSnapshot()
        return awaited.run

    def conversation_lock(self, session_user: str) -> asyncio.Lock:
        """The lock held while a conversation is being answered: one update at a time."""
        return self._locks.setdefault(session_user, asyncio.Lock())

    def awaited_run(self, session_user: str) -> AwaitedRun:
        """The reader of the run that a conversation waits for."""
        return self._awaited_runs.setdefault(session_user, AwaitedRun())


class UpdateContext:
    """One occasion to answer a person: an update, the result of a job, or the end of a run.

    Its key makes a repetition after a kill harmless: made again with the same key, the context counts out the same
    keys for answers ("<key>.a0", "<key>.a1" ...) and for messages ("<key>.0", "<key>.1" ...), so that the session and
    the outbox know those they have. `repeated` says that a process that was killed may have begun it.
    """

    def __init__(self, bridge: BridgeContext, user: int, key: str, *, repeated: bool = False) -> None:
        self.bridge = bridge
        self.user = user
        self.key = key
        self.repeated = repeated
        self._answers = 0
        self._messages = 0

    @property
    def chat(self) -> ChatState:
        """The person's chat state as it is now."""
        chat = self.bridge.chat(self.user)
        assert chat is not None, "a context is made for a chat that is there"
        return chat

    def save(self, chat: ChatState) -> None:
        """Make this the person's chat state."""
        self.bridge.save(chat)

    def set_view(self, view: ChatView) -> None:
        """Have the person look at `view`; nothing is sent."""
        self.bridge.save(replace(self.chat, view=view))

    def conversation(self) -> Conversation:
        """The person's conversation, as it is on disk now. Raises StorageError."""
        return self.bridge.conversation(self.chat)

    def for_result(self) -> "UpdateContext":
        """The context in which the result of a job begun in this one is told."""
        return UpdateContext(self.bridge, self.user, f"{self.key}.r")

    # Answers to the conversation ------------------------------------------------------------------------------------

    def answer_key(self) -> str:
        """The key of the next answer."""
        self._answers += 1
        return f"{self.key}.a{self._answers - 1}"

    def skip_answer_keys(self, count: int) -> None:
        """Leave out keys of answers that another way through the same update would give first.

        An answer has its key by what it means, whatever was answered before a kill.
        """
        self._answers += count

    def has_answered(self, taken: tuple[str, ...]) -> bool:
        """Whether one of the answer keys that a session has `taken` is of this context."""
        return any(key.startswith(f"{self.key}.a") for key in taken)

    # Messages -------------------------------------------------------------------------------------------------------

    def send(self, outgoing: Outgoing) -> str:
        """Put a message into the outbox, once however often the context is repeated; returns its key."""
        key = f"{self.key}.{self._messages}"
        self._messages += 1
        self.bridge.outbox.put(key, self.user, self.chat.chat_id, outgoing)
        return key

    def send_text(self, *text: StyledText) -> str:
        """`send` for text without buttons."""
        return self.send(OutgoingMessage(tuple(piece for part in text for piece in part)))


def first_answer_key(context_key: str) -> str:
    """The key of the first answer in the context with that key."""
    return f"{context_key}.a0"


def first_message_key(context_key: str) -> str:
    """The key of the first message in the context with that key."""
    return f"{context_key}.0"
