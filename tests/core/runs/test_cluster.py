"""Fits on a Dask cluster: the same models as on this machine, whatever dies there, and a word about it."""

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tabsmith.errors import ReportedError
from tabsmith.runs.events import Pause, Resume, RunState
from tabsmith.runs.fits.cluster_client import measure_cluster
from tabsmith.runs.fits.messages import ClusterSize
from tabsmith.runs.folder import RunFolder
from tabsmith.runs.pool import Pool
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.runs.spec import Limits, ModelChoice
from tests.core.runs.champions import champion_by_the_rule
from tests.core.runs.conftest import Start, ended, until
from tests.peers.dask_cluster import WORKERS, LocalDaskCluster, start_cluster

CHOICE = ModelChoice(
    families=("linear", "lightgbm"), limits=Limits(seconds=0, iterations=2), cores=WORKERS, keep_measured=True
)

PATIENCE = 300.0  # seconds: a worker imports everything before its first fit, and a busy machine takes its time


@pytest.fixture
def cluster() -> Iterator[LocalDaskCluster]:
    started = start_cluster()
    yield started
    if started.process.poll() is None:
        started.end()


def _folds(run: RunSnapshot) -> list[tuple[str, list[tuple[int, float]]]]:
    return [
        (each.recipe.id, sorted((fold.fold, fold.score) for fold in each.folds)) for each in run.trials if each.recipe
    ]


def _warnings(folder: RunFolder) -> list[str]:
    return [each.message for each in folder.events().read().values if getattr(each, "level", "") == "warning"]


def _same(there: RunSnapshot, here: RunSnapshot) -> bool:
    assert there.outcome == "success", there.error
    return _folds(there) == _folds(here) and champion_by_the_rule(there) == champion_by_the_rule(here)


def test_a_cluster_gives_the_same_champion_whatever_dies_there(
    cluster: LocalDaskCluster, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = ended(start(CHOICE), PATIENCE)
    monkeypatch.setenv("TABSMITH_ENGINE__ADDRESS", cluster.address)

    # A worker dies while the run is paused with fits on all workers, and is started again by Dask.
    cluster.hold(tmp_path / "first")
    folder = start(CHOICE)
    until(folder, lambda run: run.state is RunState.EVALUATING, PATIENCE)
    folder.send(Pause())
    until(folder, lambda run: run.state is RunState.PAUSED, PATIENCE)
    os.kill(cluster.workers[0], signal.SIGKILL)
    folder.send(Resume())
    (tmp_path / "first").touch()
    assert _same(ended(folder, PATIENCE), here)
    assert not _warnings(folder)  # everything was fitted on the cluster

    # The cluster is lost with fits on all workers.
    cluster.hold(tmp_path / "never")
    folder = start(CHOICE)
    until(folder, lambda run: run.state is RunState.EVALUATING, PATIENCE)
    cluster.kill()
    assert _same(ended(folder, PATIENCE), here)
    assert len(_warnings(folder)) == 1


async def test_a_cluster_that_is_not_there_is_an_error_with_a_next_step() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{nobody.getsockname()[1]}"
        with pytest.raises(ReportedError) as raised:
            await Pool(1).run(lambda _: measure_cluster(address, seconds=0.5), ClusterSize)
    report = raised.value.report()
    assert report.name == "ClusterError"
    assert address in report.what
    assert "engine.address" in report.next_step
