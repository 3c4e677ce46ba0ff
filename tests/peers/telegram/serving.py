"""The HTTP of the Bot API server of the tests: requests in; answers, refusals, files and broken answers out."""

import contextlib
import json
import re
import select
import socket
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from tests.peers.http_server import Listener
from tests.peers.telegram.checks import LARGEST_UPLOAD
from tests.peers.telegram.forms import Form, read_form
from tests.peers.telegram.records import (
    AnswerLate,
    AnswerLost,
    Close,
    CutShort,
    Fault,
    Garbage,
    Hang,
    RefusalError,
    Status,
)

if TYPE_CHECKING:
    from tests.peers.telegram_server import TelegramServer

_CALL = re.compile(r"/bot(?P<token>[^/]+)/(?P<method>\w+)")
_FILE = re.compile(r"/file/bot(?P<token>[^/]+)/(?P<path>.+)")
_PIECE = 64 * 1024
_AROUND = 100_000  # what a request holds beside its file, at most


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Listener

    @property
    def telegram(self) -> "TelegramServer":
        return self.server.owner  # type: ignore[return-value]

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""

    def do_GET(self) -> None:
        self._take(b"")

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length)
        if len(body) < length:  # the client has left in the middle
            self._hang_up()
        else:
            self._take(body)

    def _take(self, body: bytes) -> None:
        try:
            self._carry_out(*self._read(body))
        except RefusalError as refusal:
            self._refuse(refusal)

    def _read(self, body: bytes) -> tuple[str, Form]:
        path, _, query = self.path.partition("?")
        found = _FILE.fullmatch(path) or _CALL.fullmatch(path)
        if found is None:
            raise RefusalError(404, "Not Found")
        if unquote(found["token"]) != self.telegram.token:
            raise RefusalError(401, "Unauthorized")
        if found.re is _FILE:
            return "file", Form({"path": found["path"]})
        if len(body) > LARGEST_UPLOAD + _AROUND:
            raise RefusalError(413, "Request Entity Too Large")
        form = read_form(self.headers.get("content-type") or "", body, query)
        return found["method"].lower(), replace(form, is_there=self._is_there)

    def _carry_out(self, method: str, form: Form) -> None:
        fault = self.telegram.note(method, form)
        if isinstance(fault, Status):
            self._refuse(RefusalError(fault.code, fault.description, fault.retry_after))
        elif isinstance(fault, Hang):
            self._wait(fault.seconds)
            self._hang_up()
        elif isinstance(fault, Close):
            self._hang_up()
        elif isinstance(fault, Garbage):
            self._send(fault.code, "text/html", fault.page, fault=None)
        elif method == "file":
            self._send(200, "application/octet-stream", self.telegram.download(form.text("path")), fault)
        else:
            self._answer(self.telegram.call(method, form), fault)

    def _answer(self, result: Any, fault: Fault | None) -> None:
        self._send(200, "application/json", json.dumps({"ok": True, "result": result}).encode(), fault)

    def _refuse(self, refusal: RefusalError) -> None:
        body: dict[str, Any] = {"ok": False, "error_code": refusal.code, "description": refusal.description}
        if refusal.retry_after is not None:
            body["parameters"] = {"retry_after": refusal.retry_after}
        self._send(refusal.code, "application/json", json.dumps(body).encode(), fault=None)

    def _send(self, code: int, kind: str, body: bytes, fault: Fault | None) -> None:
        if isinstance(fault, AnswerLost) or (isinstance(fault, AnswerLate) and not self._wait(fault.seconds)):
            self._hang_up()
            return
        self.send_response(code)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        end = len(body) // 2 if isinstance(fault, CutShort) else len(body)
        for start in range(0, end, _PIECE):
            self.wfile.write(body[start : min(start + _PIECE, end)])
        if isinstance(fault, CutShort):
            self._hang_up()

    def _hang_up(self) -> None:
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def _wait(self, seconds: float) -> bool:
        """Let the client wait; False when it has left, or when the server ends."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.telegram.is_closing or not self._is_there(0.05):
                return False
        return True

    def _is_there(self, seconds: float = 0.0) -> bool:
        """Whether the client still waits for its answer; looks for so long."""
        ready, _, _ = select.select([self.connection], [], [], seconds)
        return not ready or bool(self.connection.recv(1, socket.MSG_PEEK))
