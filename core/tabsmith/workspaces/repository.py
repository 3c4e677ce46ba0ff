"""A git repository for a copied folder: the agent's own, with the history of the user's and nothing else of it.

The copy's repository has an index and references of its own, and finds the commits among the user's objects, which are read
where they are. The user's settings, hooks and remotes, which may hold passwords or start programs, are not in it. It is never
handed back, as every `.git` is left out.
"""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from tabsmith.errors import WorkspaceError
from tabsmith.storage.files import storage_error
from tabsmith.text import clean
from tabsmith.workspaces.folders import remove_tree
from tabsmith.workspaces.tree import REPOSITORY_FOLDER

_GIT_SECONDS: Final = 120.0  # for one command
_SAFE_OPTIONS: Final = (  # against what a repository's own settings could make git start, or fetch
    "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "protocol.allow=never",
    "-c", "core.untrackedCache=false", "-c", "gc.auto=0", "-c", "maintenance.auto=false",
)  # fmt: skip
_AUTHOR: Final = "[user]\n\tname = tabsmith\n\temail = tabsmith@localhost\n"


class GitError(Exception):
    """git could not do what it was asked for; the message says why."""


def run_git(folder: Path, *words: str) -> str:
    """Run git in `folder` and return its output. Raises GitError with git's last line if it fails."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment |= {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            ["git", *_SAFE_OPTIONS, "-C", str(folder), *words],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_GIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise GitError(f"git did not answer: {clean(error)}") from error
    if done.returncode:
        lines = os.fsdecode(done.stderr).strip().splitlines()
        raise GitError(f"git: {clean(lines[-1] if lines else f'exit status {done.returncode}')}")
    return os.fsdecode(done.stdout)


def objects_folder(origin: Path) -> Path | None:
    """Return where the repository of the folder `origin` keeps its objects; None if `origin` is no repository of its own."""
    if shutil.which("git") is None or not (origin / REPOSITORY_FOLDER).exists():
        return None
    try:
        return (origin / run_git(origin, "rev-parse", "--git-path", "objects").removesuffix("\n")).resolve()
    except GitError:
        return None


def make_repository(origin: Path, folder: Path) -> None:
    """Give `folder`, a copy of `origin`, a fresh repository at the commit of the user's; whatever is there is removed.

    Nothing is made if `origin` has no commits. Raises StorageError, and WorkspaceError if git fails.
    """
    place = folder / REPOSITORY_FOLDER
    remove_tree(place)
    objects = objects_folder(origin)
    if objects is None:
        return
    try:
        commit = run_git(origin, "rev-parse", "--verify", "HEAD^{commit}").strip()
    except GitError:
        return  # nothing was committed yet
    try:
        kind = run_git(origin, "rev-parse", "--show-object-format").strip()
        branch = run_git(origin, "rev-parse", "--abbrev-ref", "HEAD").strip()
        branch = "main" if branch == "HEAD" else branch
        run_git(folder, "init", "-q", "--template=", f"--object-format={kind}", f"--initial-branch={branch}")
        (place / "objects/info").mkdir(parents=True, exist_ok=True)
        (place / "objects/info/alternates").write_text(f"{objects}\n", encoding="utf-8")
        if (shallow := objects.parent / "shallow").is_file():
            shutil.copyfile(shallow, place / "shallow")
        with (place / "config").open("a", encoding="utf-8") as config:
            config.write(_AUTHOR)
        run_git(folder, "update-ref", f"refs/heads/{branch}", commit)
        run_git(folder, "read-tree", "HEAD")
    except GitError as error:
        raise WorkspaceError(
            f"The copy could not be given a git repository: {error}.",
            where=str(origin),
            next_step="Run `git fsck` there.",
        ) from error
    except OSError as error:
        raise storage_error(error, place, "make") from error
