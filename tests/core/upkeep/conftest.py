"""A home of its own for each test, with one thing of every kind in it."""

import hashlib
import time
from pathlib import Path

import pandas as pd
import pytest

from tabsmith.orchestration.history import open_history
from tabsmith.paths import folders
from tabsmith.runs.events import RunStarted
from tabsmith.runs.folder import RunFolder
from tabsmith.runs.spec import Detect, Limits, ModelChoice, RunSpec
from tabsmith.storage import sealed_folder, write_atomic
from tabsmith.tables.info import TableInfo
from tabsmith.tables.read.frames import from_frame
from tabsmith.tables.read.sources import SampleSource


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TABSMITH_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def snapshot() -> TableInfo:
    return from_frame(pd.DataFrame({"a": range(50), "b": range(50)}))


@pytest.fixture
def run() -> RunFolder:
    """A run that has begun, and whose worker is gone, with one fit and the kept content of a task."""
    choice = ModelChoice(family="linear", limits=Limits(seconds=5))
    spec = RunSpec("20260101-000000-abcd", time.time(), SampleSource("iris"), Detect(""), choice)
    folder = RunFolder.create(spec)
    with folder.events() as journal:
        journal.append(RunStarted(spec=spec, pid=1, attempt=1, version="0"))
    with sealed_folder(folder.root / "refits" / "0123456789ab" / "all-0") as fit:
        (fit / "estimator.json").write_bytes(b'{"a": 1}')
    digest = hashlib.sha256(b"kept").hexdigest()
    write_atomic(folder.root / "tasks" / "clean" / "contents" / digest[:2] / digest[2:], b"kept")
    open_history().path.touch()
    write_atomic(folders().sessions / "me.json", b'{"tabsmith": {"document": "session", "version": 1}}')
    return folder
