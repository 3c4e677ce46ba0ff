"""One process with everything imported that the fork servers of tests are forked from, instead of importing anew.

A fork server costs seconds of imports, and each bridge, screen or call of a test that starts a worker has one of its
own. `SharedForkServer().command()` takes the place of `fork_server_command()`: it starts a small client, which hands
its streams and its environment to a fork of the shared process and stays until that ends. A fork server ends with its
stdin, as ever.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final, NoReturn

_CLIENT: Final = """
import json, os, select, socket, sys
link = socket.socket(socket.AF_UNIX)
link.connect(sys.argv[1])
socket.send_fds(link, [json.dumps({"folder": os.getcwd(), "environment": dict(os.environ)}).encode()], [0, 1, 2])
link.shutdown(socket.SHUT_WR)
for descriptor in range(2):
    os.close(descriptor)
select.select([os.pidfd_open(int(link.recv(20)))], [], [])
"""


class SharedForkServer:
    """The shared process, started at the first use; it ends with the process that started it."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="tabsmith-tests-")
        self._path = Path(self._folder.name) / "socket"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.shared_fork_server", str(self._path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"

    def command(self) -> list[str]:
        """The command of a fork server, for `tabsmith.runs.supervisor.fork_server_command`."""
        return [sys.executable, "-I", "-S", "-c", _CLIENT, str(self._path)]

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()
        self._folder.cleanup()


def _serve_one(link: socket.socket) -> NoReturn:
    """Be the fork server of whoever connected."""
    request, streams, _, _ = socket.recv_fds(link, 1 << 20, 3)
    while part := link.recv(1 << 20):
        request += part
    link.send(str(os.getpid()).encode())
    link.close()
    order = json.loads(request)
    os.setsid()
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(order["environment"])
    os.chdir(order["folder"])
    from tabsmith.runs.fork_server import main

    main()


def main(path: str) -> None:
    """Import everything, then fork for each connection until stdin ends."""
    import selectors

    from tabsmith.runs.stages import one_thread, preload

    one_thread()
    preload()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    listening.listen(64)
    print("ready", flush=True)
    with selectors.DefaultSelector() as selector:
        selector.register(listening, selectors.EVENT_READ)
        selector.register(0, selectors.EVENT_READ)
        while True:
            ready = [key.fd for key, _ in selector.select()]
            if 0 in ready:
                return
            link, _ = listening.accept()
            if os.fork() == 0:
                try:
                    listening.close()
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    _serve_one(link)
                finally:
                    os._exit(1)  # it did not become a fork server, which ends by itself
            link.close()


if __name__ == "__main__":
    main(sys.argv[1])
