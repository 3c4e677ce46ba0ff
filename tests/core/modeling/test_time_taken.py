"""A run that took longer than it may says by how much."""

from pathlib import Path

from msgspec.structs import replace

from tabsmith.modeling.results import TimeTaken
from tabsmith.presentation.models import score_lines
from tabsmith.presentation.spans import plain_text
from tests.core.modeling.shapes import finished, prepared, quick


def test_a_run_that_is_late_by_more_than_a_twentieth_says_by_how_much(tmp_path: Path) -> None:
    report = finished(prepared(), tmp_path, quick("linear"), importance_seconds=0)
    late = plain_text(score_lines(replace(report, time=TimeTaken(limit=10.0, used=14.0))))
    assert "14 s" in late
    assert "4 s more than its limit of 10 s" in late.replace("4.0 s", "4 s")
    for kept in (TimeTaken(10.0, 10.4), TimeTaken(0.0, 500.0)):  # within the tolerance; without a limit
        assert "limit" not in plain_text(score_lines(replace(report, time=kept)))
