"""Temporary files and folders, which name the process that made them, and go when that process is dead."""

import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_OWNED: Final = re.compile(r"\..+\.(\d+)\.(?:partial|gone|replaced)|\.reading-(\d+)-.+|tabsmith-[a-z]+-(\d+)-.+")
"""The names of what has an owner: his process number is the group that is there."""

_UNOWNED: Final = re.compile(r"\.tabsmith-.+\.(?:tmp|part)|\.reading-.+|tabsmith-[a-z]+-.+|new-[0-9a-f]{16}")
"""The names of what names no process: a day old it belongs to a dead one."""

_STALE_SECONDS: Final = 86_400


def temporary_folder(what: str) -> tempfile.TemporaryDirectory[str]:
    """A folder for temporary files of this process, below the system's own, removed with the object; `what` is a word.

    A process that is killed leaves it to `sweep_temporary_folders`.
    """
    return tempfile.TemporaryDirectory(prefix=f"tabsmith-{what}-{os.getpid()}-", ignore_cleanup_errors=True)


def has_dead_owner(name: str) -> bool:
    """Whether `name` is that of a temporary file or folder whose process is dead."""
    match = _OWNED.fullmatch(name)
    owner = next((group for group in match.groups() if group), "") if match else ""
    if not owner:
        return False
    try:
        os.kill(int(owner), 0)
    except (ProcessLookupError, OverflowError):
        return True
    except PermissionError:  # another user's
        return False
    return False


def is_leftover(path: Path, now: float) -> bool:
    """Whether `path` is a temporary file or folder of this user whose process is dead, or that is a day old and names none.

    `now` is in seconds since 1970. Raises OSError.
    """
    if has_dead_owner(path.name):
        return path.lstat().st_uid == os.geteuid()
    if _OWNED.fullmatch(path.name) or not _UNOWNED.fullmatch(path.name):
        return False
    status = path.lstat()
    return status.st_uid == os.geteuid() and now - status.st_mtime > _STALE_SECONDS


def leftovers_below(folder: Path, now: float) -> Iterator[Path]:
    """The leftovers in `folder` and below it, but not within one another."""
    for place, names, files in os.walk(folder):
        found = [name for name in (*names, *files) if _is_leftover(Path(place, name), now)]
        yield from (Path(place, name) for name in found)
        names[:] = [name for name in names if name not in found]


def sweep_temporary_folders() -> None:
    """Remove the leftovers that dead processes of this user left in the system's folder for temporary files."""
    now = time.time()
    for path in Path(tempfile.gettempdir()).glob("tabsmith-*"):
        if _is_leftover(path, now):
            shutil.rmtree(path, ignore_errors=True)


def _is_leftover(path: Path, now: float) -> bool:
    try:
        return is_leftover(path, now)
    except OSError:  # it is gone meanwhile
        return False
