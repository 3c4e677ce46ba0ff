"""Starts one command in its sandbox, watches it, and ends everything that it left: `python -m ... PLAN [ARGUMENT ...]`.

This process stays outside of the sandbox. It adopts every orphan below it, so that no double fork and no new session
escapes. On SIGTERM, at once on SIGUSR1, and when its parent dies, it ends all of them. At the level bubblewrap the command
gets namespaces of its own, and a file tree of nothing but what the plan names.
"""

import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Final, NoReturn

import msgspec

from tabsmith.processes import adopt_orphans, die_with_parent
from tabsmith.sandbox import confine, process_tree, seccomp
from tabsmith.sandbox.policy import CommandEnd, LaunchPlan, LaunchReport
from tabsmith.sandbox.process_tree import DiskUsage

_OWN_FILES: Final = ("--proc", "/proc", "--dev", "/dev")
_OWN_NAMESPACES: Final = (
    "--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-cgroup-try", "--die-with-parent",
    "--new-session", "--cap-drop", "ALL",
)  # fmt: skip


def find_bubblewrap() -> str | None:
    """Find bubblewrap in the system's folders, which only root can write to; None if it is not there."""
    return shutil.which("bwrap", path="/usr/bin:/bin:/usr/local/bin:/run/current-system/sw/bin")


def bubblewrap_command(plan: LaunchPlan, seccomp_filter: int | None) -> list[str]:
    """Return the command that runs the plan's command; `seccomp_filter` is a descriptor with the filter of system calls."""
    bwrap = find_bubblewrap()
    if bwrap is None:
        raise FileNotFoundError("bubblewrap is not installed")
    line = [bwrap, *_OWN_NAMESPACES, *_OWN_FILES]
    if plan.policy.network != "all":
        line.append("--unshare-net")
    line += ["--bind", f"{plan.scratch}/tmp", "/tmp", "--symlink", "/tmp", "/var/tmp"]  # noqa: S108 - it is a new one
    line += ["--bind", f"{plan.scratch}/shm", "/dev/shm"]  # noqa: S108 - it is a new one
    # Deeper paths come later, so that their mounts are visible; a readable path below another one needs none.
    binds = dict.fromkeys(plan.readable, "--ro-bind") | dict.fromkeys(plan.writable, "--bind")
    for path_name in sorted(binds, key=lambda path: (path.count("/"), path)):
        within = any(path_name.startswith(f"{other}/") for other in binds)
        if binds[path_name] == "--bind" or not within:
            line += _mount(path_name, binds[path_name])
    # /proc/sys belongs to root, also to a root who has lost every capability.
    for path_name in ("/proc", "/dev", "/"):
        line += ["--remount-ro", path_name]
    line += ["--chdir", plan.folder]
    if seccomp_filter is not None:
        line += ["--seccomp", str(seccomp_filter)]
    return [*line, "--", *plan.command]


def _mount(path_name: str, how: str) -> list[str]:
    path = Path(path_name)
    if path.is_symlink() and path.is_dir():
        return ["--symlink", str(path.readlink()), path_name]  # /bin -> usr/bin; its target is bound separately
    return [how, str(path.resolve()), path_name]


NOT_STARTED: Final = 126
AT_ONCE: Final = signal.SIGUSR1

_CHECK_SECONDS: Final = 0.05  # between two checks of the limits
_NICENESS: Final = 5  # of the command, so that this process gets its turn whatever the command does
_GRACE_SECONDS: Final = 0.5  # for the command to end after SIGTERM
_MB: Final = 1 << 20
_BUBBLEWRAP_PROCESSES: Final = 2
_SIGNALS: Final = (signal.SIGCHLD, signal.SIGTERM, AT_ONCE)


def main(text: str, *arguments: str) -> int:
    """Run the plan's command with further arguments; return its exit status as a shell gives it."""
    plan = msgspec.json.decode(text, type=LaunchPlan)
    plan = msgspec.structs.replace(plan, command=(*plan.command, *arguments))
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    if plan.report is not None:
        os.set_inheritable(plan.report, False)
    adopt_orphans()
    die_with_parent(os.getppid(), signal.SIGTERM)
    started = time.monotonic()
    command, problem = _start(plan)
    _close_pipes()
    ended, status = _Watcher(plan, command, started).wait()
    process_tree.end_processes(command)
    report = _report(ended, status, started, problem)
    if plan.report is not None:
        os.write(plan.report, msgspec.json.encode(report))
    elif problem:
        sys.stderr.write(f"tabsmith's sandbox could not start the command: {problem}\n")
    elif ended not in ("exit", "killed"):
        sys.stderr.write(f"tabsmith's sandbox ended the command, limit: {ended}\n")
    return NOT_STARTED if problem else report.status


class _Watcher:
    """Watches the command until it has ended or must be ended."""

    def __init__(self, plan: LaunchPlan, command: int, started: float) -> None:
        self._plan = plan
        self._command = command
        self._deadline = None if plan.policy.seconds is None else started + plan.policy.seconds
        self._tasks = plan.policy.processes + (_BUBBLEWRAP_PROCESSES if plan.level == "bubblewrap" else 0)
        self._disk = DiskUsage((*plan.writable, plan.scratch), plan.policy.disk_mb * _MB, plan.policy.files)
        self._few = True  # processes, so that a pause between two checks is safe
        self._kill_at: float | None = None  # after SIGTERM

    def wait(self) -> tuple[CommandEnd, int]:
        """Return why the command ended and its status. If it must be ended it is still alive, and the status is 137."""
        pause = 0.0
        while True:
            if (status := self._status()) is not None:
                return "exit", status
            if (limit := self._limit()) is not None:
                return limit, 128 + signal.SIGKILL
            pause = min(2 * pause + 0.001, _CHECK_SECONDS)  # so that a short command ends without delay
            received = self._wait_for_signal(pause if self._few else 0.0)
            if received == AT_ONCE or (self._kill_at is not None and time.monotonic() > self._kill_at):
                return "killed", 128 + signal.SIGKILL
            if received == signal.SIGTERM and self._kill_at is None:
                self._kill_at = time.monotonic() + _GRACE_SECONDS
                self._terminate()

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
        memory = self._plan.policy.memory_mb * _MB
        if use.resident > memory and process_tree.shared_memory(use.pids) > memory:
            return "memory"
        ended = os.times()
        spent = use.cpu_seconds + ended.children_user + ended.children_system
        if self._plan.policy.cpu_seconds is not None and spent > self._plan.policy.cpu_seconds:
            return "cpu"
        return self._disk.over_limit()

    def _wait_for_signal(self, seconds: float) -> int | None:
        """Return the signal that came within `seconds`; None if none did."""
        if sys.platform != "linux":  # no sigtimedwait there
            time.sleep(seconds)
            pending = signal.sigpending() & {signal.SIGTERM, AT_ONCE}
            return signal.sigwait(pending) if pending else None
        received = signal.sigtimedwait(_SIGNALS, seconds)
        return None if received is None else received.si_signo

    def _terminate(self) -> None:
        """Send SIGTERM to the processes, but not to bubblewrap itself, with which everything would end at once."""
        for pid in process_tree.measure_usage().pids or (self._command,):
            if pid != self._command or self._plan.level != "bubblewrap":
                os.kill(pid, signal.SIGTERM)


def _start(plan: LaunchPlan) -> tuple[int, str]:
    """Fork the command's process. Return its pid, and why it could not become the command ("" if it did)."""
    tasks = process_tree.count_user_tasks()
    read, write = os.pipe()
    command = os.fork()
    if command == 0:
        os.close(read)
        _exec(plan, tasks, write)
    os.close(write)
    with open(read, encoding="utf-8", errors="replace") as problem:
        return command, problem.read()  # until exec closes the other end


def _exec(plan: LaunchPlan, tasks: int, problem: int) -> NoReturn:
    try:
        os.setsid()
        os.nice(_NICENESS)
        die_with_parent(os.getppid())
        line = list(plan.command)
        if plan.level != "none":
            confine.set_rlimits(plan, tasks)
        if plan.level == "bubblewrap":
            line = bubblewrap_command(plan, _filter_pipe(plan))
        else:
            os.chdir(plan.folder)
            confine.confine_process(plan)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.execv(line[0], line)  # noqa: S606 - a list
    except (OSError, ValueError) as error:
        os.write(problem, str(error).encode())
    finally:
        os._exit(NOT_STARTED)


def _filter_pipe(plan: LaunchPlan) -> int | None:
    program = seccomp.build_filter(plan, 0)
    if program is None:
        return None
    read, write = os.pipe()
    os.write(write, program)
    os.close(write)
    os.set_inheritable(read, True)
    return read


def _close_pipes() -> None:
    """Close stdin and stdout, so that they end when the command closes them. Stderr stays, for errors."""
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
