"""The bot's token: where it comes from, and how it is kept out of every log, message and file."""

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
_LOG_FORMAT: Final = "%(asctime)s %(message)s"
_MAX_RECORD_CHARS: Final = 2_000


class BotToken:
    """A token that is hidden when printed, in tracebacks and in structs. `reveal()` is for requests."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The token itself."""
        return self._text

    def hide(self, text: object) -> str:
        """`text` with the token, and its secret half alone, replaced by `HIDDEN`."""
        without_token = str(text).replace(self._text, HIDDEN)
        secret = self._text.partition(":")[2]
        return without_token.replace(secret, HIDDEN) if len(secret) >= 8 else without_token

    @property
    def bot(self) -> str:
        """File name for the bot: its public number, or a fingerprint of a token without a number."""
        numbered = _NUMBERED.fullmatch(self._text)
        return numbered[1] if numbered else f"bot-{hashlib.sha256(self._text.encode()).hexdigest()[:16]}"

    def __repr__(self) -> str:
        return HIDDEN


def bot_token(settings: Settings) -> BotToken:
    """The token in the settings. Raises ConfigError if there is none."""
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


def log_to_stderr(token: BotToken) -> None:
    """Log to stderr from now on, without the token: what tabsmith logs, and warnings of its libraries."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_WithoutToken(token))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)  # libraries log addresses at INFO, and the token is part of an address
    logging.getLogger("tabsmith").setLevel(logging.INFO)


class _WithoutToken(logging.Formatter):
    """Formats a record with its traceback, without the token and without control characters."""

    def __init__(self, token: BotToken) -> None:
        super().__init__(_LOG_FORMAT, "%Y-%m-%d %H:%M:%S")
        self._token = token

    def format(self, record: logging.LogRecord) -> str:
        return clean_block(self._token.hide(super().format(record)), _MAX_RECORD_CHARS)
