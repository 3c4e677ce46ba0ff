"""Where a bridge keeps its files: one folder for each bot, in the state folder."""

from dataclasses import dataclass
from pathlib import Path

from tabsmith.paths import folders


@dataclass(frozen=True, slots=True)
class BridgePaths:
    """The folder of one bot's bridge and the files in it. Files are made with mode 0600, folders with 0700."""

    root: Path

    @classmethod
    def of(cls, bot: str) -> "BridgePaths":
        """The paths for the bot with this file name (`BotToken.bot`)."""
        return cls(folders().state / "bridge" / bot)

    @property
    def lock(self) -> Path:
        """Lock that the bridge's process holds while it lives."""
        return self.root / "lock"

    @property
    def inbox(self) -> Path:
        """Journal of every update received, and of those handled."""
        return self.root / "inbox.jsonl"

    @property
    def outbox(self) -> Path:
        """Journal of every message to be sent, and of its outcome."""
        return self.root / "outbox.jsonl"

    @property
    def requests(self) -> Path:
        """Journal of test messages that other programs ask the bridge to send."""
        return self.root / "requests.jsonl"

    @property
    def status(self) -> Path:
        """How the bridge is doing, written by the bridge."""
        return self.root / "status.json"

    @property
    def log(self) -> Path:
        """Output of a bridge in the background."""
        return self.root / "bridge.log"

    def chat_state(self, user: int) -> Path:
        """One person's chat state."""
        return self.root / "seats" / f"{user}.json"

    def uploads(self, user: int) -> Path:
        """Folder of the files that one person sent."""
        return folders().uploads / str(user)
