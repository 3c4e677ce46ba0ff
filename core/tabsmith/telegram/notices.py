"""What a run has to tell by now: each notice with a key that never changes, so that it is sent once."""

import msgspec

from tabsmith import numbers
from tabsmith.runs import replying
from tabsmith.runs.events import RunState
from tabsmith.runs.snapshot import RunSnapshot, Try
from tabsmith.telegram.drawing import board, questions, results
from tabsmith.telegram.drawing.pressable import rows
from tabsmith.telegram.outgoing import Message
from tabsmith.telegram.seats import NoticeKind
from tabsmith.telegram.words import Text, bold, foreign, line, mixed, own


class Notice(msgspec.Struct, frozen=True):
    """Something to be told once. `key` names the run, too, and stays the same for ever."""

    kind: NoticeKind
    key: str
    message: Message


def due(run: RunSnapshot, run_id: str) -> tuple[Notice, ...]:
    """All that the run has to tell by now, in the order in which it may be told; also what was told before."""
    found = [*_champions(run, run_id), *_agents(run, run_id), *_budgets(run, run_id)]
    asked = replying.open_question(run)
    if asked is not None:
        # The clock stands still while a question is open, so that the words are the same at any time.
        message = questions.question(run, run_id, run.updated_at)
        found.append(Notice("question", f"{run_id}/question:{asked.id}", message))
    if run.state.ended:
        found.append(_end(run, run_id))
    return tuple(found)


def _champions(run: RunSnapshot, run_id: str) -> list[Notice]:
    return [
        _notice("champion", f"champion:{each.iteration}", run, run_id, _champion(each, run))
        for each in run.tries
        if each.won and not each.skipped
    ]


def _champion(each: Try, run: RunSnapshot) -> Text:
    metric = (mixed(run.metric.label, 40), own(" ")) if run.metric else ()
    score = bold(numbers.uncertain(each.mean, each.standard_error))
    text = [*line(own(f"★ A new best in iteration {each.iteration}"))]
    text += line(foreign(each.change, 120)) if each.change else ()
    return (*text, *line(*metric, score, own(board.gain(each))))


def _agents(run: RunSnapshot, run_id: str) -> list[Notice]:
    """The agent was changed, or came back: the log tells when and why."""
    return [
        _notice("agent", f"agent:{each.at:.3f}", run, run_id, line(own("! "), mixed(each.text, 300)))
        for each in run.log
        if each.word == "agent"
    ]


def _budgets(run: RunSnapshot, run_id: str) -> list[Notice]:
    """Limits nearly spent. Of one that is spent the run asks, or it ends, and tells that."""
    return [
        _notice(
            "budget",
            f"budget:{each.limit}:{each.share:g}:{each.at:.3f}",  # given again after the limit was raised
            run,
            run_id,
            line(own("! "), mixed(each.words, 200)),
        )
        for each in run.warnings
        if each.share < 1
    ]


def _end(run: RunSnapshot, run_id: str) -> Notice:
    if run.state is RunState.INTERRUPTED:
        head = line(bold("! The run was interrupted"))
        text = line(own("Its worker is gone. It can be resumed where it was."))
        return _ended("failed", f"interrupted:{run.attempt}", run, run_id, (*head, *text))
    # What a person stopped did not fail.
    good = run.exit_reason == "user" or (run.state is RunState.DONE and run.outcome != "blocked")
    kind: NoticeKind = "finished" if good else "failed"
    head = line(bold("✔ The run is over" if good else "✘ The run failed"))
    scored = results.headline(run.report) if run.report is not None else ()
    return _ended(kind, f"ended:{run.attempt}", run, run_id, (*head, *board.ending(run), *scored))


def _ended(kind: NoticeKind, key: str, run: RunSnapshot, run_id: str, text: Text) -> Notice:
    offered = board.offered(run)
    acts: tuple[board.Act, ...] = ("result", "resume", "open")
    buttons = [board.act_button(act, run_id) for act in acts if act in offered]
    return Notice(kind, f"{run_id}/{key}", Message((*text, *board.subject(run, run_id)), rows(buttons)))


def _notice(kind: NoticeKind, key: str, run: RunSnapshot, run_id: str, text: Text) -> Notice:
    message = Message((*text, *board.subject(run, run_id)), rows((board.act_button("open", run_id),)))
    return Notice(kind, f"{run_id}/{key}", message)
