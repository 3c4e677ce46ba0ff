"""Patterns of paths, as in a .gitignore: `*.py` in any folder, `src/**` from the top, a folder's name for all in it."""

import functools
import re
from collections.abc import Iterable


def matches_any(path: str, patterns: Iterable[str]) -> bool:
    """Whether the relative `path` matches one of the patterns.

    `*` and `?` stand for characters of one name, `**` for any number of folders. A pattern without a slash matches a name
    at any depth; one with a slash starts at the top. Whatever lies in a folder that matches, matches too.
    """
    return any(_compiled(pattern).fullmatch(path) is not None for pattern in patterns)


@functools.lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    text = pattern.removeprefix("./").rstrip("/")
    anchored = "/" in text
    parts: list[str] = [] if anchored else ["(?:.*/)?"]
    for token in re.findall(r"\*\*/|\*\*|\*|\?|\[[^\]/]+\]|.", text.lstrip("/"), re.DOTALL):
        match token:
            case "**/":
                parts.append("(?:.*/)?")
            case "**":
                parts.append(".*")
            case "*":
                parts.append("[^/]*")
            case "?":
                parts.append("[^/]")
            case _ if len(token) > 1:
                inside = token[1:-1].replace("\\", r"\\")
                parts.append(f"[^{inside[1:]}]" if inside.startswith("!") else f"[{inside}]")
            case _:
                parts.append(re.escape(token))
    try:
        return re.compile("".join(parts) + "(?:/.*)?", re.DOTALL)
    except re.error:  # a range the wrong way round: only the text itself matches
        return re.compile(re.escape(text) + "(?:/.*)?", re.DOTALL)
