"""Workspaces: an agent works in a copy or git worktree of the user's folder; `scan.py` reads it, `changes.py` compares its
states, and `merge_back.py` brings an accepted state back."""

from tabsmith.workspaces.changes import FileChange
from tabsmith.workspaces.merge_back import MergeResult
from tabsmith.workspaces.tree import FolderTree, LeftOut, TreeEntry, WorkspaceLimits
from tabsmith.workspaces.workspace import Workspace

__all__ = ["FileChange", "FolderTree", "LeftOut", "MergeResult", "TreeEntry", "Workspace", "WorkspaceLimits"]
