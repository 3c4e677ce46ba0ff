"""`tabsmith ask`: a question to a table in words; `tabsmith explore`: the same operations by their names."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, get_args

import click
import msgspec

from tabsmith import formatting
from tabsmith.errors import WRONG_USE, TabsmithError
from tabsmith.presentation.findings import ask_back_lines, cell_text, findings_csv, findings_markdown, rows_sentence
from tabsmith.presentation.spans import plain_text
from tabsmith.statistics.findings import Findings
from tabsmith.statistics.kept.session import FindingsStore, significance_sentence
from tabsmith.statistics.plan import (
    Compare,
    CompareMethod,
    Describe,
    Frequency,
    MissingRule,
    MissingValues,
    OutlierMethod,
    Outliers,
    Plan,
    Regress,
    RegressionFamily,
    Relate,
    RelateMethod,
    Rows,
    Trend,
)
from tabsmith.statistics.run import TIME_LIMIT, answer
from tabsmith.statistics.words.asking import not_understood, read_question
from tabsmith.statistics.words.plan_sentences import plans_sentence
from tabsmith.statistics.words.reading import AskBack, Elsewhere, Reading, Understood
from tabsmith.tables.info import TableInfo
from tabsmith.workflow.session import LOCAL_USER
from tabsmith_tui.commands.output import json_option, print_json, print_table, print_text, progress_line, say, say_error
from tabsmith_tui.commands.read_options import SourceOptions, source_options
from tabsmith_tui.views.findings_pictures import draw_picture

_PICTURE_ROWS: Final = 16
_WIDEST: Final = 100
_TABLE_ROWS: Final = 40  # of a table that are printed


class AnswerDocument(msgspec.Struct, frozen=True):
    """`ask --json` and `explore --json`; `plan` says in words what was computed."""

    question: str
    plan: str
    remarks: tuple[str, ...]
    findings: tuple[Findings, ...]


class AskedBackDocument(msgspec.Struct, frozen=True):
    """`ask --json` for a question that was not answered: what to choose from or to ask instead."""

    question: str
    reading: AskBack | Elsewhere


class _Output(msgspec.Struct, frozen=True):
    """What is printed and written of findings."""

    as_json: bool
    code: bool
    png: str
    csv: str
    time_limit: float


def output_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of its answer."""
    for option in (
        json_option,
        click.option("--time", "time_limit", default=TIME_LIMIT, metavar="S", type=click.FloatRange(min=0.1), show_default=True, help="Seconds that it may take."),
        click.option("--csv", default="", metavar="FILE", help="Write the tables of the answer to a CSV file."),
        click.option("--png", default="", metavar="FILE", help="Write the picture to a PNG file."),
        click.option("--code", is_flag=True, help="Print Python that repeats the computation."),
    ):  # fmt: skip
        command = option(command)
    return command


@click.command()
@click.argument("path")
@click.argument("question", required=False, default="")
@click.option("--export", default="", metavar="FILE.md", help="Write the findings kept of this table as Markdown.")
@output_options
@source_options
def ask(path: str, question: str, export: str, options: SourceOptions, **output: Any) -> int:
    """Ask the table at PATH a QUESTION in words, such as "mean of price by city".

    What was understood is printed first; where it is not clear, you are asked back. Without a question, several can be
    asked one after the other. Nothing that you type is run as code.
    """
    shown = msgspec.convert(output, _Output)
    info = _read(path, options)
    if export:
        Path(export).write_text(findings_markdown(FindingsStore(info, LOCAL_USER).load()), encoding="utf-8")
        say(f"Written to {export}")
        if not question:
            return 0
    if question:
        return _ask_once(question, info, shown)
    return _prompt(info, shown)


def _read(path: str, options: SourceOptions) -> TableInfo:
    from tabsmith.runs.stages import read as read_source

    with progress_line() as progress:
        return read_source(options.source(path), progress)


def _ask_once(question: str, info: TableInfo, shown: _Output) -> int:
    reading = read_question(question, info)
    if isinstance(reading, Understood):
        _answer(question, reading, info, shown)
        return 0
    if shown.as_json:
        print_json(AskedBackDocument(question, reading))
        return WRONG_USE
    if isinstance(reading, AskBack):
        for line in ask_back_lines(reading):
            say(line)
        return WRONG_USE
    raise not_understood(reading)


def _prompt(info: TableInfo, shown: _Output) -> int:
    """Ask until the input ends or a person leaves; a number takes a choice of the last question back."""
    offered: tuple[Reading, ...] = ()
    if sys.stdin.isatty():
        say("Ask about this table, or leave with an empty line.")
    while True:
        if sys.stdin.isatty():
            sys.stderr.write("? ")
            sys.stderr.flush()
        line = sys.stdin.readline()
        question = line.strip()
        if not line or (not question and sys.stdin.isatty()):
            return 0
        if not question:
            continue
        chosen = int(question) if question.isascii() and question.isdecimal() and len(question) < 3 else 0
        try:
            reading = offered[chosen - 1] if 0 < chosen <= len(offered) else read_question(question, info)
            offered = _show_reading(question, reading, info, shown)
        except TabsmithError as error:
            say_error(error.report(details=False))


def _show_reading(question: str, reading: Reading, info: TableInfo, shown: _Output) -> tuple[Reading, ...]:
    match reading:
        case Understood():
            _answer(question, reading, info, shown)
        case AskBack():
            for line in ask_back_lines(reading):
                say(line)
            return reading.choices
        case Elsewhere():
            raise not_understood(reading)
    return ()


def _answer(question: str, reading: Understood, info: TableInfo, shown: _Output) -> None:
    """Run the plans, keep what came of them, and print it."""
    store = FindingsStore(info, LOCAL_USER)
    answered: list[Findings] = []
    if not shown.as_json:
        print_text(reading.sentence)
        for remark in reading.remarks:
            print_text(f"({remark})")
    for plan in reading.plans:
        found = answer(plan, info, time_limit=shown.time_limit)
        kept = store.keep(question, found)
        answered.append(found)
        if not shown.as_json:
            _print_findings(found, significance_sentence(store.load(), kept.number), code=shown.code)
    if shown.as_json:
        print_json(AnswerDocument(question, reading.sentence, reading.remarks, tuple(answered)))
    _write_files(answered, shown)


def _print_findings(found: Findings, corrected: str, *, code: bool) -> None:
    print_text()
    for sentence in found.sentences:
        print_text(sentence)
    for note in found.notes:
        print_text(f"Note: {note}")
    if corrected:
        print_text(corrected)
    for table in found.tables:
        print_text()
        if table.title:
            print_text(table.title)
        rows = [[cell_text(cell) for cell in row] for row in table.rows[:_TABLE_ROWS]]
        print_table(table.columns, rows, widest=32)
        if len(table.rows) > _TABLE_ROWS:
            print_text(f"+{formatting.count(len(table.rows) - _TABLE_ROWS)} more rows; --json has all.")
    if found.picture is not None:
        print_text()
        width = min(_WIDEST, shutil.get_terminal_size((80, 24)).columns)
        for line in plain_text(draw_picture(found.picture, width, _PICTURE_ROWS)).splitlines():
            print_text(line)
    print_text()
    print_text(rows_sentence(found))
    if code and found.code:
        print_text()
        for line in found.code.strip().splitlines():
            print_text(line)


def _write_files(answered: list[Findings], shown: _Output) -> None:
    if shown.csv:
        Path(shown.csv).write_text("\n".join(map(findings_csv, answered)), encoding="utf-8")
        say(f"Written to {shown.csv}")
    if shown.png:
        from tabsmith.reports.findings_chart import findings_chart

        Path(shown.png).write_bytes(findings_chart(answered[0]))
        say(f"Written to {shown.png}")


# Operations by their names -------------------------------------------------------------------------------------------


@click.group()
def explore() -> None:
    """Describe, relate, compare, regress, count, and find what is missing, odd or moving, by the operation's name."""


def _operation(command: Callable[..., Plan]) -> None:
    """Make a subcommand of explore of a function from its options to a plan."""

    @click.argument("path")
    @click.option(
        "--where", default="", metavar="COLUMN=VALUE", help="Look at these rows only; values with | between them."
    )
    @output_options
    @source_options
    def run(path: str, where: str, options: SourceOptions, **values: Any) -> None:
        names = set(_Output.__struct_fields__)
        shown = msgspec.convert({name: values.pop(name) for name in names}, _Output)
        plan = msgspec.structs.replace(command(**values), rows=_rows(where))
        _answer("", Understood((plan,), plans_sentence((plan,))), _read(path, options), shown)

    run.__doc__ = command.__doc__
    run.__click_params__ = [*run.__click_params__, *getattr(command, "__click_params__", [])]  # type: ignore[attr-defined]
    explore.command(command.__name__)(run)


def _rows(where: str) -> Rows:
    if not where:
        return Rows()
    column, sign, values = where.partition("=")
    if not sign or not column:
        raise click.BadParameter("write COLUMN=VALUE, such as city=Bern", param_hint="--where")
    return Rows(column.strip(), tuple(value.strip() for value in values.split("|")))


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _columns_option(help_text: str, *, required: bool = False) -> Callable[[Callable[..., Plan]], Callable[..., Plan]]:
    return click.option("--of", default="", metavar="A,B", required=required, help=help_text)


def _choice(type_: object) -> click.Choice[str]:
    return click.Choice(get_args(type_))


@_operation
@_columns_option("The columns; all when not given.")
@click.option("--by", default="", metavar="A,B", help="The columns that part the rows into groups.")
@click.option(
    "--missing-as", "rule", default="leave out", type=_choice(MissingRule), help="What a missing number counts as."
)
def describe(of: str, by: str, rule: str) -> Plan:
    """Counts, place, spread and shape of columns, for each group if you like."""
    return Describe(columns=_names(of), by=_names(by), missing=rule)  # type: ignore[arg-type] # a click.Choice


@_operation
@_columns_option("Two columns, or several; all when not given.")
@click.option("--target", default="", metavar="COL", help="Relate this column to the others.")
@click.option("--method", default="auto", type=_choice(RelateMethod))
def relate(of: str, target: str, method: str) -> Plan:
    """How columns go together: two, all pairs, or one against the others."""
    return Relate(columns=_names(of), target=target, method=method)  # type: ignore[arg-type] # a click.Choice


@_operation
@click.option("--value", required=True, metavar="COL", help="The column that is compared.")
@click.option("--by", default="", metavar="COL", help="The column with the groups.")
@click.option("--levels", default="", metavar="A,B", help="Groups to compare; all when not given.")
@click.option("--paired-with", default="", metavar="COL", help="A second measurement of the same rows.")
@click.option("--method", default="auto", type=_choice(CompareMethod))
def compare(value: str, by: str, levels: str, paired_with: str, method: str) -> Plan:
    """Whether a column differs between groups, or between two measurements."""
    return Compare(value=value, by=by, levels=_names(levels), paired_with=paired_with, method=method)  # type: ignore[arg-type] # a click.Choice


@_operation
@click.option("--outcome", default="", metavar="COL")
@click.option("--predictors", default="", metavar="A,B")
@click.option("--formula", default="", metavar="TEXT", help='Instead of columns, such as "price ~ area + C(city)".')
@click.option("--family", default="auto", type=_choice(RegressionFamily))
def regress(outcome: str, predictors: str, formula: str, family: str) -> Plan:
    """A regression of an outcome on predictors."""
    return Regress(outcome=outcome, predictors=_names(predictors), formula=formula, family=family)  # type: ignore[arg-type] # a click.Choice


@_operation
@_columns_option("The columns whose values are counted.", required=True)
@click.option("--most", default=50, metavar="N", type=click.IntRange(min=1), help="Combinations that are listed.")
def frequency(of: str, most: int) -> Plan:
    """How many rows hold each value, or each combination of values."""
    return Frequency(columns=_names(of), most=most)


@_operation
@_columns_option("The columns; all when not given.")
def missing(of: str) -> Plan:
    """How much is missing, where, and what is missing together."""
    return MissingValues(columns=_names(of))


@_operation
@_columns_option("The columns; all columns of numbers when not given.")
@click.option("--method", default="iqr", type=_choice(OutlierMethod))
def outliers(of: str, method: str) -> Plan:
    """Values far from the rest of their column."""
    return Outliers(columns=_names(of), method=method)  # type: ignore[arg-type] # a click.Choice


@_operation
@click.option("--time-column", "time", required=True, metavar="COL", help="The column of dates.")
@click.option("--value", default="", metavar="COL", help="What moves; the number of rows when not given.")
@click.option("--by", default="", metavar="COL", help="A line for each value of this column.")
def trend(time: str, value: str, by: str) -> Plan:
    """What moves along time."""
    return Trend(time=time, value=value, by=by)
