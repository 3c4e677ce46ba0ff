"""`tabsmith report`: a table, a run or a model as one offline HTML page."""

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from tabsmith.errors import ModelNotFoundError, RunNotFoundError, RunStateError
from tabsmith.modeling.results import ModelReport
from tabsmith.workflow.session import LOCAL_USER
from tabsmith_tui.commands.output import json_option, progress_line, tell
from tabsmith_tui.commands.read_options import SourceOptions, source_options

if TYPE_CHECKING:
    from tabsmith.reports.html_report import HtmlReport


class ReportDocument(msgspec.Struct, frozen=True):
    """`report --json`: where the page was written, and what it is about."""

    out: str
    model_id: str
    bytes: int


@click.command()
@click.argument("what", metavar="MODEL|RUN|TABLE")
@click.option("--out", required=True, metavar="FILE.html", help="Where the page is written.")
@source_options
@json_option
def report(what: str, out: str, options: SourceOptions, as_json: bool) -> None:
    """Write a MODEL, the model of a RUN, or a TABLE with what was asked of it as one offline HTML page.

    The page holds no script and needs no network: table, schema, profile, answers with pictures, the model's result,
    and the code that repeats them. It stays under a megabyte.
    """
    from tabsmith.reports.html_report import HtmlReport

    found = _model_of(what)
    if found is not None:
        page = HtmlReport(f"{found.source}: {found.schema.target}")
        page.add_model(found)
    else:
        page = _table_page(what, options)
    text = page.page()
    Path(out).write_text(text, encoding="utf-8")
    document = ReportDocument(out, found.model_id if found else "", len(text.encode()))
    tell(f"Written to {out}", document, as_json=as_json)


def _model_of(what: str) -> ModelReport | None:
    """The report of the model or run that `what` names; None if it names neither. Raises RunStateError."""
    from tabsmith.modeling import store
    from tabsmith.runs.folder import find_run
    from tabsmith.workflow.effects import run_snapshot

    if Path(what).expanduser().exists():
        return None
    with contextlib.suppress(ModelNotFoundError):
        return store.read_report(store.find_model(what))
    try:
        folder = find_run(what)
    except RunNotFoundError:
        return None
    snapshot = run_snapshot(folder.id)
    if snapshot is None or snapshot.report is None:
        raise RunStateError(
            f"The run {folder.id} has no model yet.", next_step="Wait for its end, or report its table."
        )
    return snapshot.report


def _table_page(path: str, options: SourceOptions) -> "HtmlReport":
    from tabsmith.reports.html_report import HtmlReport
    from tabsmith.runs.stages import read as read_source
    from tabsmith.statistics.kept.session import FindingsStore
    from tabsmith.tables.read.sources import describe_source
    from tabsmith.tables.schema.detect import detect_schema

    with progress_line() as progress:
        info = read_source(options.source(path), progress)
        page = HtmlReport(describe_source(info.source))
        page.add_table(info, detect_schema(info))
    page.add_findings(FindingsStore(info, LOCAL_USER).load())
    return page
