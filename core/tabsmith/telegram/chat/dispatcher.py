"""The dispatcher: what each kind of update is for where the person stands, and what a killed bridge had left open."""

import asyncio
import contextlib
import logging
import traceback
from typing import Final

from tabsmith.errors import TabsmithError, report_of
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.telegram.actions import InvalidInput, StaleButton
from tabsmith.telegram.chat import uploads
from tabsmith.telegram.chat.commands import handle_command
from tabsmith.telegram.chat.context import BridgeContext, UpdateContext, first_answer_key, first_message_key
from tabsmith.telegram.chat.perform import give_answers, perform
from tabsmith.telegram.chat.questions_to_table import ask_table
from tabsmith.telegram.chat.views import show_view
from tabsmith.telegram.chat_state import ChatState, ChatView
from tabsmith.telegram.render import models, questions, run_list, settings, step_parsing
from tabsmith.telegram.render.answers import NO_TABLE
from tabsmith.telegram.render.text import error_text, line, own
from tabsmith.telegram.transport.updates import (
    ButtonPress,
    EditedMessage,
    FileMessage,
    TextMessage,
    UnsupportedMessage,
    Update,
)
from tabsmith.text import clean
from tabsmith.workflow import actions
from tabsmith.workflow.effects import run_snapshot
from tabsmith.workflow.session import SessionMovedOnError
from tabsmith.workflow.states import State

_log: Final = logging.getLogger(__name__)
_EDITED: Final = line(own("A message that was changed is not read again. Send it as a new one."))
_UNSUPPORTED: Final = line(
    own("Only text and files can be read here. A table is best sent as a file (the paper clip).")
)
_FEWEST_WORDS: Final = 2  # of a line that is taken for a question to the table
_NOTHING_TO_CANCEL: Final = line(own("There is nothing under way."))


class Dispatcher:
    """Answers updates. What goes wrong is told to the person, and logged."""

    def __init__(self, bridge: BridgeContext) -> None:
        self._bridge = bridge
        self._acknowledging: set[asyncio.Task[None]] = set()

    async def handle(self, update: Update, key: str, *, repeated: bool = False) -> None:
        """Answer an update once; with `repeated`, a process that was killed may have begun to answer it.

        Raises StorageError when the answer cannot be put on disk: then nothing was sent, and it has to be tried again.
        """
        bridge = self._bridge
        chat = bridge.visit(update.user)
        context = UpdateContext(bridge, chat.user, key, repeated=repeated)
        if isinstance(update, ButtonPress):
            self._acknowledge(update.query_id)
        async with bridge.conversation_lock(chat.session_user):
            try:
                await self._answer(context, update)
            except SessionMovedOnError as error:
                context.send_text(error_text(error))
                with contextlib.suppress(TabsmithError):  # that something is wrong was just sent
                    await show_view(context, ChatView())
            except TabsmithError as error:
                context.send_text(error_text(error))
            except Exception as error:  # noqa: BLE001 - the edge: one update must not end the bridge
                _log.error("update %s: %s", key, "".join(traceback.format_exception(error)))
                bridge.status.trouble("handling", clean(f"{type(error).__name__}: {error}", 300))
                context.send_text(error_text(report_of(error)))

    async def _answer(self, context: UpdateContext, update: Update) -> None:
        if context.repeated and self._was_taken(context, update):
            await give_answers(context, view=context.chat.view)
            return
        match update:
            case TextMessage(command="", text=text):
                await self._answer_text(context, text)
            case TextMessage():
                await handle_command(context, update)
            case ButtonPress(data=data):
                await self._answer_press(context, data)
            case FileMessage():
                await uploads.receive_file(context, update)
            case EditedMessage():
                context.send_text(_EDITED)
            case UnsupportedMessage():
                context.send_text(_UNSUPPORTED)

    def _was_taken(self, context: UpdateContext, update: Update) -> bool:
        """Whether the conversation took the line or press before the kill.

        If so, it must not be read again, against the step that came after.
        """
        match update:
            case ButtonPress(data=data) if data.startswith("u:"):  # gives several answers, each looked at alone
                return False
            case TextMessage(command="") | ButtonPress():
                return first_answer_key(context.key) in context.conversation().session.taken
            case _:
                return False

    async def _answer_press(self, context: UpdateContext, data: str) -> None:
        prefix = data.partition(":")[0]
        match prefix:
            case "u":
                await uploads.choose_file_use(context, data)
            case "n" if data == "n:end":
                await self._cancel_job(context)
            case "w":
                conversation = context.conversation()
                await perform(context, step_parsing.parse_press(data, conversation.form, conversation.session))
            case "r":
                await perform(context, run_list.parse_press(data, _run_of(data)))
            case "q":
                await perform(context, questions.parse_press(data, _run_of(data)))
            case "m":
                await perform(context, models.parse_press(data))
            case "s":
                await perform(context, settings.parse_press(data, context.chat))
            case _:
                await perform(context, StaleButton())

    async def _answer_text(self, context: UpdateContext, text: str) -> None:
        """Use a typed line for what the person looks at, else for a run's question, else for the conversation."""
        view = context.chat.view
        if view.kind in ("answer", "amount", "note"):
            run = run_snapshot(view.name)
            if run is not None:
                await perform(context, run_list.parse_text(text, run, view.name, view))
                return
        if view.kind in ("predict", "predict_missing"):
            uploads.predict_with_listed_model(context, text)
            return
        conversation = context.conversation()
        asking = _asking_run(context.chat, conversation.session.run_id, conversation.session.state)
        run = run_snapshot(asking) if asking else None
        if run is not None:
            await perform(context, questions.parse_text(text, run, asking))
            return
        session = conversation.session
        if view.kind == "asked" and session.table is not None:
            await ask_table(context, session.table, text)
            return
        if view.kind not in ("prompt", "columns", "column", "field"):
            view = ChatView()
            context.set_view(view)
        meaning = step_parsing.parse_text(text, conversation.form, session, view)
        asks = isinstance(meaning, InvalidInput) and view.kind != "field" and len(text.split()) >= _FEWEST_WORDS
        if asks and session.table is not None and session.waiting is None:
            await ask_table(context, session.table, text)
        elif asks and session.state is State.IDLE:
            context.send_text(NO_TABLE)
        else:
            await perform(context, meaning)

    async def _cancel_job(self, context: UpdateContext) -> None:
        """Cancel the job under way, and step back from what it was for."""
        self._bridge.jobs.cancel(context.chat)
        session = context.conversation().session
        if session.waiting is None:
            await show_view(context, lead=_NOTHING_TO_CANCEL)
        elif session.state is State.CONFIRMING_SCHEMA and session.schema is not None and session.schema.target:
            await give_answers(context, actions.ChangeTarget(session.schema.target))
        else:
            await give_answers(context, actions.Back())

    def _acknowledge(self, query_id: str) -> None:
        """Take the little clock off the button. Nothing is lost when that fails."""
        task = asyncio.ensure_future(self._bridge.api.acknowledge(query_id))
        self._acknowledging.add(task)
        task.add_done_callback(self._acknowledged)

    def _acknowledged(self, task: asyncio.Task[None]) -> None:
        self._acknowledging.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._bridge.status.trouble("sending", clean(f"a press was not acknowledged: {task.exception()}", 300))

    # After a kill -------------------------------------------------------------------------------------------------

    async def restore(self, waiting_keys: frozenset[str]) -> None:
        """Start jobs again that a killed bridge had running, and send what it had done and not told.

        Updates with `waiting_keys` are handled again anyway.
        """
        restored: set[str] = set()
        for chat in self._bridge.allowed_chats():
            if chat.job is not None:
                context = UpdateContext(self._bridge, chat.user, chat.job.context_key)
                self._bridge.jobs.start_prediction(context, chat.job.effect)
            if chat.session_user in restored:
                continue
            restored.add(chat.session_user)
            try:
                await self._restore_conversation(chat, waiting_keys)
            except TabsmithError as error:
                self._bridge.status.trouble("handling", clean(str(error), 300))

    async def _restore_conversation(self, chat: ChatState, waiting_keys: frozenset[str]) -> None:
        conversation = self._bridge.conversation(chat)
        if not conversation.session.taken:
            return
        key = conversation.session.taken[-1].rpartition(".")[0]
        if key in waiting_keys or "/end/" in key:
            return
        context = UpdateContext(self._bridge, chat.user, key)
        if key.endswith(".r"):
            await self._bridge.jobs.tell_again(context)
        elif not self._bridge.outbox.knows(first_message_key(key)):
            await show_view(context)
        unfinished = conversation.unfinished
        if unfinished is not None:
            self._bridge.jobs.start(context, unfinished)


def _run_of(data: str) -> RunSnapshot | None:
    """The run that a button's data names, as it is now."""
    run_id = data.partition(":")[2].partition(":")[0]
    return run_snapshot(run_id) if run_id else None


def _asking_run(chat: ChatState, run_id: str, state: State) -> str:
    """Id of the run whose open question a typed line answers, "" for none.

    That is the run looked at, the conversation's own, or the only one that asks of those followed.
    """
    looked_at = chat.view.name if chat.view.kind == "run" else run_id if state is State.TRAINING else ""
    if looked_at:
        run = run_snapshot(looked_at)
        return looked_at if run is not None and run.question is not None else ""
    if state not in (State.IDLE, State.COMPLETED, State.TRAINED):
        return ""
    asking = [
        followed.run_id
        for followed in chat.followed
        if (run := run_snapshot(followed.run_id)) is not None and run.question
    ]
    return asking[0] if len(asking) == 1 else ""
