"""Where one person stands beside the conversation: what they look at, which runs they follow, what they hear of."""

from typing import Final, Literal, TypeAlias

import msgspec
from msgspec.structs import replace

from tabsmith.storage import Document, Found
from tabsmith.telegram.paths import BridgePaths
from tabsmith.workflow.effects import PredictFile
from tabsmith.workflow.session import LOCAL_USER

CHAT_STATE_VERSION: Final = 1

NotificationLevel: TypeAlias = Literal["on", "silent", "off"]
NotificationKind: TypeAlias = Literal["question", "finished", "failed", "champion", "budget", "agent"]
"""What a run may tell: it asks, it ended with a model, it ended without one, another champion, a limit nearly spent,
another agent proposes than planned."""

ChatViewKind: TypeAlias = Literal[
    "prompt",  # where the conversation stands
    "columns",  # a page of its columns
    "column",  # one of them, `name`, to be changed
    "field",  # a field of the model step, `name`, to be typed or chosen
    "runs",
    "run",  # `name` is a run's id from here on
    "answer",  # words for the agent, in answer to the run's question
    "amount",  # more of a limit
    "note",
    "models",
    "model",  # `name` is a model's id
    "predict",  # new rows for that model
    "settings",
    "upload",  # a file, `name` its path, came where none was asked for
]


class ChatView(msgspec.Struct, frozen=True):
    """What a person looks at; what they type next is meant for it."""

    kind: ChatViewKind = "prompt"
    name: str = ""
    page: int = 0


class FollowedRun(msgspec.Struct, frozen=True):
    """A run that the person hears of; `board` is the outbox key of the message that shows it live, "" for none."""

    run_id: str
    board: str = ""
    told: tuple[str, ...] | None = None  # keys of notices that are no news any more; None before the first look


class PredictionJob(msgspec.Struct, frozen=True):
    """Predictions with a model of the list, under way: asked for in the turn of that key."""

    turn: str
    effect: PredictFile


class ChatState(msgspec.Struct, frozen=True, kw_only=True):
    """A person's place at the bridge."""

    user: int
    chat: int
    name: str
    seen_at: float = 0.0
    session: Literal["own", "local"] = "own"  # `local`: they went on with the terminal's conversation
    view: ChatView = ChatView()
    followed: tuple[FollowedRun, ...] = ()
    follow_all: bool = False  # every run of this machine, those of the terminal too
    hear: dict[NotificationKind, NotificationLevel] = {}
    job: PredictionJob | None = None

    def notification_level(self, kind: NotificationKind) -> NotificationLevel:
        """How the person wants to hear of something."""
        return self.hear.get(kind, DEFAULT_LEVELS[kind])

    @property
    def session_user(self) -> str:
        """Whose conversation it is, as `SessionStore` names it."""
        return LOCAL_USER if self.session == "local" else session_user(self.user)

    def following(self, run_id: str, board: str = "") -> "ChatState":
        """The same, with the run followed; its newest board counts."""
        known = next((each for each in self.followed if each.run_id == run_id), FollowedRun(run_id))
        others = tuple(each for each in self.followed if each.run_id != run_id)
        return replace(self, followed=(*others, replace(known, board=board or known.board)))

    def told(self, run_id: str, keys: tuple[str, ...]) -> "ChatState":
        """The same, with these notices of the run told."""
        changed = (replace(each, told=keys) if each.run_id == run_id else each for each in self.followed)
        return replace(self, followed=tuple(changed))

    def leaving(self, run_id: str) -> "ChatState":
        """The same, with the run not followed any more."""
        return replace(self, followed=tuple(each for each in self.followed if each.run_id != run_id))


DEFAULT_LEVELS: Final[dict[NotificationKind, NotificationLevel]] = {
    "question": "on",
    "finished": "on",
    "failed": "on",
    "champion": "off",
    "budget": "silent",
    "agent": "silent",
}


def session_user(user: int) -> str:
    """The owner of a Telegram user's own conversation: `telegram-12345`."""
    return f"telegram-{user}"


class ChatStates:
    """The seats of a bridge, each a document of its own. Methods raise StorageError."""

    def __init__(self, place: BridgePaths) -> None:
        self._place = place

    def load(self, user: int) -> ChatState | None:
        """The person's seat; None for somebody new, and for one whose seat was damaged (it is moved aside)."""
        match self._document(user).load():
            case Found(seat):
                return seat
            case _:
                return None

    def save(self, seat: ChatState) -> None:
        """Keep the seat."""
        self._document(seat.user).save(seat)

    def all(self) -> tuple[ChatState, ...]:
        """Every seat, the latest seen first."""
        folder = self._place.seat(0).parent
        numbers = [path.stem for path in folder.glob("*.json")] if folder.is_dir() else []
        seats = [self.load(int(number)) for number in numbers if number.isdigit()]
        return tuple(sorted((seat for seat in seats if seat), key=lambda seat: -seat.seen_at))

    def _document(self, user: int) -> Document[ChatState]:
        return Document(self._place.seat(user), ChatState, version=CHAT_STATE_VERSION, name="seat")
