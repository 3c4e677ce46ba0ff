"""Where snapshots lie: named by the source's fingerprint, written once, with what is known of them beside. Light."""

import contextlib
import hashlib
import os
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

VERSION: Final = 2  # raised when snapshots of an older program must not be used any more
_WHOLE: Final = 64 << 20  # bytes up to which the whole content is hashed
_PIECES: Final = 128
_PIECE: Final = 1 << 16
_STALE_SCRATCH: Final = 86_400  # seconds after which a killed reading's leftovers are removed


def content_hash(handle: int) -> str:
    """A hash of the file's content: of all of it up to 64 MB, beyond of its ends and 128 pieces in between.

    A change of a large file that keeps its size, its time and all these pieces goes unseen.
    """
    size = os.fstat(handle).st_size
    digest = hashlib.blake2b(digest_size=16)
    if size <= _WHOLE:
        for start in range(0, size, 1 << 20):
            digest.update(os.pread(handle, 1 << 20, start))
    else:
        for piece in range(_PIECES):
            digest.update(os.pread(handle, _PIECE, (size - _PIECE) * piece // (_PIECES - 1)))
    return digest.hexdigest()


def fingerprint(*parts: object) -> str:
    """24 hexadecimal digits that name a source in one state, read with certain options."""
    digest = hashlib.blake2b(digest_size=12)
    for part in (VERSION, *parts):
        digest.update(str(part).encode("utf-8", "surrogateescape") + b"\x00")
    return digest.hexdigest()


def snapshot_path(mark: str) -> Path:
    return folders().tables / f"{mark}.parquet"


def load_info(mark: str) -> TableInfo | None:
    """What is known of the snapshot called `mark`, or None when there is none that can be used."""
    place = snapshot_path(mark)
    try:
        info = msgspec.json.decode(place.with_suffix(".json").read_bytes(), type=TableInfo)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, ValueError):
        return None  # missing or damaged: it is made again
    return info if info.fingerprint == mark and info.snapshot == str(place) and _is_whole(place) else None


def _is_whole(place: Path) -> bool:
    """Whether a Parquet file has both its ends."""
    try:
        with place.open("rb") as file:
            start = file.read(4)
            file.seek(-4, os.SEEK_END)
            return start == file.read(4) == b"PAR1"
    except OSError:
        return False


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder beside the snapshots for what is written on the way, removed at the end. Raises StorageError."""
    place = folders().tables
    try:
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        _sweep(place)
        with tempfile.TemporaryDirectory(prefix=".reading-", dir=place, ignore_cleanup_errors=True) as folder:
            yield Path(folder)
    except OSError as error:
        raise StorageError(
            f"The table's snapshot could not be written: {error.strerror or error}.",
            where=str(place),
            next_step="Make room on the disk, or move tabsmith's folders with TABSMITH_HOME.",
        ) from error


def _sweep(place: Path) -> None:
    """Remove what readings that were killed left behind."""
    import shutil

    for left in place.glob(".reading-*"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > _STALE_SCRATCH:
                shutil.rmtree(left, ignore_errors=True)


def save_snapshot(info: TableInfo, written: Path) -> None:
    """Put the written Parquet file in its place, and what is known of it beside. Raises StorageError, OSError."""
    written.replace(info.snapshot_path)
    write_atomic(info.snapshot_path.with_suffix(".json"), msgspec.json.encode(info))
