"""Health of a bridge: nine checks, each with its evidence and what to do next."""

import time
from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

import msgspec

from tabsmith.config import describe
from tabsmith.config.settings import Settings
from tabsmith.formatting import duration
from tabsmith.paths import folders
from tabsmith.storage import LockOwner
from tabsmith.telegram.render.settings import COMMANDS
from tabsmith.telegram.service import bridge_paths, running
from tabsmith.telegram.status import BridgePaths, BridgeStatus, read_status
from tabsmith.telegram.transport.updates import UPDATE_KINDS
from tabsmith.text import clean, plural

CheckState: TypeAlias = Literal["ok", "warn", "fail"]
CheckName: TypeAlias = Literal[
    "process",
    "single instance",
    "last poll",
    "conflicts",
    "handlers",
    "queue",
    "recent errors",
    "token",
    "allowed users",
]

EXPECTED_COMMANDS: Final = tuple(name for name, _ in COMMANDS)
"""The commands of the menu in Telegram."""

STARTUP_SECONDS: Final = 30.0  # in which a new bridge may not have polled yet
_POLL_SLACK_SECONDS: Final = 15.0  # beyond the time that a poll may take
_RECENT_CONFLICT_SECONDS: Final = 300.0
_MAX_UNHANDLED_SECONDS: Final = 60.0
_RECENT_ERROR_SECONDS: Final = 900.0
_LONG_QUEUE: Final = 100  # messages
_MAX_ERRORS_SHOWN: Final = 3
_NOT_RUNNING: Final = "no bridge runs"
_START: Final = "tabsmith bridge start"
_RESTART: Final = "tabsmith bridge stop, then tabsmith bridge start"


class HealthCheck(msgspec.Struct, frozen=True):
    """One check: its result in words (`what`), the evidence for it, and what to do next, "" if nothing."""

    name: CheckName
    state: CheckState
    what: str
    evidence: str = ""
    next_step: str = ""


class HealthReport(msgspec.Struct, frozen=True):
    """All checks; `ok` if none of them failed."""

    ok: bool
    checks: tuple[HealthCheck, ...]


class _Facts(msgspec.Struct, frozen=True):
    """The facts that the checks are made on, of one moment."""

    settings: Settings
    paths: BridgePaths
    now: float
    held: LockOwner | None
    status: BridgeStatus | None  # of the bridge that runs, else of the one that ran last

    @property
    def own(self) -> BridgeStatus | None:
        """The status, if the bridge that runs wrote it."""
        return self.status if self.held and self.status and self.status.pid == self.held.pid else None

    @property
    def begins(self) -> bool:
        """Whether the bridge has just been started."""
        return self.held is not None and self.now - self.held.started_at < STARTUP_SECONDS

    @property
    def longest_poll(self) -> float:
        """Seconds within which a poll must have been answered."""
        return self.settings.telegram.timeout + _POLL_SLACK_SECONDS


def check_health(settings: Settings, now: float | None = None) -> HealthReport:
    """Check the bridge of the token in the settings. Raises ConfigError if there is no token, and StorageError."""
    paths = bridge_paths(settings)
    held = running(paths)
    facts = _Facts(settings, paths, time.time() if now is None else now, held, read_status(paths))
    checks = (
        _process(facts),
        _single(facts),
        _last_poll(facts),
        _conflicts(facts),
        _handlers(facts),
        _queue(facts),
        _errors(facts),
        _token(),
        _users(settings),
    )
    return HealthReport(all(check.state != "fail" for check in checks), checks)


def token_source() -> str:
    """Where the token comes from: "the settings file", "the environment" or "not set". Raises ConfigError."""
    source = next(setting.source for setting in describe() if setting.key == "telegram.token")
    return {"file": "the settings file", "environment": "the environment", "default": "not set"}[source]


def _process(facts: _Facts) -> HealthCheck:
    if facts.held is None:
        last = facts.status
        evidence = f"nobody holds {facts.paths.lock}"
        if last is not None:
            how = f"was stopped at {_at(last.stopped_at)}" if last.stopped_at else "did not say that it ends"
            evidence += f"; the last one (process {last.pid}) wrote at {_at(last.written_at)} and {how}"
        return HealthCheck("process", "fail", "No bridge runs.", evidence, _START)
    runs = f"Process {facts.held.pid} runs since {_at(facts.held.started_at)} ({_ago(facts, facts.held.started_at)})."
    if facts.own is None:
        state: CheckState = "warn" if facts.begins else "fail"
        return HealthCheck(
            "process", state, f"{runs} It has not written its status.", str(facts.paths.status), _RESTART
        )
    age = facts.now - facts.own.written_at
    evidence = f"its status was written {duration(max(0.0, age))} ago"
    if age > 2 * facts.longest_poll:
        return HealthCheck("process", "fail", f"{runs} It says nothing any more.", evidence, _RESTART)
    return HealthCheck("process", "ok", runs, evidence)


def _single(facts: _Facts) -> HealthCheck:
    others = _others(facts.paths)
    beside = f"; {plural(len(others), 'bridge')} of other bots beside it: {', '.join(others)}" if others else ""
    if facts.held is None:
        return HealthCheck(
            "single instance", "ok", "No bridge of this bot runs, so no two.", f"{facts.paths.lock}{beside}"
        )
    evidence = f"{facts.paths.lock} is held by process {facts.held.pid}{beside}"
    if facts.status is None or facts.own is not None:
        return HealthCheck("single instance", "ok", "One bridge of this bot runs.", evidence)
    what = f"The status was written by process {facts.status.pid}, not by the one that holds the lock."
    return HealthCheck("single instance", "warn" if facts.begins else "fail", what, evidence, _RESTART)


def _last_poll(facts: _Facts) -> HealthCheck:
    if facts.own is None:
        last = (
            f"the last one polled at {_at(facts.status.polled_at)}" if facts.status and facts.status.polled_at else ""
        )
        state: CheckState = "warn" if facts.begins else "fail"
        return HealthCheck("last poll", state, "Nothing polls.", last or _NOT_RUNNING, "" if facts.held else _START)
    failed = f"{plural(facts.own.failed_polls, 'failed poll')} since" if facts.own.failed_polls else "none failed since"
    evidence = f"{failed}; a poll may take {duration(facts.settings.telegram.timeout)}"
    see = "See the recent errors, and whether this machine reaches the server."
    if not facts.own.polled_at:
        state = "warn" if facts.begins else "fail"
        return HealthCheck("last poll", state, "Telegram has not answered a poll yet.", evidence, see)
    age = facts.now - facts.own.polled_at
    what = f"Telegram answered {duration(max(0.0, age))} ago."
    if age <= facts.longest_poll:
        return HealthCheck("last poll", "ok", what, evidence)
    return HealthCheck("last poll", "warn" if age <= 2 * facts.longest_poll else "fail", what, evidence, see)


def _conflicts(facts: _Facts) -> HealthCheck:
    said = facts.status
    if said is None or not said.conflicts:
        return HealthCheck("conflicts", "ok", "No other program was seen to poll with this token.", "no answer 409")
    evidence = f"{plural(said.conflicts, 'answer')} 409, the last at {_at(said.conflict_at)}"
    if facts.own is None or facts.now - said.conflict_at > _RECENT_CONFLICT_SECONDS:
        return HealthCheck("conflicts", "ok", "No other program polls with this token now.", evidence)
    # One alone, with good polls after it, is how the end of an earlier bridge's own poll looks.
    passed = said.conflicts == 1 and said.polled_at > said.conflict_at
    return HealthCheck(
        "conflicts",
        "warn" if passed else "fail",
        "Another program polls with this token; each takes messages away from the other.",
        evidence,
        "Stop the other one; if you know of none, have @BotFather revoke the token and set the new one.",
    )


def _handlers(facts: _Facts) -> HealthCheck:
    if facts.own is None:
        return HealthCheck("handlers", "warn" if facts.begins else "fail", "Nothing is answered.", _NOT_RUNNING)
    handlers = {handler.lstrip("/") for handler in facts.own.handlers}
    missing = [f"/{command}" for command in EXPECTED_COMMANDS if command not in handlers]
    missing += [kind for kind in UPDATE_KINDS if kind not in handlers]
    evidence = f"{plural(len(handlers), 'handler')}; {facts.own.received:,} received, {facts.own.handled:,} handled"
    if missing:
        what = f"Not answered: {', '.join(missing)}."
        return HealthCheck("handlers", "warn" if facts.begins else "fail", what, evidence, _RESTART)
    if facts.own.waiting and facts.now - facts.own.waiting_since > _MAX_UNHANDLED_SECONDS:
        waits = f"{plural(facts.own.waiting, 'message')} received and not handled since {_at(facts.own.waiting_since)}"
        return HealthCheck("handlers", "fail", f"{waits}.", evidence, _RESTART)
    return HealthCheck("handlers", "ok", "Every command and kind of message is answered.", evidence)


def _queue(facts: _Facts) -> HealthCheck:
    said = facts.status
    if said is None:
        return HealthCheck("queue", "ok", "Nothing waits to be sent.", _NOT_RUNNING)
    evidence = f"{said.sent:,} sent, {said.to_send:,} waiting, {said.gave_up:,} not delivered"
    if said.gave_up:
        what = f"Could not be delivered: {plural(said.gave_up, 'message')}."
        return HealthCheck("queue", "warn", what, evidence, f"The reasons are in {facts.paths.outbox}")
    if said.to_send > _LONG_QUEUE or (said.to_send and facts.own is None):
        see = "They are sent in order, as Telegram allows." if facts.own else _START
        return HealthCheck("queue", "warn", f"{plural(said.to_send, 'message')} waiting to be sent.", evidence, see)
    return HealthCheck("queue", "ok", "Messages are sent as they come.", evidence)


def _errors(facts: _Facts) -> HealthCheck:
    troubles = facts.status.troubles if facts.status else ()
    recent = [each for each in troubles if facts.now - each.at <= _RECENT_ERROR_SECONDS]
    if not recent:
        return HealthCheck(
            "recent errors", "ok", f"None in the last {duration(_RECENT_ERROR_SECONDS)}.", str(facts.paths.status)
        )
    shown = [f"{_at(each.at)} {each.where}: {clean(each.words, 200)}" for each in recent[-_MAX_ERRORS_SHOWN:]]
    what = f"{plural(len(recent), 'error')} in the last {duration(_RECENT_ERROR_SECONDS)}."
    return HealthCheck(
        "recent errors", "warn", what, "; ".join(shown), f"More is in {facts.paths.log}, or the service's log."
    )


def _token() -> HealthCheck:
    source = token_source()
    file = folders().settings_file
    if source == "the settings file" and file.stat().st_mode & 0o077:
        what = "The token is in the settings file, which others may read."
        return HealthCheck("token", "warn", what, str(file), f"chmod 600 {file}")
    return HealthCheck("token", "ok", f"The token comes from {source}.", str(file) if "file" in source else "")


def _users(settings: Settings) -> HealthCheck:
    allowed = settings.telegram.allowed_users
    if not allowed:
        add = "tabsmith config set telegram.allowed_users NUMBER,NUMBER"
        return HealthCheck(
            "allowed users", "warn", "Nobody may talk to the bridge.", "telegram.allowed_users is empty", add
        )
    may = f"{plural(len(allowed), 'person', 'people')} may talk to the bridge."
    return HealthCheck("allowed users", "ok", may, f"telegram.allowed_users = {', '.join(map(str, allowed))}")


def _others(paths: BridgePaths) -> Sequence[str]:
    """Other bots, by file name, whose bridges run now for this user."""
    beside = sorted(paths.root.parent.iterdir()) if paths.root.parent.is_dir() else []
    return [
        each.name for each in beside if each != paths.root and each.is_dir() and running(BridgePaths(each)) is not None
    ]


def _at(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment)) if moment else "no time"


def _ago(facts: _Facts, moment: float) -> str:
    return f"{duration(max(0.0, facts.now - moment))} ago"
