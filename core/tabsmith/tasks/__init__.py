"""Task files: goals for agents with hands, written by people, checked whole before anything runs."""

from tabsmith.tasks.files import parse, read, text_of, write
from tabsmith.tasks.order import Blocked, Ready, order, ready
from tabsmith.tasks.task import Task, TaskFile, TaskPermissions

__all__ = [
    "Blocked",
    "Ready",
    "Task",
    "TaskFile",
    "TaskPermissions",
    "order",
    "parse",
    "read",
    "ready",
    "text_of",
    "write",
]
