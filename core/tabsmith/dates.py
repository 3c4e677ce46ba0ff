"""When something was, as people say it."""

import time


def when(at: float, now: float) -> str:
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


def clock_time(at: float) -> str:
    """`14:02`, in the machine's time zone."""
    return time.strftime("%H:%M", time.localtime(at))
