"""Everything below tabsmith's folders verified: documents, journals, checksums of folds, snapshots, contents and models.

Nothing is changed: a damaged document is not moved aside, a torn line is not closed.
"""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Literal, TypeAlias

import msgspec

from tabsmith import config
from tabsmith.errors import ChecksumError, ModelDamagedError, NotAFileError, TabsmithError
from tabsmith.modeling import store
from tabsmith.modeling.model_files import MODEL_ID
from tabsmith.orchestration.history import HistoryRecord
from tabsmith.paths import folders
from tabsmith.runs.events import RunCommand, RunEvent
from tabsmith.runs.folder import RunFolder
from tabsmith.runs.reducers import reduce
from tabsmith.storage import TypedJournal, fingerprint_file, verify_sealed
from tabsmith.storage.documents import inspect_document
from tabsmith.storage.files import read_plain_file
from tabsmith.storage.sealed import SEAL_FILE
from tabsmith.tables import snapshot_store
from tabsmith.tables.info import TableInfo
from tabsmith.text import clean, plural

CheckedKind: TypeAlias = Literal[
    "settings", "document", "run", "fold", "transcript", "workspace", "snapshot", "model", "history", "bridge", "other"
]
Remedy: TypeAlias = Literal["by itself", "by resuming", "by reading again", "by hand", "not at all"]
"""How a damage is mended: by the next use, by `tabsmith runs resume`, by reading the table again, by the person, or never."""

Progress: TypeAlias = Callable[[str], None]

_RUN_JOURNALS: Final = (("events.jsonl", RunEvent), ("commands.jsonl", RunCommand))


class Damage(msgspec.Struct, frozen=True):
    """A thing that is not as it was written: its path, what is wrong, how it is mended, and what to do, in a sentence."""

    kind: CheckedKind
    path: str
    what: str
    mended: Remedy
    next_step: str


class HomeCheck(msgspec.Struct, frozen=True):
    """What was looked at, counted by kind, and every damage."""

    checked: dict[CheckedKind, int]
    damages: tuple[Damage, ...]


def check_home(progress: Progress = lambda _: None) -> HomeCheck:
    """Verify everything in the folders in use; reads every byte that has a checksum. `progress` is told what comes next.

    Raises StorageError if a folder cannot be listed.
    """
    checked: dict[CheckedKind, int] = {}
    damages: list[Damage] = []
    stages: tuple[Callable[[Progress], Iterator[tuple[CheckedKind, Damage | None]]], ...] = (
        _settings, _documents, _history, _bridges, _runs, _snapshots, _models, _special_files,
    )  # fmt: skip
    for stage in stages:
        for kind, damage in stage(progress):
            checked[kind] = checked.get(kind, 0) + 1
            if damage is not None:
                damages.append(damage)
    return HomeCheck(checked, tuple(damages))


_Checks: TypeAlias = Iterator[tuple[CheckedKind, Damage | None]]


def _settings(progress: Progress) -> _Checks:
    progress("the settings")
    try:
        problems = [problem.what for problem in config.check()]
    except TabsmithError as error:
        problems = [error.what]
    path = folders().settings_file
    for problem in problems:
        yield "settings", Damage("settings", str(path), problem, "by hand", "Correct it: tabsmith config check")
    if not problems:
        yield "settings", None


def _documents(progress: Progress) -> _Checks:
    """Sessions, corrections, what is known of chats, and the names of models."""
    progress("sessions and other documents")
    paths = folders()
    found = [
        *paths.sessions.glob("*.json"),
        *paths.corrections.glob("*/*.json"),
        *paths.state.glob("bridge/*/seats/*.json"),
        *([paths.model_catalog] if os.path.lexists(paths.model_catalog) else []),
    ]
    for path in sorted(found):
        yield "document", _document_damage("document", path, "It is moved aside, and begun anew, when it is next used.")


def _document_damage(kind: CheckedKind, path: Path, next_step: str, mended: Remedy = "by itself") -> Damage | None:
    reason = inspect_document(path)
    return Damage(kind, str(path), reason, mended, next_step) if reason else None


def _history(progress: Progress) -> _Checks:
    progress("the history of runs")
    path = folders().history_file
    if os.path.lexists(path):
        yield "history", _journal_damage("history", TypedJournal(path, HistoryRecord))


def _bridges(progress: Progress) -> _Checks:
    progress("the bridge")
    for path in sorted(folders().state.glob("bridge/*/*.jsonl")):
        yield "bridge", _journal_damage("bridge", TypedJournal(path, dict))


def _journal_damage(kind: CheckedKind, journal: "TypedJournal[object]") -> Damage | None:
    """The damage of a journal: lines that cannot be read. A last line that is not ended is closed by the next append."""
    try:
        chunk = journal.read()
    except TabsmithError as error:
        return Damage(kind, str(journal.path), error.what, "by hand", error.next_step)
    if chunk.skipped:
        lines = plural(chunk.skipped, "line")
        return Damage(
            kind,
            str(journal.path),
            f"{lines} of {chunk.skipped + chunk.unknown + len(chunk.values):,} cannot be read",
            "not at all",
            "They are passed over; everything else in the file counts.",
        )
    return None


# Runs --------------------------------------------------------------------------------------------------------------


def _runs(progress: Progress) -> _Checks:
    for root in _subfolders(folders().runs):
        progress(f"the run {root.name}")
        yield from _run(root)


def _run(root: Path) -> _Checks:
    next_step = f"tabsmith runs delete {root.name}"
    yield "run", _document_damage("run", root / "run.json", f"The run cannot be resumed: {next_step}", "not at all")
    for name, kind in _RUN_JOURNALS:
        if os.path.lexists(root / name):
            yield "run", _journal_damage("run", TypedJournal(root / name, kind))
    for path in sorted(root.glob("sessions/*.jsonl")):
        yield "transcript", _journal_damage("transcript", TypedJournal(path, dict))
    try:
        run = reduce(RunFolder(root.name).events().read().values)
    except TabsmithError:
        return  # told above
    finished = run.report is not None
    for trial in run.trials:
        if trial.evaluation is not None:
            for score in trial.evaluation.folds:
                if not finished or (root / trial.evaluation.folder).is_dir():  # a run that is over keeps what it needs
                    yield "fold", _fold_damage(root, root / trial.evaluation.folder / f"fold-{score.fold}", finished)
    for folder in sorted(root.glob("refits/*/all-*")):
        yield "fold", _fold_damage(root, folder, finished)
    for place in _subfolders(root / "tasks"):
        yield from _workspace(place)


def _fold_damage(root: Path, folder: Path, finished: bool) -> Damage | None:
    if finished and folder.is_dir() and not (folder / SEAL_FILE).exists():
        return None  # of a version that wrote no checksums: there is nothing to compare with
    try:
        verify_sealed(folder)
    except ChecksumError as error:
        if finished:
            step = (
                "The model is not touched by it. Only explaining it again with the models of its folds is not possible."
            )
            return Damage("fold", str(folder), error.what, "not at all", step)
        step = f"It is fitted again when the run is resumed: tabsmith runs resume {root.name}"
        return Damage("fold", str(folder), error.what, "by resuming", step)
    return None


def _workspace(place: Path) -> _Checks:
    """The records of a task's workspace, and its contents, each of which is named by its digest."""
    for path in sorted((*place.glob("*.json"), *place.glob("marks/*.json"))):
        try:
            msgspec.json.decode(read_plain_file(path))
        except (OSError, ValueError, NotAFileError) as error:
            step = "The work of this task cannot be handed back from here."
            yield "workspace", Damage("workspace", str(path), clean(error, 300), "not at all", step)
        else:
            yield "workspace", None
    for path in sorted(place.glob("contents/??/*")):
        try:
            whole = fingerprint_file(path).sha256 == f"{path.parent.name}{path.name}"
        except OSError:
            whole = False
        step = "The state that it belongs to cannot be handed back; the others can."
        what = "the kept content is not as it was written"
        yield "workspace", None if whole else Damage("workspace", str(path), what, "not at all", step)


# Snapshots and models ------------------------------------------------------------------------------------------------


def _snapshots(progress: Progress) -> _Checks:
    for path in sorted(folders().tables.glob("*.json")):
        progress(f"the snapshot {path.stem}")
        yield "snapshot", _snapshot_damage(path)


def _snapshot_damage(path: Path) -> Damage | None:
    again = "It is made again when its table is read; a DataFrame has to be handed over again."
    try:
        info = msgspec.json.decode(read_plain_file(path), type=TableInfo)
    except (OSError, ValueError, NotAFileError) as error:
        return Damage("snapshot", str(path), clean(error, 300), "by reading again", again)
    if snapshot_store.is_intact(info):
        return None
    what = "the snapshot is not as it was written" if info.snapshot_path.exists() else "the snapshot is missing"
    return Damage("snapshot", info.snapshot, what, "by reading again", again)


def _models(progress: Progress) -> _Checks:
    for folder in _subfolders(folders().models):
        if not MODEL_ID.fullmatch(folder.name):
            continue  # half written or half deleted: swept by `tabsmith clean`
        progress(f"the model {folder.name}")
        try:
            store.verify_model(folder)
        except ModelDamagedError as error:
            step = "Get it again from where it was exported to, resume or repeat its run, or train it again."
            yield "model", Damage("model", error.where or str(folder), error.what, "not at all", step)
        else:
            yield "model", None


# What should not be there --------------------------------------------------------------------------------------------


def _special_files(progress: Progress) -> _Checks:
    """Pipes and devices where only files and folders should be; workspaces of tasks hold a person's own files."""
    progress("pipes and devices")
    paths = folders()
    for top in dict.fromkeys((paths.config, paths.state, paths.data, paths.cache)):
        for folder, names, files in os.walk(top):
            if Path(folder).parent.name == "tasks":
                names[:] = [name for name in names if name != "folder"]
            for name in files:
                path = Path(folder, name)
                if name != "wake" and _is_special(path):
                    step = "Move it away: nothing of tabsmith is a pipe or a device."
                    yield "other", Damage("other", str(path), "it is a pipe, a socket or a device", "by hand", step)


def _is_special(path: Path) -> bool:
    try:
        mode = path.lstat().st_mode
    except OSError:  # it is gone meanwhile
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISLNK(mode) or stat.S_ISDIR(mode))


def _subfolders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())
