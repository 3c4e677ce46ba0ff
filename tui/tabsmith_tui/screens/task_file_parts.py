"""What the screen of a task file is made of: its fields, the question for a file, what is said of it."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final, get_args

from textual.content import Content

from tabsmith import tasks
from tabsmith.tasks.task import TaskAgent, TaskFile
from tabsmith.workflow.fields import Option
from tabsmith_tui.screens.ask_path import AskPathScreen
from tabsmith_tui.task_drafts import Misfit
from tabsmith_tui.widgets.literal import Line, Words, words
from tabsmith_tui.widgets.path_field import PathField
from tabsmith_tui.widgets.task_rows import TaskRow

_AGENTS: Final = tuple(Option(each, each) for each in get_args(TaskAgent))


def file_rows() -> tuple[TaskRow, ...]:
    """Fields of the file."""
    return (
        TaskRow("file", "file", "Where the task file lies. Folders of tasks are meant from here."),
        TaskRow("iterations", "iterations", "How often agents are sent, over all tasks; empty: no limit."),
        TaskRow("dollars", "dollars", "What all of it may cost, such as 2.50; empty: that of the settings."),
        TaskRow("seconds", "seconds", "How long all of it may take; empty: no limit."),
    )


def task_rows() -> tuple[TaskRow, ...]:
    """Fields of a task."""
    return (
        TaskRow("name", "name", "A word that names it: letters, digits, _ - and dots."),
        TaskRow("goal", "goal", "What is to be reached, in your words and lines; tab goes on.", "text"),
        TaskRow("folder", "folder", "The folder it is about, from the file; the agent gets a copy or a worktree."),
        TaskRow("agent", "agent", "Who works on it.", "choice", _AGENTS),
        TaskRow("accept", "acceptance", "The command, run in the folder, whose exit status is the verdict.", "text"),
        TaskRow("depends_on", "depends on", "Tasks that must succeed before it: names with commas between."),
        TaskRow("run", "may run", "Commands that need no asking, one pattern a line, such as python *", "text"),
        TaskRow("rubric", "rubric", "By what its quality is graded; a failed acceptance stays failed.", "text"),
    )


class OpenTaskFileScreen(AskPathScreen):
    """Asks for a file that is there."""

    def on_path_field_submitted(self, event: PathField.Submitted) -> None:
        """Take it; reading says what is wrong with it."""
        if event.value.strip():
            self.dismiss(event.value)
        else:
            self.query_one("#warning", Line).show("Type the path of the file.")


def unplaced(misfit: Misfit, number: int) -> bool:
    """It belongs to this part and to none of the fields that are shown."""
    return misfit.task == number and not misfit.field


def put(line: Line, said: Sequence[Words]) -> None:
    """Show these lines; none of them hides it."""
    line.display = bool(said)
    line.show(Content("\n").join(words(each) for each in said))


def read(typed: str, allowed: tuple[Path, ...]) -> tuple[str, TaskFile]:
    """The text of a file, and its tasks. Raises TaskFileError."""
    path = Path(os.path.abspath(os.path.expanduser(typed)))  # noqa: PTH100, PTH111 - leaves an unknown `~name`
    text = tasks.text_of(path)
    return text, tasks.parse(text, path, allowed=(*allowed, path.parent))
