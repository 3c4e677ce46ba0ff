"""Contents kept by their digest: each file of each iteration once, to be shown later, handed back, or put back."""

import contextlib
import fcntl
import hashlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tabsmith.errors import StorageError
from tabsmith.storage.files import make_folder, storage_error
from tabsmith.workspaces.walk import CHUNK_BYTES, chunks

_FICLONE: Final = 0x40049409  # Linux: the new file shares the old one's blocks until either is written
_WORTH_CLONING: Final = CHUNK_BYTES


class ContentStore:
    """Contents in a folder of their own. All methods raise StorageError."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def has(self, digest: str) -> bool:
        """Whether this content is kept."""
        return self._place(digest).exists()

    def keep(self, handle: int) -> str:
        """Keep the bytes of an open file; their digest, as they were when they were kept."""
        temporary = self.folder / f"new-{secrets.token_hex(8)}"
        try:
            make_folder(self.folder)
            try:
                digest, _ = copy_bytes(handle, temporary)
                make_folder(self._place(digest).parent)
                temporary.replace(self._place(digest))
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
        except OSError as error:
            raise storage_error(error, self.folder, "keep a file in") from error
        return digest

    def open(self, digest: str) -> int:
        """A descriptor of a content."""
        try:
            return os.open(self._place(digest), os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise StorageError(
                f"A content that is needed is not kept ({digest[:12]}).",
                where=str(self.folder),
                next_step="The folder is left as it is.",
            ) from error

    def read(self, digest: str, most: int) -> bytes | None:
        """A content of at most `most` bytes; None when it is not kept, or longer."""
        if not self.has(digest):
            return None
        handle = self.open(digest)
        with os.fdopen(handle, "rb") as file:
            data = file.read(most + 1)
        return data if len(data) <= most else None

    def _place(self, digest: str) -> Path:
        return self.folder / digest[:2] / digest[2:]


def copy_bytes(source: int, to: Path, count: Callable[[int], None] | None = None) -> tuple[str, int]:
    """Copy an open file into a new one at `to`; the digest and the number of the bytes that were copied. A large file
    shares its blocks where the file system can do that. Raises OSError."""
    digest, size = hashlib.sha256(), 0
    target = os.open(to, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        cloned = os.fstat(source).st_size >= _WORTH_CLONING and _clone(source, target)
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
