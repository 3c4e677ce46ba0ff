"""What was assumed when a table was read, in one line: its sheet, header, skipped lines, delimiter, quotes, encoding."""

from typing import Final

from tabsmith.tables.info import Dialect, TableInfo
from tabsmith.tables.read.sources import FileSource
from tabsmith.text import clean, plural

_DELIMITERS: Final = {",": "comma", ";": "semicolon", "\t": "tab", " ": "space", "|": "pipe", ":": "colon"}


def describe_reading(info: TableInfo) -> str:
    """`header in line 3; 2 lines above it skipped; delimiter semicolon; cp1252`, as far as these mean something.

    "" for a source that says itself how it is read.
    """
    dialect = info.dialect
    parts = [f"sheet {clean(info.sheet, 40)}"] if len(info.sheets) > 1 else []
    parts += _header_parts(info)
    if info.encoding and dialect.delimiter:
        parts.append(f"delimiter {_DELIMITERS.get(dialect.delimiter, clean(dialect.delimiter, 8))}")
        parts += _quote_parts(dialect)
    if dialect.starts:
        parts.append("columns of fixed width")
    if info.encoding not in {"", "utf-8", "utf-8-sig"}:
        parts.append(info.encoding)
    return "; ".join(parts)


def _header_parts(info: TableInfo) -> list[str]:
    dialect = info.dialect
    skipped = plural(dialect.skipped_lines, "line")
    if not dialect.header:
        return ["no header", *([f"{skipped} skipped"] if dialect.skipped_lines else [])]
    given = isinstance(info.source, FileSource) and info.source.options.header is not None
    line = dialect.header_line or dialect.skipped_lines + 1
    if not dialect.skipped_lines and not given:
        return ["header in line 1"] if info.encoding and dialect.delimiter else []
    return [f"header in line {line}", *([f"{skipped} above it skipped"] if dialect.skipped_lines else [])]


def _quote_parts(dialect: Dialect) -> list[str]:
    parts = []
    if dialect.quote != '"':
        parts.append(f"quote {clean(dialect.quote, 4)}" if dialect.quote else "no quotes")
    if dialect.escape and dialect.escape != dialect.quote:
        parts.append(f"escape {clean(dialect.escape, 4)}")
    return parts
