"""The fork server: a process with everything imported, which forks a child for each run or job at no cost.

It reads requests, one JSON line each, from stdin and ends with it. A run's child leaves at once (own session, own log)
and outlives the server; a job's child writes its answer into a file and is ended if the job is cancelled. The server
never computes and starts no thread, so it can always fork.
"""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn, TypeAlias

import msgspec

from tabsmith.errors import report_of
from tabsmith.runs.jobs import Job, JobFailed, JobResult, Progressed

_PASSED_ON: Final = (
    "TABSMITH_", "OPENAI_", "ANTHROPIC_", "OLLAMA_", "CLAUDE_", "AZURE_", "GEMINI_", "GOOGLE_", "GROQ_", "MISTRAL_",
    "OPENROUTER_", "DEEPSEEK_",
)  # fmt: skip
WITHHELD_VARIABLES: Final = frozenset({"TABSMITH_TELEGRAM__TOKEN"})
"""Secrets that no worker, job or agent needs, so that none gets them."""
_PASSED_ON_WHOLE: Final = frozenset({"HOME", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"})
_PROGRESS_EVERY: Final = 0.05


class ProcessEnvironment(msgspec.Struct, frozen=True):
    """The environment of a process that asks for work: its current folder, and the variables of tabsmith's settings and of
    model providers, among them keys. They cross a pipe, are never written to a file, and do not show in a traceback."""

    folder: str
    variables: dict[str, str]

    @classmethod
    def here(cls) -> "ProcessEnvironment":
        """Return the environment of this process."""
        return cls(str(Path.cwd()), {name: value for name, value in os.environ.items() if _is_passed_on(name)})

    def enter(self) -> None:
        """Make it the environment of this process."""
        for name in [name for name in os.environ if _is_passed_on(name)]:
            del os.environ[name]
        os.environ.update(self.variables)
        os.chdir(self.folder)

    def __repr__(self) -> str:
        return f"ProcessEnvironment(folder={self.folder!r}, variables={sorted(self.variables)})"


def child_environment() -> dict[str, str]:
    """Return the variables for a child process: all but the withheld secrets."""
    return {name: value for name, value in os.environ.items() if name not in WITHHELD_VARIABLES}


def _is_passed_on(name: str) -> bool:
    if name in WITHHELD_VARIABLES:
        return False
    return name.startswith(_PASSED_ON) or name.upper() in _PASSED_ON_WHOLE  # proxies are also written small


class StartRun(msgspec.Struct, frozen=True, tag="run", tag_field="ask"):
    """Fork a worker for the run; the worker listens to commands from `offset` on."""

    run_id: str
    offset: int
    log: str
    environment: ProcessEnvironment


class StartJob(msgspec.Struct, frozen=True, tag="job", tag_field="ask"):
    """Fork a child for the job; the child writes its `JobResult` into the file `answer`."""

    number: int
    job: Job
    answer: str
    environment: ProcessEnvironment
    addresses: tuple[str, ...] = ()  # of databases, with the passwords that were typed; they are in memory alone


class CancelJob(msgspec.Struct, frozen=True, tag="cancel", tag_field="ask"):
    """End the job's child."""

    number: int


class ForkServerReady(msgspec.Struct, frozen=True, tag="ready", tag_field="tell"):
    """Everything is imported."""

    seconds: float


class JobProgress(msgspec.Struct, frozen=True, tag="progress", tag_field="tell"):
    """A job has made progress."""

    number: int
    progress: Progressed


class JobEnded(msgspec.Struct, frozen=True, tag="ended", tag_field="tell"):
    """A job's child has ended; its answer, if it gave one, is in its file."""

    number: int
    status: int


ForkServerRequest: TypeAlias = StartRun | StartJob | CancelJob
ForkServerNotice: TypeAlias = ForkServerReady | JobProgress | JobEnded

_REQUEST: Final = msgspec.json.Decoder(ForkServerRequest)


class JobProcesses:
    """Which process works on which job. SIGCHLD may end one between any two steps of every method but `end`."""

    def __init__(self) -> None:
        self._jobs: dict[int, int] = {}  # process number -> job number
        self._reaped: dict[int, int] = {}  # those whose end was seen before they were known, with their status

    @property
    def numbers(self) -> tuple[int, ...]:
        """The jobs that are worked on, by number."""
        return tuple(self._jobs.values())

    def forget_early_ends(self) -> None:
        """Called before a process is forked: an end that was seen before belongs to another process of that number."""
        self._reaped.clear()

    def add(self, pid: int, number: int) -> JobEnded | None:
        """Know that the process works on the job. Returns the job's end if that has come already."""
        self._jobs[pid] = number
        if pid in self._reaped and self._jobs.pop(pid, None) is not None:
            return JobEnded(number, self._reaped[pid])  # it was quicker than the line above
        return None

    def end(self, pid: int, status: int) -> JobEnded | None:
        """Take out a process that has ended. Returns the end of its job, None if it works on none that is known."""
        number = self._jobs.pop(pid, None)
        if number is None:
            self._reaped[pid] = status
            return None
        return JobEnded(number, status)

    def cancel(self, number: int | None = None) -> None:
        """Kill the process of the job, with what it has started; without a number, those of all jobs."""
        for pid, job in list(self._jobs.items()):  # one that ends meanwhile is taken out by the signal
            if number in (job, None):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)


class ForkServer:
    """Serves requests from stdin until it ends."""

    def __init__(self) -> None:
        self._jobs = JobProcesses()

    def serve(self) -> None:
        """Take requests until stdin ends."""
        signal.signal(signal.SIGCHLD, self._child_ended)
        for line in sys.stdin.buffer:
            match _REQUEST.decode(line):
                case StartRun() as run:
                    self._start_run(run)
                case StartJob() as job:
                    self._start_job(job)
                case CancelJob(number):
                    self._jobs.cancel(number)
        self._jobs.cancel()

    def _start_run(self, run: StartRun) -> None:
        if os.fork() == 0:
            _run_child(run.environment, lambda: _work_on(run))

    def _start_job(self, start: StartJob) -> None:
        self._jobs.forget_early_ends()
        pid = os.fork()
        if pid == 0:
            _run_child(start.environment, lambda: _perform(start))
        if ended := self._jobs.add(pid, start.number):
            _send_notice(ended)

    def _child_ended(self, _number: int, _frame: FrameType | None) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if ended := self._jobs.end(pid, os.waitstatus_to_exitcode(status)):
                _send_notice(ended)


def _run_child(environment: ProcessEnvironment, work: Callable[[], int]) -> NoReturn:
    """Live a child's life: in a session of its own, without the server's stdin, in the environment of whoever asked."""
    status = 1
    try:
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.close(null)
        environment.enter()
        status = work()
    except BaseException as error:  # noqa: BLE001 - the edge of this process: its log gets the traceback
        os.write(2, report_of(error).details.encode(errors="replace"))
    finally:
        os._exit(status)


def _work_on(run: StartRun) -> int:
    from tabsmith.runs.worker import serve

    log = os.open(run.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    return serve(run.run_id, run.offset)


def _perform(start: StartJob) -> int:
    from tabsmith.processes import die_with_parent
    from tabsmith.runs.jobs import perform_job
    from tabsmith.runs.pool import CHILD_NICENESS
    from tabsmith.runs.stages import take_share_of_memory
    from tabsmith.storage import write_atomic
    from tabsmith.tables.read.remote.addresses import keep_password

    die_with_parent(os.getppid())
    os.nice(CHILD_NICENESS)
    last_notice = 0.0

    def progress(share: float, message: str) -> None:
        nonlocal last_notice
        if time.monotonic() - last_notice >= _PROGRESS_EVERY:
            last_notice = time.monotonic()
            _send_notice(JobProgress(start.number, Progressed(share, message)))

    result: JobResult
    for address in start.addresses:
        keep_password(address)
    try:
        take_share_of_memory()
        result = perform_job(start.job, progress)
    except Exception as error:  # noqa: BLE001 - the edge of this process: who asked gets the whole error
        result = JobFailed(report_of(error))
    write_atomic(Path(start.answer), msgspec.json.encode(result))
    return 0


def _send_notice(notice: ForkServerNotice) -> None:
    line = msgspec.json.encode(notice) + b"\n"
    os.write(1, line)  # far shorter than a pipe's atomic write, so lines of several children do not mix


def main() -> NoReturn:
    """Preload, say so, serve; then end at once, without freeing what was imported."""
    from tabsmith.runs.stages import one_thread, preload

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl+c in the terminal is for the screen
    started = time.monotonic()
    one_thread()
    preload()
    _send_notice(ForkServerReady(time.monotonic() - started))
    ForkServer().serve()
    os._exit(0)


if __name__ == "__main__":
    main()
