"""The bot's token: where it comes from, and how it is kept out of every log, message and file."""

import hashlib
import re
from typing import Final

from tabsmith.config.tree import Settings
from tabsmith.errors import ConfigError

_NUMBERED: Final = re.compile(r"(\d{1,20}):.+")
HIDDEN: Final = "[token]"
PUBLIC_SERVER: Final = "https://api.telegram.org"


class Token:
    """A token that does not show: not when printed, not in a traceback, not in a struct. `reveal()` is for requests."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The token itself."""
        return self._text

    def hide(self, text: object) -> str:
        """`text` without the token in it, also without its secret half."""
        shown = str(text).replace(self._text, HIDDEN)
        secret = self._text.partition(":")[2]
        return shown.replace(secret, HIDDEN) if len(secret) >= 8 else shown

    @property
    def bot(self) -> str:
        """The bot that the token is for, as a file name: its public number, or a fingerprint of a token without one."""
        numbered = _NUMBERED.fullmatch(self._text)
        return numbered[1] if numbered else f"bot-{hashlib.sha256(self._text.encode()).hexdigest()[:16]}"

    def __repr__(self) -> str:
        return HIDDEN


def token_of(settings: Settings) -> Token:
    """The token in the settings. Raises ConfigError when there is none."""
    text = (settings.telegram.token or "").strip()
    if not text:
        raise ConfigError(
            "The bridge has no token.",
            where="telegram.token",
            next_step="Get one from @BotFather in Telegram, then: tabsmith config set telegram.token -",
        )
    return Token(text)


def server_of(settings: Settings) -> str:
    """The server's address without a slash or `/bot` at its end."""
    address = (settings.telegram.base_url or PUBLIC_SERVER).strip().rstrip("/")
    return address.removesuffix("/bot").rstrip("/")
