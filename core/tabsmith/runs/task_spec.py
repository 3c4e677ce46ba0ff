"""The specification of the run of a task file."""

from collections.abc import Sequence

import msgspec

from tabsmith.agents.backend import require_available
from tabsmith.conditions import parse_condition
from tabsmith.config.settings import AgentSettings, Mode
from tabsmith.limits import Limits
from tabsmith.orchestration.limits import read_budget, show_budget
from tabsmith.runs.spec import Detect, ModelChoice, RunSpec
from tabsmith.tables.read.sources import TasksSource
from tabsmith.tasks import TaskFile


def task_run_spec(
    task_file: TaskFile,
    text: str,
    settings: AgentSettings,
    *,
    mode: Mode,
    breakpoints: Sequence[str],
    run_id: str,
    now: float,
) -> RunSpec:
    """Specify the run of a task file with this text.

    Raises UsageError for an agent that is not available here, and ConditionError for a wrong breakpoint.
    """
    for condition in breakpoints:
        parse_condition(condition)
    for agent in dict.fromkeys(task.agent for task in task_file.tasks):
        require_available(agent, settings)
    choice = ModelChoice(
        agent=task_file.tasks[0].agent,
        limits=task_limits(task_file.budget, settings),
        mode=mode,
        breakpoints=tuple(breakpoints),
    )
    return RunSpec(run_id, now, TasksSource(str(task_file.path), text), Detect(), choice)


def task_limits(budget: Limits, settings: AgentSettings) -> Limits:
    """The limits of a file; the dollars of the settings, if the file limits neither dollars nor tokens."""
    default = "" if budget.dollars or budget.tokens else read_budget(show_budget(settings.dollars)).dollars
    return msgspec.structs.replace(budget, dollars=budget.dollars or default)
