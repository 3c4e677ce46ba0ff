"""For all tests: a home of their own, a fixed time zone and locale, and the golden pictures in `snapshots/`.

A picture of a screen is a plain `def` test with one `assert snap_compare(app, terminal_size=(80, 24), ...)`; its
docstring says what the picture must show. It lies in `snapshots/<test module>/<test name>.svg`; `pytest
--snapshot-update` accepts a new one, after somebody has looked at it. Give apps from the `make_app` fixture of
tests/tui/conftest.py: fixed clock and ids, fixed theme, no real workers.
"""

import os

os.environ["TEXTUAL_ANIMATIONS"] = "none"
os.environ["TZ"] = "UTC"
os.environ["COLORTERM"] = "truecolor"
# IS_SANDBOX keeps an agent program from starting as root, and a warm spare hands on what it was started with.
for name in ("NO_COLOR", "FORCE_COLOR", "TEXTUAL_THEME", "COLUMNS", "LINES", "IS_SANDBOX"):
    os.environ.pop(name, None)

import gc  # noqa: E402

gc.disable()  # while test modules are imported; see pytest_collection_finish

import re  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable, Iterator  # noqa: E402
from pathlib import Path  # noqa: E402

import pytest  # noqa: E402
import pytest_textual_snapshot  # noqa: E402
import textual.constants  # noqa: E402
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode  # noqa: E402
from syrupy.location import PyTestLocation  # noqa: E402
from syrupy.types import SerializableData  # noqa: E402

from tabsmith.runs import supervisor, training  # noqa: E402
from tests.forked_programs import TemplatesFolder, forked  # noqa: E402

time.tzset()
# The snapshot plugin imports textual before this file is read, so the constant is already made.
textual.constants.TEXTUAL_ANIMATIONS = "none"

TEMPLATES: pytest.StashKey[TemplatesFolder] = pytest.StashKey()
LONGEST = {"test_whole_flows", "test_hostile", "test_real_kills", "test_task_kills", "test_real_programs", "test_real"}
RICH_NAME = re.compile(r"terminal-\d+")
ROOT = Path(__file__).resolve().parent.parent


class ScreenPicture(SingleFileSnapshotExtension):
    """A golden picture, named by its test, in a folder named by its test module."""

    file_extension = "svg"
    _write_mode = WriteMode.TEXT

    @classmethod
    def dirname(cls, *, test_location: PyTestLocation) -> str:
        """`snapshots/<test module>` at the top of the project."""
        return str(ROOT / "snapshots" / Path(test_location.filepath).stem)

    def matches(self, *, serialized_data: SerializableData, snapshot_data: SerializableData) -> bool:
        """Whether both show the same; how Rich names a picture says also into what pieces its text was cut."""
        return RICH_NAME.sub("", str(serialized_data)) == RICH_NAME.sub("", str(snapshot_data))


pytest_textual_snapshot.SVGImageExtension = ScreenPicture  # the plugin's fixture looks this name up


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder in which all of pytest's processes find the templates of forked programs."""
    if not hasattr(config, "workerinput"):  # not one of xdist's
        config.stash[TEMPLATES] = TemplatesFolder()


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the templates. Libraries may free what they hold: nanobind names each object that is left."""
    gc.unfreeze()
    if TEMPLATES in config.stash:
        config.stash[TEMPLATES].close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run first what takes longest, so that nothing of it is left for one process alone at the end."""
    items.sort(key=lambda item: item.path.stem not in LONGEST)


def pytest_collection_finish() -> None:
    """Leave what was imported out of every later garbage collection, and collect less often: with all test modules in
    memory the collector took a third of the time of a test that opens a screen."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)
    gc.enable()


@pytest.fixture(autouse=True)
def tabsmith_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Everything tabsmith writes lies under `tmp_path`; no setting of the person who runs the tests is seen."""
    home = tmp_path / "tabsmith-home"
    for name in [each for each in os.environ if each.startswith("TABSMITH_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TABSMITH_HOME", str(home))
    return home


@pytest.fixture(scope="session", autouse=True)
def forked_fork_servers() -> Iterator[Callable[[], list[str]]]:
    """Have the fork servers of this process forked from one that has everything imported; returns the command that the
    program itself would start."""
    own_command = supervisor.fork_server_command
    with pytest.MonkeyPatch.context() as patch:
        for module in (supervisor, training):
            patch.setattr(module, "fork_server_command", lambda: forked("fork server"))
        yield own_command


@pytest.fixture
def own_fork_servers(forked_fork_servers: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Have supervisors start fork servers by the program's own command."""
    monkeypatch.setattr(supervisor, "fork_server_command", forked_fork_servers)
