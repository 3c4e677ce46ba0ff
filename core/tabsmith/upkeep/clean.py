"""What takes room below tabsmith's folders, what of it may go, and its removal.

What may go: temporary files of dead processes, what ended runs no longer need, and whatever is older than the settings
below `keep` say. Models, settings and conversations never go by themselves.
"""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final, Literal, TypeAlias

import msgspec

from tabsmith.config.settings import RetentionSettings
from tabsmith.errors import StorageError, TabsmithError
from tabsmith.paths import folders
from tabsmith.runs.folder import RunFolder, run_ids
from tabsmith.runs.folds import unneeded_folders
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.runs.watch import RunWatch
from tabsmith.storage import Document, Found
from tabsmith.storage.files import storage_error
from tabsmith.storage.leftovers import leftovers_below, sweep_temporary_folders
from tabsmith.text import plural

RoomKind: TypeAlias = Literal["runs", "models", "snapshots", "uploads", "bridge", "other"]
RemovableKind: TypeAlias = Literal["temporary file", "fold models", "workspace", "run", "snapshot", "upload"]

CLEAN_EVERY: Final = 86_400.0
"""Seconds between two cleanings that happen by themselves."""

_DAY: Final = 86_400.0


class Room(msgspec.Struct, frozen=True):
    """How much room a part of tabsmith's folders takes."""

    kind: RoomKind
    path: str
    files: int
    size: int  # bytes


class Removable(msgspec.Struct, frozen=True):
    """A file or folder that may go, and why."""

    kind: RemovableKind
    path: str
    size: int  # bytes
    why: str


class _LastCleaning(msgspec.Struct, frozen=True):
    at: float  # seconds since 1970


def measure_rooms() -> tuple[Room, ...]:
    """Return what takes room, the largest first. A file that goes meanwhile is not counted."""
    paths = folders()
    parts: dict[RoomKind, tuple[Path, ...]] = {
        "runs": (paths.runs,),
        "models": (paths.models,),
        "snapshots": (paths.tables,),
        "uploads": (paths.uploads,),
        "bridge": (paths.state / "bridge",),
    }
    measured = [_room(kind, folder) for kind, (folder,) in parts.items()]
    tops = list(dict.fromkeys((paths.config, paths.state, paths.data, paths.cache)))
    inside = [Path(room.path) for room in measured]
    others = [path for top in tops if top.is_dir() for path in top.iterdir() if path not in (*inside, *tops)]
    sizes = [_size(path) for path in others]
    measured.append(Room("other", str(paths.state), sum(files for files, _ in sizes), sum(size for _, size in sizes)))
    return tuple(sorted((room for room in measured if room.files), key=lambda room: -room.size))


def plan_cleaning(keep: RetentionSettings, now: float) -> tuple[Removable, ...]:
    """Return what may go at `now`, in seconds since 1970. Nothing of a run that is alive is among it."""
    planned: list[Removable] = []
    for found in (_temporary_files(now), _of_runs(keep, now), _snapshots(keep, now), _uploads(keep, now)):
        planned.extend(each for each in found if not _is_below(each.path, planned))
    return tuple(planned)


def remove(planned: Iterable[Removable], progress: Callable[[str], None] = lambda _: None) -> int:
    """Remove what was planned; returns the bytes that are free again. What is gone already counts as removed.

    A run that was started meanwhile stays. Raises StorageError for the first thing that cannot be removed.
    """
    free = 0
    for each in planned:
        progress(each.path)
        path = Path(each.path)
        try:
            if each.kind == "run":
                RunFolder(path.name).delete()
            elif path.is_dir() and not path.is_symlink():
                _make_removable(path)
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise storage_error(error, path, "remove") from error
        except TabsmithError as error:
            if isinstance(error, StorageError):
                raise
            continue  # the run is alive, or gone, meanwhile
        free += each.size
    return free


def clean_when_due(keep: RetentionSettings, now: float) -> int:
    """Remove what may go, if a day has passed since that was done last; returns the bytes that are free again.

    Raises StorageError.
    """
    document = Document(folders().state / "cleaned.json", _LastCleaning, version=1, name="last cleaning")
    loaded = document.load()
    if isinstance(loaded, Found) and 0 <= now - loaded.value.at < CLEAN_EVERY:
        return 0
    document.save(_LastCleaning(now))
    sweep_temporary_folders()
    return remove(plan_cleaning(keep, now))


# What may go ---------------------------------------------------------------------------------------------------------


def _temporary_files(now: float) -> Iterator[Removable]:
    paths = folders()
    for top in dict.fromkeys((paths.config, paths.state, paths.data, paths.cache)):
        for path in leftovers_below(top, now):
            yield Removable("temporary file", str(path), _size(path)[1], "its process is dead")


def _of_runs(keep: RetentionSettings, now: float) -> Iterator[Removable]:
    for run_id in run_ids():
        try:
            folder = RunFolder(run_id)
            run = RunWatch(run_id).refresh()
            if folder.alive() or not run.state.ended:
                continue
        except TabsmithError:
            continue  # `tabsmith check` tells what is wrong with it
        age = _days(folder.root / "events.jsonl", now)
        if keep.runs and age > keep.runs:
            yield _removable("run", folder.root, f"ended {plural(int(age), 'day')} ago; its model stays")
            continue
        yield from _of_run(folder.root, run, age, keep)


def _of_run(root: Path, run: RunSnapshot, age: float, keep: RetentionSettings) -> Iterator[Removable]:
    for path in unneeded_folders(root, run.report) if run.report is not None else ():
        yield _removable("fold models", path, "the run is finished, and its model saved")
    if keep.workspaces and age > keep.workspaces and (root / "tasks").is_dir():
        yield _removable("workspace", root / "tasks", f"its tasks ended {plural(int(age), 'day')} ago")


def _snapshots(keep: RetentionSettings, now: float) -> Iterator[Removable]:
    if not keep.snapshots:
        return
    needed = _fingerprints_of_unfinished_runs()
    for path in sorted(folders().tables.glob("*.parquet")):
        described = path.with_suffix(".json")
        age = _days(described if described.exists() else path, now)
        if age > keep.snapshots and path.stem not in needed:
            for each in (path, described):
                if each.exists():
                    yield _removable("snapshot", each, f"not used for {plural(int(age), 'day')}")


def _fingerprints_of_unfinished_runs() -> frozenset[str]:
    found: set[str] = set()
    for run_id in run_ids():
        try:
            run = RunWatch(run_id).refresh()
        except TabsmithError:
            continue
        if run.report is None:
            found.update(info.fingerprint for info in (run.info, run.holdout_info) if info is not None)
    return frozenset(found)


def _uploads(keep: RetentionSettings, now: float) -> Iterator[Removable]:
    for path in sorted(folders().uploads.glob("*/*")) if keep.uploads else ():
        age = _days(path, now)
        if age > keep.uploads:
            yield _removable("upload", path, f"sent {plural(int(age), 'day')} ago")


def _removable(kind: RemovableKind, path: Path, why: str) -> Removable:
    return Removable(kind, str(path), _size(path)[1], why)


def _is_below(path: str, planned: Iterable[Removable]) -> bool:
    return any(Path(path).is_relative_to(each.path) for each in planned)


# Sizes and ages ------------------------------------------------------------------------------------------------------


def _room(kind: RoomKind, folder: Path) -> Room:
    files, size = _size(folder)
    return Room(kind, str(folder), files, size)


def _size(path: Path) -> tuple[int, int]:
    """The number of files at and below `path`, and their bytes on the disk."""
    found = [path] if path.is_file() else [Path(place, name) for place, _, names in os.walk(path) for name in names]
    count = size = 0
    for each in found:
        try:
            size += each.lstat().st_blocks * 512
        except OSError:
            continue  # it is gone meanwhile
        count += 1
    return count, size


def _days(path: Path, now: float) -> float:
    """Days since the file at `path` was written; 0 if it is not there."""
    try:
        return (now - path.stat().st_mtime) / _DAY
    except OSError:
        return 0.0


def _make_removable(folder: Path) -> None:
    """Give this user access to the folders at and below `folder`: models and workspaces may be read-only."""
    for place, _, _ in os.walk(folder):
        Path(place).chmod(0o700)
