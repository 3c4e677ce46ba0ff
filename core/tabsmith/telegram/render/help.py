"""The commands of the bridge: their names for Telegram's menu, and the words for /help."""

from typing import Final

from tabsmith.telegram.render.text import StyledText, bold, line, own

COMMANDS: Final[tuple[tuple[str, str], ...]] = (
    ("start", "begin, or go on where you left off"),
    ("help", "what can be said here"),
    ("train", "train a model from a table"),
    ("predict", "predict new rows with a model"),
    ("models", "the models, to show or to delete"),
    ("runs", "the runs of this machine, to follow"),
    ("status", "where everything stands now"),
    ("stop", "stop a run; its best model is kept"),
    ("pause", "hold a run"),
    ("resume", "let a run go on that was held"),
    ("cancel", "give up this conversation; runs go on"),
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
