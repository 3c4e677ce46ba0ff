"""One command, run to its end in a sandbox: `run_command`. And for a program with pipes of its own: `wrap_command`.

For a process that forks: nothing here starts a thread, and no child watcher of asyncio is needed.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from tabsmith.errors import SandboxError, SandboxProgramError
from tabsmith.processes import kill_marked
from tabsmith.sandbox.output import CommandOutput, OutputBuffer
from tabsmith.sandbox.policy import (
    CommandEnd,
    LaunchPlan,
    LaunchReport,
    SandboxLevel,
    SandboxPolicy,
    program_paths,
    sandbox_environment,
    system_paths,
    visible,
)

MARK: Final = "TABSMITH_SANDBOX"
"""A variable in the command's environment, by which its processes are known should the launcher itself be killed."""

AT_ONCE: Final = signal.SIGUSR1
_PATIENCE: Final = 5.0  # seconds past the policy's after which the launcher itself is given up
_LAST_WORDS: Final = 0.3  # seconds to read what was printed, once the launcher is gone
_ENDING: Final = 2.0  # seconds that the launcher has to end everything


class CommandResult(msgspec.Struct, frozen=True):
    """What became of a command."""

    ended: CommandEnd
    status: int | None
    """Its exit status as a shell gives it; None unless it ended by itself."""
    output: CommandOutput
    seconds: float
    cpu_seconds: float | None
    """None, as `peak_mb`, when nobody was left to tell."""
    peak_mb: float | None
    """Memory of its biggest process."""
    level: SandboxLevel

    @property
    def passed(self) -> bool:
        """Did it end by itself, with status 0?"""
        return self.ended == "exit" and self.status == 0


class WrappedCommand(msgspec.Struct, frozen=True):
    """How to start a program inside: its command line, and its whole environment. Its stdin, stdout and stderr are the
    program's. SIGTERM asks it to end and ends all of it half a second later; SIGUSR1 ends all of it at once. Its exit
    status is the program's as a shell gives it, and 126 when the program could not be started. What is appended to
    `argv` are further arguments of the program."""

    argv: tuple[str, ...]
    environment: dict[str, str]
    folder: Path


def scratch_folder() -> tempfile.TemporaryDirectory[str]:
    """A new temporary folder for one wrapped program: its home, and its place for temporary files."""
    made = tempfile.TemporaryDirectory(prefix="tabsmith-sandbox-", ignore_cleanup_errors=True)
    for name in ("tmp/home", "shm"):
        Path(made.name, name).mkdir(parents=True)
    return made


def wrap_command(
    argv: tuple[str, ...],
    folder: Path,
    policy: SandboxPolicy,
    level: SandboxLevel,
    own: Path,
    *,
    environment: Mapping[str, str] = os.environ,
    report: int | None = None,
) -> WrappedCommand:
    """How to start `argv` in `folder` inside the sandbox. `own` is a folder from `scratch_folder`, to be removed at its end.

    `environment` is what the policy picks variables from. To `report`, a descriptor that is passed on, goes a `LaunchReport`
    as JSON. Raises SandboxProgramError for a program that is not there, SandboxError for a folder that is not.
    """
    folder = folder.resolve()
    if not os.path.isdir(folder):  # noqa: PTH112 - its other form raises PermissionError
        raise SandboxError("The folder to work in is not there.", where=str(folder))
    given = sandbox_environment(policy, own, environment)
    program = _program(argv[0], folder, given["PATH"])
    readable = [*system_paths(), *policy.readable, *program_paths(program, given["PATH"])]
    writable = [folder, own, *policy.writable]
    plan = LaunchPlan(
        level=level,
        command=(str(program), *argv[1:]),
        folder=str(folder),
        scratch=str(own),
        readable=_places(readable),
        writable=_places(writable),
        network=policy.network,
        memory_mb=policy.memory_mb,
        processes=policy.processes,
        open_files=policy.open_files,
        file_mb=policy.file_mb,
        disk_mb=policy.disk_mb,
        seconds=policy.seconds,
        cpu_seconds=policy.cpu_seconds,
        report=report,
    )
    launcher = (sys.executable, "-I", "-m", "tabsmith.sandbox.launcher", msgspec.json.encode(plan).decode())
    return WrappedCommand(launcher, given, folder)


async def run_command(
    command: tuple[str, ...] | str,
    folder: Path,
    policy: SandboxPolicy,
    level: SandboxLevel,
    hear: Callable[[str], None] = lambda line: None,  # noqa: ARG005 - nobody listens
) -> CommandResult:
    """Run a command, or a line for `sh`, in `folder` until its end; `hear` is given each line that it prints, cleaned.

    Nothing of it is left when this returns, raises, or is cancelled. Raises SandboxProgramError, SandboxError, and what
    `hear` raises.
    """
    argv = ("/bin/sh", "-c", command) if isinstance(command, str) else command
    mark = str(uuid.uuid4())
    told, tell = os.pipe()
    with scratch_folder() as own, open(told, "rb", buffering=0) as reports:
        try:
            wrapped = wrap_command(argv, folder, policy, level, Path(own), report=tell)
            process = subprocess.Popen(
                wrapped.argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                bufsize=0,
                cwd=wrapped.folder,
                env={**wrapped.environment, MARK: mark},
                start_new_session=True,
                pass_fds=(tell,),
            )
        except OSError as error:
            raise SandboxError(f"The sandbox could not be started: {error.strerror}.") from error
        finally:
            os.close(tell)
        running = _Running(process, f"{MARK}={mark}", policy, hear)
        try:
            await running.read(reports.fileno())
        finally:
            running.bury()
    return running.outcome(level)


class _Running(asyncio.Protocol):
    """The launcher, from its start to its end, and what comes out of it."""

    def __init__(
        self, process: subprocess.Popen[bytes], mark: str, policy: SandboxPolicy, hear: Callable[[str], None]
    ) -> None:
        loop = asyncio.get_running_loop()
        self._process = process
        self._mark = mark
        self._policy = policy
        self._kept = OutputBuffer(policy.kept_bytes, hear)
        self._started = loop.time()
        self._over: asyncio.Future[None] = loop.create_future()
        self._ended: CommandEnd | None = None
        self._report = bytearray()

    async def read(self, reports: int) -> None:
        """Read until nobody holds the pipe any more, the launcher is gone, or has had its time."""
        loop = asyncio.get_running_loop()
        loop.add_reader(reports, self._told, reports)
        assert self._process.stdout is not None
        transport, _ = await loop.connect_read_pipe(lambda: self, self._process.stdout)
        seconds = self._policy.seconds
        try:
            await asyncio.wait((self._over,), timeout=None if seconds is None else seconds + _PATIENCE)
            if self._over.done():
                self._over.result()
            else:
                self._ended = "timeout"
        finally:
            try:
                if not self._over.done() or self._over.exception() is not None:
                    await self._end()
            finally:
                loop.remove_reader(reports)
                transport.close()

    def bury(self) -> None:
        """See to it that nothing is left."""
        if self._process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(0.2)  # its pipes are closed: it is about to end
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        if self._process.returncode < 0:  # it was killed, and its processes are not all below it any more
            kill_marked(self._mark)

    def outcome(self, level: SandboxLevel) -> CommandResult:
        """What became of it, from what was reported and what was seen here. Raises SandboxError when it never began."""
        output = self._kept.finish()
        report = msgspec.json.decode(self._report, type=LaunchReport) if self._report else None
        if report is not None and report.problem:
            raise SandboxError(f"The command could not be started: {report.problem}.", where=f"sandbox level {level}")
        if report is None:
            seconds = asyncio.get_running_loop().time() - self._started
            return CommandResult(self._ended or "killed", None, output, seconds, None, None, level)
        ended = self._ended or report.ended
        status = report.status if ended == "exit" else None
        return CommandResult(ended, status, output, report.seconds, report.cpu_seconds, report.peak_mb, level)

    async def _end(self) -> None:
        self._process.send_signal(AT_ONCE)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _ENDING
        while self._process.poll() is None and loop.time() < deadline:
            await asyncio.sleep(0.005)

    def _told(self, reports: int) -> None:
        """The launcher reported, or is gone: who then still holds the pipe has escaped it."""
        if told := os.read(reports, 65_536):
            self._report += told
            return
        loop = asyncio.get_running_loop()
        loop.remove_reader(reports)
        loop.call_later(_LAST_WORDS, self.connection_lost, None)

    # What asyncio tells -----------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if self._ended is not None or self._over.done():
            return
        try:
            self._kept.take(data)
        except Exception as error:  # noqa: BLE001 - it is the listener's, who gets it
            self._over.set_exception(error)
            return
        if self._kept.bytes > self._policy.output_bytes:
            self._ended = "output"
            self._process.send_signal(AT_ONCE)

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        if not self._over.done():
            self._over.set_result(None)


def _program(name: str, folder: Path, search: str) -> Path:
    """Where the program is: in the search path, or seen from the folder when the name has a slash."""
    found = shutil.which(str(folder / name) if "/" in name else name, path=search)
    if found is None:
        raise SandboxProgramError(
            f"There is no program {name!r}.",
            where=str(folder) if "/" in name else "",
            next_step="Install it, or name another one.",
        )
    return Path(found).absolute()


def _places(paths: list[Path]) -> tuple[str, ...]:
    """Those that are there, as they are named and where they lead to."""
    named = [each.absolute() for each in paths if visible(each)]
    return tuple(dict.fromkeys(str(form) for each in named for form in (each, each.resolve())))
