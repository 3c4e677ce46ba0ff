"""People who use the bot in tests: one who writes, presses and looks, over either of the two Bot API servers."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeAlias

from tests.peers.telegram.records import Json, Seen

__all__ = ["Person", "Phones", "Seen"]

What: TypeAlias = str | Callable[[Seen], bool]
_LOOK = 0.2


class Phones(Protocol):
    """A server's side of the people: what they do reaches the bot, what the bot does they see."""

    def messages(self, chat: int) -> list[Seen]: ...
    def happened(self, chat: int) -> list[Seen]: ...
    def pause(self, seconds: float) -> None: ...
    def arrive(self, kind: str, chat: Json, body: Json) -> int: ...
    def press(self, user: Json, chat: int, message_id: int, data: str) -> str: ...
    def keep_file(self, data: bytes, claimed_size: int | None = None) -> Json: ...
    def put(self, update: Json) -> int: ...


class Person:
    """Somebody in a private chat with the bot. Waiting blocks the thread: in a coroutine, use asyncio.to_thread."""

    def __init__(self, phones: Phones, user: int, name: str, chat: int) -> None:
        self._phones = phones
        self.id, self.name, self.chat = user, name, chat
        self._waited_for = 0  # the last message that was waited for
        self._edits_waited_for = 0  # so much of what happened lies behind the last edit that was waited for
        self._last_said: tuple[int, str] | None = None

    @property
    def user(self) -> Json:
        return {"id": self.id, "is_bot": False, "first_name": self.name, "username": f"user_{self.id}"}

    @property
    def _chat(self) -> Json:
        return {"id": self.chat, "type": "private", "first_name": self.name}

    # What a person does

    def say(self, text: str) -> int:
        """Write a message; its number, 0 where the server does not tell it."""
        body: Json = {"from": self.user, "text": text}
        if text.startswith("/"):
            body["entities"] = [{"type": "bot_command", "offset": 0, "length": len(text.split()[0])}]
        number = self._phones.arrive("message", self._chat, body)
        self._last_said = (number, text)
        return number

    def press(self, label: str) -> Seen:
        """Press the button with this label, or with this in its label, under the newest message that has one."""
        shown = self.messages
        for message in reversed(shown):
            found = [data for told, data in message.buttons if told == label]
            found += [data for told, data in message.buttons if label in told]
            if found:
                self.press_data(found[0], message.message_id)
                return message
        raise AssertionError(f"no button {label!r}; there are {[each.labels for each in shown if each.buttons]}")

    def press_data(self, data: str, message_id: int) -> str:
        """Press a button by what it brings; the number of the query."""
        return self._phones.press(self.user, self.chat, message_id, data)

    def send_file(
        self, file: Path | bytes, name: str | None = None, *, caption: str = "", claimed_size: int | None = None
    ) -> int:
        """Send a document (own server only). `claimed_size` is what Telegram says of it instead of the truth."""
        data = file if isinstance(file, bytes) else file.read_bytes()
        shown = name if name is not None else "file.bin" if isinstance(file, bytes) else file.name
        document = {**self._phones.keep_file(data, claimed_size), "file_name": shown}
        body: Json = {"from": self.user, "document": document, **({"caption": caption} if caption else {})}
        return self._phones.arrive("message", self._chat, body)

    def edit(self, text: str) -> None:
        """Change what was said last (own server only)."""
        assert self._last_said is not None, "nothing was said yet"
        body = {"message_id": self._last_said[0], "date": int(time.time()), "edit_date": int(time.time())}
        self._phones.arrive("edited_message", self._chat, {**body, "from": self.user, "text": text})

    def post_in_group(self, text: str, group: int = -1001) -> int:
        """Write in a group that the bot is in (own server only)."""
        chat = {"id": group, "type": "supergroup", "title": "Group"}
        return self._phones.arrive("message", chat, {"from": self.user, "text": text})

    def channel_post(self, text: str, channel: int = -1002) -> int:
        """Post in a channel that the bot is in (own server only)."""
        chat = {"id": channel, "type": "channel", "title": "Channel"}
        return self._phones.arrive("channel_post", chat, {"sender_chat": chat, "text": text})

    def raw_update(self, update: Json) -> int:
        """Queue an update as it is, under its own number (own server only); the number."""
        return self._phones.put(update)

    # What a person sees

    @property
    def messages(self) -> list[Seen]:
        """The bot's messages in this chat as they are now, in order."""
        return self._phones.messages(self.chat)

    def wait(self, what: What = "", seconds: float = 20.0) -> Seen:
        """The first message like this that is newer than the one last waited for, sent so or edited so."""
        _, found = self._look_for(lambda _, seen: self._is_newer(seen) and _fits(what, seen), what, seconds)
        self._waited_for = found.message_id
        return found

    def wait_edit(self, what: What = "", seconds: float = 20.0) -> Seen:
        """The first edit like this after the one last waited for, of whatever message."""
        place, found = self._look_for(
            lambda place, seen: place >= self._edits_waited_for and seen.edits > 0 and _fits(what, seen), what, seconds
        )
        self._edits_waited_for = place + 1
        return found

    def wait_file(self, name_part: str = "", seconds: float = 20.0) -> Seen:
        """The next document that the bot sends."""
        return self.wait(lambda seen: seen.file is not None and not seen.photo and name_part in seen.file_name, seconds)

    def wait_photo(self, seconds: float = 20.0) -> Seen:
        """The next picture that the bot sends."""
        return self.wait(lambda seen: seen.photo, seconds)

    def expect_nothing_until(self, condition: Callable[[], bool], seconds: float = 20.0) -> None:
        """Wait for something else, and see that no message newer than the last one waited for has come by then."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"what was waited for did not come to be within {seconds} s"
            self._phones.pause(0.02)
        came = [each for each in self._phones.happened(self.chat) if self._is_newer(each)]
        assert not came, f"{self.name} got {came}"

    def _is_newer(self, seen: Seen) -> bool:
        return seen.message_id > self._waited_for

    def _look_for(self, is_it: Callable[[int, Seen], bool], what: What, seconds: float) -> tuple[int, Seen]:
        end = time.monotonic() + seconds
        while True:
            happened = self._phones.happened(self.chat)
            for place, seen in enumerate(happened):
                if is_it(place, seen):
                    return place, seen
            left = end - time.monotonic()
            if left <= 0:
                newer = [each for each in happened if self._is_newer(each)]
                raise AssertionError(f"{self.name} waited {seconds} s for {what!r}; since the last wait came {newer}")
            self._phones.pause(min(_LOOK, left))


def _fits(what: What, seen: Seen) -> bool:
    return what in seen.text if isinstance(what, str) else what(seen)
