"""A run on a phone: one message that is edited while the run goes on, with buttons for what can be done there."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from tabsmith import formatting
from tabsmith.orchestration.loop_state import Trial
from tabsmith.presentation import budgets, scores
from tabsmith.presentation.labels import RUN_STATES
from tabsmith.presentation.tasks import outcome_label, task_progress, task_status
from tabsmith.presentation.trials import change_words, trial_status
from tabsmith.runs import replies
from tabsmith.runs.events import RunState
from tabsmith.runs.snapshot import RunSnapshot, TaskState
from tabsmith.tables.read.sources import describe_source
from tabsmith.telegram.render import models
from tabsmith.telegram.render.messages import LIST, Button, OutgoingMessage, button, keyboard
from tabsmith.telegram.render.text import Piece, StyledText, bold, error_text, foreign, line, mixed, own
from tabsmith.text import plural

PREFIX: Final = "r"
RunAction: TypeAlias = Literal[
    "pause", "go", "last", "now", "more", "note", "answer", "resume", "result", "follow", "leave", "open"
]
_LONGEST_ID: Final = 36
_LAST_TRIES: Final = 3
_MOST_TASKS: Final = 8
_LABELS: Final[Mapping[RunAction, str]] = MappingProxyType(
    {
        "pause": "‖ Pause",
        "go": "▶ Resume",
        "last": "Stop after this one",
        "now": "■ Stop now",
        "more": "More time or budget…",
        "note": "Note to the agent…",
        "answer": "Answer…",
        "resume": "▶ Resume",
        "result": "Result",
        "follow": "Follow",
        "leave": "Stop following",
        "open": "Show the run",
    }
)


def run_message(run: RunSnapshot, run_id: str, now: float, *, followed: bool) -> OutgoingMessage:
    """Where the run stands, and what can be done about it."""
    text: list[Piece] = [*line(bold(RUN_STATES[run.state].text), own("  "), *_doing(run))]
    text += [*run_subject(run, run_id), *_ended(run), *_asked(run), *_best(run), *_tasks(run), *_tries(run)]
    text += [*_spent(run, now), *_agent(run, now)]
    for warned in run.warnings:
        if warned.share < 1:  # what is spent is asked about, or ended the run
            text += line(own("! "), mixed(warned.words, 200))
    if not fits_buttons(run_id):
        text += line(own("Its name is too long for buttons: control it in the terminal."))
    allowed = offered_actions(run)
    wanted: tuple[tuple[RunAction, ...], ...] = (
        ("answer",),
        ("resume", "result"),
        ("pause", "go"),
        ("last", "now"),
        ("more", "note"),
        ("leave" if followed else "follow",),
    )
    kept = [[action_button(act, run_id) for act in row if act in allowed] for row in wanted]
    return OutgoingMessage(tuple(text), keyboard(*kept[:-1], (*kept[-1], button("All runs", PREFIX, LIST, "0"))))


def action_button(act: RunAction, run_id: str, label: str = "") -> Button | None:
    """The button for something that can be done with a run; None where its id is too long for one."""
    return button(label or _LABELS[act], PREFIX, run_id, act) if fits_buttons(run_id) else None


def fits_buttons(run_id: str) -> bool:
    """Whether the run's id is short enough for every button that may be needed; those that tabsmith gives are."""
    return len(run_id) <= _LONGEST_ID


def offered_actions(run: RunSnapshot) -> frozenset[RunAction]:
    """What has a meaning where the run stands."""
    found: set[RunAction] = {"open"}
    if run.state is RunState.INTERRUPTED:
        found.add("resume")
    if run.report is not None:
        found.add("result")
    if run.state.ended:
        return frozenset(found)
    asked = replies.open_question(run) is not None
    found |= {"now", "more", "follow", "leave"}
    found |= {"answer"} if asked else {"last"}
    if run.state is RunState.PAUSED:
        found.add("go")
    elif not asked:
        found.add("pause")
    if replies.uses_llm(run) and not replies.asks_permission(run):  # there a no is told with its reason
        found.add("note")
    return frozenset(found)


def run_subject(run: RunSnapshot, run_id: str) -> StyledText:
    """Which run it is: its table and target, or its task file, and the end of its id."""
    source = foreign(describe_source(run.spec.source)) if run.spec else own("a run")
    target = (own(" → "), foreign(run.schema.target)) if run.schema and run.schema.target else ()
    return line(source, *target, own("  run "), foreign(budgets.short_run_id(run_id)))


def best_score(run: RunSnapshot) -> StyledText:
    """The best score with its error, its metric and direction, and of how many tries it is the best."""
    metric, champion = run.metric, run.champion_trial
    if metric is None or champion is None:
        return ()
    way = "higher is better" if metric.greater_is_better else "lower is better"
    score = formatting.plus_minus(champion.mean, champion.standard_error)
    narrow = f"; won narrowly, withstood {plural(run.challengers_met, 'challenger')}" if run.probation else ""
    return (
        *line(mixed(metric.label, 40), own(" "), bold(score), own(f"  {way}")),
        *line(own(f"the best of {plural(run.tried, 'try', 'tries')}{narrow}")),
    )


def ending_text(run: RunSnapshot) -> StyledText:
    """How the run ended, in words: outcome and reason, the error with its next step."""
    text: list[Piece] = []
    if run.outcome is not None:
        text += line(own(outcome_label(run.outcome, run.exit_reason).text))
    if run.error is not None:
        text += error_text(run.error)
    return tuple(text)


def _doing(run: RunSnapshot) -> StyledText:
    if run.state is RunState.READING and 0 < run.read_share <= 1:
        return (mixed(run.message, 120), own(f" {run.read_share * 100:.0f} %"))
    return () if run.state in (RunState.ASKING, RunState.DONE, RunState.FAILED) else (mixed(run.message, 120),)


def _asked(run: RunSnapshot) -> StyledText:
    question = replies.open_question(run)
    return line(own("It waits for an answer: "), mixed(question.what, 300)) if question else ()


def _ended(run: RunSnapshot) -> StyledText:
    return ending_text(run) if run.state.ended else ()


def _best(run: RunSnapshot) -> StyledText:
    if run.report is not None:
        return models.score_text(run.report)
    return best_score(run)


def _tries(run: RunSnapshot) -> StyledText:
    """The last of the tries, the latest first."""
    if run.report is not None:
        return ()
    text: list[Piece] = []
    for each in reversed(run.trials[-_LAST_TRIES:]):
        name = each.work.task if each.work else change_words(each)
        shown = (foreign(name), own("  ")) if name else ()
        text += line(
            own(f"{'★' if each.iteration == run.champion else '·'} {each.iteration}  "), *shown, *_came(each, run)
        )
    return tuple(text)


def _came(each: Trial, run: RunSnapshot) -> StyledText:
    """What became of a try: its score and how far it is from the champion of its time, or why it has none."""
    if each.state == "scored" and each.work is None and not each.skipped:
        score = formatting.plus_minus(each.mean, each.standard_error)
        return (own(f"{score}{difference_text(each)}"),)
    status = trial_status(each, run).text
    explained = each.state in ("refused", "failed", "unanswered") and each.message
    return (own(f"{status}: "), mixed(each.message, 80)) if explained else (own(status),)


def difference_text(trial: Trial) -> str:
    """` (+0.27)`, against the champion of its time; empty for the first trial."""
    return "" if trial.delta is None else f" ({scores.difference_text(trial.delta)})"


def _tasks(run: RunSnapshot) -> StyledText:
    if not run.tasks:
        return ()
    text = [*line(bold(task_progress(run)))]
    here = next((place for place, each in enumerate(run.tasks) if each.state != "done"), 0)
    first = max(0, min(here - 2, len(run.tasks) - _MOST_TASKS))
    for each in run.tasks[first : first + _MOST_TASKS]:
        text += line(foreign(each.name, 40), own(f"  {_stands(each, run)}"))
    rest = len(run.tasks) - _MOST_TASKS
    return (*text, *(line(own(f"and {rest} more")) if rest > 0 else ()))


def _stands(task: TaskState, run: RunSnapshot) -> str:
    refused = ", not handed back" if task.handed_back == "refused" else ""
    return f"{task_status(task, run).text}{refused}"


def _spent(run: RunSnapshot, now: float) -> StyledText:
    """Time of its limit and what is left; cost and tokens where an agent speaks."""
    iterations = next((each for each in budgets.limit_uses(run, now) if each.name == "iterations"), None)
    parts = [
        f"time {budgets.elapsed(run, now)}",
        f"iterations {iterations.used} of {iterations.limit}" if iterations else "",
        budgets.time_left(run, now),
    ]
    text = line(own(", ".join(part for part in parts if part)))
    if not replies.uses_llm(run):
        return text
    used = budgets.token_count(run.usage.tokens) if run.usage.turns else formatting.UNKNOWN
    limit = f" of {budgets.token_count(run.limits.tokens)}" if run.limits.tokens else ""
    cost = budgets.run_cost(run) or f"cost {formatting.UNKNOWN}"
    return (*text, *line(own(f"{cost}, {used}{limit} tokens")))


def _agent(run: RunSnapshot, now: float) -> StyledText:
    """Who proposes: planned and actual and why they differ; what it is waited for."""
    if not replies.uses_llm(run):
        return ()
    model = next((each.model for each in reversed(run.sessions) if each.agent == run.actual), "")
    text = [*line(own(f"agent {run.actual}"), *((own(", model "), foreign(model, 40)) if model else ()))]
    if run.actual != run.planned:
        text += line(own(f"! planned was {run.planned}: "), mixed(run.fallback_reason, 300))
    if run.retry is not None and not run.state.ended:
        left = formatting.clock(max(0.0, run.retry.until - now) + 0.999)
        text += line(own(f"asked again in {left}, retry {run.retry.retry} of {run.retry.retries}: {run.retry.trouble}"))
    return tuple(text)
