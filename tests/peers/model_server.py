"""A scripted model server on loopback: OpenAI chat completions and Anthropic messages, streamed or not.

In a test: `with ModelServer(Script((reply({...}), Fault("status", 429)))) as server: ... server.url, .requests,
.handed_out`. As a process of its own, which can be stopped and started again on the same port:
`python -m tests.peers.model_server PORT SCRIPT.json [LOG.jsonl]` prints its port (0 picks one) and appends every
request to the log; `read_log` reads it.
"""

import contextlib
import json
import signal
import socket
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from tests.peers import wire_formats
from tests.peers.http_server import Handler, Listener
from tests.peers.scripts import Aside, Fault, Reply, Request, Script, Step, Tokens, Use, reply

__all__ = ["Aside", "Fault", "ModelServer", "Reply", "Request", "Script", "Step", "Tokens", "Use", "read_log", "reply"]


class ModelServer:
    """A server in threads of this process, from `with` to its end. `script` may be replaced while it runs."""

    def __init__(self, script: Script, *, port: int = 0, log: Path | None = None) -> None:
        self._script = script
        self._log = log
        self._said = 0  # steps said so far, each of its `times` counted
        self._changed = threading.Condition()
        self._requests: list[Request] = []
        self._failures: list[BaseException] = []
        self._connections: set[socket.socket] = set()
        self.closing = threading.Event()
        self._http = Listener(("127.0.0.1", port), Handler)
        self._http.owner = self
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
        if error is None and self._failures:
            raise self._failures[0]

    def close(self) -> None:
        """End every connection and every thread."""
        self.closing.set()
        self._http.shutdown()
        with self._changed:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._http.server_close()

    @property
    def port(self) -> int:
        return int(self._http.server_address[1])

    @property
    def url(self) -> str:
        """What ANTHROPIC_BASE_URL wants; OPENAI_BASE_URL wants this and /v1."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def requests(self) -> list[Request]:
        """All requests so far, also those that are not answered yet."""
        with self._changed:
            return list(self._requests)

    @property
    def handed_out(self) -> Tokens:
        """All usage that was told, whoever asked."""
        return sum((each.tokens for each in self.requests), Tokens())

    def use(self, script: Script) -> None:
        """From now on say this script, from its first step."""
        with self._changed:
            self._script, self._said = script, 0

    def wait_for(self, requests: int, seconds: float = 20.0) -> bool:
        """Wait until so many requests came in; False when they did not."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self._requests) >= requests, seconds)

    def take(self, call: wire_formats.Call, raw: bytes, path: str, session: str, has_key: bool) -> tuple[Step, Tokens]:
        """Decide the answer to a model call and record both."""
        with self._changed:
            place, step = self._decide(call, raw)
            tokens = call.told(step.tokens) if not isinstance(step, Fault) or step.kind == "empty" else Tokens()
            self._record(Request(path, session, has_key, _as_raw(raw), tokens, place))
        return step, tokens

    def note(self, path: str, session: str, has_key: bool, raw: bytes) -> None:
        """Record a request that is no model call."""
        with self._changed:
            self._record(Request(path, session, has_key, _as_raw(raw)))

    def _record(self, request: Request) -> None:
        self._requests.append(request)
        if self._log is not None:
            with self._log.open("ab", buffering=0) as file:
                file.write(msgspec.json.encode(request) + b"\n")
        self._changed.notify_all()

    def _decide(self, call: wire_formats.Call, raw: bytes) -> tuple[int | None, Step]:
        script = self._script
        for aside in script.asides:
            if json.dumps(aside.about)[1:-1].encode() in raw or aside.about.encode() in raw:
                return None, aside.step
        if call.follows_up:
            return None, Reply(text="Done.", tokens=script.follow_up)
        if call.is_side:
            return None, Reply(text="A title", tokens=script.side)
        place, left = 0, self._said
        while place < len(script.steps) - 1 and left >= script.steps[place].times:
            left -= script.steps[place].times
            place += 1
        self._said += 1
        return place, script.steps[place]

    def keep(self, connection: socket.socket) -> None:
        with self._changed:
            self._connections.add(connection)

    def forget(self, connection: socket.socket) -> None:
        with self._changed:
            self._connections.discard(connection)

    def failed(self, error: BaseException) -> None:
        with self._changed:
            self._failures.append(error)


def read_log(path: Path) -> list[Request]:
    """The requests that a server in its own process recorded."""
    return [msgspec.json.decode(line, type=Request) for line in path.read_bytes().splitlines()]


def _as_raw(raw: bytes) -> msgspec.Raw:
    try:
        return msgspec.Raw(msgspec.json.encode(json.loads(raw)))
    except ValueError:
        return msgspec.Raw(msgspec.json.encode(raw.decode("utf-8", "replace")))


def main(words: list[str]) -> None:
    """Serve until SIGTERM or SIGINT."""
    port, script = int(words[0]), msgspec.json.decode(Path(words[1]).read_bytes(), type=Script)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    with ModelServer(script, port=port, log=Path(words[2]) if len(words) > 2 else None) as server:
        print(server.port, flush=True)
        signal.sigwait({signal.SIGTERM, signal.SIGINT})


if __name__ == "__main__":
    main(sys.argv[1:])
