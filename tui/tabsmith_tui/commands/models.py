"""`tabsmith models`: list, show, explain, name, note on, compare, refit, simple, check, promote, roll back, export, delete."""

import math
from pathlib import Path

import click
import msgspec

from tabsmith import formatting
from tabsmith.errors import WORK_FAILED
from tabsmith.modeling.catalog import DEFAULT_ALIAS
from tabsmith.presentation.comparisons import comparison_lines
from tabsmith.presentation.spans import plain_text
from tabsmith.presentation.summaries import called
from tabsmith_tui.commands.output import json_option, print_json, print_table, print_text, progress_line, tell
from tabsmith_tui.commands.read_options import SourceOptions, source_options
from tabsmith_tui.commands.run_report import print_explanation, print_report


class DeletedDocument(msgspec.Struct, frozen=True):
    """`models delete_model --json`."""

    deleted: str


class LabelDocument(msgspec.Struct, frozen=True):
    """`models rename --json` and `models note --json`."""

    model_id: str
    name: str
    note: str


class AliasDocument(msgspec.Struct, frozen=True):
    """`models promote --json` and `models rollback --json`: the model that the alias means now."""

    alias: str
    model_id: str


class ExportedDocument(msgspec.Struct, frozen=True):
    """`models export_model --json`."""

    model_id: str
    out: str


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def models(context: click.Context, as_json: bool) -> None:
    """The models that were trained here."""
    if context.invoked_subcommand is None:
        _list(as_json=as_json)


@models.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the models, newest first."""
    _list(as_json=as_json)


@models.command()
@click.argument("model")
@json_option
def show(model: str, as_json: bool) -> None:
    """Show the report of MODEL."""
    from tabsmith.modeling.catalog import read_catalog
    from tabsmith.modeling.store import read_report

    report = read_report(model)
    if as_json:
        print_json(report)
    else:
        catalog = read_catalog()
        label, aliases = catalog.label(report.model_id), catalog.aliases_of(report.model_id)
        said = (("name", label.name), ("alias", ", ".join(aliases)), ("note", label.note))
        print_report(report, [(word, text) for word, text in said if text])


@models.command()
@click.argument("model")
@click.argument("name")
@json_option
def rename(model: str, name: str, as_json: bool) -> None:
    """Call MODEL by a NAME in lists; its id stays. An empty NAME takes the name away."""
    from tabsmith.modeling import store

    label = store.rename_model(model, name)
    model_id = store.find_model(model)
    said = f'{model_id} is called "{label.name}" now.' if label.name else f"{model_id} has no name now."
    tell(said, LabelDocument(model_id, label.name, label.note), as_json=as_json)


@models.command("note")
@click.argument("model")
@click.argument("text")
@json_option
def note_(model: str, text: str, as_json: bool) -> None:
    """Keep TEXT as the note on MODEL, in place of an earlier one. An empty TEXT takes it away."""
    from tabsmith.modeling import store

    label = store.note_on_model(model, text)
    model_id = store.find_model(model)
    said = f"Noted on {model_id}." if label.note else f"{model_id} has no note now."
    tell(said, LabelDocument(model_id, label.name, label.note), as_json=as_json)


@models.command()
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.option("--on", "path", metavar="PATH", help="A table to compare them on, with the target in it.")
@json_option
def compare(first: str, second: str, path: str | None, as_json: bool) -> None:
    """Compare the models A and B on the same rows: on their test set, or on the table at PATH."""
    from tabsmith.modeling import comparison
    from tabsmith.modeling.model import load_model
    from tabsmith.runs.stages import read
    from tabsmith.tables.read.sources import parse_source

    if path is None:
        found = comparison.compare_on_holdout(first, second)
    else:
        models_ = load_model(first), load_model(second)
        sources = comparison.source_for_both(*models_, parse_source(path))
        found = comparison.compare_on_tables(*models_, *(read(each, lambda _share, _message: None) for each in sources))
    if as_json:
        print_json(found)
    else:
        for line in comparison_lines(found):
            print_text(plain_text((line,)))


@models.command("check-lookahead")
@click.argument("model")
@click.argument("path", metavar="[FILE]", required=False)
@click.option("--time", metavar="COL", default="", help="The column of times, if MODEL was not split by one.")
@source_options
@json_option
def check_lookahead(model: str, path: str | None, time: str, options: SourceOptions, as_json: bool) -> int:
    """Check that MODEL never looks ahead: later values are changed, and nothing before them may change.

    The check is made on the table that MODEL was trained on, or on the rows of FILE. The exit status is 1 if a column
    looks ahead.
    """
    from tabsmith.modeling import lookahead
    from tabsmith.modeling.model import load_model
    from tabsmith.modeling.predict import source_to_predict
    from tabsmith.presentation.lookahead import lookahead_lines
    from tabsmith.runs.stages import read

    loaded = load_model(model)
    if path is None:
        report = lookahead.check_lookahead(loaded, time=time)
    else:
        info = read(source_to_predict(loaded, options.source(path)), lambda _share, _message: None)
        report = lookahead.check_lookahead_in(loaded, info, time=time)
    if as_json:
        print_json(report)
    else:
        for line in lookahead_lines(report):
            print_text(plain_text((line,)))
    return WORK_FAILED if report.looks_ahead else 0


@models.command()
@click.argument("model")
@click.option("--as", "alias", metavar="NAME", default=DEFAULT_ALIAS, help="The alias; production if not given.")
@json_option
def promote(model: str, alias: str, as_json: bool) -> None:
    """Let an alias mean MODEL, wherever a model's id is asked for."""
    from tabsmith.modeling import store

    model_id = store.promote_model(model, alias)
    tell(f"{alias} is {model_id} now.", AliasDocument(alias, model_id), as_json=as_json)


@models.command()
@click.argument("alias", metavar="NAME", default=DEFAULT_ALIAS)
@json_option
def rollback(alias: str, as_json: bool) -> None:
    """Let the alias NAME mean the model again that it meant before."""
    from tabsmith.modeling import store

    model_id = store.roll_back(alias)
    tell(f"{alias} is {model_id} again.", AliasDocument(alias, model_id), as_json=as_json)


@models.command()
@click.argument("model")
@click.option(
    "--time", "seconds", type=click.FloatRange(min=1), metavar="S", help="Seconds at most; no limit when not given."
)
@json_option
def explain(model: str, seconds: float | None, as_json: bool) -> None:
    """Measure what explains MODEL: what its run had no time for, the importance of every column and what more rows
    would bring. Its report is saved anew."""
    from tabsmith.runs.explain import explain_saved_model

    with progress_line() as progress:
        report = explain_saved_model(model, progress, seconds=math.inf if seconds is None else seconds)
    if as_json:
        print_json(report)
    else:
        print_explanation(report)


@models.command()
@click.argument("model")
@json_option
def refit(model: str, as_json: bool) -> None:
    """Fit MODEL again on all rows, its test set included, as a model of its own."""
    from tabsmith.runs.refit import refit_saved_model

    with progress_line() as progress:
        report = refit_saved_model(model, progress)
    if as_json:
        print_json(report)
    else:
        print_text(
            f"{report.model_id} has learned from all rows. To predict: tabsmith predict {report.model_id} NEW_ROWS.csv"
        )


@models.command()
@click.argument("model")
@json_option
def simple(model: str, as_json: bool) -> None:
    """Save the one recipe that is kept beside the ensemble MODEL as a model of its own: smaller, quicker, nearly as good."""
    from tabsmith.modeling.decisions.simple_model import save_simple

    report = save_simple(model)
    if as_json:
        print_json(report)
    else:
        print_text(f"{report.model_id} is saved. To predict: tabsmith predict {report.model_id} NEW_ROWS.csv")


@models.command()
@click.argument("model")
@json_option
def delete(model: str, as_json: bool) -> None:
    """Delete MODEL with all its files."""
    from tabsmith.modeling import store

    store.delete_model(model)
    tell(f"Deleted {model}.", DeletedDocument(model), as_json=as_json)


@models.command()
@click.argument("model")
@click.argument("file")
@json_option
def export(model: str, file: str, as_json: bool) -> None:
    """Put MODEL into one FILE, which `tabsmith predict FILE ...` takes elsewhere."""
    from tabsmith.modeling import store

    store.export_model(model, Path(file))
    path = str(Path(file).absolute())
    tell(f"Exported to {path}.", ExportedDocument(model, path), as_json=as_json)


def _list(*, as_json: bool) -> None:
    from tabsmith.modeling.store import list_models

    summaries = list_models()
    if as_json:
        print_json(summaries)
    elif not summaries:
        print_text("No models yet. To make one: tabsmith train TABLE.csv")
    else:
        print_table(
            ["model", "name", "target", "task", "metric", "folds", "test set", "table", "trained"],
            [
                [
                    model.id,
                    called(model) or "—",
                    model.target,
                    model.task,
                    model.metric or "—",
                    formatting.number(model.cv_score),
                    formatting.number(model.holdout_score),
                    model.source,
                    formatting.date_and_time(model.created_at),
                ]
                for model in summaries
            ],
        )
