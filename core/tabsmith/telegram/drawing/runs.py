"""The runs of this machine in a list, and what is pressed or typed at one of them."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, get_args

from tabsmith import numbers
from tabsmith.dates import when
from tabsmith.errors import UsageError
from tabsmith.orchestration.amounts import shown
from tabsmith.runs import progress, spending
from tabsmith.runs.commands import Note, Pause, Resume, Stop
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.runs.watch import RunSummary
from tabsmith.telegram.drawing import questions
from tabsmith.telegram.drawing.board import GLYPHS, PREFIX, Act, act_button, offered, subject
from tabsmith.telegram.drawing.errors import words_of
from tabsmith.telegram.drawing.pressable import LIST, PER_PAGE, in_rows, page_in, page_of, rows, turning
from tabsmith.telegram.meaning import Follow, Look, Meaning, ResumeRun, Stale, Tell, Wrong
from tabsmith.telegram.outgoing import Message
from tabsmith.telegram.seats import View
from tabsmith.telegram.words import Piece, Text, bold, foreign, line, mixed, own
from tabsmith.text import clean_block, plural

_RUN_ID: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}")
_LONGEST_NOTE: Final = 4_000


def runs(summaries: tuple[RunSummary, ...], page: int, now: float) -> Message:
    """A page of the runs, newest first, each with a button that opens it."""
    if not summaries:
        return Message(line(own("There are no runs yet. Train a first model to start one.")))
    page, pages, shown_here = page_of(summaries, page)
    text: list[Piece] = [*line(bold(f"Runs, page {page + 1} of {pages}" if pages > 1 else "Runs"))]
    buttons = []
    for place, each in enumerate(shown_here, start=1 + page * PER_PAGE):
        text += _listed(each, place, now)
        buttons.append(act_button("open", each.id, f"{place} {GLYPHS[each.state]}"))
    if None in buttons:
        text += line(own("A run without a button has too long a name: look at it in the terminal."))
    return Message(tuple(text), rows(*in_rows(buttons, 4), turning(PREFIX, page, pages)))


def awaiting(view: View, run: RunSnapshot, run_id: str, now: float) -> Message:
    """What is asked for in words at a run: more of a limit, a note, or an answer (by the view's kind)."""
    if view.kind == "answer":
        return questions.answering(run, run_id, now)
    text: list[Piece] = [*subject(run, run_id)]
    if view.kind == "note":
        text += line(own("Write what the agent is to know from now on."))
    else:
        for each in progress.budgets(run, now):
            text += line(own(f"{each.name}: {each.used} of {each.limit}"))
        text += line(
            own("Write how much more: +5 min, +20 iterations, +$2, 100k more tokens; or all of it: to 30 min, $5.")
        )
    return Message(tuple(text), rows((act_button("open", run_id),)))


def pressed(data: str, run: RunSnapshot | None) -> Meaning:
    """What a button of the list or of a board means; one for what cannot be done any more is stale."""
    prefix, _, rest = data.partition(":")
    run_id, _, what = rest.partition(":")
    if prefix != PREFIX:
        return Stale()
    page = page_in(what)
    if run_id == LIST and page is not None:
        return Look(View("runs", page=page))
    act = next((each for each in _ACTS if each == what), None)
    if act is None or not _RUN_ID.fullmatch(run_id):
        return Stale()
    if act in ("open", "follow", "leave"):
        return Look(View("run", run_id)) if act == "open" else Follow(run_id, act == "follow")
    if run is None or act not in offered(run):
        return Stale()
    return _MEANINGS[act](run, run_id)


def said(text: str, run: RunSnapshot | None, run_id: str, view: View) -> Meaning:
    """What is typed while a run is looked at, by the kind of view: an amount, a note, an answer; at the run itself an
    answer to its open question."""
    if run is None or run.state.ended:
        return Stale()
    match view.kind:
        case "amount":
            return _amount(text, run, run_id)
        case "note":
            return _note(text, run, run_id)
        case "answer":
            return questions.answered(text, run, run_id)
        case _:
            return questions.said(text, run, run_id)


def _amount(text: str, run: RunSnapshot, run_id: str) -> Meaning:
    try:
        command = spending.more(text, run)
    except UsageError as error:
        return Wrong(words_of(error))
    return Tell(run_id, command, f"The limit is {shown(command.to, command.limit)} from now on.")


def _note(text: str, run: RunSnapshot, run_id: str) -> Meaning:
    if "note" not in offered(run):
        return Stale()
    words = clean_block(text.strip(), _LONGEST_NOTE)
    if not words:
        return Wrong(line(own("Nothing was written. Write what the agent is to know.")))
    return Tell(run_id, Note(text=words), "The agent is told.")


def _listed(run: RunSummary, place: int, now: float) -> Text:
    target = (own(" → "), foreign(run.target, 40)) if run.target else ()
    state = f"{GLYPHS[run.state]} {run.state}"
    text = [*line(own(f"{place}  {state}  "), foreign(run.source, 40), *target)]
    if run.problem:
        text += line(own("    "), mixed(run.problem, 120))
    if run.tasks:
        done = f"{run.tasks_over} of {plural(run.tasks, 'task')}"
        return (*text, *line(own(f"    {done}, {run.outcome or 'not over'}, {when(run.started_at, now)}")))
    score = (mixed(run.metric.label, 40), own(f" {numbers.number(run.score)}, ")) if run.metric else ()
    for_whom = f", {run.actual} for {run.planned}" if run.actual != run.planned and not run.state.ended else ""
    tried = plural(run.tried, "try", "tries")
    return (*text, *line(own("    "), *score, own(f"{tried}, {when(run.started_at, now)}{for_whom}")))


_ACTS: Final[tuple[Act, ...]] = get_args(Act)
_MEANINGS: Final[Mapping[Act, Callable[[RunSnapshot, str], Meaning]]] = MappingProxyType(
    {
        "pause": lambda _, run_id: Tell(run_id, Pause(), "Paused."),
        "go": lambda _, run_id: Tell(run_id, Resume(), "It goes on."),
        "last": lambda _, run_id: Tell(run_id, Stop(when="after iteration"), "It stops after this one."),
        "now": lambda _, run_id: Tell(run_id, Stop(when="now"), "It stops now; the best so far is kept."),
        "more": lambda _, run_id: Look(View("amount", run_id)),
        "note": lambda _, run_id: Look(View("note", run_id)),
        "answer": lambda _, run_id: Look(View("answer", run_id)),
        "resume": lambda _, run_id: ResumeRun(run_id),
        "result": lambda run, _: Look(View("model", run.report.model_id)) if run.report else Stale(),
    }
)
