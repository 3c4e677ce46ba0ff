"""The metrics of an iteration, which are the variables of conditions: each field of `IterationMetrics` is one."""

from typing import Annotated, Final, Literal, TypeAlias, get_args, get_type_hints

import msgspec
from msgspec import Meta

RUNNING = {"running": True}
"""Marks a metric that only grows over a run. A condition on such metrics alone fires once, when it becomes true."""


class IterationMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """The metrics of one iteration, taken when its decision is made and stored with it."""

    iteration: Annotated[int, Meta(description="Number of the iteration, from 1.", extra=RUNNING)] = 0
    valid: Annotated[bool, Meta(description="The recipe passed its checks.")] = False
    scored: Annotated[bool, Meta(description="The recipe has a score.")] = False
    quality: Annotated[float, Meta(description="Quality of the iteration, 0 to 1.")] = 0.0
    confidence: Annotated[float, Meta(description="Confidence of the decision, 0 to 1.")] = 0.0
    champion_changed: Annotated[bool, Meta(description="The recipe became the champion.")] = False
    gain: Annotated[
        float, Meta(description="How much better (+) or worse (-) than the best so far then, as a share.")
    ] = 0.0
    disagreement: Annotated[
        float, Meta(description="How far the agent's own confidence and the grade are apart, 0 to 1.")
    ] = 0.0
    retries: Annotated[int, Meta(description="How often the agent was asked again in this iteration.")] = 0
    rate_limits: Annotated[int, Meta(description="How often the server refused for now in this iteration.")] = 0
    iteration_seconds: Annotated[float, Meta(description="Seconds that the iteration took.")] = 0.0
    iteration_tokens: Annotated[int, Meta(description="Tokens that the iteration used.")] = 0
    iteration_dollars: Annotated[float, Meta(description="Dollars that the iteration cost, as far as known.")] = 0.0
    failures: Annotated[int, Meta(description="Failures of the agent in a row, this one included.")] = 0
    tries: Annotated[int, Meta(description="Recipes scored so far.", extra=RUNNING)] = 0
    seconds: Annotated[float, Meta(description="Seconds of work so far.", extra=RUNNING)] = 0.0
    tokens: Annotated[int, Meta(description="Tokens used so far.", extra=RUNNING)] = 0
    dollars: Annotated[float, Meta(description="Dollars spent so far, as far as known.", extra=RUNNING)] = 0.0
    time_used: Annotated[float, Meta(description="Share of the time limit used, 0 to 1.", extra=RUNNING)] = 0.0
    budget_used: Annotated[
        float, Meta(description="Largest share used of any limit but time, 0 to 1.", extra=RUNNING)
    ] = 0.0


VariableType: TypeAlias = Literal["number", "truth"]


class Variable(msgspec.Struct, frozen=True):
    """A variable of conditions. `running` says that it only grows over a run."""

    name: str
    kind: VariableType
    running: bool
    description: str


def _variable(name: str, annotation: object) -> Variable:
    inner, meta = get_args(annotation)[:2]
    kind: VariableType = "truth" if inner is bool else "number"
    return Variable(name, kind, bool((meta.extra or {}).get("running")), meta.description or "")


VARIABLES: Final = {
    name: _variable(name, annotation)
    for name, annotation in get_type_hints(IterationMetrics, include_extras=True).items()
}
"""Every variable by its name, in the order of `IterationMetrics`."""
