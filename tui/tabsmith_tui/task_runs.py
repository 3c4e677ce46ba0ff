"""A run of a task file, asked for: the same from the command line and from the screen."""

from collections.abc import Sequence

from tabsmith.agents.usable import require_usable
from tabsmith.config.tree import Agents
from tabsmith.orchestration.questions import Mode
from tabsmith.runs.spec import Detect, Limits, ModelChoice, RunSpec
from tabsmith.tables.sources import TasksSource
from tabsmith.tasks import Budget, TaskFile
from tabsmith.workflow.inputs import read_budget, show_budget


def spec_of(
    found: TaskFile, text: str, settings: Agents, *, mode: Mode, breakpoints: Sequence[str], run_id: str, now: float
) -> RunSpec:
    """The run of the tasks `found` in `text`. Raises UsageError for an agent that cannot be used here, ConditionError
    for a breakpoint that is none or has a name that is not known."""
    from tabsmith.conditions.built_in import named

    for each in breakpoints:
        named(each)
    for agent in dict.fromkeys(each.agent for each in found.tasks):
        require_usable(agent, settings)
    choice = ModelChoice(
        agent=found.tasks[0].agent,
        limits=limits_of(found.budget, settings),
        mode=mode,
        breakpoints=tuple(breakpoints),
    )
    return RunSpec(run_id, now, TasksSource(str(found.path), text), Detect(), choice)


def limits_of(budget: Budget, settings: Agents) -> Limits:
    """The file's budget; where it names neither dollars nor tokens, the dollars of the settings."""
    default = "" if budget.dollars or budget.tokens else read_budget(show_budget(settings.dollars)).dollars
    return Limits(
        seconds=budget.seconds,
        iterations=budget.iterations,
        dollars=budget.dollars or default,
        tokens=budget.tokens,
        failures=budget.failures,
    )
