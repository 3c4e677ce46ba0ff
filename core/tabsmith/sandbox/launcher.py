"""Starts one command in its sandbox, watches it, and ends all that it left behind: `python -m ... PLAN [ARGUMENT ...]`.

This process stays outside. It adopts every orphan below it, so that no double fork and no new session escapes; when it
is told to end (SIGTERM, or at once by SIGUSR1), or its own parent dies, it takes all of them along.
"""

import os
import signal
import sys
import time
from typing import Final, NoReturn

import msgspec

from tabsmith.processes import adopt_orphans, die_with_parent
from tabsmith.sandbox import bubblewrap, process_tree, rlimits, seccomp
from tabsmith.sandbox.disk_usage import DiskUsage
from tabsmith.sandbox.policy import CommandEnd, LaunchPlan, LaunchReport

NOT_STARTED: Final = 126
AT_ONCE: Final = signal.SIGUSR1

_TICK: Final = 0.05  # seconds between two looks
_NICER: Final = 5  # so that the watcher has its turn whatever the command is busy with
_GRACE: Final = 0.5  # seconds that the command has when it is asked to end
_MB: Final = 1 << 20
_BUBBLEWRAP_ITSELF: Final = 2  # processes
_WAITED_FOR: Final = (signal.SIGCHLD, signal.SIGTERM, AT_ONCE)


def main(text: str, *arguments: str) -> int:
    """Run the plan, its command with these further arguments; the exit status is the command's, as a shell gives it."""
    plan = msgspec.json.decode(text, type=LaunchPlan)
    plan = msgspec.structs.replace(plan, command=(*plan.command, *arguments))
    signal.pthread_sigmask(signal.SIG_BLOCK, _WAITED_FOR)
    if plan.report is not None:
        os.set_inheritable(plan.report, False)
    adopt_orphans()
    die_with_parent(os.getppid(), signal.SIGTERM)
    started = time.monotonic()
    command, problem = _start(plan)
    _let_go_of_pipes()
    ended, status = _Watch(plan, command, started).until_its_end()
    process_tree.end_processes(command)
    report = _report(ended, status, started, problem)
    if plan.report is not None:
        os.write(plan.report, msgspec.json.encode(report))
    elif problem:
        sys.stderr.write(f"tabsmith's sandbox could not start the command: {problem}\n")
    elif ended not in ("exit", "killed"):
        sys.stderr.write(f"tabsmith's sandbox ended the command, limit: {ended}\n")
    return NOT_STARTED if problem else report.status


class _Watch:
    """Looks at the command until it has ended, or has to."""

    def __init__(self, plan: LaunchPlan, command: int, started: float) -> None:
        self._plan = plan
        self._command = command
        self._deadline = None if plan.seconds is None else started + plan.seconds
        self._tasks = plan.processes + (_BUBBLEWRAP_ITSELF if plan.level == "bubblewrap" else 0)
        self._written = DiskUsage((*plan.writable, plan.scratch), plan.disk_mb * _MB)
        self._few = True  # so few processes that it can wait a moment before it looks again
        self._asked: float | None = None  # until when it may take to end

    def until_its_end(self) -> tuple[CommandEnd, int]:
        """Why it ended and its status, which says nothing where it had to be ended: it is still alive then."""
        pause = 0.0
        while True:
            if (status := self._status()) is not None:
                return "exit", status
            if (limit := self._limit()) is not None:
                return limit, 128 + signal.SIGKILL
            pause = min(2 * pause + 0.001, _TICK)  # a short command is not kept waiting
            heard = self._hear(pause if self._few else 0.0)
            if heard == AT_ONCE or (self._asked is not None and time.monotonic() > self._asked):
                return "killed", 128 + signal.SIGKILL
            if heard == signal.SIGTERM and self._asked is None:
                self._asked = time.monotonic() + _GRACE
                self._ask()

    def _status(self) -> int | None:
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == self._command:
                code = os.waitstatus_to_exitcode(status)
                return code if code >= 0 else 128 - code
            if pid == 0:
                return None

    def _limit(self) -> CommandEnd | None:
        if self._deadline is not None and time.monotonic() > self._deadline:
            return "timeout"
        use = process_tree.measure_usage()
        self._few = use.tasks < self._tasks / 2
        if use.tasks > self._tasks:
            return "processes"
        memory = self._plan.memory_mb * _MB
        if use.resident > memory and process_tree.shared_memory(use.pids) > memory:
            return "memory"
        ended = os.times()
        spent = use.cpu_seconds + ended.children_user + ended.children_system
        if self._plan.cpu_seconds is not None and spent > self._plan.cpu_seconds:
            return "cpu"
        return "disk" if self._written.too_much() else None

    def _hear(self, seconds: float) -> int | None:
        """The signal that came within so many seconds."""
        if sys.platform != "linux":  # no sigtimedwait: look what is pending
            time.sleep(seconds)
            pending = signal.sigpending() & {signal.SIGTERM, AT_ONCE}
            return signal.sigwait(pending) if pending else None
        heard = signal.sigtimedwait(_WAITED_FOR, seconds)
        return None if heard is None else heard.si_signo

    def _ask(self) -> None:
        """Bubblewrap itself must not hear it: with it everything ends."""
        for pid in process_tree.measure_usage().pids or (self._command,):
            if pid != self._command or self._plan.level != "bubblewrap":
                os.kill(pid, signal.SIGTERM)


def _start(plan: LaunchPlan) -> tuple[int, str]:
    """The command's process, and why it did not become the command."""
    tasks = process_tree.count_user_tasks()
    told, tell = os.pipe()
    command = os.fork()
    if command == 0:
        os.close(told)
        _become(plan, tasks, tell)
    os.close(tell)
    with open(told, encoding="utf-8", errors="replace") as words:
        return command, words.read()  # until exec closes the other end


def _become(plan: LaunchPlan, tasks: int, tell: int) -> NoReturn:
    try:
        os.setsid()
        os.nice(_NICER)
        die_with_parent(os.getppid())
        line = list(plan.command)
        if plan.level != "none":
            rlimits.set_rlimits(plan, tasks)
        if plan.level == "bubblewrap":
            line = bubblewrap.bubblewrap_command(plan, _refusals(plan))
        else:
            os.chdir(plan.folder)
            rlimits.confine_process(plan)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _WAITED_FOR)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.execv(line[0], line)  # noqa: S606 - a list
    except (OSError, ValueError) as error:
        os.write(tell, str(error).encode())
    finally:
        os._exit(NOT_STARTED)


def _refusals(plan: LaunchPlan) -> int | None:
    program = seccomp.build_filter(plan, 0)
    if program is None:
        return None
    read, write = os.pipe()
    os.write(write, program)
    os.close(write)
    os.set_inheritable(read, True)
    return read


def _let_go_of_pipes() -> None:
    """What the command closes is closed: stdin and stdout. Stderr stays, to tell what went wrong."""
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.close(nothing)


def _report(ended: CommandEnd, status: int, started: float, problem: str) -> LaunchReport:
    import resource

    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    peak = used.ru_maxrss / (1 << 10 if sys.platform == "linux" else 1 << 20)
    return LaunchReport(ended, status, time.monotonic() - started, used.ru_utime + used.ru_stime, peak, problem)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
