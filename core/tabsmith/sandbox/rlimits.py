"""Limits and restrictions that a process puts on itself before it becomes the command; they cannot be undone."""

import contextlib
import ctypes
import os
import resource
import struct
import sys
from typing import Final

from tabsmith.sandbox import landlock, seccomp
from tabsmith.sandbox.policy import LaunchPlan

_MB: Final = 1 << 20
_LINUX: Final = sys.platform == "linux"
_PR_CAPBSET_DROP: Final = 24
_PR_SET_NO_NEW_PRIVS: Final = 38
_CAPABILITY_VERSION: Final = 0x20080522
_CAPSET: Final = {"x86_64": 126, "aarch64": 91}


def set_rlimits(plan: LaunchPlan, tasks: int) -> None:
    """Set the limits of each process. `tasks` are those that the user has already, which the kernel counts as well."""
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_DATA: plan.policy.memory_mb * _MB,
        resource.RLIMIT_FSIZE: plan.policy.file_mb * _MB,
        resource.RLIMIT_NOFILE: plan.policy.open_files,
    }
    if _LINUX:
        limits[resource.RLIMIT_NPROC] = tasks + plan.policy.processes
    if plan.policy.cpu_seconds is not None:
        limits[resource.RLIMIT_CPU] = int(plan.policy.cpu_seconds) + 1
    for kind, value in limits.items():
        _, hard = resource.getrlimit(kind)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))


def drop_privileges() -> None:
    """Drop what root can do beyond owning files, and the ways to get privileges back by starting programs (Linux)."""
    if not _LINUX:
        return
    library = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() == 0:
        for capability in range(64):
            library.prctl(
                _PR_CAPBSET_DROP, capability, 0, 0, 0
            )  # fails past the last capability, and without the privilege
        with contextlib.suppress(KeyError):
            header = struct.pack("<Ii", _CAPABILITY_VERSION, 0)
            library.syscall(_CAPSET[os.uname().machine], header, bytes(24))
    if library.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the kernel did not take no_new_privs")


def confine_process(plan: LaunchPlan) -> None:
    """Apply the restrictions of the levels below bubblewrap to this process. Raises OSError."""
    if plan.level == "none":
        return
    drop_privileges()
    if plan.level == "landlock":
        landlock.restrict_process(plan)
    if (
        program := seccomp.build_filter(plan, landlock.landlock_version() if plan.level == "landlock" else 0)
    ) is not None:
        seccomp.load_filter(program)
