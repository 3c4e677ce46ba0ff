"""What a worker of the cluster does: it carries out one fit in a folder of its own, and returns the files of the model.

A worker needs tabsmith in the same version, and nothing of the run: no shared storage, no settings.
"""

import tempfile
import threading
import time
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from tabsmith.errors import ClusterError, ErrorReport, report_of
from tabsmith.families.registry import get_family
from tabsmith.runs.fits.executor import Fit, carry_out
from tabsmith.version import __version__

if TYPE_CHECKING:
    from tabsmith.modeling.training_data import TrainingData

_ONE_AT_A_TIME: Final = threading.Lock()
"""The number of threads of a fit is a setting of the whole process."""


class RemoteModel(msgspec.Struct, frozen=True):
    """What a fit brought: its result, and the files of its model by their path relative to the run's folder."""

    result: bytes  # a FitResult as MessagePack
    files: dict[str, bytes]


class RemoteError(msgspec.Struct, frozen=True):
    """What a fit raised on a worker of the cluster."""

    error: ErrorReport


class WithdrawnError(Exception):
    """The run took back a fit before it began. Never leaves the worker of the cluster: nobody waits for an answer."""


def installed_version() -> str:
    """The version of tabsmith on a worker of the cluster."""
    return __version__


def fit_remotely(data: "TrainingData", fit: Fit, key: str, version: str) -> RemoteModel | RemoteError:
    """Carry out `fit` on a worker of the cluster, as its task `key`, for a run of tabsmith `version`.

    A fit that the run took back meanwhile ends like one whose time is up; nobody waits for its answer.
    """
    if version != __version__:
        return RemoteError(version_error(__version__, version).report())
    try:
        with _ONE_AT_A_TIME, tempfile.TemporaryDirectory(prefix="tabsmith-fit-") as folder:
            return _fit_in(Path(folder), data, fit, key)
    except Exception as error:  # noqa: BLE001 - the edge of this process: the run gets the whole error
        return RemoteError(report_of(error))


def _fit_in(root: Path, data: "TrainingData", fit: Fit, key: str) -> RemoteModel:
    for library in get_family(fit.recipe.family).preload:  # which the first fit of a worker does not pay for
        import_module(library)
    end = time.monotonic() + fit.seconds

    def seconds_left() -> float:
        return 0.0 if _is_withdrawn(key) else end - time.monotonic()

    if _is_withdrawn(key):
        raise WithdrawnError
    result = carry_out(data, fit, root, seconds_left)
    files = {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    return RemoteModel(msgspec.msgpack.encode(result), files)


def _is_withdrawn(key: str) -> bool:
    """Whether the run has cancelled the task `key`, which Dask cannot end while its function runs."""
    from distributed import get_worker

    task = get_worker().state.tasks.get(key)
    return task is None or task.state == "cancelled"


def version_error(there: str, here: str) -> ClusterError:
    """The error of a worker of the cluster with another version of tabsmith."""
    return ClusterError(
        f"A worker of the cluster has tabsmith {there}; this is tabsmith {here}.",
        next_step=f"Install tabsmith {here} on all workers, and start them again.",
    )
