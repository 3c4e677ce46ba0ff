"""The commands of the bridge with the words for /help, and a person's settings: what they hear of, whose conversation it is,
and what the machine is set to."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from tabsmith.agents.backend import Availability
from tabsmith.presentation.labels import AVAILABILITIES
from tabsmith.telegram.actions import ChatAction, SetFollowAll, SetNotificationLevel, StaleButton, SwitchSession
from tabsmith.telegram.chat_state import ChatState, NotificationKind, NotificationLevel
from tabsmith.telegram.render.messages import OutgoingMessage, button, in_columns, keyboard
from tabsmith.telegram.render.text import Piece, StyledText, bold, foreign, line, mixed, own
from tabsmith.text import plural

PREFIX: Final = "s"
_MOST_FOLDERS: Final = 12
_NEXT: Final[Mapping[NotificationLevel, NotificationLevel]] = MappingProxyType(
    {"on": "silent", "silent": "off", "off": "on"}
)
_KINDS: Final[Mapping[NotificationKind, str]] = MappingProxyType(
    {
        "question": "it asks",
        "finished": "finished",
        "failed": "failed",
        "champion": "new best",
        "budget": "limit near",
        "agent": "other agent",
    }
)


def settings_message(
    seat: ChatState,
    *,
    token_from: str,
    server: str,
    allowed_users: int,
    folders: tuple[Path, ...],
    agents: tuple[Availability, ...],
) -> OutgoingMessage:
    """The settings, with a button for each that a press changes. `token_from` is in words: never the token."""
    text: list[Piece] = [*line(bold("Settings")), *line(own("Of a run that you follow you hear when:"))]
    for kind, words in _KINDS.items():
        text += line(own(f"    {words}: {seat.notification_level(kind)}"))
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
        text += line(own(f"    {agent.agent}: {AVAILABILITIES[agent.usable].word}, "), mixed(agent.why, 200))
    hearing = [
        button(f"{words}: {seat.notification_level(kind)}", PREFIX, "hear", kind, seat.notification_level(kind))
        for kind, words in _KINDS.items()
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
    return OutgoingMessage(tuple(text), keyboard(*in_columns(hearing, 2), (follow,), (sit,)))


def parse_press(data: str, seat: ChatState) -> ChatAction:
    """What a button of the settings means; a notice's button names what it showed, and changes it to the next."""
    match data.split(":"):
        case [prefix, "hear", kind, shown] if prefix == PREFIX:
            named = next((each for each in _KINDS if each == kind), None)
            if named is None or seat.notification_level(named) != shown:
                return StaleButton()
            return SetNotificationLevel(named, _NEXT[seat.notification_level(named)])
        case [prefix, "all", ("on" | "off") as wanted] if prefix == PREFIX:
            return SetFollowAll(wanted == "on")
        case [prefix, "sit", ("own" | "local") as session] if prefix == PREFIX:
            return SwitchSession("own" if session == "own" else "local")
        case _:
            return StaleButton()


COMMANDS: Final[tuple[tuple[str, str], ...]] = (
    ("start", "begin, or resume where you left off"),
    ("help", "what can be written here"),
    ("train", "train a model from a table"),
    ("predict", "predict new rows with a model"),
    ("models", "the models, to show or to delete"),
    ("runs", "the runs of this machine, to follow"),
    ("status", "what is going on now"),
    ("stop", "stop a run; its best model is kept"),
    ("pause", "pause a run"),
    ("resume", "resume a paused run"),
    ("cancel", "discard session; runs continue"),
    ("back", "one step back; nothing is lost"),
    ("settings", "what you hear of, and whose session"),
)


def help_text() -> StyledText:
    """What the bridge is, and a line for each command."""
    text: StyledText = (
        *line(bold("tabsmith")),
        *line(
            own("Send a table (CSV, Excel, Parquet, JSON; up to 20 MB), check what was understood of it, and train.")
        ),
        *line(),
    )
    for name, words in COMMANDS:
        text += line(own(f"/{name}  {words}"))
    return (
        *text,
        *line(),
        *line(own("Buttons do what they say. Where a value is asked for, send it as a message.")),
    )
