"""Files of one folder, for somebody who must not reach outside it."""

import os
from pathlib import Path, PurePath

import pytest

from tabsmith.agents import confined_files
from tabsmith.agents.confined_files import path_inside, read_text, write_text


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    return outside


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    folder.mkdir()
    return folder


def test_links_inside_the_folder_work_and_lead_no_further(folder: Path, outside: Path) -> None:
    (folder / "real").mkdir()
    (folder / "link").symlink_to("real")
    (folder / "out").symlink_to(outside)
    (folder / "round").symlink_to("round")
    assert path_inside(folder, f"{folder}/link/x") == PurePath("real/x")
    assert path_inside(folder, "real/../y") == PurePath("y")
    for path in ("out/secret", "..", "/etc/passwd", f"{folder}x/y", "a\0b", "link/../../outside/secret"):
        assert path_inside(folder, path) is None, path


def test_a_link_that_is_put_there_after_the_look_leads_nowhere(folder: Path, outside: Path) -> None:
    place = path_inside(folder, "sub/secret")
    file = path_inside(folder, "file")
    assert place is not None
    assert file is not None
    (folder / "sub").symlink_to(outside)
    (folder / "file").symlink_to(outside / "secret")
    for access in (read_text, lambda *where: write_text(*where, "changed")):
        with pytest.raises(OSError, match=r"Not a directory|symbolic links"):
            access(folder, place)
    with pytest.raises(OSError, match="symbolic links"):
        read_text(folder, file)
    write_text(folder, file, "changed")  # takes the place of the link
    assert (folder / "file").read_text() == "changed"
    assert (outside / "secret").read_text() == "secret"


def test_another_name_of_a_file_outside_is_not_written_to(folder: Path, outside: Path) -> None:
    os.link(outside / "secret", folder / "same")
    write_text(folder, PurePath("same"), "changed")
    assert (folder / "same").read_text() == "changed"
    assert (outside / "secret").read_text() == "secret"


def test_a_file_that_is_replaced_keeps_its_permissions_and_folders_are_made(folder: Path) -> None:
    write_text(folder, PurePath("a/b/run.sh"), "one")
    (folder / "a/b/run.sh").chmod(0o750)
    write_text(folder, PurePath("a/b/run.sh"), "two")
    assert (folder / "a/b/run.sh").stat().st_mode & 0o777 == 0o750
    assert read_text(folder, PurePath("a/b/run.sh")) == "two"
    assert [each.name for each in (folder / "a/b").iterdir()] == ["run.sh"]


def test_what_is_no_file_or_too_large_is_refused_without_waiting(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(folder / "pipe")
    (folder / "sub").mkdir()
    (folder / "large").write_text("x" * 100)
    monkeypatch.setattr(confined_files, "MAX_FILE_BYTES", 99)
    for name, why in (("pipe", "not a file"), ("large", "larger")):
        with pytest.raises(OSError, match=why):
            read_text(folder, PurePath(name))
    for place in (PurePath("sub"), PurePath()):
        with pytest.raises(OSError, match=r"directory|file|No such"):
            write_text(folder, place, "x")
    assert sorted(each.name for each in folder.iterdir()) == ["large", "pipe", "sub"]
