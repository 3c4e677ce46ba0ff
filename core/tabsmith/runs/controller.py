"""The control of a run in its worker: commands are acted on as they come, questions wait for answers, the clock counts."""

import asyncio
import math
import mmap
import struct
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol, TypeVar

from tabsmith.config.settings import Mode
from tabsmith.errors import UsageError
from tabsmith.limits import LimitName, with_limit
from tabsmith.orchestration.decisions import Continue, EndRun, Question, Reply
from tabsmith.orchestration.events import ModeChanged, Noted, NoteTaken, QuestionAnswered, QuestionAsked, RecipeQueued
from tabsmith.recipes.recipe import Recipe
from tabsmith.runs.events import (
    Answer,
    LimitChanged,
    Note,
    Pause,
    Resume,
    RunCommand,
    RunEvent,
    RunState,
    SetLimit,
    SetMode,
    StateChanged,
    Stop,
    TryRecipe,
)
from tabsmith.runs.folder import RunFolder
from tabsmith.runs.pool import Pool
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.runs.spec import ModelChoice
from tabsmith.storage.wakeup import Bell
from tabsmith.text import plural

T = TypeVar("T")

_DOUBLE: Final = struct.Struct("d")

LOOK_EVERY: Final = 0.01
"""Seconds between two looks at the command file where whoever writes to it cannot wake the worker; a look is one `stat`."""

LOOK_AT_LEAST_EVERY: Final = 1.0
"""Seconds between two looks at it all the same, for a line that was written without a word."""


class StoppedError(Exception):
    """A person stopped the run, and the work that was going on has been ended. Never leaves the worker."""


class Pausable(Protocol):
    """Work that can be held and let go on."""

    def pause(self) -> None:
        """Hold the work, or take it back."""
        ...

    def resume(self) -> None:
        """Let the work go on, or begin it again."""
        ...


class ActiveClock:
    """Counts seconds of work, earlier attempts included; pauses and the time between attempts are left out.

    Forked children share the clock, so that a child that was held does not count the pause as its own time.
    """

    def __init__(self, before: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._shared = mmap.mmap(-1, _DOUBLE.size)  # anonymous and shared with the children
        self._set_zero(clock() - before)
        self._held: float | None = None

    def seconds(self) -> float:
        """Return the seconds of work until now."""
        return self._held if self._held is not None else self._clock() - self._zero()

    def hold(self) -> None:
        """Stop the clock."""
        self._held = self.seconds()

    def go_on(self) -> None:
        """Let the clock go on from where it stood."""
        if self._held is not None:
            self._set_zero(self._clock() - self._held)
            self._held = None

    def _zero(self) -> float:
        (zero,) = _DOUBLE.unpack_from(self._shared)
        return float(zero)

    def _set_zero(self, at: float) -> None:
        _DOUBLE.pack_into(self._shared, 0, at)


class RunController:
    """Listens to commands, holds the limits, and is the loop's `UserInterface`."""

    def __init__(
        self,
        folder: RunFolder,
        offset: int,
        pool: Pool,
        record: Callable[[RunEvent], None],
        clock: ActiveClock,
        *,
        choice: ModelChoice,
        past: RunSnapshot,
    ) -> None:
        self._commands = folder.commands()
        self._bell_path = folder.bell
        self._offset = offset
        self._paused_work: list[Pausable] = [pool]
        self._record = record
        self.clock = clock
        self.limits = past.limits if past.attempt else choice.limits
        self.reserve = 0.0  # seconds kept for finishing
        self.mode: Mode = past.mode if past.attempt else choice.mode
        self.notes = past.notes
        self.recipes = (*choice.recipes, *past.queued)
        self._state = RunState.QUEUED
        self._message = ""
        self._going = asyncio.Event()
        self._going.set()
        self._question: Question | None = None
        self._reply: asyncio.Future[Reply] | None = None
        self._answers = list(past.answers)
        self._end_after_iteration = past.ending == "user"
        self._stop = asyncio.Event()

    def enter(self, state: RunState, message: str = "") -> None:
        """Set the run's state. While the run is paused, the state is recorded only once it goes on."""
        self._state, self._message = state, message
        if state.clock_stands:
            self.clock.hold()
        elif not self._paused:
            self.clock.go_on()
        if not self._paused:
            self._record(StateChanged(state=state, message=message))

    async def ask(self, question: Question) -> Reply:
        """Return the person's reply; until then everything stands still, the clock too. A reply that was given to an
        earlier worker counts, and a person who has ended the run is not asked any more."""
        earlier = next((each for each in self._answers if _is_same_question(each.question, question)), None)
        if earlier is not None:
            self._answers.remove(earlier)
            return earlier.reply
        if self._end_after_iteration:
            return EndRun()
        before = self._state, self._message
        self._question = question
        self._reply = asyncio.get_running_loop().create_future()
        self._record(QuestionAsked(question=question))
        self.enter(RunState.ASKING)
        try:
            reply = await self._reply
        finally:
            self._question = self._reply = None
        self._record(QuestionAnswered(id=question.id, reply=reply))
        if isinstance(reply, EndRun) and question.cause != "budget":  # the budget has a word of its own for it
            self._end_after_iteration = True
        self.enter(*before)
        return reply

    async def going(self) -> None:
        """Return once the run is not paused."""
        await self._going.wait()

    def note(self, text: str) -> None:
        """Tell the agent `text` in every brief from now on; the same note twice in a row counts once."""
        if self.notes[-1:] == (text,):
            return
        self.notes = (*self.notes, text)
        self._record(NoteTaken(text=text))

    def try_recipe(self, recipe: Recipe) -> None:
        """Let the loop try a recipe of the person's own next; one that is in the queue already counts once."""
        if any(each.id == recipe.id for each in self.recipes):
            return
        self.recipes = (*self.recipes, recipe)
        self._record(RecipeQueued(recipe=recipe))

    def set_limit(self, limit: LimitName, to: str) -> None:
        """Set a limit. Raises UsageError for what is no amount."""
        self.limits = with_limit(self.limits, limit, to)
        self._record(LimitChanged(limits=self.limits))

    def pause(self) -> None:
        """Pause the run, as if the person had asked for it."""
        self._pause("at a checkpoint")

    def also_pause(self, work: Pausable) -> None:
        """Pause `work` too whenever the run is paused, and now if it is."""
        self._paused_work.append(work)
        if self._paused:
            work.pause()

    @property
    def _paused(self) -> bool:
        return not self._going.is_set()

    async def listen(self) -> None:
        """Act on commands for as long as the worker lives."""
        bell = Bell(self._bell_path)
        try:
            while True:
                chunk = self._commands.read(self._offset)
                self._offset = chunk.next_offset
                for command in chunk.values:
                    self.obey(command)
                if lost := chunk.skipped + chunk.unknown:
                    message = f"{plural(lost, 'line')} of what the run was told could not be understood"
                    self._record(Noted(message=message, level="warning"))
                await bell.wait(LOOK_AT_LEAST_EVERY if bell.works else LOOK_EVERY)
        finally:
            bell.close()

    async def unless_stopped(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what `work` returns. Raises StoppedError, once `work` is cancelled and cleaned up, if a person stops it first."""
        working = asyncio.create_task(work)
        stopping = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                return working.result()
            self._stop.clear()
            raise StoppedError
        finally:
            stopping.cancel()
            working.cancel()
            await asyncio.gather(working, stopping, return_exceptions=True)

    def seconds_left(self, reserve: float = 0.0) -> float:
        """Return the seconds of the time limit that are left, less `reserve`; infinite without a limit. They count from
        when the data is ready."""
        if not self.limits.seconds:
            return math.inf
        return self.limits.seconds - reserve - self.clock.seconds()

    def seconds_for_fitting(self) -> float:
        """Return the seconds that are left before finishing has to begin."""
        return self.seconds_left(self.reserve)

    def waiting(self, message: str) -> None:
        """Show that an agent is asked now."""
        self.enter(RunState.WAITING, message)

    def asked_to_end(self) -> bool:
        return self._end_after_iteration

    def obey(self, command: RunCommand) -> None:
        """Do at once what a person told the run."""
        match command:
            case Pause():
                self._pause()
            case Resume():
                self._go_on()
            case Stop(when="now"):
                self._go_on(silently=True)
                self._record(StateChanged(state=RunState.STOPPING, message="stopping now"))
                self._end_after_iteration = True
                self._stop.set()
            case Stop():
                self._end_after_iteration = True
                self._record(StateChanged(state=RunState.STOPPING, message="stopping after this iteration"))
                self._answer(EndRun())
            case SetLimit(limit=limit, to=to):
                try:
                    self.set_limit(limit, to)
                except UsageError as error:
                    self._record(Noted(message=error.what, level="warning"))
            case SetMode(mode=mode):
                self._set_mode(mode)
            case Note(text=text):
                self.note(text)
            case TryRecipe(recipe=recipe):
                self.try_recipe(recipe)
            case Answer(id=id_, reply=reply):
                if self._question is not None and self._question.id == id_:
                    self._answer(reply)
                else:
                    self._record(Noted(message="an answer came to a question that is not open any more"))

    def _set_mode(self, mode: Mode) -> None:
        self.mode = mode
        self._record(ModeChanged(mode=mode))
        if mode == "automatic" and self._question is not None:  # nobody is to be asked any more
            self._answer(EndRun() if self._question.cause == "budget" else Continue())

    def _answer(self, reply: Reply) -> None:
        if self._reply is not None and not self._reply.done():
            self._reply.set_result(reply)

    def _pause(self, why: str = "paused by you") -> None:
        if self._paused:
            return
        self._going.clear()
        for work in self._paused_work:
            work.pause()
        self.clock.hold()
        self._record(StateChanged(state=RunState.PAUSED, message=why))

    def _go_on(self, *, silently: bool = False) -> None:
        if not self._paused:
            return
        self._going.set()
        if not self._state.clock_stands:
            self.clock.go_on()
        for work in self._paused_work:
            work.resume()
        if not silently:
            self._record(StateChanged(state=self._state, message=self._message))


def _is_same_question(earlier: Question, question: Question) -> bool:
    """Whether both questions are asked at the same place of the same iteration; their wording may differ. A permission was
    given for one request of an agent that is gone, so it is never the same."""
    if "permission" in (earlier.cause, question.cause):
        return False
    causes = [each.cause if each.cause in ("proposal", "budget") else "settled" for each in (earlier, question)]
    return (earlier.iteration, earlier.limit, causes[0]) == (question.iteration, question.limit, causes[1])
