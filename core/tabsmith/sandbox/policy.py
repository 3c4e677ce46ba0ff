"""The policy of a sandbox: what a command may touch and use. Also the plan and the report of its launcher, and the
paths that any program needs to run."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal, TypeAlias

import msgspec

SandboxLevel: TypeAlias = Literal["bubblewrap", "landlock", "rlimits", "none"]
LEVELS: Final[tuple[SandboxLevel, ...]] = ("bubblewrap", "landlock", "rlimits", "none")
"""Strongest first."""


WALLS: Final[tuple[SandboxLevel, ...]] = ("bubblewrap", "landlock")
"""The levels at which a command reaches nothing that it was not given."""


def is_at_least(level: SandboxLevel, least: SandboxLevel) -> bool:
    """Whether `level` is as strong as `least`, or stronger."""
    return LEVELS.index(level) <= LEVELS.index(least)


NetworkAccess: TypeAlias = Literal["none", "loopback", "all"]
"""`loopback` is a network of the command's own, on which only its processes reach one another; only bubblewrap has it, and
below that it is the same as `none`. A server on this machine is reached with `all`."""

PLAIN_VARIABLES: Final = (
    "PATH", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "LC_MESSAGES", "LC_NUMERIC", "TERM", "COLORTERM", "NO_COLOR",
    "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR",
)  # fmt: skip
"""Variables that programs need to find files and to show text. No provider's key has one of these names."""

_SYSTEM: Final = (
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/nix", "/gnu", "/sys/devices/system/cpu",
)  # fmt: skip
_ETC_FILES: Final = (
    "alternatives", "bash.bashrc", "ca-certificates", "ca-certificates.conf", "crypto-policies", "debian_version",
    "default/locale", "fonts", "gai.conf", "gitconfig", "group", "host.conf", "hosts", "inputrc",
    "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "locale.alias", "locale.conf", "localtime", "login.defs", "magic",
    "mime.types", "nsswitch.conf", "os-release", "passwd", "pki/tls/certs", "pki/ca-trust", "profile", "profile.d",
    "protocols", "python3", "python3.11", "python3.12", "python3.13", "resolv.conf", "services", "shells",
    "ssl/certs", "ssl/openssl.cnf", "terminfo", "timezone", "xml",
)  # fmt: skip
"""Never the whole of /etc, which has password hashes and private keys: root could read them."""


_BESIDE_BIN: Final = ("lib", "lib64", "libexec", "pyvenv.cfg")
_INTERPRETERS: Final = ("python3", "python", "node")


class SandboxPolicy(msgspec.Struct, frozen=True):
    """What one command may do. Sizes in MB are 1,048,576 bytes."""

    writable: tuple[Path, ...] = ()
    """Folders besides the working folder and the command's own temporary one. Bubblewrap gives each command a /dev/shm of
    its own; below bubblewrap a program that shares memory, as Python's process pools do, needs it named here."""
    readable: tuple[Path, ...] = ()
    """Files and folders besides the writable ones and the system's programs."""
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
    files: int = 200_000
    """Files and folders written, in all writable folders."""
    seconds: float | None = 600.0
    """Wall-clock time; None for a program that runs as long as its owner wants."""
    cpu_seconds: float | None = None
    """Of all its processes together."""
    output_bytes: int = 16_777_216
    """Output after which the command is ended."""
    kept_bytes: int = 65_536
    """Output that is kept: half of it from the beginning, half from the end."""
    variables: tuple[str, ...] = PLAIN_VARIABLES
    """Names of the environment variables that the command gets."""


def sandbox_environment(
    policy: SandboxPolicy, scratch: Path, environment: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """Return the variables of `environment` that the policy passes, with the command's own home and temporary folder."""
    passed = {name: environment[name] for name in policy.variables if name in environment}
    own = {"HOME": str(scratch / "tmp/home"), "TMPDIR": str(scratch / "tmp")}
    return {"PATH": os.defpath, **own, **passed}


def system_paths() -> tuple[Path, ...]:
    """Return the paths that must be readable for any program to run, and this Python with its packages."""
    named = [Path(path) for path in _SYSTEM] + [Path("/etc", path) for path in _ETC_FILES]
    named += [Path(sys.prefix), Path(sys.base_prefix)]
    return tuple(dict.fromkeys(path for path in named if visible(path)))


def visible(path: Path) -> bool:
    """Whether this user can see that the path exists; False, not an error, if a folder above it is closed to them."""
    return os.path.exists(path)  # noqa: PTH110 - its other form raises PermissionError


def program_paths(program: Path, search: str) -> tuple[Path, ...]:
    """Return the paths that must be readable for `program` to run, beyond the system's: the program and its link targets,
    the node_modules around it, the folders of the search path, and what is installed beside a folder called `bin`."""
    real = program.resolve()
    folders = [Path(path) for path in search.split(os.pathsep) if path.startswith("/")]
    folders += [path.parent for path in folders if path.name == "shims"]  # a version manager's scripts look there
    folders += [(path / name).resolve().parent for path in folders for name in _INTERPRETERS if visible(path / name)]
    home = Path.home()
    places = [program, real, *(path for path in folders if path not in (home, *home.parents))]
    places += [path for path in real.parents if path.name == "node_modules"]
    for folder in dict.fromkeys((*folders, program.parent, real.parent)):
        if folder.name == "bin":
            places += [folder, *(folder.parent / name for name in _BESIDE_BIN)]
    return tuple(dict.fromkeys(path for path in places if visible(path)))


CommandEnd: TypeAlias = Literal["exit", "timeout", "memory", "processes", "cpu", "disk", "files", "output", "killed"]
"""How a command ended: by itself, or by which limit. `killed` means from outside."""


class LaunchPlan(msgspec.Struct, frozen=True):
    """A command for the launcher, with its folder and limits. Paths are absolute."""

    level: SandboxLevel
    command: tuple[str, ...]
    folder: str
    scratch: str
    readable: tuple[str, ...]
    writable: tuple[str, ...]
    policy: SandboxPolicy
    """Its limits and its network; its own paths and variables are in the other fields and the environment already."""
    report: int | None = None
    """The descriptor that the report is written to; without one, a limit that was hit is reported on stderr."""


class LaunchReport(msgspec.Struct, frozen=True):
    """The launcher's report on a command that has ended."""

    ended: CommandEnd
    status: int
    """As a shell gives it: 128 plus the number of the signal that ended the command."""
    seconds: float
    cpu_seconds: float
    peak_mb: float
    """Of its biggest process."""
    problem: str = ""
    """Why it could not be started."""
