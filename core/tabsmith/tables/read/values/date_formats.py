"""How dates are written: days, months, quarters and times of day, each with the SQL that reads it.

Where numbers alone do not tell day and month apart, both orders are formats of their own, and the whole column decides.
Two digits of a year are 1969 to 2068, as strptime has them.
"""

from typing import Final, Literal, NamedTuple, TypeAlias

DateStorage: TypeAlias = Literal["date", "timestamp", "float"]


class DateForm(NamedTuple):
    """One way to write dates: `sql` gives the value of the text `{t}`, NULL for a text in another form."""

    name: str
    label: str
    storage: DateStorage
    pattern: str  # a regular expression of Python and of RE2
    sql: str
    strict: str = ""


_MONTH_NAME: Final = "(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[A-Za-z]{0,6}[.]?"
_WEEKDAY: Final = "(?:(?i:mon|tue|wed|thu|fri|sat|sun)[A-Za-z]{0,6}[.]?,? +)?"
_DAY: Final = r"(?:0?[1-9]|[12]\d|3[01])"
_ORDINAL: Final = f"{_DAY}(?:st|nd|rd|th)?"
_MONTH: Final = r"(?:0?[1-9]|1[0-2])"
_YEAR: Final = r"(?:1[5-9]|2[01])\d\d"
_CLOCK: Final = r"\d{1,2}:\d{2}(?::\d{2}(?:[.]\d{1,9})?)?"
_MERIDIAN: Final = "(?: ?[AaPp][.]?[Mm][.]?)?"
_ZONE: Final = (
    r"(?: ?(?:Z|[+-]\d{2}(?::?\d{2})?)| (?:UTC|GMT|[ECMP][SD]T|CES?T|EES?T|WES?T|BST|JST|IST|AE[SD]T)(?:[+-]\d{2})?)"
)
_CLOCKS: Final = ("%H:%M:%S", "%H:%M", "%I:%M:%S %p", "%I:%M %p", "%H:%M:%S.%f", "%I:%M:%S.%f %p")
_MONTHS: Final = "months, taken as their first day"


def _where(pattern: str, value: str) -> str:
    """SQL: `value` where the text matches `pattern`, else NULL."""
    return f"CASE WHEN regexp_full_match({{t}}, '{pattern}') THEN {value} END"


def _listed(formats: tuple[str, ...]) -> str:
    return ", ".join(f"'{format_}'" for format_ in formats)


def _short_month(text: str) -> str:
    """SQL: `text` without weekday, ordinal endings and commas, its month as the first three letters of the name."""
    text = f"regexp_replace({text}, '^{_WEEKDAY}', '')"
    month = "((?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec))[A-Za-z]*[.]?"
    text = rf"regexp_replace({text}, '{month}', '\1')"
    text = rf"regexp_replace({text}, '\b(\d{{1,2}})(?:st|nd|rd|th)\b', '\1')"
    return rf"regexp_replace(replace({text}, ',', ' '), ' +', ' ', 'g')"


def _days(label: str, pattern: str, *formats: str, named: bool = False) -> tuple[DateForm, DateForm]:
    """A date in one order, and the same with a time of day, which is taken to UTC where it has a zone."""
    pattern = f"{_WEEKDAY}{pattern}" if named else pattern
    text = _short_month("{t}") if named else "{t}"
    value = f"CAST(TRY_STRPTIME({text}, [{_listed(formats)}]) AS DATE)"
    # To strptime, a space stands before the clock, and a meridian is AM or PM behind one.
    clock = rf"regexp_replace({text}, '(?:,? +|T|:)(\d{{1,2}}:\d{{2}})', ' \1')"
    clock = rf"regexp_replace({clock}, ' ?([AaPp])[.]?[Mm][.]?', ' \1M')"
    zoned = rf"regexp_replace(regexp_replace({clock}, ' ?([+-]\d{{2}}):?(\d{{2}})?$', ' \1\2'), ' ?Z$', ' +00')"
    plain = tuple(f"{format_} {clock}" for format_ in formats for clock in _CLOCKS)
    offsets = tuple(f"{moment} %z" for moment in plain)
    zones = tuple(f"{moment} %Z" for moment in sorted(plain, key=lambda moment: "%p" not in moment))
    moment = (
        f"CASE WHEN regexp_full_match({{t}}, '.*:.*{_ZONE}') THEN CAST(coalesce(TRY_STRPTIME({zoned}, "
        f"[{_listed(offsets)}]), TRY_STRPTIME({zoned}, [{_listed(zones)}])) AT TIME ZONE 'UTC' AS TIMESTAMP) "
        f"ELSE TRY_STRPTIME({clock}, [{_listed((*plain, *formats))}]) END"
    )
    with_clock = f"(?:{pattern})(?:(?:,? +|T|:){_CLOCK}{_MERIDIAN}{_ZONE}?)?"
    return (
        DateForm(f"date, {formats[0]}", label, "date", pattern, _where(pattern, value)),
        DateForm(f"time, {formats[0]}", f"{label}, with times", "timestamp", with_clock, _where(with_clock, moment)),
    )


def _months(pattern: str, *formats: str, named: bool = False) -> DateForm:
    text = _short_month("{t}") if named else "{t}"
    value = f"CAST(TRY_STRPTIME({text}, [{_listed(formats)}]) AS DATE)"
    return DateForm(f"month, {formats[0]}", _MONTHS, "date", pattern, _where(pattern, value))


_ISO_DAY: Final = r"\d{4}-\d{1,2}-\d{1,2}"
_ISO_TIME: Final = rf"{_ISO_DAY}(?:(?: +|T){_CLOCK}{_ZONE}?)?"
_ISO_MOMENT: Final = (
    r"CASE WHEN regexp_full_match({t}, '.*[ T:0-9][0-9]') "
    r"AND NOT regexp_full_match({t}, '.*:.*[+-][0-9:]+') THEN TRY_CAST({t} AS TIMESTAMP) "
    "ELSE CAST(TRY_CAST({t} AS TIMESTAMPTZ) AT TIME ZONE 'UTC' AS TIMESTAMP) END"
)
_QUARTER: Final = (
    r"make_date(CAST(regexp_extract({t}, '\d{4}') AS INTEGER), "
    "3 * CAST(regexp_extract({t}, '[Qq]([1-4])', 1) AS INTEGER) - 2, 1)"
)
_QUARTER_PATTERN: Final = rf"{_YEAR}[ /:-]{{0,2}}[Qq][1-4]|[Qq][1-4][ /:-]{{0,2}}{_YEAR}"
_WEEK_PATTERN: Final = rf"{_YEAR}-?W(?:0[1-9]|[1-4]\d|5[0-3])"
_CTIME_PATTERN: Final = rf"{_WEEKDAY}{_MONTH_NAME} +{_DAY} {_CLOCK}(?:{_ZONE})? {_YEAR}"
# Formats with an offset, with a zone and with neither never stand in one list: DuckDB 2.0 keeps one row's for the next.
_ZONE_LAST: Final = rf"regexp_replace({_short_month('{t}')}, '^(.*:\d+) ([A-Z+-]\S*) (\d{{4}})$', '\1 \3 \2')"
_CTIME: Final = (
    f"coalesce(TRY_STRPTIME({_short_month('{t}')}, '%b %d %H:%M:%S %Y'), "
    f"CAST(TRY_STRPTIME({_ZONE_LAST}, '%b %d %H:%M:%S %Y %z') AT TIME ZONE 'UTC' AS TIMESTAMP), "
    f"CAST(TRY_STRPTIME({_ZONE_LAST}, '%b %d %H:%M:%S %Y %Z') AT TIME ZONE 'UTC' AS TIMESTAMP))"
)
_DURATION_PATTERN: Final = r"-?(?:\d+ days?,? )?\d{1,4}:[0-5]\d(?::[0-5]\d(?:[.]\d+)?)?"
_DURATION: Final = (
    "(coalesce(TRY_CAST(regexp_extract({t}, '([0-9]+) day', 1) AS DOUBLE), 0) * 86400 "
    "+ CAST(regexp_extract({t}, '([0-9]+):', 1) AS DOUBLE) * 3600 "
    "+ CAST(regexp_extract({t}, ':([0-9]+)', 1) AS DOUBLE) * 60 "
    "+ coalesce(TRY_CAST(regexp_extract({t}, ':[0-9]+:([0-9.]+)', 1) AS DOUBLE), 0)) "
    "* CASE WHEN starts_with({t}, '-') THEN -1 ELSE 1 END"
)
_CLOCK_TIME_PATTERN: Final = r"(?:0?\d|1[0-2]):[0-5]\d(?::[0-5]\d)? ?[AaPp][.]?[Mm][.]?"
_CLOCK_TIME: Final = (
    "(CAST(regexp_extract({t}, '([0-9]+):', 1) AS DOUBLE) % 12 "
    "+ CASE WHEN regexp_matches({t}, '[Pp]') THEN 12 ELSE 0 END) * 3600 "
    "+ CAST(regexp_extract({t}, ':([0-9]+)', 1) AS DOUBLE) * 60 "
    "+ coalesce(TRY_CAST(regexp_extract({t}, ':[0-9]+:([0-9]+)', 1) AS DOUBLE), 0)"
)
_ISO_DURATION_PATTERN: Final = (
    r"-?P(?:\d+W|(?:\d+D)?T(?:\d+H)?(?:\d+M)?(?:\d+(?:[.]\d+)?S)?|\d+D(?:T(?:\d+H)?(?:\d+M)?(?:\d+(?:[.]\d+)?S)?)?)"
)
_ISO_DURATION: Final = (
    "("
    + " + ".join(
        f"coalesce(TRY_CAST(regexp_extract({{t}}, '([0-9.]+){letter}', 1) AS DOUBLE), 0) * {seconds}"
        for letter, seconds in (("W", 604_800), ("D", 86_400), ("H", 3_600), ("M", 60), ("S", 1))
    )
    + ") * CASE WHEN starts_with({t}, '-') THEN -1 ELSE 1 END"
)

ISO_DATE: Final = DateForm(
    "date, ISO 8601", "dates", "date", _ISO_DAY, _where(_ISO_DAY, "TRY_CAST({t} AS DATE)"),
    "CASE WHEN strlen({t}) <= 10 AND {t} LIKE '____-%' THEN CAST({t} AS DATE) ELSE error('no date') END",
)  # fmt: skip
ISO_TIME: Final = DateForm(
    "time, ISO 8601", "dates with times, in UTC where they have a zone", "timestamp", _ISO_TIME,
    _where(_ISO_TIME, _ISO_MOMENT),
    "CASE WHEN strlen({t}) = 19 AND {t} LIKE '____-%:__' THEN CAST({t} AS TIMESTAMP) "
    "WHEN {t} NOT LIKE '____-%' THEN error('no time') ELSE CAST(CAST({t} AS TIMESTAMPTZ) AT TIME ZONE 'UTC' AS TIMESTAMP) END",
)  # fmt: skip

_MONTH_FIRST: Final = "dates, month first"
_DAY_FIRST: Final = "dates, day first"
_NAMED: Final = "dates with named months"
DATE_FORMS: Final = (
    ISO_DATE,
    ISO_TIME,
    *_days("dates, year first", rf"\d{{4}}/{_MONTH}/{_DAY}", "%Y/%m/%d"),
    *_days("dates, year first", rf"\d{{4}}[.]{_MONTH}[.]{_DAY}", "%Y.%m.%d"),
    *_days(_MONTH_FIRST, rf"{_MONTH}/{_DAY}/\d{{4}}", "%m/%d/%Y"),
    *_days(_DAY_FIRST, rf"{_DAY}/{_MONTH}/\d{{4}}", "%d/%m/%Y"),
    *_days(_DAY_FIRST, rf"{_DAY}[.]{_MONTH}[.]\d{{4}}", "%d.%m.%Y"),
    *_days(_DAY_FIRST, rf"{_DAY}-{_MONTH}-\d{{4}}", "%d-%m-%Y"),
    *_days(_MONTH_FIRST, rf"{_MONTH}-{_DAY}-\d{{4}}", "%m-%d-%Y"),
    *_days(_MONTH_FIRST, rf"{_MONTH}/{_DAY}/\d{{2}}", "%m/%d/%y"),
    *_days(_DAY_FIRST, rf"{_DAY}/{_MONTH}/\d{{2}}", "%d/%m/%y"),
    *_days(_DAY_FIRST, rf"{_DAY}[.]{_MONTH}[.]\d{{2}}", "%d.%m.%y"),
    *_days(_NAMED, rf"{_ORDINAL}[- /]{_MONTH_NAME}[- /,]+{_YEAR}", "%d %b %Y", "%d-%b-%Y", "%d/%b/%Y", named=True),
    *_days(_NAMED, rf"{_ORDINAL}[- /]{_MONTH_NAME}[- /]\d{{2}}", "%d-%b-%y", "%d %b %y", "%d/%b/%y", named=True),
    *_days(_NAMED, rf"{_MONTH_NAME}[ -]{_ORDINAL}(?:,? +|-){_YEAR}", "%b %d %Y", "%b-%d-%Y", named=True),
    *_days(_NAMED, rf"{_YEAR}[ -]{_MONTH_NAME}[ -]{_DAY}", "%Y %b %d", "%Y-%b-%d", named=True),
    DateForm("time, ctime", _NAMED, "timestamp", _CTIME_PATTERN, _where(_CTIME_PATTERN, _CTIME)),
    _months(rf"{_YEAR}-{_MONTH}", "%Y-%m"),
    _months(rf"{_YEAR}/{_MONTH}", "%Y/%m"),
    _months(rf"{_MONTH}/{_YEAR}", "%m/%Y"),
    _months(rf"{_MONTH}-{_YEAR}", "%m-%Y"),
    _months(rf"{_MONTH_NAME}-\d{{2}}|{_MONTH_NAME} '\d{{2}}".replace("'", "\u2019"), "%b-%y", named=True),
    _months(rf"{_MONTH_NAME}(?:,? +|-){_YEAR}", "%b %Y", "%b-%Y", named=True),
    _months(rf"{_YEAR}[ -]{_MONTH_NAME}", "%Y %b", "%Y-%b", named=True),
    DateForm("quarter", "quarters, taken as their first day", "date", _QUARTER_PATTERN, _where(_QUARTER_PATTERN, _QUARTER)),
    DateForm(
        "week, ISO 8601", "weeks, taken as their Monday", "date", _WEEK_PATTERN,
        _where(_WEEK_PATTERN, "CAST(TRY_STRPTIME(replace(replace({t}, '-', ''), 'W', '-W') || '-1', '%G-W%V-%u') AS DATE)"),
    ),
    DateForm(
        "time, compact", "dates with times", "timestamp", rf"{_YEAR}\d{{4}}T\d{{4}}(?:\d\d)?Z?",
        _where(rf"{_YEAR}\d{{4}}T\d{{4}}(?:\d\d)?Z?", "TRY_STRPTIME(rtrim({t}, 'Z'), ['%Y%m%dT%H%M%S', '%Y%m%dT%H%M'])"),
    ),
    DateForm("duration", "durations or times of day (h:mm, h:mm:ss), in seconds", "float", _DURATION_PATTERN, _where(_DURATION_PATTERN, _DURATION)),
    DateForm("time of day", "times of day, in seconds since midnight", "float", _CLOCK_TIME_PATTERN, _where(_CLOCK_TIME_PATTERN, _CLOCK_TIME)),
    DateForm("duration, ISO 8601", "durations, in seconds", "float", _ISO_DURATION_PATTERN, _where(_ISO_DURATION_PATTERN, _ISO_DURATION)),
)  # fmt: skip
"""Every form but those of whole numbers (`202401`, seconds since 1970), in which only the whole column shows dates."""
