"""What an agent with hands may do: by its rights, by the mode, or because a person says so."""

import asyncio
import re
import shlex
import uuid
from collections.abc import Awaitable, Callable
from fnmatch import fnmatchcase
from pathlib import Path, PurePath
from typing import Final
from urllib.parse import urlsplit

import msgspec

from tabsmith.agents.agent_jobs import (
    PermissionAnswer,
    PermissionMode,
    PermissionRequest,
    PermissionRules,
    RiskLevel,
    ToolKind,
)
from tabsmith.agents.api_keys import redact
from tabsmith.agents.confined_files import path_inside
from tabsmith.agents.deadline import Deadline
from tabsmith.text import clean_block

MAX_REQUESTS: Final = (
    200  # permissions that a person is asked for in one errand; an agent that wants more goes round in circles
)
_SHOWN: Final = 2_000  # characters
_EXPANDS: Final = re.compile(r"[$`\n\r\0]")  # what a shell puts in its place is not in the command
_SIGNS: Final = ";&|<>()"
_JOINS: Final = frozenset({";", "&&", "||", "|"})
_REACHES: Final = re.compile(r"(?:^|[\s=:\"'(])(?:~|/(?!dev/null\b)|\.\.(?:/|\s|$))|://")
_NETWORK: Final = re.compile(r"(?:^|[\s;&|(/])(?:curl|wget|ssh|scp|sftp|rsync|nc|ncat|telnet|ftp|sudo|su)(?:\s|$)")


class ToolCall(msgspec.Struct, frozen=True):
    """What the agent is about to do with its tool `tool`: `what` is the command, the path or the address; `paths` are
    the files that it names."""

    use: ToolKind
    tool: str
    what: str
    paths: tuple[str, ...] = ()


class PermissionPolicy:
    """Answers the wishes of one errand. A person is asked one thing at a time, so that "always" answers those that
    wait for the same."""

    def __init__(
        self,
        folder: Path,
        rights: PermissionRules,
        asking: PermissionMode,
        allow: Callable[[PermissionRequest], Awaitable[PermissionAnswer]],
        patience: Deadline,
        tell: Callable[[str], None],
    ) -> None:
        self._folder = folder
        self._rights = rights
        self._asking = asking
        self._allow = allow
        self._patience = patience
        self._tell = tell
        self._one = asyncio.Lock()
        self._always: set[tuple[str, ...]] = set()
        self._asked = 0

    async def answer(self, wish: ToolCall) -> PermissionAnswer:
        """Whether it may, waiting for a person where one is asked."""
        if self._free(wish):
            return "once"
        if self._asking != "ask":
            return "once" if self._asking == "allow" else "no"
        risk = self._risk(wish)
        way = self._way(wish, risk)
        with self._patience.waiting():
            async with self._one:
                if way in self._always:
                    return "always"
                self._asked += 1
                if self._asked > MAX_REQUESTS:
                    if self._asked == MAX_REQUESTS + 1:
                        self._tell(
                            f"The agent asked for {MAX_REQUESTS} permissions; whatever else it asks for is refused."
                        )
                    return "no"
                what = safe_text(wish.what, _SHOWN)
                allowed = await self._allow(PermissionRequest(str(uuid.uuid4()), wish.tool, what, risk, wish.use))
                if allowed == "always":
                    self._always.add(way)
                return allowed

    def _free(self, wish: ToolCall) -> bool:
        if wish.use == "run":
            return command_allowed(self._rights.run, wish.what)
        allowed = {"read": self._rights.read, "write": self._rights.write}.get(wish.use, False)
        return allowed and bool(wish.paths) and self._inside(wish)

    def _inside(self, wish: ToolCall) -> bool:
        """Whether all its files are the folder's own. What is written below .git could be run by git later, outside."""
        places = [path_inside(self._folder, path) for path in wish.paths]
        return all(place is not None and (wish.use != "write" or ".git" not in place.parts) for place in places)

    def _risk(self, wish: ToolCall) -> RiskLevel:
        if wish.use == "think":
            return "low"
        if wish.use == "run":
            return "high" if self._reaches_out(wish.what) else "medium"
        if wish.use == "read":
            return "low" if self._inside(wish) else "high"
        return "medium" if wish.use == "write" and wish.paths and self._inside(wish) else "high"

    def _reaches_out(self, command: str) -> bool:
        """Whether the words of a command show that it means to; that they do not, proves nothing."""
        own = command.replace(f"{self._folder}/", "").replace(str(self._folder), ".")
        return bool(_REACHES.search(own) or _NETWORK.search(own))

    def _way(self, wish: ToolCall, risk: RiskLevel) -> tuple[str, ...]:
        """What of a wish "always" is about: the program of a command, the server of an address, the folder of a file
        outside; all files inside."""
        if wish.use == "run":
            parts = split_commands(wish.what)
            about = [parts[0][0]] if parts and len(parts) == 1 and parts[0] else [wish.what]
        elif wish.use == "fetch":
            about = [urlsplit(wish.what).netloc or wish.what]
        elif wish.paths:
            about = [] if self._inside(wish) else sorted({str(PurePath(path).parent) for path in wish.paths})
        else:
            about = [wish.what]
        return (wish.use, wish.tool, risk, *about)


def safe_text(text: str, limit: int) -> str:
    """Text of an agent as it may be shown: without keys, also such as hide between control characters."""
    return clean_block(redact(clean_block(text, limit + 1_000)), limit)


def command_allowed(patterns: tuple[str, ...], command: str) -> bool:
    """Whether every command in a shell's line is one of `patterns`: `python *` is python with any words, also with
    none. A line with more than words, quotes, `;`, `&&`, `||` and `|` is none of them, except of the pattern `*`."""
    if "*" in patterns:
        return True
    parts = split_commands(command)
    return bool(parts) and all(any(_matches(" ".join(words), each) for each in patterns) for words in parts or ())


def split_commands(line: str) -> list[list[str]] | None:
    """The words of each command in a shell's line; None when there is in it what only a shell can tell."""
    if _EXPANDS.search(line):
        return None
    lexer = shlex.shlex(line, posix=True, punctuation_chars=_SIGNS)
    lexer.whitespace_split = True
    lexer.commenters = ""
    parts: list[list[str]] = [[]]
    try:
        for word in lexer:
            if word in _JOINS:
                parts.append([])
            elif word and set(word) <= set(_SIGNS):
                return None
            else:
                parts[-1].append(word)
    except ValueError:  # a quote that nobody closes
        return None
    return parts if all(parts) else None


def _matches(command: str, pattern: str) -> bool:
    return fnmatchcase(command, pattern) or (pattern.endswith(" *") and command == pattern[:-2])
