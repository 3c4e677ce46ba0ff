"""Compression and character encoding of text files: detected by the first bytes, and undone into plain UTF-8."""

import codecs
import gzip
import io
import re
import unicodedata
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final, cast

import msgspec

from tabsmith.errors import ReadError
from tabsmith.tables.read.opened_file import Compression, OpenedFile, require_unpacked_size
from tabsmith.tables.read.table_limits import require_modest_unpacking

HEAD: Final = 65_536  # bytes at the start of a file by which its format and encoding are recognised
_CHUNK: Final = 1 << 20
_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_BYTE_ORDER_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins with the mark of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_GUESSED_LINES: Final = 400  # lines with other than ASCII characters by which an encoding is guessed
_LATIN: Final = ("cp1250", "cp1254", "cp1257", "mac_roman", "cp850")  # after cp1252, the most usual first
_FOREIGN: Final = (
    *("cp1251", "koi8_r", "cp866", "mac_cyrillic", "cp1253", "cp1255", "cp1256"),
    *("cp932", "euc_jp", "gb18030", "big5", "cp949"),
)
_WESTERN_LETTERS: Final = tuple(
    map(
        frozenset,
        ("äöüß", "àâæçéèêëîïôùûüÿœ", "áéíñóúü", "ãõâêôàáçéíóúü", "àèéìíîòóùú", "åäöæøéü", "áðéíóúýþæö", "ëïéèöüáó"),
    )
)
"""The letters of German, French, Spanish, Portuguese, Italian, the Nordic languages, Icelandic, Dutch."""
_FOREIGN_SHARE: Final = 0.3  # of the letters beyond ASCII that stand three in a row in a text of another script
_LETTER_RUNS: Final = re.compile(r"[\u0080-\uffff]+")
_NOT_ASCII: Final = re.compile(r"[^\x00-\x7f]")
_SIGNS_IN_WORDS: Final = "\u2019\u2018\u201c\u201d«»\u2013\u2014€£°·"
_NOT_IN_CP1252: Final = b"\x81\x8d\x8f\x90\x9d"


# Compression ---------------------------------------------------------------------------------------------------------


def detect_compression(head: bytes) -> Compression:
    """How a file that begins with `head` is compressed."""
    if head.startswith(_GZIP):
        return "gzip"
    return "zstd" if head.startswith(_ZSTD) else "none"


def unpack_head(head: bytes, compression: Compression) -> bytes:
    """The unpacked bytes (at most 64 KiB) that the packed bytes `head` give; b"" if these are damaged."""
    if compression == "none":
        return head
    if compression == "gzip":
        try:
            return zlib.decompressobj(wbits=31).decompress(head, HEAD)
        except zlib.error:
            return b""
    import zstandard

    try:
        with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(head)) as stream:
            return stream.read(HEAD)
    except zstandard.ZstdError:
        return b""


def unpacked(stream: BinaryIO, compression: Compression, display_path: str) -> Iterator[bytes]:
    """The unpacked content of `stream`, in pieces of up to 1 MiB. Raises ReadError if it is damaged."""
    if compression == "zstd":
        import zstandard

        damage: tuple[type[Exception], ...] = (zstandard.ZstdError,)
        plain = cast(BinaryIO, zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True))
    else:
        damage = (gzip.BadGzipFile, zlib.error, EOFError)
        plain = cast(BinaryIO, gzip.open(stream)) if compression == "gzip" else stream  # noqa: SIM115
    total = 0
    try:
        while piece := plain.read(_CHUNK):
            total += len(piece)
            if compression != "none":
                require_modest_unpacking(stream.tell(), total, display_path)
            yield piece
    except damage as error:
        raise ReadError(
            f"The {compression} file is damaged or cut off: {error}.",
            where=display_path,
            next_step=f"Get the file again; test it with `{compression} -t`.",
        ) from error


# Encoding ------------------------------------------------------------------------------------------------------------


class EncodingGuess(msgspec.Struct, frozen=True):
    """The encoding of a text, and others in which it reads as well, so that a person should look at its letters."""

    name: str
    others: tuple[str, ...] = ()


def detect_encoding(head: bytes) -> str:
    """The encoding of a text by its first bytes; see `guess_encoding`."""
    return guess_encoding(head).name


def guess_encoding(head: bytes) -> EncodingGuess:
    """The encoding of a text by its first bytes.

    With a byte order mark it is utf-8-sig, utf-16 or utf-32. Text that fits UTF-8 is UTF-8, also if a few lines are
    damaged. Other text is in the encoding of one language or of one system: in which its letters stand as in words.
    """
    for mark, name in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return EncodingGuess(name)
    if b"\x00" in head and decode_head(head).count("\x00") < head.count(0) / 2:
        return EncodingGuess("utf-16-le" if head[1:2] == b"\x00" else "utf-16-be")
    if fits_utf8(head):
        return EncodingGuess("utf-8")
    lines = [line for line in head.splitlines() if not line.isascii()][:_GUESSED_LINES]
    if sum(map(fits_utf8, lines)) > 0.5 * len(lines):
        return EncodingGuess("utf-8")  # the damaged lines are repaired one by one
    return _legacy_encoding(b"\n".join(lines)[:HEAD])


def _legacy_encoding(data: bytes) -> EncodingGuess:
    """The encoding of a text that is not Unicode."""
    western = data.decode(one_byte_encoding(data), "replace")
    runs = _LETTER_RUNS.findall(western)
    if sum(len(run) for run in runs if len(run) > 2) > _FOREIGN_SHARE * max(1, sum(map(len, runs))):
        return _foreign_encoding(data)
    scores = {name: _letter_score(data.decode(name, "replace")) for name in (one_byte_encoding(data), *_LATIN)}
    best = max(scores, key=lambda name: scores[name])
    text = data.decode(best, "replace")
    others = tuple(
        name
        for name, score in scores.items()
        if name != best and score >= scores[best] and data.decode(name, "replace") != text
    )
    if others and not (best == one_byte_encoding(data) and _is_of_one_language(text, data, others)):
        found = _likely_encodings(data, (best, *others))
        if found:
            best, others = found[0], tuple(name for name in (best, *others) if name != found[0])
    return EncodingGuess(best, () if best == one_byte_encoding(data) else others)


def _is_of_one_language(text: str, data: bytes, others: tuple[str, ...]) -> bool:
    """Whether the letters that read otherwise in `others` all belong to one language of Western Europe."""
    doubtful = {
        letter.lower()
        for name in others
        for letter, other in zip(text, data.decode(name, "replace"), strict=True)
        if letter != other and letter.isalpha()
    }
    return any(doubtful <= letters for letters in _WESTERN_LETTERS)


def _foreign_encoding(data: bytes) -> EncodingGuess:
    """The encoding of a text in another script than the Latin one; Western if nothing fits."""
    found = _likely_encodings(data, _FOREIGN)
    return EncodingGuess(found[0], found[1:]) if found else EncodingGuess(one_byte_encoding(data), _FOREIGN[:1])


def _likely_encodings(data: bytes, names: tuple[str, ...]) -> tuple[str, ...]:
    """Which of the encodings called `names` charset-normalizer finds the most likely: several if it cannot tell."""
    from charset_normalizer import from_bytes

    matches = list(from_bytes(data, cp_isolation=list(names)))
    if not matches:
        return ()
    best = matches[0]
    alike = [match.encoding for match in matches[1:] if match.chaos <= best.chaos and best.coherence == 0]
    return best.encoding, *alike


def _letter_score(text: str) -> float:
    """How well the letters beyond ASCII stand as letters do: small ones within words, capitals before them."""
    score = 0.0
    for match in _NOT_ASCII.finditer(text):
        character, index = match.group(), match.start()
        before, after = text[index - 1 : index], text[index + 1 : index + 2]
        in_word = before.isalpha() or after.isalpha()
        if character == "\ufffd" or unicodedata.category(character) == "Cc":
            score -= 2
        elif character.isalpha():
            is_misplaced = character.isupper() and before.islower()
            score += -1.0 if is_misplaced else 1.0 if in_word else 0.5
        elif character not in _SIGNS_IN_WORDS and in_word:
            score -= 1.0
        else:
            score += 0.6
    return score


def fits_utf8(data: bytes) -> bool:
    """Whether `data`, perhaps cut within its last character, is UTF-8."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError:
        return False
    return True


def one_byte_encoding(data: bytes) -> str:
    """The encoding of Western text that is not UTF-8: cp1252, or latin-1 if `data` holds bytes unknown to cp1252."""
    return "latin-1" if any(byte in data for byte in _NOT_IN_CP1252) else "cp1252"


def decode_head(head: bytes) -> str:
    """The first bytes of a file as text for recognition; characters that cannot be decoded become U+FFFD."""
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return head.decode("utf-32", "replace")
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return head.decode("utf-16", "replace")
    if _looks_utf16(head):
        return head.decode("utf-16-le" if head[1:2] == b"\x00" else "utf-16-be", "replace")
    return head.decode("utf-8-sig", "replace")


def is_binary(head: bytes) -> bool:
    """Whether `head` is no text. A stray null byte in text is damage of a text file and does not make it binary."""
    if b"\x00" not in head or head.startswith(tuple(mark for mark, _ in _BYTE_ORDER_MARKS)) or _looks_utf16(head):
        return False
    control_bytes = sum(1 for byte in head if byte < 9 or 13 < byte < 32)
    return control_bytes > max(3, 0.02 * len(head))


def _looks_utf16(head: bytes) -> bool:
    sample = head[:2_000]
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    return max(even, odd) > 0.3 * len(sample) / 2 and min(even, odd) < 0.05 * len(sample) / 2


# Whole files ---------------------------------------------------------------------------------------------------------


def read_text(opened: OpenedFile, max_mb: float) -> str:
    """The whole text of a file, unpacked and decoded. Raises ReadError, FileTooLargeError."""
    file = opened.file
    pieces: list[bytes] = []
    total = 0
    with opened.open() as stream:
        for piece in unpacked(stream, file.compression, file.display_path):
            total += len(piece)
            require_unpacked_size(total, max_mb, file.display_path)
            pieces.append(piece)
    data = b"".join(pieces)
    return decode_text(data, detect_encoding(data))


def text_pieces(opened: OpenedFile, max_mb: float, encoding: str | None) -> Iterator[str]:
    """The text of a file in pieces, unpacked and decoded, without a byte order mark.

    Without `encoding` it is detected by the first piece. Characters that cannot be decoded become U+FFFD. Raises
    ReadError, and FileTooLargeError if the file unpacks to more than `max_mb`.
    """
    file = opened.file
    decoder: codecs.IncrementalDecoder | None = None
    total = 0
    with opened.open() as stream:
        for piece in unpacked(stream, file.compression, file.display_path):
            total += len(piece)
            require_unpacked_size(total, max_mb, file.display_path)
            if decoder is None:
                name = encoding or detect_encoding(piece)
                decoder = codecs.getincrementaldecoder("utf-8-sig" if name == "utf-8" else name)("replace")
            yield decoder.decode(piece)
        if decoder is not None:
            yield decoder.decode(b"", final=True)


def decode_text(data: bytes, encoding: str) -> str:
    """`data` as text without a byte order mark; characters that cannot be decoded become U+FFFD."""
    return data.decode("utf-8-sig" if encoding == "utf-8" else encoding, "replace")


def write_utf8(opened: OpenedFile, out: Path, *, encoding: str, max_mb: float, advance: Callable[[int], None]) -> None:
    """Write the text of a file to `out`, unpacked, as UTF-8 without a byte order mark.

    `advance` is called with the number of packed bytes read. Raises ReadError, and FileTooLargeError over `max_mb`.
    """
    file = opened.file
    errors = "replace" if encoding.startswith(("utf-16", "utf-32")) else "strict"
    is_utf8 = encoding in {"utf-8", "utf-8-sig"}  # lines that are not UTF-8 after all are repaired later, one by one
    decoder = None if is_utf8 else codecs.getincrementaldecoder(encoding)(errors)
    total = 0
    with opened.open() as stream, out.open("wb") as target:
        for piece in unpacked(stream, file.compression, file.display_path):
            if total == 0 and is_utf8:
                piece = piece.removeprefix(codecs.BOM_UTF8)
            total += len(piece)
            require_unpacked_size(total, max_mb, file.display_path)
            target.write(piece if decoder is None else decoder.decode(piece).encode("utf-8", "replace"))
            advance(stream.tell())
        if decoder is not None:
            target.write(decoder.decode(b"", final=True).encode("utf-8", "replace"))
