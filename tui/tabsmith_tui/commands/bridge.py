"""`tabsmith bridge`: start, stop, status and health of the Telegram bridge."""

import os
import sys
import time
from typing import Literal, NoReturn

import click
import msgspec
from msgspec.structs import replace

from tabsmith import config
from tabsmith.config.settings import Settings
from tabsmith.errors import WORK_FAILED, ReportedError, report_of
from tabsmith.formatting import duration, time_ago
from tabsmith.telegram.activity import BridgeUser, bridge_users
from tabsmith.telegram.bot_token import BotToken, bot_token
from tabsmith.telegram.health import HealthReport, check_health, token_source
from tabsmith.telegram.service import (
    BridgeStopped,
    FirstPoll,
    bridge_paths,
    require_not_running,
    require_telegram_extra,
    running,
)
from tabsmith.telegram.service import start as start_detached
from tabsmith.telegram.service import stop as stop_bridge
from tabsmith.telegram.status import BridgePaths, BridgeStatus, read_status
from tabsmith.text import plural
from tabsmith_tui.commands.output import json_option, print_facts, print_json, print_table, print_text, say, tell
from tabsmith_tui.views.bridge import where


class StartedDocument(msgspec.Struct, frozen=True):
    """`bridge start --json`: in the background once it has begun; in the foreground before it begins."""

    pid: int
    started_at: float
    runs: Literal["in the foreground", "in the background"]
    reached: FirstPoll
    trouble: str
    token_from: str
    allowed_users: int
    log: str


class StatusDocument(msgspec.Struct, frozen=True):
    """`bridge status --json`. `said` is the status of the bridge that runs, or of the one that ran last."""

    state: Literal["running", "not running"]
    pid: int
    started_at: float
    token_from: str
    folder: str
    people: tuple[BridgeUser, ...]
    said: BridgeStatus | None


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def bridge(context: click.Context, as_json: bool) -> int | None:
    """The same conversation from a phone, over Telegram; alone it says how the bridge is."""
    return _status(as_json=as_json) if context.invoked_subcommand is None else None


@bridge.command()
@click.option("--detach", is_flag=True, help="Leave it running in the background.")
@json_option
def start(detach: bool, as_json: bool) -> int:
    """Start the bridge here, until ctrl+c, or in the background."""
    settings = config.load()
    token = bot_token(settings)
    require_telegram_extra()
    if detach:
        return _start_detached(settings, as_json=as_json)
    require_not_running(bridge_paths(settings))
    _tell_start(
        StartedDocument(
            os.getpid(),
            time.time(),
            "in the foreground",
            "not yet",
            "",
            token_source(),
            len(settings.telegram.allowed_users),
            "",
        ),
        f"The bridge of the bot {token.bot} runs in process {os.getpid()}. ctrl+c ends it.",
        as_json=as_json,
    )
    return _serve(settings, token)


@bridge.command()
@json_option
def stop(as_json: bool) -> None:
    """Stop the bridge, wherever it was started; nothing that came in is lost."""
    done = stop_bridge(bridge_paths(config.load()))
    tell(_stopped(done), done, as_json=as_json)


@bridge.command()
@json_option
def status(as_json: bool) -> int:
    """Say whether the bridge runs, who is at it and what it has done; the exit status is 1 when it does not run."""
    return _status(as_json=as_json)


@bridge.command()
@json_option
def health(as_json: bool) -> int:
    """Check the bridge, with evidence; the exit status is 1 when a check fails."""
    found = check_health(config.load())
    if as_json:
        print_json(found)
    else:
        _show_health(found)
    return 0 if found.ok else WORK_FAILED


def _start_detached(settings: Settings, *, as_json: bool) -> int:
    paths = bridge_paths(settings)
    begun = start_detached(settings)
    document = StartedDocument(
        begun.pid,
        begun.started_at,
        "in the background",
        begun.reached,
        begun.trouble,
        token_source(),
        len(settings.telegram.allowed_users),
        str(paths.log),
    )
    words = f"The bridge runs in the background, in process {begun.pid}. To end it: tabsmith bridge stop"
    _tell_start(document, words, as_json=as_json)
    if begun.reached == "not yet":
        say(f"Telegram has not answered yet; it keeps trying. {begun.trouble}".strip())
    return 0


def _tell_start(document: StartedDocument, words: str, *, as_json: bool) -> None:
    if as_json:
        print_json(document)
        sys.stdout.flush()  # what follows may take weeks
    say(words)
    if document.allowed_users:
        say(f"{plural(document.allowed_users, 'person', 'people')} may talk to it.")
    else:
        say("Nobody may talk to it yet: tabsmith config set telegram.allowed_users NUMBER")


def _serve(settings: Settings, token: BotToken) -> int:
    """Run the bridge in this process until it is told to end."""
    from tabsmith.telegram.bot_token import log_to_stderr
    from tabsmith.telegram.bridge import run

    log_to_stderr(token)
    try:
        return run(settings)
    except Exception as error:  # noqa: BLE001 - told at the edge, once the token is out of it
        _raise_without(token, error)


def _raise_without(token: BotToken, error: Exception) -> NoReturn:
    report = report_of(error)
    raise ReportedError(
        replace(
            report,
            what=token.hide(report.what),
            where=token.hide(report.where),
            next_step=token.hide(report.next_step),
            details=token.hide(report.details),
        )
    ) from None


def _stopped(done: BridgeStopped) -> str:
    match done.how:
        case "ended":
            return f"The bridge (process {done.pid}) has ended."
        case "killed":
            return f"The bridge (process {done.pid}) did not end in time and was killed. Nothing that came in is lost."
        case "not running":
            return "No bridge runs."


def _status(*, as_json: bool) -> int:
    settings = config.load()
    paths = bridge_paths(settings)
    owner = running(paths)
    status = read_status(paths)
    people = bridge_users(paths, settings.telegram.allowed_users)
    document = StatusDocument(
        "running" if owner else "not running",
        owner.pid if owner else 0,
        owner.started_at if owner else 0.0,
        token_source(),
        str(paths.root),
        people,
        status,
    )
    if as_json:
        print_json(document)
    else:
        _show_status(document, paths)
    return 0 if owner else WORK_FAILED


def _show_status(document: StatusDocument, paths: BridgePaths) -> None:
    now = time.time()
    status = document.said
    facts: list[tuple[str, str]] = []
    if document.state == "running":
        age = duration(max(0.0, now - document.started_at))
        facts.append(("bridge", f"runs in process {document.pid}, started {age} ago"))
    else:
        facts.append(("bridge", "not running. To start it: tabsmith bridge start"))
    if status is not None:
        facts.append(("bot", status.bot or "not told yet"))
        facts.append(("last poll", time_ago(status.polled_at, now)))
        facts.append(("received", f"{status.received:,}, handled {status.handled:,}"))
        facts.append(("sent", f"{status.sent:,}, waiting {status.to_send:,}, not delivered {status.gave_up:,}"))
        if status.troubles:
            last = status.troubles[-1]
            facts.append(("last trouble", f"{time_ago(last.at, now)}, {last.where}: {last.words}"))
    facts += [("token", f"from {document.token_from}"), ("files", str(paths.root))]
    print_facts(facts)
    if document.people:
        print_text()
        rows = [
            [str(user.user), user.name or "—", user.may, time_ago(user.seen_at, now), where(user)]
            for user in document.people
        ]
        print_table(["user", "name", "list", "seen", "at step"], rows)
    else:
        print_text("Nobody may talk to it: tabsmith config set telegram.allowed_users NUMBER")


def _show_health(found: HealthReport) -> None:
    print_table(
        ["", "check", "found", "evidence"],
        [[each.state, each.name, each.what, each.evidence] for each in found.checks],
        widest=300,
    )
    steps = [check for check in found.checks if check.next_step and check.state != "ok"]
    if steps:
        print_text()
        print_facts([(each.name, each.next_step) for each in steps])
