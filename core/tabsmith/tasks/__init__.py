"""Task files: goals for coding agents, written by people and checked as a whole before anything runs."""

from tabsmith.tasks.files import parse, read, text_of, write
from tabsmith.tasks.task import Blocked, NextTask, Task, TaskFile, TaskPermissions, next_task, order

__all__ = [
    "Blocked",
    "NextTask",
    "Task",
    "TaskFile",
    "TaskPermissions",
    "next_task",
    "order",
    "parse",
    "read",
    "text_of",
    "write",
]
