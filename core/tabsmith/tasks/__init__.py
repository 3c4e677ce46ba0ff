"""Task files: goals for agents with hands, written by people, checked whole before anything runs."""

from tabsmith.tasks.order import Blocked, Ready, order, ready
from tabsmith.tasks.reading import parse, read, text_of
from tabsmith.tasks.task import Budget, May, Task, TaskFile
from tabsmith.tasks.writing import write

__all__ = [
    "Blocked",
    "Budget",
    "May",
    "Ready",
    "Task",
    "TaskFile",
    "order",
    "parse",
    "read",
    "ready",
    "text_of",
    "write",
]
