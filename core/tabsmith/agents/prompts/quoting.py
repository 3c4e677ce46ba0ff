"""Quotes foreign text in a prompt, so that it cannot close its data block or pose as an instruction.

Text from a table or a model becomes a JSON string. `<`, `>`, backticks and control characters are written as escapes,
so a quoted name stays exact and can never hold a block's marker.
"""

import json
import re
from typing import Final

from tabsmith.text import clean

BLOCK_START: Final = "<data>"
BLOCK_END: Final = "</data>"

_MARKER: Final = re.compile(r"<\s*/?\s*data\s*>", re.IGNORECASE)
_UNUSUAL: Final = re.compile(r"[^ -~]")
_ESCAPES: Final = str.maketrans({"<": "\\u003c", ">": "\\u003e", "`": "\\u0060"})


def escape_json(text: str) -> str:
    """Return JSON of exactly the same meaning without markers, in ASCII alone if cleaning would change it."""
    if clean(text, len(text) + 1) != text:
        text = _UNUSUAL.sub(lambda match: json.dumps(match[0])[1:-1], text)
    return text.translate(_ESCAPES)


def quote_exactly(text: str) -> str:
    """Return `text` as a JSON string that decodes to exactly the same text."""
    return escape_json(json.dumps(text, ensure_ascii=False))


def quote(text: object, limit: int = 120) -> str:
    """Return `text` as a JSON string, cleaned and cut to `limit` characters."""
    return json.dumps(clean(text, limit), ensure_ascii=False).translate(_ESCAPES)


def strip_markers(text: str) -> str:
    """Return text for outside of data blocks, with every block marker replaced."""
    return _MARKER.sub("[data]", text)


def data_block(lines: list[str]) -> str:
    """Return the lines as a data block. Foreign text in them is quoted already, so the block closes exactly once."""
    return "\n".join((BLOCK_START, *lines, BLOCK_END))
