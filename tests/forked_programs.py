"""Programs of tabsmith as forks of a process that has everything imported, instead of interpreters that import anew.

A fork server, an agent server and the command line each import for a second or more, and hundreds are started by the
tests. `forked("fork server")` is a command like any other: a small client hands its streams, folder, environment and
arguments to a fork of a template, passes signals on, and ends as the fork ends. A client that is killed takes its fork
along. A template is started by the first test that needs it, serves all of pytest's processes, and ends with pytest.

What is about starting, importing or dying with a parent is tested with the real commands instead.
"""

import contextlib
import fcntl
import gc
import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import traceback
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Final, Literal, NoReturn

Program = Literal["fork server", "agent server", "tabsmith", "acp agent", "acp worker"]
Template = Literal["workers", "programs"]

ROOT: Final = Path(__file__).resolve().parent.parent
FOLDER: Final = "TESTS_OF_TABSMITH_FOLDER"
"""The variable with the folder in which pytest's processes find the templates' sockets."""

_PROGRAMS: Final[dict[Program, str]] = {
    "fork server": "tabsmith.runs.fork_server",
    "agent server": "tabsmith.agents.server.agent_server",
    "tabsmith": "tabsmith_tui.cli",
    "acp agent": "tests.peers.acp_agent",
    "acp worker": "tests.peers.acp_worker",
}
"""The module of each, imported by the fork if it is not there, with `main`."""
_LIBRARIES: Final = (
    "tabsmith.agents.server.agent_server",
    "tabsmith.agents.llm.agent",
    "tabsmith.agents.claude_code.agent",
    "tabsmith.agents.acp.agent",
    "pydantic_ai.models.openai",
    "pydantic_ai.providers.openai",
    "pydantic_ai.models.anthropic",
    "pydantic_ai.providers.anthropic",
    "claude_agent_sdk",
    "acp",
    "tabsmith_tui.app",
    "tabsmith_tui.commands.root",
    "tabsmith_tui.screens.guided",
    "tabsmith_tui.screens.home",
    "tabsmith_tui.screens.run",
)

_CLIENT: Final = """
import json, os, signal, socket, sys
link = socket.socket(socket.AF_UNIX)
try:
    link.connect(sys.argv[1])
except OSError:
    sys.exit("The template is gone: " + open(sys.argv[1] + ".log").read())
order = {"folder": os.getcwd(), "environment": dict(os.environ), "program": sys.argv[2], "arguments": sys.argv[3:]}
line = json.dumps(order).encode() + b"\\n"
link.sendall(line[socket.send_fds(link, [line], [0, 1, 2]):])
for descriptor in range(3):
    os.close(descriptor)
answers = link.makefile()
pid = int(answers.readline())
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
    signal.signal(number, lambda number, _: os.kill(pid, number))
status = int(answers.readline() or "1")
if status < 0:
    if status != -signal.SIGKILL:
        signal.signal(-status, signal.SIG_DFL)
    os.kill(os.getpid(), -status)
os._exit(status)
"""


def forked(program: Program, *arguments: str) -> list[str]:
    """The command that runs `program` as a fork; starts its template if it is not there."""
    template: Template = "workers" if program == "fork server" else "programs"
    path = Path(os.environ[FOLDER]) / template
    if not path.exists():
        _start_template(path)
    return [sys.executable, "-I", "-S", "-c", _CLIENT, str(path), program, *arguments]


def _start_template(path: Path) -> None:
    """Start it, unless another of pytest's processes has done so meanwhile, and wait until it listens."""
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            command = [sys.executable, "-m", "tests.forked_programs", str(path)]
            environment = {name: value for name, value in os.environ.items() if not name.startswith("TABSMITH_")}
            with path.with_suffix(".log").open("w+") as log:  # not the streams of whoever happens to be first
                started = subprocess.run(
                    command,
                    cwd=ROOT,
                    env=environment,  # of no test: a fork gets that of its client
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
                log.seek(0)
                assert started.returncode == 0, log.read()


class TemplatesFolder:
    """The folder of the templates' sockets; templates end when it is closed, or with this process."""

    def __init__(self) -> None:
        self._path = Path(tempfile.mkdtemp(prefix="tabsmith-tests-"))
        os.mkfifo(self._path / "pytest")
        self._alive = os.open(self._path / "pytest", os.O_RDWR)
        os.environ[FOLDER] = str(self._path)

    def close(self) -> None:
        os.close(self._alive)
        shutil.rmtree(self._path)


# The template ---------------------------------------------------------------------------------------------------------


def _preload(template: Template) -> None:
    from tabsmith.agents.server import agent_client
    from tabsmith.runs import supervisor, training
    from tabsmith.runs.stages import one_thread, preload

    if template == "workers":
        one_thread()
        preload()
    else:
        for name in _LIBRARIES:
            with contextlib.suppress(ImportError):
                import_module(name)
        gc.freeze()
    agent_client.server_command = lambda: forked("agent server")
    supervisor.fork_server_command = training.fork_server_command = lambda: forked("fork server")


def serve(path: Path) -> None:
    """Be the template at `path`: import everything, go to the background, and fork for each connection."""
    _preload(path.name)  # type: ignore[arg-type]  # one of the two
    listening = socket.socket(socket.AF_UNIX)
    new = path.with_suffix(".new")
    listening.bind(str(new))
    listening.listen(64)
    new.rename(path)
    if os.fork():
        os._exit(0)  # whoever started it waits no longer
    _Forks(listening, os.open(path.parent / "pytest", os.O_RDONLY | os.O_NONBLOCK)).serve()


class _Forks:
    """The template's forks and the links to their clients."""

    def __init__(self, listening: socket.socket, alive: int) -> None:
        self._listening = listening
        self._selector = selectors.DefaultSelector()
        self._links: dict[int, socket.socket] = {}
        ended, self._wake = os.pipe()
        os.set_blocking(self._wake, False)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake)
        self._selector.register(listening, selectors.EVENT_READ, self._accept)
        self._selector.register(ended, selectors.EVENT_READ, lambda: self._reap(ended))
        self._selector.register(alive, selectors.EVENT_READ, lambda: os._exit(0))

    def serve(self) -> NoReturn:
        while True:
            for key, _ in self._selector.select():
                work: Callable[[], None] = key.data
                work()

    def _accept(self) -> None:
        """Fork for the next client. A client can be killed at any moment: its fork then ends with it."""
        link, _ = self._listening.accept()
        line, streams = _order(link)
        if not line:
            link.close()
        else:
            pid = os.fork()
            if pid == 0:
                _become(json.loads(line), streams)
            self._links[pid] = link
            with contextlib.suppress(OSError):  # the client is gone, which the selector tells next
                link.sendall(b"%d\n" % pid)
            self._selector.register(link, selectors.EVENT_READ, lambda: self._client_gone(pid))
        for descriptor in streams:
            os.close(descriptor)

    def _client_gone(self, pid: int) -> None:
        if pid in self._links:
            self._selector.unregister(self._links[pid])
            os.kill(pid, signal.SIGKILL)

    def _reap(self, ended: int) -> None:
        os.read(ended, 1 << 10)
        while self._links:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            link = self._links.pop(pid)
            with contextlib.suppress(KeyError):
                self._selector.unregister(link)
            with contextlib.suppress(OSError):
                link.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
            link.close()


def _order(link: socket.socket) -> tuple[bytes, list[int]]:
    """A client's line and streams; no line if it was killed before it had said what it wants."""
    line, streams = b"", []
    with contextlib.suppress(OSError):
        line, streams, _, _ = socket.recv_fds(link, 1 << 20, 3)
        while line and not line.endswith(b"\n"):
            part = link.recv(1 << 20)
            line = line + part if part else b""
    return (line if line.endswith(b"\n") else b""), streams


def _become(order: dict[str, object], streams: list[int]) -> NoReturn:
    """Be the program, in a session of its own, on the terminal if there is one."""
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.setsid()
        for number, descriptor in enumerate(streams):
            os.dup2(descriptor, number)
        os.closerange(3, 1 << 10)
        sys.stdout.reconfigure(line_buffering=os.isatty(1))  # type: ignore[union-attr]
        if os.isatty(0):
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        folder = os.environ[FOLDER]
        os.environ.clear()
        os.environ.update({FOLDER: folder, **order["environment"]})  # type: ignore[dict-item]
        os.chdir(str(order["folder"]))
        program: Program = order["program"]  # type: ignore[assignment]
        sys.argv = [_PROGRAMS[program], *order["arguments"]]  # type: ignore[misc]
        status = import_module(_PROGRAMS[program]).main() or 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - the edge of the process
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
