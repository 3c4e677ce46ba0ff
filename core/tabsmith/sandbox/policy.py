"""What a command may touch and use: the policy of a sandbox, and the folders that any program needs to run.

What the launcher is told, and what it reports: the values that cross into its process.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal, TypeAlias

import msgspec

SandboxLevel: TypeAlias = Literal["bubblewrap", "landlock", "rlimits", "none"]
LEVELS: Final[tuple[SandboxLevel, ...]] = ("bubblewrap", "landlock", "rlimits", "none")
"""Strongest first."""


def is_at_least(level: SandboxLevel, least: SandboxLevel) -> bool:
    """Is `level` as strong as `least`, or stronger?"""
    return LEVELS.index(level) <= LEVELS.index(least)


NetworkAccess: TypeAlias = Literal["none", "loopback", "all"]
"""`loopback` is one of the command's own, on which its processes find one another and nobody else; only bubblewrap has
it, below that it is as `none`. A server on this machine is reached with `all`."""

PLAIN_VARIABLES: Final = (
    "PATH", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "LC_MESSAGES", "LC_NUMERIC", "TERM", "COLORTERM", "NO_COLOR",
    "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR",
)  # fmt: skip
"""Variables that programs need to find and to show things. No key of a provider has one of these names."""

_SYSTEM: Final = (
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/nix", "/gnu", "/sys/devices/system/cpu",
)  # fmt: skip
_OF_ETC: Final = (
    "alternatives", "bash.bashrc", "ca-certificates", "ca-certificates.conf", "crypto-policies", "debian_version",
    "default/locale", "fonts", "gai.conf", "gitconfig", "group", "host.conf", "hosts", "inputrc",
    "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "locale.alias", "locale.conf", "localtime", "login.defs", "magic",
    "mime.types", "nsswitch.conf", "os-release", "passwd", "pki/tls/certs", "pki/ca-trust", "profile", "profile.d",
    "protocols", "python3", "python3.11", "python3.12", "python3.13", "resolv.conf", "services", "shells",
    "ssl/certs", "ssl/openssl.cnf", "terminfo", "timezone", "xml",
)  # fmt: skip
"""Never the whole of /etc: it has password hashes and private keys, and root owns them."""


_BESIDE_BIN: Final = ("lib", "lib64", "libexec", "pyvenv.cfg")
_INTERPRETERS: Final = ("python3", "python", "node")


class SandboxPolicy(msgspec.Struct, frozen=True):
    """What one command may do. Sizes in MB are 1,048,576 bytes."""

    writable: tuple[Path, ...] = ()
    """Folders, beside the one it works in and its own temporary one. Below bubblewrap /dev/shm has to be named here for
    a program that shares memory, as Python's process pools do; bubblewrap gives each command one of its own."""
    readable: tuple[Path, ...] = ()
    """Files and folders, beside what is writable and the system's programs."""
    network: NetworkAccess = "none"
    memory_mb: int = 4_096
    """Of all its processes together, and of the data of each."""
    processes: int = 256
    """Processes and threads together, at one time."""
    open_files: int = 1_024
    file_mb: int = 1_024
    """The size of one file."""
    disk_mb: int = 4_096
    """Of all files written, in all writable folders."""
    seconds: float | None = 600.0
    """By the clock on the wall; None for a program that lives as long as its owner wants."""
    cpu_seconds: float | None = None
    """Of all its processes together."""
    output_bytes: int = 16_777_216
    """What it may print before it is ended."""
    kept_bytes: int = 65_536
    """What is kept of what it printed: the first half of that, and the last."""
    variables: tuple[str, ...] = PLAIN_VARIABLES
    """Names of the environment variables that it is given as they are here."""


def sandbox_environment(
    policy: SandboxPolicy, scratch: Path, environment: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """What of `environment` the policy lets pass, with a home and a temporary folder of the command's own."""
    passed = {name: environment[name] for name in policy.variables if name in environment}
    own = {"HOME": str(scratch / "tmp/home"), "TMPDIR": str(scratch / "tmp")}
    return {"PATH": os.defpath, **own, **passed}


def system_paths() -> tuple[Path, ...]:
    """What must be readable for programs to run at all, and this Python with its packages."""
    named = [Path(each) for each in _SYSTEM] + [Path("/etc", each) for each in _OF_ETC]
    named += [Path(sys.prefix), Path(sys.base_prefix)]
    return tuple(dict.fromkeys(each for each in named if visible(each)))


def visible(path: Path) -> bool:
    """Can this user see that it exists? Where a folder above it is closed to them they cannot, and that is no error."""
    return os.path.exists(path)  # noqa: PTH110 - its other form raises PermissionError


def program_paths(program: Path, search: str) -> tuple[Path, ...]:
    """What must be readable for `program` to run, beyond the system's: itself wherever it leads to, the packages that
    it is a part of, the folders of the search path, and what is installed beside a folder called `bin`."""
    real = program.resolve()
    folders = [Path(each) for each in search.split(os.pathsep) if each.startswith("/")]
    folders += [each.parent for each in folders if each.name == "shims"]  # a version manager's scripts look there
    folders += [(each / name).resolve().parent for each in folders for name in _INTERPRETERS if visible(each / name)]
    home = Path.home()
    places = [program, real, *(each for each in folders if each not in (home, *home.parents))]
    places += [each for each in real.parents if each.name == "node_modules"]
    for folder in dict.fromkeys((*folders, program.parent, real.parent)):
        if folder.name == "bin":
            places += [folder, *(folder.parent / name for name in _BESIDE_BIN)]
    return tuple(dict.fromkeys(each for each in places if visible(each)))


CommandEnd: TypeAlias = Literal["exit", "timeout", "memory", "processes", "cpu", "disk", "output", "killed"]
"""How a command came to its end: by itself, or by which limit. `killed` is an end from outside."""


class LaunchPlan(msgspec.Struct, frozen=True):
    """A command, the folder that it works in, and its bounds. Paths are absolute."""

    level: SandboxLevel
    command: tuple[str, ...]
    folder: str
    scratch: str
    readable: tuple[str, ...]
    writable: tuple[str, ...]
    network: NetworkAccess
    memory_mb: int
    processes: int
    open_files: int
    file_mb: int
    disk_mb: int
    seconds: float | None
    cpu_seconds: float | None
    report: int | None = None
    """The descriptor to which the report goes; without one, a limit that was reached is told on stderr."""


class LaunchReport(msgspec.Struct, frozen=True):
    """What became of the command."""

    ended: CommandEnd
    status: int
    """As a shell gives it: 128 and the signal's number for one that ended by a signal."""
    seconds: float
    cpu_seconds: float
    peak_mb: float
    """Of its biggest process."""
    problem: str = ""
    """Why it could not be started."""
