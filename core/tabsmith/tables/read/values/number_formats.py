"""How numbers are written: decimal and thousands marks, a currency or unit, brackets for negative, K and M, limits.

A `NumberForm` says it as data and has a name that can be saved and parsed again: `number, decimal comma, in €`.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, Literal, TypeAlias

import msgspec

Groups: TypeAlias = Literal["", "comma", "point", "space", "apostrophe", "Indian"]
"""The mark between groups of three digits. `Indian` is a comma before the last three digits and every two above."""

_MARKS: Final[dict[Groups, str]] = {
    "comma": ",", "point": "[.]", "space": "[ \u00a0\u202f\u2009]", "apostrophe": "['\u2019]", "Indian": ",",
}  # fmt: skip
_SIGN: Final = "[+\u2212-]?"
_LIMIT: Final = "(?:[<>\u2264\u2265~\u2248]=? ?)?"
_SCALE: Final = " ?[KkMB]?"
_CURRENCY: Final = (
    "(?:[A-Z]{1,2})?[$\u20ac\u00a3\u00a5\u20b9\u20bd\u20a9\u20ba\u20aa\u20ab\u0e3f\u20b4\u20a6]|USD|EUR|GBP|JPY|CHF|CAD|AUD|NZD|INR|CNY|SEK|"
    "NOK|DKK|PLN|CZK|HUF|BRL|MXN|ZAR|TRY|RUB|KRW|SGD|HKD|Rs[.]?|kr[.]?|z\u0142|Fr[.]"
)
_CLOSE_UNITS: Final = (  # units that stand right behind a number, without a space
    "%|\u2030|\u00b0[CF]?|k?g|mg|lbs?|oz|[kcm]?m|mi|ft|in|km/h|mph|kmph|m/s|m[l\u00b2\u00b3L]|[lL]|s|ms|sec|min|hrs?|h|yrs?|"
    "[kKMGT]i?B|[kMG]?Hz|k?Wh?|kV|V|A|mAh|W|hp|bhp|PS|rpm|Nm|px|dB|psi|ppm|kcal|x"
)
_SPACED_UNIT: Final = r"[A-Za-z\u00b5\u03a9\u00b0\u20ac$%][A-Za-z/\u00b0\u00b2\u00b3%.]{0,11}"
_NO_UNITS: Final = re.compile(
    r"(?i)(?:[ap]\.?m\.?|ad|bc|e|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?)"
)
_PARTS: Final = re.compile(
    rf"(?P<limit>[<>\u2264\u2265~\u2248]=? ?)?(?P<open>\()?(?P<sign>[+\u2212-])?"
    rf"(?P<before>{_CURRENCY})?[ \u00a0]?(?:[+\u2212-])?"
    r"(?P<digits>\d[\d.,'\u2019\u00a0\u202f\u2009 ]*\d|\d[.,]?|[.,]\d+)(?P<exponent>[eE][+-]?\d{1,3})?"
    rf"(?: ?(?P<scale>[KkMB])(?![A-Za-z]))?(?:[ \u00a0]?(?P<close>{_CURRENCY}|{_CLOSE_UNITS})|[ \u00a0](?P<spaced>{_SPACED_UNIT}))?"
    r"(?P<shut>\))?(?P<behind>-)?(?P<more>\+)?",
    re.ASCII,
)
_LEAST_WORD: Final = 3  # letters of a unit that has a plural
_OPTIONS: Final = ("decimal comma", "brackets are negative", "minus behind", "K and M", "limits")


class NumberForm(msgspec.Struct, frozen=True):
    """One way to write numbers."""

    whole: bool = False
    decimal_comma: bool = False
    groups: Groups = ""
    unit: str = ""  # a currency, % or another unit, before or behind the number
    brackets: bool = False  # (12) is -12
    minus_behind: bool = False  # 12- is -12
    scaled: bool = False  # 3.5K is 3500
    limits: bool = False  # <5 is taken as 5

    @property
    def name(self) -> str:
        """The form in words, which `parse_number_form` reads again."""
        said = dict(
            zip(_OPTIONS, (self.decimal_comma, self.brackets, self.minus_behind, self.scaled, self.limits), strict=True)
        )
        grouped = (f"{self.groups} groups",) if self.groups else ()
        unit = (f"in {self.unit}",) if self.unit else ()
        return ", ".join(
            ("integer" if self.whole else "number", *grouped, *(option for option in _OPTIONS if said[option]), *unit)
        )

    @property
    def _has_plural(self) -> bool:
        """Whether the unit is a word, which stands in the singular beside 1: `1 day`, `2 days`."""
        return len(self.unit) >= _LEAST_WORD and self.unit.isascii() and self.unit.isalpha() and self.unit.islower()

    @property
    def _singular(self) -> str:
        return self.unit.removesuffix("s") if self._has_plural else self.unit

    @property
    def pattern(self) -> str:
        """A regular expression (of Python and of RE2) for the texts that are numbers in this form."""
        unit = re.escape(self._singular).replace("/", "[/]") + ("s?" if self._has_plural else "") if self.unit else ""
        before = f"(?:{unit}[ \u00a0]?)?" if unit else ""
        behind = f"(?:[ \u00a0]?{unit})?" if unit else ""
        point = "," if self.decimal_comma else "[.]"
        digits = r"(?:0|[1-9]\d{0,14})"
        if self.groups == "Indian":
            digits = rf"(?:{digits}|[1-9]\d?(?:,\d{{2}})*,\d{{3}})"
        elif self.groups:
            digits = rf"(?:{digits}|[1-9]\d{{0,2}}(?:{_MARKS[self.groups]}\d{{3}})+)"
        if not self.whole:
            digits = rf"(?:{digits}(?:{point}\d*(?:[eE][+-]?\d{{1,3}})?|[eE][+-]\d{{1,3}})?|{point}\d+(?:[eE][+-]?\d{{1,3}})?)"
        number = f"{before}{_SIGN}{digits}{_SCALE if self.scaled else ''}{behind}"
        forms = [f"{_SIGN}{number}" if unit else number]
        if self.brackets:
            forms.append(rf"\({number}\)")
        if self.minus_behind:
            forms.append(f"{number}-")
        either = f"(?:{'|'.join(forms)})"
        return rf"{_LIMIT}{either}\+?" if self.limits else either

    @property
    def sql(self) -> str:
        """SQL for the value of the text `{t}`, NULL for a text in another form."""
        text = "replace({t}, '\u2212', '-')"
        if self.unit:
            text = f"replace({text}, '{_escaped(self._singular)}', '')"
        mark = "," if self.decimal_comma else "."
        digits = f"regexp_replace({text}, '[^0-9eE{mark}-]', '', 'g')"
        if self.minus_behind:
            digits = f"rtrim({digits}, '-')"
        if self.decimal_comma:
            digits = f"replace({digits}, ',', '.')"
        value = f"TRY_CAST({digits} AS DOUBLE)"
        if self.scaled:
            value += (
                " * CASE WHEN regexp_matches({t}, '[Kk]') THEN 1e3 WHEN contains({t}, 'M') THEN 1e6 "
                "WHEN contains({t}, 'B') THEN 1e9 ELSE 1 END"
            )
        negative = [
            *(["contains({t}, '(')"] if self.brackets else ()),
            *(["ends_with({t}, '-')"] if self.minus_behind else ()),
        ]
        if negative:
            value += f" * CASE WHEN {' OR '.join(negative)} THEN -1 ELSE 1 END"
        if self.whole:
            value = f"TRY_CAST({value} AS BIGINT)"
        return f"CASE WHEN regexp_full_match({{t}}, '{_escaped(self.pattern)}') THEN {value} END"


def parse_number_form(name: str) -> NumberForm | None:
    """The form that `NumberForm.name` names; None if `name` is no such name."""
    kind, *options = name.split(", ")
    if kind not in {"integer", "number"}:
        return None
    form = NumberForm(whole=kind == "integer")
    for option in options:
        change: dict[str, str | bool]
        if option.startswith("in "):
            change = {"unit": option.removeprefix("in ")}
        elif option.removesuffix(" groups") in _MARKS:
            change = {"groups": option.removesuffix(" groups")}
        elif option in _OPTIONS:
            fields = ("decimal_comma", "brackets", "minus_behind", "scaled", "limits")
            change = {fields[_OPTIONS.index(option)]: True}
        else:
            return None
        form = msgspec.structs.replace(form, **change)
    return form


def _escaped(text: str) -> str:
    return text.replace("'", "''")


# The form of a column ------------------------------------------------------------------------------------------------


def number_form(texts: Mapping[str, float], *, decimal_comma: bool) -> NumberForm | None:
    """The form of the numbers among `texts` (with the rows of each), or None if they are not numbers in one form.

    The marks are decided by every text: a mark that occurs twice in a number groups digits, and a mark that is not
    before three digits is the decimal mark. Where nothing decides, `decimal_comma` does: the habit of the whole table.
    """
    parts = [(match, rows) for text, rows in texts.items() if (match := _PARTS.fullmatch(text))]
    parsed = sum(rows for _, rows in parts)
    if not parts or parsed < 0.5 * sum(texts.values()):
        return None
    numbers = [match["digits"] for match, _ in parts]
    marks = _marks(numbers, decimal_comma=decimal_comma)
    if marks is None:
        return None
    comma, groups = marks
    units: Counter[str] = Counter()
    for match, rows in parts:
        unit = match["before"] or match["close"] or match["spaced"] or ""
        if unit and not _NO_UNITS.fullmatch(unit):
            units[unit] += round(rows)
    unit = units.most_common(1)[0][0] if units else ""
    decimal = "," if comma else "."
    return NumberForm(
        whole=not any(decimal in number for number in numbers)
        and not any(match["exponent"] or match["scale"] for match, _ in parts)
        and not unit,
        decimal_comma=comma,
        groups=groups,
        unit=unit,
        brackets=any(match["open"] and match["shut"] for match, _ in parts),
        minus_behind=any(match["behind"] for match, _ in parts),
        scaled=any(match["scale"] for match, _ in parts),
    )


def _marks(numbers: Iterable[str], *, decimal_comma: bool) -> tuple[bool, Groups] | None:
    """Whether the decimal mark of `numbers` is a comma, and the mark between groups; None if no reading fits."""
    numbers = [number for number in numbers if not number.isdigit()]
    groups: Groups = ""
    if any(mark in number for number in numbers for mark in " \u00a0\u202f\u2009"):
        groups = "space"
    elif any(mark in number for number in numbers for mark in "'\u2019"):
        groups = "apostrophe"
    commas = [number for number in numbers if "," in number]
    points = [number for number in numbers if "." in number]
    if groups:
        return (True, groups) if commas and not points else (False, groups) if not commas else None
    if not commas:
        if points and (decimal_comma or any(number.count(".") > 1 for number in points)):
            grouped = all(re.fullmatch(r"[1-9]\d{0,2}(?:\.\d{3})+", number) for number in points)
            return (decimal_comma, "point") if grouped else (False, "")
        return False, ""
    both = [number for number in commas if "." in number]
    if both:
        comma_is_last = sum(number.rfind(",") > number.rfind(".") for number in both)
        if comma_is_last > len(both) / 2:
            return True, "point"
        return False, _comma_groups(commas)
    if any(number.count(",") > 1 for number in commas):
        return False, _comma_groups(commas)
    in_groups = sum(re.fullmatch(r"[1-9]\d{0,2},\d{3}", number) is not None for number in commas)
    if in_groups == len(commas) and not (decimal_comma and not points):
        return False, "comma"
    if points and not all(re.fullmatch(r"[1-9]\d{0,2}(?:\.\d{3})+", number) for number in points):
        return None if in_groups < 0.9 * len(commas) else (False, "comma")
    return True, "point" if points else ""


def _comma_groups(numbers: list[str]) -> Groups:
    """Groups of three, or the Indian groups if only these fit all numbers."""
    wholes = [number.partition(".")[0] for number in numbers]
    if all(re.fullmatch(r"\d{1,3}(?:,\d{3})*", whole) for whole in wholes):
        return "comma"
    indian = all(re.fullmatch(r"\d{1,2}(?:,\d{2})*,\d{3}", whole) or whole.isdigit() for whole in wholes)
    return "Indian" if indian else "comma"
