"""Text from a table or a model made safe inside a letter: quoted, so that it cannot close its block or pose as a rule.

Everything from outside becomes a JSON string. `<`, `>`, backticks and whatever a terminal or a reader should not meet
are written as escapes, so a quoted name stays exact and a marker of a block can never stand in it.
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
    """A JSON text that means exactly the same, without markers, and in ASCII alone where cleaning would change it."""
    if clean(text, len(text) + 1) != text:
        text = _UNUSUAL.sub(lambda found: json.dumps(found[0])[1:-1], text)
    return text.translate(_ESCAPES)


def quote_exactly(text: str) -> str:
    """`text` as a JSON string that reads back as exactly the same."""
    return escape_json(json.dumps(text, ensure_ascii=False))


def quote(text: object, limit: int = 120) -> str:
    """`text` cleaned, cut to `limit` characters and quoted as a JSON string."""
    return json.dumps(clean(text, limit), ensure_ascii=False).translate(_ESCAPES)


def strip_markers(text: str) -> str:
    """Text that stands outside a block, without a marker of one."""
    return _MARKER.sub("[data]", text)


def data_block(lines: list[str]) -> str:
    """The lines as a data block. Whatever is from outside in them is quoted already, so it closes exactly once."""
    return "\n".join((BLOCK_START, *lines, BLOCK_END))
