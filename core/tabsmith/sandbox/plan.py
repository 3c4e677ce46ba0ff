"""What the launcher is told, and what it reports: the values that cross into its process."""

from typing import Literal, TypeAlias

import msgspec

from tabsmith.sandbox.policy import Level, Network

End: TypeAlias = Literal["exit", "timeout", "memory", "processes", "cpu", "disk", "output", "killed"]
"""How a command came to its end: by itself, or by which limit. `killed` is an end from outside."""


class Plan(msgspec.Struct, frozen=True):
    """A command, the folder that it works in, and its bounds. Paths are absolute."""

    level: Level
    command: tuple[str, ...]
    folder: str
    scratch: str
    readable: tuple[str, ...]
    writable: tuple[str, ...]
    network: Network
    memory_mb: int
    processes: int
    open_files: int
    file_mb: int
    disk_mb: int
    seconds: float | None
    cpu_seconds: float | None
    report: int | None = None
    """The descriptor to which the report goes; without one, a limit that was reached is told on stderr."""


class Report(msgspec.Struct, frozen=True):
    """What became of the command."""

    ended: End
    status: int
    """As a shell gives it: 128 and the signal's number for one that ended by a signal."""
    seconds: float
    cpu_seconds: float
    peak_mb: float
    """Of its biggest process."""
    problem: str = ""
    """Why it could not be started."""
