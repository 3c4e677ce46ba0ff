"""Carrying out a `ChatAction`: what happens after a button press or a typed line."""

import asyncio

from msgspec.structs import replace

from tabsmith.errors import RunNotFoundError
from tabsmith.runs.folder import RunFolder
from tabsmith.runs.jobs import DetectSchema, Predict, ReadTable
from tabsmith.telegram import actions as chat_actions
from tabsmith.telegram.chat.context import UpdateContext
from tabsmith.telegram.chat.jobs import job_message
from tabsmith.telegram.chat.views import show_view
from tabsmith.telegram.chat_state import ChatState, ChatView
from tabsmith.telegram.render import steps
from tabsmith.telegram.render.text import StyledText, foreign, line, own
from tabsmith.workflow import actions, effects
from tabsmith.workflow.conversation import Conversation
from tabsmith.workflow.effects import run_snapshot
from tabsmith.workflow.session import SessionNoticeKind
from tabsmith.workflow.states import State
from tabsmith.workflow.step_forms import step_form

_STALE: StyledText = line(own("That button belongs to an earlier step. This is where you are:"))


async def perform(context: UpdateContext, action: chat_actions.ChatAction) -> None:
    """Carry out the action and show its outcome. Raises TabsmithError when it cannot be done."""
    match action:
        case chat_actions.GiveAnswer(answer=answer, view=view):
            await give_answers(context, answer, view=view)
        case chat_actions.ShowView(view=view):
            await show_view(context, view)
        case chat_actions.StaleButton() if context.repeated:  # done before the kill, which is why it is stale
            await give_answers(context)
        case chat_actions.StaleButton():
            await show_view(context, ChatView(), _STALE)
        case chat_actions.InvalidInput(text=text):
            context.send_text(text)
        case chat_actions.DeleteModel(model_id=model_id):
            await _delete_model(context, model_id)
        case chat_actions.SwitchSession() | chat_actions.SetNotificationLevel() | chat_actions.SetFollowAll():
            context.save(_changed(context.chat, action))
            await show_view(context)
        case chat_actions.SendRunCommand(run_id=run_id, command=command, reply=reply):
            RunFolder(run_id).send(command)
            context.set_view(ChatView())
            context.send_text(line(own(reply)))
        case chat_actions.ResumeRun(run_id=run_id):
            await _resume_run(context, run_id)
        case chat_actions.FollowRun(run_id=run_id, on=True):
            await _follow(context, run_id)
        case chat_actions.FollowRun(run_id=run_id):
            context.save(context.chat.without_followed(run_id))
            context.send_text(line(own("You no longer follow the run "), foreign(run_id), own(".")))


def _changed(
    chat: ChatState,
    action: chat_actions.SwitchSession | chat_actions.SetNotificationLevel | chat_actions.SetFollowAll,
) -> ChatState:
    """The chat state after a change of its settings."""
    match action:
        case chat_actions.SwitchSession(session=session):
            return replace(chat, session=session, view=ChatView())
        case chat_actions.SetNotificationLevel(kind=kind, level=level):
            return replace(chat, levels={**chat.levels, kind: level})
        case chat_actions.SetFollowAll(on=on):
            return replace(chat, follow_all=on)


async def give_answers(context: UpdateContext, *answers: actions.UserAction, view: ChatView | None = None) -> None:
    """Give the conversation these answers, start the effects that they ask for, and show the step that follows.

    Each answer is given once however often the context is repeated. Without answers, a repeated context goes on from
    where a kill cut off its first time.
    """
    conversation = context.conversation()
    requested: list[effects.Effect] = []
    keys = [context.answer_key() for _ in answers]
    if context.repeated and keys and keys[-1] in conversation.session.taken:
        keys, answers = [], ()  # all of them were taken before the kill
    for key, answer in zip(keys, answers, strict=True):
        if context.repeated and key in conversation.session.taken:
            continue
        if isinstance(answer, actions.Finish) and len(answers) == 1:
            _finish(context, conversation, key)
            return
        effect = conversation.answer(answer, key).effect
        requested += [effect] if effect is not None else []
    if conversation.session.waiting is None:
        context.bridge.jobs.cancel(context.chat)
    context.set_view(view or ChatView())
    if context.repeated and not requested:
        requested = await _unstarted_effects(context, conversation)
    for effect in requested:
        match effect:
            case ReadTable() | DetectSchema() | Predict():
                context.send(job_message(effect))
                context.bridge.jobs.start(context, effect)
                return
            case effects.StartTraining() | effects.ResumeTraining():
                if isinstance(effect, effects.ResumeTraining):
                    context.bridge.awaited_run(context.chat.session_user).resumed(effect.run_id)
                failed = await effects.start_run(effect, context.bridge.supervisor)
                if failed is not None:
                    conversation.answer(failed, context.answer_key())
            case _:
                raise TypeError(f"{type(effect).__name__} is carried out by the conversation itself")
    await show_view(context)


def is_run_alive(run_id: str) -> bool:
    """Whether a worker process works on the run now."""
    try:
        return RunFolder(run_id).alive()
    except RunNotFoundError:
        return False


def _finish(context: UpdateContext, conversation: Conversation, key: str) -> None:
    """Finish the conversation. The message goes out first: afterwards the session, which knows its key, is gone."""
    finished = conversation.preview(actions.Finish())
    context.send(steps.step_message(step_form(finished), finished, ChatView()))
    conversation.answer(actions.Finish(), key)
    context.set_view(ChatView())


async def _unstarted_effects(context: UpdateContext, conversation: Conversation) -> list[effects.Effect]:
    """Effects of an answer that was taken just before a kill, and were not started, or were cut off."""
    session = conversation.session
    if any(
        notice.kind is SessionNoticeKind.RUN_GONE for notice in session.notices
    ):  # killed before its folder was made
        effect = conversation.answer(actions.Train(), context.answer_key()).effect
        return [effect] if effect is not None else []
    if session.state is State.TRAINING:
        run = run_snapshot(session.run_id)
        if run is not None and run.attempt == 0 and not is_run_alive(session.run_id):  # a folder, and no worker yet
            await effects.start_run(effects.ResumeTraining(session.run_id), context.bridge.supervisor)
        return []
    unfinished = conversation.unfinished
    return [] if unfinished is None or context.bridge.jobs.is_running(context.chat) else [unfinished]


async def _resume_run(context: UpdateContext, run_id: str) -> None:
    session = context.conversation().session
    if session.run_id == run_id and session.state is State.ERROR and session.retry is State.TRAINING:
        await give_answers(context, actions.TryAgain())
        return
    if not RunFolder(run_id).alive():
        await context.bridge.supervisor.resume_run(run_id)
    await _follow(context, run_id)


async def _follow(context: UpdateContext, run_id: str) -> None:
    context.save(context.chat.with_followed(run_id))
    await show_view(context, ChatView("run", run_id))


async def _delete_model(context: UpdateContext, model_id: str) -> None:
    from tabsmith.errors import ModelNotFoundError
    from tabsmith.modeling.store import delete_model

    try:
        await asyncio.to_thread(delete_model, model_id)
    except ModelNotFoundError:
        if not context.repeated:  # most likely it was deleted before the kill
            raise
    await show_view(context, ChatView("models"), line(own("Deleted: "), foreign(model_id, 80)))
