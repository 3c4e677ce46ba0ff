"""The bot's token: where it comes from, and how it is kept out of every log, message and file.

What the bridge says while it works: a line for each thing worth knowing, on stderr, never with the token in it.
"""

import hashlib
import logging
import re
import sys
from typing import Final

from tabsmith.config.settings import Settings
from tabsmith.errors import ConfigError
from tabsmith.text import clean_block

_NUMBERED: Final = re.compile(r"(\d{1,20}):.+")
HIDDEN: Final = "[token]"
PUBLIC_SERVER: Final = "https://api.telegram.org"


class BotToken:
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


def bot_token(settings: Settings) -> BotToken:
    """The token in the settings. Raises ConfigError when there is none."""
    text = (settings.telegram.token or "").strip()
    if not text:
        raise ConfigError(
            "The bridge has no token.",
            where="telegram.token",
            next_step="Get one from @BotFather in Telegram, then: tabsmith config set telegram.token -",
        )
    return BotToken(text)


def server_address(settings: Settings) -> str:
    """The server's address without a slash or `/bot` at its end."""
    address = (settings.telegram.base_url or PUBLIC_SERVER).strip().rstrip("/")
    return address.removesuffix("/bot").rstrip("/")


_LINE: Final = "%(asctime)s %(message)s"
_LONGEST: Final = 2_000


def log_to_stderr(token: BotToken) -> None:
    """From now on the bridge's own log goes to stderr, with warnings of the libraries that it uses."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_WithoutToken(token))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)  # of the libraries: one of them tells every address, and the token is part of it
    logging.getLogger("tabsmith").setLevel(logging.INFO)


class _WithoutToken(logging.Formatter):
    """Formats a record with its traceback, and takes the token and everything that acts on a terminal out of it."""

    def __init__(self, token: BotToken) -> None:
        super().__init__(_LINE, "%Y-%m-%d %H:%M:%S")
        self._token = token

    def format(self, record: logging.LogRecord) -> str:
        return clean_block(self._token.hide(super().format(record)), _LONGEST)
