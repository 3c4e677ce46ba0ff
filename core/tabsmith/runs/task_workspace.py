"""The workspace of a task: a copy or worktree of the task's folder, kept in the run's, and the acceptance command.

Whatever reads or writes files does so in a forked child, so that the worker can act on commands meanwhile.
"""

from pathlib import Path
from typing import Final, Literal

import msgspec

from tabsmith.errors import SandboxError
from tabsmith.orchestration.events import Acceptance, ChangedFile
from tabsmith.runs.pool import Pool
from tabsmith.sandbox.policy import WALLS, SandboxLevel, SandboxPolicy
from tabsmith.sandbox.runner import run_command
from tabsmith.tasks import Task
from tabsmith.text import clean
from tabsmith.workspaces import FileChange, Workspace

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
            made = Workspace.create(task.place, path, how).made
            left_out = ", ".join(clean(each.path, 60) for each in made.left_out[:10])
            notes = (made.instead, f"left out of the copy: {left_out}" if left_out else "")
            return OpenedWorkspace(made.how, str(path / "folder"), tuple(note for note in notes if note))

        return await self._pool.run(work, OpenedWorkspace)

    async def renew_repository(self) -> tuple[str, ...]:
        """Give the folder a fresh git repository; return the paths outside that commands must be able to read for it.

        Raises ReportedError.
        """

        def work(_: object) -> _Readable:
            return _Readable(tuple(map(str, Workspace.open(self._path).renew_repository())))

        return (await self._pool.run(work, _Readable)).paths

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

    async def accept(self) -> Acceptance:
        """Run the acceptance command in the folder. Whatever the command does, nothing is raised."""
        policy = SandboxPolicy(seconds=self._task.accept_seconds, network="all" if self._task.may.network else "none")
        try:
            outcome = await run_command(self._task.accept, self.folder, policy, self._level)
        except SandboxError as error:
            return Acceptance(
                verdict="could not run", status=None, ended=error.what, seconds=0.0, output="", level=self._level
            )
        return Acceptance(
            verdict="accepted" if outcome.passed else "rejected",
            status=outcome.status,
            ended=outcome.ended,
            seconds=outcome.seconds,
            output=str(outcome.output),
            level=outcome.level,
        )

    async def hand_back(self, iteration: int) -> MergeSummary:
        """Bring the real folder to the state after `iteration`. Raises ReportedError where others changed the same."""

        def work(_: object) -> MergeSummary:
            done = Workspace.open(self._path).merge_back(iteration, on_conflict="keep others")
            stayed = ", ".join(clean(str(each), 60) for each in done.stayed[:10])
            return MergeSummary(len(done.changed), (f"stayed behind: {stayed}",) if stayed else ())

        return await self._pool.run(work, MergeSummary)


class _Readable(msgspec.Struct, frozen=True):
    paths: tuple[str, ...]


def _named(changes: tuple[FileChange, ...]) -> WorkspaceChanges:
    named = tuple(
        ChangedFile(clean(change.path, 200), change.kind, change.lines_added, change.lines_removed)
        for change in changes[:MOST_NAMED]
    )
    return WorkspaceChanges(named, max(0, len(changes) - MOST_NAMED))
