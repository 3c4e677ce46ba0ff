"""The question on leaving while a run is at work: leave it running, stop it, or stay."""

from typing import TYPE_CHECKING

from tabsmith.text import plural
from tabsmith_tui.screens.question import Answer, QuestionScreen
from tabsmith_tui.widgets.literal import literal, words
from tabsmith_tui.widgets.pill import pill

if TYPE_CHECKING:
    from tabsmith.runs.watch import RunSummary


def leave_question(living: "tuple[RunSummary, ...]") -> QuestionScreen:
    """Answers "leave" or "stop"; "" stays."""
    lines = [words(pill(run.state), "  ", literal(run.source, 40), ("  " + run.id, "$quiet")) for run in living[:5]]
    if len(living) > 5:
        lines.append(literal(f"+{plural(len(living) - 5, 'run')}"))
    one = len(living) == 1
    return QuestionScreen(
        "A run is at work" if one else f"{len(living)} runs are at work",
        words("\n").join(lines),
        (
            Answer("leave", "leave running", "goes on in the background; come back any time"),
            Answer("stop", "stop", "keeps the best model so far"),
            Answer("", "back", "stay here"),
        ),
    )
