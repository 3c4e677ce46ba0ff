"""The connections of the Bot API server of the tests: a port that it keeps, also while nothing answers there."""

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self

from tests.peers.http_server import Listener
from tests.peers.telegram.serving import Handler


class Line:
    """A port on loopback, with a listener while it is online. `changed` guards and tells everything of the server."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.is_closing = False
        self._connections: set[socket.socket] = set()
        self._failures: list[BaseException] = []
        self._http: Listener | None = None
        self._thread: threading.Thread | None = None
        # Bound and never listening, so that nobody else gets the port while we are offline.
        self._holder = socket.socket()
        self._holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._holder.bind(("127.0.0.1", 0))
        self._port = int(self._holder.getsockname()[1])

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()
        if error is None and self._failures:
            raise self._failures[0]

    @property
    def address(self) -> str:
        """The address that `telegram.base_url` takes, without /bot."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> Self:
        self.online()
        return self

    def stop(self) -> None:
        """End every connection and every thread."""
        self.offline()
        self._holder.close()

    def online(self) -> None:
        """Take connections."""
        if self._http is not None:
            return
        self.is_closing = False
        self._http = Listener(("127.0.0.1", self._port), Handler)
        self._http.owner = self  # type: ignore[assignment]
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def offline(self) -> None:
        """Drop every connection, answered or not, and refuse new ones."""
        if self._http is None or self._thread is None:
            return
        self._http.shutdown()
        with self.changed:
            self.is_closing = True
            self.changed.notify_all()
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._http.server_close()
        self._http = self._thread = None

    def keep(self, connection: socket.socket) -> None:
        with self.changed:
            self._connections.add(connection)

    def forget(self, connection: socket.socket) -> None:
        with self.changed:
            self._connections.discard(connection)

    def failed(self, error: BaseException) -> None:
        with self.changed:
            self._failures.append(error)
