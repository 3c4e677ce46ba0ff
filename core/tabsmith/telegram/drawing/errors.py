"""An error in a message: what happened, where, and what to do next."""

from tabsmith.errors import ErrorReport, TabsmithError
from tabsmith.telegram.words import Text, bold, foreign, line, mixed, own


def words_of(error: TabsmithError | ErrorReport) -> Text:
    """The error for a phone; what comes from outside in it makes no link."""
    report = error if isinstance(error, ErrorReport) else error.report(details=False)
    lines = [*line(bold("✘ "), mixed(report.what, 600))]
    if report.where:
        lines += line(own("at "), foreign(report.where, 200))
    if report.next_step:
        lines += line(mixed(report.next_step, 400))
    return tuple(lines)
