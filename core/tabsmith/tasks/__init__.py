"""Task files: goals for coding agents, written by people and checked as a whole before anything runs."""

from tabsmith.tasks.files import parse, read, text_of, write
from tabsmith.tasks.order import Blocked, NextTask, next_task, order
from tabsmith.tasks.task import Task, TaskFile, TaskPermissions

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
