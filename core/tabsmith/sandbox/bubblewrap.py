"""The command line of bubblewrap: namespaces of its own, and a file tree of nothing but what the plan names."""

import shutil
from pathlib import Path
from typing import Final

from tabsmith.sandbox.policy import LaunchPlan

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
