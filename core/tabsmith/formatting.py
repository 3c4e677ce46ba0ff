"""Numbers, lengths of time, sizes and times as people read them; a value that is not known is a dash, never 0."""

import itertools
import math
import time
from typing import Final

UNKNOWN: Final = "—"
MINUS: Final = "\u2212"  # as wide as a plus, and never taken for a hyphen
PLUS_MINUS: Final = "±"
_UNITS: Final = ("kB", "MB", "GB", "TB")
_BLOCKS: Final = "▁▂▃▄▅▆▇█"


def number(value: float | None, digits: int = 4) -> str:
    """`value` with about `digits` significant digits: 24,900; 21.48; 0.8731; 1.2e-5; — for None and NaN."""
    if value is None or math.isnan(value):
        return UNKNOWN
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    size = abs(value)
    if size == 0:
        return "0"
    if size < 1e-3 or size >= 1e9:
        return _signed(_scientific(value))
    whole = math.floor(math.log10(float(f"{size:.{digits - 1}e}"))) + 1
    if whole >= digits:
        return _signed(f"{value:,.0f}")
    decimals = digits if size < 1 else max(0, digits - whole)
    return _signed(f"{value:,.{decimals}f}")


def significant(value: float, digits: int = 4) -> str:
    """`value` with about `digits` significant digits and no trailing zeros, for a sentence: 24,900; 21.48; 0.5."""
    return f"{value:,.0f}" if min(1_000, 10**digits) <= abs(value) < 1e9 else f"{value:.{digits}g}"


def difference(value: float) -> str:
    """A difference with its sign and about two significant digits: +0.27; -2,360."""
    text = significant(abs(value), 2)
    return f"{MINUS if value < 0 else '+'}{text}"


def plus_minus(value: float | None, error: float | None) -> str:
    """`21,480 ± 310`, `0.8731 ± 0.0042`: the error with two digits, the value with as many decimals."""
    value_text, error_text = plus_minus_parts(value, error)
    return f"{value_text} {PLUS_MINUS} {error_text}" if error_text else value_text


def plus_minus_parts(value: float | None, error: float | None) -> tuple[str, str]:
    """The two numbers of `plus_minus`; the second is empty if there is no error to show."""
    if value is None or not math.isfinite(value) or error is None or not math.isfinite(error) or error <= 0:
        return number(value), ""
    size = max(abs(value), error)
    if size < 1e-3 or size >= 1e9 or error < 1e-6:
        return number(value), _scientific(error)
    decimals = max(0, 1 - math.floor(math.log10(error)))
    if decimals == 0:
        step = 10 ** max(0, math.floor(math.log10(error)) - 1)
        return _signed(f"{round(value / step) * step:,}"), f"{round(error / step) * step:,}"
    return _signed(f"{value:,.{decimals}f}"), f"{error:,.{decimals}f}"


def percent(value: float | None) -> str:
    """A share from 0 to 1 in per cent: `4.1 %`, `0.03 %`, `100 %`."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    percent = value * 100
    size = abs(percent)
    decimals = 0 if size == 0 or size >= 99.95 else 1 if size >= 0.1 else 2
    return _signed(f"{percent:,.{decimals}f} %")


def count(value: int | None) -> str:
    """A whole number with thousands separators."""
    return UNKNOWN if value is None else _signed(f"{value:,}")


def clock(seconds: float | None) -> str:
    """A length of time as a clock shows it: `0:09`, `3:12`, `1:02:03`."""
    if seconds is None or not math.isfinite(seconds) or seconds < 0:
        return UNKNOWN
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def duration(seconds: float | None) -> str:
    """A length of time in words: `40 ms`, `1.4 s`, `12 s`, `3 min 12 s`, `1 h 2 min`."""
    if seconds is None or not math.isfinite(seconds) or seconds < 0:
        return UNKNOWN
    if seconds < 0.0995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if round(seconds) < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def size(count_of_bytes: int | None) -> str:
    """A number of bytes: `812 B`, `3.4 kB`, `194 MB`, `1.2 GB` (powers of ten)."""
    if count_of_bytes is None:
        return UNKNOWN
    if count_of_bytes < 1000:
        return f"{count_of_bytes} B"
    amount, place = count_of_bytes / 1000, 0
    while amount >= 999.5 and place < len(_UNITS) - 1:
        amount, place = amount / 1000, place + 1
    return f"{amount:,.0f} {_UNITS[place]}" if amount >= 99.95 else f"{amount:.1f} {_UNITS[place]}"


def sparkline(values: list[float] | tuple[float, ...], width: int) -> str:
    """`values` as a row of up to `width` blocks, lowest to highest; each block is the mean of its values."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite or width <= 0:
        return ""
    columns = min(width, len(finite))
    edges = [round(index * len(finite) / columns) for index in range(columns + 1)]
    means = [math.fsum(finite[a:b]) / (b - a) for a, b in itertools.pairwise(edges)]
    low, high = min(means), max(means)
    if high == low:
        return _BLOCKS[3] * columns
    return "".join(_BLOCKS[round((mean - low) / (high - low) * 7)] for mean in means)


def _signed(text: str) -> str:
    return text.replace("-", MINUS, 1) if text.startswith("-") else text


def _scientific(value: float) -> str:
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def time_ago(at: float, now: float) -> str:
    """`just now`, `12 min ago`, `14:02` on the same day, `19 Nov`, `19 Nov 2025`; a dash when it is not known."""
    if not at:
        return "—"
    ago = now - at
    if 0 <= ago < 60:
        return "just now"
    if 0 <= ago < 3600:
        return f"{int(ago // 60)} min ago"
    then, today = time.localtime(at), time.localtime(now)
    if then[:3] == today[:3]:
        return time.strftime("%H:%M", then)
    return f"{then.tm_mday} {time.strftime('%b' if then.tm_year == today.tm_year else '%b %Y', then)}"


def time_of_day(at: float, *, seconds: bool = False) -> str:
    """`14:02`, in the machine's time zone; `14:02:09` with `seconds`."""
    return time.strftime("%H:%M:%S" if seconds else "%H:%M", time.localtime(at))


def date_and_time(at: float) -> str:
    """`2026-11-30 14:02`, in the machine's time zone."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at))
