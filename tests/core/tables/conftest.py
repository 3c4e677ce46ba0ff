"""For the tests of tables: a home of their own, and a reader of files that are written on the spot."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tabsmith.tables.info import TableInfo
from tabsmith.tables.read.reader import read_source
from tabsmith.tables.read.sources import FileSource, ReadOptions

Write = Callable[..., Path]
Read = Callable[..., TableInfo]


@pytest.fixture(autouse=True)
def _home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TABSMITH_HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a file and gives its path."""

    def write_file(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write_file


@pytest.fixture
def read_file(tmp_path: Path, write: Write) -> Read:
    """Writes a file and reads it as a table."""

    def read_it(
        name: str, content: str | bytes, *, as_text: bool = False, options: ReadOptions | None = None
    ) -> TableInfo:
        path = write(name, content)
        return read_source(FileSource(str(path), as_text, options or ReadOptions()), allowed=(tmp_path,), max_mb=50)

    return read_it
