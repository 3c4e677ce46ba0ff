"""Runs a command in a sandbox to its end (`run_command`), wraps a program that needs its own pipes (`wrap_command`), and tries
which sandbox levels really work on this machine (`detect_level`).

The worker forks, so nothing here starts a thread or needs a child watcher of asyncio.
"""

import asyncio
import contextlib
import functools
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
from tabsmith.sandbox.policy import (
    LEVELS,
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
from tabsmith.text import clean, clean_block

_LINE_CHARACTERS: Final = 2_000  # of a line that is reported
_LINES_PER_READ: Final = 200  # reported; of a flood the latest


class CommandOutput(msgspec.Struct, frozen=True):
    """The beginning and the end of the output, including stderr, safe to show."""

    head: str
    tail: str
    """Empty if `head` is everything."""
    left_out: int
    """Bytes between the two."""
    bytes: int
    """Of the whole output."""

    def __str__(self) -> str:
        if not self.left_out:
            return self.head + self.tail
        return f"{self.head}\n… {self.left_out:,} bytes left out …\n{self.tail}"


class OutputBuffer:
    """Collects output, and reports each line once it is complete."""

    def __init__(self, kept: int, on_line: Callable[[str], None]) -> None:
        self._half = max(1, kept // 2)
        self._on_line = on_line
        self._head = bytearray()
        self._tail = bytearray()
        self._line = bytearray()
        self.bytes = 0

    def add(self, data: bytes) -> None:
        """Keep as much of `data` as there is room for, and report its lines."""
        self.bytes += len(data)
        room = self._half - len(self._head)
        if room > 0:
            self._head += data[:room]
        self._tail += data[max(0, room) :]
        if len(self._tail) > 4 * self._half:
            del self._tail[: -self._half]
        *whole, rest = (bytes(self._line) + data).split(b"\n")
        self._line = bytearray(rest[: 4 * _LINE_CHARACTERS])
        self._report(whole[-_LINES_PER_READ:])

    def finish(self) -> CommandOutput:
        """Return the output. A last line without a line end is reported now."""
        if self._line:
            self._report([bytes(self._line)])
            self._line.clear()
        tail = bytes(self._tail[-self._half :])
        left_out = self.bytes - len(self._head) - len(tail)
        if not left_out:
            return CommandOutput(_text(bytes(self._head) + tail), "", 0, self.bytes)
        return CommandOutput(_text(bytes(self._head)), _text(tail), left_out, self.bytes)

    def _report(self, lines: list[bytes]) -> None:
        for line in lines:
            self._on_line(clean(line[: 4 * _LINE_CHARACTERS].decode("utf-8", "replace"), _LINE_CHARACTERS))


def _text(data: bytes) -> str:
    return clean_block(data.decode("utf-8", "replace"), len(data) + 1)


MARK: Final = "TABSMITH_SANDBOX"
"""The variable in the command's environment by which its processes are found if the launcher itself is killed."""

AT_ONCE: Final = signal.SIGUSR1
_GRACE_SECONDS: Final = 5.0  # past the policy's, after which the launcher itself is killed
_READ_SECONDS: Final = 0.3  # to read the rest of the output once the launcher is gone
_END_SECONDS: Final = 2.0  # for the launcher to end everything


class CommandResult(msgspec.Struct, frozen=True):
    """The result of a command."""

    ended: CommandEnd
    status: int | None
    """The exit status as a shell gives it; None unless the command ended by itself."""
    output: CommandOutput
    seconds: float
    cpu_seconds: float | None
    """None, like `peak_mb`, if the launcher could not report any more."""
    peak_mb: float | None
    """Memory of the largest process."""
    level: SandboxLevel

    @property
    def passed(self) -> bool:
        """Whether the command ended by itself with status 0."""
        return self.ended == "exit" and self.status == 0


class WrappedCommand(msgspec.Struct, frozen=True):
    """How to start a program in the sandbox: its command line and its whole environment.

    Stdin, stdout and stderr are the program's. SIGTERM asks the program to end, and ends everything half a second
    later; SIGUSR1 ends everything at once. The exit status is the program's as a shell gives it, or 126 if it could not
    be started. Arguments appended to `argv` are passed to the program.
    """

    argv: tuple[str, ...]
    environment: dict[str, str]
    folder: Path


def scratch_folder() -> tempfile.TemporaryDirectory[str]:
    """Make a temporary folder for one program: its home and its temporary files."""
    folder = tempfile.TemporaryDirectory(prefix="tabsmith-sandbox-", ignore_cleanup_errors=True)
    for name in ("tmp/home", "shm"):
        Path(folder.name, name).mkdir(parents=True)
    return folder


def wrap_command(
    argv: tuple[str, ...],
    folder: Path,
    policy: SandboxPolicy,
    level: SandboxLevel,
    scratch: Path,
    *,
    environment: Mapping[str, str] = os.environ,
    report: int | None = None,
) -> WrappedCommand:
    """Return how to start `argv` in `folder` inside the sandbox.

    `scratch` is a folder from `scratch_folder`, to be removed after the program's end. The policy picks its variables
    from `environment`. If `report` is given, a `LaunchReport` is written to that descriptor as JSON. Raises
    SandboxProgramError if the program is not there, SandboxError if the folder is not.
    """
    folder = folder.resolve()
    if not os.path.isdir(folder):  # noqa: PTH112 - its other form raises PermissionError
        raise SandboxError("The folder to work in is not there.", where=str(folder))
    given = sandbox_environment(policy, scratch, environment)
    program = _program(argv[0], folder, given["PATH"])
    readable = [*system_paths(), *policy.readable, *program_paths(program, given["PATH"])]
    writable = [folder, scratch, *policy.writable]
    plan = LaunchPlan(
        level=level,
        command=(str(program), *argv[1:]),
        folder=str(folder),
        scratch=str(scratch),
        readable=_existing(readable),
        writable=_existing(writable),
        policy=msgspec.structs.replace(policy, readable=(), writable=(), variables=()),
        report=report,
    )
    launcher = (sys.executable, "-I", "-m", "tabsmith.sandbox.launcher", msgspec.json.encode(plan).decode())
    return WrappedCommand(launcher, given, folder)


async def run_command(
    command: tuple[str, ...] | str,
    folder: Path,
    policy: SandboxPolicy,
    level: SandboxLevel,
    on_line: Callable[[str], None] = lambda line: None,  # noqa: ARG005 - nobody listens
    *,
    environment: Mapping[str, str] = os.environ,
) -> CommandResult:
    """Run a command, or a line for `sh`, in `folder` until its end. `on_line` gets each line that it prints, cleaned.

    No process of the command is left when this returns, raises, or is cancelled. Raises SandboxProgramError,
    SandboxError, and whatever `on_line` raises.
    """
    argv = ("/bin/sh", "-c", command) if isinstance(command, str) else command
    mark = str(uuid.uuid4())
    read, write = os.pipe()
    with scratch_folder() as scratch, open(read, "rb", buffering=0) as reports:
        try:
            wrapped = wrap_command(argv, folder, policy, level, Path(scratch), environment=environment, report=write)
            process = subprocess.Popen(
                wrapped.argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                bufsize=0,
                cwd=wrapped.folder,
                env={**wrapped.environment, MARK: mark},
                start_new_session=True,
                pass_fds=(write,),
            )
        except OSError as error:
            raise SandboxError(f"The sandbox could not be started: {error.strerror}.") from error
        finally:
            os.close(write)
        running = _Running(process, f"{MARK}={mark}", policy, on_line)
        try:
            await running.read(reports.fileno())
        finally:
            running.bury()
    return running.outcome(level)


class _Running(asyncio.Protocol):
    """The launcher's process from its start to its end, its output and its report."""

    def __init__(
        self, process: subprocess.Popen[bytes], mark: str, policy: SandboxPolicy, on_line: Callable[[str], None]
    ) -> None:
        loop = asyncio.get_running_loop()
        self._process = process
        self._mark = mark
        self._policy = policy
        self._output = OutputBuffer(policy.kept_bytes, on_line)
        self._started = loop.time()
        self._ended_reading: asyncio.Future[None] = loop.create_future()
        self._ended: CommandEnd | None = None
        self._report = bytearray()

    async def read(self, reports: int) -> None:
        """Read until nobody holds the pipe any more, the launcher is gone, or its time is up."""
        loop = asyncio.get_running_loop()
        loop.add_reader(reports, self._read_report, reports)
        assert self._process.stdout is not None
        transport, _ = await loop.connect_read_pipe(lambda: self, self._process.stdout)
        seconds = self._policy.seconds
        try:
            await asyncio.wait((self._ended_reading,), timeout=None if seconds is None else seconds + _GRACE_SECONDS)
            if self._ended_reading.done():
                self._ended_reading.result()
            else:
                self._ended = "timeout"
        finally:
            try:
                if not self._ended_reading.done() or self._ended_reading.exception() is not None:
                    await self._end()
            finally:
                loop.remove_reader(reports)
                transport.close()

    def bury(self) -> None:
        """Kill whatever is left."""
        if self._process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(0.2)  # its pipes are closed, so it is about to end
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        if self._process.returncode < 0:  # it was killed, so not all processes are below it any more
            kill_marked(self._mark)

    def outcome(self, level: SandboxLevel) -> CommandResult:
        """Return the result, from the report and what was seen here. Raises SandboxError if the command never began."""
        output = self._output.finish()
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
        deadline = loop.time() + _END_SECONDS
        while self._process.poll() is None and loop.time() < deadline:
            await asyncio.sleep(0.005)

    def _read_report(self, reports: int) -> None:
        """Read the launcher's report. Once the launcher is gone, a process that still holds the pipe has escaped it."""
        if data := os.read(reports, 65_536):
            self._report += data
            return
        loop = asyncio.get_running_loop()
        loop.remove_reader(reports)
        loop.call_later(_READ_SECONDS, self.connection_lost, None)

    # asyncio's callbacks -----------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if self._ended is not None or self._ended_reading.done():
            return
        try:
            self._output.add(data)
        except Exception as error:  # noqa: BLE001 - raised by on_line: the caller gets it
            self._ended_reading.set_exception(error)
            return
        if self._output.bytes > self._policy.output_bytes:
            self._ended = "output"
            self._process.send_signal(AT_ONCE)

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        if not self._ended_reading.done():
            self._ended_reading.set_result(None)


def _program(name: str, folder: Path, search: str) -> Path:
    """Find the program in the search path, or from the folder if its name has a slash."""
    path = shutil.which(str(folder / name) if "/" in name else name, path=search)
    if path is None:
        raise SandboxProgramError(
            f"There is no program {name!r}.",
            where=str(folder) if "/" in name else "",
            next_step="Install it, or name another one.",
        )
    return Path(path).absolute()


def _existing(paths: list[Path]) -> tuple[str, ...]:
    """The paths that exist, as they are named and with links resolved."""
    existing = [path.absolute() for path in paths if visible(path)]
    return tuple(dict.fromkeys(str(form) for path in existing for form in (path, path.resolve())))


_TRIAL_SECONDS: Final = 10.0


@functools.cache
def detect_level() -> SandboxLevel:
    """Return the strongest level at which a command really runs and really cannot write outside. Tried once per process.

    "none" if not even limits can be set, which the user should be told.
    """
    return next((level for level in LEVELS[:-1] if level_works(level)), "none")


@functools.cache
def level_works(level: SandboxLevel) -> bool:
    """Whether a command starts at this level, and is confined as far as this level goes. Tried once per process."""
    with tempfile.TemporaryDirectory(prefix="tabsmith-trial-") as outside, scratch_folder() as scratch:
        folder, mark = Path(scratch, "tmp"), Path(outside, "written")
        line = ("/bin/sh", "-c", 'echo in > here && echo started; echo out > "$1"', "sh", str(mark))
        wrapped = wrap_command(line, folder, SandboxPolicy(seconds=_TRIAL_SECONDS), level, Path(scratch))
        try:
            tried = subprocess.run(
                wrapped.argv,
                env=wrapped.environment,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=_TRIAL_SECONDS + 2,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        started = tried.stdout == b"started\n"
        return started and (mark.exists() if level in ("rlimits", "none") else not mark.exists())
