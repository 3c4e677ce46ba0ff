"""The task file screen: a form for the file, its budget and its tasks; every answer is checked at once."""

import asyncio
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final, get_args

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import OptionList

from tabsmith import tasks
from tabsmith.agents.backend import Availability, availability
from tabsmith.errors import TabsmithError
from tabsmith.formatting import time_of_day
from tabsmith.runs.task_spec import task_run_spec
from tabsmith.storage.files import write_atomic
from tabsmith.tasks.task import CodingAgentName, TaskFile
from tabsmith.text import clean, plural
from tabsmith.workflow.form import Option
from tabsmith_tui import task_files
from tabsmith_tui.actions import bindings_of
from tabsmith_tui.screens.base import STYLES, TabsmithScreen, start_worker
from tabsmith_tui.screens.dialogs import AskPathScreen, DialogAnswer, QuestionScreen
from tabsmith_tui.task_files import FILE_FIELDS, CheckedDraft, Draft, TaskDraft, TaskFieldProblem
from tabsmith_tui.views import agents as agent_views
from tabsmith_tui.widgets.form_rows import TaskRow
from tabsmith_tui.widgets.literal import ContentText, TextLine, assemble, literal, set_border_title
from tabsmith_tui.widgets.menu import Group, Item, Menu
from tabsmith_tui.widgets.path_field import PathField

_AGENTS: Final = tuple(Option(agent, agent) for agent in get_args(CodingAgentName))


class OpenTaskFileScreen(AskPathScreen):
    """Asks for an existing file."""

    def on_path_field_submitted(self, event: PathField.Submitted) -> None:
        """Close with the path; reading the file reports its problems."""
        if event.value.strip():
            self.dismiss(event.value)
        else:
            self.query_one("#warning", TextLine).show("Type the path of the file.")


class TaskFileScreen(TabsmithScreen):
    """A draft of a task file; the file on disk changes only when the draft is saved."""

    SCOPE = "tasks"
    CSS_PATH = STYLES / "task_file.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012 - Textual's declaration
    BINDINGS = bindings_of("tasks")
    AUTO_FOCUS = "#row-name TypedLine"
    ABOUT = (
        "Coding tasks for agents: each has a goal, a folder and a command that proves it. Everything is checked "
        "while you type; nothing is written before you save, and nothing runs before f9."
    )

    def __init__(self) -> None:
        super().__init__()
        self._draft = task_files.new_file()
        self._index = 0  # of the task under the cursor
        self._checked: CheckedDraft | None = None
        self._saved = self._texts()
        self._original: tuple[Path, str] | None = None  # the path and text that were read or written last
        self._agents: dict[str, Availability] = {}

    def body(self) -> ComposeResult:
        with VerticalScroll(id="page", can_focus=False):
            with Vertical(id="left"):
                with Vertical(id="file", classes="panel") as file:
                    set_border_title(file, "File and budget")
                    yield from file_rows()
                with Vertical(id="list", classes="panel") as task_list:
                    set_border_title(task_list, "Tasks")
                    yield Menu(id="tasks")
                yield TextLine(id="problems")
            with Vertical(id="task", classes="panel"):
                yield TextLine(id="task-problems")
                yield from task_rows()

    def on_mount(self) -> None:
        """Show the draft; agents are looked for after the first frame."""
        self.show_subject("task file")
        self._show()
        self.call_after_refresh(self._look)

    def _look(self) -> None:
        start_worker(self, self._find_agents, "agents")
        self._check_soon()

    async def _find_agents(self) -> None:
        agents = await asyncio.to_thread(availability, self.services.settings.agents)
        self._agents = {agent.agent: agent for agent in agents}
        self.query_one("#row-agent", TaskRow).offer(
            tuple(
                Option(agent, agent, agent_views.availability(self._agents[agent]).text)
                for agent in get_args(CodingAgentName)
            )
        )
        self._say()

    # The draft ------------------------------------------------------------------------------------------------------

    @property
    def _current(self) -> TaskDraft | None:
        tasks_of = self._draft.tasks
        return tasks_of[self._index] if self._index < len(tasks_of) else None

    def _part(self, row: TaskRow) -> Draft | None:
        return self._draft if row.key in FILE_FIELDS else self._current

    def _texts(self) -> tuple[dict[str, str], ...]:
        return tuple(dict(part.texts) for part in (self._draft, *self._draft.tasks))

    @property
    def unsaved(self) -> bool:
        """Whether the draft differs from what was read or saved last."""
        return self._texts() != self._saved

    def _show(self) -> None:
        """Show the draft in the fields, with its problems."""
        for row in self.query(TaskRow):
            part = self._part(row)
            row.display = part is not None
            if part is not None:
                row.put_value(part.texts[row.key])
        self._say()

    def on_task_row_changed(self, event: TaskRow.Changed) -> None:
        """Keep the typed text, and check the draft."""
        event.stop()
        part = self._part(event.row)
        if part is not None:
            part.texts[event.row.key] = event.text
            part.touched.add(event.row.key)
            self._check_soon()

    # Checking -------------------------------------------------------------------------------------------------------

    def _check_soon(self) -> None:
        start_worker(self, self._check_and_say, "check", alone=True)

    async def _check_and_say(self) -> None:
        await self._check()

    async def _check(self) -> CheckedDraft:
        self._checked = await asyncio.to_thread(
            task_files.check, self._draft, tuple(self.services.settings.paths.allowed)
        )
        self._say()
        return self._checked

    def _say(self) -> None:
        """Show problems below their fields, the list of tasks, and what prevents a run."""
        problems = self._checked.problems if self._checked else ()
        for row in self.query(TaskRow):
            part = self._part(row)
            number = 0 if row.key in FILE_FIELDS else self._index + 1
            own = [problem.what for problem in problems if (problem.task, problem.field) == (number, row.key)]
            touched = part is not None and row.key in part.touched
            row.show_problem("; ".join(own) if touched else "", self._agent_words() if row.key == "agent" else "")
        count = len(self._draft.tasks)
        set_border_title(
            self.query_one("#task"), f"Task {self._index + 1} of {count}" if count else "No task: f4 adds one"
        )
        self.query_one("#tasks", Menu).put((Group("", tuple(self._item(index, problems) for index in range(count))),))
        unplaced = [problem for problem in problems if not problem.field]
        own = [f"✘ {problem.what}" for problem in unplaced if problem.task == self._index + 1]
        _show_lines(self.query_one("#task-problems", TextLine), own)
        general = [literal(f"✘ {problem.what}", 500, "$bad") for problem in unplaced if problem.task == 0]
        if self._checked and self._checked.parsed:
            general += [literal(f"! {warning}", 500, "$warn") for warning in self._checked.parsed.warnings]
        _show_lines(self.query_one("#problems", TextLine), general)
        self._show_state(len(problems))
        self.refresh_bindings()

    def _show_state(self, wrong: int) -> None:
        if wrong:
            self.show_status(assemble((f"! {plural(wrong, 'answer')} missing or wrong", "$warn")))
        elif self.unsaved:
            self.show_status(assemble(("✔ ready to run", "$good")), literal("not saved", style="$quiet"))
        elif self._original:
            self.show_status(assemble(("✔ ready to run", "$good")), literal(self._original[0].name, 60, "$quiet"))

    def _agent_words(self) -> str:
        agent = self._agents.get(self._current.texts["agent"]) if self._current else None
        return f"{agent_views.availability(agent).text}: {agent.why}. {agent.next_step}".strip() if agent else ""

    def _item(self, index: int, problems: tuple[TaskFieldProblem, ...]) -> Item:
        texts = self._draft.tasks[index].texts
        wrong = any(problem.task == index + 1 for problem in problems)
        glyph = Content.styled("!", "$warn") if wrong else Content.styled("✔", "$good")
        after = f"after {texts['depends_on']}" if texts["depends_on"].strip() else ""
        name = literal(texts["name"].strip() or f"task {index + 1}", 40)
        return Item(f"task-{index}", (glyph, name, literal(after, 60, "$quiet"), literal(texts["agent"], 20)))

    # Tasks ----------------------------------------------------------------------------------------------------------

    @on(OptionList.OptionHighlighted)
    def _moved(self, event: OptionList.OptionHighlighted) -> None:
        index = int((event.option.id or "task-0").removeprefix("task-"))
        if index != self._index and event.option_list.has_focus:
            self._index = index
            self._show()

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.action_edit()

    def action_list(self) -> None:
        """Go to the list of tasks."""
        self.query_one("#tasks", Menu).focus()

    def action_edit(self) -> None:
        """Go to the fields of the task."""
        if self._current is not None:
            self._focus("name")

    def action_add(self) -> None:
        """A new task below the others."""
        self._draft.tasks.append(task_files.new_task())
        self._go_to(len(self._draft.tasks) - 1)
        self._focus("name")
        self._check_soon()

    def action_remove(self) -> None:
        """Remove the task under the cursor; ask first if something is typed in it."""
        task = self._current
        if task is None:
            return
        if not any(task.texts[name].strip() for name in ("name", "goal", "accept")):
            self._remove("remove")
            return
        name = literal(task.texts["name"].strip() or f"task {self._index + 1}", 60)
        answers = (DialogAnswer("", "keep it"), DialogAnswer("remove", "remove it", "the file changes when you save"))
        self.app.push_screen(QuestionScreen("Remove a task", assemble("Remove ", name, "?"), answers), self._remove)

    def _remove(self, answer: str | None) -> None:
        if answer == "remove":
            del self._draft.tasks[self._index]
            self._go_to(max(0, min(self._index, len(self._draft.tasks) - 1)))
            self._check_soon()

    def _go_to(self, index: int) -> None:
        """Show the task with this index, with the cursor of the list on it."""
        self._index = index
        self._checked = None
        self._show()
        menu = self.query_one("#tasks", Menu)
        if self._draft.tasks:
            menu.highlighted = menu.get_option_index(f"task-{index}")

    def _focus(self, name: str) -> None:
        self.query_one(f"#row-{name}", TaskRow).entry.focus()

    # Open, save, run ------------------------------------------------------------------------------------------------

    def action_open(self) -> None:
        """Open an existing file; ask first if the draft is not saved."""
        if self.unsaved:
            self._ask_to_drop("Open another file?", self._ask_path)
        else:
            self._ask_path()

    def _ask_path(self) -> None:
        def answered(path: str | None) -> None:
            if path:
                start_worker(self, partial(self._open, path), "file")

        question = "Which file? Its tasks are read into the form."
        self.app.push_screen(OpenTaskFileScreen("Open a task file", question, ""), answered)

    async def _open(self, typed: str) -> None:
        try:
            text, task_file = await asyncio.to_thread(
                read_task_file, typed, tuple(self.services.settings.paths.allowed)
            )
        except TabsmithError as error:
            self.show_error(error)
            return
        self._draft = task_files.draft_of(task_file)
        self._saved = self._texts()
        self._original = (task_file.path, text)
        self._go_to(0)
        await self._check()
        self._focus("name")

    def action_save(self) -> None:
        """Save, if nothing is wrong."""
        self._begin_save(run=False)

    def action_run(self) -> None:
        """Save, and start the run."""
        self._begin_save(run=True)

    def _begin_save(self, *, run: bool) -> None:
        # A second press meanwhile must not start a second run.
        if not any(
            worker.group == "file" and worker.node is self and not worker.is_finished for worker in self.workers
        ):
            start_worker(self, partial(self._save, run=run), "file")

    async def _save(self, *, run: bool) -> None:
        task_files.touch_all(self._draft)
        texts = self._texts()
        checked = await self._check()
        parsed = checked.parsed
        if parsed is None:
            self._go_to_problem(checked.problems[0])
        elif self._original is not None and not self.unsaved:
            await self._use_unchanged(parsed, self._original[1], run=run)
        elif os.path.lexists(parsed.path):
            again = self._original is not None and self._original[0] == parsed.path
            loss = "Comments in it are lost." if again else "It was not opened here."
            answers = (DialogAnswer("", "keep the file"), DialogAnswer("replace", "replace it", loss))
            ask = QuestionScreen(
                "Replace a file", assemble(literal(parsed.path, 300), " is there already. Replace it?"), answers
            )

            def answered(answer: str | None) -> None:
                if answer == "replace":
                    start_worker(self, partial(self._write, parsed, checked.text, texts, run=run), "file")

            self.app.push_screen(ask, answered)
        else:
            await self._write(parsed, checked.text, texts, run=run)

    async def _use_unchanged(self, task_file: TaskFile, text: str, *, run: bool) -> None:
        """Use the file on disk with its comments; if it was changed meanwhile, read it into the form instead."""
        try:
            on_disk = await asyncio.to_thread(tasks.text_of, task_file.path)
        except TabsmithError as error:
            self.show_error(error)
            return
        if on_disk == text:
            await self._done(task_file, text, run=run)
        else:
            await self._open(str(task_file.path))
            self.app.notify("The file was changed meanwhile and is read again: check it first.", severity="warning")

    async def _write(self, task_file: TaskFile, text: str, texts: tuple[dict[str, str], ...], *, run: bool) -> None:
        try:
            await asyncio.to_thread(write_atomic, task_file.path, text.encode())
        except TabsmithError as error:
            self.show_error(error)
            return
        self._saved = texts
        self._original = (task_file.path, text)
        self._say()
        await self._done(task_file, text, run=run)

    async def _done(self, task_file: TaskFile, text: str, *, run: bool) -> None:
        if run:
            await self._start(task_file, text)
        else:
            self.app.notify(f"Saved at {time_of_day(self.services.clock())}: {clean(task_file.path, 300)}")

    async def _start(self, task_file: TaskFile, text: str) -> None:
        services = self.services
        agents = services.settings.agents
        try:
            spec = await asyncio.to_thread(
                partial(
                    task_run_spec, task_file, text, agents, mode=agents.mode, breakpoints=agents.breakpoints,
                    run_id=services.new_id(), now=services.clock(),
                )
            )  # fmt: skip
            await services.supervisor.start_run(spec)
        except Exception as error:  # noqa: BLE001 - shown with its real name
            self.show_error(error)
            return
        services.open_screen("run", spec.id)

    def _go_to_problem(self, problem: TaskFieldProblem) -> None:
        """Go to the field of a problem."""
        if problem.task and problem.task - 1 != self._index:
            checked = self._checked
            self._go_to(problem.task - 1)
            self._checked = checked
            self._say()
        if problem.field:
            self._focus(problem.field)
        else:
            self.app.notify(problem.what, severity="warning")

    # Keys -----------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """The task under the cursor is edited and removed from the list."""
        if action in ("edit", "remove"):
            return self.is_mounted and self.query_one("#tasks", Menu).has_focus and self._current is not None
        return True

    def action_back(self) -> None:
        """Go back; ask first when something is not saved."""
        if self.unsaved:
            self._ask_to_drop("Leave without saving?", self.dismiss)
        else:
            self.dismiss()

    def _ask_to_drop(self, title: str, then: Callable[[], object]) -> None:
        def answered(answer: str | None) -> None:
            if answer == "drop":
                then()

        answers = (DialogAnswer("", "stay here"), DialogAnswer("drop", "do not save", "what you typed is lost"))
        self.app.push_screen(QuestionScreen(title, "The task file is not saved.", answers), answered)


def file_rows() -> tuple[TaskRow, ...]:
    """The rows of the file's part of the form."""
    return (
        TaskRow("file", "file", "The path of the task file. Folders of tasks are relative to its folder."),
        TaskRow("iterations", "iterations", "How often agents are sent, over all tasks; empty: no limit."),
        TaskRow("dollars", "dollars", "What all of it may cost, such as 2.50; empty: that of the settings."),
        TaskRow("seconds", "seconds", "How long all of it may take; empty: no limit."),
    )


def task_rows() -> tuple[TaskRow, ...]:
    """The rows of a task's part of the form."""
    return (
        TaskRow("name", "name", "A word that names it: letters, digits, _ - and dots."),
        TaskRow("goal", "goal", "The goal in your own words; tab goes to the next field.", "text"),
        TaskRow("folder", "folder", "The folder it is about, from the file; the agent gets a copy or a worktree."),
        TaskRow("agent", "agent", "Who works on it.", "choice", _AGENTS),
        TaskRow("accept", "acceptance", "The command, run in the folder, whose exit status is the verdict.", "text"),
        TaskRow("depends_on", "depends on", "Tasks that must succeed before it: names with commas between."),
        TaskRow("run", "may run", "Commands that need no asking, one pattern a line, such as python *", "text"),
        TaskRow("rubric", "rubric", "By what its quality is graded; a failed acceptance stays failed.", "text"),
    )


def read_task_file(typed: str, allowed: tuple[Path, ...]) -> tuple[str, TaskFile]:
    """Read a file: its text, and the tasks in it. Raises TaskFileError."""
    path = Path(os.path.abspath(os.path.expanduser(typed)))  # noqa: PTH100, PTH111 - leaves an unknown `~name`
    text = tasks.text_of(path)
    return text, tasks.parse(text, path, allowed=(*allowed, path.parent))


def _show_lines(line: TextLine, lines: Sequence[ContentText]) -> None:
    """Show these lines; hide the widget if there are none."""
    line.display = bool(lines)
    line.show(Content("\n").join(assemble(part) for part in lines))
