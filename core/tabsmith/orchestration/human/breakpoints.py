"""Breakpoints: conditions that are checked after every iteration, and which of them fire."""

from collections.abc import Iterable

import msgspec

from tabsmith.conditions.built_in import parse_condition
from tabsmith.conditions.metrics import IterationMetrics


class Fired(msgspec.Struct, frozen=True):
    """A condition that came true: its expression, its name if it is built in, and why it is true, with the values."""

    condition: str
    name: str
    words: str


class Breakpoints:
    """The conditions of a run. A condition on metrics that only grow over the run fires when it becomes true; any other
    fires in every iteration in which it is true.

    Raises ConditionError for a text that is no condition.
    """

    def __init__(self, conditions: Iterable[str]) -> None:
        self.conditions = tuple(dict.fromkeys(parse_condition(text) for text in conditions))
        self._held = [False] * len(self.conditions)

    def check(self, metrics: IterationMetrics) -> tuple[Fired, ...]:
        """Return the breakpoints that fire with the metrics of the next iteration."""
        fired: list[Fired] = []
        for index, condition in enumerate(self.conditions):
            result = condition.holds(metrics)
            already = condition.running and self._held[index]
            self._held[index] = result.held
            if result.held and not already:
                words = f"{condition.name}: {result.why}" if condition.name else result.why
                fired.append(Fired(condition.text, condition.name, words))
        return tuple(fired)

    def replay(self, past: Iterable[IterationMetrics]) -> "Breakpoints":
        """Return the same object in the state after these iterations: what fired then does not fire again."""
        for metrics in past:
            self.check(metrics)
        return self
