"""The saved models: written whole or not at all, read-only afterwards, checked against their manifest when read.

Everything here reads JSON and bytes only, so a screen may do it; `model.load_model` needs the numerical libraries.
"""

import hashlib
import os
import shutil
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Final, TypeVar

import msgspec
from msgspec.structs import replace

from tabsmith.errors import ModelDamagedError, ModelNotFoundError, NotAFileError, UsageError
from tabsmith.families.registry import family_distributions
from tabsmith.modeling import archive
from tabsmith.modeling.catalog import DEFAULT_ALIAS, ModelCatalog, ModelLabel, read_catalog, update_catalog
from tabsmith.modeling.explanation.types import BackgroundCells
from tabsmith.modeling.model_files import (
    FORMAT,
    MANIFEST,
    MODEL,
    MODEL_ID,
    REPORT,
    SCHEMA,
    Manifest,
    ModelFile,
    ModelSummary,
    is_model_file,
)
from tabsmith.modeling.results import ModelReport
from tabsmith.paths import folders
from tabsmith.storage import FileFingerprint
from tabsmith.storage.files import make_folder, read_plain_file, storage_error, sync_folder
from tabsmith.storage.leftovers import has_dead_owner
from tabsmith.text import clean, clean_block

T = TypeVar("T")

MAX_NAME: Final = 100
MAX_NOTE: Final = 2_000
_DISTRIBUTIONS: Final = ("tabsmith", "scikit-learn", "skops", "numpy", "pandas")


def model_folder(model_id: str) -> Path:
    """The folder of the model `model_id`, which need not exist. Raises ModelNotFoundError for an impossible id."""
    if not MODEL_ID.fullmatch(model_id):
        raise model_not_found(model_id)
    return folders().models / model_id


def save_model(report: ModelReport, model: ModelFile, files: Mapping[str, Path]) -> Path:
    """Save a model as `models/<report.model_id>/` and return that folder.

    `files` maps places in that folder to the fold models' files. Everything is written and synced beside, then renamed,
    so a crash leaves no part of a model; afterwards the folder is read-only. Raises StorageError; and UsageError when
    the id is taken.
    """
    final = model_folder(report.model_id)
    partial = final.with_name(f".{final.name}.{os.getpid()}.partial")
    if final.exists():
        raise UsageError(f"There is a model {report.model_id} already.", where=str(final))
    try:
        make_folder(final.parent)
        _remove_leftovers(final.parent)
        partial.mkdir(mode=0o700)
        try:
            fingerprints = _write_files(partial, report, model, files)
            manifest = Manifest(
                FORMAT, report.model_id, report.created_at, _library_versions(), _skops_types(files), fingerprints
            )
            _write_file(partial / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)))
            _seal(partial)
            partial.rename(final)
        except BaseException:
            _remove_folder(partial)
            raise
        final.chmod(0o555)
        sync_folder(final.parent)
    except OSError as error:
        raise storage_error(error, final, "save the model") from error
    return final


def update_model(report: ModelReport, background: BackgroundCells) -> Path:
    """Put another report, and rows to compare with, in place of those of the saved model `report.model_id`.

    The model's other files stay as they are. A new folder is made beside the old one and takes its place, and one that
    a process left half way is put back by `_restore_replaced`. Raises ModelNotFoundError, ModelDamagedError, StorageError.
    """
    final = _existing_folder(report.model_id)
    manifest = verify_model(final)
    model = msgspec.structs.replace(read_model_file(final), background=background)
    partial, replaced = (final.with_name(f".{final.name}.{os.getpid()}.{end}") for end in ("partial", "replaced"))
    try:
        partial.mkdir(mode=0o700)
        try:
            members = {name: final / name for name in manifest.files if name not in (REPORT, SCHEMA, MODEL)}
            fingerprints = _write_files(partial, report, model, members)
            written = msgspec.structs.replace(manifest, files=fingerprints)
            _write_file(partial / MANIFEST, msgspec.json.format(msgspec.json.encode(written)))
            _seal(partial)
        except BaseException:
            _remove_folder(partial)
            raise
        final.chmod(0o700)
        final.rename(replaced)
        partial.rename(final)
        final.chmod(0o555)
        sync_folder(final.parent)
        _remove_folder(replaced)
    except OSError as error:
        raise storage_error(error, final, "save the model's report") from error
    return final


def read_report(model_id: str) -> ModelReport:
    """The report of a saved model. Raises ModelNotFoundError and ModelDamagedError."""
    return read_report_file(_existing_folder(model_id))


def find_model(name: str) -> str:
    """The id of the saved model that `name`, an id or an alias, means. Raises ModelNotFoundError."""
    return _existing_folder(name).name


def has_model(name: str) -> bool:
    """Whether `name` is the id or an alias of a saved model. Raises ModelNotFoundError for what can be neither."""
    return model_folder(name).is_dir() or bool(read_catalog().model_of(name))


def rename_model(model: str, name: str) -> ModelLabel:
    """Give a model a name for people, beside its id; an empty one takes the name away. Returns its label.

    Raises ModelNotFoundError, StorageError, and UsageError if another model has that name.
    """
    model_id, name = find_model(model), clean(name.strip(), MAX_NAME)

    def renamed(catalog: ModelCatalog) -> ModelCatalog:
        taken = next((each for each, label in catalog.labels.items() if name and label.name == name), model_id)
        if taken != model_id:
            raise UsageError(f'The model {taken} is called "{name}" already.', next_step="Choose another name.")
        return _labelled(catalog, model_id, replace(catalog.label(model_id), name=name))

    return update_catalog(renamed).label(model_id)


def note_on_model(model: str, note: str) -> ModelLabel:
    """Keep a note on a model, in place of an earlier one; an empty one takes it away. Returns the model's label.

    Raises ModelNotFoundError, StorageError.
    """
    model_id = find_model(model)
    text = clean_block(note.strip(), MAX_NOTE)
    return update_catalog(
        lambda catalog: _labelled(catalog, model_id, replace(catalog.label(model_id), note=text))
    ).label(model_id)


def promote_model(model: str, alias: str = DEFAULT_ALIAS) -> str:
    """Let `alias` mean this model, wherever a model's id is asked for; returns the model's id.

    Raises ModelNotFoundError, StorageError, and UsageError for an alias that cannot be one: no id may be an alias.
    """
    model_id = find_model(model)
    if not MODEL_ID.fullmatch(alias) or (folders().models / alias).exists():
        raise UsageError(
            f'"{clean(alias, 60)}" cannot be an alias.',
            next_step=f"Choose letters, digits, dots, dashes and underscores, such as {DEFAULT_ALIAS}.",
        )

    def promoted(catalog: ModelCatalog) -> ModelCatalog:
        before = catalog.aliases.get(alias, ())
        if before[-1:] == (model_id,):
            return catalog
        return replace(catalog, aliases={**catalog.aliases, alias: (*before, model_id)})

    update_catalog(promoted)
    return model_id


def roll_back(alias: str = DEFAULT_ALIAS) -> str:
    """Let `alias` mean the model again that it meant before; returns that model's id.

    Raises ModelNotFoundError for an unknown alias, StorageError, and UsageError if there is no earlier model.
    """

    def back(catalog: ModelCatalog) -> ModelCatalog:
        if alias not in catalog.aliases:
            raise model_not_found(alias)
        earlier = tuple(each for each in catalog.aliases[alias][:-1] if model_folder(each).is_dir())
        if not earlier:
            raise UsageError(
                f"{clean(alias, 60)} has meant no other model that is still here.",
                next_step=f"Promote one: tabsmith models promote MODEL --as {clean(alias, 60)}",
            )
        return replace(catalog, aliases={**catalog.aliases, alias: earlier})

    return update_catalog(back).model_of(alias)


def list_models() -> tuple[ModelSummary, ...]:
    """All saved models, newest first; a damaged model says so. Reads only their JSON. Raises StorageError."""
    try:
        _restore_replaced(folders().models)
        paths = [path for path in folders().models.iterdir() if path.is_dir() and MODEL_ID.fullmatch(path.name)]
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise storage_error(error, folders().models, "list the models") from error
    catalog = read_catalog()
    summaries = [_summary(path, catalog) for path in paths]
    return tuple(sorted(summaries, key=lambda model: (model.created_at, model.id), reverse=True))


def delete_model(model_id: str) -> None:
    """Remove a saved model, damaged or not, with its name and note.

    Raises ModelNotFoundError, also for an alias; StorageError; and UsageError while an alias means the model.
    """
    folder = model_folder(model_id)
    if not folder.is_dir() or folder.is_symlink():
        raise model_not_found(model_id)
    if aliases := read_catalog().aliases_of(model_id):
        raise UsageError(
            f"The model {model_id} is {' and '.join(aliases)} now.",
            next_step="Promote another model first, or roll back.",
        )
    removed = folder.with_name(f".{folder.name}.{os.getpid()}.gone")
    try:
        folder.chmod(0o700)
        folder.rename(removed)  # a half removed model is never listed
        _remove_folder(removed)
        sync_folder(folder.parent)
    except OSError as error:
        raise storage_error(error, folder, "delete the model") from error
    update_catalog(lambda catalog: _labelled(catalog, model_id, ModelLabel()))


def export_model(model_id: str, file: Path) -> Path:
    """Write a saved model as one zip file, which `load_model` takes on this and on other machines; returns its path.

    Raises ModelNotFoundError, ModelDamagedError, StorageError, and UsageError when the file exists already.
    """
    folder = _existing_folder(model_id)
    verify_model(folder)
    archive.pack_model(folder, file)
    return file


def verify_model(folder: Path) -> Manifest:
    """The manifest of the model in `folder`, every file of which is as it was saved.

    Raises ModelDamagedError naming a file that is missing, changed, or not of the model.
    """
    manifest = _decoded(folder / MANIFEST, Manifest)
    if manifest.format > FORMAT:
        raise ModelDamagedError(
            f"The model was saved by a newer tabsmith (format {manifest.format}; this version knows {FORMAT}).",
            where=str(folder),
            next_step="Update tabsmith.",
        )
    present = {
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir() or path.is_symlink()
    }
    for name in sorted(present - set(manifest.files) - {MANIFEST}):
        raise _damaged(folder / name, "it is not part of the model")
    for name, fingerprint in manifest.files.items():
        path = folder / name
        if not is_model_file(name):
            raise _damaged(path, "models have no such file")
        if name not in present:
            raise _damaged(path, "it is missing")
        if path.is_symlink() or not path.is_file():
            raise _damaged(path, "it is not a plain file")
        if path.stat().st_size != fingerprint.size or _sha256(path) != fingerprint.sha256:
            raise _damaged(path, "it is not as it was saved")
    for name in (REPORT, SCHEMA, MODEL):
        if name not in manifest.files:
            raise _damaged(folder / name, "it is missing from the manifest")
    return manifest


def read_model_file(folder: Path) -> ModelFile:
    """`model.json` of the model in `folder`. Raises ModelDamagedError."""
    return _decoded(folder / MODEL, ModelFile)


def read_report_file(folder: Path) -> ModelReport:
    """`report.json` of the model in `folder`. Raises ModelDamagedError."""
    return _decoded(folder / REPORT, ModelReport)


def model_not_found(name: str) -> ModelNotFoundError:
    """The error for a name that is no model's."""
    return ModelNotFoundError(
        f'There is no model "{clean(name)}".', next_step="See `tabsmith models` for the saved models."
    )


# Writing -----------------------------------------------------------------------------------------------------------


def _write_files(
    folder: Path, report: ModelReport, model: ModelFile, files: Mapping[str, Path]
) -> dict[str, FileFingerprint]:
    documents = {REPORT: report, SCHEMA: report.schema, MODEL: model}
    fingerprints = {  # without spaces: a report may hold a matrix of 300 classes
        name: _write_file(folder / name, msgspec.json.encode(document)) for name, document in documents.items()
    }
    for name, source in files.items():
        assert is_model_file(name), name
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        fingerprints[name] = _write_file(folder / name, source.read_bytes())
    return fingerprints


def _write_file(path: Path, data: bytes) -> FileFingerprint:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fchmod(file.fileno(), 0o444)
        os.fsync(file.fileno())
    return FileFingerprint(hashlib.sha256(data).hexdigest(), len(data))


def _seal(folder: Path) -> None:
    """Make the names durable and the folders read-only, except for the topmost, which is renamed first."""
    for path in sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True):
        sync_folder(path)
        path.chmod(0o555)
    sync_folder(folder)


def _remove_folder(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o700)
    shutil.rmtree(folder)


def _remove_leftovers(models: Path) -> None:
    """Remove models that a process left half written or half deleted when it died."""
    _restore_replaced(models)
    for path in (*models.glob(".*.partial"), *models.glob(".*.gone")):
        if has_dead_owner(path.name):
            _remove_folder(path)


def _restore_replaced(models: Path) -> None:
    """Put back models that a process moved aside for a new one, when it died before that one was in place."""
    for path in models.glob(".*.replaced"):
        name = path.name.removeprefix(".").rsplit(".", 2)[0]
        if has_dead_owner(path.name):
            if (models / name).exists():
                _remove_folder(path)
            else:
                path.rename(models / name)
                (models / name).chmod(0o555)


def _library_versions() -> dict[str, str]:
    versions = {}
    for name in dict.fromkeys([*_DISTRIBUTIONS, *family_distributions()]):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:  # run from a source folder
            versions[name] = "unknown"
    return versions


def _skops_types(files: Mapping[str, Path]) -> tuple[str, ...]:
    from tabsmith.families import skops_files

    paths = [path for path in files.values() if path.suffix == ".skops"]
    return tuple(sorted({name for path in paths for name in skops_files.types(path)}))


# Reading -----------------------------------------------------------------------------------------------------------


def _existing_folder(name: str) -> Path:
    """The folder of the model that `name`, an id or an alias, means. Raises ModelNotFoundError."""
    folder = model_folder(name)
    if not folder.is_dir():
        _restore_replaced(folder.parent)
    if folder.is_dir():
        return folder
    promoted = read_catalog().model_of(name)
    if not promoted or not (folder := model_folder(promoted)).is_dir():
        raise model_not_found(name)
    return folder


def _labelled(catalog: ModelCatalog, model_id: str, label: ModelLabel) -> ModelCatalog:
    """The catalog with the label of a model; an empty one is taken out of it."""
    labels = {each: known for each, known in catalog.labels.items() if each != model_id}
    return replace(catalog, labels=labels if label == ModelLabel() else {**labels, model_id: label})


def _summary(folder: Path, catalog: ModelCatalog) -> ModelSummary:
    label = catalog.label(folder.name)
    named = ModelSummary(folder.name, name=label.name, note=label.note, aliases=catalog.aliases_of(folder.name))
    try:
        manifest = _decoded(folder / MANIFEST, Manifest)
        report = read_report_file(folder)
    except ModelDamagedError as error:
        return replace(named, damaged=error.what)
    damaged = ""
    for name, fingerprint in manifest.files.items():
        try:
            if (folder / name).stat().st_size != fingerprint.size:
                damaged = f"{clean(name)} is not as it was saved"
        except OSError:
            damaged = f"{clean(name)} is missing"
    return replace(
        named,
        created_at=report.created_at,
        source=report.source,
        target=report.schema.target,
        task=report.schema.problem_type,
        metric=report.metric.label,
        cv_score=report.cv_score,
        holdout_score=report.holdout.scores[0].score if report.holdout and report.holdout.scores else None,
        members=tuple(member.recipe.family for member in report.members),
        size=sum(fingerprint.size for fingerprint in manifest.files.values()),
        damaged=damaged,
    )


def _decoded(path: Path, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(read_plain_file(path), type=kind)
    except FileNotFoundError as error:
        raise _damaged(path, "it is missing") from error
    except (OSError, ValueError, RecursionError, NotAFileError) as error:
        raise _damaged(path, f"it cannot be read ({clean(error)})") from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _damaged(path: Path, why: str) -> ModelDamagedError:
    return ModelDamagedError(
        f"The saved model is damaged: {clean(path.name)}: {why}.",
        where=clean(path, 500),
        next_step="Get the model again from where it came from, or train it again.",
    )
