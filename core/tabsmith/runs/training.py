"""Training from Python: a run like any other, waited for. One fork server serves all calls of a process."""

import atexit
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, get_args

import msgspec

from tabsmith.errors import ReportedError, TrainingError, UsageError, WorkerError
from tabsmith.families.registry import find_family
from tabsmith.limits import Limits
from tabsmith.modeling.results import MetricName
from tabsmith.runs.events import RunEvent, RunState, Stop
from tabsmith.runs.folder import RunFolder
from tabsmith.runs.fork_server import ProcessEnvironment, StartRun, child_environment
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.runs.spec import Confirmed, Deferred, Detect, ModelChoice, RunSpec, SchemaChoice, new_run_id
from tabsmith.runs.supervisor import command_offset, fork_server_command
from tabsmith.runs.watch import RunWatch
from tabsmith.tables.read.sources import DatabaseSource, FrameSource, Source, parse_source
from tabsmith.tables.schema.types import ManualSchema, Schema
from tabsmith.tables.table import Table, read_table
from tabsmith.text import clean

if TYPE_CHECKING:
    import pandas as pd

    from tabsmith.modeling.model import Model

LOOK_EVERY: Final = 0.02
MAX_STOP_SECONDS: Final = 30.0


def train(
    frame_or_path: "pd.DataFrame | str | Path | Table",
    target: str,
    *,
    time_limit: float = 60,
    metric: str | None = None,
    model: str | None = None,
    schema: "Schema | ManualSchema | None" = None,
    seed: int = 0,
    iterations: int = 0,
    on_event: Callable[[RunEvent], None] | None = None,
) -> "Model":
    """Train on a DataFrame, a table that was read (`read_table`), or whatever `read_table` takes: a path, a sample, the
    address of a database. Returns the model that the search found.

    `time_limit` is in seconds, hold-out and saving included. `metric` and `model` (a family) narrow the search, and so
    does `iterations`, the most recipes to try (0: as many as time allows). `schema` is what a person has confirmed
    (`detect_schema`) or says in words. `on_event` is called in this thread with every event of the run's journal. The
    work is done in a process of its own; interrupting ends it.

    Raises UsageError for what cannot be asked, SchemaError and ReadError for the table, TrainingError when no model
    came out.
    """
    source, choice = _source_and_schema(frame_or_path, target, schema)
    spec = RunSpec(
        id=new_run_id(),
        created_at=time.time(),
        source=source,
        schema=choice,
        choice=ModelChoice(
            metric=metric_by_name(metric),
            family="any" if model is None else find_family(model),
            limits=Limits(seconds=float(time_limit), iterations=int(iterations)),
            seed=int(seed),
        ),
    )
    folder = RunFolder.create(spec)
    start_run(folder)
    snapshot = wait(folder, on_event or _ignore)
    return model_of(snapshot)


def wait(folder: RunFolder, on_event: Callable[[RunEvent], None]) -> RunSnapshot:
    """Wait until the run ends; `on_event` gets each event as it comes. KeyboardInterrupt stops the run and is raised again."""
    watch = RunWatch(folder.id, on_event=on_event)
    try:
        while not (snapshot := watch.refresh()).state.ended:
            time.sleep(LOOK_EVERY)
    except KeyboardInterrupt:
        stop_and_wait(folder, watch)
        raise
    return snapshot


def stop_and_wait(folder: RunFolder, watch: RunWatch) -> RunSnapshot:
    """Stop the run now, and wait until it has ended."""
    folder.send(Stop())
    deadline = time.monotonic() + MAX_STOP_SECONDS
    while not (snapshot := watch.refresh()).state.ended and time.monotonic() < deadline:
        time.sleep(LOOK_EVERY)
    return snapshot


def model_of(snapshot: RunSnapshot) -> "Model":
    """Return the model of an ended run. Raises the error that ended the run if it produced no model."""
    if snapshot.report is not None:
        from tabsmith.modeling.model import load_model

        return load_model(snapshot.report.model_id)
    if snapshot.error is not None:
        raise ReportedError(snapshot.error)
    if snapshot.state is RunState.INTERRUPTED:
        spec_id = snapshot.spec.id if snapshot.spec else ""
        raise WorkerError("The worker of this run died.", next_step=f"tabsmith runs resume {spec_id}")
    raise TrainingError("The run was stopped before there was a model.", next_step="Give it more time.")


def metric_by_name(text: str | None) -> MetricName | Literal["default"]:
    """Return the metric of that name, "default" for None. Raises UsageError, which names the metrics."""
    try:
        name: MetricName | Literal["default"] = msgspec.convert(text or "default", MetricName | Literal["default"])
    except msgspec.ValidationError:
        known = ", ".join(get_args(MetricName))
        raise UsageError(f"There is no metric {clean(text)!r}.", next_step=f"Known are {known}.") from None
    return name


def start_run(folder: RunFolder) -> None:
    """Start a worker through this process's fork server; the worker lives on when this process ends."""
    _fork_server.start(folder)


def launch_detached(folder: RunFolder) -> None:
    """Start a worker without a fork server; the worker lives on when this process ends."""
    _reap_detached()
    with folder.log.open("ab") as log:
        _detached.append(
            subprocess.Popen(
                [sys.executable, "-m", "tabsmith.runs.worker", folder.id, str(command_offset(folder))],
                stdin=subprocess.DEVNULL,
                env=child_environment(),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        )


class _LazyForkServer:
    """The fork server of this process, started at the first run and ended with the process."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._guard = threading.Lock()

    def start(self, folder: RunFolder) -> None:
        request = StartRun(folder.id, command_offset(folder), str(folder.log), ProcessEnvironment.here())
        with self._guard:
            if self._process is None or self._process.poll() is not None:
                self._process = subprocess.Popen(
                    fork_server_command(),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    env=child_environment(),
                    start_new_session=True,
                )
                atexit.register(self._end, self._process)
            assert self._process.stdin is not None
            self._process.stdin.write(msgspec.json.encode(request) + b"\n")
            self._process.stdin.flush()

    @staticmethod
    def _end(process: "subprocess.Popen[bytes]") -> None:
        if process.stdin is not None:
            process.stdin.close()
        process.wait()


_fork_server: Final = _LazyForkServer()
_detached: Final[list["subprocess.Popen[bytes]"]] = []  # held only so that those that ended can be reaped


def _reap_detached() -> None:
    _detached[:] = [process for process in _detached if process.poll() is None]


atexit.register(_reap_detached)  # Python warns of each that it does not know to have ended


def _source_and_schema(
    frame_or_path: "pd.DataFrame | str | Path | Table", target: str, schema: "Schema | ManualSchema | None"
) -> tuple[Source, SchemaChoice]:
    source: Source
    fingerprint = ""
    if isinstance(frame_or_path, (str, Path)):
        source = parse_source(str(frame_or_path))
        if isinstance(source, DatabaseSource):  # read here: no other process has its password
            source = read_table(source).info.source
    elif isinstance(frame_or_path, Table):
        source, fingerprint = frame_or_path.info.source, frame_or_path.info.fingerprint
    else:
        from tabsmith.tables.read.frames import from_frame

        info = from_frame(frame_or_path)
        source, fingerprint = FrameSource(info.fingerprint), info.fingerprint
    match schema:
        case None:
            return source, Detect(target)
        case ManualSchema():
            return source, Deferred(schema)
        case Schema():
            return source, Confirmed(schema, fingerprint)


def _ignore(_: RunEvent) -> None:
    return
