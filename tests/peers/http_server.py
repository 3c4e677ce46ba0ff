"""The scripted model server's HTTP: requests in, and answers, errors and broken answers out."""

import json
import select
import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, ClassVar

import msgspec

from tests.peers import wire_formats
from tests.peers.scripts import Reply, Step, Tokens, Use

if TYPE_CHECKING:
    from tests.peers.model_server import ModelServer

_ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    529: "overloaded_error",
}


class Listener(ThreadingHTTPServer):
    owner: "ModelServer"
    daemon_threads = False  # so that closing waits for them
    request_queue_size = 64

    def process_request(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]
        self.owner.keep(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket) -> None:  # type: ignore[override]
        self.owner.forget(request)
        super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        error = sys.exception()
        if error is not None and not isinstance(error, ConnectionError):  # clients may leave
            self.owner.failed(error)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Listener
    routes: ClassVar[dict[str, type[wire_formats.Call]]] = {
        "/v1/chat/completions": wire_formats.OpenAICall,
        "/v1/messages": wire_formats.AnthropicCall,
    }

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.server.owner.note(path, *self._who(), b"null")
        if path == "/v1/models":
            data = [{"id": "scripted", "object": "model", "created": 0, "owned_by": "tests"}]
            self._send(200, {"object": "list", "data": data})
        else:
            self._send_error(404, "")

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        path = self.path.partition("?")[0]
        if path == "/v1/messages/count_tokens":
            self.server.owner.note(path, *self._who(), raw)
            self._send(200, {"input_tokens": 10})
        elif path in self.routes:
            call = self.routes[path](json.loads(raw))
            step, tokens = self.server.owner.take(call, raw, path, *self._who())
            self._answer(call, step, tokens)
        else:
            self.server.owner.note(path, *self._who(), raw)
            self._send_error(404, "")

    def _who(self) -> tuple[str, bool]:
        keyed = any(self.headers.get(name) for name in ("x-api-key", "authorization"))
        return self.headers.get("x-claude-code-session-id") or "", keyed

    def _answer(self, call: wire_formats.Call, step: Step, tokens: Tokens) -> None:
        if isinstance(step, Reply):
            said = call.reply(step, tokens)
        elif isinstance(step, Use):
            said = call.use(step, tokens)
        elif step.kind == "status":
            self._send_error(step.status, step.retry_after, step.message)
            return
        elif step.kind == "hang":
            self._hang()
            return
        elif step.kind == "nonsense":
            self._send_raw(200, "application/json", b"<html>the gateway is confused</html>")
            return
        elif step.kind == "empty":
            said = call.empty(tokens)
        else:
            self._cut(call)
            return
        if call.streams:
            self._send_stream(b"".join(call.stream(said)))
        else:
            self._send(200, said)

    def _cut(self, call: wire_formats.Call) -> None:
        said = call.reply(Reply(text="This is the beginning of an answer that never"), Tokens())
        if call.streams:
            events = call.stream(said)
            self._start_stream()
            self._chunk(b"".join(events[: max(2, len(events) // 2)]))
        else:
            body = msgspec.json.encode(said)
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2])
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def _hang(self) -> None:
        while not self.server.owner.closing.is_set():
            ready, _, _ = select.select([self.connection], [], [], 0.05)
            if ready and not self.connection.recv(1, socket.MSG_PEEK):
                break  # the client has left
        self.close_connection = True

    def _send_error(self, status: int, retry_after: str, message: str = "") -> None:
        kind = _ERRORS.get(status, "api_error")
        headers = {"retry-after": retry_after} if retry_after else {}
        body = {"type": "error", "error": {"type": kind, "message": message or f"scripted {status}", "code": None}}
        self._send_raw(status, "application/json", msgspec.json.encode(body), headers)

    def _send(self, status: int, said: wire_formats.Json) -> None:
        self._send_raw(status, "application/json", msgspec.json.encode(said))

    def _send_raw(self, status: int, kind: str, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"content-type": kind, "content-length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _send_stream(self, body: bytes) -> None:
        self._start_stream()
        self._chunk(body)
        self._chunk(b"")

    def _start_stream(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
