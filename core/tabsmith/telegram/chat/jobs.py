"""Jobs that answers start (reading a table, detecting a target, predicting): their progress and their results."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from msgspec.structs import replace

from tabsmith.errors import MissingColumnError, StepError, report_of
from tabsmith.runs.jobs import JobFailed, JobResult, Predict, Predicted, Progressed
from tabsmith.telegram.chat.context import BridgeContext, UpdateContext
from tabsmith.telegram.chat.views import show_view
from tabsmith.telegram.chat_state import ChatState, ChatView, PredictionJob
from tabsmith.telegram.render import models
from tabsmith.telegram.render.messages import Button, OutgoingMessage
from tabsmith.telegram.render.text import StyledText, error_text, line, mixed, own
from tabsmith.text import clean
from tabsmith.workflow import actions, effects
from tabsmith.workflow.states import State

_log: Final = logging.getLogger(__name__)


_SEND_AGAIN: Final = line(own("Send the file again to predict all the same: what is missing counts as missing values."))


class ChatJobs:
    """The jobs that are running: at most one for each conversation, and one for each person with a listed model."""

    def __init__(self, bridge: BridgeContext) -> None:
        self._bridge = bridge
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, context: UpdateContext, effect: effects.JobEffect) -> None:
        """Start the job that the person's conversation waits for; an earlier one of that conversation is cancelled."""
        self._start(context.chat.session_user, self._run_for_conversation(context, effect))

    def start_prediction(self, context: UpdateContext, effect: Predict) -> None:
        """Start predictions with a listed model, beside the conversation. The chat state remembers them."""
        context.save(replace(context.chat, job=PredictionJob(context.key, effect)))
        self._start(f"chat {context.user}", self._run_prediction(context, effect))

    def cancel(self, chat: ChatState) -> None:
        """Cancel the job that the person's conversation waits for, and its process with it."""
        task = self._tasks.pop(chat.session_user, None)
        if task is not None:
            task.cancel()

    def is_running(self, chat: ChatState) -> bool:
        """Whether the person's conversation has a job that is running."""
        task = self._tasks.get(chat.session_user)
        return task is not None and not task.done()

    async def close(self) -> None:
        """Cancel everything; the next bridge starts it again."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _start(self, name: str, job: Awaitable[None]) -> None:
        earlier = self._tasks.get(name)
        if earlier is not None and earlier is not asyncio.current_task():
            earlier.cancel()
        self._tasks[name] = asyncio.ensure_future(job)

    async def _run_for_conversation(self, context: UpdateContext, effect: effects.JobEffect) -> None:
        result_context = context.for_result()
        try:
            result = await self._run(context, effect)
            async with self._bridge.conversation_lock(context.chat.session_user):
                await self._give_result(result_context, result)
        except Exception as error:  # noqa: BLE001 - the edge of a task: nobody else would hear of it
            _log.exception("the result of %s could not be told", type(effect).__name__)
            self._bridge.status.trouble("handling", clean(str(error), 300))
            failed = UpdateContext(self._bridge, context.user, f"{result_context.key}.e")
            failed.send_text(error_text(report_of(error)))

    async def _give_result(self, context: UpdateContext, result: actions.WorkResult) -> None:
        """Give the conversation the result of its job, and show the step that follows."""
        conversation = context.conversation()
        key = context.answer_key()
        if key not in conversation.session.taken:
            try:
                step = conversation.answer(result, key)
            except StepError:  # the person has moved on meanwhile: nobody waits for it
                return
            if step.effect is not None:
                assert isinstance(step.effect, effects.JobEffect)
                self.start(context, step.effect)
                return
        if isinstance(result, Predicted):
            context.send(models.prediction_file(result.prediction))
        await show_view(context)

    async def tell_again(self, context: UpdateContext) -> None:
        """Send what `_give_result` sends, for a result that was taken and perhaps not told before a kill."""
        session = context.conversation().session
        if session.state is State.PREDICTING and session.prediction is not None and session.waiting is None:
            context.send(models.prediction_file(session.prediction))
        await show_view(context)

    async def _run_prediction(self, context: UpdateContext, effect: Predict) -> None:
        result = await self._run(context, effect)
        result_context = context.for_result()
        if isinstance(result, Predicted):
            result_context.send(models.prediction_file(result.prediction))
        elif isinstance(result, JobFailed):
            refused = result.error.name == MissingColumnError.__name__
            result_context.send_text(error_text(result.error), _SEND_AGAIN if refused else ())
            if refused:
                context.set_view(ChatView("predict_missing", effect.model_id))
        if context.chat.job == PredictionJob(context.key, effect):
            context.save(replace(context.chat, job=None))

    async def _run(self, context: UpdateContext, effect: effects.JobEffect) -> JobResult:
        return await effects.run_job(effect, self._bridge.supervisor, self._progress(context, effect))

    def _progress(self, context: UpdateContext, effect: effects.JobEffect) -> Callable[[Progressed], None]:
        def show(progressed: Progressed) -> None:
            share = f"{progressed.share:.0%} " if progressed.share >= 0 else ""
            message = job_message(effect, line(own(share), mixed(clean(progressed.message, 80))))
            self._bridge.sender.show(f"{context.key}.0", context.chat.chat_id, message)

        return show


def job_message(effect: effects.JobEffect, progress: StyledText = ()) -> OutgoingMessage:
    """The message that stands while a job runs, with a button that cancels it."""
    label = effects.describe_job(effect)
    text = (*line(mixed(f"{label[:1].upper()}{label[1:]} …")), *progress)
    return OutgoingMessage(text, ((Button("Cancel", "n:end"),),))
