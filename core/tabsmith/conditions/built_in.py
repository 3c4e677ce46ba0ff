"""The conditions that come with tabsmith, by name; and `parse_condition`, which takes a name or an expression."""

import difflib
import re
from typing import Final

import msgspec

from tabsmith.conditions.expression import Condition, compile_expression
from tabsmith.errors import ConditionError
from tabsmith.text import clean


class BuiltInCondition(msgspec.Struct, frozen=True):
    """A condition with a name: the expression that it stands for, and what that means in a sentence."""

    name: str
    expression: str
    meaning: str


BUILT_IN: Final = {
    each.name: each
    for each in (
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

_CLOSE: Final = 0.7
_SIGNS: Final = re.compile(r"[<>=!+*/()]")


def parse_condition(text: str) -> Condition:
    """The built-in condition of that name, or the one that the expression says. Raises ConditionError."""
    name = " ".join(re.sub(r"\s*%", " %", text).lower().split())
    known = BUILT_IN.get(name)
    if known is not None:
        return compile_expression(known.expression).called(known.name)
    try:
        return compile_expression(text)
    except ConditionError as error:
        near = [] if _SIGNS.search(text) else difflib.get_close_matches(name[:60], BUILT_IN, n=1, cutoff=_CLOSE)
        if not near:
            raise
        raise ConditionError(
            f"There is no built-in condition {clean(text, 60)!r}. The nearest one is {near[0]!r}.",
            where=error.where,
            next_step="`tabsmith config breakpoints` lists all of them.",
        ) from error
