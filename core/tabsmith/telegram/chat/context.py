"""What everybody at the bridge works with: the seats, the conversations, the outbox; and the turns in which things are
said, whose keys make a repetition after a kill harmless."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from tabsmith.agents.availability import selectable
from tabsmith.config.settings import Settings
from tabsmith.runs.events import RunState
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.runs.supervisor import Supervisor
from tabsmith.telegram.chat.access_control import AccessControl
from tabsmith.telegram.chat_state import ChatState, ChatStates
from tabsmith.telegram.paths import BridgePaths
from tabsmith.telegram.render.messages import Outgoing, OutgoingMessage
from tabsmith.telegram.render.text import StyledText
from tabsmith.telegram.status import StatusWriter
from tabsmith.telegram.transport.updates import TelegramUser
from tabsmith.workflow.awaited_run import AwaitedRun
from tabsmith.workflow.conversation import Conversation, find_run
from tabsmith.workflow.session_store import SessionStore

if TYPE_CHECKING:
    from tabsmith.telegram.transport.bot_api import BotApi
    from tabsmith.telegram.transport.outbox import Outbox
    from tabsmith.telegram.transport.sending import Sender


class UpdateContext:
    """An occasion to answer and to say something: an update, or the end of some work. Given the same key again, it
    counts out the same keys again, so that what was taken or said already is known.

    Answers to the conversation are "<key>.a0", "<key>.a1" ...; what is said is "<key>.0", "<key>.1" ...
    """

    def __init__(self, key: str, *, again: bool = False) -> None:
        self.key = key
        self.again = again  # it may have been begun before, by a process that was killed
        self._answers = 0
        self._said = 0

    def answer_key(self) -> str:
        """The key of the next answer."""
        self._answers += 1
        return f"{self.key}.a{self._answers - 1}"

    def skip_answers(self, count: int) -> None:
        """Leave out the keys of answers that another way through the same turn would give first: each answer has its
        key by what it is, whatever had been said before."""
        self._answers += count

    def begun(self, taken: tuple[str, ...]) -> bool:
        """Whether an answer of this turn is among those that were taken."""
        return any(key.startswith(f"{self.key}.a") for key in taken)

    def said_key(self) -> str:
        """The key of the next thing said."""
        self._said += 1
        return f"{self.key}.{self._said - 1}"

    @property
    def result_key(self) -> str:
        """The key of the turn in which the result of work begun in this one is told."""
        return f"{self.key}.r"


def first_answer_key(turn_key: str) -> str:
    """The key of the first answer in the turn of that key."""
    return UpdateContext(turn_key).answer_key()


def first_message_key(answer_key: str) -> str:
    """The key of what is said first in the turn of that answer."""
    return f"{answer_key.rpartition('.')[0]}.0"


@dataclass
class BridgeContext:
    """The bridge's inventory. One for each process."""

    place: BridgePaths
    door: AccessControl
    status: StatusWriter
    api: "BotApi"
    outbox: "Outbox"
    sender: "Sender"
    supervisor: Supervisor
    seats: ChatStates
    token_from: str
    server: str
    clock: Callable[[], float] = time.time
    awaited: dict[str, AwaitedRun] = field(default_factory=dict)  # by whose conversation it is
    turns: dict[str, asyncio.Lock] = field(default_factory=dict)
    _present: dict[int, ChatState] = field(default_factory=dict)  # nobody else writes seats
    _all_loaded: bool = False

    # Seats --------------------------------------------------------------------------------------------------------

    def seat_of(self, person: TelegramUser) -> ChatState:
        """The person's seat, a new one for somebody new."""
        known = self.seat(person.id)
        now = self.clock()
        if known is None:
            known = ChatState(user=person.id, chat=person.chat, name=person.name, seen_at=now)
        elif (known.chat, known.name) != (person.chat, person.name) or now - known.seen_at > 60:
            known = replace(known, chat=person.chat, name=person.name, seen_at=now)
        return self.keep(known)

    def seat(self, user: int) -> ChatState | None:
        """The seat of a user who was here before."""
        if user not in self._present:
            found = self.seats.load(user)
            if found is None:
                return None
            self._present[user] = found
        return self._present[user]

    def keep(self, seat: ChatState) -> ChatState:
        """Keep a seat as it is now; on disk, too, when it changed."""
        if self._present.get(seat.user) != seat:
            self.seats.save(seat)
            self._present[seat.user] = seat
        return seat

    def everybody(self) -> tuple[ChatState, ...]:
        """The seats of all who were here and are on the list now."""
        if not self._all_loaded:
            self._all_loaded = True
            for seat in self.seats.all():
                self._present.setdefault(seat.user, seat)
        return tuple(seat for seat in self._present.values() if self.door.may(seat.user))

    # Conversations ------------------------------------------------------------------------------------------------

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self.door.settings

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where tables may be read from."""
        return self.settings.paths.allowed

    def conversation(self, seat: ChatState) -> Conversation:
        """The conversation that the person is in, as it lies on disk now. Raises StorageError."""
        agents, why_not = selectable(self.door.availability)
        return Conversation(
            SessionStore(seat.session_user, clock=self.clock),
            self.settings,
            clock=self.clock,
            run=lambda run_id: self._run_for(seat.session_user, run_id),
            agents=agents,
            why_not=why_not,
            keeps_work=True,
        )

    def _run_for(self, session_user: str, run_id: str) -> RunSnapshot | None:
        """The run that a conversation waits for, as taking it up is to see it: one that has ended counts as going on,
        because its end is told, with its pictures, by who follows it; one that is being resumed is not interrupted."""
        if find_run(run_id) is None:
            return None
        look = self.awaited_run(session_user).look(run_id)
        if look is None or (look.run.state.ended and look.run.state is not RunState.INTERRUPTED):
            return RunSnapshot()
        return look.run

    def turn_of(self, session_user: str) -> asyncio.Lock:
        """Held while a conversation is being answered: one thing at a time."""
        return self.turns.setdefault(session_user, asyncio.Lock())

    def awaited_run(self, session_user: str) -> AwaitedRun:
        """The look at the run that a conversation waits for."""
        return self.awaited.setdefault(session_user, AwaitedRun())

    # Saying -------------------------------------------------------------------------------------------------------

    def say(self, turn: UpdateContext, seat: ChatState, what: Outgoing) -> str:
        """Put something into the outbox, once; returns its key."""
        key = turn.said_key()
        self.outbox.put(key, seat.user, seat.chat, what)
        return key

    def say_text(self, turn: UpdateContext, seat: ChatState, *text: StyledText) -> str:
        """`say` for words alone."""
        return self.say(turn, seat, OutgoingMessage(tuple(piece for part in text for piece in part)))
