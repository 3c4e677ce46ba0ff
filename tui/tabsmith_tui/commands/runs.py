"""`tabsmith runs`: list, follow and manage runs; their history; commands to a run; a condition tried on a run."""

import time
from collections.abc import Callable
from typing import Final, get_args

import click
import msgspec

from tabsmith import formatting
from tabsmith.conditions import parse_condition
from tabsmith.config.settings import Mode
from tabsmith.errors import RunNotFoundError, RunStateError, UsageError
from tabsmith.orchestration.history import HistoryRecord, open_history
from tabsmith.presentation import budgets
from tabsmith.runs.events import Answer, Note, RunCommand, SetMode
from tabsmith.runs.folder import find_run
from tabsmith.runs.replies import open_question, parse_line
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.runs.supervisor import require_resumable
from tabsmith.runs.training import launch_detached, stop_and_wait
from tabsmith.runs.watch import RunWatch, list_runs
from tabsmith.text import clean, plural
from tabsmith_tui.commands.follow import follow
from tabsmith_tui.commands.follow import show as show_run
from tabsmith_tui.commands.output import json_option, print_json, print_table, print_text, say, tell
from tabsmith_tui.condition_backtest import BacktestedIteration, backtest, stored_facts


class StoppedDocument(msgspec.Struct, frozen=True):
    """The document of `runs stop --json`."""

    run_id: str
    state: str


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def runs(context: click.Context, as_json: bool) -> None:
    """The runs of this machine. A RUN is its id, the end of it, or `last`."""
    if context.invoked_subcommand is None:
        _list(as_json=as_json)


@runs.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the runs, newest first."""
    _list(as_json=as_json)


@runs.command()
@click.argument("run")
@json_option
def show(run: str, as_json: bool) -> int:
    """Show the result of RUN, or its progress."""
    folder = find_run(run)
    return show_run(folder.id, RunWatch(folder.id).refresh(), as_json=as_json)


@runs.command()
@click.argument("run")
@json_option
def attach(run: str, as_json: bool) -> int:
    """Follow RUN to its end. ctrl+c leaves it running."""
    return follow(find_run(run), as_json=as_json, stop_on_interrupt=False)


@runs.command()
@click.argument("run")
@click.option("--detach", is_flag=True, help="Leave it running.")
@json_option
def resume(run: str, detach: bool, as_json: bool) -> int:
    """Resume the interrupted RUN at its next step."""
    folder = find_run(run)
    require_resumable(folder)
    attempt = RunWatch(folder.id).refresh().attempt
    launch_detached(folder)
    if detach:
        say(f"Resumed. To follow it: tabsmith runs attach {folder.id}")
        return 0
    _wait_for_attempt(folder.id, attempt + 1)
    return follow(folder, as_json=as_json)


@runs.command()
@click.argument("run")
@json_option
def stop(run: str, as_json: bool) -> None:
    """Stop RUN now; the best model so far, or what was accepted, is kept."""
    folder = find_run(run)
    ended = stop_and_wait(folder, RunWatch(folder.id))
    state = ended.state.value
    tell(f"{folder.id} is {state}.", StoppedDocument(folder.id, state), as_json=as_json)


@runs.command()
@click.argument("run")
def delete(run: str) -> None:
    """Delete RUN's journal and evaluations; its model stays."""
    folder = find_run(run)
    folder.delete()
    say(f"Deleted {folder.id}.")


def _wait_for_attempt(run_id: str, attempt: int, timeout: float = 60.0) -> None:
    """Wait until the new worker has started the attempt; until then the journal ends where the last worker left it."""
    watch = RunWatch(run_id)
    deadline = time.monotonic() + timeout
    while watch.refresh().attempt < attempt and time.monotonic() < deadline:
        time.sleep(0.02)


def _list(*, as_json: bool) -> None:
    summaries = list_runs()
    if as_json:
        print_json(summaries)
    elif not summaries:
        print_text("No runs yet. To start one: tabsmith train TABLE.csv")
    else:
        print_table(
            ["run", "state", "table", "target", "score", "tries", "seconds", "started"],
            [
                [
                    run.id,
                    run.state.value,
                    run.source,
                    run.target or "—",
                    formatting.number(run.score),
                    str(run.tried),
                    f"{run.active_seconds:,.0f}",
                    formatting.date_and_time(run.started_at),
                ]
                for run in summaries
            ],
        )
        for run in summaries:
            if run.damaged_lines:
                say(f"{plural(run.damaged_lines, 'damaged line')} of the journal of {run.id} left out: tabsmith check")


# Commands to a run: answer, note, mode -------------------------------------------------------------------------------


ACKNOWLEDGE_SECONDS: Final = 3.0
"""Seconds that a command waits for the run to act on it."""


class CommandDocument(msgspec.Struct, frozen=True):
    """The document of `runs answer|note|mode --json`: `taken` is whether the run has acted on the command by now."""

    run_id: str
    state: str
    taken: bool


@runs.command()
@click.argument("run")
@click.argument("text", nargs=-1, required=True)
@json_option
def answer(run: str, text: tuple[str, ...], as_json: bool) -> None:
    """Answer the question of RUN: continue, brief TEXT, skip, a decision, stop, yes, no, always, or an amount such as $5."""
    watch = RunWatch(find_run(run).id)
    snapshot = watch.refresh()
    question = open_question(snapshot)
    if question is None:
        raise RunStateError(f"The run {watch.folder.id} asks nothing; it is {snapshot.state.value}.")
    answered = Answer(id=question.id, reply=parse_line(" ".join(text), snapshot))
    _send(watch, answered, lambda later: later.question != question, as_json=as_json)


@runs.command()
@click.argument("run")
@click.argument("text", nargs=-1, required=True)
@json_option
def note(run: str, text: tuple[str, ...], as_json: bool) -> None:
    """Tell RUN's agent something, in every brief from now on."""
    joined = " ".join(text).strip()
    if not joined:
        raise UsageError("The note is empty.", next_step='Write it like: tabsmith runs note last "try log(price)"')
    watch = RunWatch(find_run(run).id)
    before = len(watch.refresh().notes)
    _send(watch, Note(text=joined), lambda later: len(later.notes) > before, as_json=as_json)


@runs.command()
@click.argument("run")
@click.argument("mode", type=click.Choice(get_args(Mode)))
@json_option
def mode(run: str, mode: Mode, as_json: bool) -> None:
    """Choose when RUN pauses for you: before every recipe, at breakpoints and spent limits, or never."""
    watch = RunWatch(find_run(run).id)
    _send(watch, SetMode(mode=mode), lambda later: later.mode == mode, as_json=as_json)


def _send(watch: RunWatch, command: RunCommand, taken: Callable[[RunSnapshot], bool], *, as_json: bool) -> None:
    """Send a command, and wait a moment for the run to act on it. Raises RunStateError if the run has ended."""
    snapshot = watch.refresh()
    if snapshot.state.ended:
        raise RunStateError(f"The run {watch.folder.id} is {snapshot.state.value}: it takes no commands.")
    watch.folder.send(command)
    deadline = time.monotonic() + ACKNOWLEDGE_SECONDS
    while not taken(snapshot := watch.refresh()) and time.monotonic() < deadline:
        time.sleep(0.02)
    message = "Taken." if taken(snapshot) else "Sent; the run has not acted on it yet."
    tell(message, CommandDocument(watch.folder.id, snapshot.state.value, taken(snapshot)), as_json=as_json)


# try -----------------------------------------------------------------------------------------------------------------


class TriedDocument(msgspec.Struct, frozen=True):
    """The document of `runs try --json`. `once` is whether the condition fires only when it becomes true, because its
    values grow over the run."""

    run_id: str
    condition: str
    name: str
    once: bool
    iterations: tuple[BacktestedIteration, ...]


@runs.command("try")
@click.argument("run")
@click.argument("condition")
@click.option("--iteration", type=click.IntRange(min=1), help="Only this iteration.")
@json_option
def try_(run: str, condition: str, iteration: int | None, as_json: bool) -> None:
    """Try CONDITION on the iterations of RUN: where it would pause the run, and why."""
    wanted = parse_condition(condition)
    folder = find_run(run)
    stored = stored_facts(folder.id)
    if not stored:
        raise UsageError(
            f"The run {folder.id} has no finished iteration with its numbers.", next_step="Try it on another run."
        )
    if iteration is not None and iteration not in stored:
        raise UsageError(
            f"The run {folder.id} has no finished iteration {iteration}.",
            next_step=f"It has {min(stored)} to {max(stored)}.",
        )
    shown = tuple(tested for tested in backtest(wanted, stored) if iteration in (None, tested.iteration))
    if as_json:
        print_json(TriedDocument(folder.id, wanted.text, wanted.name, wanted.running, shown))
        return
    listed = [tested for tested in shown if tested.fires or not tested.computed or iteration is not None]
    if listed:
        rows = [[f"#{tested.iteration}", "pauses" if tested.fires else "continues", tested.why] for tested in listed]
        print_table(["iteration", "run", "values"], rows, widest=400)
    pauses = sum(tested.fires for tested in shown)
    say(f"It would have paused the run at {pauses} of {plural(len(shown), 'iteration')}.")


# history -------------------------------------------------------------------------------------------------------------


_SHOWN: Final = 50
_HEADINGS: Final = (
    "run", "iteration", "agent", "recipe", "state", "score", "champion", "tokens", "cost", "seconds"
)  # fmt: skip


@runs.command()
@click.option("--run", help="Only the iterations of this run: its id, the end of it, or `last`.")
@click.option(
    "--last", default=_SHOWN, show_default=True, type=click.IntRange(0), help="The newest so many; 0 for all."
)
@json_option
def history(run: str | None, last: int, as_json: bool) -> None:
    """List the iterations of all runs, deleted ones too, oldest first."""
    read = open_history().read()
    records = read.values if run is None else _of_run(run, read.values)
    shown = records[-last:] if last else records
    if as_json:
        print_json(shown)
    elif not shown:
        print_text("No iterations yet. To start a run: tabsmith train TABLE.csv")
    else:
        print_table(_HEADINGS, [_row(record) for record in shown])
    if len(shown) < len(records):
        say(f"These are the last {len(shown):,} of {plural(len(records), 'iteration')}. For all: --last 0")
    if read.skipped:
        say(f"{plural(read.skipped, 'damaged line')} of the history left out.")


def _of_run(text: str, records: tuple[HistoryRecord, ...]) -> tuple[HistoryRecord, ...]:
    """Select the records of one run: `text` is its id, the end of its id, or `last`. Raises RunNotFoundError."""
    ids = {record.run_id for record in records}
    named = {max(ids)} if text == "last" and ids else {run_id for run_id in ids if run_id == text}
    named = named or {run_id for run_id in ids if text and run_id.endswith(text)}
    if len(named) != 1:
        raise RunNotFoundError(
            f"The history knows {'several runs' if named else 'no run'} {clean(text, 60) or '(no id given)'}.",
            next_step="`tabsmith runs history` lists what it knows.",
        )
    return tuple(record for record in records if record.run_id in named)


def _row(record: HistoryRecord) -> list[str]:
    return [
        record.run_id,
        str(record.iteration),
        record.actual if record.actual == record.planned else f"{record.actual} for {record.planned}",
        record.recipe_id or formatting.UNKNOWN,
        record.state,
        formatting.plus_minus(record.score, record.standard_error),
        {"won": "new champion", "kept": "kept", "none": formatting.UNKNOWN}[record.champion],
        budgets.token_count(record.usage.tokens) if record.usage.turns else formatting.UNKNOWN,
        budgets.usage_cost_cell(record.usage),
        f"{record.seconds:,.0f}",
    ]


# handback ------------------------------------------------------------------------------------------------------------


class HandedBackDocument(msgspec.Struct, frozen=True):
    """The document of `runs handback --json`."""

    run_id: str
    task: str
    folder: str
    files: int
    stayed: tuple[str, ...]


@runs.command()
@click.argument("run")
@click.argument("task", required=False)
@json_option
def handback(run: str, task: str | None, as_json: bool) -> None:
    """Copy the agent's work on TASK back into its folder, accepted or not.

    Refused for files that were changed there meanwhile. TASK may be omitted if RUN has only one task.
    """
    from tabsmith.workspaces import Workspace

    folder = find_run(run)
    if folder.alive():
        raise RunStateError(
            f"The run {folder.id} is running.", next_step=f"Stop it first: tabsmith runs stop {folder.id}"
        )
    copies = folder.root / "tasks"
    names = sorted(copy.name for copy in copies.iterdir()) if copies.is_dir() else []
    chosen = task or (names[0] if len(names) == 1 else "")
    if chosen not in names:
        known = ", ".join(clean(name, 40) for name in names) or "none"
        raise UsageError(
            f"The run {folder.id} has no task {clean(chosen or '(none named)', 40)}.", next_step=f"Known: {known}."
        )
    workspace = Workspace.open(copies / chosen)
    done = workspace.merge_back(max(workspace.marks()))
    stayed = tuple(clean(str(path), 200) for path in done.stayed)
    if as_json:
        print_json(HandedBackDocument(folder.id, chosen, str(workspace.origin), len(done.changed), stayed))
        return
    print_text(f"{plural(len(done.changed), 'file')} handed back to {clean(workspace.origin, 300)}")
    for path in stayed:
        print_text(f"not handed back: {path}")
