"""What may go is told, with its reason, and nothing else goes."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from tabsmith.config.settings import RetentionSettings
from tabsmith.paths import folders
from tabsmith.runs.folder import RunFolder
from tabsmith.storage import write_atomic
from tabsmith.tables.info import TableInfo
from tabsmith.upkeep.clean import CLEAN_EVERY, clean_when_due, measure_rooms, plan_cleaning, remove

NOW = time.time()
DAY = 86_400
NEVER = RetentionSettings(runs=0, snapshots=0, uploads=0, workspaces=0)


def aged(path: Path, days: float) -> None:
    os.utime(path, (NOW - days * DAY, NOW - days * DAY))


@pytest.fixture(scope="module")
def dead_pid() -> int:
    child = subprocess.Popen(["true"])
    child.wait()
    return child.pid


def test_files_of_dead_processes_go_and_those_of_living_ones_stay(run: RunFolder, dead_pid: int) -> None:
    dead = run.root / "evaluations" / "0001-ab" / f".fold-1.{dead_pid}.partial"
    alive = dead.with_name(f".fold-2.{os.getpid()}.partial")
    old, young = (folders().state / name for name in (".tabsmith-old.tmp", ".tabsmith-young.tmp"))
    for path in (dead / "model.txt", alive / "model.txt", old, young):
        write_atomic(path, b"x")
    aged(old, 2)
    planned = plan_cleaning(NEVER, NOW)
    assert {each.path for each in planned} == {str(dead), str(old)}
    assert remove(planned) > 0
    assert not dead.exists()
    assert not old.exists()
    assert alive.exists()
    assert young.exists()


def test_each_kind_goes_by_its_own_age_and_nothing_by_default_but_unused_snapshots(
    run: RunFolder, snapshot: TableInfo
) -> None:
    upload = folders().uploads / "7" / "1"
    write_atomic(upload / "table.csv", b"a,b")
    for path in (upload, snapshot.snapshot_path, snapshot.snapshot_path.with_suffix(".json")):
        aged(path, 100)
    aged(run.root / "events.jsonl", 100)
    assert {each.kind for each in plan_cleaning(RetentionSettings(), NOW)} == {"snapshot"}
    assert plan_cleaning(NEVER, NOW) == ()
    keep = RetentionSettings(runs=99, snapshots=101, uploads=99)
    planned = plan_cleaning(keep, NOW)
    assert [(each.kind, each.path) for each in planned] == [("run", str(run.root)), ("upload", str(upload))]
    remove(planned)
    assert not run.root.exists()
    assert not upload.exists()
    assert snapshot.snapshot_path.exists()


def test_a_run_that_is_alive_never_goes(run: RunFolder) -> None:
    aged(run.root / "events.jsonl", 100)
    planned = plan_cleaning(RetentionSettings(runs=1), NOW)
    with run.lock():
        assert plan_cleaning(RetentionSettings(runs=1), NOW) == ()
        assert remove(planned) == 0
    assert run.root.exists()


def test_what_takes_room_is_told_by_kind(run: RunFolder, snapshot: TableInfo) -> None:
    rooms = {room.kind: room for room in measure_rooms()}
    assert set(rooms) == {"runs", "snapshots", "other"}
    assert rooms["snapshots"].files == 2
    assert rooms["runs"].size > 0


def test_cleaning_by_itself_happens_once_a_day(run: RunFolder) -> None:
    path = folders().state / ".tabsmith-old.tmp"
    write_atomic(path, b"x")
    aged(path, 2)
    assert clean_when_due(NEVER, NOW) > 0
    write_atomic(path, b"x")
    aged(path, 2)
    assert clean_when_due(NEVER, NOW + CLEAN_EVERY - 1) == 0
    assert path.exists()
    assert clean_when_due(NEVER, NOW + CLEAN_EVERY) > 0
    assert not path.exists()
