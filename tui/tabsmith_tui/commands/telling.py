"""`tabsmith runs answer`, `note` and `mode`: tell a run something, in one line."""

import time
from collections.abc import Callable
from typing import Final, get_args

import click
import msgspec

from tabsmith.errors import RunStateError, UsageError
from tabsmith.orchestration.questions import Mode
from tabsmith.runs.commands import Answer, Note, RunCommand, SetMode
from tabsmith.runs.folder import find_run
from tabsmith.runs.replying import open_question
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.runs.typed_replies import reply
from tabsmith.runs.watch import RunWatch
from tabsmith_tui.commands.output import json_option, print_json, say

PATIENCE: Final = 3.0  # seconds


class ToldDocument(msgspec.Struct, frozen=True):
    """`runs answer|note|mode --json`: `taken` says whether the run has acted on it by now."""

    run_id: str
    state: str
    taken: bool


@click.command()
@click.argument("run")
@click.argument("text", nargs=-1, required=True)
@json_option
def answer(run: str, text: tuple[str, ...], as_json: bool) -> None:
    """Answer what RUN asks: continue, brief TEXT, skip, a decision, stop, yes, no, always, or an amount such as $5."""
    watch = RunWatch(find_run(run).id)
    now = watch.refresh()
    question = open_question(now)
    if question is None:
        raise RunStateError(f"The run {watch.folder.id} asks nothing; it is {now.state.value}.")
    told = reply(" ".join(text), now)
    _tell(watch, Answer(id=question.id, reply=told), lambda later: later.question != question, as_json=as_json)


@click.command()
@click.argument("run")
@click.argument("text", nargs=-1, required=True)
@json_option
def note(run: str, text: tuple[str, ...], as_json: bool) -> None:
    """Tell RUN's agent something, in every brief from now on."""
    words = " ".join(text).strip()
    if not words:
        raise UsageError("The note is empty.", next_step='Write it like: tabsmith runs note last "try log(price)"')
    watch = RunWatch(find_run(run).id)
    before = len(watch.refresh().notes)
    _tell(watch, Note(text=words), lambda later: len(later.notes) > before, as_json=as_json)


@click.command()
@click.argument("run")
@click.argument("mode", type=click.Choice(get_args(Mode)))
@json_option
def mode(run: str, mode: Mode, as_json: bool) -> None:
    """Let RUN ask before every recipe, when something happens, or never."""
    watch = RunWatch(find_run(run).id)
    _tell(watch, SetMode(mode=mode), lambda later: later.mode == mode, as_json=as_json)


def _tell(watch: RunWatch, command: RunCommand, taken: Callable[[RunSnapshot], bool], *, as_json: bool) -> None:
    """Send the command and wait a moment for the run to act on it. Raises RunStateError when nobody listens."""
    now = watch.refresh()
    if now.state.ended:
        raise RunStateError(f"The run {watch.folder.id} is {now.state.value}: nobody listens.")
    watch.folder.send(command)
    deadline = time.monotonic() + PATIENCE
    while not taken(now := watch.refresh()) and time.monotonic() < deadline:
        time.sleep(0.02)
    if as_json:
        print_json(ToldDocument(watch.folder.id, now.state.value, taken(now)))
    else:
        say("Taken." if taken(now) else "Sent; the run has not acted on it yet.")
