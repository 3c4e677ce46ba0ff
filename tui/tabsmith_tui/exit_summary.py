"""What the normal terminal shows after the app is left: at most five lines, and how to come back."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tabsmith.text import clean, plural

if TYPE_CHECKING:
    from tabsmith.runs.watch import RunSummary


@dataclass(frozen=True, slots=True)
class ExitSummary:
    """The lines to print after leaving, and the exit code of the program."""

    lines: tuple[str, ...]
    exit_code: int = 0


def exit_summary(living: "tuple[RunSummary, ...]", *, session: str = "", model_id: str = "") -> ExitSummary:
    """The summary: runs that go on (`living`), the step at which the `session` was saved, the newest model of this
    sitting. What there is nothing to say of has no line."""
    lines: list[str] = []
    if living:
        run = living[0]
        more = f" (and {plural(len(living) - 1, 'more')})" if len(living) > 1 else ""
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
        lines.append(f"The session is saved ({clean(session, 40)}); `tabsmith` takes it up again.")
    return ExitSummary(tuple(lines[:5]))
