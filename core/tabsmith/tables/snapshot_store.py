"""The cache of snapshots: each named by its source's fingerprint, written once, with its TableInfo as JSON beside it."""

import contextlib
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from tabsmith.errors import StorageError
from tabsmith.paths import folders
from tabsmith.storage import write_atomic
from tabsmith.tables.info import TableInfo

_VERSION: Final = 4  # raised when snapshots of an older program must not be used any more
_HASHED_WHOLE: Final = 64 << 20  # bytes up to which the whole content is hashed
_PIECES: Final = 128
_PIECE: Final = 1 << 16
_STALE_SCRATCH: Final = 86_400  # seconds after which the scratch folder of a killed reading is removed


def content_hash(handle: int) -> str:
    """A hash of an open file's content: of all of it up to 64 MB, of a larger file 128 pieces from start to end.

    A change of a large file that keeps its size, its time and all these pieces goes unseen.
    """
    size = os.fstat(handle).st_size
    digest = hashlib.blake2b(digest_size=16)
    if size <= _HASHED_WHOLE:
        for start in range(0, size, 1 << 20):
            digest.update(os.pread(handle, 1 << 20, start))
    else:
        for piece in range(_PIECES):
            digest.update(os.pread(handle, _PIECE, (size - _PIECE) * piece // (_PIECES - 1)))
    return digest.hexdigest()


def fingerprint(*parts: object) -> str:
    """24 hexadecimal digits that name a source in one state, read with certain options."""
    digest = hashlib.blake2b(digest_size=12)
    for part in (_VERSION, *parts):
        digest.update(str(part).encode("utf-8", "surrogateescape") + b"\x00")
    return digest.hexdigest()


def snapshot_path(fingerprint: str) -> Path:
    return folders().tables / f"{fingerprint}.parquet"


def load_info(fingerprint: str) -> TableInfo | None:
    """The table whose snapshot is called `fingerprint`, or None if there is no snapshot that can be used."""
    path = snapshot_path(fingerprint)
    try:
        info = msgspec.json.decode(path.with_suffix(".json").read_bytes(), type=TableInfo)
    except (OSError, ValueError):
        return None  # missing or damaged: it is made again
    return info if info.fingerprint == fingerprint and info.snapshot == str(path) and _is_whole(path) else None


def _is_whole(path: Path) -> bool:
    """Whether a Parquet file has its first and its last bytes."""
    try:
        with path.open("rb") as file:
            start = file.read(4)
            file.seek(-4, os.SEEK_END)
            return start == file.read(4) == b"PAR1"
    except OSError:
        return False


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder beside the snapshots for temporary files, removed at the end. Raises StorageError."""
    tables = folders().tables
    try:
        tables.mkdir(parents=True, exist_ok=True, mode=0o700)
        _remove_stale_scratch(tables)
        with tempfile.TemporaryDirectory(prefix=".reading-", dir=tables, ignore_cleanup_errors=True) as scratch:
            yield Path(scratch)
    except OSError as error:
        raise StorageError(
            f"The table's snapshot could not be written: {error.strerror or error}.",
            where=str(tables),
            next_step="Make room on the disk, or move tabsmith's folders with TABSMITH_HOME.",
        ) from error


def _remove_stale_scratch(tables: Path) -> None:
    for scratch in tables.glob(".reading-*"):
        with contextlib.suppress(OSError):
            if time.time() - scratch.stat().st_mtime > _STALE_SCRATCH:
                shutil.rmtree(scratch, ignore_errors=True)


def remove_snapshot(info: TableInfo) -> None:
    """Remove the snapshot of `info` and what stands beside it."""
    for path in (info.snapshot_path, info.snapshot_path.with_suffix(".json")):
        path.unlink(missing_ok=True)


def save_snapshot(info: TableInfo, written: Path) -> None:
    """Move the Parquet file `written` to its place, and write `info` beside it. Raises StorageError, OSError."""
    written.replace(info.snapshot_path)
    write_atomic(info.snapshot_path.with_suffix(".json"), msgspec.json.encode(info))
