"""Jobs through the warm spare: answers, real errors, cancelling, and a spare that dies."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from tabsmith.errors import WorkerError
from tabsmith.runs.jobs import (
    DetectSchema,
    Estimated,
    EstimateTable,
    JobFailed,
    Predict,
    Predicted,
    Progressed,
    ReadTable,
    SchemaDetected,
    TableRead,
)
from tabsmith.runs.supervisor import Supervisor
from tabsmith.tables.read.sources import FileSource, SampleSource
from tests.core.runs.conftest import Start, ended

pytestmark = pytest.mark.usefixtures("own_fork_servers")

_BEFORE: set[int] = set()


@pytest.fixture(autouse=True)
def others() -> None:
    """The spares of other tests in this process are none of the supervisor's."""
    _BEFORE.clear()
    _BEFORE.update(child.pid for child in psutil.Process().children())


@pytest.fixture
async def supervisor() -> AsyncIterator[Supervisor]:
    """A supervisor, closed afterwards."""
    made = Supervisor()
    yield made
    await made.close()


def quiet(_: Progressed) -> None:
    """Nobody looks at the progress."""


async def test_a_table_is_estimated_read_and_understood(supervisor: Supervisor, table: Path) -> None:
    source = FileSource(str(table))
    estimated = await supervisor.job(EstimateTable(source), quiet)
    assert isinstance(estimated, Estimated)
    assert estimated.estimate.size == table.stat().st_size
    told: list[Progressed] = []
    read = await supervisor.job(ReadTable(source), told.append)
    assert isinstance(read, TableRead)
    assert read.schema.target == "price"
    assert read.info.rows == 240
    assert len(read.preview.rows) == 200
    assert told
    other = await supervisor.job(DetectSchema(read.info, "district"), quiet)
    assert isinstance(other, SchemaDetected)
    assert (other.schema.target, other.schema.problem_type) == ("district", "multiclass")


async def test_what_goes_wrong_arrives_by_its_real_name(supervisor: Supervisor, tmp_path: Path) -> None:
    gone = await supervisor.job(ReadTable(FileSource(str(tmp_path / "gone.csv"))), quiet)
    assert isinstance(gone, JobFailed)
    assert gone.error.name == "PathNotFoundError"
    assert "gone.csv" in gone.error.where + gone.error.what
    outside = await supervisor.job(ReadTable(FileSource("/etc/hostname", asked_by="bridge")), quiet)
    assert isinstance(outside, JobFailed)
    assert outside.error.name == "PathOutsideError"


async def test_a_cancelled_job_leaves_no_process(supervisor: Supervisor, tmp_path: Path) -> None:
    big = tmp_path / "big.csv"
    big.write_text("a,b,c\n" + "1,2.5,text\n" * 4_000_000)
    job = asyncio.create_task(supervisor.job(ReadTable(FileSource(str(big))), quiet))
    spare = await _spare_with_child()
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    async with asyncio.timeout(10):
        while spare.children():
            await asyncio.sleep(0.005)


async def test_two_jobs_at_once_get_their_own_answers(supervisor: Supervisor) -> None:
    samples = ("iris", "wine", "diabetes")
    answers = await asyncio.gather(*(supervisor.job(ReadTable(SampleSource(name)), quiet) for name in samples))
    sources = [answer.info.source for answer in answers if isinstance(answer, TableRead)]
    assert sources == [SampleSource(name) for name in samples]


async def test_a_spare_that_dies_is_said_so_and_the_next_job_gets_a_new_one(supervisor: Supervisor) -> None:
    await supervisor.start()
    working = asyncio.create_task(supervisor.job(ReadTable(SampleSource("iris")), quiet))
    spare = await _spare_process()
    os.kill(spare.pid, signal.SIGKILL)
    [answer] = await asyncio.gather(working, return_exceptions=True)
    said = (
        answer.report() if isinstance(answer, WorkerError) else answer.error if isinstance(answer, JobFailed) else None
    )
    assert said is not None, answer
    assert said.next_step
    again = await supervisor.job(ReadTable(SampleSource("iris")), quiet)
    assert isinstance(again, TableRead)


async def test_rows_are_predicted_into_a_file(
    supervisor: Supervisor, start: Start, table: Path, tmp_path: Path
) -> None:
    report = ended(start()).report
    assert report is not None
    lines = table.read_text().splitlines()
    new = tmp_path / "new.csv"
    new.write_text("\n".join(line.rsplit(",", 1)[0] for line in lines) + "\n")
    out = tmp_path / "out.csv"
    done = await supervisor.job(Predict(report.model_id, FileSource(str(new)), str(out)), quiet)
    assert isinstance(done, Predicted)
    assert done.prediction.rows == 240
    assert done.prediction.columns[-1] == "prediction"
    assert len(out.read_text().splitlines()) == 241


async def _spare_process() -> psutil.Process:
    async with asyncio.timeout(10):
        while True:
            for child in psutil.Process().children():
                with contextlib.suppress(psutil.NoSuchProcess):  # it may be over by now
                    if child.pid not in _BEFORE and "tabsmith.runs.fork_server" in " ".join(child.cmdline()):
                        return child
            await asyncio.sleep(0.005)


async def _spare_with_child() -> psutil.Process:
    async with asyncio.timeout(30):
        spare = await _spare_process()
        while not spare.children():
            await asyncio.sleep(0.005)
        return spare
