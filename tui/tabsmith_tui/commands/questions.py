"""A run's questions in the plain terminal: printed as they come up, answered by a line that is typed."""

import os
import select
import sys
import termios
import time
from typing import Final

from tabsmith.errors import RunStateError, UsageError
from tabsmith.presentation.budgets import used_so_far
from tabsmith.runs.commands import Answer
from tabsmith.runs.folder import RunFolder
from tabsmith.runs.replies import accepted_words, open_question, parse_line
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.text import clean_block
from tabsmith_tui.commands.output import say

_LINE: Final = 65_536


def on_a_terminal() -> bool:
    """Whether a person can be asked: both what they type and what they are told goes through a terminal."""
    return sys.stdin.isatty() and sys.stderr.isatty()


class QuestionPrompt:
    """Looks after the questions of one run while it is followed."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._reads = on_a_terminal()
        self._told = ""  # the question that was printed
        self._sent = ""  # the question that was answered
        self._typed = b""

    def look(self, run: RunSnapshot, seconds: float) -> None:
        """Let `seconds` pass, or less when something is typed; print a question that is new, and take its answer."""
        question = open_question(run)
        if question is None:
            self._told = ""
        elif question.id != self._told:
            self._told = question.id
            self._print(run)
        if question is None or not self._reads or self._sent == question.id:
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
            termios.tcflush(sys.stdin, termios.TCIFLUSH)  # what was typed before the question does not answer it
            self._prompt()
        else:
            say(f"   To answer: tabsmith runs answer {self._folder.id} TEXT")
            say(f"   TEXT is one of: {accepted_words(question, run)}.")

    def _prompt(self) -> None:
        sys.stderr.write("> ")
        sys.stderr.flush()

    def _line(self, seconds: float) -> str | None:
        """A line that was typed meanwhile. What is typed is read without a buffer, so that nothing waits in one."""
        number = sys.stdin.fileno()
        if not select.select([number], [], [], seconds)[0]:
            return None
        read = os.read(number, _LINE)
        if not read:
            self._reads = False
            say(f"No more can be typed here. To answer: tabsmith runs answer {self._folder.id} TEXT")
            return None
        self._typed += read
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
        self._sent = run.question.id
