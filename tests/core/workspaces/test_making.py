"""A workspace is made: a copy of everything that may be copied, or a worktree that loses nothing."""

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from tabsmith.errors import WorkspaceError, WorkspaceTooLargeError
from tabsmith.workspaces import Workspace, WorkspaceLimits
from tabsmith.workspaces.folders import remove_tree
from tabsmith.workspaces.scan import scan_folder
from tabsmith.workspaces.worktree import remove_worktree
from tests.core.workspaces.conftest import fill, seen


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=x", "-c", "user.email=x@x", "-c", "init.defaultBranch=main"]
    return subprocess.run(
        ["git", *identity, *words], cwd=folder, check=True, capture_output=True, text=True
    ).stdout  # fmt: skip


@pytest.fixture
def repository(origin: Path) -> Path:
    shutil.rmtree(origin / "empty")
    git(origin, "init")
    git(origin, "add", ".")
    git(origin, "commit", "-m", "all")
    return origin


def test_a_copy_holds_all_with_permissions_and_times(origin: Path, place: Path) -> None:
    (origin / "main.py").chmod(0o751)
    (origin / "data/in.csv").chmod(0o440)
    (origin / "link").symlink_to("data/in.csv")
    (origin / "data").chmod(0o550)
    os.utime(origin / "main.py", ns=(1_000, 2_000))

    workspace = Workspace.create(origin, place, "copy")

    assert seen(workspace.folder) == seen(origin)
    assert (workspace.folder / "main.py").stat().st_mtime_ns == 2_000
    assert (workspace.folder / "data").stat().st_mtime_ns == (origin / "data").stat().st_mtime_ns
    assert workspace.made.how == "copy"
    assert workspace.made.left_out == ()
    assert scan_folder(workspace.folder, workspace.made.bounds) == workspace.tree(0)


def test_what_is_left_out_is_named_with_the_reason(origin: Path, place: Path, tmp_path: Path) -> None:
    fill(origin, {"__pycache__/x.pyc": b"1", ".venv/bin/x": "1", "sub/.git/config": "x", "app/node_modules/a.js": "x"})
    (tmp_path / "secret").write_text("key")
    (origin / "absolute").symlink_to(tmp_path / "secret")
    (origin / "data/up").symlink_to("../../secret")
    (origin / "chain").symlink_to("data/up")
    (origin / "self").symlink_to(origin / "main.py")
    os.mkfifo(origin / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        os.chdir(origin)
        listener.bind("socket")

        workspace = Workspace.create(origin, place, "copy")

    assert {(each.path, each.why) for each in workspace.made.left_out} == {
        ("__pycache__", "cache"),
        (".venv", "environment"),
        ("app/node_modules", "environment"),
        ("sub/.git", "repository"),
        ("absolute", "leads out"),
        ("data/up", "leads out"),
        ("chain", "leads out"),
        ("self", "leads out"),
        ("pipe", "pipe, socket or device"),
        ("socket", "pipe, socket or device"),
    }
    names = set(seen(workspace.folder))
    assert {"app", "sub", "main.py"} <= names
    assert names.isdisjoint({each.path for each in workspace.made.left_out})


@pytest.fixture(autouse=True)
def _stay_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def test_links_are_judged_by_where_they_really_lead(origin: Path, place: Path) -> None:
    fill(origin, {"a/b/c/file": "x"})
    (origin / "a/b/top").symlink_to("../..")
    (origin / "inside").symlink_to("a/b/top/main.py")
    # By its letters this one stays inside; by way of `top` it leads above the folder.
    (origin / "sly").symlink_to("a/b/top/../origin-neighbour")
    (origin / "dangling").symlink_to("no/such")
    (origin / "round").symlink_to("round")

    workspace = Workspace.create(origin, place, "copy")

    assert {each.path for each in workspace.made.left_out} == {"sly", "round"}
    assert (workspace.folder / "inside").read_text() == "print(1)\n"


def test_names_that_are_not_text_are_copied_and_kept(origin: Path, place: Path) -> None:
    odd = [b"caf\xe9.txt", "größe.txt".encode(), b"new\nline", b"quote\"'`$", b" lead", b"-rf", b"e\xcc\x81", b"a\\b"]
    for name in odd:
        Path(os.fsdecode(os.fsencode(origin) + b"/" + name)).write_bytes(name)

    workspace = Workspace.create(origin, place, "copy")

    assert seen(workspace.folder) == seen(origin)
    again = Workspace.open(place)
    assert again.tree(0) == scan_folder(workspace.folder, workspace.made.bounds)


def test_a_folder_that_is_not_there_is_worked_on_as_an_empty_one(tmp_path: Path, place: Path) -> None:
    workspace = Workspace.create(tmp_path / "new", place)
    assert workspace.made.was_missing
    assert list(workspace.folder.iterdir()) == []
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        (WorkspaceLimits(files=3), "more than 3 files"),
        (WorkspaceLimits(megabytes=1), "more than 1 MB"),
        (WorkspaceLimits(levels=2), "over 2 deep"),
    ],
)
def test_a_folder_over_the_limits_is_refused_and_leaves_nothing(
    origin: Path, place: Path, bounds: WorkspaceLimits, words: str
) -> None:
    fill(origin, {"large": b"x" * 1_100_000, "a/b/c/d": "deep"})
    with pytest.raises(WorkspaceTooLargeError, match=words):
        Workspace.create(origin, place, "copy", bounds)
    assert not (place / "folder").exists()


def test_a_sparse_giant_is_refused_without_filling_the_disk(origin: Path, place: Path) -> None:
    with (origin / "giant").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(WorkspaceTooLargeError):
        Workspace.create(origin, place, "copy", WorkspaceLimits(megabytes=5))


def test_a_place_inside_the_folder_is_refused(origin: Path) -> None:
    with pytest.raises(WorkspaceError, match="inside itself"):
        Workspace.create(origin, origin / "state" / "runs")


def test_a_file_is_no_folder(origin: Path, place: Path) -> None:
    with pytest.raises(WorkspaceError, match="a file, not a folder"):
        Workspace.create(origin / "main.py", place)


def test_creating_goes_on_after_a_kill_and_a_complete_one_is_taken_as_it_is(origin: Path, place: Path) -> None:
    fill(place.parent, {"workspace/folder/half": "x"})  # what a killed process left
    workspace = Workspace.create(origin, place, "copy")
    assert seen(workspace.folder) == seen(origin)
    (workspace.folder / "main.py").write_text("changed")
    assert (Workspace.create(origin, place, "copy").folder / "main.py").read_text() == "changed"


def test_a_clean_repository_is_worked_on_in_a_worktree(repository: Path, place: Path, tmp_path: Path) -> None:
    hook = repository / ".git/hooks/post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/hooked\n")
    hook.chmod(0o755)
    (repository / "docs/old.txt").chmod(0o600)
    before = seen(repository)

    workspace = Workspace.create(repository, place)

    assert (workspace.made.how, workspace.made.instead) == ("worktree", "")
    assert not (tmp_path / "hooked").exists()
    assert git(workspace.folder, "rev-parse", "--abbrev-ref", "HEAD").strip() == "HEAD"
    assert [each.path for each in workspace.made.left_out] == [".git"]
    assert scan_folder(workspace.folder, workspace.made.bounds).entries == workspace.tree(0).entries
    assert workspace.tree(0).entries["docs/old.txt"].mode == 0o600
    remove_worktree(repository, workspace.folder)
    assert not workspace.folder.exists()
    assert seen(repository) == before


def test_a_worktree_can_be_made_again_where_a_killed_process_left_one(repository: Path, place: Path) -> None:
    Workspace.create(repository, place)
    (place / "workspace.json").unlink()
    workspace = Workspace.create(repository, place)
    assert workspace.made.how == "worktree"
    remove_worktree(repository, workspace.folder)
    assert "folder" not in git(repository, "worktree", "list")


def test_a_worktree_ends_whatever_was_done_to_its_git_file(repository: Path, place: Path, tmp_path: Path) -> None:
    workspace = Workspace.create(repository, place)
    evil = fill(tmp_path / "evil", {"HEAD": "ref: refs/heads/main\n", "objects/": "", "refs/": ""})
    (evil / "config").write_text(f"[core]\nfsmonitor = touch {tmp_path}/ran\n")
    (workspace.folder / ".git").write_text(f"gitdir: {evil}\n")
    remove_worktree(repository, workspace.folder)
    assert not (tmp_path / "ran").exists()
    assert "folder" not in git(repository, "worktree", "list")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("untracked", "not committed (new.txt)"),
        ("ignored", "does not hold all of the folder as it is (big.dat)"),
        ("empty", "does not hold all of the folder as it is (void)"),
        ("filter", "programs that change files"),
        ("none", "no git repository of its own"),
    ],
)
def test_where_a_worktree_would_lose_something_a_copy_is_made_and_says_why(
    repository: Path, place: Path, tmp_path: Path, change: str, reason: str
) -> None:
    match change:
        case "untracked":
            (repository / "new.txt").write_text("x")
        case "ignored":
            (repository / ".git/info/exclude").write_text("big.dat\n")
            (repository / "big.dat").write_text("x")
        case "empty":
            (repository / "void").mkdir()
        case "filter":
            git(repository, "config", "filter.x.smudge", f"touch {tmp_path}/ran")
        case _:
            shutil.rmtree(repository / ".git")
    workspace = Workspace.create(repository, place)
    assert workspace.made.how == "copy"
    assert reason in workspace.made.instead
    expected = {name: what for name, what in seen(repository).items() if not name.startswith(".git")}
    assert seen(workspace.folder) == expected
    if change != "none":
        assert "folder" not in git(repository, "worktree", "list")


def test_locked_and_bottomless_folders_are_removed(workspace: Workspace) -> None:
    deep = workspace.folder
    for _ in range(60):
        deep = deep / ("d" * 60)
        deep.mkdir()
    here = Path.cwd()
    for _ in range(1_200):
        os.chdir(deep)
        deep = Path("e")
        deep.mkdir()
    os.chdir(here)
    locked = fill(workspace.folder / "locked", {"in/file": "x"})
    (locked / "in").chmod(0)
    locked.chmod(0o555)
    (workspace.folder / "out").symlink_to(workspace.origin)

    remove_tree(workspace.folder)
    remove_tree(workspace.folder)

    assert not workspace.folder.exists()
    assert sorted(path.name for path in workspace.place.iterdir()) == ["lock", "marks", "workspace.json"]
    assert (workspace.origin / "main.py").exists()
