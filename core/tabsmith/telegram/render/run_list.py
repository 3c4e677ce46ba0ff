"""The runs of this machine in a list, and what is pressed or typed at one of them."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, get_args

from tabsmith import formatting
from tabsmith.errors import UsageError
from tabsmith.formatting import time_ago
from tabsmith.orchestration.limits import format_limit
from tabsmith.presentation import budgets
from tabsmith.presentation.labels import RUN_STATES
from tabsmith.runs import replies
from tabsmith.runs.events import Note, Pause, Resume, Stop
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.runs.watch import RunSummary
from tabsmith.telegram.actions import (
    ChatAction,
    FollowRun,
    InvalidInput,
    ResumeRun,
    SendRunCommand,
    ShowView,
    StaleButton,
)
from tabsmith.telegram.chat_state import ChatView
from tabsmith.telegram.render import questions
from tabsmith.telegram.render.messages import (
    LIST,
    Button,
    OutgoingMessage,
    keyboard,
    numbered_list,
    parse_page,
)
from tabsmith.telegram.render.run_message import PREFIX, RunAction, action_button, offered_actions, run_subject
from tabsmith.telegram.render.text import Piece, StyledText, error_text, foreign, line, mixed, own
from tabsmith.text import clean_block, plural

_RUN_ID: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}")
_LONGEST_NOTE: Final = 4_000


def runs_message(summaries: tuple[RunSummary, ...], page: int, now: float) -> OutgoingMessage:
    """A page of the runs, newest first, each with a button that opens it."""
    if not summaries:
        return OutgoingMessage(line(own("There are no runs yet. Train a first model to start one.")))
    return numbered_list("Runs", PREFIX, summaries, page, lambda place, run: _listed(run, place, now))


def typed_input_message(view: ChatView, run: RunSnapshot, run_id: str, now: float) -> OutgoingMessage:
    """What is asked for in words at a run: more of a limit, a note, or an answer (by the view's kind)."""
    if view.kind == "answer":
        return questions.answer_message(run, run_id, now)
    text: list[Piece] = [*run_subject(run, run_id)]
    if view.kind == "note":
        text += line(own("Write what the agent is to know from now on."))
    else:
        for each in budgets.limit_uses(run, now):
            text += line(own(f"{each.name}: {each.used} of {each.limit}"))
        text += line(
            own("Write how much more: +5 min, +20 iterations, +$2, 100k more tokens; or all of it: to 30 min, $5.")
        )
    return OutgoingMessage(tuple(text), keyboard((action_button("open", run_id),)))


def parse_press(data: str, run: RunSnapshot | None) -> ChatAction:
    """What a button of the list or of a board means; one for what cannot be done any more is stale."""
    prefix, _, rest = data.partition(":")
    run_id, _, what = rest.partition(":")
    if prefix != PREFIX:
        return StaleButton()
    page = parse_page(what)
    if run_id == LIST and page is not None:
        return ShowView(ChatView("runs", page=page))
    act = next((each for each in _ACTS if each == what), None)
    if act is None or not _RUN_ID.fullmatch(run_id):
        return StaleButton()
    if act in ("open", "follow", "leave"):
        return ShowView(ChatView("run", run_id)) if act == "open" else FollowRun(run_id, act == "follow")
    if run is None or act not in offered_actions(run):
        return StaleButton()
    return _MEANINGS[act](run, run_id)


def parse_text(text: str, run: RunSnapshot | None, run_id: str, view: ChatView) -> ChatAction:
    """What is typed while a run is looked at, by the kind of view: an amount, a note, an answer; at the run itself an
    answer to its open question."""
    if run is None or run.state.ended:
        return StaleButton()
    match view.kind:
        case "amount":
            return _amount(text, run, run_id)
        case "note":
            return _note(text, run, run_id)
        case "answer":
            return questions.parse_answer(text, run, run_id)
        case _:
            return questions.parse_text(text, run, run_id)


def _amount(text: str, run: RunSnapshot, run_id: str) -> ChatAction:
    try:
        command = replies.parse_limit_change(text, run)
    except UsageError as error:
        return InvalidInput(error_text(error))
    return SendRunCommand(run_id, command, f"The limit is {format_limit(command.to, command.limit)} from now on.")


def _note(text: str, run: RunSnapshot, run_id: str) -> ChatAction:
    if "note" not in offered_actions(run):
        return StaleButton()
    words = clean_block(text.strip(), _LONGEST_NOTE)
    if not words:
        return InvalidInput(line(own("Nothing was written. Write what the agent is to know.")))
    return SendRunCommand(run_id, Note(text=words), "The agent is told.")


def _listed(run: RunSummary, place: int, now: float) -> tuple[StyledText, Button | None]:
    opens = action_button("open", run.id, f"{place} {RUN_STATES[run.state].glyph}")
    target = (own(" → "), foreign(run.target, 40)) if run.target else ()
    state = RUN_STATES[run.state].text
    text = [*line(own(f"{place}  {state}  "), foreign(run.source, 40), *target)]
    if run.problem:
        text += line(own("    "), mixed(run.problem, 120))
    if run.tasks:
        done = f"{run.tasks_over} of {plural(run.tasks, 'task')}"
        text += line(own(f"    {done}, {run.outcome or 'not over'}, {time_ago(run.started_at, now)}"))
        return tuple(text), opens
    score = (mixed(run.metric.label, 40), own(f" {formatting.number(run.score)}, ")) if run.metric else ()
    for_whom = f", {run.actual} for {run.planned}" if run.actual != run.planned and not run.state.ended else ""
    tried = plural(run.tried, "try", "tries")
    text += line(own("    "), *score, own(f"{tried}, {time_ago(run.started_at, now)}{for_whom}"))
    return tuple(text), opens


_ACTS: Final[tuple[RunAction, ...]] = get_args(RunAction)
_MEANINGS: Final[Mapping[RunAction, Callable[[RunSnapshot, str], ChatAction]]] = MappingProxyType(
    {
        "pause": lambda _, run_id: SendRunCommand(run_id, Pause(), "Paused."),
        "go": lambda _, run_id: SendRunCommand(run_id, Resume(), "Resumed."),
        "last": lambda _, run_id: SendRunCommand(run_id, Stop(when="after iteration"), "It stops after this one."),
        "now": lambda _, run_id: SendRunCommand(run_id, Stop(when="now"), "It stops now; the best so far is kept."),
        "more": lambda _, run_id: ShowView(ChatView("amount", run_id)),
        "note": lambda _, run_id: ShowView(ChatView("note", run_id)),
        "answer": lambda _, run_id: ShowView(ChatView("answer", run_id)),
        "resume": lambda _, run_id: ResumeRun(run_id),
        "result": lambda run, _: ShowView(ChatView("model", run.report.model_id)) if run.report else StaleButton(),
    }
)
