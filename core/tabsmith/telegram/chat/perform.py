"""What a press or a typed line meant, done."""

import asyncio

from msgspec.structs import replace

from tabsmith.errors import RunNotFoundError
from tabsmith.runs.folder import RunFolder
from tabsmith.telegram import actions as meant
from tabsmith.telegram.chat.context import BridgeContext, UpdateContext
from tabsmith.telegram.chat.jobs import ChatJobs, job_message
from tabsmith.telegram.chat.views import run_snapshot, show_view
from tabsmith.telegram.chat_state import ChatState, ChatView
from tabsmith.telegram.render import steps
from tabsmith.telegram.render.text import StyledText, foreign, line, own
from tabsmith.workflow import actions
from tabsmith.workflow import effects as do
from tabsmith.workflow.conversation import Conversation
from tabsmith.workflow.effects import start_run
from tabsmith.workflow.session import SessionNoticeKind
from tabsmith.workflow.states import State
from tabsmith.workflow.step_forms import step_form

_STALE: StyledText = line(own("That button belongs to an earlier step. This is where you are:"))


async def perform(
    office: BridgeContext, work: ChatJobs, turn: UpdateContext, seat: ChatState, meaning: meant.ChatAction
) -> None:
    """Do what was meant, and say what came of it. Raises TabsmithError when it cannot be done."""
    match meaning:
        case meant.GiveAnswer(answer=answer, view=view):
            await give_answers(office, work, turn, seat, answer, view=view)
        case meant.ShowView(view=view):
            await show_view(office, turn, office.keep(replace(seat, view=view)))
        case meant.StaleButton() if turn.again:  # done before the kill, and so it fits no more
            await give_answers(office, work, turn, seat)
        case meant.StaleButton():
            await show_view(office, turn, office.keep(replace(seat, view=ChatView())), _STALE)
        case meant.InvalidInput(text=text):
            office.say_text(turn, seat, text)
        case meant.DeleteModel(model_id=model_id):
            await _delete(office, turn, seat, model_id)
        case meant.SwitchSession(session=session):
            await show_view(office, turn, office.keep(replace(seat, session=session, view=ChatView())))
        case meant.SetNotificationLevel(kind=kind, hear=hear):
            await show_view(office, turn, office.keep(replace(seat, hear={**seat.hear, kind: hear})))
        case meant.SetFollowAll(on=on):
            await show_view(office, turn, office.keep(replace(seat, follow_all=on)))
        case _:
            await _of_run(office, work, turn, seat, meaning)


async def give_answers(
    office: BridgeContext,
    work: ChatJobs,
    turn: UpdateContext,
    seat: ChatState,
    *answers: actions.UserAction,
    view: ChatView | None = None,
) -> None:
    """Give the conversation these answers, each once however often the turn is repeated; begin the work that they ask
    for; and show where it stands then. Without any, in a repeated turn: go on from where the first time was cut."""
    conversation = office.conversation(seat)
    effects: tuple[do.Effect, ...] = ()
    keys = [turn.answer_key() for _ in answers]
    if turn.again and keys and keys[-1] in conversation.session.taken:
        keys, answers = [], ()  # all of them, before the kill
    for key, answer in zip(keys, answers, strict=True):
        if turn.again and key in conversation.session.taken:
            continue
        if isinstance(answer, actions.Finish) and len(answers) == 1:
            _finish(office, turn, seat, conversation, key)
            return
        effects += conversation.answer(answer, key).effects
    if conversation.session.waiting is None:
        work.cancel(seat)
    seat = office.keep(replace(seat, view=view or ChatView()))
    if turn.again and not effects:
        effects = await _left_open(office, work, turn, seat, conversation)
    for effect in effects:
        match effect:
            case do.ReadSource() | do.DetectTarget() | do.PredictFile():
                office.say(turn, seat, job_message(effect))
                work.begin(turn, seat, effect)
                return
            case do.StartTraining() | do.ResumeTraining():
                if isinstance(effect, do.ResumeTraining):
                    office.awaited_run(seat.session_user).resumed(effect.run_id)
                failed = await start_run(effect, office.supervisor)
                if failed is not None:
                    conversation.answer(failed, turn.answer_key())
            case _:
                raise TypeError(f"{type(effect).__name__} is carried out by the conversation itself")
    await show_view(office, turn, seat)


def _finish(office: BridgeContext, turn: UpdateContext, seat: ChatState, conversation: Conversation, key: str) -> None:
    """The session goes, and with it all that would tell a repetition that it was finished: so that is said first."""
    over = conversation.preview(actions.Finish())
    office.say(turn, seat, steps.step_message(step_form(over), over, ChatView()))
    conversation.answer(actions.Finish(), key)
    office.keep(replace(seat, view=ChatView()))


async def _left_open(
    office: BridgeContext, work: ChatJobs, turn: UpdateContext, seat: ChatState, conversation: Conversation
) -> tuple[do.Effect, ...]:
    """What an answer asked for that was taken just before a kill, and was not begun, or was cut off."""
    session = conversation.session
    if any(
        notice.kind is SessionNoticeKind.RUN_GONE for notice in session.notices
    ):  # no folder yet: asked for once more
        return conversation.answer(actions.Train(), turn.answer_key()).effects
    if session.state is State.TRAINING:
        run = run_snapshot(session.run_id)
        if run is not None and run.attempt == 0 and not is_run_alive(session.run_id):  # a folder, and no worker yet
            await start_run(do.ResumeTraining(session.run_id), office.supervisor)
        return ()
    unfinished = conversation.unfinished
    return () if unfinished is None or work.under_way(seat) else (unfinished,)


async def _of_run(
    office: BridgeContext, work: ChatJobs, turn: UpdateContext, seat: ChatState, meaning: meant.ChatAction
) -> None:
    match meaning:
        case meant.SendRunCommand(run_id=run_id, command=command, said=said):
            RunFolder(run_id).send(command)
            office.keep(replace(seat, view=ChatView()))
            office.say_text(turn, seat, line(own(said)))
        case meant.ResumeRun(run_id=run_id):
            session = office.conversation(seat).session
            if session.run_id == run_id and session.state is State.ERROR and session.retry is State.TRAINING:
                await give_answers(office, work, turn, seat, actions.TryAgain())
                return
            if not RunFolder(run_id).alive():
                await office.supervisor.resume_run(run_id)
            await show_view(office, turn, office.keep(replace(seat.following(run_id), view=ChatView("run", run_id))))
        case meant.FollowRun(run_id=run_id, on=True):
            await show_view(office, turn, office.keep(replace(seat.following(run_id), view=ChatView("run", run_id))))
        case meant.FollowRun(run_id=run_id):
            office.keep(seat.leaving(run_id))
            office.say_text(turn, seat, line(own("You hear no more of the run "), foreign(run_id), own(".")))
        case _:
            raise TypeError(f"{type(meaning).__name__} is no act on a run")


async def _delete(office: BridgeContext, turn: UpdateContext, seat: ChatState, model_id: str) -> None:
    from tabsmith.errors import ModelNotFoundError
    from tabsmith.modeling.store import delete_model

    try:
        await asyncio.to_thread(delete_model, model_id)
    except ModelNotFoundError:
        if not turn.again:  # deleted before the kill, most likely
            raise
    lead = line(own("Deleted: "), foreign(model_id, 80))
    await show_view(office, turn, office.keep(replace(seat, view=ChatView("models"))), lead)


def is_run_alive(run_id: str) -> bool:
    """Whether somebody works on the run now."""
    try:
        return RunFolder(run_id).alive()
    except RunNotFoundError:
        return False
