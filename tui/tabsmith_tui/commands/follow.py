"""A run on the plain terminal: started, left running, or followed with its progress, its questions and its result."""

import os
import select
import sys
import termios
import time
from typing import Final

from tabsmith.errors import INTERRUPTED, WORK_FAILED, RunStateError, UsageError
from tabsmith.presentation.budgets import used_so_far
from tabsmith.presentation.events import EventPrinter
from tabsmith.presentation.tasks import has_tasks
from tabsmith.runs.events import Answer, RunState
from tabsmith.runs.folder import RunFolder
from tabsmith.runs.replies import accepted_words, open_question, parse_line
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.runs.spec import RunSpec
from tabsmith.runs.training import launch_detached, stop_and_wait
from tabsmith.runs.watch import RunWatch
from tabsmith.text import clean_block, plural
from tabsmith_tui.commands.output import print_json, print_text, say, say_error
from tabsmith_tui.commands.run_report import agent_facts, print_report, print_tasks, tasks_document, train_document

LOOK_SECONDS: Final = 0.05  # between two looks at the journal
_MOST_BYTES: Final = 65_536


def launch(spec: RunSpec) -> RunFolder:
    """Start the run of `spec` in a process of its own."""
    folder = RunFolder.create(spec)
    launch_detached(folder)
    return folder


def leave_running(folder: RunFolder, *, as_json: bool) -> int:
    """Print how to come back to a run that was started, and its id or its document. Returns the exit status."""
    say(f"Started. To follow it: tabsmith runs attach {folder.id}")
    if not as_json:
        print_text(folder.id)
        return 0
    run = RunWatch(folder.id).refresh()
    document = tasks_document if has_tasks(run) else train_document
    print_json(document(folder.id, run, time.time()))
    return 0


def follow(folder: RunFolder, *, as_json: bool, stop_on_interrupt: bool = True) -> int:
    """Print the progress and questions of a run to its end, then its report. Returns the exit status."""
    watch = RunWatch(folder.id, on_event=EventPrinter(say))
    prompt = QuestionPrompt(folder)
    try:
        while not (run := watch.refresh()).state.ended:
            prompt.look(run, LOOK_SECONDS)
    except KeyboardInterrupt:
        if not stop_on_interrupt:
            say(f"Left running. To come back: tabsmith runs attach {folder.id}")
            return INTERRUPTED
        kept = "what was accepted" if has_tasks(watch.refresh()) else "the best model"
        say(f"Stopping; {kept} so far is kept.")
        run = stop_and_wait(folder, watch)
        show(folder.id, run, as_json=as_json)
        return INTERRUPTED
    return show(folder.id, run, as_json=as_json)


def show(run_id: str, run: RunSnapshot, *, as_json: bool) -> int:
    """Print the result of a run. Returns the exit status."""
    if run.skipped:
        say(f"{plural(run.skipped, 'damaged line')} of the journal left out: tabsmith check says more.")
    if has_tasks(run):
        return print_tasks(run_id, run, time.time(), as_json=as_json)
    if as_json:
        print_json(train_document(run_id, run, time.time()))
    elif run.report:
        print_report(run.report, agent_facts(run))
    if run.error is not None:
        say_error(run.error)
        return run.error.exit_code
    if run.report is None:
        say(f"The run {run_id} is {run.state.value}: there is no model yet.")
        if run.state is RunState.INTERRUPTED:
            say(run.message)
            say(f"To resume it: tabsmith runs resume {run_id}")
        return WORK_FAILED
    if not as_json:
        print_text()
        print_text(f"To predict: tabsmith predict {run.report.model_id} NEW_ROWS.csv")
    return 0


# Questions ---------------------------------------------------------------------------------------------------------


def on_a_terminal() -> bool:
    """Whether a person can be asked: stdin and stderr are both a terminal."""
    return sys.stdin.isatty() and sys.stderr.isatty()


class QuestionPrompt:
    """Prints the questions of one run, and takes their answers."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._reads = on_a_terminal()
        self._printed = ""  # the id of the printed question
        self._answered = ""  # the id of the answered question
        self._typed = b""

    def look(self, run: RunSnapshot, seconds: float) -> None:
        """Wait for `seconds` or a typed line; print a new question, and take its answer."""
        question = open_question(run)
        if question is None:
            self._printed = ""
        elif question.id != self._printed:
            self._printed = question.id
            self._print(run)
        if question is None or not self._reads or self._answered == question.id:
            time.sleep(seconds)
        elif (line := self._line(seconds)) is not None:
            self._answer(line, run)

    def _print(self, run: RunSnapshot) -> None:
        assert run.question is not None
        question = run.question
        say("")
        say(f"?  {question.what}")
        for line in clean_block(question.details, 4_000).splitlines():
            say(f"   {line}")
        say(f"   {used_so_far(run, time.time())}")
        if self._reads:
            say(f"   Answer: {accepted_words(question, run)}.")
            self._typed = b""
            termios.tcflush(sys.stdin, termios.TCIFLUSH)  # earlier input must not answer the question
            self._prompt()
        else:
            say(f"   To answer: tabsmith runs answer {self._folder.id} TEXT")
            say(f"   TEXT is one of: {accepted_words(question, run)}.")

    def _prompt(self) -> None:
        sys.stderr.write("> ")
        sys.stderr.flush()

    def _line(self, seconds: float) -> str | None:
        """Return a line typed within `seconds`, or None. Reads without a buffer, so that nothing is left in one."""
        descriptor = sys.stdin.fileno()
        if not select.select([descriptor], [], [], seconds)[0]:
            return None
        data = os.read(descriptor, _MOST_BYTES)
        if not data:
            self._reads = False
            say(f"No more can be typed here. To answer: tabsmith runs answer {self._folder.id} TEXT")
            return None
        self._typed += data
        line, ended, rest = self._typed.partition(b"\n")
        if not ended:
            return None
        self._typed = rest
        return line.decode(errors="replace")

    def _answer(self, line: str, run: RunSnapshot) -> None:
        assert run.question is not None
        try:
            answer = parse_line(line, run)
            self._folder.send(Answer(id=run.question.id, reply=answer))
        except (UsageError, RunStateError) as error:
            say(f"   {error.what} {error.next_step}")
            self._prompt()
            return
        self._answered = run.question.id
