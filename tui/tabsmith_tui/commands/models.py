"""`tabsmith models`: list, show, explain, delete, export."""

import math
from pathlib import Path

import click
import msgspec

from tabsmith import formatting
from tabsmith_tui.commands.output import json_option, print_json, print_table, print_text, progress_line, tell
from tabsmith_tui.commands.run_report import print_explanation, print_report


class DeletedDocument(msgspec.Struct, frozen=True):
    """`models delete_model --json`."""

    deleted: str


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
    from tabsmith.modeling.store import read_report

    report = read_report(model)
    if as_json:
        print_json(report)
    else:
        print_report(report)


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
            ["model", "target", "task", "metric", "folds", "test set", "table", "trained"],
            [
                [
                    model.id,
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
