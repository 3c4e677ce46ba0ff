"""Real runs for tests: a small table, a confirmed schema, a worker forked from one fork server."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tabsmith.config.settings import Mode
from tabsmith.runs.folder import RunFolder
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.runs.spec import Confirmed, Detect, Limits, ModelChoice, RunSpec, new_run_id
from tabsmith.runs.training import start_run
from tabsmith.runs.watch import RunWatch
from tabsmith.tables.read.sources import FileSource, Source, TasksSource
from tabsmith.tables.schema.types import Schema
from tabsmith.tasks import Task, TaskFile, write
from tests.core import houses
from tests.core.runs.scripted import Asked, Model
from tests.peers.model_server import Step

KEY = "sk-ant-nobody-may-see-this-key-0123456789"


@pytest.fixture(autouse=True)
def allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables of these tests lie in the test's own folder."""
    monkeypatch.setenv("TABSMITH_PATHS__ALLOWED", str(tmp_path))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A regression table of two numbers and a category, in which `price` follows from the others."""
    return houses.written(tmp_path / "houses.csv")


Start = Callable[..., RunFolder]


@pytest.fixture
def start(table: Path) -> Iterator[Start]:
    """Starts runs on the table, with its schema confirmed and three folds unless the test says otherwise; ends those that
    a failed test left behind. The schema of a table that the test has written over is detected by the run."""
    started: list[RunFolder] = []
    as_made = table.read_bytes()

    def begin(
        choice: ModelChoice | None = None,
        schema: Schema | None = None,
        fingerprint: str = "",
        test: Source | None = None,
    ) -> RunFolder:
        understood = Confirmed(schema, fingerprint) if schema else Detect("price")
        if not schema and table.read_bytes() == as_made:
            understood = houses.confirmed(table)
        spec = RunSpec(
            id=new_run_id(),
            created_at=time.time(),
            source=FileSource(str(table)),
            schema=understood,
            choice=choice or ModelChoice(family="linear", limits=Limits(seconds=60, iterations=2), cores=1),
            test=test,
        )
        folder = RunFolder.create(spec)
        started.append(folder)
        start_run(folder)
        return folder

    yield begin
    for folder in started:
        kill(folder)


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Asked]:
    """Starts a scripted server that the runs of the test talk to through the OpenAI client."""
    started: list[Model] = []

    def begin(steps: Sequence[Step]) -> Model:
        scripted = Model(tmp_path, steps).start()
        started.append(scripted)
        monkeypatch.setenv("TABSMITH_AGENTS__LLM__MODEL", "openai:gpt-4o")
        monkeypatch.setenv("TABSMITH_AGENTS__LLM__BASE_URL", f"http://127.0.0.1:{scripted.port}/v1")
        monkeypatch.setenv("OPENAI_API_KEY", "sk-not-a-real-key-0123456789")
        return scripted

    yield begin
    for each in started:
        each.stop()


def kill(folder: RunFolder) -> None:
    """End the run's worker with SIGKILL, if there is one, and wait until its lock is free."""
    from tabsmith.storage import lock_owner

    holder = lock_owner(folder.root / "worker.lock")
    if holder is not None:
        with contextlib.suppress(ProcessLookupError):  # it may end by itself just now
            os.kill(holder.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while folder.alive():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def until(
    folder: RunFolder, true: Callable[[RunSnapshot], bool], seconds: float = 60.0, every: float = 0.002
) -> RunSnapshot:
    """The run as soon as `true` of it, which is looked at `every` so many seconds; an assertion when it ends, or time
    passes, before."""
    watch = RunWatch(folder.id)
    deadline = time.monotonic() + seconds
    while not true(snapshot := watch.refresh()):
        assert not snapshot.state.ended, f"it ended before: {snapshot.state} {snapshot.error}"
        assert time.monotonic() < deadline, f"it never came: {snapshot.state} {snapshot.message}"
        time.sleep(every)
    return snapshot


def resumed(folder: RunFolder, attempt: int = 2, seconds: float = 60.0) -> None:
    """Start a worker again, and wait until it has taken the run up."""
    start_run(folder)
    watch = RunWatch(folder.id)
    deadline = time.monotonic() + seconds
    while watch.refresh().attempt < attempt:
        assert time.monotonic() < deadline, "it was not taken up"
        time.sleep(0.002)


def ended(folder: RunFolder, seconds: float = 60.0) -> RunSnapshot:
    """The run at its end."""
    return until(folder, lambda run: run.state.ended, seconds, every=0.02)


Begin = Callable[..., RunFolder]


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begin]:
    """Starts runs of these tasks, written to a task file as a person would; ends those that are left behind."""
    started: list[RunFolder] = []

    def go(*tasks: Task, mode: Mode = "automatic", **limits: int | str) -> RunFolder:
        path = tmp_path / "tasks.toml"
        text = write(TaskFile(path, tasks=tasks))
        most = Limits(**{"seconds": 0, "iterations": 6, **limits})  # type: ignore[arg-type]
        choice = ModelChoice(agent="claude-code", mode=mode, limits=most, cores=1)
        folder = RunFolder.create(RunSpec(new_run_id(), time.time(), TasksSource(str(path), text), Detect(""), choice))
        started.append(folder)
        start_run(folder)
        return folder

    yield go
    for folder in started:
        kill(folder)


@pytest.fixture
def claude(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Asked]:
    """Starts a scripted server that stands in for Anthropic's, for programs with a home of their own."""
    for name in [each for each in os.environ if each.startswith(("ANTHROPIC_", "CLAUDE", "OPENAI_"))]:
        monkeypatch.delenv(name)
    for name in ("HOME", "TMPDIR"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(name, str(tmp_path / name))
    quiet = {"DISABLE_AUTOUPDATER": "1", "DISABLE_TELEMETRY": "1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}
    for name, value in {**quiet, "ANTHROPIC_API_KEY": KEY, "CLAUDE_CODE_MAX_RETRIES": "0"}.items():
        monkeypatch.setenv(name, value)
    started: list[Model] = []

    def say(steps: Sequence[Step]) -> Model:
        server = Model(tmp_path, steps).start()
        started.append(server)
        monkeypatch.setenv("ANTHROPIC_BASE_URL", f"http://127.0.0.1:{server.port}")
        return server

    yield say
    for each in started:
        each.stop()
