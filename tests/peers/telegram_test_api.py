"""The npm package telegram-test-api, run by node: an independent Bot API server for text, buttons and conversations."""

import json
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.request import Request, urlopen

from tests.peers.telegram.records import Json, Seen, buttons_of
from tests.peers.telegram_people import Person

MODULES = Path(sys.prefix) / "peers" / "node_modules"
SCRIPT = Path(__file__).with_name("telegram_test_api.js")


def why_not() -> str:
    """Why the package cannot be run here; empty when it can."""
    if shutil.which("node") is None:
        return "node is not on this machine: telegram-test-api cannot run"
    if not (MODULES / "telegram-test-api").exists():
        return "telegram-test-api is not installed: `make peers` installs it, and needs npm"
    return ""


class TestApi:
    """The package in a process of its own, from `with` to its end. It has no files, no limits and no redelivery."""

    __test__ = False  # not a class of tests

    def __init__(self, token: str = "123456:TEST-token-for-tests-0123456789") -> None:
        self.token = token
        self.address = ""
        self._happened: dict[int, list[Seen]] = {}
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def start(self) -> Self:
        """Start node, and return when it answers."""
        for _ in range(5):  # somebody else may take the port that was free
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = free.getsockname()[1]
            self._process = subprocess.Popen(
                ["node", str(SCRIPT), str(port)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={"NODE_PATH": str(MODULES), "PATH": str(Path(shutil.which("node") or "node").parent)},
                text=True,
            )
            assert self._process.stdout is not None
            said = self._process.stdout.readline().split()
            if said[:1] == ["READY"]:
                self.address = said[1]
                return self
            self.stop()
        raise RuntimeError("telegram-test-api did not start; what node said is above")

    def stop(self) -> None:
        """End node."""
        if self._process is None:
            return
        self._process.kill()
        with self._process:  # closes its pipes
            self._process.wait()
        self._process = None

    def person(self, user: int, name: str = "Ada", chat: int | None = None) -> Person:
        """Somebody with a private chat with the bot."""
        return Person(self, user, name, user if chat is None else chat)

    # What a person's side does

    def arrive(self, kind: str, chat: Json, body: Json) -> int:
        assert kind == "message", f"telegram-test-api knows no {kind}"
        assert chat["type"] == "private", "telegram-test-api knows private chats only"
        said = {"botToken": self.token, "date": int(time.time()), "chat": chat, **body}
        self._ask("sendCommand" if "entities" in body else "sendMessage", said)
        return 0

    def press(self, user: Json, chat: int, message_id: int, data: str) -> str:
        message = next((each for each in self._history(chat) if each["messageId"] == message_id), None)
        assert message is not None, f"there is no message {message_id} in the chat {chat}"
        content = {key: value for key, value in message["message"].items() if key not in ("chat_id", "message_id")}
        shown = {
            **content,
            "message_id": message_id,
            "date": message["time"] // 1000,
            "chat": {"id": chat, "type": "private", "first_name": user["first_name"]},
        }
        self._ask("sendCallback", {"botToken": self.token, "from": user, "message": shown, "data": data})
        return ""

    def keep_file(self, data: bytes, claimed_size: int | None = None) -> Json:
        raise AssertionError("telegram-test-api knows no files")

    def put(self, update: Json) -> int:
        raise AssertionError("telegram-test-api takes no raw updates")

    # What a person's side sees

    def messages(self, chat: int) -> list[Seen]:
        """The bot's messages in a chat as they are now, in order."""
        return [_seen(each) for each in self._history(chat)]

    def happened(self, chat: int) -> list[Seen]:
        """What was seen in a chat, each sending and each edit, as far as somebody looked in between."""
        happened = self._happened.setdefault(chat, [])
        last = {each.message_id: each for each in happened}
        for now in self.messages(chat):
            before = last.get(now.message_id)
            if before is None:
                happened.append(now)
            elif (before.text, before.buttons) != (now.text, now.buttons):
                happened.append(Seen(now.message_id, now.text, now.buttons, silent=now.silent, edits=before.edits + 1))
        return list(happened)

    def pause(self, seconds: float) -> None:
        """The package tells nobody when something happens, so look again soon."""
        time.sleep(min(seconds, 0.02))

    def _history(self, chat: int) -> list[Json]:
        every = self._ask("getUpdatesHistory", {"token": self.token})
        ours = [each for each in every if str(each.get("message", {}).get("chat_id")) == str(chat)]
        return sorted(ours, key=lambda each: int(each["messageId"]))

    def _ask(self, what: str, body: Json) -> Any:
        request = Request(f"{self.address}/{what}", json.dumps(body).encode(), {"content-type": "application/json"})
        with urlopen(request, timeout=20) as answer:
            said = json.load(answer)
        assert said["ok"], said
        return said["result"]


def _seen(told: Json) -> Seen:
    message = told["message"]
    silent = str(message.get("disable_notification", "")).lower() == "true"
    return Seen(told["messageId"], message.get("text", ""), buttons_of(message.get("reply_markup")), silent=silent)
