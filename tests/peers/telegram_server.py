"""A Bot API server on loopback: files, long polls, redelivery, limits and scripted faults, over real HTTP.

In a test: `with TelegramServer() as server: ada = server.person(1, "Ada") ... ada.say("/start")`. What the bot did is
in `.sent`, `.edits`, `.answers` and `.calls`; the present messages of a chat are `.messages(chat)`. Updates come again
until an offset confirms them. `limits=True` refuses with 429 what comes too fast. `fail` scripts faults, `offline` and
`online` take the server away and bring it back on the same port. Every kind of update is given, whatever
`allowed_updates` asked for: a bot must cope by itself.
"""

import time
from collections import deque
from collections.abc import Callable
from typing import Any

from tests.peers.telegram import checks
from tests.peers.telegram.forms import Form
from tests.peers.telegram.line import Line
from tests.peers.telegram.methods import COUNTED, METHODS
from tests.peers.telegram.queue import Queue
from tests.peers.telegram.records import (
    Answered,
    AnswerLate,
    AnswerLost,
    Call,
    Close,
    CutShort,
    Edit,
    Fault,
    Garbage,
    Hang,
    Json,
    Message,
    Planned,
    RefusalError,
    Seen,
    Sent,
    Status,
    bad,
)
from tests.peers.telegram_people import Person

__all__ = [
    "AnswerLate",
    "AnswerLost",
    "Close",
    "CutShort",
    "Garbage",
    "Hang",
    "Person",
    "Seen",
    "Sent",
    "Status",
    "TelegramServer",
]

TOKEN = "123456:TEST-token-for-tests-0123456789"


class TelegramServer(Line):
    """A server in threads of this process. With `limits`, a chat takes `chat_burst` sends and edits a second."""

    def __init__(self, token: str = TOKEN, *, limits: bool = False) -> None:
        super().__init__()
        self.token = token
        self.bot: Json = {
            "id": int(token.partition(":")[0]),
            "is_bot": True,
            "first_name": "tabsmith",
            "username": "tabsmith_test_bot",
        }
        self.limits = limits
        self.chat_burst = 5
        self.all_per_second = 30
        self.retry_after = 1
        self.refused = 0
        self.sent: list[Sent] = []
        self.edits: list[Edit] = []
        self.calls: list[Call] = []
        self.answers: list[Answered] = []
        self.commands: list[tuple[str, str]] = []
        self.queue = Queue(self)
        self._faults: list[Planned] = []
        self._chats: dict[int, Json] = {}
        self._blocked: set[int] = set()
        self._messages: dict[tuple[int, int], Message] = {}
        self._happened: dict[int, list[Seen]] = {}
        self._last_message = 0
        self._queries: dict[str, bool] = {}  # answered?
        self._files: dict[str, tuple[Json, bytes]] = {}
        self._counted: dict[int, deque[float]] = {}

    # What a test says and asks

    def person(self, user: int, name: str = "Ada", chat: int | None = None) -> Person:
        """Somebody with a private chat with the bot."""
        chat = user if chat is None else chat
        with self.changed:
            self._chats[chat] = {"id": chat, "type": "private", "first_name": name}
        return Person(self, user, name, chat)

    def fail(self, method: str, times: float, fault: Fault, *, about: str = "") -> None:
        """Let the next `times` calls of a method fail, only those whose text holds `about` if it is given.

        "*" is any method, "file" a download; math.inf is until `heal`.
        """
        with self.changed:
            self._faults.append(Planned(method, times, fault, about))

    def heal(self) -> None:
        """Forget all faults that are still to come."""
        with self.changed:
            self._faults.clear()

    def block(self, chat: int) -> None:
        """The person of this chat wants nothing more from the bot."""
        with self.changed:
            self._blocked.add(chat)

    def redeliver(self, count: int | None = None) -> int:
        """Give the last `count` confirmed updates (those of the last offset) once more; how many these are."""
        return self.queue.redeliver(count)

    def garbage_update(self, update: Any, *, numbered: bool = True) -> int:
        """Queue any JSON as an update; `numbered` gives an object its update_id. Its number."""
        return self.queue.put(update, numbered=numbered)

    @property
    def held_polls(self) -> int:
        """How many getUpdates are being held now."""
        return self.queue.held

    def messages(self, chat: int) -> list[Seen]:
        """The bot's messages in a chat as they are now, in order."""
        with self.changed:
            return [each.seen() for (of, _), each in self._messages.items() if of == chat and each.by_bot]

    def happened(self, chat: int) -> list[Seen]:
        """What the bot showed in a chat, each sending and each edit, in order."""
        with self.changed:
            return list(self._happened.get(chat, ()))

    def wait_until(self, condition: Callable[[], bool], seconds: float = 20.0) -> bool:
        """Wait until something is so, here or elsewhere; False when it did not come to be."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() >= end:
                return False
            self.pause(0.02)
        return True

    def pause(self, seconds: float) -> None:
        """Wait until something happens here, at most so long."""
        with self.changed:
            self.changed.wait(seconds)

    # What a person's side does

    def arrive(self, kind: str, chat: Json, body: Json) -> int:
        """A message that somebody wrote, as an update; its number."""
        with self.changed:
            self._chats.setdefault(chat["id"], chat)
            if "message_id" not in body:
                self._last_message += 1
                body = {"message_id": self._last_message, "date": int(time.time()), **body}
            body = {**body, "chat": chat}
            self._messages[chat["id"], body["message_id"]] = Message(body, by_bot=False)
            self.queue.put({kind: body})
            return int(body["message_id"])

    def press(self, user: Json, chat: int, message_id: int, data: str) -> str:
        """A press of a button; the number of the query."""
        with self.changed:
            query = f"{4_000_000_000_000 + len(self._queries)}"
            self._queries[query] = False
            message = self._messages.get((chat, message_id))
            # A message that is gone comes as one that cannot be looked into: its date is 0.
            gone = {"chat": self._chats[chat], "message_id": message_id, "date": 0}
            shown = gone if message is None else message.body
            press = {"id": query, "from": user, "chat_instance": str(-chat), "message": shown, "data": data}
            self.queue.put({"callback_query": press})
            return query

    def put(self, update: Json) -> int:
        """Queue an update under the next number."""
        return self.queue.put(update)

    def keep_file(self, data: bytes, claimed_size: int | None = None, *, folder: str = "documents") -> Json:
        """Keep a file; what the Bot API says of it."""
        with self.changed:
            count = len(self._files) + 1
            number = f"BQACAgIAAxkBAAI{count:06d}"
            size = len(data) if claimed_size is None else claimed_size
            told = {"file_id": number, "file_unique_id": f"AgAD{count:06d}", "file_size": size}
            self._files[number] = ({**told, "file_path": f"{folder}/file_{count}"}, data)
            return told

    # What the methods need

    def note(self, method: str, form: Form) -> Fault | None:
        """Record a call, and the fault it is to meet."""
        with self.changed:
            self.calls.append(Call(method, time.monotonic(), dict(form.fields)))
            planned = next((each for each in self._faults if each.is_for(method, form.fields)), None)
            if planned is not None:
                planned.times -= 1
            self.changed.notify_all()
            return None if planned is None else planned.fault

    def call(self, method: str, form: Form) -> Any:
        """Carry a method out. Raises RefusalError."""
        if method not in METHODS:
            raise RefusalError(404, "Not Found")
        with self.changed:
            if self.limits and method in COUNTED:
                self._count(form.whole("chat_id"))
            return METHODS[method](self, form)

    def _count(self, chat: int) -> None:
        now = time.monotonic()
        for who, most in ((chat, self.chat_burst), (0, self.all_per_second)):
            times = self._counted.setdefault(who, deque())
            while times and times[0] <= now - 1:
                times.popleft()
            if len(times) >= most:
                self.refused += 1
                raise RefusalError(429, f"Too Many Requests: retry after {self.retry_after}", self.retry_after)
        self._counted[chat].append(now)
        self._counted[0].append(now)

    def chat(self, number: int) -> Json:
        if number not in self._chats:
            raise bad("chat not found")
        if number in self._blocked:
            raise RefusalError(403, "Forbidden: bot was blocked by the user")
        return self._chats[number]

    def find(self, chat: int, message_id: int) -> Message | None:
        return self._messages.get((chat, message_id))

    def remove(self, chat: int, message_id: int) -> bool:
        return self._messages.pop((chat, message_id), None) is not None

    def add_message(self, chat: int, message: Message) -> int:
        self._last_message += 1
        message.body = {"message_id": self._last_message, "date": int(time.time()), **message.body}
        self._messages[chat, self._last_message] = message
        self._happened.setdefault(chat, []).append(message.seen())
        self.changed.notify_all()
        return self._last_message

    def record(self, sent: Sent) -> None:
        self.sent.append(sent)

    def record_edit(self, message: Message, edit: Edit) -> None:
        message.edits += 1
        self.edits.append(edit)
        self._happened[edit.chat].append(message.seen())
        self.changed.notify_all()

    def answer(self, answered: Answered) -> None:
        if self._queries.get(answered.query) is not False:
            raise bad("query is too old and response timeout expired or query ID is invalid")
        self._queries[answered.query] = True
        self.answers.append(answered)
        self.changed.notify_all()

    def file_of(self, number: str) -> Json:
        if number not in self._files:
            raise bad("invalid file_id")
        told = self._files[number][0]
        if told["file_size"] > checks.LARGEST_DOWNLOAD:
            raise bad("file is too big")
        return told

    def download(self, path: str) -> bytes:
        """The bytes of a file."""
        with self.changed:
            for told, data in self._files.values():
                if told["file_path"] == path:
                    return data
        raise RefusalError(404, "Not Found")
