"""The model step's fields become a run's specification, and the command line that asks for the same."""

import shlex
from collections.abc import Callable
from typing import Final, Literal, TypeVar, get_args

import msgspec

from tabsmith.agents.protocol import AgentName
from tabsmith.conditions.built_in import parse_condition
from tabsmith.errors import UsageError
from tabsmith.families.registry import family_names
from tabsmith.limits import Limits
from tabsmith.modeling.results import MetricName
from tabsmith.orchestration.questions import Mode
from tabsmith.runs.spec import Confirmed, Deferred, ModelChoice, RunSpec
from tabsmith.tables.read.sources import FileSource, FrameSource, SampleSource, Source
from tabsmith.tables.schema.types import ProblemType, Schema
from tabsmith.text import clean
from tabsmith.workflow.inputs import CostLimits, read_budget, read_count, read_duration
from tabsmith.workflow.session import FieldDefaults, FieldName, FieldProblem, WorkflowSession

T = TypeVar("T")

_CLASSES: Final[tuple[ProblemType, ...]] = ("binary", "multiclass")
_NUMBERS: Final[tuple[ProblemType, ...]] = ("regression",)


class MetricLabel(msgspec.Struct, frozen=True):
    """A metric in words, and the tasks that it can measure."""

    label: str
    detail: str
    tasks: tuple[ProblemType, ...]


METRICS: Final[dict[MetricName, MetricLabel]] = {
    "roc_auc": MetricLabel("ROC AUC", "how well the classes are told apart; higher is better", _CLASSES),
    "log_loss": MetricLabel("log loss", "how good the probabilities are; lower is better", _CLASSES),
    "accuracy": MetricLabel("accuracy", "share of rows predicted right; higher is better", _CLASSES),
    "balanced_accuracy": MetricLabel(
        "balanced accuracy", "accuracy with every class counting the same; higher is better", _CLASSES
    ),
    "f1": MetricLabel("F1", "precision and recall together; higher is better", _CLASSES),
    "average_precision": MetricLabel("average precision", "for a rare class; higher is better", ("binary",)),
    "rmse": MetricLabel("RMSE", "typical error, large ones count more; lower is better", _NUMBERS),
    "mae": MetricLabel("MAE", "mean error in the target's unit; lower is better", _NUMBERS),
    "median_ae": MetricLabel("median error", "half of the rows are nearer; lower is better", _NUMBERS),
    "r2": MetricLabel("R²", "share of the variation explained; higher is better", _NUMBERS),
}


class ParsedChoice(msgspec.Struct, frozen=True):
    """The model step's fields as understood; where one could not be, its default stands in and `problems` says why."""

    choice: ModelChoice
    problems: tuple[FieldProblem, ...]


def task_of(session: WorkflowSession) -> ProblemType | Literal["detect"]:
    """The task as far as it is known before training."""
    if session.load == "defer":
        return session.manual.problem_type if session.manual else "detect"
    return session.schema.problem_type if session.schema else "detect"


def metrics_for(task: ProblemType | Literal["detect"]) -> tuple[MetricName, ...]:
    """The metrics that can measure `task`; all of them while it is not known."""
    return tuple(name for name, words in METRICS.items() if task == "detect" or task in words.tasks)


def read_choice(session: WorkflowSession) -> ParsedChoice:
    """How to train, from what stands in the fields."""
    problems: list[FieldProblem] = []

    def read(field: FieldName, understand: Callable[[str], T], otherwise: T) -> T:
        try:
            return understand(session.draft(field))
        except UsageError as error:
            problems.append(FieldProblem(field, error.report(details=False)))
            return otherwise

    defaults = session.defaults
    fitting = metrics_for(task_of(session))
    budget = read(FieldName.BUDGET, read_budget, CostLimits())
    choice = ModelChoice(
        metric=read(FieldName.METRIC, lambda text: _one_of(text, ("default", *fitting), "metric for it"), "default"),
        family=read(FieldName.FAMILY, lambda text: _one_of(text, ("any", *family_names()), "model family"), "any"),
        agent=read(FieldName.AGENT, lambda text: _agent(text, defaults), "search"),
        limits=Limits(
            seconds=read(FieldName.TIME, read_duration, 60.0),
            iterations=read(FieldName.ITERATIONS, lambda text: read_count(text, "The number of iterations"), 0),
            dollars=budget.dollars,
            tokens=budget.tokens,
        ),
        seed=read(FieldName.SEED, lambda text: read_count(text, "The seed"), 0),
        cores=defaults.cores,
        mode=read(FieldName.MODE, lambda text: _one_of(text, get_args(Mode), "way of asking"), "confirm"),
        breakpoints=read(FieldName.MODE, lambda _: _understood(defaults.breakpoints), ()),
    )
    return ParsedChoice(choice, tuple(problems))


def _agent(text: str, defaults: FieldDefaults) -> AgentName:
    """The agent, when it can be used here; else why it cannot."""
    reason = next((why for name, why in defaults.why_not.items() if name == text.strip()), "")
    if reason:
        raise UsageError(
            f"{text.strip()} cannot be used: {reason}", next_step=f"Choose one of: {', '.join(defaults.agents)}."
        )
    return _one_of(text, defaults.agents, "agent here")


def _understood(breakpoints: tuple[str, ...]) -> tuple[str, ...]:
    """The conditions of the settings, when each of them can be understood; ConditionError otherwise."""
    for each in breakpoints:
        parse_condition(each)
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
    """The run that the session asks for. The session's prerequisites of CONFIGURING_MODEL hold."""
    assert session.source is not None
    choice = read_choice(session).choice
    if session.load == "defer":
        assert session.manual is not None
        return RunSpec(run_id, now, session.source, Deferred(session.manual), choice)
    assert session.schema is not None
    assert session.table is not None
    return RunSpec(run_id, now, session.source, Confirmed(session.schema, session.table.fingerprint), choice)


def equivalent_command(session: WorkflowSession) -> str:
    """The `tabsmith train` line that asks for the same run, quoted for a POSIX shell. "" while there is no source.

    Only what differs from that command's own defaults is written. A schema that the person changed is given with
    `--schema`, as JSON.
    """
    if session.source is None:
        return ""
    choice = read_choice(session).choice
    words = ["tabsmith", "train", _path_word(session.source)]
    if session.load == "defer":
        words += ["--schema", session.draft(FieldName.SCHEMA)] if session.manual else []
    elif session.schema is not None:
        if session.edits.roles or session.edits.kinds:
            words += ["--schema", _in_words(session.schema, session)]
        elif session.schema.target:
            words += ["--target", session.schema.target]
    words += ["--time", f"{choice.limits.seconds:g}"]
    words += ["--metric", choice.metric] if choice.metric != "default" else []
    words += ["--model", choice.family] if choice.family != "any" else []
    words += _agent_words(session, choice)
    words += ["--iterations", str(choice.limits.iterations)] if choice.limits.iterations else []
    words += ["--seed", str(choice.seed)] if choice.seed else []
    return " ".join(_quoted(word) for word in words)


def _agent_words(session: WorkflowSession, choice: ModelChoice) -> list[str]:
    """Who proposes, what it may cost and when it asks: all three for one that costs, else what is unusual."""
    defaults = session.defaults
    speaks = choice.agent != "search"
    words = ["--agent", choice.agent] if speaks or choice.agent != defaults.agent else []
    budget = session.draft(FieldName.BUDGET).strip()
    if budget != defaults.budget or (speaks and budget):
        words += ["--budget", budget or "none"]
    return [*words, "--mode", choice.mode] if speaks or choice.mode != defaults.mode else words


def _quoted(word: str) -> str:
    """`word` for a shell; with control or invisible characters in the form $'...', so that none is shown as it is."""
    if word.isprintable():
        return shlex.quote(word)
    plain = word.replace("\\", "\\\\").replace("'", "\\'")
    return "$'" + "".join(letter if letter.isprintable() else _escaped(letter) for letter in plain) + "'"


def _escaped(letter: str) -> str:
    named = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}
    return named.get(letter) or (f"\\u{ord(letter):04x}" if ord(letter) < 0x10000 else f"\\U{ord(letter):08x}")


def _path_word(source: Source) -> str:
    match source:
        case FileSource(path=path):
            return path if not path.startswith("-") else f"./{path}"
        case SampleSource(name=name):
            return f"sample:{name}"
        case FrameSource(fingerprint=fingerprint):
            return f"frame:{fingerprint}"


def _in_words(schema: Schema, session: WorkflowSession) -> str:
    kinds = {column.name: column.kind for column in schema.columns if column.name in session.edits.kinds}
    form = {"target": schema.target, "features": [column.name for column in schema.features], "kinds": kinds}
    if not kinds:
        del form["kinds"]
    return msgspec.json.encode(form).decode()
