"""What a person looks at, drawn and sent: where the conversation stands, a run, a list, the settings."""

import asyncio

from msgspec.structs import replace

from tabsmith.errors import RunNotFoundError, TabsmithError
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.runs.watch import RunWatch, list_runs
from tabsmith.telegram.chat.context import BridgeContext, UpdateContext
from tabsmith.telegram.chat_state import ChatState, ChatView
from tabsmith.telegram.render import models, results, run_list, run_message, settings, steps
from tabsmith.telegram.render.messages import Button, OutgoingMessage
from tabsmith.telegram.render.text import StyledText, bold, error_text, foreign, line, own
from tabsmith.workflow.conversation import Conversation
from tabsmith.workflow.states import State


async def show_view(office: BridgeContext, turn: UpdateContext, seat: ChatState, lead: StyledText = ()) -> None:
    """Send what the person looks at, with `lead` before it. Raises TabsmithError when it cannot be read."""
    view = seat.view
    match view.kind:
        case "prompt" | "columns" | "column" | "field":
            await _conversation(office, turn, seat, lead)
        case "run":
            await _run(office, turn, seat, view.name, lead)
        case "answer" | "amount" | "note":
            await _write(office, turn, seat, view, lead)
        case "runs":
            found = await asyncio.to_thread(list_runs)
            office.say(turn, seat, _led(run_list.runs_message(found, view.page, office.clock()), lead))
        case "models" | "model" | "predict":
            await _models(office, turn, seat, view, lead)
        case "settings":
            office.say(turn, seat, _led(await _settings(office, seat), lead))
        case "upload":
            office.say(turn, seat, _led(_upload(office.conversation(seat), view), lead))


def run_snapshot(run_id: str) -> RunSnapshot | None:
    """The run as its journal tells it now; None when there is none."""
    try:
        return RunWatch(run_id).refresh()
    except RunNotFoundError:
        return None


async def _conversation(office: BridgeContext, turn: UpdateContext, seat: ChatState, lead: StyledText) -> None:
    conversation = office.conversation(seat)
    session = conversation.session
    if seat.view.kind == "prompt" and session.state is State.TRAINING and run_snapshot(session.run_id) is not None:
        await _run(office, turn, seat, session.run_id, lead)
        return
    extra: StyledText = ()
    if session.model is not None and session.state is State.TRAINED:
        extra = await asyncio.to_thread(_result, session.model.model_id)
    elif session.model is not None and session.state is State.PREDICTING:
        extra = line(own("The model predicts "), foreign(session.model.target), own("."))
    message = steps.step_message(conversation.form, session, seat.view, allowed=office.folders, extra=extra)
    if session.state is State.IDLE and seat.session == "own":
        message = _with_terminal(office, seat, message)
    office.say(turn, seat, _led(message, lead))


async def _run(office: BridgeContext, turn: UpdateContext, seat: ChatState, run_id: str, lead: StyledText) -> None:
    """The run's live board; from now on it is followed there."""
    run = run_snapshot(run_id)
    if run is None:
        office.say_text(turn, seat, lead, line(own("There is no such run any more.")))
        return
    followed = any(each.run_id == run_id for each in seat.followed)
    message = run_message.run_message(run, run_id, office.clock(), followed=followed or not run.state.ended)
    key = office.say(turn, seat, _led(message, lead))
    if not run.state.ended:
        office.keep(seat.following(run_id, key))  # what it asks comes as a notice


async def _write(office: BridgeContext, turn: UpdateContext, seat: ChatState, view: ChatView, lead: StyledText) -> None:
    run = run_snapshot(view.name)
    if run is None or run.state.ended:
        office.keep(replace(seat, view=ChatView()))
        office.say_text(turn, seat, lead, line(own("The run has ended: there is nothing to tell it any more.")))
        return
    office.say(turn, seat, _led(run_list.typed_input_message(view, run, view.name, office.clock()), lead))


async def _models(
    office: BridgeContext, turn: UpdateContext, seat: ChatState, view: ChatView, lead: StyledText
) -> None:
    from tabsmith.modeling.store import list_models, read_report

    if view.kind == "models":
        found = await asyncio.to_thread(list_models)
        office.say(turn, seat, _led(models.models_message(found, view.page, office.clock()), lead))
        return
    found = await asyncio.to_thread(list_models)
    summary = next((each for each in found if each.id == view.name), None)
    if summary is None:
        office.keep(replace(seat, view=ChatView()))
        office.say_text(turn, seat, lead, line(own("There is no such model any more.")))
        return
    if view.kind == "predict":
        words = line(
            own("Send the file with the rows to predict, or its path on the machine, for the model of "),
            foreign(summary.target or summary.id),
            own("."),
        )
        office.say(turn, seat, _led(OutgoingMessage(words, ((Button("All models", "m::0"),),)), lead))
        return
    if models.asks_to_delete(view):
        office.say(turn, seat, _led(models.confirm_delete(summary), lead))
        return
    report = None if summary.damaged else await asyncio.to_thread(read_report, view.name)
    if view.page == models.PICTURES and report is not None:
        for chart in results.result_charts(report):
            office.say(turn, seat, chart)
        return
    office.say(turn, seat, _led(models.model_message(summary, report), lead))


async def _settings(office: BridgeContext, seat: ChatState) -> OutgoingMessage:
    return settings.settings_message(
        seat,
        token_from=office.token_from,
        server=office.server,
        allowed_users=len(office.settings.telegram.allowed_users),
        folders=office.folders,
        agents=office.door.availability,
    )


def _upload(conversation: Conversation, view: ChatView) -> OutgoingMessage:
    """A file came where none was asked for: what is it?"""
    name = view.name.rpartition("/")[2]
    buttons = [[Button("A table to train on", "u:train")]]
    if conversation.session.model is not None:
        buttons.append([Button("Rows for my model", "u:predict")])
    buttons.append([Button("Leave it", "u:leave")])
    words = (*line(bold("What is this file?")), *line(foreign(name), own(" is here.")))
    return OutgoingMessage(words, tuple(tuple(row) for row in buttons))


def _with_terminal(office: BridgeContext, seat: ChatState, message: OutgoingMessage) -> OutgoingMessage:
    """At the beginning: the terminal's conversation may be gone on with."""
    at_terminal = office.conversation(replace(seat, session="local")).session
    if at_terminal.state in (State.IDLE, State.COMPLETED):
        return message
    words = (*message.text, *line(), *line(own(f"At the terminal a conversation stands at “{at_terminal.state}”.")))
    button = Button("Go on with the terminal's", "s:sit:local")
    return replace(message, text=words, keyboard=(*message.keyboard, (button,)))


def _result(model_id: str) -> StyledText:
    from tabsmith.modeling.store import read_report

    try:
        return results.result_text(read_report(model_id), run=None)
    except TabsmithError as error:
        return error_text(error)


def _led(message: OutgoingMessage, lead: StyledText) -> OutgoingMessage:
    return replace(message, text=(*lead, *message.text)) if lead else message
