"""A try, page by page: overview, recipe, brief, reply, sessions, log. Pure: what lies on disk is handed in."""

from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

import msgspec

from tabsmith import formatting
from tabsmith.orchestration.loop_state import SessionState, Trial
from tabsmith.orchestration.sessions import ReceivedReply, SentPrompt, TranscriptMessage
from tabsmith.presentation import budgets
from tabsmith.presentation.events import LogLine
from tabsmith.presentation.labels import LOG_TONES
from tabsmith.presentation.spans import Line, Span, line, plain_text, span
from tabsmith.presentation.trials import proposed_by, trial_result
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.text import clean, clean_block, plural
from tabsmith_tui.views import trial_details

PageName: TypeAlias = Literal[
    "overview", "recipe", "brief", "reply", "sessions", "log", "files", "acceptance", "conversation", "permissions"
]

FOLD: Final = 24
"""Lines of a long text that are shown before it is unfolded."""
_LONGEST: Final = 200_000  # characters of one text
_TROUBLE: Final = ("failed", "cancelled", "lost")


class DetailPage(msgspec.Struct, frozen=True):
    """The content of a page. On a narrow screen `beside` stands below the lines, or above them where it comes `first`.
    `text` is what copying copies."""

    lines: tuple[Line, ...]
    beside: tuple[Line, ...] = ()
    title: str = ""
    beside_title: str = ""
    text: str = ""
    first: bool = False


def lay_out(page: DetailPage, *, narrow: bool) -> tuple[tuple[Line, ...], tuple[Line, ...]]:
    """The lines of the page and those that stand beside them, each under its heading."""
    main = (*((line(page.title, "mark"),) if page.title else ()), *page.lines)
    if not page.beside:
        return main, ()
    beside = (line(page.beside_title, "mark"), *page.beside)
    if not narrow:
        return main, beside
    return ((*beside, (), *main) if page.first else (*main, (), *beside)), ()


def pages_of(trial: Trial) -> tuple[PageName, ...]:
    """The pages that say something of this try: one whose agent holds no conversation has no brief to show."""
    if trial.work is not None:
        return ("overview", "files", "acceptance", "conversation", "permissions", "log")
    return (
        ("overview", "recipe", "brief", "reply", "sessions", "log") if trial.sessions else ("overview", "recipe", "log")
    )


def sessions_of(snapshot: RunSnapshot, trial: Trial) -> tuple[SessionState, ...]:
    """The sessions of the try, in the order they were opened."""
    return tuple(session for session in snapshot.sessions if session.id in trial.sessions)


def recipe(snapshot: RunSnapshot, trial: Trial) -> DetailPage:
    """The recipe in full, and how it differs from the champion of its time."""
    against = trial_details.against_champion_then(snapshot, trial)
    return plain_page(trial_details.recipe(trial), "Recipe", against, "Against the best so far then")


def overview(snapshot: RunSnapshot, trial: Trial) -> DetailPage:
    """The change and its reason, the outcome, the assessment, and the feedback to the agent."""
    judged = (*trial_details.assessment(trial), *metrics_lines(trial), *feedback_lines(trial))
    return plain_page(trial_details.overview(snapshot, trial), "Outcome", judged, "Assessment")


def brief(session: SessionState, messages: Sequence[TranscriptMessage] | None, *, unfolded: bool) -> DetailPage:
    """The prompt as it was sent, and beside it the feedback in it."""
    if messages is None:
        return DetailPage((line("reading the conversation…", "dim"),))
    sent = [message for message in messages if isinstance(message, SentPrompt)]
    if not sent:
        words = "Nothing was sent yet." if session.outcome == "open" else "Nothing of what was sent is on the disk."
        return DetailPage((line(words, "dim"),))
    prompt = sent[-1].prompt
    feedback = prompt.feedback.strip()
    lines = (
        line(f"The same in every brief of the run  {_size(prompt.system)}", "mark"),
        *block(prompt.system, 0 if unfolded else 4),
        (),
        line(f"Of this iteration  {_size(prompt.text)}", "mark"),
        *block(prompt.text, 0 if unfolded else FOLD),
    )
    beside = block(feedback, 0) if feedback else (line("It carried no feedback: it is the first of its kind.", "dim"),)
    return DetailPage(
        lines,
        beside,
        f"Brief  {session_label(session)}",
        "Feedback in it",
        f"{prompt.system}\n\n{prompt.text}",
        first=True,
    )


def reply(session: SessionState, messages: Sequence[TranscriptMessage] | None, *, unfolded: bool) -> DetailPage:
    """Every reply of the session as it was received, with what it used; and the trouble, when there was any."""
    if messages is None:
        return DetailPage((line("reading the conversation…", "dim"),))
    replies = [message.turn for message in messages if isinstance(message, ReceivedReply)]
    lines: list[Line] = []
    for place, turn in enumerate(replies, 1):
        used = f"{budgets.token_counts(turn.usage)}  {budgets.usage_cost(turn.usage)}"
        lines += [
            line(f"Reply {place} of {len(replies)}", "mark"),
            line(f"{clean(turn.model, 60)}  {used}".strip(), "dim"),
        ]
        lines += [*block(turn.text, 0 if unfolded else FOLD), ()]
    if not replies:
        lines.append(line("No reply came in yet." if session.outcome == "open" else "No reply came in.", "dim"))
    if session.message:
        lines += [line(f"{session.outcome}, {session.trouble}".strip(", "), "mark"), *block(session.message, 0, "warn")]
    text = "\n\n".join(turn.text for turn in replies) or session.message
    return DetailPage(tuple(lines), title=f"Reply  {session_label(session)}", text=text)


def sessions(snapshot: RunSnapshot, trial: Trial, chosen: str) -> DetailPage:
    """Every session of the try: when, what it used and cost, how it ended; and their sum."""
    mine = sessions_of(snapshot, trial)
    lines: list[Line] = []
    for session in mine:
        mark = "▸ " if session.id == chosen else "  "
        lines.append(
            (Span(mark, "accent"), Span(session_label(session), "strong"), Span(f"  {session.outcome}", _tone(session)))
        )
        lines.append(line(f"    {session.id}", "dim"))
        took = formatting.duration(session.seconds) if session.closed_at else formatting.UNKNOWN
        model = clean(session.model, 60) or "model not named"
        lines.append(
            (Span("    "), Span(f"{formatting.time_of_day(session.opened_at, seconds=True)}  {took}  {model}"))
        )
        lines += [(Span("    "), *used) for used in _used(session)]
        if session.message:
            words = f"{session.trouble}: {session.message}" if session.trouble else session.message
            lines.append((Span("    "), span(words, "warn", 2_000)))
        lines.append(())
    if not mine:
        return DetailPage((line("The agent of this try holds no conversation.", "dim"),), title="Sessions")
    total = f"{plural(len(mine), 'session')}  {plural(trial.usage.turns, 'turn')}  {budgets.token_counts(trial.usage)}"
    lines.append((Span("together  ", "dim"), Span(f"{total}  "), Span(budgets.usage_cost(trial.usage), "strong")))
    return plain_page(tuple(lines), "Sessions")


def log(lines: Sequence[LogLine] | None, until: float) -> DetailPage:
    """The log of this iteration; in a replay, up to the moment that is shown."""
    if lines is None:
        return DetailPage((line("reading the journal…", "dim"),), title="Log")
    shown = [entry for entry in lines if entry.at <= until]
    made = tuple(
        (
            Span(f"{formatting.time_of_day(entry.at, seconds=True)} ", "dim"),
            span(f"{clean(entry.word, 11):<11} ", "accent", 12),
            span(entry.text, LOG_TONES[entry.level], 2_000),
        )
        for entry in shown
    )
    return plain_page(made or (line("Nothing was logged.", "dim"),), "Log")


def session_label(session: SessionState) -> str:
    """`claude-code, asked for the 2nd time`; a grade says so."""
    grade = " for a grade" if session.purpose == "grade" else ""
    return f"{session.agent}{grade}, attempt {session.attempt}"


def block(text: str, most: int, tone: Literal["plain", "warn"] = "plain") -> tuple[Line, ...]:
    """A long text, literal, in lines; of more than `most` (0: no limit) the rest is counted."""
    parts = clean_block(text, _LONGEST).expandtabs(4).splitlines()
    if most and len(parts) > most:
        rest = f"+{len(parts) - most:,} lines   o unfolds"
        return (*((Span(part, tone),) for part in parts[:most]), line(rest, "accent"))
    return tuple((Span(part, tone),) for part in parts)


def plain_page(
    lines: tuple[Line, ...], title: str, beside: tuple[Line, ...] = (), beside_title: str = ""
) -> DetailPage:
    """A page whose copy is what it shows."""
    return DetailPage(lines, beside, title, beside_title, plain_text((*lines, *(((), *beside) if beside else ()))))


def metrics_lines(trial: Trial) -> tuple[Line, ...]:
    """The iteration in numbers, as conditions see it."""
    if trial.facts is None:
        return ()
    values = msgspec.structs.asdict(trial.facts)
    width = max(map(len, values))
    return (
        (),
        line("Facts, as breakpoints see them", "mark"),
        *((Span(f"{name:<{width}}  ", "dim"), Span(_value(value))) for name, value in values.items()),
    )


def _value(value: float | bool) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case int():
            return formatting.count(value)
        case _:
            return formatting.number(value)


def feedback_lines(trial: Trial) -> tuple[Line, ...]:
    """The feedback to the agent about the iteration."""
    if not trial.feedback:
        return ()
    return ((), line("What the agent is told about it", "mark"), *block(trial.feedback, 0))


def _used(session: SessionState) -> list[Line]:
    usage = session.usage
    if not usage.turns:
        return [line(f"nothing was answered: cost {formatting.UNKNOWN}", "dim")]
    more = (("cache written", usage.cache_write_tokens), ("reasoning", usage.reasoning_tokens))
    kinds = "".join(f"  {name} {budgets.token_count(count)}" for name, count in more if count)
    return [
        line(f"{budgets.token_counts(usage)}{kinds}"),
        (
            Span(f"{plural(usage.turns, 'turn')}  "),
            Span(budgets.usage_cost(usage), "warn" if usage.unpriced else "strong"),
        ),
    ]


def _tone(session: SessionState) -> Literal["good", "accent", "warn"]:
    if session.outcome == "answered":
        return "good"
    return "warn" if session.outcome in _TROUBLE else "accent"


def _size(text: str) -> str:
    return plural(len(text), "character")


def page_title(snapshot: RunSnapshot, trial: Trial) -> str:
    """`Iteration 7 of 12 · claude-code · ★ champion`."""
    who_did = f"{clean(trial.work.task, 40)} · {trial.agent}" if trial.work is not None else proposed_by(trial)
    result = trial_result(trial, snapshot).text
    return f"Iteration {trial.iteration} of {len(snapshot.trials)} · {who_did} · {result}"
