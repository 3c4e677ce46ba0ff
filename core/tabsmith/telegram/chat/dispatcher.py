"""The desk: one update of a person at a time, answered once; and what a bridge that was killed had left open."""

import asyncio
import contextlib
import logging
import traceback
from typing import Final

from msgspec.structs import replace

from tabsmith.errors import TabsmithError, report_of
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.telegram import actions as meant
from tabsmith.telegram.chat import uploads
from tabsmith.telegram.chat.commands import CommandHandler
from tabsmith.telegram.chat.context import BridgeContext, UpdateContext, first_answer_key, first_message_key
from tabsmith.telegram.chat.jobs import ChatJobs
from tabsmith.telegram.chat.perform import give_answers, perform
from tabsmith.telegram.chat.views import run_snapshot, show_view
from tabsmith.telegram.chat_state import ChatState, ChatView
from tabsmith.telegram.render import models, questions, run_list, settings, step_parsing
from tabsmith.telegram.render.text import error_text, line, own
from tabsmith.telegram.transport import updates
from tabsmith.text import clean
from tabsmith.workflow import actions
from tabsmith.workflow.session_store import SessionMovedOnError
from tabsmith.workflow.states import State

_log: Final = logging.getLogger(__name__)
_EDITED: Final = "A message that was changed is not read again. Send it as a new one."
_UNSUPPORTED: Final = "Only text and files can be read here. A table is best sent as a file (the paper clip)."


class Dispatcher:
    """Answers people. What goes wrong is said to the person, and in the log."""

    def __init__(self, office: BridgeContext) -> None:
        self._office = office
        self.work = ChatJobs(office)
        self.commands = CommandHandler(office, self.work)
        self._acknowledging: set[asyncio.Task[None]] = set()

    async def handle(self, update: updates.Update, key: str, *, again: bool = False) -> None:
        """Answer an update, once: with `again` it may have been begun before, and cut off.

        Raises StorageError when the answer cannot be put on disk: then nothing was said, and it is to be tried again.
        """
        office = self._office
        turn = UpdateContext(key, again=again)
        seat = office.seat_of(update.person)
        if isinstance(update, updates.ButtonPress):
            self._acknowledge(update.answer_to)
        async with office.turn_of(seat.session_user):
            seat = office.seat(seat.user) or seat  # it may have changed while others had their turn
            try:
                await self._answer(turn, seat, update)
            except SessionMovedOnError as error:
                office.say_text(turn, seat, error_text(error))
                await self._present_quietly(turn, seat)
            except TabsmithError as error:
                office.say_text(turn, seat, error_text(error))
            except Exception as error:  # noqa: BLE001 - the edge: one update must not end the bridge
                _log.error("update %s: %s", key, "".join(traceback.format_exception(error)))
                office.status.trouble("handling", clean(f"{type(error).__name__}: {error}", 300))
                office.say_text(turn, seat, error_text(report_of(error)))

    async def _answer(self, turn: UpdateContext, seat: ChatState, update: updates.Update) -> None:
        if turn.again and self._was_taken(turn, seat, update):
            await give_answers(self._office, self.work, turn, seat, view=seat.view)
            return
        match update:
            case updates.TextMessage(command="") as said:
                await self._typed(turn, seat, said.text)
            case updates.TextMessage():
                await self.commands.do(turn, seat, update)
            case updates.ButtonPress(data=data):
                await self._pressed(turn, seat, data)
            case updates.FileMessage():
                await uploads.receive_file(self._office, self.work, turn, seat, update)
            case updates.EditedMessage():
                self._office.say_text(turn, seat, line(own(_EDITED)))
            case updates.UnsupportedMessage():
                self._office.say_text(turn, seat, line(own(_UNSUPPORTED)))

    def _was_taken(self, turn: UpdateContext, seat: ChatState, update: updates.Update) -> bool:
        """Whether the conversation has taken what was typed or pressed, before the kill: it must not be read again
        against the step that came after."""
        match update:
            case updates.ButtonPress(data=data) if data.startswith("u:"):  # gives several answers, each looked at alone
                return False
            case updates.TextMessage(command="") | updates.ButtonPress():
                return first_answer_key(turn.key) in self._office.conversation(seat).session.taken
            case _:
                return False

    async def _pressed(self, turn: UpdateContext, seat: ChatState, data: str) -> None:
        office = self._office
        room = data.partition(":")[0]
        if room == "u":
            await uploads.choose_file_use(office, self.work, turn, seat, data)
            return
        if data == "n:end":
            await self._end_work(turn, seat)
            return
        meaning: meant.ChatAction = meant.StaleButton()
        if room == "w":
            conversation = office.conversation(seat)
            meaning = step_parsing.parse_press(data, conversation.form, conversation.session)
        elif room == "r":
            meaning = run_list.parse_press(data, _run_of(data))
        elif room == "q":
            meaning = questions.parse_press(data, _run_of(data))
        elif room == "m":
            meaning = models.parse_press(data)
        elif room == "s":
            meaning = settings.parse_press(data, seat)
        await perform(office, self.work, turn, seat, meaning)

    async def _typed(self, turn: UpdateContext, seat: ChatState, text: str) -> None:
        """What was typed is for what the person looks at; else for the question of a run that waits; else for the
        conversation."""
        office = self._office
        view = seat.view
        if view.kind in ("answer", "amount", "note"):
            run = run_snapshot(view.name)
            if run is not None:
                await perform(office, self.work, turn, seat, run_list.parse_text(text, run, view.name, view))
                return
        if view.kind == "predict":
            uploads.predict_with(office, self.work, turn, seat, text)
            return
        conversation = office.conversation(seat)
        asking = self._asking(seat, conversation.session.run_id, conversation.session.state)
        if asking:
            run = run_snapshot(asking)
            if run is not None:
                await perform(office, self.work, turn, seat, questions.parse_text(text, run, asking))
                return
        if view.kind not in ("prompt", "columns", "column", "field"):
            view = ChatView()
            seat = office.keep(replace(seat, view=view))
        await perform(
            office, self.work, turn, seat, step_parsing.parse_text(text, conversation.form, conversation.session, view)
        )

    def _asking(self, seat: ChatState, run_id: str, state: State) -> str:
        """The run whose open question a typed line answers: the one looked at, the conversation's own, or the only one
        that asks of those followed."""
        looked_at = seat.view.name if seat.view.kind == "run" else run_id if state is State.TRAINING else ""
        if looked_at:
            run = run_snapshot(looked_at)
            return looked_at if run is not None and run.question is not None else ""
        if state not in (State.IDLE, State.COMPLETED, State.TRAINED):
            return ""
        asks = [
            each.run_id for each in seat.followed if (run := run_snapshot(each.run_id)) is not None and run.question
        ]
        return asks[0] if len(asks) == 1 else ""

    async def _end_work(self, turn: UpdateContext, seat: ChatState) -> None:
        """The work under way is given up, and with it what it was for."""
        self.work.cancel(seat)
        session = self._office.conversation(seat).session
        if session.waiting is None:
            await show_view(self._office, turn, seat, line(own("There is nothing under way.")))
        elif session.state is State.CONFIRMING_SCHEMA and session.schema is not None and session.schema.target:
            await give_answers(self._office, self.work, turn, seat, actions.ChangeTarget(session.schema.target))
        else:
            await give_answers(self._office, self.work, turn, seat, actions.Back())

    def _acknowledge(self, answer_to: str) -> None:
        """Take the little clock off the button. Nothing is lost when that fails."""
        task = asyncio.ensure_future(self._office.api.acknowledge(answer_to))
        self._acknowledging.add(task)
        task.add_done_callback(self._acknowledged)

    def _acknowledged(self, task: asyncio.Task[None]) -> None:
        self._acknowledging.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._office.status.trouble("sending", clean(f"a press was not acknowledged: {task.exception()}", 300))

    async def _present_quietly(self, turn: UpdateContext, seat: ChatState) -> None:
        with contextlib.suppress(TabsmithError):  # it was said already that something is wrong
            await show_view(self._office, turn, self._office.keep(replace(seat, view=ChatView())))

    # After a kill -------------------------------------------------------------------------------------------------

    async def take_up(self, open_updates: frozenset[str]) -> None:
        """Begin again what was under way, and say what was done and not said. `open_updates` are the keys of those that
        are handled again anyway."""
        done: set[str] = set()
        for seat in self._office.everybody():
            if seat.job is not None:
                self.work.begin_prediction(UpdateContext(seat.job.turn), seat, seat.job.effect)
            if seat.session_user in done:
                continue
            done.add(seat.session_user)
            try:
                await self._take_up(seat, open_updates)
            except TabsmithError as error:
                self._office.status.trouble("handling", clean(str(error), 300))

    async def _take_up(self, seat: ChatState, open_updates: frozenset[str]) -> None:
        office = self._office
        conversation = office.conversation(seat)
        taken = conversation.session.taken
        if not taken:
            return
        key = taken[-1].rpartition(".")[0]
        if key in open_updates or "/end/" in key:
            return
        if key.endswith(".r"):
            await self.work.tell_again(UpdateContext(key), seat)
        elif not office.outbox.knows(first_message_key(taken[-1])):
            await show_view(office, UpdateContext(key), seat)
        unfinished = conversation.unfinished
        if unfinished is not None:
            self.work.begin(UpdateContext(key), seat, unfinished)


def _run_of(data: str) -> RunSnapshot | None:
    """The run that a button's data names, as it is now."""
    run_id = data.partition(":")[2].partition(":")[0]
    return run_snapshot(run_id) if run_id else None
