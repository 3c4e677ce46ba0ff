"""The way back: all of it or nothing, only into the folder, only when nobody else was there, and through any kill."""

import hashlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from tabsmith.errors import StorageError, WorkspaceConflictError, WorkspaceError
from tabsmith.workspaces import LeftOut, Workspace
from tabsmith.workspaces.folders import remove_tree
from tests.core.workspaces.conftest import fill, seen
from tests.soak import rounds


def rework(folder: Path) -> None:
    """Every kind of change at once, with both swaps of a file and a folder."""
    (folder / "main.py").write_text("print(2)\n")
    (folder / "main.py").chmod(0o755)
    shutil.rmtree(folder / "data")
    (folder / "data").write_text("a file now\n")
    (folder / "docs/old.txt").unlink()
    fill(folder, {"docs/old.txt/inside/x.txt": "a folder now", "new/deep/er.txt": "new", "void/": ""})
    (folder / "empty").rmdir()
    (folder / "to").symlink_to("main.py")
    (folder / "docs").chmod(0o750)


def test_all_kinds_of_changes_arrive_and_a_second_time_does_nothing(workspace: Workspace) -> None:
    rework(workspace.folder)
    workspace.mark(1)
    untouched = (workspace.origin.stat().st_ino, workspace.origin.stat().st_mode)

    result = workspace.merge_back(1)

    assert seen(workspace.origin) == seen(workspace.folder)
    assert (workspace.origin.stat().st_ino, workspace.origin.stat().st_mode) == untouched
    assert {"main.py", "data", "data/in.csv", "docs/old.txt/inside/x.txt", "to", "empty"} <= set(result.changed)
    assert (result.left_out, result.beside, result.stayed) == ((), (), ())
    assert is_done(workspace)
    (workspace.origin / "main.py").write_text("edited later")
    assert Workspace.open(workspace.place).merge_back(1) == result
    assert (workspace.origin / "main.py").read_text() == "edited later"


def test_files_that_did_not_change_are_not_written(workspace: Workspace) -> None:
    before = (workspace.origin / "data/in.csv").stat()
    (workspace.folder / "main.py").write_text("print(2)\n")
    workspace.mark(1)
    workspace.merge_back(1)
    after = (workspace.origin / "data/in.csv").stat()
    assert (before.st_ino, before.st_mtime_ns, before.st_ctime_ns) == (
        after.st_ino,
        after.st_mtime_ns,
        after.st_ctime_ns,
    )


def test_what_goes_back_is_the_marked_state_not_what_was_written_since(workspace: Workspace) -> None:
    (workspace.folder / "main.py").write_text("accepted\n")
    workspace.mark(1)
    (workspace.folder / "main.py").write_text("a process that was left over\n")
    (workspace.folder / "more.txt").write_text("x")
    remove_tree(workspace.folder)
    workspace.merge_back(1)
    assert (workspace.origin / "main.py").read_text() == "accepted\n"
    assert not (workspace.origin / "more.txt").exists()


def test_a_later_iteration_can_follow_one_that_was_handed_back(workspace: Workspace) -> None:
    fill(workspace.folder, {"main.py": "one\n", "extra.txt": "x"})
    workspace.mark(1)
    workspace.merge_back(1)
    (workspace.folder / "extra.txt").unlink()
    (workspace.folder / "main.py").write_text("print(1)\n")
    workspace.mark(2)
    assert workspace.merge_back(2).changed == ("extra.txt", "main.py")
    assert seen(workspace.origin) == seen(workspace.folder)


def test_an_iteration_marked_again_is_handed_back_as_it_is_now(workspace: Workspace) -> None:
    for text in ("one\n", "two\n"):
        (workspace.folder / "main.py").write_text(text)
        workspace.mark(1)
        assert workspace.merge_back(1).changed == ("main.py",)
        assert (workspace.origin / "main.py").read_text() == text


def test_a_second_way_back_that_is_undone_leaves_the_first(workspace: Workspace) -> None:
    (workspace.folder / "main.py").write_text("one\n")
    workspace.mark(1)
    workspace.merge_back(1)
    first = seen(workspace.origin)
    rework(workspace.folder)
    workspace.mark(2)
    number = 1
    while seen(workspace.origin) == first:
        assert killed_at(number, workspace, 2) == -signal.SIGKILL
        number += 1
    workspace.merging().undo()
    assert seen(workspace.origin) == first
    workspace.merge_back(2)
    assert seen(workspace.origin) == seen(workspace.folder)


def test_a_new_folder_is_made_only_when_work_comes_back(tmp_path: Path, place: Path) -> None:
    workspace = Workspace.create(tmp_path / "new", place)
    fill(workspace.folder, {"calculator.py": "def add(a, b): return a + b\n"})
    workspace.mark(1)
    assert not (tmp_path / "new").exists()
    workspace.merge_back(1)
    assert seen(tmp_path / "new") == seen(workspace.folder)


def test_read_only_files_and_folders_keep_their_permissions(origin: Path, place: Path) -> None:
    (origin / "main.py").chmod(0o444)
    (origin / "docs").chmod(0o555)
    workspace = Workspace.create(origin, place, "copy")
    folder = workspace.folder
    (folder / "main.py").chmod(0o644)
    (folder / "main.py").write_text("print(2)\n")
    (folder / "main.py").chmod(0o444)
    workspace.mark(1)
    workspace.merge_back(1)
    assert (origin / "main.py").read_text() == "print(2)\n"
    assert stat.S_IMODE((origin / "main.py").stat().st_mode) == 0o444
    assert stat.S_IMODE((origin / "docs").stat().st_mode) == 0o555


def test_a_file_that_gains_rights_over_others_does_not(workspace: Workspace) -> None:
    fill(workspace.folder, {"tool": "#!/bin/sh\n"})
    (workspace.folder / "tool").chmod(0o6755)
    workspace.mark(1)
    workspace.merge_back(1)
    assert stat.S_IMODE((workspace.origin / "tool").stat().st_mode) == 0o755


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_root_hands_back_belongs_to_the_folders_owner(origin: Path, place: Path) -> None:
    for path in (origin, *origin.rglob("*")):
        os.chown(path, 1234, 1235)
    workspace = Workspace.create(origin, place, "copy")
    rework(workspace.folder)
    workspace.mark(1)
    workspace.merge_back(1)
    assert {(path.lstat().st_uid, path.lstat().st_gid) for path in origin.rglob("*")} == {(1234, 1235)}


# Others in the folder ------------------------------------------------------------------------------------------------


def other(origin: Path, what: str) -> str:
    """Somebody changes the folder meanwhile; the path that is named for it."""
    match what:
        case "edit":
            (origin / "main.py").write_text("theirs")
            return "main.py"
        case "same size and time":
            status = (origin / "main.py").stat()
            (origin / "main.py").write_text("print(9)\n")
            os.utime(origin / "main.py", ns=(status.st_atime_ns, status.st_mtime_ns))
            return "main.py"
        case "remove":
            (origin / "main.py").unlink()
            return "main.py"
        case "permissions":
            (origin / "main.py").chmod(0o600)
            return "main.py"
        case "collide":
            (origin / "new").write_text("theirs")
            return "new"
        case "link":
            (origin / "main.py").unlink()
            (origin / "main.py").symlink_to("/etc/passwd")
            return "main.py"
        case "parent":
            shutil.rmtree(origin / "docs")
            (origin / "docs").symlink_to("data")
            return "docs"
        case _:
            (origin / "data/in.csv").write_text("theirs")
            return "data/in.csv"


@pytest.mark.parametrize(
    "what", ["edit", "same size and time", "remove", "permissions", "collide", "link", "parent", "elsewhere"]
)
def test_a_folder_that_others_changed_is_refused_by_name_and_left_alone(workspace: Workspace, what: str) -> None:
    fill(workspace.folder, {"main.py": "ours\n", "new/x": "x", "docs/more.txt": "x"})
    workspace.mark(1)
    named = other(workspace.origin, what)
    before = seen(workspace.origin)
    with pytest.raises(WorkspaceConflictError) as caught:
        workspace.merge_back(1)
    assert named in caught.value.paths
    assert named in caught.value.what
    assert seen(workspace.origin) == before
    assert workspace.merging().journal is None


def test_changes_of_others_beside_the_work_can_be_kept(workspace: Workspace) -> None:
    (workspace.folder / "main.py").write_text("ours\n")
    workspace.mark(1)
    other(workspace.origin, "elsewhere")
    (workspace.origin / "theirs.txt").write_text("theirs")
    result = workspace.merge_back(1, on_conflict="keep others")
    assert result.beside == ("data/in.csv", "theirs.txt")
    assert (workspace.origin / "data/in.csv").read_text() == "theirs"
    assert (workspace.origin / "main.py").read_text() == "ours\n"


def test_new_files_of_others_hinder_nothing_and_are_named(workspace: Workspace) -> None:
    (workspace.folder / "main.py").write_text("ours\n")
    shutil.rmtree(workspace.folder / "docs")
    workspace.mark(1)
    (workspace.origin / "docs/theirs.txt").write_text("theirs")
    result = workspace.merge_back(1)
    assert result.beside == ("docs/theirs.txt",)
    assert result.stayed == ("docs",)
    assert sorted(path.name for path in (workspace.origin / "docs").iterdir()) == ["theirs.txt"]


def test_a_folder_that_is_gone_or_was_exchanged_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    (workspace.folder / "main.py").write_text("ours\n")
    workspace.mark(1)
    victim = fill(tmp_path / "victim", {"main.py": "print(1)\n"})
    shutil.rmtree(workspace.origin)
    with pytest.raises(WorkspaceConflictError, match="gone"):
        workspace.merge_back(1)
    workspace.origin.symlink_to(victim)
    with pytest.raises(StorageError):
        workspace.merge_back(1)
    assert (victim / "main.py").read_text() == "print(1)\n"


# Ways out ------------------------------------------------------------------------------------------------------------


def test_links_that_lead_out_stay_behind_and_are_named(workspace: Workspace, tmp_path: Path) -> None:
    victim = fill(tmp_path / "victim", {"passwd": "safe"})
    folder = workspace.folder
    (folder / "absolute").symlink_to(victim / "passwd")
    (folder / "docs/up").symlink_to("../../victim")
    shutil.rmtree(folder / "data")
    (folder / "data").symlink_to(victim)
    (folder / "main.py").unlink()
    (folder / "main.py").symlink_to(f"../{victim.name}/passwd")
    (folder / "fine").symlink_to("docs/old.txt")
    workspace.mark(1)

    result = workspace.merge_back(1)

    assert set(result.left_out) == {LeftOut(path, "leads out") for path in ("absolute", "docs/up", "data", "main.py")}
    assert result.changed == ("fine",)
    assert (workspace.origin / "main.py").read_text() == "print(1)\n"
    assert (workspace.origin / "data/in.csv").exists()
    assert seen(victim)["passwd"][2] == b"safe"


def test_a_link_by_way_of_one_that_was_left_out_stays_behind(origin: Path, place: Path) -> None:
    (origin / "outside").symlink_to("/etc")
    workspace = Workspace.create(origin, place, "copy")
    (workspace.folder / "sly").symlink_to("outside/passwd")
    workspace.mark(1)
    assert workspace.merge_back(1).left_out == (LeftOut("sly", "leads out"),)
    assert not (origin / "sly").is_symlink()


def test_a_file_in_the_place_of_what_was_left_out_is_a_conflict(origin: Path, place: Path, tmp_path: Path) -> None:
    (origin / "outside").symlink_to(tmp_path / "victim")
    workspace = Workspace.create(origin, place, "copy")
    (workspace.folder / "outside").write_text("ours")
    workspace.mark(1)
    with pytest.raises(WorkspaceConflictError, match="outside"):
        workspace.merge_back(1)
    assert not (tmp_path / "victim").exists()


def test_pipes_and_repositories_stay_behind(workspace: Workspace) -> None:
    (workspace.folder / "main.py").unlink()
    os.mkfifo(workspace.folder / "main.py")
    fill(workspace.folder, {".git/hooks/post-commit": "evil", "docs/.git/config": "evil"})
    workspace.mark(1)
    result = workspace.merge_back(1)
    assert result.changed == ()
    assert {each.path for each in result.left_out} == {"main.py", ".git", "docs/.git"}
    assert not (workspace.origin / ".git").exists()


def test_a_name_that_leads_out_in_the_records_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    (workspace.folder / "main.py").write_text("ours\n")
    workspace.mark(1)
    record = workspace.place / "marks/1.json"
    record.write_text(record.read_text().replace('"main.py"', '"../evil.py"'))
    with pytest.raises(WorkspaceError, match="not in its folder"):
        workspace.merge_back(1)
    assert workspace.merging().journal is None
    assert not (tmp_path / "evil.py").exists()
    assert (workspace.origin / "main.py").read_text() == "print(1)\n"


# Kills ---------------------------------------------------------------------------------------------------------------

# Kills itself at the n-th call that changes something, with the signal that no process can catch.
KILLED = """
import os, signal, sys
from pathlib import Path
from tabsmith.workspaces import Workspace
left = int(sys.argv[2])
def dying(real):
    def call(*args, **kwargs):
        global left
        if "dir_fd" in kwargs or "src_dir_fd" in kwargs or real.__name__ in ("fsync", "fchmod"):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **kwargs)
    return call
workspace = Workspace.open(Path(sys.argv[1]))
for name in ("rename", "unlink", "mkdir", "rmdir", "symlink", "fchmod", "fsync"):
    setattr(os, name, dying(getattr(os, name)))
workspace.merge_back(int(sys.argv[3]))
"""


def killed_at(number: int, workspace: Workspace, iteration: int = 1) -> int:
    words = [sys.executable, "-c", textwrap.dedent(KILLED), str(workspace.place), str(number), str(iteration)]
    return subprocess.run(words, check=False, timeout=60).returncode


def is_done(workspace: Workspace) -> bool:
    journal = workspace.merging().journal
    return journal is not None and journal.state == "done"


def test_a_kill_at_any_moment_is_gone_on_from_or_undone(tmp_path: Path, origin: Path) -> None:
    original = seen(origin)
    parted = 0
    for number in range(1, 200, rounds(1, 3)):
        here = tmp_path / f"case{number}"
        shutil.copytree(origin, here / "origin", symlinks=True)
        workspace = Workspace.create(here / "origin", here / "run", "copy")
        rework(workspace.folder)
        workspace.mark(1)
        status = killed_at(number, workspace)
        if status == 0:
            break
        assert status == -signal.SIGKILL
        now = seen(workspace.origin)
        wanted = seen(workspace.folder)
        parted += now not in (original, wanted)
        again = Workspace.open(workspace.place)
        if number % 2 == 1 and not is_done(again):
            again.merging().undo()
            assert seen(again.origin) == original
            assert again.merging().journal is None
        again.merge_back(1)
        assert seen(again.origin) == wanted
        assert is_done(again)
        shutil.rmtree(here)
    else:
        pytest.fail("it never came to an end")
    assert parted > rounds(10, 3)


def test_what_is_replaced_can_be_put_back_also_when_it_was_not_there_at_the_mark(workspace: Workspace) -> None:
    before = seen(workspace.origin)
    (workspace.folder / "main.py").write_text("ours\n")
    (workspace.origin / "main.py").write_text("for a moment\n")
    workspace.mark(1)
    (workspace.origin / "main.py").write_text("print(1)\n")
    number = 1
    while (workspace.origin / "main.py").read_text() != "ours\n":
        assert killed_at(number, workspace) == -signal.SIGKILL
        number += 1
    workspace.merging().undo()
    assert seen(workspace.origin) == before


def test_a_kill_in_the_middle_of_many_files_is_gone_on_from(workspace: Workspace) -> None:
    fill(workspace.folder, {f"many/{number % 50}/{number}.txt": f"{number}\n" * 50 for number in range(1_500)})
    workspace.mark(1)
    code = (
        "import sys; from pathlib import Path; from tabsmith.workspaces import Workspace; "
        "Workspace.open(Path(sys.argv[1])).merge_back(1)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(workspace.place)])
    try:
        deadline = time.monotonic() + 60
        while not (workspace.origin / "many/10").exists() or not any((workspace.origin / "many/10").iterdir()):
            assert time.monotonic() < deadline
            assert process.poll() is None
    finally:
        process.kill()
        process.wait()
    assert len(seen(workspace.origin)) < len(seen(workspace.folder))
    again = Workspace.open(workspace.place)
    assert not is_done(again)
    again.merge_back(1)
    assert seen(again.origin) == seen(workspace.folder)


def test_somebody_who_comes_between_a_kill_and_the_next_try_is_not_overwritten(tmp_path: Path, origin: Path) -> None:
    workspace = Workspace.create(origin, tmp_path / "run", "copy")
    before = seen(origin)
    rework(workspace.folder)
    workspace.mark(1)
    number = 1
    while not (origin / "to").is_symlink():  # until most of it is done
        assert killed_at(number, workspace) == -signal.SIGKILL
        number += 1
    assert not is_done(workspace)
    (origin / "main.py").write_text("theirs")

    with pytest.raises(WorkspaceConflictError, match=r"main\.py"):
        workspace.merge_back(1)

    assert workspace.merging().journal is None
    assert (origin / "main.py").read_text() == "theirs"
    after = seen(origin)
    assert {name: what for name, what in after.items() if name != "main.py"} == {
        name: what for name, what in before.items() if name != "main.py"
    }


# Trouble -------------------------------------------------------------------------------------------------------------


def test_what_cannot_be_written_takes_all_of_it_back(workspace: Workspace) -> None:
    rework(workspace.folder)
    workspace.mark(1)
    before = seen(workspace.origin)
    digest = hashlib.sha256(b"a folder now").hexdigest()
    content = workspace.place / "contents" / digest[:2] / digest[2:]
    wanted = content.read_bytes()
    content.write_bytes(b"damaged")
    with pytest.raises(StorageError, match="damaged"):
        workspace.merge_back(1)
    assert seen(workspace.origin) == before
    content.write_bytes(wanted)
    workspace.merge_back(1)
    assert seen(workspace.origin) == seen(workspace.folder)


def test_five_thousand_files_go_through(origin: Path, place: Path) -> None:
    fill(origin, {f"d{number % 100}/f{number}.txt": f"{number}\n" for number in range(5_000)})
    workspace = Workspace.create(origin, place, "copy")
    for number in range(0, 5_000, 10):
        (workspace.folder / f"d{number % 100}/f{number}.txt").write_text("changed\n")
    tree = workspace.mark(1)
    assert len(workspace.changes(workspace.tree(0), tree)) == 500
    assert len(workspace.merge_back(1).changed) == 500
    assert seen(origin) == seen(workspace.folder)


@pytest.mark.parametrize("swapped", ["docs", "."])
def test_a_folder_exchanged_for_a_link_between_the_check_and_the_writing_leads_nowhere(
    workspace: Workspace, tmp_path: Path, swapped: str
) -> None:
    origin = workspace.origin
    victim = shutil.copytree(origin / swapped, tmp_path / "victim")
    before = seen(victim)
    fill(workspace.folder, {"docs/old.txt": "ours\n", "docs/new.txt": "ours\n"})
    workspace.mark(1)
    number = 1
    while workspace.merging().journal is None:  # killed after the check, before anything was written
        assert killed_at(number, workspace) == -signal.SIGKILL
        number += 1
    (origin / swapped).resolve().rename(tmp_path / "aside")
    (origin if swapped == "." else origin / swapped).symlink_to(victim)

    with pytest.raises((WorkspaceConflictError, StorageError)):
        workspace.merge_back(1)

    assert seen(victim) == before
