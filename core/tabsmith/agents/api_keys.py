"""API keys of model providers, from the environment or from `keys.env` in the config folder. No text ever shows one.

The file holds lines `NAME=VALUE`, blank lines and comments (`# ...`). It is refused if anybody but its owner may read
it.
"""

import os
import re
import stat
from collections.abc import Collection
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final, Literal, TypeAlias

from tabsmith.errors import ConfigError
from tabsmith.paths import folders
from tabsmith.sandbox.policy import PLAIN_VARIABLES

KeySource: TypeAlias = Literal["environment", "file", "nowhere"]

KEYS_FILE_NAME: Final = "keys.env"
HIDDEN: Final = "•••"
_MAX_BYTES: Final = 64_000
_LINE: Final = re.compile(r"([A-Z][A-Z0-9_]*)=(.+)")
_SECRET_NAME: Final = re.compile(r"_(?:KEY|TOKEN|SECRET)$")
_SHORTEST_SECRET: Final = 8  # a shorter value is a placeholder, and would blank out ordinary words
_LOOKS_LIKE_A_KEY: Final = re.compile(r"(?<![A-Za-z0-9])sk-[A-Za-z0-9_*-]{8,}")  # servers quote keys with stars inside


PROGRAM_VARIABLES: Final = frozenset(
    [
        *PLAIN_VARIABLES, "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME",
        "XDG_STATE_HOME", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy",
        "no_proxy", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "SYSTEMROOT", "TABSMITH_HOME",
        "TABSMITH_AGENTS_PROCESS",
    ]
)  # fmt: skip
"""Variables that every program of an agent gets: what programs need to run and to reach their server, and the marks by which
its processes are found. None of them has the name of a key."""


def keys_file() -> Path:
    """Return the path of the file of keys, which need not exist."""
    return folders().config / KEYS_FILE_NAME


def agent_environment() -> dict[str, str]:
    """Return the environment for an agent's program or client: this process's own and, below it, the file of keys.

    Raises ConfigError, which names the file and never what is in it.
    """
    return {**_read(keys_file()), **os.environ}


def program_environment(patterns: Collection[str]) -> dict[str, str]:
    """Return the environment for a program of an agent: `PROGRAM_VARIABLES`, and the variables of `agent_environment` whose
    names match one of `patterns` (`ANTHROPIC_*`). No program gets the key of another provider.

    Raises ConfigError like `agent_environment`.
    """
    return {
        name: value
        for name, value in agent_environment().items()
        if name in PROGRAM_VARIABLES or any(fnmatchcase(name, pattern) for pattern in patterns)
    }


def find_key(variable: str) -> KeySource:
    """Tell where the key `variable` is found. Raises ConfigError like `agent_environment`."""
    if variable in os.environ:
        return "environment" if os.environ[variable].strip() else "nowhere"
    return "file" if _read(keys_file()).get(variable, "").strip() else "nowhere"


def redact(text: str) -> str:
    """Replace every known secret, and everything that looks like a provider's key, by "•••"."""
    for secret in sorted(_secrets(), key=len, reverse=True):  # the longer first: one may begin with another
        text = text.replace(secret, HIDDEN)
    return _LOOKS_LIKE_A_KEY.sub(HIDDEN, text)


def is_secret(variable: str) -> bool:
    """Whether the variable's name says that its value is a secret."""
    return _SECRET_NAME.search(variable.upper()) is not None


def _secrets() -> set[str]:
    try:
        from_file = _read(keys_file())
    except ConfigError:
        from_file = {}  # a refused file gave nobody a secret; `agent_environment` says why it was refused
    named = [*os.environ.items(), *from_file.items()]
    return {value for name, value in named if is_secret(name) and len(value) >= _SHORTEST_SECRET}


def _read(path: Path) -> dict[str, str]:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe must not wait for a writer
    except FileNotFoundError:
        if path.is_symlink():
            raise _refusal(path, "is a link to nothing", "Mend the link, or remove it.") from None
        return {}
    except OSError as error:
        raise _refusal(path, f"cannot be read: {error.strerror}", "Check its permissions.") from error
    try:
        _check_access(os.fstat(handle), path)  # of what a link points to
        content = os.read(handle, _MAX_BYTES + 1)
    finally:
        os.close(handle)
    return _parse(content, path)


def _check_access(status: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise _refusal(path, "is not a file", "Move it away.")
    if status.st_uid != os.geteuid():
        raise _refusal(path, "belongs to another user", "Keep your keys in a file of your own.")
    if status.st_mode & 0o077:
        raise _refusal(path, "may be read by other users", f"Run `chmod 600 {path}`; renew the keys if it matters.")


def _parse(content: bytes, path: Path) -> dict[str, str]:
    if len(content) > _MAX_BYTES:
        raise _refusal(path, "is too large for a file of keys", "Keep only lines NAME=VALUE in it.")
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise _refusal(path, "is not UTF-8 text", "Save it as plain text.") from None  # the cause holds the content
    values: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        value = _unquoted(match[2].strip()) if match else ""
        if match is None or not value or not value.isprintable():
            words = f"has a line that is not NAME=VALUE: line {number}"
            raise _refusal(path, words, "Names have capitals, digits and _; comments start with #.")
        values[match[1]] = value
    return values


def _unquoted(value: str) -> str:
    quoted = len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if quoted else value


def _refusal(path: Path, why: str, next_step: str) -> ConfigError:
    return ConfigError(f"The file of keys {why}.", where=str(path), next_step=next_step)
