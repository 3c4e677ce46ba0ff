"""Starts runs and jobs for a screen, through a fork server that it keeps ready.

Runs live on when the screen is closed; jobs end with it. Everything is asyncio, and the streams are piped, as a running
Textual app needs.
"""

import asyncio
import contextlib
import itertools
import signal
import sys
import tempfile
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from tabsmith.errors import ErrorReport, RunStateError, WorkerError, memory_short
from tabsmith.runs.folder import RunFolder
from tabsmith.runs.fork_server import (
    CancelJob,
    ForkServerNotice,
    ForkServerReady,
    ForkServerRequest,
    JobEnded,
    JobProgress,
    ProcessEnvironment,
    StartJob,
    StartRun,
    child_environment,
)
from tabsmith.runs.jobs import Job, JobFailed, JobResult, Progressed
from tabsmith.runs.reducers import reduce
from tabsmith.runs.spec import RunSpec
from tabsmith.tables.read.remote.addresses import typed_addresses

_NOTICE: Final = msgspec.json.Decoder(ForkServerNotice)
_ANSWER: Final[msgspec.json.Decoder[JobResult]] = msgspec.json.Decoder(JobResult)
_LINE_LIMIT: Final = 1 << 20
_STDERR_LINES: Final = 40


class Supervisor:
    """One per screen. `start` starts the fork server in the background; every other call starts it if it is not there."""

    def __init__(self) -> None:
        self._server: _ForkServerProcess | None = None
        self._starting = asyncio.Lock()
        self._numbers = itertools.count(1)
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    async def start(self) -> None:
        """Start the fork server, which imports in the background while this returns."""
        await self._running_server()

    async def close(self) -> None:
        """End the fork server and its jobs. Runs live on."""
        if self._server is not None:
            await self._server.close()
            self._server = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    @property
    def ready(self) -> bool:
        """Whether the fork server has everything imported."""
        return self._server is not None and self._server.ready.is_set()

    async def start_run(self, spec: RunSpec) -> RunFolder:
        """Start a run; returns its folder. Raises StorageError, WorkerError."""
        folder = RunFolder.create(spec)
        await self._launch(folder)
        return folder

    async def resume_run(self, run_id: str) -> RunFolder:
        """Resume a run. Raises RunStateError if it is running, or has ended with a model."""
        folder = RunFolder(run_id)
        require_resumable(folder)
        await self._launch(folder)
        return folder

    async def job(self, job: Job, on_progress: Callable[[Progressed], None]) -> JobResult:
        """Return the job's result; a JobFailed carries the error. Cancelling ends the process that works on the job."""
        server = await self._running_server()
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="tabsmith-jobs-")
        number = next(self._numbers)
        answer = Path(self._folder.name) / f"{number}.json"
        try:
            start = StartJob(number, job, str(answer), ProcessEnvironment.here(), typed_addresses())
            status = await server.work_on(start, on_progress)
            try:
                return _ANSWER.decode(answer.read_bytes())
            except FileNotFoundError:
                return JobFailed(_short_of_memory(status) or server.died(_NO_ANSWER.format(status)).report())
        finally:
            answer.unlink(missing_ok=True)

    async def _launch(self, folder: RunFolder) -> None:
        server = await self._running_server()
        await server.ask(StartRun(folder.id, command_offset(folder), str(folder.log), ProcessEnvironment.here()))

    async def _running_server(self) -> "_ForkServerProcess":
        async with self._starting:
            if self._server is None or not self._server.alive:
                self._server = await _ForkServerProcess.start()
            return self._server


_NO_ANSWER: Final = "The process at work on this ended without an answer ({})."


def _short_of_memory(status: int) -> ErrorReport | None:
    """The error for a job whose process ended as libraries end one that gets no more memory; None for another end."""
    if status not in (-signal.SIGABRT, -signal.SIGKILL, -signal.SIGSEGV):
        return None
    return memory_short(f"The work needed more memory than it may take, and was ended (signal {-status}).").report()


class _ForkServerProcess:
    """The fork server as its parent sees it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.ready = asyncio.Event()
        self._jobs: dict[int, _PendingJob] = {}
        self._stderr: deque[str] = deque(maxlen=_STDERR_LINES)
        self._readers = [asyncio.create_task(self._read_notices()), asyncio.create_task(self._read_stderr())]

    @classmethod
    async def start(cls) -> "_ForkServerProcess":
        """Start the process, which takes requests before everything is imported."""
        return cls(
            await asyncio.create_subprocess_exec(
                *fork_server_command(),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                limit=_LINE_LIMIT,
                start_new_session=True,
                env=child_environment(),
            )
        )

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    async def ask(self, request: ForkServerRequest) -> None:
        """Send a request. Raises WorkerError if the process is gone."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(msgspec.json.encode(request) + b"\n")
            await self._process.stdin.drain()
        except (BrokenPipeError, ConnectionResetError) as error:
            raise self.died("The process that works for this screen is gone.") from error

    async def work_on(self, start: StartJob, on_progress: Callable[[Progressed], None]) -> int:
        """Have the job done; returns the exit status of its child."""
        waiting = _PendingJob(asyncio.get_running_loop().create_future(), on_progress)
        self._jobs[start.number] = waiting
        try:
            await self.ask(start)
            return await waiting.ended
        except asyncio.CancelledError:
            with contextlib.suppress(WorkerError):
                await self.ask(CancelJob(start.number))
            raise
        finally:
            self._jobs.pop(start.number, None)

    async def close(self) -> None:
        """Close the process's stdin, which ends it, and wait for its end."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(2):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)

    def died(self, what: str) -> WorkerError:
        """Return the error for a process that is gone, with what it printed last."""
        last = " ".join(self._stderr).strip()
        return WorkerError(
            f"{what} {last[-500:]}".strip(),
            next_step="Try again; `tabsmith doctor` checks the installation if it happens twice.",
        )

    async def _read_notices(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            match _NOTICE.decode(line):
                case ForkServerReady():
                    self.ready.set()
                case JobProgress(number, progress):
                    if number in self._jobs:
                        self._jobs[number].on_progress(progress)
                case JobEnded(number, status):
                    if number in self._jobs:
                        self._jobs[number].end(status)
        status = await self._process.wait()
        for waiting in self._jobs.values():
            waiting.end(status)

    async def _read_stderr(self) -> None:
        assert self._process.stderr is not None
        async for line in self._process.stderr:
            self._stderr.append(line.decode(errors="replace").rstrip())


class _PendingJob:
    """A job that has not ended."""

    def __init__(self, ended: asyncio.Future[int], on_progress: Callable[[Progressed], None]) -> None:
        self.ended = ended
        self.on_progress = on_progress

    def end(self, status: int) -> None:
        if not self.ended.done():
            self.ended.set_result(status)


def fork_server_command() -> list[str]:
    """Return the command that starts a fork server."""
    return [sys.executable, "-m", "tabsmith.runs.fork_server"]


def command_offset(folder: RunFolder) -> int:
    """Return the offset in the file of commands from which a new worker listens: earlier commands were for earlier workers."""
    if not (folder.root / "events.jsonl").exists():
        return 0
    try:
        return (folder.root / "commands.jsonl").stat().st_size
    except FileNotFoundError:
        return 0


def require_resumable(folder: RunFolder) -> None:
    """Raise RunStateError if the run is running, or has ended with a model."""
    if folder.alive():
        raise RunStateError(f"The run {folder.id} is running.", next_step=f"tabsmith runs attach {folder.id}")
    run = reduce(folder.events().read().values)
    if run.report is not None or run.outcome in ("success", "success with limits"):
        raise RunStateError(f"The run {folder.id} is done.", next_step=f"tabsmith runs show {folder.id}")
