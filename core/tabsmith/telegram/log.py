"""What the bridge says while it works: a line for each thing worth knowing, on stderr, never with the token in it."""

import logging
import sys
from typing import Final

from tabsmith.telegram.token import Token
from tabsmith.text import clean_block

_LINE: Final = "%(asctime)s %(message)s"
_LONGEST: Final = 2_000


def log_to_stderr(token: Token) -> None:
    """From now on the bridge's own log goes to stderr, with warnings of the libraries that it uses."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_WithoutToken(token))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)  # of the libraries: one of them tells every address, and the token is part of it
    logging.getLogger("tabsmith").setLevel(logging.INFO)


class _WithoutToken(logging.Formatter):
    """Formats a record with its traceback, and takes the token and everything that acts on a terminal out of it."""

    def __init__(self, token: Token) -> None:
        super().__init__(_LINE, "%Y-%m-%d %H:%M:%S")
        self._token = token

    def format(self, record: logging.LogRecord) -> str:
        return clean_block(self._token.hide(super().format(record)), _LONGEST)
