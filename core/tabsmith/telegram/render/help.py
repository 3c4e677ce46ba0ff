"""The commands of the bridge: their names for Telegram's menu, and the words for /help."""

from typing import Final

from tabsmith.telegram.render.text import StyledText, bold, line, own

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
