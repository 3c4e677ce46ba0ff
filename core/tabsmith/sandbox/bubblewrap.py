"""A command line for bubblewrap: namespaces of its own, and a file tree made of nothing but what the plan names."""

import shutil
from pathlib import Path
from typing import Final

from tabsmith.sandbox.policy import LaunchPlan

_TREE_OF_ITS_OWN: Final = ("--proc", "/proc", "--dev", "/dev")
_ALONE: Final = (
    "--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-cgroup-try", "--die-with-parent",
    "--new-session", "--cap-drop", "ALL",
)  # fmt: skip


def find_bubblewrap() -> str | None:
    """Where bubblewrap is on this machine. What a folder that somebody else can write in calls so is not taken."""
    return shutil.which("bwrap", path="/usr/bin:/bin:/usr/local/bin:/run/current-system/sw/bin")


def bubblewrap_command(plan: LaunchPlan, refusals: int | None) -> list[str]:
    """How to start the plan's command in it; `refusals` is a descriptor that holds the filter of system calls."""
    found = find_bubblewrap()
    if found is None:
        raise FileNotFoundError("bubblewrap is not installed")
    line = [found, *_ALONE, *_TREE_OF_ITS_OWN]
    if plan.network != "all":
        line.append("--unshare-net")
    line += ["--bind", f"{plan.scratch}/tmp", "/tmp", "--symlink", "/tmp", "/var/tmp"]  # noqa: S108 - it is a new one
    line += ["--bind", f"{plan.scratch}/shm", "/dev/shm"]  # noqa: S108 - it is a new one
    # What lies deeper comes later, so that it is seen; what is readable by itself need not be named again.
    binds = dict.fromkeys(plan.readable, "--ro-bind") | dict.fromkeys(plan.writable, "--bind")
    for place in sorted(binds, key=lambda each: (each.count("/"), each)):
        within = any(place.startswith(f"{other}/") for other in binds)
        if binds[place] == "--bind" or not within:
            line += _mounted(place, binds[place])
    # /proc/sys belongs to root, also to a root who has lost every capability.
    for place in ("/proc", "/dev", "/"):
        line += ["--remount-ro", place]
    line += ["--chdir", plan.folder]
    if refusals is not None:
        line += ["--seccomp", str(refusals)]
    return [*line, "--", *plan.command]


def _mounted(place: str, how: str) -> list[str]:
    path = Path(place)
    if path.is_symlink() and path.is_dir():
        return ["--symlink", str(path.readlink()), place]  # /bin -> usr/bin; where it leads to is bound by itself
    return [how, str(path.resolve()), place]
