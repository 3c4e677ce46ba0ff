"""The look-ahead check in lines."""

from tabsmith.modeling.lookahead import ColumnLookahead, LookaheadReport
from tabsmith.presentation.spans import Line, Span, foreign, line, span
from tabsmith.text import clean, plural


def lookahead_lines(report: LookaheadReport) -> tuple[Line, ...]:
    """The moment, what was changed and compared, each column with its verdict, and the verdict of all."""
    ahead = report.looks_ahead
    verdict = (
        span(f"{plural(len(ahead), 'column')} of the future changes what lies before it.", "bad")
        if ahead
        else span("Nothing looks ahead: changes of the future change nothing before it.", "good")
    )
    return (
        (Span("in time by "), foreign(report.time), Span(f", up to {clean(report.moment, 40)}")),
        line(
            f"{plural(report.later, 'later row')} changed, column by column; {report.checked} of "
            f"{plural(report.earlier, 'earlier row')} compared",
            "dim",
        ),
        *(_column_line(each) for each in report.columns),
        (verdict,),
    )


def _column_line(column: ColumnLookahead) -> Line:
    name = foreign(f"{clean(column.column, 40):<24}")
    changed = [
        f"{what} of {plural(count, 'row')}"
        for what, count in (("features", column.features), ("predictions", column.predictions))
        if count
    ]
    if not changed:
        return (Span("  ✔ ", "good"), name, Span("  nothing changed", "dim"))
    return (Span("  ✖ ", "bad"), name, span(f"  {' and '.join(changed)} changed", "bad"))
