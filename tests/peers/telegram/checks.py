"""What the Bot API refuses about a message: lengths, entities, buttons, pictures. In its own words."""

import re
import struct
from typing import Final

from tests.peers.telegram.records import Json, bad

LONGEST_TEXT: Final = 4_096
LONGEST_CAPTION: Final = 1_024
LARGEST_UPLOAD: Final = 50 * 1024 * 1024
LARGEST_DOWNLOAD: Final = 20 * 1024 * 1024
LARGEST_PHOTO: Final = 10 * 1024 * 1024

_STYLES: Final = {"bold", "italic", "underline", "strikethrough", "spoiler", "blockquote", "code", "pre", "text_link"}
# What apps make a link of by themselves, outside of code.
_LIVE: Final = re.compile(
    r"\b[a-z]+://\S+|\b[\w.+-]+@[\w-]+\.\w+|(?<!\w)@\w{4,32}|(?<![\w/])/[a-zA-Z]\w*|(?<!\w)#\w*[^\W\d]\w*"
    r"|\b(?:[\w-]+\.)+(?:com|org|net|io|me|ai|de|ru|dev|app|info|co|uk|xyz|py|md|sh|zip)\b(?:/\S*)?|\+\d[\d ()-]{6,}\d",
    re.IGNORECASE,
)


def units(text: str) -> int:
    """The length as the Bot API counts it, in UTF-16 units."""
    return len(text.encode("utf-16-le")) // 2


def check_text(text: str) -> None:
    if not text.strip():
        raise bad("message text is empty")
    if units(text) > LONGEST_TEXT:
        raise bad("message is too long")


def check_caption(text: str) -> None:
    if units(text) > LONGEST_CAPTION:
        raise bad("message caption is too long")


def check_entities(text: str, entities: object) -> tuple[Json, ...]:
    """The entities of a text, in order."""
    if not isinstance(entities, list):
        raise bad("can't parse entities: expected an Array")
    raw, end = text.encode("utf-16-le"), units(text)
    for each in entities:
        if not isinstance(each, dict) or each.get("type") not in _STYLES:
            raise bad("can't parse MessageEntity: unsupported type")
        offset, length = each.get("offset"), each.get("length")
        if not isinstance(offset, int) or offset < 0:
            raise bad("receive an entity with incorrect offset")
        if not isinstance(length, int) or length < 1:
            raise bad("receive an entity with incorrect length")
        if offset + length > end:
            raise bad(
                f"entity beginning at UTF-16 offset {offset} ends after the end of the text at UTF-16 offset {end}"
            )
        for place in (offset, offset + length):
            if place < end and 0xDC <= raw[2 * place + 1] <= 0xDF:
                raise bad(f"entity begins in a middle of a UTF-16 symbol at byte offset {place}")
    return tuple(sorted(entities, key=lambda each: (each["offset"], -each["length"])))


def check_keyboard(markup: object) -> Json | None:
    """The inline keyboard, None where there is none."""
    if markup is None or markup == {}:
        return None
    rows = markup.get("inline_keyboard") if isinstance(markup, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise bad("object expected as reply markup")
    buttons = [each for row in rows for each in row]
    for each in buttons:
        if not isinstance(each, dict) or not isinstance(each.get("text"), str) or not each["text"].strip():
            raise bad('can\'t parse inline keyboard button: Field "text" must be of type String')
        if "callback_data" not in each:
            raise bad("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
        if not 1 <= len(str(each["callback_data"]).encode()) <= 64:
            raise bad("BUTTON_DATA_INVALID")
    if len(buttons) > 100:
        raise bad("REPLY_MARKUP_TOO_LONG")
    return {"inline_keyboard": [row for row in rows if row]} if buttons else None


def check_photo(data: bytes) -> tuple[int, int]:
    """Width and height of a PNG picture; other kinds the tests do not send."""
    if len(data) > LARGEST_PHOTO:
        raise bad(f"file of size {len(data)} bytes is too big for a photo; the maximum size is {LARGEST_PHOTO} bytes")
    if not data.startswith(b"\x89PNG\r\n\x1a\n") or len(data) < 24:
        raise bad("IMAGE_PROCESS_FAILED")
    width, height = struct.unpack(">II", data[16:24])
    if width + height > 10_000 or max(width, height) > 20 * min(width, height):
        raise bad("PHOTO_INVALID_DIMENSIONS")
    return width, height


def live_parts(text: str, entities: tuple[Json, ...]) -> tuple[str, ...]:
    """What apps would make clickable: links, mentions, commands, tags and numbers that stand outside of code."""
    dark = [(each["offset"], each["offset"] + each["length"]) for each in entities if each["type"] in ("code", "pre")]
    found = [each["url"] for each in entities if each["type"] == "text_link"]
    for match in _LIVE.finditer(text):
        start, end = units(text[: match.start()]), units(text[: match.end()])
        if not any(start < last and first < end for first, last in dark):
            found.append(match[0])
    return tuple(found)
