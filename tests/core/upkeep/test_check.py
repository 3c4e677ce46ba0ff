"""A whole home verified: what is damaged is found, said to be mendable or not, and left as it is."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tabsmith.errors import TableChangedError
from tabsmith.paths import folders
from tabsmith.runs.folder import RunFolder
from tabsmith.tables.info import TableInfo
from tabsmith.tables.snapshot import load_frame
from tabsmith.upkeep.check import Damage, check_home


def flip_last_byte(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1] + bytes([path.read_bytes()[-1] ^ 1]))


def tear_journal(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b'{"type": "state_ch\n')


def content_of(run: RunFolder) -> Path:
    return next(run.root.glob("tasks/clean/contents/*/*"))


def test_a_home_that_is_whole_has_no_damage(run: RunFolder, snapshot: TableInfo) -> None:
    found = check_home()
    assert found.damages == ()
    assert found.checked == {
        "settings": 1, "document": 1, "history": 1, "run": 2, "fold": 1, "workspace": 1, "snapshot": 1
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "mended", "break_it"),
    [
        ("fold", "by resuming", lambda run: flip_last_byte(run.root / "refits/0123456789ab/all-0/estimator.json")),
        ("fold", "by resuming", lambda run: (run.root / "refits/0123456789ab/all-0/seal.json").unlink()),
        ("run", "not at all", lambda run: tear_journal(run.root / "events.jsonl")),
        ("run", "not at all", lambda run: (run.root / "run.json").write_bytes(b"")),
        ("workspace", "not at all", lambda run: flip_last_byte(content_of(run))),
        ("document", "by itself", lambda _: (folders().sessions / "me.json").write_bytes(b'{"a":')),
        ("history", "not at all", lambda _: tear_journal(folders().history_file)),
        ("model", "not at all", lambda _: (folders().models / "price-1").mkdir(parents=True)),
        ("settings", "by hand", lambda _: _written(folders().settings_file, b"[trainin]\n")),
        ("other", "by hand", lambda run: os.mkfifo(run.root / "worker.log")),
    ],
)
def test_every_kind_of_damage_is_found_and_nothing_is_changed(
    run: RunFolder, home: Path, kind: str, mended: str, break_it: Callable[[RunFolder], object]
) -> None:
    break_it(run)
    before = {path: path.lstat().st_mtime_ns for path in home.rglob("*")}
    (damage,) = check_home().damages
    assert isinstance(damage, Damage)
    assert (damage.kind, damage.mended) == (kind, mended)
    assert damage.what
    assert damage.next_step
    assert {path: path.lstat().st_mtime_ns for path in home.rglob("*")} == before


def test_a_flipped_bit_of_a_snapshot_is_found_and_never_trained_on(snapshot: TableInfo) -> None:
    data = bytearray(snapshot.snapshot_path.read_bytes())
    data[len(data) // 3] ^= 4
    snapshot.snapshot_path.write_bytes(data)
    (damage,) = check_home().damages
    assert (damage.kind, damage.mended, damage.path) == ("snapshot", "by reading again", snapshot.snapshot)
    with pytest.raises(TableChangedError):
        load_frame(snapshot)


def _written(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
