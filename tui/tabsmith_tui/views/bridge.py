"""The bridge to phones in lines: how it stands, what is still missing, what was said, how well it is. Pure."""

import time
from collections.abc import Sequence
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from tabsmith.formatting import duration, time_ago, time_of_day
from tabsmith.presentation.spans import Line, Span, Tone, span
from tabsmith.storage import LockOwner
from tabsmith.telegram.activity import ActivityEntry as Told
from tabsmith.telegram.activity import BridgeUser
from tabsmith.telegram.health import CheckState, HealthCheck
from tabsmith.telegram.status import BridgeStatus
from tabsmith.text import plural
from tabsmith_tui.bridge_client import ALLOWED, TOKEN, BridgeSnapshot, variable
from tabsmith_tui.views.lines import fit

Doing: TypeAlias = Literal["", "starting", "stopping"]

STRANGER: Final = "not answered: not on the list"
_MARKS: Final = MappingProxyType[CheckState, tuple[str, Tone]](
    {"ok": ("✔", "good"), "warn": ("!", "warn"), "fail": ("✘", "bad")}
)
_OF_A_RUNNING_ONE: Final = ("process", "single instance", "last poll", "conflicts", "handlers")
_DOING: Final = MappingProxyType[Doing, Span](
    {"starting": Span("◔ starting", "accent"), "stopping": Span("◍ stopping", "warn")}
)
_LABEL: Final = 15


def pill(bridge: BridgeSnapshot, doing: Doing = "") -> Span:
    """On or off, as a glyph, a word and a colour together."""
    if doing:
        return _DOING[doing]
    if bridge.held is None:
        return Span("○ off", "dim")
    if any(each.state == "fail" for each in bridge.checks):
        return Span("! on, not well", "bad")
    return Span("● on", "good")


def facts(bridge: BridgeSnapshot, now: float, doing: Doing = "") -> list[Line]:
    """What is known of it, a line each."""
    lines = [_fact("state", pill(bridge, doing))]
    held, said = bridge.held, bridge.own
    if held is not None:
        lines.append(_fact("process", span(_since(held, now))))
    elif bridge.said is not None:
        lines.append(_fact("before", span(_ended(bridge.said, now), "dim")))
    if said is not None:
        lines.append(_fact("bot", span(said.bot or "its name is not known yet", "plain" if said.bot else "dim")))
    if bridge.server:
        lines.append(_fact("server", span(bridge.server)))
    lines += [_fact("token", _token(bridge)), _fact("allowed users", _allowed(bridge))]
    if said is not None:
        waiting = f", {said.to_send:,} waiting" if said.to_send else ""
        gave_up = f", {said.gave_up:,} given up" if said.gave_up else ""
        lines.append(_fact("messages", span(f"{said.received:,} in, {said.sent:,} out{waiting}{gave_up}")))
    return lines


def steps(bridge: BridgeSnapshot) -> list[Line]:
    """What is still missing for a first start, in three steps; nothing when it can be started."""
    if bridge.ready or bridge.held:
        return []
    lines: list[Line] = []
    if bridge.missing:
        lines += [
            (Span("! ", "warn"), span("The package that talks to Telegram is not installed.")),
            (Span("  "), span(f"{bridge.missing}, and start tabsmith anew.")),
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
            "Press u and type it: only people on this list are answered. @userinfobot tells it; or start the bridge, "
            "write to your bot, and see under Messages who was not answered.",
        ),
        (),
        (Span("Then s starts the bridge, and /start to your bot begins. It goes on when tabsmith is left.", "dim"),),
    ]
    return lines


def where(visitor: BridgeUser) -> str:
    """Where somebody's conversation stands: their own, or the terminal's, with which they went on."""
    if visitor.may == "not allowed":
        return "not on the list any more"
    stands = visitor.step or "—"
    return f"terminal: {stands}" if visitor.session == "local" else stands


def seen(visitor: BridgeUser, now: float) -> str:
    """When somebody was seen last."""
    return f"seen {time_ago(visitor.seen_at, now)}" if visitor.seen_at else "not seen yet"


def messages(told: Sequence[Told], now: float, width: int) -> list[Line]:
    """What came in and went out, the newest first."""
    if not told:
        return [(Span("Nothing yet.", "dim"),)]
    names = min(max(len(each.name) for each in told), max(6, width // 8))
    return [line for each in reversed(told) for line in _message(each, now, names)]


def health(bridge: BridgeSnapshot, now: float) -> list[Line]:
    """Every check in words, what is wrong with its evidence and next step; below, the last troubles. Of a bridge that
    is off nothing is said that only one that runs can do."""
    checks = [each for each in bridge.checks if bridge.held or each.name not in _OF_A_RUNNING_ONE]
    lines = [line for each in checks for line in _check(each)]
    troubles = bridge.said.troubles if bridge.said else ()
    if troubles:
        lines += [(), (Span("Troubles, the newest first", "mark"),)]
        lines += [
            (Span(f"{at(each.at, now)}  ", "dim"), Span(f"{each.where}: ", "warn"), span(each.words))
            for each in reversed(troubles)
        ]
    return lines or [(Span("Nothing to look at yet.", "dim"),)]


def strangers(bridge: BridgeSnapshot) -> tuple[int, ...]:
    """The numbers of those who wrote lately and are not on the list, the newest first."""
    found = [each.user for each in reversed(bridge.messages) if each.note == STRANGER and each.user]
    return tuple(user for user in dict.fromkeys(found) if user not in bridge.allowed)


def at(moment: float, now: float) -> str:
    """`14:02`; the day for another one than today."""
    same_day = time.localtime(moment)[:3] == time.localtime(now)[:3]
    return time_of_day(moment) if same_day else time_ago(moment, now)


def _fact(label: str, *value: Span) -> Line:
    return (Span(label.ljust(_LABEL), "dim"), *value)


def _since(held: LockOwner, now: float) -> str:
    if not held.pid:
        return "another one, not known"
    return f"{held.pid}, since {at(held.started_at, now)} ({duration(max(0.0, now - held.started_at))})"


def _ended(said: BridgeStatus, now: float) -> str:
    return f"stopped {at(said.stopped_at, now)}" if said.stopped_at else f"last heard of {at(said.written_at, now)}"


def _token(bridge: BridgeSnapshot) -> Span:
    if not bridge.has_token:
        return Span("not set", "warn")
    return Span(f"set by {variable(TOKEN)}" if TOKEN in bridge.fixed else "set in the settings file")


def _allowed(bridge: BridgeSnapshot) -> Span:
    if not bridge.allowed:
        return Span("nobody: everyone gets silence", "warn")
    numbers = ", ".join(map(str, bridge.allowed))
    given = f"  by {variable(ALLOWED)}" if ALLOWED in bridge.fixed else ""
    return span(f"{plural(len(bridge.allowed), 'person', 'people')}: {numbers}{given}")


def _step(number: int, done: bool, title: str, how: str) -> list[Line]:
    mark = Span("✔ ", "good") if done else Span("· ", "accent")
    head: Line = (mark, Span(f"{number}  ", "dim"), Span(title, "dim" if done else "strong"))
    return [head] if done else [head, (Span("     "), Span(how))]


def _message(told: Told, now: float, names: int) -> list[Line]:
    incoming = told.way == "in"
    way = Span("from " if incoming else "to   ", "accent" if incoming else "dim")
    head: Line = (Span(f"{at(told.at, now)}  ", "dim"), way, Span(fit(told.name, names), "strong"), Span("  "))
    if not told.words:
        return [(*head, span(told.note, "warn"))]
    line = (*head, span(told.words))
    return [line, (Span(" " * sum(len(each.text) for each in head)), span(told.note, "warn"))] if told.note else [line]


def _check(each: HealthCheck) -> list[Line]:
    glyph, tone = _MARKS[each.state]
    lines: list[Line] = [(Span(f"{glyph} ", tone), Span(each.name.ljust(_LABEL + 1), "dim"), span(each.what))]
    if each.state == "ok":
        return lines
    if each.evidence and each.name != "recent errors":  # the troubles stand below
        lines.append((Span("  "), span(each.evidence, "dim")))
    if each.next_step:
        lines.append((Span("  → ", "accent"), span(each.next_step)))
    return lines
