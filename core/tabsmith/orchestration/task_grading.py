"""The quality of an iteration in a workspace. A model's grade may lower it; only the acceptance command raises it."""

from typing import Final

from tabsmith.agents.errands import End
from tabsmith.orchestration.decisions import Part, Quality
from tabsmith.orchestration.task_events import Acceptance
from tabsmith.text import plural

# Weighted so that a goal that is not reached lies below "proceed" however well the agent worked, and at "clarify" when
# it did work; and that an accepted goal is good enough unless the work was cut short and refused things as well.
_ACCEPTED, _CHANGED, _ENDED, _ALLOWED = 0.40, 0.25, 0.20, 0.15

_ENDS: Final[dict[End, str]] = {
    "done": "ended by itself",
    "turn limit": "ended by its limit of turns",
    "refused": "the model refused",
    "silence": "ended after a long silence",
    "budget": "ended as the budget was spent",
}


def heuristic(acceptance: Acceptance, changed: int, end: End, refused: int, *, fallback: str = "") -> Quality:
    """The grade by tabsmith's own rule; `changed` files, `refused` permissions."""
    accepted = acceptance.verdict == "accepted"
    parts = (
        Part("accepted", float(accepted), _ACCEPTED, f"acceptance: {acceptance.verdict}"),
        Part("changed", float(changed > 0 or accepted), _CHANGED, f"{plural(changed, 'file')} changed"),
        Part("ended", float(end == "done"), _ENDED, _ENDS[end]),
        Part("allowed", float(not refused), _ALLOWED, f"{plural(refused, 'permission')} refused"),
    )
    value = round(sum(part.value * part.weight for part in parts), 4)
    return Quality(value, "heuristic", parts, words="; ".join(part.why for part in parts), fallback=fallback)


def lowered(own: Quality, model: Quality) -> Quality:
    """The lower of tabsmith's own grade and a model's."""
    if model.value >= own.value:
        return own
    part = Part("rubric", model.value, 1.0, model.words)
    return Quality(model.value, "llm", (*own.parts, part), words=f"{own.words}; rubric: {model.words}")
