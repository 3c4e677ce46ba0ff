"""Views: what a person looks at (the current step, a run, a list, the settings), as messages."""

import asyncio

from msgspec.structs import replace

from tabsmith.errors import TabsmithError
from tabsmith.runs.watch import list_runs
from tabsmith.telegram.chat.context import BridgeContext, UpdateContext
from tabsmith.telegram.chat_state import ChatState, ChatView
from tabsmith.telegram.render import models, run_list, run_message, settings, steps
from tabsmith.telegram.render.messages import Button, OutgoingMessage
from tabsmith.telegram.render.text import StyledText, bold, error_text, foreign, line, own
from tabsmith.workflow.conversation import Conversation
from tabsmith.workflow.effects import run_snapshot
from tabsmith.workflow.states import State


async def show_view(context: UpdateContext, view: ChatView | None = None, lead: StyledText = ()) -> None:
    """Have the person look at `view`, or at what they look at already, and send it with `lead` before it.

    Raises TabsmithError when what it shows cannot be read.
    """
    if view is not None:
        context.set_view(view)
    view = context.chat.view
    match view.kind:
        case "prompt" | "columns" | "column" | "field" | "asked":
            await _show_step(context, lead)
        case "run":
            _show_run(context, view.name, lead)
        case "answer" | "amount" | "note":
            _ask_for_run_input(context, view, lead)
        case "runs":
            runs = await asyncio.to_thread(list_runs)
            _send(context, run_list.runs_message(runs, view.page, context.bridge.clock()), lead)
        case "models" | "model" | "predict" | "predict_missing":
            await _show_models(context, view, lead)
        case "settings":
            _send(context, _settings(context.bridge, context.chat), lead)
        case "upload":
            _send(context, _upload_question(context.conversation(), view), lead)


async def _show_step(context: UpdateContext, lead: StyledText) -> None:
    """Show the current step of the conversation; while it trains, that is the run."""
    conversation, view = context.conversation(), context.chat.view
    session = conversation.session
    if view.kind == "prompt" and session.state is State.TRAINING and run_snapshot(session.run_id) is not None:
        _show_run(context, session.run_id, lead)
        return
    extra: StyledText = ()
    if session.model is not None and session.state is State.TRAINED:
        extra = await asyncio.to_thread(_result, session.model.model_id)
    elif session.model is not None and session.state is State.PREDICTING:
        extra = line(own("The model predicts "), foreign(session.model.target), own("."))
    allowed = context.bridge.settings.paths.readable
    message = steps.step_message(conversation.form, session, view, allowed=allowed, extra=extra)
    if session.state is State.IDLE and context.chat.session == "own":
        message = _with_terminal(context, message)
    _send(context, message, lead)


def _show_run(context: UpdateContext, run_id: str, lead: StyledText) -> None:
    """Show the run in a live message; from now on the person follows the run there."""
    run = run_snapshot(run_id)
    if run is None:
        context.send_text(lead, line(own("There is no such run any more.")))
        return
    followed = context.chat.followed_run(run_id) is not None or not run.state.ended
    message = run_message.run_message(run, run_id, context.bridge.clock(), followed=followed)
    key = _send(context, message, lead)
    if not run.state.ended:
        context.save(context.chat.with_followed(run_id, key))  # a question of the run comes as a notification


def _ask_for_run_input(context: UpdateContext, view: ChatView, lead: StyledText) -> None:
    run = run_snapshot(view.name)
    if run is None or run.state.ended:
        context.set_view(ChatView())
        context.send_text(lead, line(own("The run has ended: there is nothing to tell it any more.")))
        return
    _send(context, run_list.typed_input_message(view, run, view.name, context.bridge.clock()), lead)


async def _show_models(context: UpdateContext, view: ChatView, lead: StyledText) -> None:
    from tabsmith.modeling.store import list_models, read_report

    summaries = await asyncio.to_thread(list_models)
    if view.kind == "models":
        _send(context, models.models_message(summaries, view.page, context.bridge.clock()), lead)
        return
    summary = next((model for model in summaries if model.id == view.name), None)
    if summary is None:
        context.set_view(ChatView())
        context.send_text(lead, line(own("There is no such model any more.")))
        return
    if view.kind in ("predict", "predict_missing"):
        text = line(
            own("Send the file with the rows to predict, or its path on the machine, for the model of "),
            foreign(summary.target or summary.id),
            own("."),
        )
        _send(context, OutgoingMessage(text, ((Button("All models", "m::0"),),)), lead)
        return
    if models.asks_to_delete(view):
        _send(context, models.confirm_delete(summary), lead)
        return
    report = None if summary.damaged else await asyncio.to_thread(read_report, view.name)
    if view.page == models.PICTURES and report is not None:
        for chart in models.result_charts(report):
            context.send(chart)
        return
    _send(context, models.model_message(summary, report), lead)


def _settings(bridge: BridgeContext, chat: ChatState) -> OutgoingMessage:
    return settings.settings_message(
        chat,
        token_from=bridge.token_from,
        server=bridge.server,
        allowed_users=len(bridge.settings.telegram.allowed_users),
        folders=bridge.settings.paths.readable,
        agents=bridge.access.availability,
    )


def _upload_question(conversation: Conversation, view: ChatView) -> OutgoingMessage:
    """The question about a file that came unasked."""
    name = view.name.rpartition("/")[2]
    buttons = [(Button("A table to train on", "u:train"),)]
    if conversation.session.model is not None:
        buttons.append((Button("Rows for my model", "u:predict"),))
    buttons.append((Button("Leave it", "u:leave"),))
    text = (*line(bold("What is this file?")), *line(foreign(name), own(" is here.")))
    return OutgoingMessage(text, tuple(buttons))


def _with_terminal(context: UpdateContext, message: OutgoingMessage) -> OutgoingMessage:
    """The message of the first step, with a button that resumes the terminal's conversation if one is unfinished."""
    state = context.bridge.conversation(replace(context.chat, session="local")).session.state
    if state in (State.IDLE, State.COMPLETED):
        return message
    text = (*message.text, *line(), *line(own(f"Unfinished at the terminal: {state}.")))
    button = Button("Resume the terminal's", "s:sit:local")
    return replace(message, text=text, keyboard=(*message.keyboard, (button,)))


def _result(model_id: str) -> StyledText:
    from tabsmith.modeling.store import read_report

    try:
        return models.result_text(read_report(model_id), run=None)
    except TabsmithError as error:
        return error_text(error)


def _send(context: UpdateContext, message: OutgoingMessage, lead: StyledText) -> str:
    return context.send(replace(message, text=(*lead, *message.text)) if lead else message)
