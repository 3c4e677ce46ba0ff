"""Stores file contents by their digest, each once, to show, merge back or restore them later."""

import contextlib
import fcntl
import hashlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tabsmith.errors import StorageError
from tabsmith.storage.files import make_folder, storage_error, sync_files
from tabsmith.workspaces.folders import CHUNK_BYTES, chunks

_FICLONE: Final = 0x40049409  # Linux: the new file shares the old one's blocks until either is written
_CLONE_FROM_BYTES: Final = CHUNK_BYTES


class ContentStore:
    """The contents in a folder of their own. All methods raise StorageError.

    What was kept is on the disk once `sync` has returned; whoever refers to it in a file calls `sync` first.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._unsynced: set[Path] = set()

    def has(self, digest: str) -> bool:
        """Whether the content with this digest is stored."""
        return self._path(digest).exists()

    def keep(self, handle: int) -> str:
        """Store the bytes of an open file, and return the digest of what was stored."""
        temporary = self.folder / f"new-{secrets.token_hex(8)}"
        try:
            make_folder(self.folder)
            try:
                digest, _ = copy_bytes(handle, temporary)
                make_folder(self._path(digest).parent)
                temporary.replace(self._path(digest))
                self._unsynced.add(self._path(digest))
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
        except OSError as error:
            raise storage_error(error, self.folder, "keep a file in") from error
        return digest

    def sync(self) -> None:
        """Make durable what this object has kept: some milliseconds for each content, once; of many, no more in all."""
        try:
            sync_files(self._unsynced)
        except OSError as error:
            raise storage_error(error, self.folder, "keep a file in") from error
        self._unsynced.clear()

    def open(self, digest: str) -> int:
        """Open a content, and return its descriptor."""
        try:
            return os.open(self._path(digest), os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise StorageError(
                f"A content that is needed is not stored ({digest[:12]}).",
                where=str(self.folder),
                next_step="The folder is left as it is.",
            ) from error

    def read(self, digest: str, most: int) -> bytes | None:
        """Return a content of at most `most` bytes; None if it is not stored, or larger."""
        if not self.has(digest):
            return None
        handle = self.open(digest)
        with os.fdopen(handle, "rb") as file:
            data = file.read(most + 1)
        return data if len(data) <= most else None

    def _path(self, digest: str) -> Path:
        return self.folder / digest[:2] / digest[2:]


def copy_bytes(source: int, to: Path, count: Callable[[int], None] | None = None) -> tuple[str, int]:
    """Copy an open file into a new one at `to`, and return the digest and number of its bytes. A large file shares its
    blocks if the file system can do that. Raises OSError."""
    digest, size = hashlib.sha256(), 0
    target = os.open(to, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        cloned = os.fstat(source).st_size >= _CLONE_FROM_BYTES and _clone(source, target)
        for data in chunks(target if cloned else source):
            if count is not None:
                count(len(data))
            digest.update(data)
            size += len(data)
            rest = b"" if cloned else data
            while rest:
                rest = rest[os.write(target, rest) :]
    finally:
        os.close(target)
    return digest.hexdigest(), size


def _clone(source: int, target: int) -> bool:
    with contextlib.suppress(OSError):
        fcntl.ioctl(target, _FICLONE, source)
        return True
    return False
