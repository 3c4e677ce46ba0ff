"""Power cuts, full disks and short writes at every place of everything that a journal refers to.

The disk is simulated: what was not synced is lost, or is there, or is there without its content, as a real one decides by
chance. What was acknowledged before has to be there whole, and so has everything that an acknowledged line names.
"""

import hashlib
import os
import random
import resource
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec
import pytest

from tabsmith.errors import ChecksumError, DiskFullError
from tabsmith.storage import TypedJournal, sealed_folder, verify_sealed, write_atomic
from tabsmith.workspaces.content_store import ContentStore
from tests.soak import rounds

STEPS: Final = 6
QUICK: Final = 15


class Line(msgspec.Struct, frozen=True, tag="line"):
    """A line of the journal, which says that a thing of a kind was saved under a name."""

    kind: str
    name: str


class PowerCutError(BaseException):
    """The power is gone: nothing that runs afterwards reaches the disk."""


class Disk:
    """What of the folder `root` would outlive a power cut: contents by inode and names by folder, as they were last synced.

    The power goes at the sync number `cut_at`, and the folder as it is after that lies in `after`. A `lying` disk says that
    it has synced, and has not.
    """

    def __init__(self, root: Path, after: Path, cut_at: int, chance: random.Random, *, lying: bool = False) -> None:
        self.root, self.after = root, after
        self.is_cut = False
        self._cut_at, self._chance, self._lying = cut_at, chance, lying
        self._syncs = 0
        self._held: list[int] = []
        self._contents: dict[int, bytes] = {}
        self._names: dict[int, dict[str, int]] = {root.stat().st_ino: {}}

    def sync(self, descriptor: int) -> None:
        self._syncs += 1
        if self._syncs == self._cut_at:
            self.cut()
            raise PowerCutError
        if self.is_cut or self._lying:
            return
        status = os.fstat(descriptor)
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        self._held.append(os.dup(descriptor))  # so that no later file gets its inode
        if stat.S_ISDIR(status.st_mode):
            self._names[status.st_ino] = {entry.name: entry.inode() for entry in os.scandir(path)}
        else:
            self._contents[status.st_ino] = path.read_bytes()

    def cut(self) -> None:
        """Make the folder `after` as the disk would be found."""
        self.is_cut = True
        present = {path.lstat().st_ino: path for path in (self.root, *self.root.rglob("*"))}
        self.after.mkdir()
        self._find(self.root.stat().st_ino, self.after, present)

    def close(self) -> None:
        for descriptor in self._held:
            os.close(descriptor)

    def _find(self, folder: int, to: Path, present: dict[int, Path]) -> None:
        names = self._names.get(folder, {})
        if folder in present and self._chance.random() < 0.3:  # the names went to the disk by themselves
            names = names | {entry.name: entry.inode() for entry in os.scandir(present[folder])}
        for name, inode in names.items():
            is_folder = inode in self._names or (inode in present and present[inode].is_dir())
            if is_folder:
                (to / name).mkdir()
                self._find(inode, to / name, present)
            elif inode in present and self._chance.random() < 0.3:  # and so did the content
                (to / name).write_bytes(present[inode].read_bytes())
            else:
                (to / name).write_bytes(self._contents.get(inode, b""))


class Home:
    """A few things of every kind in a folder, saved as tabsmith saves them, with a journal that names them."""

    def __init__(self, root: Path, chance: random.Random) -> None:
        self.root = root
        self._chance = chance
        self._journal: TypedJournal[Line] = TypedJournal(root / "events.jsonl", Line)
        self._number = 0
        self.acknowledged: list[Line] = []
        self.document = b"document 0"
        self.replacing = ""  # the fold that is being fitted again

    def begin(self) -> None:
        write_atomic(self.root / "document.json", self.document)
        for number in range(STEPS + 2):
            data = self._chance.randbytes(self._chance.randrange(1, 2_000))
            (self.root.parent / f"source-{number}").write_bytes(data)

    def step(self) -> None:
        """Save one thing, and then say so."""
        self._number += 1
        kind = self._chance.choice(("fold", "content", "document"))
        name = f"{kind}-{self._chance.randrange(3)}" if kind == "fold" else str(self._number)
        data = self._chance.randbytes(self._chance.randrange(1, 2_000))
        match kind:
            case "fold":
                self.replacing = name
                with sealed_folder(self.root / "evaluations" / name) as folder:
                    (folder / "model.txt").write_bytes(data)
                    (folder / "fold.json").write_bytes(b"{}")
                self.replacing = ""
            case "content":
                name = self._keep()
            case _:
                write_atomic(self.root / "document.json", self.document[:9] + name.encode() + data)
                self.document = self.document[:9] + name.encode() + data
        line = Line(kind, name)
        self._journal.append(line)
        self.acknowledged.append(line)

    def close(self) -> None:
        self._journal.close()

    def _keep(self) -> str:
        store = ContentStore(self.root / "contents")
        handle = os.open(self.root.parent / f"source-{self._number}", os.O_RDONLY)
        try:
            digest = store.keep(handle)
        finally:
            os.close(handle)
        store.sync()
        return digest


def judge(found: Path, home: Home) -> None:
    """Fail unless everything that `home` has acknowledged, and everything that its journal names, is in `found` whole."""
    lines = TypedJournal(found / "events.jsonl", Line).read().values
    assert list(lines[: len(home.acknowledged)]) == home.acknowledged, "an acknowledged line is lost"
    for line in {line for line in lines if line.kind == "fold"}:
        folder = found / "evaluations" / line.name
        if folder.exists() or line.name != home.replacing:  # one that was being fitted again is fitted once more
            verify_sealed(folder)
    for line in lines:
        if line.kind == "content":
            data = (found / "contents" / line.name[:2] / line.name[2:]).read_bytes()
            assert hashlib.sha256(data).hexdigest() == line.name
    assert (found / "document.json").read_bytes().startswith(b"document ")


def cut_once(place: Path, seed: int, monkeypatch: pytest.MonkeyPatch, *, lying: bool = False) -> None:
    """Save things until the power goes at a sync that `seed` draws, and judge what is found."""
    chance = random.Random(seed)
    root, after = place / "home", place / "after"
    root.mkdir(parents=True)
    home, disk = Home(root, chance), Disk(root, after, chance.randrange(4, 60), chance, lying=lying)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", disk.sync)
        patch.setattr(os, "fdatasync", disk.sync)
        try:
            home.begin()
            for _ in range(STEPS):
                home.step()
            disk.cut()
        except PowerCutError:
            pass
        finally:
            home.close()
            disk.close()
    try:
        judge(after, home)
    finally:
        shutil.rmtree(place)


@pytest.mark.soak
def test_what_was_acknowledged_outlives_a_power_cut_at_any_sync(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(rounds(10_000, QUICK)):
        cut_once(tmp_path / "round", seed, monkeypatch)


def test_a_disk_that_lies_about_its_syncs_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The judge above can fail: without syncs, most rounds lose something."""
    lost = 0
    for seed in range(20):
        try:
            cut_once(tmp_path / "round", seed, monkeypatch, lying=True)
        except (AssertionError, ChecksumError, OSError):
            lost += 1
    assert lost > 10


@pytest.fixture
def limit_file_size() -> Iterator[Callable[[int], None]]:
    """Sets the largest size of a file: writes beyond it are cut short, and then refused, as on a full disk."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size or hard, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


@pytest.mark.soak
def test_a_full_disk_refuses_in_words_and_loses_nothing_that_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit_file_size: Callable[[int], None]
) -> None:
    """Writes are short at random, too; once there is room, all goes on."""
    write = os.write
    refused = 0
    for seed in range(rounds(10_000, QUICK)):
        chance = random.Random(seed)
        place = tmp_path / "round"
        (place / "home").mkdir(parents=True)
        home = Home(place / "home", chance)
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", lambda _: None)
            patch.setattr(os, "fdatasync", lambda _: None)
            patch.setattr(
                os,
                "write",
                lambda to, data, chance=chance: write(to, bytes(data)[: chance.randrange(1, len(data) + 1)]),
            )
            home.begin()
            for _ in range(STEPS):
                limit_file_size(chance.randrange(1, 2_500))
                try:
                    home.step()
                except DiskFullError:
                    refused += 1
                finally:
                    limit_file_size(0)
                judge(place / "home", home)
            home.step()
            judge(place / "home", home)
        home.close()
        assert not [path for path in (place / "home").rglob("*") if ".tmp" in path.name or ".partial" in path.name]
        shutil.rmtree(place)
    assert refused
