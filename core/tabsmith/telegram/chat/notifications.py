"""What people are told about runs: notifications, each sent once, live messages, and the end of an awaited run."""

import asyncio
import logging
from typing import Final

import msgspec
from msgspec.structs import replace

from tabsmith import formatting
from tabsmith.errors import RunNotFoundError, TabsmithError
from tabsmith.orchestration.loop_state import Trial
from tabsmith.presentation.events import run_log
from tabsmith.presentation.trials import change_words
from tabsmith.runs import replies
from tabsmith.runs.events import RunState
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.runs.watch import RunWatch, list_runs
from tabsmith.storage import Found
from tabsmith.telegram.chat.context import BridgeContext, UpdateContext
from tabsmith.telegram.chat.views import show_view
from tabsmith.telegram.chat_state import ChatState, ChatView, NotificationKind
from tabsmith.telegram.render import models, questions, run_message
from tabsmith.telegram.render.messages import OutgoingMessage, keyboard
from tabsmith.telegram.render.text import StyledText, bold, foreign, line, mixed, own
from tabsmith.text import clean
from tabsmith.workflow.session import SessionStore
from tabsmith.workflow.states import State

_log: Final = logging.getLogger(__name__)
FOLLOW_INTERVAL: Final = 1.0  # seconds
_LOOKS_PER_LIST: Final = 5  # the list of all runs is read once in so many looks
_TOLD_BY_CONVERSATION: Final = ("finished", "failed")


class RunNotification(msgspec.Struct, frozen=True):
    """A notification to be sent once. `key` names the run, too, and never changes."""

    kind: NotificationKind
    key: str
    message: OutgoingMessage


def due_notifications(run: RunSnapshot, run_id: str) -> tuple[RunNotification, ...]:
    """All notifications that the run has given reason for up to now, oldest kind first; also those already sent."""
    due = [*_champions(run, run_id), *_agent_changes(run, run_id), *_budget_warnings(run, run_id)]
    open_question = replies.open_question(run)
    if open_question is not None:
        # The clock stands still while a question is open, so that the text is the same at any time.
        message = questions.question_message(run, run_id, run.updated_at)
        due.append(RunNotification("question", f"{run_id}/question:{open_question.id}", message))
    if run.state.ended:
        due.append(_end(run, run_id))
    return tuple(due)


def _champions(run: RunSnapshot, run_id: str) -> list[RunNotification]:
    return [
        _notification("champion", f"champion:{trial.iteration}", run, run_id, _champion_text(trial, run))
        for trial in run.trials
        if trial.won and not trial.skipped
    ]


def _champion_text(trial: Trial, run: RunSnapshot) -> StyledText:
    metric = (mixed(run.metric.label, 40), own(" ")) if run.metric else ()
    score = bold(formatting.plus_minus(trial.mean, trial.standard_error))
    text = line(own(f"★ A new best in iteration {trial.iteration}"))
    change = line(foreign(change_words(trial), 120)) if trial.change else ()
    return (*text, *change, *line(*metric, score, own(run_message.difference_text(trial))))


def _agent_changes(run: RunSnapshot, run_id: str) -> list[RunNotification]:
    """Notifications that another agent took over or the planned one came back; the log has when and why."""
    return [
        _notification("agent", f"agent:{entry.at:.3f}", run, run_id, line(own("! "), mixed(entry.text, 300)))
        for entry in run_log(run)
        if entry.word == "agent"
    ]


def _budget_warnings(run: RunSnapshot, run_id: str) -> list[RunNotification]:
    """Notifications of limits nearly spent. A spent limit is told by the run's question, or by its end."""
    return [
        _notification(
            "budget",
            f"budget:{warning.limit}:{warning.share:g}:{warning.at:.3f}",  # warned again after the limit was raised
            run,
            run_id,
            line(own("! "), mixed(warning.words, 200)),
        )
        for warning in run.warnings
        if warning.share < 1
    ]


def _end(run: RunSnapshot, run_id: str) -> RunNotification:
    kind: NotificationKind = "failed"
    if run.state is RunState.INTERRUPTED:
        key = f"interrupted:{run.attempt}"
        text = line(bold("! The run was interrupted"))
        text += line(own("Its worker is gone. It can be resumed where it was."))
    else:
        key = f"ended:{run.attempt}"
        # A run that a person stopped did not fail.
        if run.exit_reason == "user" or (run.state is RunState.DONE and run.outcome != "blocked"):
            kind = "finished"
        text = line(bold("✔ The run is over" if kind == "finished" else "✘ The run failed"))
        text += run_message.ending_text(run)
        text += models.score_text(run.report) if run.report is not None else ()
    return _notification(kind, key, run, run_id, text, ("result", "resume", "open"))


def _notification(
    kind: NotificationKind,
    key: str,
    run: RunSnapshot,
    run_id: str,
    text: StyledText,
    buttons: tuple[run_message.RunAction, ...] = ("open",),
) -> RunNotification:
    offered = run_message.offered_actions(run)
    row = [run_message.action_button(action, run_id) for action in buttons if action in offered]
    message = OutgoingMessage((*text, *run_message.run_subject(run, run_id)), keyboard(row))
    return RunNotification(kind, f"{run_id}/{key}", message)


class RunFollower:
    """Looks at every followed run once a second: live messages, notifications, and the end of an awaited run.

    A run is followed until its end was told. Which runs are followed is in the chat states, so a bridge that was
    killed tells the end when it is back.
    """

    def __init__(self, bridge: BridgeContext, interval: float = FOLLOW_INTERVAL) -> None:
        self._bridge = bridge
        self._interval = interval
        self._watches: dict[str, RunWatch] = {}  # by run id
        self._awaited: dict[str, tuple[int, str]] = {}  # by session user: the session's mtime, and its run id
        self._looks = 0

    async def run(self) -> None:
        """Look at the runs until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(self._interval)

    async def look(self) -> None:
        """Look once at the runs of everybody."""
        self._looks += 1
        list_all = self._looks % _LOOKS_PER_LIST == 1
        for user in [chat.user for chat in self._bridge.allowed_chats()]:
            try:
                await self._look_for_user(user, list_all=list_all)
            except TabsmithError as error:
                self._bridge.status.trouble("following", clean(str(error), 300))
            except Exception as error:  # noqa: BLE001 - one person's run must not end the looking for all
                _log.exception("following runs for user %s", user)
                self._bridge.status.trouble("following", clean(f"{type(error).__name__}: {error}", 300))
        followed = {run.run_id for chat in self._bridge.allowed_chats() for run in chat.followed}
        self._watches = {run_id: watch for run_id, watch in self._watches.items() if run_id in followed}

    async def _look_for_user(self, user: int, *, list_all: bool) -> None:
        """Look at one person's runs. Their chat state is read again after every wait: it may have changed meanwhile."""
        chat = self._bridge.chat(user)
        if chat is not None and chat.follow_all and list_all:
            for run in await asyncio.to_thread(list_runs):
                if not run.state.ended:
                    self._follow(user, run.id)
        chat = self._bridge.chat(user)
        if chat is None:
            return
        awaited = self._awaited_run_id(chat)
        if awaited:
            chat = self._follow(user, awaited)
        for run_id in [run.run_id for run in chat.followed]:
            await self._look_at_run(user, run_id, is_awaited=run_id == awaited)

    async def _look_at_run(self, user: int, run_id: str, *, is_awaited: bool) -> None:
        bridge = self._bridge
        run, chat = self._snapshot(run_id), bridge.chat(user)
        if chat is None or chat.followed_run(run_id) is None:
            return
        if run is None:
            bridge.save(chat.without_followed(run_id))
            return
        if is_awaited:
            awaited = bridge.awaited_run(chat.session_user).look(run_id)
            if awaited is not None and awaited.end is not None:
                await self._tell_awaited_end(chat, awaited.run)
                return
        self._notify(chat, run_id, run, is_awaited=is_awaited)

    def _awaited_run_id(self, chat: ChatState) -> str:
        """Id of the run that the person's conversation waits for, "" for none; cached while the session is unchanged."""
        store = SessionStore(chat.session_user)
        try:
            saved_at = store.path.stat().st_mtime_ns
        except FileNotFoundError:
            return ""
        cached = self._awaited.get(chat.session_user)
        if cached is None or cached[0] != saved_at:
            loaded = store.load()
            session = loaded.value if isinstance(loaded, Found) else None
            run_id = session.run_id if session is not None and session.state is State.TRAINING else ""
            cached = self._awaited[chat.session_user] = (saved_at, run_id)
        return cached[1]

    def _follow(self, user: int, run_id: str) -> ChatState:
        chat = self._bridge.chat(user)
        assert chat is not None
        return chat if chat.followed_run(run_id) is not None else self._bridge.save(chat.with_followed(run_id))

    def _snapshot(self, run_id: str) -> RunSnapshot | None:
        try:
            if run_id not in self._watches:
                self._watches[run_id] = RunWatch(run_id)
            return self._watches[run_id].refresh()
        except RunNotFoundError:
            self._watches.pop(run_id, None)
            return None

    def _notify(self, chat: ChatState, run_id: str, run: RunSnapshot, *, is_awaited: bool) -> None:
        """Send notifications that are due and update the live message. At the first look only a question is news."""
        bridge = self._bridge
        followed = chat.followed_run(run_id)
        assert followed is not None
        due = due_notifications(run, run_id)
        notified = followed.notified
        if notified is None:
            notified = tuple(notification.key for notification in due if notification.kind != "question")
        for notification in due:
            if notification.key in notified:
                continue
            level = chat.notification_level(notification.kind)
            if level != "off" and not (is_awaited and notification.kind in _TOLD_BY_CONVERSATION):
                message = replace(notification.message, silent=level == "silent")
                bridge.outbox.put(f"{chat.user}/{notification.key}", chat.user, chat.chat_id, message)
            notified = (*notified, notification.key)
        self._update_live_message(chat, run_id, run)
        is_over = run.state.ended and not is_awaited
        bridge.save(chat.without_followed(run_id) if is_over else chat.with_notified(run_id, notified))

    def _update_live_message(self, chat: ChatState, run_id: str, run: RunSnapshot) -> None:
        followed = chat.followed_run(run_id)
        if followed is not None and followed.message_key:
            message = run_message.run_message(run, run_id, self._bridge.clock(), followed=not run.state.ended)
            self._bridge.sender.show(followed.message_key, chat.chat_id, message)

    async def _tell_awaited_end(self, chat: ChatState, run: RunSnapshot) -> None:
        """Give the conversation the end of its run, and send the result with its pictures."""
        bridge = self._bridge
        assert run.spec is not None
        run_id = run.spec.id
        context = UpdateContext(bridge, chat.user, f"{chat.user}/end/{run_id}/{run.attempt}")
        async with bridge.conversation_lock(chat.session_user):
            conversation = context.conversation()
            awaited = bridge.awaited_run(context.chat.session_user).look(run_id)
            if awaited is not None and awaited.end is not None and conversation.session.state is State.TRAINING:
                conversation.answer(awaited.end, context.answer_key())
            self._update_live_message(context.chat, run_id, run)
            context.set_view(ChatView())
            if run.report is not None:
                for chart in models.result_charts(run.report):
                    context.send(chart)
            await show_view(context)
            context.save(context.chat.without_followed(run_id))
