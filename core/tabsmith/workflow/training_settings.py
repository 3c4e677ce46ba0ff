"""The fields of the model step as the specification of a run, and as the command line for the same run."""

import shlex
from collections.abc import Callable
from typing import Literal, TypeVar, get_args

import msgspec

from tabsmith.agents.protocol import AgentName
from tabsmith.conditions import parse_condition
from tabsmith.config.settings import Mode
from tabsmith.errors import UsageError
from tabsmith.families.registry import choose_families, family_names
from tabsmith.limits import Limits
from tabsmith.modeling.decisions.goals import (
    AUTOMATIC,
    AutomaticThreshold,
    BestForMetric,
    FixedThreshold,
    LabelGoal,
    check_goal,
    goal_text,
    parse_goal_text,
)
from tabsmith.modeling.metric_catalogue import METRICS, Metric, MetricChoice, get_metric
from tabsmith.orchestration.limits import read_budget
from tabsmith.recipes.recipe import Family
from tabsmith.runs.spec import Confirmed, Deferred, ModelChoice, RunSpec
from tabsmith.tables.read.option_texts import source_arguments
from tabsmith.tables.read.sources import Source, parse_source
from tabsmith.tables.schema.edits import with_event
from tabsmith.tables.schema.types import ProblemType, Schema
from tabsmith.text import clean
from tabsmith.workflow.inputs import read_count, read_duration, read_iterations, read_names
from tabsmith.workflow.session import LOCAL_USER, DeliverChoice, FieldDefaults, FieldName, FieldProblem, WorkflowSession

T = TypeVar("T")


class ParsedChoice(msgspec.Struct, frozen=True):
    """The parsed fields of the model step. `problems` tells of fields that have their default because of an error."""

    choice: ModelChoice
    problems: tuple[FieldProblem, ...]


def task_of(session: WorkflowSession) -> ProblemType | Literal["detect"]:
    """The task of the session's schema; "detect" if it is not known before training."""
    if session.load == "defer":
        return session.manual.problem_type if session.manual else "detect"
    return session.schema.problem_type if session.schema else "detect"


def metrics_for(task: ProblemType | Literal["detect"]) -> tuple[Metric, ...]:
    """The metrics that can measure `task`; all metrics while the task is not known."""
    return tuple(metric for metric in METRICS if task == "detect" or task in metric.tasks)


def event_classes(session: WorkflowSession) -> tuple[str, ...]:
    """The two classes of the target, of which one is the event; empty where there are not two or they are not known."""
    if session.load == "defer" or session.schema is None or session.table is None:
        return ()
    if session.schema.problem_type != "binary":
        return ()
    columns = session.table.profile.columns
    target = next((column for column in columns if column.name == session.schema.target), None)
    return () if target is None or len(target.top) != 2 else tuple(sorted(each.text for each in target.top))


def event_of(session: WorkflowSession) -> str:
    """The chosen event, or the one that was found; "" where there are not two classes."""
    chosen, classes = session.draft(FieldName.EVENT), event_classes(session)
    if chosen in classes:
        return chosen
    return session.schema.event if classes and session.schema is not None else ""


def reads_files(session: WorkflowSession) -> bool:
    """Whether the session's user may name files and models of this machine: a person at a phone may not."""
    return session.user == LOCAL_USER


def recipe_file(session: WorkflowSession) -> str:
    """The path of the file with the user's own recipes; "" for none."""
    return session.draft(FieldName.RECIPE).strip() if reads_files(session) else ""


def read_choice(session: WorkflowSession) -> ParsedChoice:
    """How to train, parsed from the texts of the fields."""
    problems: list[FieldProblem] = []

    def read(field: FieldName, parse: Callable[[str], T], default: T) -> T:
        try:
            return parse(session.draft(field))
        except UsageError as error:
            problems.append(FieldProblem(field, error.report(details=False)))
            return default

    defaults = session.defaults
    automatic: LabelGoal = AUTOMATIC
    budget = read(FieldName.BUDGET, read_budget, Limits())
    family = read(FieldName.FAMILY, lambda text: _one_of(text, ("any", *family_names()), "model family"), "any")
    none: tuple[Family, ...] = ()
    named = () if family == "any" else (family,)
    only = read(FieldName.FAMILIES, lambda text: choose_families((*named, *read_names(text)), ())[0], none)
    exclude = read(FieldName.EXCLUDE, lambda text: choose_families(only, read_names(text))[1], none)
    start = session.draft(FieldName.RESUME_FROM).strip() if reads_files(session) else ""
    read(FieldName.TEST, _test_source, None)
    choice = ModelChoice(
        metric=read(FieldName.METRIC, lambda text: _metric(text, task_of(session)), "default"),
        goal=read(FieldName.LABELS, lambda text: _goal(text, task_of(session)), automatic),
        agent=read(FieldName.AGENT, lambda text: _agent(text, defaults), "search"),
        limits=Limits(
            seconds=read(FieldName.TIME, read_duration, 60.0),
            iterations=read(FieldName.ITERATIONS, read_iterations, 0),
            dollars=budget.dollars,
            tokens=budget.tokens,
        ),
        seed=read(FieldName.SEED, lambda text: read_count(text, "The seed"), 0),
        cores=defaults.cores,
        mode=read(FieldName.MODE, lambda text: _one_of(text, get_args(Mode), "way of asking"), "confirm"),
        breakpoints=read(FieldName.MODE, lambda _: _checked(defaults.breakpoints), ()),
        families=only,
        exclude=exclude,
        keep_measured=read(FieldName.DELIVER, lambda text: _one_of(text, get_args(DeliverChoice), "model"), "all rows")
        == "measured",
        resume_from=start,
    )
    return ParsedChoice(choice, tuple(problems))


def _metric(text: str, task: ProblemType | Literal["detect"]) -> MetricChoice:
    """The name of the metric that `text` means, or "default". Raises UsageError if there is none, or none for the task."""
    word = text.strip()
    return word if word == "default" else get_metric(word, None if task == "detect" else task).name


def _goal(text: str, task: ProblemType | Literal["detect"]) -> LabelGoal:
    """What the labels are to be good for. Raises UsageError if that cannot be understood, or does not fit the task."""
    goal = parse_goal_text(text)
    if task != "detect":
        check_goal(goal, task)
    return goal


def _test_source(text: str) -> Source | None:
    """The table to measure the model on; None for part of the same table. Raises UsageError."""
    return parse_source(text.strip()) if text.strip() else None


def _agent(text: str, defaults: FieldDefaults) -> AgentName:
    """The agent called `text`. Raises UsageError with the reason if it is not ready here."""
    reason = next((why for name, why in defaults.why_not.items() if name == text.strip()), "")
    if reason:
        raise UsageError(
            f"{text.strip()} cannot be used: {reason}", next_step=f"Choose one of: {', '.join(defaults.agents)}."
        )
    return _one_of(text, defaults.agents, "agent here")


def _checked(breakpoints: tuple[str, ...]) -> tuple[str, ...]:
    """`breakpoints`. Raises ConditionError for the first that is not a condition."""
    for text in breakpoints:
        parse_condition(text)
    return breakpoints


def _one_of(text: str, options: tuple[T, ...], what: str) -> T:
    word = text.strip()
    for option in options:
        if option == word:
            return option
    raise UsageError(
        f"{clean(word, 40)!r} is no {what}." if word else f"No {what} was chosen.",
        next_step=f"Choose one of: {', '.join(str(option) for option in options)}.",
    )


def run_spec(session: WorkflowSession, run_id: str, now: float) -> RunSpec:
    """The specification of the run. The session has to fulfil the prerequisites of CONFIGURING_MODEL."""
    assert session.source is not None
    choice = read_choice(session).choice
    test = _test_source(session.draft(FieldName.TEST)) if reads_files(session) else None
    if session.load == "defer":
        assert session.manual is not None
        return RunSpec(run_id, now, session.source, Deferred(session.manual), choice, test)
    assert session.schema is not None
    assert session.table is not None
    event = event_of(session)
    schema = with_event(session.schema, event) if event else session.schema
    return RunSpec(run_id, now, session.source, Confirmed(schema, session.table.fingerprint), choice, test)


def equivalent_command(session: WorkflowSession) -> str:
    """The `tabsmith train` command for the same run, quoted for a POSIX shell; "" while there is no source.

    Options that have the command's own default are left out. A schema that the user edited is given as JSON.
    """
    if session.source is None:
        return ""
    choice = read_choice(session).choice
    words = ["tabsmith", "train", *source_arguments(session.source)]
    if session.load == "defer":
        words += ["--schema", session.draft(FieldName.SCHEMA)] if session.manual else []
    elif session.schema is not None:
        if session.edits.roles or session.edits.kinds:
            words += ["--schema", _schema_json(session.schema, session)]
        elif session.schema.target:
            words += ["--target", session.schema.target]
    words += ["--time", f"{choice.limits.seconds:g}"]
    words += ["--metric", choice.metric] if choice.metric != "default" else []
    words += (
        ["--model" if len(choice.families) == 1 else "--families", ",".join(choice.families)] if choice.families else []
    )
    words += ["--exclude", ",".join(choice.exclude)] if choice.exclude else []
    words += _agent_options(session, choice)
    words += ["--iterations", str(choice.limits.iterations)] if choice.limits.iterations else []
    words += ["--seed", str(choice.seed)] if choice.seed else []
    words += ["--keep-measured"] if choice.keep_measured else []
    words += _label_options(session, choice.goal)
    words += ["--recipe", recipe_file(session)] if recipe_file(session) else []
    words += ["--resume-from", choice.resume_from] if choice.resume_from else []
    test = session.draft(FieldName.TEST).strip() if reads_files(session) else ""
    words += ["--test", test] if test else []
    return " ".join(_quoted(word) for word in words)


def _agent_options(session: WorkflowSession, choice: ModelChoice) -> list[str]:
    """`--agent`, `--budget` and `--mode`: all three for an agent that asks a model, else those without their default."""
    defaults = session.defaults
    uses_model = choice.agent != "search"
    words = ["--agent", choice.agent] if uses_model or choice.agent != defaults.agent else []
    budget = session.draft(FieldName.BUDGET).strip()
    if budget != defaults.budget or (uses_model and budget):
        words += ["--budget", budget or "none"]
    return [*words, "--mode", choice.mode] if uses_model or choice.mode != defaults.mode else words


def _label_options(session: WorkflowSession, goal: LabelGoal) -> list[str]:
    """`--event` if it is not the one that is found, and `--threshold` or `--cost`."""
    event = event_of(session)
    words = ["--event", event] if session.schema is not None and event != session.schema.event else []
    match goal:
        case AutomaticThreshold():
            return words
        case FixedThreshold() | BestForMetric():
            return [*words, "--threshold", goal_text(goal)]
        case _:
            return [*words, "--cost", goal_text(goal)]


def _quoted(word: str) -> str:
    """`word` quoted for a shell; control and invisible characters are escaped in the form $'...'."""
    if word.isprintable():
        return shlex.quote(word)
    plain = word.replace("\\", "\\\\").replace("'", "\\'")
    return "$'" + "".join(letter if letter.isprintable() else _escaped(letter) for letter in plain) + "'"


def _escaped(letter: str) -> str:
    named = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}
    return named.get(letter) or (f"\\u{ord(letter):04x}" if ord(letter) < 0x10000 else f"\\U{ord(letter):08x}")


def _schema_json(schema: Schema, session: WorkflowSession) -> str:
    kinds = {column.name: column.kind for column in schema.columns if column.name in session.edits.kinds}
    form = {"target": schema.target, "features": [column.name for column in schema.features], "kinds": kinds}
    if not kinds:
        del form["kinds"]
    return msgspec.json.encode(form).decode()
