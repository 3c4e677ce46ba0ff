"""Locks exclude, tell who holds them, and end with their owner."""

import fcntl
import os
import threading
import time

import pytest

from tabsmith.errors import LockedError
from tabsmith.storage import FileLock, OwnerLock, lock_owner

HOLD_FILE_LOCK = """
import sys
from pathlib import Path
from tabsmith.storage import FileLock
with FileLock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""
HOLD_OWNER_LOCK = """
import sys
from pathlib import Path
from tabsmith.storage import OwnerLock
with OwnerLock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""
HOLD_AND_FORK = """
import os, sys
from pathlib import Path
from tabsmith.storage import FileLock, OwnerLock
lock = OwnerLock(Path(sys.argv[1])) if sys.argv[2] == "owner" else FileLock(Path(sys.argv[1]))
lock.__enter__()
child = os.fork()
if child == 0:
    lock.__exit__(None, None, None)  # what a child does with its parent's lock must not end it
    print("child", os.getpid(), flush=True)
    sys.stdin.readline()
    os._exit(0)
os.waitpid(child, 0)
"""


def test_a_lock_waits_for_another_process_and_then_goes_on(tmp_path, start):
    holder = start(HOLD_FILE_LOCK, tmp_path / "lock")
    assert holder.line() == "held"
    entered = threading.Event()

    def enter() -> None:
        with FileLock(tmp_path / "lock"):
            entered.set()

    thread = threading.Thread(target=enter)
    thread.start()
    assert not entered.wait(0.1)
    holder.finish()
    assert entered.wait(10)
    thread.join()


def test_a_wait_that_is_too_long_names_the_holder(tmp_path, start):
    holder = start(HOLD_FILE_LOCK, tmp_path / "lock")
    assert holder.line() == "held"
    with pytest.raises(LockedError, match=rf"Process {holder.process.pid} \(since \d+ seconds\)") as caught:
        FileLock(tmp_path / "lock", timeout=0.05).__enter__()
    assert str(tmp_path / "lock") in caught.value.where


def test_threads_exclude_each_other_through_one_lock_object(tmp_path):
    lock, count = FileLock(tmp_path / "lock"), [0]

    def add() -> None:
        for _ in range(50):
            with lock:
                seen = count[0]
                time.sleep(0)
                count[0] = seen + 1

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count == [200]


def test_entering_a_lock_again_in_the_same_thread_is_a_fault_of_the_program(tmp_path):
    first, second = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    with first, pytest.raises(RuntimeError, match="already holds"), second:
        pass
    with FileLock(tmp_path / "lock"):
        pass


def test_the_lock_file_is_never_deleted_and_one_deleted_by_others_is_made_anew(tmp_path):
    path = tmp_path / "new" / "lock"
    with FileLock(path):
        pass
    assert path.exists()
    path.unlink()
    with FileLock(path):
        assert path.exists()


def test_a_killed_holder_gives_its_lock_back_at_once(tmp_path, start):
    holder = start(HOLD_FILE_LOCK, tmp_path / "lock")
    assert holder.line() == "held"
    holder.kill()
    holder.process.wait()
    with FileLock(tmp_path / "lock", timeout=0.05):
        pass


def test_the_owner_of_a_lock_is_told_without_taking_it(tmp_path, start):
    path = tmp_path / "lock"
    assert lock_owner(path) is None
    assert not path.exists()
    before = time.time()
    holder = start(HOLD_OWNER_LOCK, path)
    assert holder.line() == "held"
    for _ in range(3):
        found = lock_owner(path)
        assert found is not None
        assert found.pid == holder.process.pid
        assert before <= found.started_at <= time.time()
    holder.finish()
    assert lock_owner(path) is None


def test_a_second_owner_is_refused_with_the_process_and_age_of_the_first(tmp_path, start):
    holder = start(HOLD_OWNER_LOCK, tmp_path / "lock")
    assert holder.line() == "held"
    with pytest.raises(LockedError, match=rf"Process {holder.process.pid} \(since \d+ seconds\)"):
        OwnerLock(tmp_path / "lock").acquire()


def test_a_killed_owner_is_dead_at_once_and_its_record_fools_nobody(tmp_path, start):
    path = tmp_path / "lock"
    holder = start(HOLD_OWNER_LOCK, path)
    assert holder.line() == "held"
    holder.kill()
    holder.process.wait()
    assert str(holder.process.pid) in path.read_text()
    assert lock_owner(path) is None
    with OwnerLock(path):
        found = lock_owner(path)
        assert found is not None
        assert found.pid == os.getpid()
    assert lock_owner(path) is None


@pytest.mark.parametrize("kind", ["owner", "file"])
def test_a_killed_parent_is_dead_although_its_forked_child_lives(tmp_path, start, kind):
    path = tmp_path / "lock"
    parent = start(HOLD_AND_FORK, path, kind)
    word, child = parent.line().split()
    assert word == "child"
    found = lock_owner(path)
    assert found is not None  # the child's own exit from the lock did not release it
    assert found.pid == parent.process.pid
    parent.kill()
    parent.process.wait()
    os.kill(int(child), 0)  # it lives
    assert lock_owner(path) is None
    with OwnerLock(path):
        pass


def test_asking_for_the_owner_keeps_nobody_from_taking_the_lock(tmp_path, monkeypatch):
    path = tmp_path / "lock"
    path.touch()
    with path.open() as asking:
        fcntl.flock(asking, fcntl.LOCK_SH)  # as `lock_owner` does, for a moment
        flock = fcntl.flock
        shared = []

        def release_after_a_shared_lock(descriptor: int, kind: int) -> None:
            flock(descriptor, kind)
            if kind & fcntl.LOCK_SH:
                shared.append(kind)
                flock(asking, fcntl.LOCK_UN)

        monkeypatch.setattr(fcntl, "flock", release_after_a_shared_lock)
        with OwnerLock(path):
            assert len(shared) == 1


def test_a_lock_file_deleted_between_opening_and_locking_does_not_let_two_in(tmp_path, monkeypatch):
    path = tmp_path / "lock"
    flock = fcntl.flock

    def delete_then_lock(descriptor: int, kind: int) -> None:
        monkeypatch.undo()
        path.unlink()
        flock(descriptor, kind)

    monkeypatch.setattr(fcntl, "flock", delete_then_lock)
    with FileLock(path), pytest.raises(LockedError):
        OwnerLock(path).acquire()


def test_a_lock_can_be_taken_again_after_its_release_but_not_twice(tmp_path):
    lock = OwnerLock(tmp_path / "lock")
    lock.acquire()
    assert lock.held
    with pytest.raises(RuntimeError, match="already holds"):
        lock.acquire()
    lock.release()
    lock.release()
    assert not lock.held
    with lock:
        assert lock.held


def test_a_lock_held_without_a_readable_record_is_still_held(tmp_path):
    path = tmp_path / "lock"
    with OwnerLock(path):
        path.write_bytes(b"\xff{")
        found = lock_owner(path)
        assert found is not None
        assert found.pid == 0
        with pytest.raises(LockedError, match="Another process"):
            OwnerLock(path).acquire()
