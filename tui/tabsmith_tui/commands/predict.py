"""`tabsmith predict`: the rows of a table, predicted by a model."""

from pathlib import Path

import click

from tabsmith.text import plural
from tabsmith_tui.commands.output import json_option, print_facts, print_json, say
from tabsmith_tui.commands.read_options import SourceOptions, source_options


@click.command()
@click.argument("model")
@click.argument("path")
@click.option(
    "--out", metavar="FILE", help="CSV or Parquet; NAME-predictions.csv in the current folder when not given."
)
@source_options
@json_option
def predict(model: str, path: str, out: str | None, options: SourceOptions, as_json: bool) -> None:
    """Predict the rows of the table at PATH with MODEL, a model's id or exported file."""
    from tabsmith.modeling.model import load_model
    from tabsmith.modeling.predict import predict_file
    from tabsmith.tables.table import read_table

    loaded = load_model(model)
    info = read_table(options.source(path)).info
    done = predict_file(loaded, info, Path(out) if out else None)
    if done.missing:
        say(f"Not in the table, treated as missing: {', '.join(done.missing[:20])}")
    if done.unparsable:
        say(f"{plural(done.unparsable, 'cell')} could not be understood and were treated as missing.")
    if as_json:
        print_json(done)
        return
    print_facts(
        [
            ("rows", f"{done.rows:,}"),
            ("written to", done.out),
            ("new columns", ", ".join(done.columns[len(info.profile.columns) :])),
            ("not used", ", ".join(done.extra) or "—"),
        ]
    )
