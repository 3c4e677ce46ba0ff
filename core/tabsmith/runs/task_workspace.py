"""The workspace of a task: a copy or worktree of the task's folder, kept in the run's, and the acceptance command.

Whatever reads or writes files does so in a forked child, so that the worker can act on commands meanwhile.
"""

import os
from pathlib import Path
from typing import Final, Literal

import msgspec

from tabsmith.errors import ReportedError, SandboxError
from tabsmith.orchestration.events import Acceptance, ChangedFile
from tabsmith.runs.pool import Pool
from tabsmith.sandbox.policy import WALLS, SandboxLevel, SandboxPolicy
from tabsmith.sandbox.runner import run_command
from tabsmith.tasks import Task, TaskPermissions
from tabsmith.tasks.protection import Protection, obeyed, readable_outside
from tabsmith.text import clean
from tabsmith.workspaces import FileChange, Workspace, WorkspaceLimits
from tabsmith.workspaces.folders import remove_tree
from tabsmith.workspaces.repository import objects_folder

MOST_NAMED: Final = 100  # changed files that the journal names


class OpenedWorkspace(msgspec.Struct, frozen=True):
    """How the workspace was made, and notes for the person."""

    how: Literal["copy", "worktree"]
    folder: str
    notes: tuple[str, ...]


class WorkspaceChanges(msgspec.Struct, frozen=True):
    """Files that differ: those that are named, and how many more."""

    named: tuple[ChangedFile, ...]
    more: int


class WorkspaceDiff(msgspec.Struct, frozen=True):
    """A unified diff."""

    text: str


class MergeSummary(msgspec.Struct, frozen=True):
    """How many files were merged back, and notes for the person."""

    files: int
    notes: tuple[str, ...]


class ForkedTaskWorkspace:
    """The workspace of one task, at `path`."""

    def __init__(self, task: Task, path: Path, level: SandboxLevel, pool: Pool) -> None:
        self.folder = path / "folder"
        self._task = task
        self._path = path
        self._level = level
        self._pool = pool

    async def open(self) -> OpenedWorkspace:
        """Make the workspace, or open the one that an earlier worker made. Raises ReportedError."""
        task, path = self._task, self._path
        # A worktree's .git leads into the real repository, which only a sandbox with walls keeps from harm.
        how = task.workspace if self._level in WALLS else "copy"

        def work(_: object) -> OpenedWorkspace:
            made = Workspace.create(task.place, path, how, _limits(task.may)).made
            left_out = ", ".join(clean(each.path, 60) for each in made.left_out[:10])
            notes = (made.instead, f"left out of the copy: {left_out}" if left_out else "")
            return OpenedWorkspace(made.how, str(path / "folder"), tuple(note for note in notes if note))

        return await self._pool.run(work, OpenedWorkspace)

    async def renew_repository(self) -> tuple[str, ...]:
        """Give the folder a fresh git repository; return the paths outside that commands must be able to read for it.

        Raises ReportedError.
        """

        def work(_: object) -> _Paths:
            readable = (*readable_outside(self._task.may), *Workspace.open(self._path).renew_repository())
            return _Paths(tuple(map(str, readable)))

        return (await self._pool.run(work, _Paths)).paths

    async def changes(self, iteration: int) -> WorkspaceChanges:
        """Return what the iteration left different from the one before; the state of the folder is kept."""

        def work(_: object) -> WorkspaceChanges:
            workspace = Workspace.open(self._path)
            before = workspace.tree_before(iteration)
            return _named(workspace.changes(before, workspace.mark(iteration)))

        return await self._pool.run(work, WorkspaceChanges)

    async def changed(self) -> WorkspaceChanges:
        """Return what differs from the start of the task."""

        def work(_: object) -> WorkspaceChanges:
            workspace = Workspace.open(self._path)
            return _named(workspace.changes(workspace.tree(0), workspace.tree(max(workspace.marks()))))

        return await self._pool.run(work, WorkspaceChanges)

    async def difference(self, iteration: int) -> str:
        """Return what the iteration changed, as a unified diff, cut."""

        def work(_: object) -> WorkspaceDiff:
            workspace = Workspace.open(self._path)
            before, after = workspace.tree_before(iteration), workspace.tree(iteration)
            return WorkspaceDiff(workspace.difference(before, after, limit=60_000))

        return (await self._pool.run(work, WorkspaceDiff)).text

    async def accept(self, iteration: int) -> Acceptance:
        """Run the acceptance command in a fresh folder with nothing but what the iteration left, protected files restored.

        Whatever the command does, nothing is raised.
        """
        task, place = self._task, self._path / "acceptance"

        def work(_: object) -> _CheckedOut:
            workspace = Workspace.open(self._path)
            restored = workspace.check_out(iteration, place, Protection(task).covers)
            objects = objects_folder(workspace.origin)
            return _CheckedOut(tuple(clean(path, 200) for path in restored), str(objects or ""))

        restored: tuple[str, ...] = ()
        try:
            made = await self._pool.run(work, _CheckedOut)
            restored = made.restored
            policy = SandboxPolicy(
                readable=(*readable_outside(task.may), *((Path(made.objects),) if made.objects else ())),
                seconds=task.accept_seconds,
                network="all" if task.may.network else "none",
            )
            outcome = await run_command(task.accept, place, policy, self._level, environment=_safe_path_environment())
        except (SandboxError, ReportedError) as error:
            return Acceptance(
                verdict="could not run",
                status=None,
                ended=error.what,
                seconds=0.0,
                output="",
                level=self._level,
                restored=restored,
            )
        finally:
            await self._pool.run(lambda _: _removed(place), _Removed)
        return Acceptance(
            verdict="accepted" if outcome.passed else "rejected",
            status=outcome.status,
            ended=outcome.ended,
            seconds=outcome.seconds,
            output=str(outcome.output),
            level=outcome.level,
            restored=restored,
        )

    async def obeyed(self, iteration: int) -> tuple[str, ...]:
        """Return the files among the accepted changes that programs run or obey unasked, such as hooks of git."""

        def work(_: object) -> _Paths:
            workspace = Workspace.open(self._path)
            changes = workspace.changes(workspace.tree(0), workspace.accepted_tree(iteration))
            return _Paths(tuple(each.path for each in changes if obeyed(each.path)))

        return (await self._pool.run(work, _Paths)).paths

    async def hand_back(self, iteration: int, leave: tuple[str, ...] = ()) -> MergeSummary:
        """Bring the real folder to the accepted state of `iteration`, without the paths in `leave`. Raises ReportedError
        where others changed the same."""

        def work(_: object) -> MergeSummary:
            done = Workspace.open(self._path).merge_back(iteration, on_conflict="keep others", leave=leave)
            stayed = ", ".join(clean(str(each), 60) for each in done.stayed[:10])
            return MergeSummary(len(done.changed), (f"stayed behind: {stayed}",) if stayed else ())

        return await self._pool.run(work, MergeSummary)


class _Paths(msgspec.Struct, frozen=True):
    paths: tuple[str, ...]


class _CheckedOut(msgspec.Struct, frozen=True):
    restored: tuple[str, ...]
    objects: str  # the folder of the repository's objects, "" without a repository


class _Removed(msgspec.Struct, frozen=True):
    pass


def _removed(folder: Path) -> _Removed:
    remove_tree(folder)
    return _Removed()


def _limits(may: TaskPermissions) -> WorkspaceLimits:
    return WorkspaceLimits(named=may.secrets, readable=tuple(each for each in may.read if not each.startswith("/")))


def _safe_path_environment() -> dict[str, str]:
    """The environment with a search path in which no entry depends on the folder that a command runs in."""
    entries = [entry for entry in os.environ.get("PATH", os.defpath).split(os.pathsep) if entry.startswith("/")]
    return {**os.environ, "PATH": os.pathsep.join(entries)}


def _named(changes: tuple[FileChange, ...]) -> WorkspaceChanges:
    named = tuple(
        ChangedFile(clean(change.path, 200), change.kind, change.lines_added, change.lines_removed)
        for change in changes[:MOST_NAMED]
    )
    return WorkspaceChanges(named, max(0, len(changes) - MOST_NAMED))
