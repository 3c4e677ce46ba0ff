"""Chat states: per person, what they look at, which runs they follow and which notifications they get.

The conversation itself is not part of a chat state: it is a workflow session, which the terminal can continue too.
"""

from typing import Final, Literal, TypeAlias

import msgspec
from msgspec.structs import replace

from tabsmith.runs.jobs import Predict
from tabsmith.storage import Document, Found
from tabsmith.telegram.status import BridgePaths
from tabsmith.workflow.session import LOCAL_USER

CHAT_STATE_VERSION: Final = 1

NotificationLevel: TypeAlias = Literal["on", "silent", "off"]
NotificationKind: TypeAlias = Literal[
    "question",  # the run waits for an answer
    "finished",  # it ended with a model, or a person stopped it
    "failed",  # it ended without a model
    "champion",  # it has another champion
    "budget",  # one of its limits is nearly spent
    "agent",  # another agent than planned proposes
]
DEFAULT_LEVELS: Final[dict[NotificationKind, NotificationLevel]] = {
    "question": "on",
    "finished": "on",
    "failed": "on",
    "champion": "off",
    "budget": "silent",
    "agent": "silent",
}

ChatViewKind: TypeAlias = Literal[
    "prompt",  # the current step of the conversation
    "columns",  # a page of the step's columns
    "column",  # one column, `name`, to be changed
    "field",  # one field of the model step, `name`, to be typed or chosen
    "asked",  # a question back about the table; `name` is what was asked, and a typed number chooses
    "runs",
    "run",  # `name` is the run's id, here and in the next three
    "answer",  # what is typed answers the run's question
    "amount",  # what is typed raises a limit of the run
    "note",  # what is typed is a note to the run's agent
    "models",
    "model",  # `name` is the model's id, here and in the next one
    "predict",  # what is sent are new rows for the model
    "predict_missing",  # the same; `name` is the model's id, and an important column may be missing
    "settings",
    "upload",  # a file came unasked; `name` is its path
]


class ChatView(msgspec.Struct, frozen=True):
    """What a person looks at; what they type next is meant for it."""

    kind: ChatViewKind = "prompt"
    name: str = ""
    page: int = 0


class FollowedRun(msgspec.Struct, frozen=True):
    """A run that the person follows.

    `message_key` is the outbox key of the live message that shows the run, "" for none. `notified` are the keys of
    notifications that are not news any more; None before the first look at the run.
    """

    run_id: str
    message_key: str = msgspec.field(default="", name="board")
    notified: tuple[str, ...] | None = msgspec.field(default=None, name="told")


class PredictionJob(msgspec.Struct, frozen=True):
    """Predictions under way with a model of the list, asked for in the update context with key `context_key`."""

    context_key: str = msgspec.field(name="turn")
    effect: Predict


class ChatState(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one person's chat with the bot; a document of its own."""

    user: int
    chat_id: int = msgspec.field(name="chat")
    name: str
    seen_at: float = 0.0  # seconds since 1970
    session: Literal["own", "local"] = "own"  # `local`: the person continues the terminal's conversation
    view: ChatView = ChatView()
    followed: tuple[FollowedRun, ...] = ()
    follow_all: bool = False  # notifications of every run of this machine, those of the terminal too
    levels: dict[NotificationKind, NotificationLevel] = msgspec.field(default_factory=dict, name="hear")
    job: PredictionJob | None = None

    def notification_level(self, kind: NotificationKind) -> NotificationLevel:
        """How notifications of this kind arrive."""
        return self.levels.get(kind, DEFAULT_LEVELS[kind])

    @property
    def session_user(self) -> str:
        """The owner of the person's conversation, as `SessionStore` names it."""
        return LOCAL_USER if self.session == "local" else session_user(self.user)

    def followed_run(self, run_id: str) -> FollowedRun | None:
        """The entry of a followed run; None if the run is not followed."""
        return next((run for run in self.followed if run.run_id == run_id), None)

    def with_followed(self, run_id: str, message_key: str = "") -> "ChatState":
        """The state with the run followed; a newer live message replaces the earlier one."""
        followed = self.followed_run(run_id) or FollowedRun(run_id)
        others = tuple(run for run in self.followed if run.run_id != run_id)
        return replace(self, followed=(*others, replace(followed, message_key=message_key or followed.message_key)))

    def with_notified(self, run_id: str, keys: tuple[str, ...]) -> "ChatState":
        """The state with these notifications of a followed run sent."""
        changed = (replace(run, notified=keys) if run.run_id == run_id else run for run in self.followed)
        return replace(self, followed=tuple(changed))

    def without_followed(self, run_id: str) -> "ChatState":
        """The state with the run not followed any more."""
        return replace(self, followed=tuple(run for run in self.followed if run.run_id != run_id))


def session_user(user: int) -> str:
    """The owner of a Telegram user's own conversation: `telegram-12345`."""
    return f"telegram-{user}"


class ChatStates:
    """The saved chat states of one bot. Methods raise StorageError."""

    def __init__(self, paths: BridgePaths) -> None:
        self._paths = paths

    def load(self, user: int) -> ChatState | None:
        """The person's chat state; None if there is none, or a damaged one, which is moved aside."""
        match self._document(user).load():
            case Found(chat):
                return chat
            case _:
                return None

    def save(self, chat: ChatState) -> None:
        """Save the chat state."""
        self._document(chat.user).save(chat)

    def all(self) -> tuple[ChatState, ...]:
        """Every saved chat state, the latest seen first."""
        folder = self._paths.chat_state(0).parent
        users = [path.stem for path in folder.glob("*.json")] if folder.is_dir() else []
        chats = [self.load(int(user)) for user in users if user.isdigit()]
        return tuple(sorted((chat for chat in chats if chat), key=lambda chat: -chat.seen_at))

    def _document(self, user: int) -> Document[ChatState]:
        return Document(self._paths.chat_state(user), ChatState, version=CHAT_STATE_VERSION, name="chat state")
