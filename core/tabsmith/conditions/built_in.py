"""The conditions that come with tabsmith, by name; and `parse_condition`, which takes a name or an expression."""

import re
from typing import Final

import msgspec

from tabsmith.conditions.expression import Condition, compile_expression
from tabsmith.errors import ConditionError
from tabsmith.text import clean, nearest


class BuiltInCondition(msgspec.Struct, frozen=True):
    """A condition with a name, the expression that it stands for, and its meaning in a sentence."""

    name: str
    expression: str
    meaning: str


BUILT_IN: Final = {
    condition.name: condition
    for condition in (
        BuiltInCondition("low confidence", "confidence < 0.3", "The decision on the iteration was a close one."),
        BuiltInCondition("consecutive failures", "failures >= 3", "The agent failed three times in a row."),
        BuiltInCondition("time", "time_used >= 0.8", "80 % of the time limit is used."),
        BuiltInCondition("rate limit", "rate_limits > 0", "The model's server refused the agent for now."),
        BuiltInCondition("budget 80 %", "budget_used >= 0.8", "80 % of a limit other than time is used."),
        BuiltInCondition("budget 95 %", "budget_used >= 0.95", "95 % of a limit other than time is used."),
        BuiltInCondition("champion changed", "champion_changed", "A challenger became the champion."),
        BuiltInCondition(
            "agents disagree", "disagreement >= 0.5", "The agent's own confidence and the grade are far apart."
        ),
    )
}

_SIMILARITY: Final = 0.7  # of a misspelt name to a built-in one
_OPERATORS: Final = re.compile(r"[<>=!+*/()]")


def parse_condition(text: str) -> Condition:
    """The built-in condition called `text`, or the condition that `text` writes out. Raises ConditionError."""
    name = " ".join(re.sub(r"\s*%", " %", text).lower().split())
    built_in = BUILT_IN.get(name)
    if built_in is not None:
        return compile_expression(built_in.expression).with_name(built_in.name)
    try:
        return compile_expression(text)
    except ConditionError as error:
        close = "" if _OPERATORS.search(text) else nearest(name, BUILT_IN, cutoff=_SIMILARITY)
        if not close:
            raise
        raise ConditionError(
            f"There is no built-in condition {clean(text, 60)!r}. The nearest one is {close!r}.",
            where=error.where,
            next_step="`tabsmith config breakpoints` lists all of them.",
        ) from error
