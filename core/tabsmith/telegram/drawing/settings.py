"""A person's settings at the bridge: what they hear of, whose conversation it is; and what the machine is set to."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from tabsmith.agents.availability import Availability
from tabsmith.telegram.drawing.pressable import button, in_rows, rows
from tabsmith.telegram.meaning import Meaning, SetFollowAll, SetHear, Sit, Stale
from tabsmith.telegram.outgoing import Message
from tabsmith.telegram.seats import Hear, NoticeKind, Seat
from tabsmith.telegram.words import Piece, bold, foreign, line, mixed, own
from tabsmith.text import plural

PREFIX: Final = "s"
_MOST_FOLDERS: Final = 12
_NEXT: Final[Mapping[Hear, Hear]] = MappingProxyType({"on": "silent", "silent": "off", "off": "on"})
_KINDS: Final[Mapping[NoticeKind, str]] = MappingProxyType(
    {
        "question": "it asks",
        "finished": "finished",
        "failed": "failed",
        "champion": "new best",
        "budget": "limit near",
        "agent": "other agent",
    }
)


def settings(
    seat: Seat,
    *,
    token_from: str,
    server: str,
    allowed_users: int,
    folders: tuple[Path, ...],
    agents: tuple[Availability, ...],
) -> Message:
    """The settings, with a button for each that a press changes. `token_from` is in words: never the token."""
    text: list[Piece] = [*line(bold("Settings")), *line(own("Of a run that you follow you hear when:"))]
    for kind, words in _KINDS.items():
        text += line(own(f"    {words}: {seat.hears(kind)}"))
    every = "every run of this machine" if seat.follow_all else "the runs that you began, or chose to follow"
    text += line(own(f"You follow {every}."))
    whose = "the terminal's, together with whoever sits there" if seat.session == "local" else "your own"
    text += [*line(own(f"The conversation is {whose}.")), *line()]
    text += line(own("The token comes from "), mixed(token_from, 120))
    text += line(own("Server "), foreign(server, 120))
    text += line(own(f"{plural(allowed_users, 'person', 'people')} may use this bridge."))
    text += line(own("Files on the machine may be read below"))
    for folder in folders[:_MOST_FOLDERS]:
        text += line(own("    "), foreign(folder, 200))
    if len(folders) > _MOST_FOLDERS:
        text += line(own(f"    and {len(folders) - _MOST_FOLDERS} more"))
    text += line(own("Who can propose recipes"))
    for agent in agents:
        text += line(own(f"    {agent.agent}: {agent.usable}, "), mixed(agent.why, 200))
    hearing = [
        button(f"{words}: {seat.hears(kind)}", PREFIX, "hear", kind, seat.hears(kind)) for kind, words in _KINDS.items()
    ]
    follow = (
        button("Follow only mine", PREFIX, "all", "off")
        if seat.follow_all
        else button("Follow all", PREFIX, "all", "on")
    )
    sit = (
        button("My own conversation", PREFIX, "sit", "own")
        if seat.session == "local"
        else button("The terminal's conversation", PREFIX, "sit", "local")
    )
    return Message(tuple(text), rows(*in_rows(hearing, 2), (follow,), (sit,)))


def pressed(data: str, seat: Seat) -> Meaning:
    """What a button of the settings means; a notice's button names what it showed, and changes it to the next."""
    match data.split(":"):
        case [prefix, "hear", kind, shown] if prefix == PREFIX:
            named = next((each for each in _KINDS if each == kind), None)
            if named is None or seat.hears(named) != shown:
                return Stale()
            return SetHear(named, _NEXT[seat.hears(named)])
        case [prefix, "all", ("on" | "off") as wanted] if prefix == PREFIX:
            return SetFollowAll(wanted == "on")
        case [prefix, "sit", ("own" | "local") as session] if prefix == PREFIX:
            return Sit("own" if session == "own" else "local")
        case _:
            return Stale()
