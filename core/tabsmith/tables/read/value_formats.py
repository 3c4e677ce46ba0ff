"""What a cell's text may mean: the words for a missing value, and the formats of numbers, dates and booleans.

A `ValueFormat` is one way to read a whole column of text: a pattern for a sample in Python, an expression for all rows
in SQL. A column takes the first format that fits every value which is not missing.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from tabsmith.errors import UnknownFormatError
from tabsmith.tables.column_format import MISSING_WORDS
from tabsmith.tables.profile.types import StorageType
from tabsmith.text import clean

MISSING_IN_NUMBERS: Final = (
    *MISSING_WORDS,
    *("na", "Null", "None", "none", "NONE", "NAN", "--", "---", ".", "..", "*", "#NA", "#DIV/0!", "#VALUE!", "#REF!"),
    *("missing", "unknown", "Unknown", "not available", "#NUM!"),
)
_SIGNS: Final = " \t\u00a0$€£¥%"  # around a number
_TWO_LETTERS: Final = re.compile(r"[A-Z]{2}")


class ValueFormat(msgspec.Struct, frozen=True):
    """One way to read a column of text. In `sql` and `strict`, `{t}` is the trimmed text, never missing.

    `sql` gives the value, or NULL for a text in another format; `strict` gives the same for a text known to fit, is
    quicker, and is an error otherwise.
    """

    name: str
    storage: StorageType
    pattern: re.Pattern[str]
    sql: str
    strict: str = ""
    native: str = ""  # the type with which the CSV reader itself takes such a column just as well


def _value_format(
    name: str, storage: StorageType, pattern: str, sql: str, strict: str = "", native: str = ""
) -> ValueFormat:
    return ValueFormat(name, storage, re.compile(pattern, re.ASCII), sql, strict, native)


def _where(pattern: str, value: str) -> str:
    """SQL: `value` where the text matches `pattern`, else NULL."""
    return f"CASE WHEN regexp_full_match({{t}}, '{_escaped(pattern)}') THEN {value} END"


def _escaped(pattern: str) -> str:
    return pattern.replace("'", "''")


_TIME: Final = r"(?:[ T]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)"
_ZONE: Final = r"(?: ?(?:Z|UTC|[+-]\d{2}(?::?\d{2})?))"

_FLOAT: Final = (
    r"[+-]?(?:(?:0|[1-9]\d{0,14})(?:\.\d*)?|[1-9]\d+\.\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?(?:inf|Inf|INF|Infinity)"
)
# Thousands are parted by a comma, a space, an apostrophe or a no-break space.
_PARTS: Final = ", '\u2019\u00a0\u202f"
_WHOLE_GROUPED: Final = rf"[+-]?\d{{1,3}}(?:[{_PARTS}]\d{{3}})+|-?[1-9]\d{{0,18}}|0"
_GROUPED: Final = rf"[+-]?\d{{1,3}}(?:[{_PARTS}]\d{{3}})+(?:\.\d+)?|[+-]?(?:0|[1-9]\d{{0,14}})(?:\.\d*)?"
_COMMA: Final = r"[+-]?(?:(?:0|[1-9]\d{0,14})|\d{1,3}(?:[. ]\d{3})+)(?:,\d*)?(?:[eE][+-]?\d+)?|[+-]?,\d+"

INTEGER: Final = _value_format(
    "integer",
    "integer",
    r"-?[1-9]\d{0,18}|0",
    "CASE WHEN CAST(TRY_CAST({t} AS BIGINT) AS VARCHAR) = {t} THEN TRY_CAST({t} AS BIGINT) END",
    "CASE WHEN CAST(CAST({t} AS BIGINT) AS VARCHAR) <> {t} THEN error('not whole') ELSE CAST({t} AS BIGINT) END",
)
FLOAT: Final = _value_format("number", "float", _FLOAT, _where(_FLOAT, "TRY_CAST({t} AS DOUBLE)"), native="DOUBLE")
WHOLE_GROUPED: Final = _value_format(
    "integer, grouped",
    "integer",
    _WHOLE_GROUPED,
    _where(_WHOLE_GROUPED, f"TRY_CAST(regexp_replace({{t}}, '[{_escaped(_PARTS)}]', '', 'g') AS BIGINT)"),
)
GROUPED: Final = _value_format(
    "number, grouped",
    "float",
    _GROUPED,
    _where(_GROUPED, f"TRY_CAST(regexp_replace({{t}}, '[{_escaped(_PARTS)}]', '', 'g') AS DOUBLE)"),
)
DECIMAL_COMMA: Final = _value_format(
    "number, decimal comma",
    "float",
    _COMMA,
    _where(_COMMA, "TRY_CAST(replace(regexp_replace({t}, '[. ]', '', 'g'), ',', '.') AS DOUBLE)"),
)
BOOLEAN: Final = _value_format(
    "boolean", "boolean", r"(?i:true|false)", "CASE lower({t}) WHEN 'true' THEN true WHEN 'false' THEN false END",
)  # fmt: skip
ISO_DATE: Final = _value_format(
    "date, ISO 8601",
    "date",
    r"\d{4}-\d{1,2}-\d{1,2}",
    _where(r"\d{4}-\d{1,2}-\d{1,2}", "TRY_CAST({t} AS DATE)"),
    native="DATE",
)
ISO_TIME: Final = _value_format(
    "time, ISO 8601",
    "timestamp",
    rf"\d{{4}}-\d{{1,2}}-\d{{1,2}}{_TIME}?",
    _where(rf"\d{{4}}-\d{{1,2}}-\d{{1,2}}{_TIME}?", "TRY_CAST({t} AS TIMESTAMP)"),
    native="TIMESTAMP",
)
ISO_ZONED: Final = _value_format(
    "time with zone, ISO 8601",
    "timestamp",
    rf"\d{{4}}-\d{{1,2}}-\d{{1,2}}{_TIME}{_ZONE}?",
    _where(
        rf"\d{{4}}-\d{{1,2}}-\d{{1,2}}{_TIME}{_ZONE}?",
        "CAST(TRY_CAST({t} AS TIMESTAMPTZ) AT TIME ZONE 'UTC' AS TIMESTAMP)",
    ),
)


def _date_formats(pattern: str, *formats: str) -> tuple[ValueFormat, ValueFormat]:
    """A date in one order, and the same with a time of day; `formats` are those of strptime."""
    days = ", ".join(f"'{format_}'" for format_ in formats)
    clocks = ("%H:%M:%S.%f", "%H:%M:%S", "%H:%M", "%I:%M:%S %p", "%I:%M %p")
    times = ", ".join(f"'{format_} {clock}'" for format_ in formats for clock in clocks)
    clock = r"[ T]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[AaPp][Mm])?"
    return (
        _value_format(f"date, {formats[0]}", "date", pattern, f"CAST(TRY_STRPTIME({{t}}, [{days}]) AS DATE)"),
        _value_format(
            f"time, {formats[0]}",
            "timestamp",
            rf"(?:{pattern})(?:{clock})?",
            f"TRY_STRPTIME(replace({{t}}, 'T', ' '), [{times}, {days}])",
        ),
    )


_MONTHS: Final = r"(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_DAY: Final = r"(?:0?[1-9]|[12]\d|3[01])"
_MONTH: Final = r"(?:0?[1-9]|1[0-2])"
DATES: Final = (
    *_date_formats(rf"\d{{4}}/{_MONTH}/{_DAY}", "%Y/%m/%d"),
    *_date_formats(rf"{_MONTH}/{_DAY}/\d{{4}}", "%m/%d/%Y"),
    *_date_formats(rf"{_DAY}/{_MONTH}/\d{{4}}", "%d/%m/%Y"),
    *_date_formats(rf"{_DAY}\.{_MONTH}\.\d{{4}}", "%d.%m.%Y"),
    *_date_formats(rf"{_DAY}-{_MONTH}-\d{{4}}", "%d-%m-%Y"),
    *_date_formats(rf"{_MONTH}-{_DAY}-\d{{4}}", "%m-%d-%Y"),
    *_date_formats(rf"{_MONTH}/{_DAY}/\d{{2}}", "%m/%d/%y"),
    *_date_formats(rf"{_DAY}/{_MONTH}/\d{{2}}", "%d/%m/%y"),
    *_date_formats(rf"{_DAY}[- ]{_MONTHS}[- ]\d{{4}}", "%d-%b-%Y", "%d %b %Y", "%d-%B-%Y", "%d %B %Y"),
    *_date_formats(rf"{_DAY}[- ]{_MONTHS}[- ]\d{{2}}", "%d-%b-%y", "%d %b %y"),
    *_date_formats(rf"{_MONTHS} {_DAY},? \d{{4}}", "%b %d, %Y", "%b %d %Y", "%B %d, %Y", "%B %d %Y"),
)
_GAP: Final = "[ \u00a0]?"  # as itself: the database knows no \\u
_MONEY: Final = {"$": r"(?:US)?\$", "€": "(?:€|EUR)", "£": "£", "¥": "¥"}


def _signed_format(name: str, sign: str, *, comma: bool, before: bool) -> ValueFormat:
    """Numbers with one sign beside each, a currency or per cent. A column with two signs has two units: it is text."""
    number = r"(?:\d+|\d{1,3}(?:[. ]\d{3})+)(?:,\d*)?" if comma else r"(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d*)?"
    pattern = rf"[+-]?{number}{_GAP}{sign}"
    if before:
        pattern = rf"[+-]?{sign}{_GAP}[+-]?{number}|{pattern}"
    digits = "regexp_replace({t}, '[^0-9" + ("," if comma else ".") + "-]', '', 'g')"
    plain = f"replace({digits}, ',', '.')" if comma else digits
    return _value_format(name, "float", pattern, _where(pattern, f"TRY_CAST({plain} AS DOUBLE)"))


def _signed_formats(*, comma: bool) -> tuple[ValueFormat, ...]:
    money = (
        _signed_format(f"number, {'decimal comma, ' if comma else ''}in {sign}", form, comma=comma, before=True)
        for sign, form in _MONEY.items()
    )
    return (*money, _signed_format(f"number, {'decimal comma, ' if comma else ''}in %", "%", comma=comma, before=False))


POINT_SIGNED: Final = _signed_formats(comma=False)
COMMA_SIGNED: Final = _signed_formats(comma=True)
TEXT: Final = _value_format("text", "text", r"(?s:.*)", "{t}")

_NOT_NUMBERS: Final = (BOOLEAN, ISO_DATE, ISO_TIME, ISO_ZONED, *DATES)
POINT_FORMATS: Final = (INTEGER, FLOAT, WHOLE_GROUPED, GROUPED, *_NOT_NUMBERS, *POINT_SIGNED)
COMMA_FORMATS: Final = (INTEGER, DECIMAL_COMMA, FLOAT, WHOLE_GROUPED, GROUPED, *_NOT_NUMBERS, *COMMA_SIGNED)


def fitting_formats(values: Iterable[str], *, decimal_comma: bool) -> tuple[ValueFormat, ...]:
    """The formats that fit every one of `values` but the missing ones, best first, and TEXT at the end.

    If every value is missing, all formats fit.
    """
    fitting: tuple[ValueFormat, ...] = COMMA_FORMATS if decimal_comma else POINT_FORMATS
    for value in {value.strip() for value in values}:
        if not value or value in MISSING_IN_NUMBERS:
            continue
        fitting = tuple(format_ for format_ in fitting if format_.pattern.fullmatch(value))
        if not fitting:
            break
    return (*fitting, TEXT)


_BY_NAME: Final = {format_.name: format_ for format_ in (*POINT_FORMATS, *COMMA_FORMATS, TEXT)}


def format_named(name: str) -> ValueFormat:
    """The format called `name`. Raises UnknownFormatError."""
    format_ = _BY_NAME.get(name)
    if format_ is None:
        raise UnknownFormatError(
            f"A column is read in the format {clean(name, 60)}, which this version of tabsmith does not know.",
            next_step="Use the version that saved the model, or a later one.",
        )
    return format_


def is_typed_value(cell: str) -> bool:
    """Whether a cell is a number, a date, a boolean or a word for a missing value; ordinary column names are not."""
    text = cell.strip()
    if not text or text in MISSING_WORDS:
        return True
    return any(format_.pattern.fullmatch(text) for format_ in (*POINT_FORMATS, DECIMAL_COMMA, *COMMA_SIGNED))


def uses_decimal_comma(columns: Sequence[Sequence[str]], delimiter: str) -> bool:
    """Whether the numbers of a table are written with a decimal comma.

    A comma followed by other than three digits, or after a zero, is a decimal comma; a point in such a place is a
    decimal point. In a file with neither, only a semicolon as delimiter suggests that commas belong to numbers.
    """
    commas = points = 0
    comma = re.compile(r"[+-]?(?:\d+,(?:\d{1,2}|\d{4,})|0,\d+|[\d.]+\.\d{3},\d+)", re.ASCII)
    point = re.compile(r"[+-]?(?:\d*\.(?:\d{1,2}|\d{4,})|0\.\d+|[\d,]+,\d{3}\.\d+)", re.ASCII)
    for column in columns:
        for value in column[:200]:
            text = value.strip(_SIGNS)
            commas += comma.fullmatch(text) is not None
            points += point.fullmatch(text) is not None
    if commas or points:
        return commas > points
    return delimiter == ";" and any("," in value for column in columns for value in column[:50])


def missing_words(values: Sequence[str]) -> tuple[str, ...]:
    """The words that stand for a missing value in a column of text with these values.

    A word stays a value where it has a meaning of its own: "NA" among two-letter codes (Namibia), "-" beside "+".
    """
    meaningful: set[str] = set()
    others = {value.strip() for value in values} - set(MISSING_WORDS) - {""}
    codes = sum(1 for value in others if _TWO_LETTERS.fullmatch(value))
    if len(others) >= 5 and codes > 0.8 * len(others):
        meaningful.add("NA")
    if others & {"+", "--", "_", "=", "/", "*"}:
        meaningful.add("-")
    if others and all(len(value) == 1 and not value.isalnum() for value in others):
        meaningful |= {"-", "?"}
    return tuple(word for word in MISSING_WORDS if word not in meaningful)
