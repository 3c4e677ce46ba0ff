"""What changed: by kind, by line, as a diff; at the moment, and later from what each iteration left."""

import difflib
import os
import random
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabsmith.errors import WorkspaceError, WorkspaceTooLargeError
from tabsmith.workspaces import FileChange, Workspace, WorkspaceLimits
from tabsmith.workspaces.changes import count_lines, diff_lines, unified_diff
from tabsmith.workspaces.scan import scan_folder
from tests.core.workspaces.conftest import fill


def test_each_kind_of_change_is_told(workspace: Workspace) -> None:
    folder = workspace.folder
    (folder / "main.py").write_text("print(1)\nprint(2)\nprint(3)\n")
    (folder / "docs/old.txt").rename(folder / "docs/new.txt")
    (folder / "data/in.csv").unlink()
    (folder / "empty").rmdir()
    fill(folder, {"added.txt": "a\nb", "blob.bin": b"\0\1", "void/": ""})
    (folder / "to").symlink_to("added.txt")

    assert workspace.changes(workspace.tree(0), scan_folder(workspace.folder, workspace.made.bounds)) == (
        FileChange("added.txt", "added", lines_added=2),
        FileChange("blob.bin", "added", binary=True),
        FileChange("data/in.csv", "removed", lines_removed=2),
        FileChange("docs/new.txt", "renamed", was="docs/old.txt"),
        FileChange("empty", "removed"),
        FileChange("main.py", "modified", lines_added=2),
        FileChange("to", "link"),
        FileChange("void", "added"),
    )


def test_permissions_and_swaps_of_kind_are_changes(workspace: Workspace) -> None:
    folder = workspace.folder
    (folder / "main.py").chmod(0o755)
    (folder / "docs").chmod(0o700)
    shutil.rmtree(folder / "data")
    (folder / "data").write_text("now a file\n")
    (folder / "empty").rmdir()
    (folder / "empty").symlink_to("docs")

    assert workspace.changes(workspace.tree(0), scan_folder(workspace.folder, workspace.made.bounds)) == (
        FileChange("data", "added", lines_added=1),
        FileChange("data/in.csv", "removed", lines_removed=2),
        FileChange("docs", "mode"),
        FileChange("empty", "link"),
        FileChange("main.py", "mode"),
    )


def test_a_difference_reads_like_one_of_diff(workspace: Workspace) -> None:
    (workspace.folder / "docs/old.txt").write_text("one\n2\n")
    fill(workspace.folder, {"blob.bin": b"\0\1", "new.py": "x = 1\n"})
    (workspace.folder / "main.py").chmod(0o755)
    assert workspace.difference(workspace.tree(0), scan_folder(workspace.folder, workspace.made.bounds)) == (
        "added blob.bin, a binary or very large file\n"
        "--- docs/old.txt\n+++ docs/old.txt\n@@ -1,2 +1,2 @@\n one\n-two\n+2\n"
        "permissions of main.py from 644 to 755\n"
        "--- (none)\n+++ new.py\n@@ -0,0 +1 @@\n+x = 1\n"
    )


def test_each_iteration_can_be_shown_later_whatever_became_of_the_folders(workspace: Workspace) -> None:
    for number in (1, 2, 3):
        (workspace.folder / "main.py").write_text(f"print({number * 10})\n")
        workspace.mark(number)
    shutil.rmtree(workspace.folder)
    shutil.rmtree(workspace.origin)

    again = Workspace.open(workspace.place)

    assert again.marks() == (0, 1, 2, 3)
    texts = [again.difference(again.tree(old), again.tree(new)) for old, new in ((0, 1), (1, 2), (0, 3))]
    bodies = [[line for line in text.splitlines() if line.startswith(("-p", "+p"))] for text in texts]
    assert bodies == [
        ["-print(1)", "+print(10)"],
        ["-print(10)", "+print(20)"],
        ["-print(1)", "+print(30)"],
    ]


def test_an_iteration_that_was_not_marked_is_refused(workspace: Workspace) -> None:
    with pytest.raises(WorkspaceError, match="Iteration 7 was not marked"):
        workspace.tree(7)
    with pytest.raises(WorkspaceError, match="no workspace here"):
        Workspace.open(workspace.place / "x")


def test_caches_and_pipes_that_an_agent_leaves_are_named_not_compared(workspace: Workspace) -> None:
    fill(workspace.folder, {"__pycache__/main.pyc": b"x", ".git/hooks/pre-commit": "evil", "node_modules/x.js": "1"})
    os.mkfifo(workspace.folder / "pipe")
    tree = workspace.mark(1)
    assert workspace.changes(workspace.tree(0), tree) == ()
    assert {each.path for each in tree.left_out} == {"__pycache__", ".git", "node_modules", "pipe"}


def test_a_flood_of_files_ends_at_the_limit(origin: Path, place: Path) -> None:
    workspace = Workspace.create(origin, place, "copy", WorkspaceLimits(files=50, megabytes=1))
    fill(workspace.folder, {f"f{number}": "x" for number in range(60)})
    with pytest.raises(WorkspaceTooLargeError, match="more than 50 files"):
        scan_folder(workspace.folder, workspace.made.bounds)
    shutil.rmtree(workspace.folder)
    fill(workspace.folder, {"big": b"x" * 2_000_000})
    with pytest.raises(WorkspaceTooLargeError, match="more than 1 MB"):
        workspace.mark(1)


def test_a_link_is_never_followed(workspace: Workspace, tmp_path: Path) -> None:
    fill(tmp_path / "secrets", {"key": "secret words"})
    (workspace.folder / "dir").symlink_to(tmp_path / "secrets")
    (workspace.folder / "file").symlink_to(tmp_path / "secrets/key")
    tree = workspace.mark(1)
    assert {path for path in tree.entries if path.startswith(("dir", "file"))} == {"dir", "file"}
    assert "secret words" not in workspace.difference(workspace.tree(0), tree)


def test_a_difference_is_bounded_and_safe_to_show(workspace: Workspace) -> None:
    fill(workspace.folder, {"a.txt": "\x1b[31mred\u202e\n" * 5, "b\x1b[2J.txt": "x\n", "c.txt": "long line " * 10_000})
    fill(workspace.folder, {"d.txt": "line\n" * 50_000, "e.txt": "never reached\n"})
    (workspace.folder / "main.py").write_bytes(b"print(1)\r\n")
    text = workspace.difference(workspace.tree(0), scan_folder(workspace.folder, workspace.made.bounds), limit=5_000)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "+red" in text
    assert len(text) < 6_000
    assert text.endswith("… the rest is not shown, nor 2 more files\n")
    only = workspace.difference(
        workspace.tree(0), scan_folder(workspace.folder, workspace.made.bounds), limit=10_000_000
    )
    assert "-print(1)\n+print(1)␍\n" in only


def test_a_large_binary_goes_through_whole_and_is_named(workspace: Workspace) -> None:
    content = random.Random(1).randbytes(30_000_000)
    (workspace.folder / "model.bin").write_bytes(content)
    tree = workspace.mark(1)
    assert workspace.changes(workspace.tree(0), tree) == (FileChange("model.bin", "added", binary=True),)
    workspace.merge_back(1)
    assert (workspace.origin / "model.bin").read_bytes() == content


texts = st.lists(st.sampled_from(["a", "b", "c", "d", "e", "", "x y"]), max_size=40)


def patched(old: list[str], lines: list[str]) -> list[str]:
    """`old` with a unified diff applied to it."""
    result: list[str] = []
    place = 0
    for line in lines:
        if line.startswith("@@"):
            start, _, length = line.split()[1][1:].partition(",")
            first = int(start) - (length != "0")
            result += old[place:first]
            place = first
        elif line[0] == "+":
            result.append(line[1:])
        else:
            assert old[place] == line[1:]
            result += [line[1:]] if line[0] == " " else []
            place += 1
    return result + old[place:]


@given(old=texts, new=texts)
def test_a_diff_applied_to_the_old_text_gives_the_new_one(old: list[str], new: list[str]) -> None:
    found = diff_lines(old, new)
    assert patched(old, list(unified_diff(old, new, found))) == new
    came, went = count_lines(found)
    assert len(new) - len(old) == came - went


def test_a_diff_of_a_few_edits_is_what_difflib_finds() -> None:
    old = [f"line {number}" for number in range(300)]
    new = [*old[:50], "inserted", *old[50:120], *old[123:200], "changed", *old[201:]]
    ours = list(unified_diff(old, new, diff_lines(old, new)))
    assert ours == list(difflib.unified_diff(old, new, lineterm=""))[2:]


def test_texts_made_to_be_slow_are_compared_all_the_same() -> None:
    # What takes time with the square of the lines would not come to an end here.
    shuffled = [f"line {number}" for number in range(40_000)]
    random.Random(1).shuffle(shuffled)
    for old, new in (
        (sorted(shuffled), shuffled),
        (["a", "b"] * 20_000, ["b", "a", "a"] * 13_000),
        (shuffled, shuffled[::-1]),
    ):
        assert patched(old, list(unified_diff(old, new, diff_lines(old, new)))) == new
