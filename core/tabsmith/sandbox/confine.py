"""Limits and restrictions that a process puts on itself before it becomes the command, Landlock among them; they cannot be
undone."""

import contextlib
import ctypes
import os
import resource
import stat
import struct
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tabsmith.sandbox import seccomp
from tabsmith.sandbox.policy import LaunchPlan

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # the same on every architecture that has Landlock
_VERSION: Final = 1
_BENEATH: Final = 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_FOLDER = 1, 2, 4, 8
_BASIC: Final = (1 << 13) - 1
_REFER, _TRUNCATE, _DEVICE_CONTROL = 1 << 13, 1 << 14, 1 << 15
_FILE_RIGHTS: Final = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _DEVICE_CONTROL
_READ_RIGHTS: Final = _EXECUTE | _READ_FILE | _READ_FOLDER
_TCP: Final = 0b11
_ABSTRACT_SOCKETS_AND_SIGNALS: Final = 0b11

_DEVICES: Final = ("null", "zero", "full", "random", "urandom", "tty")
_CALL: Final = ctypes.CDLL(None, use_errno=True).syscall


def landlock_version() -> int:
    """Return Landlock's version in this kernel; 0 for none. Version 3 covers truncation, 4 TCP, 6 signals and abstract
    sockets."""
    if sys.platform != "linux":
        return 0
    version: int = _CALL(_CREATE, None, ctypes.c_size_t(0), _VERSION)
    return max(0, version)


def restrict_process(plan: LaunchPlan) -> None:
    """Restrict this process, and all that it will start, for good. Needs no_new_privs. Raises OSError."""
    version = landlock_version()
    files = _BASIC | (_REFER if version >= 2 else 0) | (_TRUNCATE if version >= 3 else 0)
    files |= _DEVICE_CONTROL if version >= 5 else 0
    network = _TCP if version >= 4 and plan.policy.network != "all" else 0
    scope = _ABSTRACT_SOCKETS_AND_SIGNALS if version >= 6 else 0
    attributes = struct.pack("<QQQ", files, network, scope)[: 8 if version < 4 else 16 if version < 6 else 24]
    rules = _checked(_CALL(_CREATE, attributes, ctypes.c_size_t(len(attributes)), 0))
    try:
        _allow(rules, (Path("/proc"), *map(Path, plan.readable)), files & _READ_RIGHTS)
        _allow(rules, map(Path, plan.writable), files & ~_DEVICE_CONTROL)
        _allow(rules, (Path("/dev") / name for name in _DEVICES), files & _FILE_RIGHTS & ~_EXECUTE)
        _checked(_CALL(_RESTRICT, rules, 0))
    finally:
        os.close(rules)


def _allow(rules: int, paths: Iterable[Path], rights: int) -> None:
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
            try:
                folder = stat.S_ISDIR(os.fstat(opened).st_mode)
                rule = struct.pack("<Qi", rights if folder else rights & _FILE_RIGHTS, opened)
                _checked(_CALL(_ADD, rules, _BENEATH, rule, 0))
            finally:
                os.close(opened)


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), "Landlock refused: " + os.strerror(ctypes.get_errno()))
    return result


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
        restrict_process(plan)
    if (program := seccomp.build_filter(plan, landlock_version() if plan.level == "landlock" else 0)) is not None:
        seccomp.load_filter(program)
