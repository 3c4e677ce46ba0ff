"""Whether a bridge is well: one check after the other, each with what it looked at and what to do next."""

import time
from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

import msgspec

from tabsmith.config import describe
from tabsmith.config.settings import Settings
from tabsmith.formatting import duration
from tabsmith.paths import folders
from tabsmith.storage import LockOwner
from tabsmith.telegram.paths import BridgePaths
from tabsmith.telegram.render.help import COMMANDS
from tabsmith.telegram.service import bridge_paths, running
from tabsmith.telegram.status import BridgeStatus, read_status
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
"""Those of the menu in Telegram."""
EXPECTED_KINDS: Final = ("message", "edited_message", "callback_query")
"""The kinds of update, as the Bot API names them."""

STARTUP_SECONDS: Final = 30.0  # seconds in which a new bridge may not have polled yet
_SLACK: Final = 15.0  # beyond the time that a poll may take
_CONFLICT_RECENT: Final = 300.0
_UNHANDLED: Final = 60.0
_ERRORS_RECENT: Final = 900.0
_LONG_QUEUE: Final = 100
_ERRORS_SHOWN: Final = 3
_NOT_RUNNING: Final = "no bridge runs"
_START: Final = "tabsmith bridge start"
_RESTART: Final = "tabsmith bridge stop, then tabsmith bridge start"


class HealthCheck(msgspec.Struct, frozen=True):
    """One thing looked at: what was found in words, what that rests on, and what to do, "" when nothing."""

    name: CheckName
    state: CheckState
    what: str
    evidence: str = ""
    next_step: str = ""


class HealthReport(msgspec.Struct, frozen=True):
    """All checks; `ok` while none of them failed."""

    ok: bool
    checks: tuple[HealthCheck, ...]


class _Seen(msgspec.Struct, frozen=True):
    """What the checks look at, taken at one moment."""

    settings: Settings
    place: BridgePaths
    now: float
    held: LockOwner | None
    status: BridgeStatus | None  # of the bridge that runs, or the last words of the one that ran

    @property
    def own(self) -> BridgeStatus | None:
        """The status, when it is that of the bridge that runs."""
        return self.status if self.held and self.status and self.status.pid == self.held.pid else None

    @property
    def begins(self) -> bool:
        """Whether the bridge has only just started."""
        return self.held is not None and self.now - self.held.started_at < STARTUP_SECONDS

    @property
    def longest_poll(self) -> float:
        """Seconds after which a poll must have been answered."""
        return self.settings.telegram.timeout + _SLACK


def check_health(settings: Settings, now: float | None = None) -> HealthReport:
    """Look at the bridge of the token in the settings. Raises ConfigError when there is no token, and StorageError."""
    place = bridge_paths(settings)
    held = running(place)
    seen = _Seen(settings, place, time.time() if now is None else now, held, read_status(place))
    checks = (
        _process(seen),
        _single(seen),
        _last_poll(seen),
        _conflicts(seen),
        _handlers(seen),
        _queue(seen),
        _errors(seen),
        _token(),
        _users(settings),
    )
    return HealthReport(all(each.state != "fail" for each in checks), checks)


def token_source() -> str:
    """Where the token comes from, in words. Raises ConfigError."""
    source = next(each.source for each in describe() if each.key == "telegram.token")
    return {"file": "the settings file", "environment": "the environment", "default": "not set"}[source]


def _process(seen: _Seen) -> HealthCheck:
    if seen.held is None:
        last = seen.status
        evidence = f"nobody holds {seen.place.lock}"
        if last is not None:
            how = f"was stopped at {_at(last.stopped_at)}" if last.stopped_at else "did not say that it ends"
            evidence += f"; the last one (process {last.pid}) wrote at {_at(last.written_at)} and {how}"
        return HealthCheck("process", "fail", "No bridge runs.", evidence, _START)
    runs = f"Process {seen.held.pid} runs since {_at(seen.held.started_at)} ({_ago(seen, seen.held.started_at)})."
    if seen.own is None:
        state: CheckState = "warn" if seen.begins else "fail"
        return HealthCheck("process", state, f"{runs} It has not written its status.", str(seen.place.status), _RESTART)
    age = seen.now - seen.own.written_at
    evidence = f"its status was written {duration(max(0.0, age))} ago"
    if age > 2 * seen.longest_poll:
        return HealthCheck("process", "fail", f"{runs} It says nothing any more.", evidence, _RESTART)
    return HealthCheck("process", "ok", runs, evidence)


def _single(seen: _Seen) -> HealthCheck:
    others = _others(seen.place)
    beside = f"; {plural(len(others), 'bridge')} of other bots beside it: {', '.join(others)}" if others else ""
    if seen.held is None:
        return HealthCheck(
            "single instance", "ok", "No bridge of this bot runs, so no two.", f"{seen.place.lock}{beside}"
        )
    evidence = f"{seen.place.lock} is held by process {seen.held.pid}{beside}"
    if seen.status is None or seen.own is not None:
        return HealthCheck("single instance", "ok", "One bridge of this bot runs.", evidence)
    what = f"The status was written by process {seen.status.pid}, not by the one that holds the lock."
    return HealthCheck("single instance", "warn" if seen.begins else "fail", what, evidence, _RESTART)


def _last_poll(seen: _Seen) -> HealthCheck:
    if seen.own is None:
        last = f"the last one polled at {_at(seen.status.polled_at)}" if seen.status and seen.status.polled_at else ""
        state: CheckState = "warn" if seen.begins else "fail"
        return HealthCheck("last poll", state, "Nothing polls.", last or _NOT_RUNNING, "" if seen.held else _START)
    failed = f"{plural(seen.own.failed_polls, 'failed poll')} since" if seen.own.failed_polls else "none failed since"
    evidence = f"{failed}; a poll may take {duration(seen.settings.telegram.timeout)}"
    see = "See the recent errors, and whether this machine reaches the server."
    if not seen.own.polled_at:
        state = "warn" if seen.begins else "fail"
        return HealthCheck("last poll", state, "Telegram has not answered a poll yet.", evidence, see)
    age = seen.now - seen.own.polled_at
    what = f"Telegram answered {duration(max(0.0, age))} ago."
    if age <= seen.longest_poll:
        return HealthCheck("last poll", "ok", what, evidence)
    return HealthCheck("last poll", "warn" if age <= 2 * seen.longest_poll else "fail", what, evidence, see)


def _conflicts(seen: _Seen) -> HealthCheck:
    said = seen.status
    if said is None or not said.conflicts:
        return HealthCheck("conflicts", "ok", "No other program was seen to poll with this token.", "no answer 409")
    evidence = f"{plural(said.conflicts, 'answer')} 409, the last at {_at(said.conflict_at)}"
    if seen.own is None or seen.now - said.conflict_at > _CONFLICT_RECENT:
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


def _handlers(seen: _Seen) -> HealthCheck:
    if seen.own is None:
        return HealthCheck("handlers", "warn" if seen.begins else "fail", "Nothing is answered.", _NOT_RUNNING)
    there = {each.lstrip("/") for each in seen.own.handlers}
    missing = [f"/{each}" for each in EXPECTED_COMMANDS if each not in there]
    missing += [each for each in EXPECTED_KINDS if each not in there]
    evidence = f"{plural(len(there), 'handler')}; {seen.own.received:,} received, {seen.own.handled:,} handled"
    if missing:
        what = f"Not answered: {', '.join(missing)}."
        return HealthCheck("handlers", "warn" if seen.begins else "fail", what, evidence, _RESTART)
    if seen.own.waiting and seen.now - seen.own.waiting_since > _UNHANDLED:
        waits = f"{plural(seen.own.waiting, 'message')} received and not handled since {_at(seen.own.waiting_since)}"
        return HealthCheck("handlers", "fail", f"{waits}.", evidence, _RESTART)
    return HealthCheck("handlers", "ok", "Every command and kind of message is answered.", evidence)


def _queue(seen: _Seen) -> HealthCheck:
    said = seen.status
    if said is None:
        return HealthCheck("queue", "ok", "Nothing waits to be sent.", _NOT_RUNNING)
    evidence = f"{said.sent:,} sent, {said.to_send:,} waiting, {said.gave_up:,} given up"
    if said.gave_up:
        what = f"Given up as it could not be sent: {plural(said.gave_up, 'message')}."
        return HealthCheck("queue", "warn", what, evidence, f"The reasons are in {seen.place.outbox}")
    if said.to_send > _LONG_QUEUE or (said.to_send and seen.own is None):
        see = "They are sent in order, as Telegram allows." if seen.own else _START
        return HealthCheck("queue", "warn", f"{plural(said.to_send, 'message')} waiting to be sent.", evidence, see)
    return HealthCheck("queue", "ok", "Messages are sent as they come.", evidence)


def _errors(seen: _Seen) -> HealthCheck:
    troubles = seen.status.troubles if seen.status else ()
    recent = [each for each in troubles if seen.now - each.at <= _ERRORS_RECENT]
    if not recent:
        return HealthCheck(
            "recent errors", "ok", f"None in the last {duration(_ERRORS_RECENT)}.", str(seen.place.status)
        )
    shown = [f"{_at(each.at)} {each.where}: {clean(each.words, 200)}" for each in recent[-_ERRORS_SHOWN:]]
    what = f"{plural(len(recent), 'error')} in the last {duration(_ERRORS_RECENT)}."
    return HealthCheck(
        "recent errors", "warn", what, "; ".join(shown), f"More is in {seen.place.log}, or the service's log."
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


def _others(place: BridgePaths) -> Sequence[str]:
    """The bots, by file name, of other bridges of this user that run now."""
    beside = sorted(place.root.parent.iterdir()) if place.root.parent.is_dir() else []
    return [
        each.name for each in beside if each != place.root and each.is_dir() and running(BridgePaths(each)) is not None
    ]


def _at(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment)) if moment else "no time"


def _ago(seen: _Seen, moment: float) -> str:
    return f"{duration(max(0.0, seen.now - moment))} ago"
