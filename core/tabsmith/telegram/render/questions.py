"""A run's open question on a phone: what happened, what it cost so far, and the answers as buttons and in words."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import ROUND_CEILING, Decimal
from types import MappingProxyType
from typing import Final, get_args

from tabsmith import formatting
from tabsmith.errors import UsageError
from tabsmith.limits import LimitName
from tabsmith.orchestration.decisions import (
    AllowTool,
    ChangeBrief,
    Continue,
    Decide,
    DecisionAction,
    EndRun,
    Extend,
    Question,
    Reply,
    Skip,
)
from tabsmith.orchestration.limits import format_limit
from tabsmith.presentation import budgets
from tabsmith.presentation.labels import CAUSES
from tabsmith.runs import replies
from tabsmith.runs.events import Answer
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.telegram.actions import ChatAction, InvalidInput, SendRunCommand, ShowView, StaleButton
from tabsmith.telegram.chat_state import ChatView
from tabsmith.telegram.render.messages import Button, OutgoingMessage, button, in_columns, keyboard
from tabsmith.telegram.render.run_message import action_button, fits_buttons, run_subject
from tabsmith.telegram.render.text import Piece, bold, error_text, foreign, foreign_block, line, mixed, own
from tabsmith.text import clean

PREFIX: Final = "q"
_MARK: Final = 8  # characters of a question's id that its buttons carry
_WORDS: Final = "words"
_MORE: Final = re.compile(r"\+[0-9]{1,12}(?:\.[0-9]{1,4})?")
_TIMES: Final = (Decimal(86_400), Decimal(3_600), Decimal(60))
_ROUND: Final = ("1", "1.5", "2", "2.5", "3", "4", "5", "6", "8", "10")
_REPLIES: Final[Mapping[str, Reply]] = MappingProxyType(
    {
        "once": AllowTool("once"),
        "no": AllowTool("no"),
        "always": AllowTool("always"),
        "continue": Continue(),
        "skip": Skip(),
        **{action: Decide(action) for action in get_args(DecisionAction)},
        "end": EndRun(),
    }
)
"""What each button of an answer says; an amount is none of them."""
_TAKEN_AS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "once": "allow_once",
        "no": "allow_no",
        "always": "allow_always",
        **dict.fromkeys(get_args(DecisionAction), "decide"),
    }
)
"""By which name `replies.accepted_actions` knows an answer, where that is another."""


def question_message(run: RunSnapshot, run_id: str, now: float) -> OutgoingMessage:
    """What the run asks, with every answer that it takes as a button."""
    return _message(run, run_id, now, "")


def answer_message(run: RunSnapshot, run_id: str, now: float) -> OutgoingMessage:
    """The same while an answer in words is awaited (the view `answer`), saying what may be written."""
    asked = replies.open_question(run)
    return _message(run, run_id, now, _may_write(asked, run) if asked else "")


def parse_press(data: str, run: RunSnapshot | None) -> ChatAction:
    """What a button of a question means; one of another question than the open one is stale."""
    prefix, _, rest = data.partition(":")
    run_id, _, rest = rest.partition(":")
    mark, _, what = rest.rpartition(":")
    asked = replies.open_question(run) if run is not None else None
    if prefix != PREFIX or run is None or asked is None or not run_id or asked.id[:_MARK] != mark:
        return StaleButton()
    if what == _WORDS:
        return ShowView(ChatView("answer", run_id))
    if asked.limit and _MORE.fullmatch(what):
        return _understood(lambda: _extended(what, run), asked, run_id)
    if what in _REPLIES and replies.accepted_actions(run)[_TAKEN_AS.get(what, what)]:
        return _tell(_REPLIES[what], asked, run_id)
    return StaleButton()


def parse_text(text: str, run: RunSnapshot | None, run_id: str) -> ChatAction:
    """What is typed while a run that asks is looked at, by the rules of the plain terminal: words for the agent begin
    with `brief`, so that nothing is told to it by mistake."""
    asked = replies.open_question(run) if run is not None else None
    if run is None or asked is None:
        return StaleButton()
    return _understood(lambda: replies.parse_line(text, run), asked, run_id)


def parse_answer(text: str, run: RunSnapshot | None, run_id: str) -> ChatAction:
    """What is typed in the view `answer`: an amount where a limit is spent, an answer in a word, else words for the
    agent."""
    asked = replies.open_question(run) if run is not None else None
    if run is None or asked is None:
        return StaleButton()
    return _understood(lambda: _written(text, asked, run), asked, run_id)


def _message(run: RunSnapshot, run_id: str, now: float, may_write: str) -> OutgoingMessage:
    asked = replies.open_question(run)
    back = action_button("open", run_id)
    if asked is None:
        return OutgoingMessage((*run_subject(run, run_id), *line(own("It asks nothing any more."))), keyboard((back,)))
    text: list[Piece] = [*line(bold(f"? The run asks: {CAUSES[asked.cause]}")), *run_subject(run, run_id)]
    # What an agent wants to do is the agent's own word.
    text += line(foreign(asked.what, 300) if asked.cause == "permission" else mixed(asked.what, 600))
    if asked.condition and asked.condition not in asked.what:
        text += line(own("when "), foreign(asked.condition, 200))
    if asked.details.strip():
        text += line(foreign_block(asked.details.strip()))
    text += line(own(budgets.used_so_far(run, now)))
    text += line(own(may_write)) if may_write else ()
    if not fits_buttons(run_id):
        return OutgoingMessage((*text, *line(own("Its name is too long for buttons: answer it in the terminal."))))
    return OutgoingMessage(tuple(text), keyboard(*_answers(asked, run, run_id, words=not may_write), (back,)))


def _answers(asked: Question, run: RunSnapshot, run_id: str, *, words: bool) -> Iterator[Sequence[Button | None]]:
    """The answers that the question takes, in rows."""

    def answer(what: str, label: str) -> Button | None:
        return button(label, PREFIX, run_id, asked.id[:_MARK], what)

    taken = replies.accepted_actions(run)
    if asked.limit:
        yield [answer(what, label) for what, label in _amounts(asked.limit, run)]
    if replies.asks_permission(run):
        yield [answer("once", "Yes, once"), answer("always", "Always"), answer("no", "No")]
    go_on = "Without this limit" if asked.limit else "Fit it" if asked.cause == "proposal" else "Continue"
    yield [
        answer("continue", go_on) if taken["continue"] else None,
        answer("skip", "Skip this one") if taken["skip"] else None,
    ]
    if taken["decide"]:
        actions: tuple[DecisionAction, ...] = get_args(DecisionAction)
        yield from in_columns([answer(action, f"Decide: {action}") for action in actions], 2)
    yield [answer(_WORDS, _words_label(asked)) if words and _may_write(asked, run) else None]
    yield [answer("end", "■ Stop the run")]


def _words_label(asked: Question) -> str:
    if asked.limit:
        return "Another amount…"
    return "No, and say why…" if asked.cause == "permission" else "Change the brief…"


def _may_write(asked: Question, run: RunSnapshot) -> str:
    """What may be written, by example; empty where no words are taken that are not on a button."""
    if asked.limit:
        return f"Write an amount such as {replies.AMOUNT_EXAMPLES[asked.limit]}."
    if not replies.uses_llm(run):
        return ""
    if asked.cause == "permission":
        return "Write why not: it is refused, and the agent is told."
    return "Write what the agent is to know from now on."


def _amounts(limit: LimitName, run: RunSnapshot) -> Iterator[tuple[str, str]]:
    """More of a limit, as a button's data and label: half of it, as much again, twice that; what is overspent is
    added to it."""
    budget = run.budget(run.updated_at)
    in_force = budget.limits.value(limit)
    over = max(Decimal(0), budget.used(limit) - in_force)
    wanted = [_rounded(in_force * share + over, limit) for share in (Decimal("0.5"), Decimal(1), Decimal(2))]
    for amount in dict.fromkeys(wanted) if in_force > 0 else ():
        what = f"+{amount.normalize():f}"
        try:
            _extended(what, run)
        except UsageError:  # more than there can be of it
            continue
        words = formatting.duration(float(amount)) if limit == "seconds" else format_limit(amount, limit)
        yield what, f"+{words}{' (double)' if amount == in_force else ''}"


def _rounded(amount: Decimal, limit: LimitName) -> Decimal:
    """A round number from `amount` up, in the unit that people count in."""
    unit = Decimal("0.01") if limit == "dollars" else Decimal(1)
    if limit == "seconds":
        unit = next((each for each in _TIMES if each <= amount), unit)
    steps = amount / unit
    size = Decimal(10) ** steps.adjusted()
    rounded = next(Decimal(each) for each in _ROUND if Decimal(each) * size >= steps) * size * unit
    return rounded if limit == "dollars" else rounded.to_integral_value(ROUND_CEILING)


def _extended(what: str, run: RunSnapshot) -> Extend:
    asked = replies.open_question(run)
    if asked is None or not asked.limit:
        raise UsageError("No limit is asked about.", next_step="Look at the run.")
    return Extend(asked.limit, replies.parse_limit(what, asked.limit, run))


def _written(text: str, asked: Question, run: RunSnapshot) -> Reply:
    reply = replies.parse_reply(text, run)
    names: Mapping[type, str] = {ChangeBrief: "brief", Skip: "skip", Decide: "decide"}
    if not text.strip() or not replies.accepted_actions(run)[names.get(type(reply), "answer")]:
        raise UsageError(
            f"{clean(text, 60)!r} is no answer to this.",
            next_step=f"Understood are: {replies.accepted_words(asked, run)}.",
        )
    return reply


def _understood(read: Callable[[], Reply], asked: Question, run_id: str) -> ChatAction:
    try:
        return _tell(read(), asked, run_id)
    except UsageError as error:
        return InvalidInput(error_text(error))


def _tell(reply: Reply, asked: Question, run_id: str) -> SendRunCommand:
    return SendRunCommand(run_id, Answer(id=asked.id, reply=reply), _acknowledged(reply, asked))


def _acknowledged(reply: Reply, asked: Question) -> str:
    match reply:
        case AllowTool(allowed=allowed):
            return {"once": "Allowed, once.", "always": "Allowed, from now on.", "no": "Refused."}[allowed]
        case Continue():
            return "It continues without this limit." if asked.limit else "It continues."
        case Skip():
            return "Left out; it continues."
        case Decide(action=action):
            return f"Decided: {action}."
        case EndRun():
            return "It stops; the best so far is kept."
        case Extend(limit=limit, to=to):
            return f"It continues, up to {format_limit(to, limit)} in all."
        case ChangeBrief():
            return "Refused, and the agent is told." if asked.cause == "permission" else "The agent is told."
