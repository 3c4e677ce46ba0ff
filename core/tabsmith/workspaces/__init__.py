"""Folders that agents work on: a copy or a git worktree, what changed in it, and its way back."""

from tabsmith.workspaces.changes import FileChange
from tabsmith.workspaces.merge_back import MergeResult
from tabsmith.workspaces.tree import FolderTree, LeftOut, TreeEntry, WorkspaceLimits
from tabsmith.workspaces.workspace import Workspace

__all__ = ["FileChange", "FolderTree", "LeftOut", "MergeResult", "TreeEntry", "Workspace", "WorkspaceLimits"]
