"""Fits on a Dask cluster: the same models as on this machine, whatever dies there, and a word about it."""

import os
import signal
import socket
from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from tabsmith.errors import ReportedError
from tabsmith.orchestration.decisions import Continue
from tabsmith.runs.events import Answer, Pause, Resume, RunState, SetMode
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
    families=("linear", "lightgbm"), limits=Limits(seconds=0, iterations=4), cores=WORKERS, keep_measured=True
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


def test_a_run_on_a_cluster_loses_nothing_to_a_dead_worker_a_pause_and_the_end_of_the_cluster(
    cluster: LocalDaskCluster, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = ended(start(CHOICE), PATIENCE)
    monkeypatch.setenv("TABSMITH_ENGINE__ADDRESS", cluster.address)
    folder = start(replace(CHOICE, mode="manual"))
    asked = until(folder, lambda run: run.question is not None, PATIENCE).question
    assert asked is not None
    folder.send(Answer(id=asked.id, reply=Continue()))

    until(folder, lambda run: any(each.folds for each in run.trials), PATIENCE)
    for pid in cluster.workers:
        os.kill(pid, signal.SIGSTOP)  # whatever they fit is held in the middle
    folder.send(Pause())
    until(folder, lambda run: run.state is RunState.PAUSED, PATIENCE)
    os.kill(cluster.workers[0], signal.SIGKILL)
    os.kill(cluster.workers[1], signal.SIGCONT)
    folder.send(Resume())
    until(folder, lambda run: run.question not in (None, asked), PATIENCE)  # before the second recipe
    assert not _warnings(folder)  # so far everything was fitted on the cluster
    cluster.kill()
    folder.send(SetMode("automatic"))

    there = ended(folder, PATIENCE)
    assert there.outcome == "success", there.error
    assert _folds(there) == _folds(here)
    assert champion_by_the_rule(there) == champion_by_the_rule(here)
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
