"""What happens in a run of a task file, each event as a plain line; "" for what is not worth one."""

from typing import Final

from tabsmith import formatting
from tabsmith.orchestration import events as task
from tabsmith.orchestration.events import Acceptance, ChangedFile, LoopEvent, TaskEvent
from tabsmith.runs.events import TasksReady
from tabsmith.text import clean, plural

_CUT: Final = 160
_NAMED: Final = 4


def tasks_line(event: TasksReady) -> str:
    """The tasks, in the order in which they are done, and what the file may not mean."""
    names = ", ".join(clean(each.name, 60) for each in event.tasks[:20])
    more = f", and {len(event.tasks) - 20} more" if len(event.tasks) > 20 else ""
    warnings = "".join(f". Mind: {warning}" for warning in event.warnings)
    return f"tasks     {plural(len(event.tasks), 'task')}: {names}{more}{warnings}"


def task_event_line(event: TaskEvent | LoopEvent) -> str:
    """The line of an event in a task."""
    match event:
        case task.TaskStarted(task=name, how=how, level=level):
            notes = "".join(f"; {note}" for note in event.notes)
            return f"task      {clean(name, 60)}: in a {how}, sandbox {level}{notes}"
        case task.Acted(iteration=iteration, activity=does):
            text = clean(does.text, _CUT)
            if does.kind == "message":
                return f"says      #{iteration} {text}" if text else ""
            if does.kind == "tool":
                return f"tool      #{iteration} {clean(does.tool, 40)}: {text}"
            return f"tool      #{iteration} {clean(does.tool, 40)} failed: {text}" if does.failed else ""
        case task.PermissionDecided(iteration=iteration, tool=tool, what=what, risk=risk, allowed=allowed, by=by):
            word = {"no": "refused", "once": "allowed once", "always": "allowed always"}[allowed]
            who = "you" if by == "person" else "the mode"
            return f"permit    #{iteration} {clean(tool, 40)} {word} by {who} ({risk} risk): {clean(what, _CUT)}"
        case task.Worked(iteration=iteration, end=end, words=words, changes=changes, more=more):
            said = f", says: {clean(words, _CUT)}" if words else ""
            return f"worked    #{iteration} {end}, {changed_files(changes, more)}{said}"
        case task.AcceptanceStarted(iteration=iteration, command=command):
            return f"accept    #{iteration} {clean(command, _CUT)}"
        case task.AcceptanceEnded(iteration=iteration, acceptance=result):
            last = next((text for text in reversed(result.output.splitlines()) if text.strip()), "")
            seen = f": {clean(last, _CUT)}" if last and result.verdict != "accepted" else ""
            took = formatting.duration(result.seconds)
            word = "accepted" if result.verdict == "accepted" else "rejected"
            return f"{word}  #{iteration} {acceptance_end(result)}, {took}{seen}"
        case task.TaskEnded(task=name, outcome=outcome, exit_reason=exit_reason, reason=reason, handed_back=back):
            handed = {"yes": "; handed back", "refused": "; not handed back", "no": ""}[back]
            why = "" if exit_reason == outcome else f" ({exit_reason})"
            words = f": {clean(reason, 300)}" if reason else ""
            return f"task      {clean(name, 60)}: {outcome}{why}{words}{handed}"
        case _:
            return ""


def acceptance_end(result: Acceptance) -> str:
    """How the acceptance command ended: `exit status 1`, or what ended it."""
    if result.verdict == "could not run":
        return f"it could not run: {clean(result.ended, 200)}"
    return f"exit status {result.status}" if result.status is not None else f"ended by {clean(result.ended, 200)}"


def changed_files(changes: tuple[ChangedFile, ...], more: int) -> str:
    """`2 files changed_files (calc.py, test.py)`."""
    count = len(changes) + more
    if not count:
        return "nothing changed"
    names = ", ".join(clean(each.path, 60) for each in changes[:_NAMED])
    return f"{plural(count, 'file')} changed ({names}{', …' if count > _NAMED else ''})"
