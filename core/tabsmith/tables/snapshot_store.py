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
from msgspec.structs import replace

from tabsmith.errors import StorageError
from tabsmith.paths import folders
from tabsmith.storage import fingerprint_file, write_atomic
from tabsmith.storage.files import make_folder, read_plain_file, storage_error, sync_file
from tabsmith.storage.leftovers import has_dead_owner
from tabsmith.tables.info import TableInfo

_VERSION: Final = 4  # raised when snapshots of an older program must not be used any more
_HASHED_WHOLE: Final = 64 << 20  # bytes up to which the whole content is hashed
_PIECES: Final = 128
_PIECE: Final = 1 << 16
_STALE_SCRATCH: Final = 86_400  # seconds after which a scratch folder is removed whatever process it names


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
    """The table whose snapshot is called `fingerprint`, or None if there is no snapshot that can be used.

    A snapshot that is not as it was written is none: it is made again. Costs a second for 1.5 GB.
    """
    path = snapshot_path(fingerprint)
    try:
        info = msgspec.json.decode(read_plain_file(path.with_suffix(".json")), type=TableInfo)
    except (OSError, ValueError, StorageError):
        return None  # missing or damaged: it is made again
    if info.fingerprint != fingerprint or info.snapshot != str(path) or not is_intact(info):
        return None
    with contextlib.suppress(OSError):  # on a read-only disk it counts as unused, and stays all the same
        os.utime(path.with_suffix(".json"))  # the time of its last use, for `keep.snapshots`
    return info


def is_intact(info: TableInfo) -> bool:
    """Whether the snapshot of `info` is there, and as it was written; of one without a checksum, only its ends are looked at."""
    path = info.snapshot_path
    try:
        if not path.is_file():
            return False
        if info.checksum:
            return fingerprint_file(path).sha256 == info.checksum
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
        make_folder(tables)
        _remove_stale_scratch(tables)
        with tempfile.TemporaryDirectory(
            prefix=f".reading-{os.getpid()}-", dir=tables, ignore_cleanup_errors=True
        ) as scratch:
            yield Path(scratch)
    except OSError as error:
        raise storage_error(error, tables, "write the table's snapshot into") from error


def _remove_stale_scratch(tables: Path) -> None:
    for scratch in tables.glob(".reading-*"):
        with contextlib.suppress(OSError):
            if has_dead_owner(scratch.name) or time.time() - scratch.stat().st_mtime > _STALE_SCRATCH:
                shutil.rmtree(scratch, ignore_errors=True)


def remove_snapshot(info: TableInfo) -> None:
    """Remove the snapshot of `info` and what stands beside it."""
    for path in (info.snapshot_path, info.snapshot_path.with_suffix(".json")):
        path.unlink(missing_ok=True)


def save_snapshot(info: TableInfo, written: Path) -> TableInfo:
    """Move the Parquet file `written` to its place, and write `info` beside it; returns `info` with the snapshot's checksum.

    Both outlive a power cut once this returns. Raises StorageError, OSError.
    """
    info = replace(info, checksum=fingerprint_file(written).sha256)
    sync_file(written)
    written.replace(info.snapshot_path)
    write_atomic(info.snapshot_path.with_suffix(".json"), msgspec.json.encode(info))  # syncs the folder of both
    return info
