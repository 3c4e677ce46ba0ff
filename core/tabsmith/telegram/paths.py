"""Where a bridge keeps what must not be lost: one folder for each bot, in the state folder."""

from dataclasses import dataclass
from pathlib import Path

from tabsmith.paths import folders


@dataclass(frozen=True, slots=True)
class BridgePaths:
    """The folder of the bridge of one bot, and the files in it; all are made 0600, in folders of 0700."""

    root: Path

    @classmethod
    def of(cls, bot: str) -> "BridgePaths":
        """Of the bot with this file name (`Token.bot`)."""
        return cls(folders().state / "bridge" / bot)

    @property
    def lock(self) -> Path:
        """Held by the bridge's process for as long as it lives."""
        return self.root / "lock"

    @property
    def inbox(self) -> Path:
        """Every update that came in, and that it was handled."""
        return self.root / "inbox.jsonl"

    @property
    def outbox(self) -> Path:
        """Everything to be sent, and what became of it."""
        return self.root / "outbox.jsonl"

    @property
    def status(self) -> Path:
        """How the bridge is doing, said by itself."""
        return self.root / "status.json"

    @property
    def log(self) -> Path:
        """What a bridge in the background prints."""
        return self.root / "bridge.log"

    def seat(self, user: int) -> Path:
        """Where one person stands, beside the conversation."""
        return self.root / "seats" / f"{user}.json"

    def uploads(self, user: int) -> Path:
        """Files that one person sent."""
        return folders().uploads / str(user)
