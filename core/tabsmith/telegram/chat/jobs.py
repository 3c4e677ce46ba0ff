"""Work that a conversation asked for: reading, looking at a target, predicting. Its result has a turn of its own."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from msgspec.structs import replace

from tabsmith.errors import StepError, report_of
from tabsmith.modeling.results import PredictedFile
from tabsmith.runs.jobs import Progressed
from tabsmith.telegram.chat.context import BridgeContext, UpdateContext
from tabsmith.telegram.chat.views import show_view
from tabsmith.telegram.chat_state import ChatState, PredictionJob
from tabsmith.telegram.render import results
from tabsmith.telegram.render.messages import Button, OutgoingMessage
from tabsmith.telegram.render.text import StyledText, error_text, line, mixed, own
from tabsmith.text import clean
from tabsmith.workflow import actions
from tabsmith.workflow import effects as do
from tabsmith.workflow.effects import describe_job as doing
from tabsmith.workflow.effects import run_job
from tabsmith.workflow.states import State

_log: Final = logging.getLogger(__name__)


class ChatJobs:
    """What is under way, at most one piece for each conversation, and one of each person with a model of the list."""

    def __init__(self, office: BridgeContext) -> None:
        self._office = office
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def begin(self, turn: UpdateContext, seat: ChatState, effect: do.JobEffect) -> None:
        """Begin the work that the person's conversation waits for; what was under way for it ends."""
        self._start(seat.session_user, self._for_conversation(turn, seat, effect))

    def begin_prediction(self, turn: UpdateContext, seat: ChatState, effect: do.PredictFile) -> None:
        """Begin predictions with a model of the list, beside the conversation. The seat remembers them."""
        self._office.keep(replace(seat, job=PredictionJob(turn.key, effect)))
        self._start(f"seat {seat.user}", self._with_model(turn, seat, effect))

    def cancel(self, seat: ChatState) -> None:
        """End the work that the person's conversation waits for, and its process with it."""
        task = self._tasks.pop(seat.session_user, None)
        if task is not None:
            task.cancel()

    def under_way(self, seat: ChatState) -> bool:
        """Whether there is work of the person's conversation."""
        task = self._tasks.get(seat.session_user)
        return task is not None and not task.done()

    async def close(self) -> None:
        """End everything; it is begun again by the next bridge."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _start(self, name: str, work: Awaitable[None]) -> None:
        earlier = self._tasks.get(name)
        if earlier is not None and earlier is not asyncio.current_task():
            earlier.cancel()
        self._tasks[name] = asyncio.ensure_future(work)

    async def _for_conversation(self, turn: UpdateContext, seat: ChatState, effect: do.JobEffect) -> None:
        office = self._office
        try:
            answer = await run_job(effect, office.supervisor, self._progress(turn, seat, effect), lambda _: None)
            async with office.turn_of(seat.session_user):
                await self._told(UpdateContext(turn.result_key), office.seat(seat.user) or seat, answer)
        except Exception as error:  # noqa: BLE001 - the edge of a task: nobody else would hear of it
            _log.exception("the result of %s could not be told", type(effect).__name__)
            office.status.trouble("handling", clean(str(error), 300))
            office.say_text(UpdateContext(f"{turn.result_key}.e"), seat, error_text(report_of(error)))

    async def _told(self, turn: UpdateContext, seat: ChatState, answer: actions.WorkResult) -> None:
        """Give the conversation the result, and show where it stands then."""
        office = self._office
        conversation = office.conversation(seat)
        key = turn.answer_key()
        if key not in conversation.session.taken:
            try:
                step = conversation.answer(answer, key)
            except StepError:  # the person has moved on meanwhile: nobody waits for it
                return
            for effect in step.effects:
                assert isinstance(effect, (do.ReadSource, do.DetectTarget, do.PredictFile))
                self.begin(turn, seat, effect)
                return
        if isinstance(answer, actions.PredictionDone):
            self._say_prediction(turn, seat, answer.prediction)
        await show_view(office, turn, seat)

    async def tell_again(self, turn: UpdateContext, seat: ChatState) -> None:
        """What `_told` says, for a result that was taken and perhaps not told."""
        session = self._office.conversation(seat).session
        if session.state is State.PREDICTING and session.prediction is not None and session.waiting is None:
            self._say_prediction(turn, seat, session.prediction)
        await show_view(self._office, turn, seat)

    async def _with_model(self, turn: UpdateContext, seat: ChatState, effect: do.PredictFile) -> None:
        office = self._office
        answer = await run_job(effect, office.supervisor, self._progress(turn, seat, effect), lambda _: None)
        told = UpdateContext(turn.result_key)
        if isinstance(answer, actions.PredictionDone):
            self._say_prediction(told, seat, answer.prediction)
        elif isinstance(answer, actions.PredictionFailed):
            office.say_text(told, seat, error_text(answer.error))
        present_seat = office.seat(seat.user)
        if present_seat is not None and present_seat.job == PredictionJob(turn.key, effect):
            office.keep(replace(present_seat, job=None))

    def _say_prediction(self, turn: UpdateContext, seat: ChatState, prediction: PredictedFile) -> None:
        self._office.say(turn, seat, results.prediction_file(prediction))

    def _progress(self, turn: UpdateContext, seat: ChatState, effect: do.JobEffect) -> Callable[[Progressed], None]:
        def show(progressed: Progressed) -> None:
            words = f"{clean(progressed.message, 80)}"
            share = f"{progressed.share:.0%} " if progressed.share >= 0 else ""
            message = job_message(effect, line(own(share), mixed(words)))
            self._office.sender.show(f"{turn.key}.0", seat.chat, message)

        return show


def job_message(effect: do.JobEffect, more: StyledText = ()) -> OutgoingMessage:
    """What is shown while the work goes on."""
    words = doing(effect)
    text = (*line(mixed(f"{words[:1].upper()}{words[1:]} …")), *more)
    return OutgoingMessage(text, ((Button("Cancel", "n:end"),),))
