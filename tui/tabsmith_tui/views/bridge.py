"""The Telegram bridge in lines: its facts, the missing steps of a first start, its messages, its health. Pure."""

import time
from collections.abc import Sequence
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from tabsmith.formatting import UNKNOWN, duration, time_ago, time_of_day
from tabsmith.presentation.spans import Line, Span, Tone, span
from tabsmith.storage import LockOwner
from tabsmith.telegram.activity import NOT_ON_THE_LIST, ActivityEntry, BridgeUser
from tabsmith.telegram.health import CheckState, HealthCheck
from tabsmith.telegram.status import BridgeStatus
from tabsmith.text import plural
from tabsmith.workflow.states import State, place_of
from tabsmith_tui.bridge_client import ALLOWED, TOKEN, BridgeSnapshot, variable
from tabsmith_tui.views.lines import fit

Doing: TypeAlias = Literal["", "starting", "stopping"]

_MARKS: Final = MappingProxyType[CheckState, tuple[str, Tone]](
    {"ok": ("✔", "good"), "warn": ("!", "warn"), "fail": ("✘", "bad")}
)
_NEEDS_RUNNING: Final = ("process", "single instance", "last poll", "conflicts", "handlers")
_DOING: Final = MappingProxyType[Doing, Span](
    {"starting": Span("◔ starting", "accent"), "stopping": Span("◍ stopping", "warn")}
)
_LABEL: Final = 15


def pill(bridge: BridgeSnapshot, doing: Doing = "") -> Span:
    """On or off, as a glyph, a word and a colour together."""
    if doing:
        return _DOING[doing]
    if bridge.owner is None:
        return Span("○ off", "dim")
    if any(check.state == "fail" for check in bridge.checks):
        return Span("! on, not well", "bad")
    return Span("● on", "good")


def facts(bridge: BridgeSnapshot, now: float, doing: Doing = "") -> list[Line]:
    """The known facts of the bridge, a line each."""
    lines = [_fact("state", pill(bridge, doing))]
    owner, status = bridge.owner, bridge.own_status
    if owner is not None:
        lines.append(_fact("process", span(_since(owner, now))))
    elif bridge.status is not None:
        lines.append(_fact("before", span(_ended(bridge.status, now), "dim")))
    if status is not None:
        lines.append(_fact("bot", span(status.bot or "its name is not known yet", "plain" if status.bot else "dim")))
    if bridge.server:
        lines.append(_fact("server", span(bridge.server)))
    lines += [_fact("token", _token(bridge)), _fact("allowed users", _allowed(bridge))]
    if status is not None:
        waiting = f", {status.to_send:,} waiting" if status.to_send else ""
        gave_up = f", {status.gave_up:,} not delivered" if status.gave_up else ""
        lines.append(_fact("messages", span(f"{status.received:,} in, {status.sent:,} out{waiting}{gave_up}")))
    return lines


def steps(bridge: BridgeSnapshot) -> list[Line]:
    """The three steps to a first start, with those that are done; empty if the bridge can be started."""
    if bridge.ready or bridge.owner:
        return []
    lines: list[Line] = []
    if bridge.missing:
        lines += [
            (Span("! ", "warn"), span("The package that talks to Telegram is not installed.")),
            (Span("  "), span(f"{bridge.missing}, and start tabsmith again.")),
            (),
        ]
    bot, token, number = bridge.has_token, bridge.has_token, bool(bridge.allowed)
    lines += [
        *_step(1, bot, "A bot of your own", "In Telegram, write /newbot to @BotFather, and choose a name for the bot."),
        *_step(
            2, token, "Its token", "BotFather answers with it. Press t and paste it: it is kept here, and not shown."
        ),
        *_step(
            3,
            number,
            "Your number",
            "Press u and type it: nobody else gets an answer. @userinfobot tells it; or start the bridge, "
            "write to your bot, and see under Messages who was not answered.",
        ),
        (),
        (
            Span(
                "Then s starts the bridge, and /start to your bot begins. It keeps running when tabsmith is left.",
                "dim",
            ),
        ),
    ]
    return lines


def where(user: BridgeUser) -> str:
    """The step at which a person's conversation is: their own, or the terminal's if they took it over."""
    if user.may == "not allowed":
        return "not on the list any more"
    stands = place_of(State(user.step)) if user.step else UNKNOWN
    return f"terminal: {stands}" if user.session == "local" else stands


def seen(user: BridgeUser, now: float) -> str:
    """When somebody was seen last."""
    return f"seen {time_ago(user.seen_at, now)}" if user.seen_at else "not seen yet"


def messages(entries: Sequence[ActivityEntry], now: float, width: int) -> list[Line]:
    """The messages received and sent, newest first."""
    if not entries:
        return [(Span("Nothing yet.", "dim"),)]
    names = min(max(len(entry.name) for entry in entries), max(6, width // 8))
    return [line for entry in reversed(entries) for line in _message(entry, now, names)]


def health(bridge: BridgeSnapshot, now: float) -> list[Line]:
    """Every check, failed ones with their evidence and next step; below them the last troubles, newest first.

    If the bridge is off, checks that need a running bridge are left out.
    """
    checks = [check for check in bridge.checks if bridge.owner or check.name not in _NEEDS_RUNNING]
    lines = [line for check in checks for line in _check(check)]
    troubles = bridge.status.troubles if bridge.status else ()
    if troubles:
        lines += [(), (Span("Troubles, the newest first", "mark"),)]
        lines += [
            (Span(f"{at(trouble.at, now)}  ", "dim"), Span(f"{trouble.where}: ", "warn"), span(trouble.words))
            for trouble in reversed(troubles)
        ]
    return lines or [(Span("Nothing to look at yet.", "dim"),)]


def strangers(bridge: BridgeSnapshot) -> tuple[int, ...]:
    """The numbers of those who wrote lately and are not on the list, the newest first."""
    users = [entry.user for entry in reversed(bridge.messages) if entry.note == NOT_ON_THE_LIST and entry.user]
    return tuple(user for user in dict.fromkeys(users) if user not in bridge.allowed)


def at(moment: float, now: float) -> str:
    """`14:02`; the day for another one than today."""
    same_day = time.localtime(moment)[:3] == time.localtime(now)[:3]
    return time_of_day(moment) if same_day else time_ago(moment, now)


def _fact(label: str, *value: Span) -> Line:
    return (Span(label.ljust(_LABEL), "dim"), *value)


def _since(owner: LockOwner, now: float) -> str:
    if not owner.pid:
        return "another one, not known"
    return f"{owner.pid}, since {at(owner.started_at, now)} ({duration(max(0.0, now - owner.started_at))})"


def _ended(status: BridgeStatus, now: float) -> str:
    return (
        f"stopped {at(status.stopped_at, now)}" if status.stopped_at else f"last heard of {at(status.written_at, now)}"
    )


def _token(bridge: BridgeSnapshot) -> Span:
    if not bridge.has_token:
        return Span("not set", "warn")
    return Span(f"set by {variable(TOKEN)}" if TOKEN in bridge.fixed else "set in the settings file")


def _allowed(bridge: BridgeSnapshot) -> Span:
    if not bridge.allowed:
        return Span("nobody, so nobody gets an answer", "warn")
    numbers = ", ".join(map(str, bridge.allowed))
    given = f"  by {variable(ALLOWED)}" if ALLOWED in bridge.fixed else ""
    return span(f"{plural(len(bridge.allowed), 'person', 'people')}: {numbers}{given}")


def _step(number: int, done: bool, title: str, how: str) -> list[Line]:
    mark = Span("✔ ", "good") if done else Span("· ", "accent")
    head: Line = (mark, Span(f"{number}  ", "dim"), Span(title, "dim" if done else "strong"))
    return [head] if done else [head, (Span("     "), Span(how))]


def _message(entry: ActivityEntry, now: float, names: int) -> list[Line]:
    incoming = entry.way == "in"
    way = Span("from " if incoming else "to   ", "accent" if incoming else "dim")
    head: Line = (Span(f"{at(entry.at, now)}  ", "dim"), way, Span(fit(entry.name, names), "strong"), Span("  "))
    if not entry.words:
        return [(*head, span(entry.note, "warn"))]
    line = (*head, span(entry.words))
    return (
        [line, (Span(" " * sum(len(piece.text) for piece in head)), span(entry.note, "warn"))] if entry.note else [line]
    )


def _check(check: HealthCheck) -> list[Line]:
    glyph, tone = _MARKS[check.state]
    lines: list[Line] = [(Span(f"{glyph} ", tone), Span(check.name.ljust(_LABEL + 1), "dim"), span(check.what))]
    if check.state == "ok":
        return lines
    if check.evidence and check.name != "recent errors":  # the troubles stand below
        lines.append((Span("  "), span(check.evidence, "dim")))
    if check.next_step:
        lines.append((Span("  → ", "accent"), span(check.next_step)))
    return lines
