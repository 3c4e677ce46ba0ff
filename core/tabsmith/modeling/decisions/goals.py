"""What a person wants of the labels that a model gives, as data, and as `train` takes it: a threshold, or costs."""

import math
import re
from typing import Final, TypeAlias

import msgspec

from tabsmith.errors import SchemaError, UsageError
from tabsmith.modeling.metric_catalogue import MetricName, get_metric
from tabsmith.tables.schema.types import ProblemType
from tabsmith.text import clean


class AutomaticThreshold(msgspec.Struct, frozen=True, tag="automatic", tag_field="goal"):
    """The threshold is tuned if the run's metric compares labels and gains by it; else the most probable class wins."""


class FixedThreshold(msgspec.Struct, frozen=True, tag="fixed", tag_field="goal"):
    """The event is predicted where its probability is at least `threshold`."""

    threshold: float


class BestForMetric(msgspec.Struct, frozen=True, tag="metric", tag_field="goal"):
    """The threshold that is best for a metric of labels, such as F1; for several classes, the best weights of classes."""

    metric: MetricName


class LeastCost(msgspec.Struct, frozen=True, tag="cost", tag_field="goal"):
    """The threshold that costs least: `miss` for an event that is not predicted, `alarm` for a prediction of an event
    where there is none, `hit` for an event that is predicted. A gain is a negative cost; nothing else costs anything."""

    miss: float
    alarm: float
    hit: float = 0.0

    @property
    def threshold(self) -> float:
        """The probability from which on an alarm costs less than none (Elkan 2001), if probabilities are right."""
        return self.alarm / (self.alarm + self.miss - self.hit)


class CostByClass(msgspec.Struct, frozen=True, tag="class cost", tag_field="goal"):
    """The labels of several classes that cost least: a row that is not recognised costs what its true class costs.

    `costs` are (class, cost); a class that is not named costs 1.
    """

    costs: tuple[tuple[str, float], ...]


LabelGoal: TypeAlias = AutomaticThreshold | FixedThreshold | BestForMetric | LeastCost | CostByClass

AUTOMATIC: Final = AutomaticThreshold()
COST_EXAMPLE: Final = "miss=5,alarm=1"
CLASS_COST_EXAMPLE: Final = "measles=5,flu=2"


def parse_goal(threshold: str | None, cost: str | None) -> LabelGoal:
    """The goal that `--threshold` (a metric, or a number between 0 and 1) or `--cost` says. Raises UsageError."""
    if threshold and cost:
        raise UsageError(
            "A threshold and costs were both given, and each of them decides the threshold.",
            next_step="Leave one of the two out.",
        )
    if cost:
        return _parse_cost(cost)
    return _parse_threshold(threshold.strip()) if threshold else AutomaticThreshold()


def parse_goal_text(text: str) -> LabelGoal:
    """The goal that one text says, as a field takes it: `0.3`, `f1`, `miss=5,alarm=1`, or "" for automatic.

    Raises UsageError.
    """
    word = text.strip()
    return parse_goal(None, word) if re.search(r"[=:]", word) else parse_goal(word, None)


def goal_text(goal: LabelGoal) -> str:
    """`goal` as `parse_goal_text` takes it; "" for automatic."""
    match goal:
        case AutomaticThreshold():
            return ""
        case FixedThreshold(threshold):
            return f"{threshold:g}"
        case BestForMetric(metric):
            return metric
        case LeastCost(miss, alarm, hit):
            return f"miss={miss:g},alarm={alarm:g}" + (f",hit={hit:g}" if hit else "")
        case CostByClass(costs):
            return ",".join(f"{name}={cost:g}" for name, cost in costs)


def check_goal(goal: LabelGoal, task: ProblemType) -> None:
    """Raise SchemaError, or for a metric UsageError, if a goal of labels does not fit the task."""
    several = "Tune for a metric such as f1_macro, or give costs of classes, such as measles=5,flu=2."
    match goal:
        case AutomaticThreshold():
            return
        case _ if task not in ("binary", "multiclass"):
            raise SchemaError(
                f"A threshold or costs decide between classes; the task is {task}.",
                next_step="Leave the threshold and the costs out, or choose a target with classes.",
            )
        case FixedThreshold() | LeastCost() if task == "multiclass":
            raise SchemaError(
                "One threshold, or costs of misses and alarms, decide between two classes; the task is multiclass.",
                next_step=several,
            )
        case CostByClass() if task == "binary":
            raise SchemaError(
                "Costs of classes are for more than two classes; the task is binary.",
                next_step="Give the costs of a miss and an alarm, such as miss=5,alarm=1.",
            )
        case BestForMetric(name):
            get_metric(name, task)


def _parse_threshold(text: str) -> FixedThreshold | BestForMetric | AutomaticThreshold:
    if text.lower() in ("auto", "automatic"):
        return AutomaticThreshold()
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        return BestForMetric(_label_metric(text))
    if not 0 < value < 1:
        raise UsageError(
            f"The threshold {clean(text, 30)} is not between 0 and 1.",
            next_step="Give a probability such as 0.3, or a metric to tune for, such as f1.",
        )
    return FixedThreshold(value)


def _label_metric(text: str) -> MetricName:
    metric = get_metric(text)
    if not metric.uses_labels or metric.name in ("precision", "recall"):
        raise UsageError(
            f"No threshold is best for {metric.label}.",
            next_step="Choose a metric of labels: f1, balanced_accuracy, matthews_corrcoef, accuracy or cohen_kappa.",
        )
    return metric.name


_OUTCOMES: Final = ("miss", "alarm", "hit")


def _parse_cost(text: str) -> LeastCost | CostByClass:
    amounts: dict[str, float] = {}
    for entry in re.split(r"[,;]", text):
        name, _, value = (part.strip() for part in re.sub(r"[:=]", "=", entry, count=1).partition("="))
        name = name.lower() if name.lower() in _OUTCOMES else name
        if not name or name in amounts:
            raise _wrong_cost(f'"{clean(entry.strip(), 40)}" is not a cost of a miss, an alarm, a hit or a class')
        try:
            amounts[name] = float(value)
        except ValueError:
            raise _wrong_cost(f'"{clean(value, 40)}" is not a number') from None
        if not math.isfinite(amounts[name]):
            raise _wrong_cost(f'"{clean(value, 40)}" is not a number')
    if not set(amounts) & set(_OUTCOMES):
        return _by_class(amounts)
    if not set(amounts) <= set(_OUTCOMES):
        raise _wrong_cost("the costs are partly of outcomes and partly of classes")
    if "miss" not in amounts or "alarm" not in amounts:
        raise _wrong_cost("the costs of both a miss and an alarm are needed")
    cost = LeastCost(amounts["miss"], amounts["alarm"], amounts.get("hit", 0.0))
    if cost.alarm <= 0 or cost.miss <= cost.hit:
        raise _wrong_cost("an alarm must cost something, and a miss more than a hit; else one answer is always best")
    return cost


def _by_class(amounts: dict[str, float]) -> CostByClass:
    if any(cost <= 0 for cost in amounts.values()):
        raise _wrong_cost("a class must cost more than 0")
    return CostByClass(tuple(amounts.items()))


def _wrong_cost(reason: str) -> UsageError:
    return UsageError(
        f"The costs could not be understood: {reason}.",
        next_step=f"Write, for example: {COST_EXAMPLE}; or of several classes: {CLASS_COST_EXAMPLE}.",
    )
