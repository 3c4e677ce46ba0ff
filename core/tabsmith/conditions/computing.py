"""Computing with facts: finite numbers only, and what has no value says why."""

import math

from tabsmith.conditions.facts import Facts


class NotComputableError(Exception):
    """The condition has no value for these facts."""


def computed(sign: str, left: float, right: float) -> float:
    """`left` and `right` added, subtracted, multiplied or divided. Raises NotComputableError."""
    match sign:
        case "+":
            value = left + right
        case "-":
            value = left - right
        case "*":
            value = left * right
        case _:
            if right == 0:
                raise NotComputableError("a division by zero")
            value = left / right
    if not math.isfinite(value):
        raise NotComputableError("a number too large")
    return value


def value_of(facts: Facts, name: str) -> float:
    """The fact of that name; a truth is 0 or 1. Raises NotComputableError."""
    number = _as_float(getattr(facts, name))
    if not math.isfinite(number):
        raise NotComputableError(f"{name} is not a finite number")
    return number


def _as_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:  # a whole number beyond all floats
        return math.inf if value > 0 else -math.inf


def shown(value: float) -> str:
    """A fact as it stands in an explanation: `true`, `7`, `0.42`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) and abs(value) < 10**15 else f"{_as_float(value):.6g}"
