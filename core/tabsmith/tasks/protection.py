"""Which files of a task's folder its agent cannot decide by: they are as the person left them when acceptance runs, and when
the work is handed back."""

import re
import shlex
from pathlib import Path, PurePosixPath
from typing import Final

from tabsmith.path_patterns import matches_any
from tabsmith.tasks.task import DEFAULT_PROTECTION, EVERYTHING, Task, TaskPermissions

OBEYED: Final = (
    ".envrc", ".vscode", ".idea", ".devcontainer", ".mcp.json", ".claude", ".cursor", "CLAUDE.md", "AGENTS.md",
    ".github/workflows", ".github/actions", ".gitlab-ci.yml", ".circleci", "Jenkinsfile", "azure-pipelines.yml",
    ".git", ".gitmodules", ".gitattributes", ".githooks", ".husky", ".pre-commit-config.yaml",
    "sitecustomize.py", "usercustomize.py", "conftest.py", "*.pth",
)  # fmt: skip
"""Files that programs run or obey later, perhaps outside of the sandbox, without being asked to."""

_DECIDING: Final = (
    *OBEYED, "pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", "tox.ini", "setup.cfg", "pyproject.toml",
    "noxfile.py", ".coveragerc", "Makefile", "makefile", "GNUmakefile", "*.mk", "justfile", "Justfile", "Taskfile.yml",
    "jest.config.*", "vitest.config.*", "karma.conf.*", ".mocharc*", "babel.config.*", ".npmrc", ".cargo", "build.rs",
)  # fmt: skip
"""Files by which a test's verdict can be turned without a test being touched."""

_TESTS: Final = (
    "tests", "test", "__tests__", "spec", "test_*", "*_test.*", "*.test.*", "*.spec.*", "*_spec.*", "fixtures", "testdata",
)  # fmt: skip
_PACKAGE_PROGRAMS: Final = frozenset({"npm", "npx", "yarn", "pnpm", "bun"})


class Protection:
    """What is protected in a task's folder, by its `protect` patterns and by what its acceptance command names."""

    def __init__(self, task: Task) -> None:
        self._always = tuple(pattern for pattern in task.protect if pattern != DEFAULT_PROTECTION)
        self._writable = task.may.write
        self._existing: tuple[str, ...] = ()
        if DEFAULT_PROTECTION in task.protect:
            named, stand_ins = _named_by(task.accept)
            self._always += (*_DECIDING, *stand_ins)
            self._existing = (*_TESTS, *named)

    def covers(self, path: str, *, existed: bool) -> bool:
        """Whether the file at `path` stays as it was when the task began, absent if it was absent (`existed` is false).

        The person's tests, and files that the acceptance command names, are protected if they existed: those that the agent
        adds are its work.
        """
        if self._writable != EVERYTHING and not matches_any(path, self._writable):
            return True
        return matches_any(path, self._always) or (existed and matches_any(path, self._existing))


def obeyed(path: str) -> bool:
    """Whether programs run or obey the file at `path` without being asked to."""
    return matches_any(path, OBEYED)


def readable_outside(may: TaskPermissions) -> tuple[Path, ...]:
    """The folders and files outside of the task's folder that the task may read, as far as its patterns are fixed."""
    fixed = (Path(re.split(r"[*?\[]", pattern, maxsplit=1)[0]) for pattern in may.read if pattern.startswith("/"))
    return tuple(dict.fromkeys(fixed))


def _named_by(accept: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Patterns for the files that the acceptance command names, and for what would stand in for the modules that it runs."""
    try:
        words = [word for part in shlex.split(accept) for word in part.replace("=", " ").split()]
    except ValueError:
        return (), ()
    named: list[str] = []
    stand_ins: list[str] = []
    for before, word in zip(["", *words], words, strict=False):
        name = word.strip("'\"();&|<>")
        if before == "-m":
            module = name.partition(".")[0]
            stand_ins += [f"/{module}.py", f"/{module}"]
        elif name and not name.startswith(("-", "/")) and ".." not in PurePosixPath(name).parts and _is_file_name(name):
            named.append("/" + name.partition("::")[0].removeprefix("./"))
    if _PACKAGE_PROGRAMS & set(words):
        named.append("package.json")
    return tuple(named), tuple(stand_ins)


def _is_file_name(word: str) -> bool:
    return ("/" in word or "." in word.strip(".")) and all(each.isalnum() or each in "._-/+:" for each in word)
