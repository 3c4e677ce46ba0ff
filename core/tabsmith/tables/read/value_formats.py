"""What a cell's text may mean: the words for a missing value, and the formats of numbers, dates and booleans.

A `ValueFormat` is one way to read a whole column of text: a pattern that recognises the format, and SQL that reads it. The
SQL may read more than the pattern recognises (a column of whole numbers reads `1.0` and `1,234` too): the pattern says what
a column is, the SQL what a cell of such a column means.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

import msgspec

from tabsmith.errors import UnknownFormatError
from tabsmith.tables.column_format import MISSING_WORDS
from tabsmith.tables.profile.types import StorageType
from tabsmith.tables.read.values.date_formats import DATE_FORMS, DateForm
from tabsmith.tables.read.values.number_formats import NumberForm, parse_number_form
from tabsmith.text import clean

MISSING_IN_NUMBERS: Final = (
    *MISSING_WORDS,
    *("na", "Null", "None", "none", "NONE", "NAN", "--", "---", ".", "..", "*", "#NA", "#DIV/0!", "#VALUE!", "#REF!"),
    *("missing", "\u2013", "\u2014", "unknown", "Unknown", "not available", "#NUM!"),
)
_SIGNS: Final = " \t\u00a0$€£¥%"  # around a number


class ValueFormat(msgspec.Struct, frozen=True):
    """One way to read a column of text. In `sql` and `strict`, `{t}` is the trimmed text, never missing; in `strict`,
    `{error}` is SQL that fails.

    `sql` gives the value, or NULL for a text in another format; `strict` gives the same for a text that the pattern
    recognises, is quicker, and is an error or the same value for any other.
    """

    name: str  # saved with models
    label: str  # for a person
    storage: StorageType
    regex: str  # of Python and of RE2
    sql: str
    strict: str = ""
    native: str = ""  # the type with which the CSV reader itself takes such a column just as well

    @property
    def pattern(self) -> re.Pattern[str]:
        """The compiled `regex`; compiled when it is first asked for, because there are many formats."""
        return _compiled(self.regex)


@lru_cache(maxsize=1024)
def _compiled(regex: str) -> re.Pattern[str]:
    return re.compile(regex, re.ASCII)


def _dates(form: DateForm) -> ValueFormat:
    return ValueFormat(form.name, form.label, form.storage, form.pattern, form.sql, form.strict)


@lru_cache(maxsize=256)
def number_format(form: NumberForm) -> ValueFormat:
    """The format of numbers in `form`."""
    kind = "whole numbers" if form.whole else "numbers"
    label = ", ".join((kind, *form.name.split(", ")[1:]))
    return ValueFormat(form.name, label, "integer" if form.whole else "float", form.pattern, form.sql)


_PLAIN: Final = r"[+-]?(?:0|[1-9]\d{0,18})"
_POINT: Final = r"[+-]?(?:0|[1-9]\d{0,14}|[1-9]\d{0,2}(?:,\d{3})+)(?:[.]0*)?"
_GROUPED: Final = r"[+-]?[1-9]\d{0,2}(?:,\d{3})+(?:[.]\d*)?"
_UNGROUPED: Final = "replace({t}, ',', '')"

INTEGER: Final = ValueFormat(
    "integer", "whole numbers", "integer", r"-?[1-9]\d{0,18}|0",
    f"CASE WHEN regexp_full_match({{t}}, '{_PLAIN}') THEN TRY_CAST({{t}} AS BIGINT) "
    f"WHEN regexp_full_match({{t}}, '{_POINT}') THEN TRY_CAST(TRY_CAST({_UNGROUPED} AS DOUBLE) AS BIGINT) END",
    "CASE WHEN CAST(TRY_CAST({t} AS BIGINT) AS VARCHAR) = {t} THEN TRY_CAST({t} AS BIGINT) ELSE {error} END",
)  # fmt: skip
_DECIMALS: Final = (
    r"(?:-?(?:0|[1-9]\d{0,14})|\+(?:0|[1-9]\d{0,5}))(?:\.\d*(?:[eE][+-]?\d+)?|e[+-]?\d+|E[+-]\d+)?|[+-]?\.\d+(?:[eE][+-]?\d+)?"
    r"|-?[1-9]\d{15,}\.\d*|[+-]?(?:inf|Inf|INF|Infinity)"
)
NUMBER: Final = ValueFormat(
    "number", "numbers", "float", _DECIMALS,
    f"nullif(coalesce(TRY_CAST({{t}} AS DOUBLE), CASE WHEN regexp_full_match({{t}}, '{_GROUPED}') "
    f"THEN TRY_CAST({_UNGROUPED} AS DOUBLE) END), CAST('nan' AS DOUBLE))",
    "nullif({t}, CAST('nan' AS DOUBLE))",
    native="DOUBLE",
)  # fmt: skip
DECIMAL_COMMA: Final = number_format(NumberForm(decimal_comma=True))
_COMMA_AND_POINT: Final = number_format(NumberForm(decimal_comma=True, groups="point"))
BOOLEAN: Final = ValueFormat(
    "boolean", "true or false", "boolean", r"(?i:true|false)",
    "CASE lower({t}) WHEN 'true' THEN true WHEN 'false' THEN false END",
    "CASE WHEN {t} = 'true' THEN true WHEN {t} = 'false' THEN false WHEN lower({t}) = 'true' THEN true "
    "WHEN lower({t}) = 'false' THEN false ELSE {error} END",
)  # fmt: skip
TEXT: Final = ValueFormat("text", "text", "text", r"(?s:.*)", "{t}")
DATES: Final = tuple(_dates(form) for form in DATE_FORMS)

# Formats of whole numbers that are dates: only the whole column shows it, and its name.
_SECONDS: Final = "TRY_CAST({t} AS DOUBLE)"


def _epoch(unit: str, microseconds: str) -> ValueFormat:
    number = r"-?\d{1,19}(?:[.]\d+)?"
    value = (
        f"CASE WHEN regexp_full_match({{t}}, '{number}') THEN make_timestamp(TRY_CAST({microseconds} AS BIGINT)) END"
    )
    return ValueFormat(f"epoch, {unit}", f"times in {unit} since 1970", "timestamp", number, value)


EPOCHS: Final = {
    "seconds": _epoch("seconds", f"{_SECONDS} * 1e6"),
    "milliseconds": _epoch("milliseconds", f"{_SECONDS} * 1e3"),
    "microseconds": _epoch("microseconds", _SECONDS),
    "nanoseconds": _epoch("nanoseconds", f"{_SECONDS} / 1e3"),
}
_SERIAL: Final = r"\d{1,5}(?:[.]\d+)?"
EXCEL_DATE: Final = ValueFormat(
    "date, Excel serial", "days since 1899-12-30, as Excel counts them", "timestamp", _SERIAL,
    f"CASE WHEN regexp_full_match({{t}}, '{_SERIAL}') "
    "THEN TIMESTAMP '1899-12-30' + to_microseconds(CAST(round(TRY_CAST({t} AS DOUBLE) * 86400) * 1e6 AS BIGINT)) END",
)  # fmt: skip


def _digits(name: str, label: str, pattern: str, strptime: str) -> ValueFormat:
    value = (
        f"CASE WHEN regexp_full_match({{t}}, '{pattern}') THEN CAST(TRY_STRPTIME({{t}}, ['{strptime}']) AS DATE) END"
    )
    return ValueFormat(name, label, "date", pattern, value)


COMPACT_DATE: Final = _digits("date, %Y%m%d", "dates as eight digits", r"(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])", "%Y%m%d")  # fmt: skip
COMPACT_MONTH: Final = _digits("month, %Y%m", "months as six digits, taken as their first day", r"(?:19|20)\d{2}(?:0[1-9]|1[0-2])", "%Y%m")  # fmt: skip


def _moment(name: str, label: str, seconds: str, strptime: str) -> ValueFormat:
    pattern = rf"(?:19|20)\d{{2}}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|2[0-3])[0-5]\d{seconds}"
    value = f"CASE WHEN regexp_full_match({{t}}, '{pattern}') THEN TRY_STRPTIME({{t}}, ['{strptime}']) END"
    return ValueFormat(name, label, "timestamp", pattern, value)


COMPACT_MINUTE: Final = _moment("time, %Y%m%d%H%M", "times as twelve digits", "", "%Y%m%d%H%M")
COMPACT_SECOND: Final = _moment("time, %Y%m%d%H%M%S", "times as fourteen digits", r"[0-5]\d", "%Y%m%d%H%M%S")

_FIXED: Final = (INTEGER, NUMBER, BOOLEAN, *DATES)
_COMMAS: Final = (DECIMAL_COMMA, _COMMA_AND_POINT)
_GROUPS: Final = tuple(
    number_format(NumberForm(whole=whole, groups=groups))
    for groups in ("comma", "space", "apostrophe", "Indian") for whole in (True, False)
)  # fmt: skip
_UNITS: Final = tuple(
    number_format(NumberForm(decimal_comma=comma, groups="point" if comma else "comma", unit=unit))
    for comma in (False, True) for unit in ("$", "US$", "€", "EUR", "£", "¥", "%")
)  # fmt: skip
_BY_NAME: Final = {
    format_.name: format_
    for format_ in (TEXT, *_FIXED, *EPOCHS.values(), EXCEL_DATE, COMPACT_DATE, COMPACT_MONTH, COMPACT_MINUTE, COMPACT_SECOND)
}  # fmt: skip


def format_named(name: str) -> ValueFormat:
    """The format called `name`. Raises UnknownFormatError."""
    if name in _BY_NAME:
        return _BY_NAME[name]
    form = parse_number_form(name)
    if form is not None:
        return number_format(form)
    raise UnknownFormatError(
        f"A column is read in the format {clean(name, 60)}, which this version of tabsmith does not know.",
        next_step="Use the version that saved the model, or a later one.",
    )


_MISSING: Final = frozenset(MISSING_IN_NUMBERS)
_WITHOUT_DIGITS: Final = (BOOLEAN, NUMBER)  # the formats of texts without a digit
_USUAL: Final = {
    comma: (INTEGER, *(_COMMAS if comma else ()), NUMBER, *_GROUPS, BOOLEAN, *DATES, *_UNITS) for comma in (False, True)
}
_OF_WHOLE_NUMBERS: Final = {
    comma: tuple(format_ for format_ in usual if format_.storage in {"integer", "float"} and format_ not in DATES)
    for comma, usual in _USUAL.items()
}
_OF_NUMBERS: Final = {
    comma: tuple(format_ for format_ in usual if format_.storage == "float" and ", decimal comma" not in format_.name)
    for comma, usual in _OF_WHOLE_NUMBERS.items()
}
"""The usual formats that fit any plain whole number, and any plain number."""


def fitting_formats(values: Iterable[str], *, decimal_comma: bool) -> tuple[ValueFormat, ...]:
    """The usual formats that fit every one of `values` but the missing ones, best first, and TEXT at the end.

    If every value is missing, all formats fit.
    """
    present = {text for value in values if (text := value.strip()) and text not in _MISSING}
    fitting = _USUAL[decimal_comma]
    for plain, formats in ((INTEGER, _OF_WHOLE_NUMBERS), (NUMBER, _OF_NUMBERS)):
        matches = plain.pattern.fullmatch
        if present and all(matches(text) for text in present):
            return (*formats[decimal_comma], TEXT)
    for text in present:
        if not text[0].isdigit() and not any(character.isdigit() for character in text):
            fitting = tuple(format_ for format_ in fitting if format_ in _WITHOUT_DIGITS)
        fitting = tuple(format_ for format_ in fitting if format_.pattern.fullmatch(text))
        if not fitting:
            break
    return (*fitting, TEXT)


@lru_cache(maxsize=4096)
def is_typed_value(cell: str) -> bool:
    """Whether a cell is a number, a date, a boolean or a word for a missing value; ordinary column names are not."""
    text = cell.strip()
    if not text or text in MISSING_WORDS:
        return True
    return any(format_.pattern.fullmatch(text) for format_ in (*_FIXED, *_GROUPS, *_COMMAS, *_UNITS))


def is_pair_of_answers(text: str) -> bool:
    """Whether a text is two digits in ascending order with a comma between them, such as "1,3"."""
    return len(text) == 3 and text[1] == "," and text[0].isdigit() and text[2].isdigit() and text[0] < text[2]


def uses_decimal_comma(columns: Sequence[Iterable[str]], delimiter: str) -> bool:
    """Whether the numbers of a table are written with a decimal comma.

    A comma followed by other than three digits, or after a zero, is a decimal comma; a point in such a place is a
    decimal point. In a file with neither, only a semicolon as delimiter suggests that commas belong to numbers. Where
    commas are delimiters, two digits in ascending order ("1,3") may be answers and say nothing.
    """
    commas = points = 0
    has_comma = False
    comma = re.compile(r"[+-]?(?:\d+,(?:\d{1,2}|\d{4,})|0,\d+|[\d.]+\.\d{3},\d+)", re.ASCII)
    point = re.compile(r"[+-]?(?:\d*\.(?:\d{1,2}|\d{4,})|0\.\d+|[\d,]+,\d{3}\.\d+)", re.ASCII)
    for column in columns:
        for value in column:
            text = value.strip(_SIGNS)
            if "," in text:
                has_comma = True
                commas += comma.fullmatch(text) is not None and not (delimiter == "," and is_pair_of_answers(text))
            if "." in text:
                points += point.fullmatch(text) is not None
    if commas or points:
        return commas > points
    return delimiter == ";" and has_comma
