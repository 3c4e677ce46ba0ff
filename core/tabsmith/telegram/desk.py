"""The desk: one update of a person at a time, answered once; and what a bridge that was killed had left open."""

import asyncio
import contextlib
import logging
import traceback
from typing import Final

from msgspec.structs import replace

from tabsmith.errors import TabsmithError, report_of
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.telegram import incoming, uploads
from tabsmith.telegram import meaning as meant
from tabsmith.telegram.acting import act, give
from tabsmith.telegram.commands import Commands
from tabsmith.telegram.drawing import models, questions, reading_steps, runs, settings
from tabsmith.telegram.drawing.errors import words_of
from tabsmith.telegram.office import Office, Turn, first_answer, first_said
from tabsmith.telegram.seats import Seat, View
from tabsmith.telegram.showing import present, snapshot
from tabsmith.telegram.words import line, own
from tabsmith.telegram.working import Work
from tabsmith.text import clean
from tabsmith.workflow import answers as say
from tabsmith.workflow.states import State
from tabsmith.workflow.store import SessionMovedOnError

_log: Final = logging.getLogger(__name__)
_EDITED: Final = "A message that was changed is not read again. Send it as a new one."
_UNSUPPORTED: Final = "Only text and files can be read here. A table is best sent as a file (the paper clip)."


class Desk:
    """Answers people. What goes wrong is said to the person, and in the log."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self.work = Work(office)
        self.commands = Commands(office, self.work)
        self._acknowledging: set[asyncio.Task[None]] = set()

    async def handle(self, update: incoming.Incoming, key: str, *, again: bool = False) -> None:
        """Answer an update, once: with `again` it may have been begun before, and cut off.

        Raises StorageError when the answer cannot be put on disk: then nothing was said, and it is to be tried again.
        """
        office = self._office
        turn = Turn(key, again=again)
        seat = office.seat_of(update.person)
        if isinstance(update, incoming.Pressed):
            self._acknowledge(update.answer_to)
        async with office.turn_of(seat.session_user):
            seat = office.seat(seat.user) or seat  # it may have changed while others had their turn
            try:
                await self._answer(turn, seat, update)
            except SessionMovedOnError as error:
                office.say_text(turn, seat, words_of(error))
                await self._present_quietly(turn, seat)
            except TabsmithError as error:
                office.say_text(turn, seat, words_of(error))
            except Exception as error:  # noqa: BLE001 - the edge: one update must not end the bridge
                _log.error("update %s: %s", key, "".join(traceback.format_exception(error)))
                office.status.trouble("handling", clean(f"{type(error).__name__}: {error}", 300))
                office.say_text(turn, seat, words_of(report_of(error)))

    async def _answer(self, turn: Turn, seat: Seat, update: incoming.Incoming) -> None:
        if turn.again and self._was_taken(turn, seat, update):
            await give(self._office, self.work, turn, seat, view=seat.view)
            return
        match update:
            case incoming.Said(command="") as said:
                await self._typed(turn, seat, said.text)
            case incoming.Said():
                await self.commands.do(turn, seat, update)
            case incoming.Pressed(data=data):
                await self._pressed(turn, seat, data)
            case incoming.FileSent():
                await uploads.take(self._office, self.work, turn, seat, update)
            case incoming.Edited():
                self._office.say_text(turn, seat, line(own(_EDITED)))
            case incoming.Unsupported():
                self._office.say_text(turn, seat, line(own(_UNSUPPORTED)))

    def _was_taken(self, turn: Turn, seat: Seat, update: incoming.Incoming) -> bool:
        """Whether the conversation has taken what was typed or pressed, before the kill: it must not be read again
        against the step that came after."""
        match update:
            case incoming.Pressed(data=data) if data.startswith("u:"):  # gives several answers, each looked at alone
                return False
            case incoming.Said(command="") | incoming.Pressed():
                return first_answer(turn.key) in self._office.conversation(seat).session.taken
            case _:
                return False

    async def _pressed(self, turn: Turn, seat: Seat, data: str) -> None:
        office = self._office
        room = data.partition(":")[0]
        if room == "u":
            await uploads.pressed(office, self.work, turn, seat, data)
            return
        if data == "n:end":
            await self._end_work(turn, seat)
            return
        meaning: meant.Meaning = meant.Stale()
        if room == "w":
            conversation = office.conversation(seat)
            meaning = reading_steps.pressed(data, conversation.prompt, conversation.session)
        elif room == "r":
            meaning = runs.pressed(data, _run_of(data))
        elif room == "q":
            meaning = questions.pressed(data, _run_of(data))
        elif room == "m":
            meaning = models.pressed(data)
        elif room == "s":
            meaning = settings.pressed(data, seat)
        await act(office, self.work, turn, seat, meaning)

    async def _typed(self, turn: Turn, seat: Seat, text: str) -> None:
        """What was typed is for what the person looks at; else for the question of a run that waits; else for the
        conversation."""
        office = self._office
        view = seat.view
        if view.kind in ("answer", "amount", "note"):
            run = snapshot(view.name)
            if run is not None:
                await act(office, self.work, turn, seat, runs.said(text, run, view.name, view))
                return
        if view.kind == "predict":
            uploads.predict_with(office, self.work, turn, seat, text)
            return
        conversation = office.conversation(seat)
        asking = self._asking(seat, conversation.session.run_id, conversation.session.state)
        if asking:
            run = snapshot(asking)
            if run is not None:
                await act(office, self.work, turn, seat, questions.said(text, run, asking))
                return
        if view.kind not in ("prompt", "columns", "column", "field"):
            view = View()
            seat = office.keep(replace(seat, view=view))
        await act(
            office, self.work, turn, seat, reading_steps.said(text, conversation.prompt, conversation.session, view)
        )

    def _asking(self, seat: Seat, run_id: str, state: State) -> str:
        """The run whose open question a typed line answers: the one looked at, the conversation's own, or the only one
        that asks of those followed."""
        looked_at = seat.view.name if seat.view.kind == "run" else run_id if state is State.TRAINING else ""
        if looked_at:
            run = snapshot(looked_at)
            return looked_at if run is not None and run.question is not None else ""
        if state not in (State.IDLE, State.COMPLETED, State.TRAINED):
            return ""
        asks = [each.run_id for each in seat.followed if (run := snapshot(each.run_id)) is not None and run.question]
        return asks[0] if len(asks) == 1 else ""

    async def _end_work(self, turn: Turn, seat: Seat) -> None:
        """The work under way is given up, and with it what it was for."""
        self.work.cancel(seat)
        session = self._office.conversation(seat).session
        if session.waiting is None:
            await present(self._office, turn, seat, line(own("There is nothing under way.")))
        elif session.state is State.CONFIRMING_SCHEMA and session.schema is not None and session.schema.target:
            await give(self._office, self.work, turn, seat, say.ChangeTarget(session.schema.target))
        else:
            await give(self._office, self.work, turn, seat, say.Back())

    def _acknowledge(self, answer_to: str) -> None:
        """Take the little clock off the button. Nothing is lost when that fails."""
        task = asyncio.ensure_future(self._office.api.acknowledge(answer_to))
        self._acknowledging.add(task)
        task.add_done_callback(self._acknowledged)

    def _acknowledged(self, task: asyncio.Task[None]) -> None:
        self._acknowledging.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._office.status.trouble("sending", clean(f"a press was not acknowledged: {task.exception()}", 300))

    async def _present_quietly(self, turn: Turn, seat: Seat) -> None:
        with contextlib.suppress(TabsmithError):  # it was said already that something is wrong
            await present(self._office, turn, self._office.keep(replace(seat, view=View())))

    # After a kill -------------------------------------------------------------------------------------------------

    async def take_up(self, open_updates: frozenset[str]) -> None:
        """Begin again what was under way, and say what was done and not said. `open_updates` are the keys of those that
        are handled again anyway."""
        done: set[str] = set()
        for seat in self._office.everybody():
            if seat.job is not None:
                self.work.begin_prediction(Turn(seat.job.turn), seat, seat.job.effect)
            if seat.session_user in done:
                continue
            done.add(seat.session_user)
            try:
                await self._take_up(seat, open_updates)
            except TabsmithError as error:
                self._office.status.trouble("handling", clean(str(error), 300))

    async def _take_up(self, seat: Seat, open_updates: frozenset[str]) -> None:
        office = self._office
        conversation = office.conversation(seat)
        taken = conversation.session.taken
        if not taken:
            return
        key = taken[-1].rpartition(".")[0]
        if key in open_updates or "/end/" in key:
            return
        if key.endswith(".r"):
            await self.work.tell_again(Turn(key), seat)
        elif not office.outbox.knows(first_said(taken[-1])):
            await present(office, Turn(key), seat)
        unfinished = conversation.unfinished
        if unfinished is not None:
            self.work.begin(Turn(key), seat, unfinished)


def _run_of(data: str) -> RunSnapshot | None:
    """The run that a button's data names, as it is now."""
    run_id = data.partition(":")[2].partition(":")[0]
    return snapshot(run_id) if run_id else None
