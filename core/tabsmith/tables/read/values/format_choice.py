"""Which format a column of text is in, decided from the texts of the whole column and the rows of each.

A column is in the format that reads the most of its rows, if that is nearly all of them: cells that are notes (`<5`, `ask`,
`Total`) do not make text of numbers. Cells that mean something as text do: leading zeros, lists, codes with letters, levels.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

import msgspec

from tabsmith.tables.column_format import MISSING_WORDS
from tabsmith.tables.read.sources import DateOrder
from tabsmith.tables.read.value_formats import (
    BOOLEAN,
    DATES,
    INTEGER,
    MISSING_IN_NUMBERS,
    NUMBER,
    TEXT,
    ValueFormat,
    is_pair_of_answers,
    number_format,
)
from tabsmith.tables.read.values.number_formats import NumberForm, number_form, parse_number_form

_NEARLY_ALL: Final = 0.95  # of the rows with a value
_WITH_NOTES: Final = 0.7  # if all other cells are notes
_PROBED: Final = 7  # distinct texts, of which a format must read one before it is tried on all
_FEW_LEVELS: Final = 20
_MISSING: Final = frozenset(MISSING_IN_NUMBERS)
_NOTE: Final = re.compile(
    r"(?i)n\.?/?a\.?|n\.?d\.?|tb[acd]|to be (?:announced|confirmed|determined|defined)|ask(?: us)?|on request|p\.?o\.?a\.?|"
    r"(?:price )?(?:up)?on (?:request|application)|pending|unknown|not \w+|bdl|lod|below \w+|undetected|missing|none|null|"
    r"nil|empty|blank|err(?:or)?|invalid|bad|withheld|confidential|suppressed|refused|declined|(?:grand |sub-?)?totals?|sum|"
    r"average|avg\.?|mean|median|call|see \w+|contact \w+|various|varies|-+|\?+|\*+|\.+|#\S+[!?]?|"
    r"[\d.,]+ ?[?*]"
)
_LIMIT: Final = re.compile(r"[<>\u2264\u2265~\u2248]=? ?[\d.,]+")
_TYPO: Final = re.compile(r"[+-]?[\d.,]*(?:\.\.|,,|\.,|,\.)[\d.,]*|[+-]?\d+[.,]\d+[.,]|[+-]{2,}\d[\d.,]*")
_CODE: Final = re.compile(  # leading zeros, longer than any number is exact, parts that are no groups of three
    r"[+-]?0\d+(?:[.,]\d+)?|\d{16,}|0\d*(?:[ ./-]\d+)+|\d+(?:,\d+){2,}|\d+(?:[;|/-]\d+)+"
)
_LETTERED_CODE: Final = re.compile(r"[A-Za-z]{1,4}[-_ ]?\d{2,}\w*|\d{2,}[-_]?[A-Za-z]{1,3}\d*")
_LIST: Final = re.compile(r"\d{1,2}(?:, ?\d{1,2})+")
_DAY_FIRST_TWINS: Final = {"%m/%d/%Y": "%d/%m/%Y", "%m/%d/%y": "%d/%m/%y", "%m-%d-%Y": "%d-%m-%Y"}
_BY_NAME: Final = {format_.name: format_ for format_ in DATES}


def choose_format(texts: Mapping[str, float], *, decimal_comma: bool = False) -> ValueFormat:
    """The format of a column with these trimmed `texts`, each with the number of its rows; TEXT if no other fits.

    `decimal_comma` says how the table writes numbers where the column leaves it open.
    """
    present = {text: rows for text, rows in texts.items() if text and text not in _MISSING}
    if not present:
        return TEXT
    total = sum(present.values())
    probes = tuple(islice(present, _PROBED))
    best, most = TEXT, 0.0
    for format_ in _candidates(present, probes, decimal_comma):
        matches = format_.pattern.fullmatch
        rows = sum(count for text, count in present.items() if matches(text))
        if rows > most:
            best, most = format_, rows
        if rows == total:
            return best
    if best is not TEXT and _tolerates(best, present, total, most):
        return best
    limited = _with_limits(present, decimal_comma)
    if (
        limited is not None
        and sum(count for text, count in present.items() if limited.pattern.fullmatch(text)) == total
    ):
        return limited
    return TEXT


def _candidates(present: Mapping[str, float], probes: Sequence[str], decimal_comma: bool) -> Iterator[ValueFormat]:
    """The formats that read at least one of `probes`, best first."""
    if not any(character.isdigit() for text in probes for character in text):
        candidates: tuple[ValueFormat, ...] = (BOOLEAN, NUMBER)
    else:
        candidates = (INTEGER, *(() if decimal_comma else (NUMBER,)))
    for format_ in candidates:
        if any(format_.pattern.fullmatch(text) for text in probes):
            yield format_
    if candidates[0] is BOOLEAN:
        return
    form = number_form(present, decimal_comma=decimal_comma)
    if (
        form is not None
        and form not in {NumberForm(), NumberForm(whole=True)}
        and _is_consistent(form, present, decimal_comma)
    ):
        yield number_format(form)
    for format_ in (*((NUMBER,) if decimal_comma else ()), *DATES):
        if any(format_.pattern.fullmatch(text) for text in probes):
            yield format_


def _is_consistent(form: NumberForm, present: Mapping[str, float], decimal_comma: bool) -> bool:
    """Whether one mark and one grouping fit the column: no long number without groups, and no list of answers."""
    if form.groups in {"comma", "point"} and not form.unit:
        grouped = sum(rows for text, rows in present.items() if re.search(r"\d[,.]\d{3}", text))
        ungrouped = sum(rows for text, rows in present.items() if re.match(r"[+-]?\d{5}", text))
        if ungrouped and grouped < 20 * ungrouped:
            return False
    if form.decimal_comma and not decimal_comma:
        return not all(is_pair_of_answers(text) for text in present if "," in text)
    return True


def _with_limits(present: Mapping[str, float], decimal_comma: bool) -> ValueFormat | None:
    """The format of numbers some of which are limits, such as `<0.05` and `10+`."""
    if not any(text[0] in "<>\u2264\u2265~\u2248" or text[-1] == "+" for text in present):
        return None
    form = number_form(present, decimal_comma=decimal_comma)
    return None if form is None else number_format(msgspec.structs.replace(form, limits=True))


# Cells that do not fit -----------------------------------------------------------------------------------------------


def _tolerates(format_: ValueFormat, present: Mapping[str, float], total: float, fitting: float) -> bool:
    """Whether the cells that are not in `format_` may be left out as missing."""
    matches = format_.pattern.fullmatch
    odd = {text: rows for text, rows in present.items() if not matches(text)}
    odd_rows = total - fitting
    is_number = format_ in {INTEGER, NUMBER} or parse_number_form(format_.name) is not None
    if is_number and _are_codes(format_, odd):
        return False
    notes = sum(rows for text, rows in odd.items() if is_note(text))
    levels = len(present) - len(odd)
    if (is_number or format_ is BOOLEAN) and levels <= _FEW_LEVELS:
        least = 2 if levels <= _FEW_LEVELS // 4 else 3
        if any(rows >= least and not is_note(text) for text, rows in odd.items()):
            return False  # a level among levels
    if fitting >= _NEARLY_ALL * total:
        return True
    if notes == odd_rows and fitting >= 2 and (odd_rows == 1 or not any(_LIMIT.fullmatch(text) for text in odd)):
        return fitting >= _WITH_NOTES * total
    is_plain = format_ in {INTEGER, NUMBER, BOOLEAN}
    return odd_rows == 1 and (fitting >= 5 and all(len(text) > 1 for text in odd) if is_plain else fitting >= 3)


def is_note(text: str) -> bool:
    """Whether a text among numbers or dates says why there is no value, sums up a column, or is a slip of the pen."""
    return any(pattern.fullmatch(text) for pattern in (_NOTE, _TYPO, _LIMIT))


def _are_codes(format_: ValueFormat, odd: Mapping[str, float]) -> bool:
    """Whether texts beside numbers show that the numbers are codes or answers."""
    if any(_CODE.fullmatch(text) for text in odd):
        return True
    lettered = sum(1 for text in odd if _LETTERED_CODE.fullmatch(text))
    lists = sum(1 for text in odd if _LIST.fullmatch(text))
    return lettered > 1 or (lists > 1 and format_ is INTEGER)


# Dates whose order the column leaves open ----------------------------------------------------------------------------


def day_first_twin(format_: ValueFormat) -> ValueFormat | None:
    """The format with day and month the other way round, of a format with the month first."""
    kind, _, order = format_.name.partition(", ")
    return _BY_NAME.get(f"{kind}, {_DAY_FIRST_TWINS[order]}") if order in _DAY_FIRST_TWINS else None


def is_day_first(format_: ValueFormat) -> bool:
    """Whether a format has the day before the month, both as numbers."""
    return format_.name.partition(", ")[2] in _DAY_FIRST_TWINS.values()


def date_order(format_: ValueFormat) -> DateOrder | None:
    """What stands first in a format of dates with the month as a number; None for a format with one reading."""
    if is_day_first(format_):
        return "day first"
    return "month first" if day_first_twin(format_) is not None else None


# Words for a missing value -------------------------------------------------------------------------------------------

_TWO_LETTERS: Final = re.compile(r"[A-Z]{2}")
_REGIONS: Final = frozenset({"EMEA", "APAC", "LATAM", "ROW", "EU", "AS", "AF", "SA", "OC", "AN", "JP", "EUR", "ASIA"})
_STATES: Final = frozenset(
    [
        "AL",
        "AK",
        "AZ",
        "AR",
        "CA",
        "CO",
        "CT",
        "DE",
        "FL",
        "GA",
        "HI",
        "ID",
        "IL",
        "IN",
        "IA",
        "KS",
        "KY",
        "LA",
        "ME",
        "MD",
        "MA",
        "MI",
        "MN",
        "MS",
        "MO",
        "MT",
        "NE",
        "NV",
        "NH",
        "NJ",
        "NM",
        "NY",
        "NC",
        "ND",
        "OH",
        "OK",
        "OR",
        "PA",
        "RI",
        "SC",
        "SD",
        "TN",
        "TX",
        "UT",
        "VT",
        "VA",
        "WA",
        "WV",
        "WI",
        "WY",
        "DC",
        "PR",
        "VI",
        "GU",
        "AS",
        "MP",
    ]
)


def missing_words(texts: Mapping[str, float]) -> tuple[str, ...]:
    """The words that stand for a missing value in a column of text with these trimmed texts.

    A word stays a value where it has a meaning of its own: "NA" among two-letter codes (Namibia, North America), "-"
    beside "+". Among the states of the USA, "NA" is missing.
    """
    meaningful: set[str] = set()
    others = set(texts) - set(MISSING_WORDS) - {""}
    if "NA" in texts and others:
        codes = sum(1 for text in others if _TWO_LETTERS.fullmatch(text))
        are_states = len(others) >= 10 and others <= _STATES
        if (codes > 0.8 * len(others) and len(others) >= 2 and not are_states) or len(others & _REGIONS) >= 2:
            meaningful.add("NA")
    if others & {"+", "--", "_", "=", "/", "*"}:
        meaningful.add("-")
    if others and all(len(text) == 1 and not text.isalnum() for text in others):
        meaningful |= {"-", "?"}
    if not meaningful:
        return MISSING_WORDS
    return tuple(word for word in MISSING_WORDS if word not in meaningful)
