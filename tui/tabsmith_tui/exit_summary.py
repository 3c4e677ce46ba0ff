"""The summary printed on the normal terminal after the app is left: at most five lines."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tabsmith.text import clean, plural

if TYPE_CHECKING:
    from tabsmith.runs.watch import RunSummary


@dataclass(frozen=True, slots=True)
class ExitSummary:
    """Lines to print after leaving, and the exit code of the program."""

    lines: tuple[str, ...]
    exit_code: int = 0


def exit_summary(running: "tuple[RunSummary, ...]", *, session: str = "", model_id: str = "") -> ExitSummary:
    """Summarize what continues (`running` runs), the step of the saved `session`, and the model trained last."""
    lines: list[str] = []
    if running:
        run = running[0]
        more = f" (and {plural(len(running) - 1, 'more')})" if len(running) > 1 else ""
        tasks = f"{run.tasks_over} of {plural(run.tasks, 'task')}" if run.tasks else ""
        subject = " · ".join(clean(part, 40) for part in (run.source, run.target, tasks) if part)
        lines += [
            f"Run {run.id} continues in the background: {run.state.value}, {subject}{more}",
            f"  tabsmith runs attach {run.id}    to see it",
            f"  tabsmith runs stop {run.id}      to stop it{'' if run.tasks else ' and keep its best model'}",
        ]
    if model_id:
        lines.append(f"Model {clean(model_id, 60)} is saved: tabsmith predict {clean(model_id, 60)} FILE")
    if session:
        lines.append(f"The session is saved ({clean(session, 40)}); `tabsmith` resumes it.")
    return ExitSummary(tuple(lines[:5]))
