"""The questions of a followed run on the plain terminal: printed when they come up, answered by a typed line."""

import os
import select
import sys
import termios
import time
from typing import Final

from tabsmith.errors import RunStateError, UsageError
from tabsmith.presentation.budgets import used_so_far
from tabsmith.runs.events import Answer
from tabsmith.runs.folder import RunFolder
from tabsmith.runs.replies import accepted_words, open_question, parse_line
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.text import clean_block
from tabsmith_tui.commands.output import say

_MOST_BYTES: Final = 65_536


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
