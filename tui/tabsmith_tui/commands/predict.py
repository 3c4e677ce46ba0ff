"""`tabsmith predict`: the rows of a table, predicted by a model."""

from pathlib import Path
from typing import Final

import click

from tabsmith.errors import WORK_FAILED
from tabsmith.modeling.decisions.types import LEVEL
from tabsmith.presentation.predictions import explained_note, prediction_notes, rows_score_lines
from tabsmith.presentation.spans import plain_text
from tabsmith.text import clean, plural
from tabsmith_tui.commands.output import (
    json_option,
    print_facts,
    print_json,
    print_table,
    print_text,
    progress_line,
    say,
)
from tabsmith_tui.commands.read_options import SourceOptions, source_options

PREVIEW_ROWS: Final = 5
PREVIEW_COLUMNS: Final = 8
MOST_EXPLAINED: Final = 50  # columns named for each row


class ColumnCount(click.ParamType[int]):
    """The number of columns to name for each row; tells a person who wrote `--explain PATH` where the number goes."""

    name = "N"

    def convert(self, value: object, param: click.Parameter | None, context: click.Context | None) -> int:
        text = clean(value, 60)
        if not text.isdecimal() or int(text) > MOST_EXPLAINED:
            expected = f"a number from 0 to {MOST_EXPLAINED}: write --explain last, or --explain 3"
            self.fail(f'"{text}" is not {expected}.', param, context)
        return int(text)


@click.command()
@click.argument("model")
@click.argument("path")
@click.option(
    "--out", metavar="FILE", help="CSV or Parquet; NAME-predictions.csv in the current folder when not given."
)
@click.option("--force", is_flag=True, help="Replace the file of --out if it exists.")
@click.option("--column", default="", metavar="NAME", help="The column of predictions; prediction when not given.")
@click.option(
    "--intervals",
    "level",
    metavar="[LEVEL]",
    type=float,
    is_flag=False,
    flag_value=LEVEL,
    help="Add the ends of intervals that hold this share of the numbers, 0.9 when not given.",
)
@click.option(
    "--explain",
    type=ColumnCount(),
    is_flag=False,
    flag_value="3",
    default="0",
    metavar="[N]",
    help="Add the N columns (3 when not given) that moved each prediction most, and by how much.",
)
@click.option("--allow-missing", is_flag=True, help="Predict although an important column is missing.")
@click.option("--allow-bad-rows", is_flag=True, help="Exit with 0 although some rows could not be read.")
@source_options
@json_option
def predict(
    model: str,
    path: str,
    out: str | None,
    force: bool,
    column: str,
    level: float | None,
    explain: int,
    allow_missing: bool,
    allow_bad_rows: bool,
    options: SourceOptions,
    as_json: bool,
) -> int:
    """Predict the rows of the table at PATH with MODEL, a model's id or exported file.

    Each row gets one prediction, in the order of the file. A row that cannot be read gets an empty one and a reason, and
    the exit status is 1.
    """
    from tabsmith.modeling.model import load_model
    from tabsmith.modeling.predict import predict_file, preview_predictions, source_to_predict
    from tabsmith.runs.stages import read
    from tabsmith.tables.export import require_free

    if out and not force:
        require_free(Path(out))
    loaded = load_model(model)
    with progress_line() as progress:
        info = read(source_to_predict(loaded, options.source(path)), progress)
        done = predict_file(
            loaded,
            info,
            Path(out) if out else None,
            column=column,
            level=level,
            allow_missing=allow_missing,
            explain=explain,
            progress=progress,
        )
    if done.missing:
        say(f"Not in the table, treated as missing: {', '.join(done.missing[:20])}")
    for note in prediction_notes(done):
        say(note)
    status = WORK_FAILED if done.bad_row_count and not allow_bad_rows else 0
    if status:
        say(f"{plural(done.bad_row_count, 'row')} could not be read. Mend them, or accept them with --allow-bad-rows.")
    if as_json:
        print_json(done)
        return status
    print_facts(
        [
            ("rows", f"{done.rows:,}"),
            ("written to", done.out),
            ("new columns", ", ".join(done.added)),
            *([("explained", explained_note(done))] if done.explained else []),
            ("not used", ", ".join(done.extra) or "—"),
        ]
    )
    if done.score is not None:
        print_text()
        for line in rows_score_lines(done.score):
            print_text(plain_text((line,)))
    preview = preview_predictions(loaded.report, done, PREVIEW_ROWS)
    print_text()
    print_table(preview.names[:PREVIEW_COLUMNS], [row[:PREVIEW_COLUMNS] for row in preview.rows], widest=24)
    return status
