"""Folders that agents work on: a copy or a git worktree, what changed in it, and its way back."""

from tabsmith.workspaces.changes import Change
from tabsmith.workspaces.entries import Bounds, Entry, LeftOut, Tree
from tabsmith.workspaces.handing_back import HandedBack
from tabsmith.workspaces.workspace import Workspace

__all__ = ["Bounds", "Change", "Entry", "HandedBack", "LeftOut", "Tree", "Workspace"]
