"""A real folder, a place for its workspace, and a look at both."""

import os
import stat
from pathlib import Path

import pytest

from tabsmith.workspaces import Workspace


def fill(folder: Path, files: dict[str, str | bytes]) -> Path:
    """Put `files` (by path; a path with a last `/` is an empty folder) into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = folder / name
        if name.endswith("/"):
            path.mkdir(parents=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def seen(folder: Path) -> dict[str, tuple[object, ...]]:
    """All below `folder`: kind, permissions, content."""
    found: dict[str, tuple[object, ...]] = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        mode = stat.S_IMODE(status.st_mode)
        name = os.fsdecode(path.relative_to(folder))
        if path.is_symlink():
            found[name] = ("link", str(path.readlink()))
        elif path.is_dir():
            found[name] = ("folder", mode)
        else:
            found[name] = ("file", mode, path.read_bytes())
    return found


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    return fill(
        tmp_path / "origin",
        {"main.py": "print(1)\n", "data/in.csv": "a,b\n1,2\n", "docs/old.txt": "one\ntwo\n", "empty/": ""},
    )


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "run" / "workspace"


@pytest.fixture
def workspace(origin: Path, place: Path) -> Workspace:
    return Workspace.create(origin, place, "copy")
