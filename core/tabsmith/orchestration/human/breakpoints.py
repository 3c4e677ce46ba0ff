"""Breakpoints: conditions that are looked at after every iteration, and which of them fire."""

from collections.abc import Iterable

import msgspec

from tabsmith.conditions.built_in import parse_condition
from tabsmith.conditions.metrics import IterationMetrics


class Fired(msgspec.Struct, frozen=True):
    """A condition came true: its expression, its name if it is a built-in one, and why, with the values."""

    condition: str
    name: str
    words: str


class Breakpoints:
    """The conditions of a run. One that speaks only of what grows over the run fires when it becomes true; any other
    fires in every iteration in which it is true.

    Raises ConditionError for a text that is no condition.
    """

    def __init__(self, conditions: Iterable[str]) -> None:
        self.conditions = tuple(dict.fromkeys(parse_condition(text) for text in conditions))
        self._held = [False] * len(self.conditions)

    def check(self, facts: IterationMetrics) -> tuple[Fired, ...]:
        """What fires with these facts, those of the next iteration."""
        fired: list[Fired] = []
        for place, condition in enumerate(self.conditions):
            outcome = condition.holds(facts)
            already = condition.running and self._held[place]
            self._held[place] = outcome.held
            if outcome.held and not already:
                words = f"{condition.name}: {outcome.why}" if condition.name else outcome.why
                fired.append(Fired(condition.text, condition.name, words))
        return tuple(fired)

    def replay(self, past: Iterable[IterationMetrics]) -> "Breakpoints":
        """The same object, standing where it stood after these iterations: what fired then does not fire again."""
        for facts in past:
            self.check(facts)
        return self
