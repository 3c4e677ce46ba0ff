"""A filter in the kernel (seccomp) that refuses system calls which escapes need and commands do not.

It also closes what Landlock leaves open: UDP and every other kind of socket, truncating files by path, and what one process
can do to others of its user: change their limits, priorities and processors, and share System V memory with them.

The calls that are allowed are those that this kernel interface had when this file was written, less the refused ones. A call
that a later kernel adds does not exist for a command (ENOSYS), as long as nobody has looked at it here. A list of names that
allows a few hundred calls one by one would say the same, and would be slower for each call.
"""

import ctypes
import errno
import platform
import struct
import sys
from collections.abc import Mapping
from typing import Final

from tabsmith.sandbox.policy import LaunchPlan

# (x86_64, aarch64); None where there is no such call
_REFUSED: Final[dict[str, tuple[int | None, int | None]]] = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "unshare": (272, 97),
    "setns": (308, 268),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),  # its sockets pass no filter
    "open_by_handle_at": (304, 265),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "reboot": (169, 142),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "acct": (163, 89),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "quotactl": (179, 60),
    "iopl": (172, None),
    "ioperm": (173, None),
    "modify_ldt": (154, None),
    "uselib": (134, None),
    "kcmp": (312, 272),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    "syslog": (103, 116),
    "vhangup": (153, 58),
    "fanotify_init": (300, 262),
    "name_to_handle_at": (303, 264),
    "quotactl_fd": (443, 443),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
}
_SHARED: Final[dict[str, tuple[int, int]]] = {
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "shmdt": (67, 197),
    "semget": (64, 190),
    "semop": (65, 193),
    "semctl": (66, 191),
    "semtimedop": (220, 192),
    "msgget": (68, 186),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
    "msgctl": (71, 187),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
}
"""System V's and POSIX's ways between processes of one user; bubblewrap gives each command a namespace of its own for them."""

_ONLY_SELF: Final[dict[str, tuple[tuple[int, int], Mapping[int, int]]]] = {
    "prlimit64": ((302, 261), {0: 0}),
    "sched_setparam": ((142, 118), {0: 0}),
    "sched_setscheduler": ((144, 119), {0: 0}),
    "sched_setaffinity": ((203, 122), {0: 0}),
    "sched_setattr": ((314, 274), {0: 0}),
    "setpriority": ((141, 140), {0: 0, 1: 0}),  # which = a process, who = this one
    "ioprio_set": ((251, 30), {0: 1, 1: 0}),
}
"""Calls that a process may make about itself alone: the arguments by place, and the values that say so."""

_LAST_KNOWN: Final = 462  # mseal; from 424 on a call has one number on every architecture
_CLONE: Final = (56, 220)
_CLONE3: Final = (435, 435)
_SOCKET: Final = (41, 198)
_TRUNCATE: Final = (76, 45)
_ARCHITECTURES: Final = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}

_NEW_NAMESPACES: Final = 0x7E020000
_FAMILIES: Final = (2, 10, 16)
"""IPv4, IPv6, netlink. Never vsock, raw packets or the kernel's ciphers; nor Unix, whose sockets lead to docker, D-Bus and
ssh-agent, and whose addresses no filter can see. Pairs of Unix sockets are made by another call, and work."""

_LOAD, _EQUAL, _GREATER, _ANY, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT, _ARGUMENT_BYTES = 0, 4, 16, 8  # offsets in struct seccomp_data, little-endian
_ALLOW: Final = 0x7FFF0000
_ERROR: Final = 0x00050000
_PR_SET_SECCOMP: Final = 22
_FILTER: Final = 2


def build_filter(plan: LaunchPlan, landlock: int) -> bytes | None:
    """Return the filter's program for a plan; None for an unknown architecture and on other systems than Linux.

    `landlock` is the version in use, 0 for none.
    """
    machine = _ARCHITECTURES.get(platform.machine())
    if sys.platform != "linux" or machine is None:
        return None
    column, architecture = machine
    refused = [numbers[column] for numbers in _REFUSED.values()]
    if plan.level != "bubblewrap":
        refused += [numbers[column] for numbers in _SHARED.values()]
    if 0 < landlock < 3:
        refused.append(_TRUNCATE[column])  # Landlock before version 3 does not cover it
    # A network namespace has nobody else in it; without one, the sockets themselves are refused.
    families = _FAMILIES if plan.level == "bubblewrap" or plan.policy.network == "all" else ()
    steps = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _ERROR | errno.EPERM),
        (_LOAD, 0, 0, _NUMBER),
        (_GREATER, 0, 1, 0x40000000),  # x86's other numbering of the same calls
        (_RETURN, 0, 0, _ERROR | errno.EPERM),
        (_GREATER, 0, 1, _LAST_KNOWN),
        (_RETURN, 0, 0, _ERROR | errno.ENOSYS),
    ]
    for number in refused:
        if number is not None:
            steps += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ERROR | errno.EPERM)]
    for numbers, arguments in _ONLY_SELF.values():
        steps += _only_self(numbers[column], arguments)
    steps += [(_EQUAL, 0, 1, _CLONE3[column]), (_RETURN, 0, 0, _ERROR | errno.ENOSYS)]  # C libraries then use clone
    steps += [
        (_EQUAL, 0, 4, _CLONE[column]),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_ANY, 0, 1, _NEW_NAMESPACES),
        (_RETURN, 0, 0, _ERROR | errno.EPERM),
        (_RETURN, 0, 0, _ALLOW),
        (_EQUAL, 1, 0, _SOCKET[column]),
        (_RETURN, 0, 0, _ALLOW),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
    ]
    for family in families:
        steps += [(_EQUAL, 0, 1, family), (_RETURN, 0, 0, _ALLOW)]
    steps.append((_RETURN, 0, 0, _ERROR | errno.EACCES))
    return b"".join(struct.pack("<HBBI", *step) for step in steps)


def _only_self(number: int, arguments: Mapping[int, int]) -> list[tuple[int, int, int, int]]:
    """The steps that allow the call if its arguments have these values, and refuse it otherwise."""
    steps = []
    for place, value in arguments.items():
        steps += [
            (_LOAD, 0, 0, _FIRST_ARGUMENT + _ARGUMENT_BYTES * place),
            (_EQUAL, 1, 0, value),
            (_RETURN, 0, 0, _ERROR | errno.EPERM),
        ]
    steps.append((_RETURN, 0, 0, _ALLOW))
    return [(_EQUAL, 0, len(steps), number), *steps]


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_char_p))


def load_filter(program: bytes) -> None:
    """Load the filter for this process and all that it will start, for good. Raises OSError."""
    wanted = _Program(len(program) // 8, program)
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_SECCOMP, _FILTER, ctypes.byref(wanted), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the kernel did not take the filter of system calls")
