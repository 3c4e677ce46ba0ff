"""The bot's commands: what `/train`, `/runs`, `/stop` and the others do where the person stands."""

import asyncio
from collections.abc import Awaitable, Callable
from types import MappingProxyType
from typing import Final, TypeAlias

from tabsmith.runs.events import Pause, Resume, Stop
from tabsmith.runs.watch import list_runs
from tabsmith.telegram.actions import SendRunCommand
from tabsmith.telegram.chat.context import UpdateContext
from tabsmith.telegram.chat.perform import give_answers, is_run_alive, perform
from tabsmith.telegram.chat.views import show_view
from tabsmith.telegram.chat_state import ChatView
from tabsmith.telegram.render.settings import help_text
from tabsmith.telegram.render.text import bold, foreign, line, own
from tabsmith.telegram.transport.updates import TextMessage
from tabsmith.workflow import actions
from tabsmith.workflow.states import State

Handler: TypeAlias = Callable[[UpdateContext, str], Awaitable[None]]

_NOT_BEGUN: Final = (State.IDLE, State.COMPLETED)
_HAS_MODEL: Final = (State.TRAINED, State.PREDICTING)
_UNFINISHED: Final = line(own("This is unfinished; /cancel discards it."))
_NO_RUN: Final = line(own("No run is at work."))


async def handle_command(context: UpdateContext, message: TextMessage) -> None:
    """Carry out a command. Raises TabsmithError when it cannot be done."""
    handler = HANDLERS.get(message.command)
    if handler is None:
        name = foreign(f"/{message.command}", 40)
        context.send_text(line(own("There is no command "), name, own(". /help lists them.")))
        return
    await handler(context, message.text)


async def _start(context: UpdateContext, _text: str) -> None:
    unfinished = context.conversation().session.state not in _NOT_BEGUN
    hello = line(own("Hello "), foreign(context.chat.name, 40), own("."))
    await show_view(context, ChatView(), (*hello, *(_UNFINISHED if unfinished else ()), *line()))


async def _help(context: UpdateContext, _text: str) -> None:
    context.send_text(help_text())


async def _train(context: UpdateContext, text: str) -> None:
    """Begin a conversation, with a path in `text` straight at that file. One that has its model is finished first."""
    session = context.conversation().session
    has_begun = context.repeated and context.has_answered(session.taken)
    if not has_begun and session.state not in (*_NOT_BEGUN, *_HAS_MODEL):
        await show_view(context, ChatView(), _UNFINISHED)
        return
    answers: tuple[actions.UserAction, ...] = (actions.Begin(),)
    if text:
        answers += (actions.ChooseFile(), actions.GivePath(text))
    if session.state in _HAS_MODEL and not has_begun:
        answers = (actions.Finish(), *answers)
    else:
        context.skip_answer_keys(1)
    await give_answers(context, *answers)


async def _predict(context: UpdateContext, text: str) -> None:
    """Predict with the conversation's model, the file whose path is `text` if there is one; else choose a model."""
    session = context.conversation().session
    rows = (actions.GiveNewRows(text),) if text else ()
    if session.state is State.TRAINED or (context.repeated and context.has_answered(session.taken)):
        await give_answers(context, actions.PredictRows(), *rows)
    elif session.state is not State.PREDICTING:
        await show_view(context, ChatView("models"), line(bold("Predict with which model?")))
    elif rows:
        context.skip_answer_keys(1)
        await give_answers(context, *rows)
    else:
        await show_view(context, ChatView())


async def _cancel(context: UpdateContext, _text: str) -> None:
    if context.conversation().session.state is State.IDLE and not context.repeated:
        await show_view(context, ChatView(), line(own("There is nothing to cancel.")))
        return
    context.bridge.jobs.cancel(context.chat)
    await give_answers(context, actions.Cancel())


async def _back(context: UpdateContext, _text: str) -> None:
    if context.chat.view.kind != "prompt":
        await show_view(context, ChatView())
    else:
        await give_answers(context, actions.Back())


async def _status(context: UpdateContext, _text: str) -> None:
    """Show the run that is meant, live; without a run, the current step."""
    runs = await _runs_at_work(context)
    if len(runs) == 1:
        await show_view(context, ChatView("run", runs[0]))
    elif runs:
        await _ask_which_run(context)
    else:
        await show_view(context, ChatView(), _NO_RUN)


def _run_command(command: Stop | Pause | Resume, reply: str) -> Handler:
    """A handler that sends `command` to the run at work, or to the one whose id ends with the text."""

    async def send(context: UpdateContext, text: str) -> None:
        runs = [run_id for run_id in await _runs_at_work(context) if run_id.endswith(text)]
        if len(runs) == 1:
            await perform(context, SendRunCommand(runs[0], command, reply))
        elif runs:
            await _ask_which_run(context)
        else:
            context.send_text(_NO_RUN)

    return send


def _show(view: ChatView) -> Handler:
    async def show(context: UpdateContext, _text: str) -> None:
        await show_view(context, view)

    return show


async def _ask_which_run(context: UpdateContext) -> None:
    await show_view(context, ChatView("runs"), line(bold("Several runs are at work. Which one?")))


async def _runs_at_work(context: UpdateContext) -> list[str]:
    """Ids of the runs that a person may mean: the one of their conversation, else those they follow, else any."""
    session = context.conversation().session
    if session.state is State.TRAINING and is_run_alive(session.run_id):
        return [session.run_id]
    followed = [run.run_id for run in context.chat.followed if is_run_alive(run.run_id)]
    return followed or [run.id for run in await asyncio.to_thread(list_runs) if not run.state.ended]


HANDLERS: Final = MappingProxyType[str, Handler](
    {
        "start": _start,
        "help": _help,
        "train": _train,
        "predict": _predict,
        "models": _show(ChatView("models")),
        "runs": _show(ChatView("runs")),
        "status": _status,
        "stop": _run_command(Stop(when="after iteration"), "It stops after this iteration, and keeps the best model."),
        "pause": _run_command(Pause(), "Paused. /resume resumes it."),
        "resume": _run_command(Resume(), "Resumed."),
        "cancel": _cancel,
        "back": _back,
        "settings": _show(ChatView("settings")),
    }
)
"""The handler of each command, by its name without the slash."""
