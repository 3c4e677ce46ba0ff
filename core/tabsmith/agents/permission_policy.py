"""Decides what a coding agent may do: by the job's rules, by its mode, or by asking the user."""

import asyncio
import re
import shlex
import uuid
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path, PurePath
from typing import Final
from urllib.parse import urlsplit

import msgspec

from tabsmith.agents.agent_jobs import (
    AskPermission,
    Deadline,
    PermissionAnswer,
    PermissionMode,
    PermissionRequest,
    PermissionRules,
    RiskLevel,
    ToolKind,
)
from tabsmith.agents.api_keys import redact
from tabsmith.agents.confined_files import path_inside
from tabsmith.path_patterns import matches_any
from tabsmith.text import clean_block

MAX_REQUESTS: Final = 200
"""Permissions that the user is asked for in one job; an agent that wants more goes round in circles."""

_WHAT_CHARACTERS: Final = 2_000
_EXPANSION: Final = re.compile(r"[$`\n\r\0]")  # the command does not show what a shell expands it to
_PUNCTUATION: Final = ";&|<>()"
_SEPARATORS: Final = frozenset({";", "&&", "||", "|"})
_OUTSIDE: Final = re.compile(r"(?:^|[\s=:\"'(])(?:~|/(?!dev/null\b)|\.\.(?:/|\s|$))|://")
_NETWORK: Final = re.compile(r"(?:^|[\s;&|(/])(?:curl|wget|ssh|scp|sftp|rsync|nc|ncat|telnet|ftp|sudo|su)(?:\s|$)")


class ToolCall(msgspec.Struct, frozen=True):
    """A call that the agent is about to make of its tool `tool`: `what` is the command, the path or the address; `paths`
    are the files that it names."""

    use: ToolKind
    tool: str
    what: str
    paths: tuple[str, ...] = ()


class PermissionPolicy:
    """Answers the tool calls of one job. The user is asked one at a time, so that "always" also answers the calls that
    wait for the same permission."""

    def __init__(
        self,
        folder: Path,
        rules: PermissionRules,
        mode: PermissionMode,
        ask_permission: AskPermission,
        deadline: Deadline,
        on_notice: Callable[[str], None],
    ) -> None:
        self._folder = folder
        self._rules = rules
        self._mode = mode
        self._ask_permission = ask_permission
        self._deadline = deadline
        self._on_notice = on_notice
        self._one_at_a_time = asyncio.Lock()
        self._always: set[tuple[str, ...]] = set()
        self._requests = 0

    async def decide(self, call: ToolCall) -> PermissionAnswer:
        """Return whether the agent may make the call; if the user is asked, wait for the answer."""
        if self._allowed_by_rules(call):
            return "once"
        if self._mode != "ask":
            return "once" if self._mode == "allow" else "no"
        risk = self._risk(call)
        subject = self._subject(call, risk)
        with self._deadline.paused():
            async with self._one_at_a_time:
                if subject in self._always:
                    return "always"
                self._requests += 1
                if self._requests == MAX_REQUESTS + 1:
                    self._on_notice(f"The agent asked for {MAX_REQUESTS} permissions; all further ones are refused.")
                if self._requests > MAX_REQUESTS:
                    return "no"
                what = safe_text(call.what, _WHAT_CHARACTERS)
                request = PermissionRequest(str(uuid.uuid4()), call.tool, what, risk, call.use)
                answer = await self._ask_permission(request)
                if answer == "always":
                    self._always.add(subject)
                return answer

    def _allowed_by_rules(self, call: ToolCall) -> bool:
        if call.use == "run":
            return command_allowed(self._rules.run, call.what)
        patterns = {"read": self._rules.read, "write": self._rules.write}.get(call.use, ())
        return bool(call.paths) and self._inside(call) and all(self._matches(path, patterns) for path in call.paths)

    def _matches(self, path: str, patterns: tuple[str, ...]) -> bool:
        if "**" in patterns:
            return True
        inside = path_inside(self._folder, path)
        return inside is not None and matches_any(inside.as_posix(), patterns)

    def _inside(self, call: ToolCall) -> bool:
        """Whether all files of the call are in the folder. A file written below .git could later be run by git, outside
        the sandbox, so it does not count as inside."""
        paths = [path_inside(self._folder, path) for path in call.paths]
        return all(path is not None and (call.use != "write" or ".git" not in path.parts) for path in paths)

    def _risk(self, call: ToolCall) -> RiskLevel:
        if call.use == "think":
            return "low"
        if call.use == "run":
            return "high" if self._reaches_out(call.what) else "medium"
        if call.use == "read":
            return "low" if self._inside(call) else "high"
        return "medium" if call.use == "write" and call.paths and self._inside(call) else "high"

    def _reaches_out(self, command: str) -> bool:
        """Whether the words of a command show that it reaches outside. If they do not, that proves nothing."""
        own = command.replace(f"{self._folder}/", "").replace(str(self._folder), ".")
        return bool(_OUTSIDE.search(own) or _NETWORK.search(own))

    def _subject(self, call: ToolCall, risk: RiskLevel) -> tuple[str, ...]:
        """What "always" allows from now on: the program of a command, the server of an address, the folder of a file
        outside, or all files inside."""
        if call.use == "run":
            parts = split_commands(call.what)
            about = [parts[0][0]] if parts and len(parts) == 1 and parts[0] else [call.what]
        elif call.use == "fetch":
            about = [urlsplit(call.what).netloc or call.what]
        elif call.paths:
            about = [] if self._inside(call) else sorted({str(PurePath(path).parent) for path in call.paths})
        else:
            about = [call.what]
        return (call.use, call.tool, risk, *about)


def safe_text(text: str, limit: int) -> str:
    """Return an agent's text safe to show: without keys, including keys hidden between control characters."""
    return clean_block(redact(clean_block(text, limit + 1_000)), limit)


def command_allowed(patterns: tuple[str, ...], command: str) -> bool:
    """Whether every command in a shell's line matches one of `patterns`.

    `python *` matches python with any arguments or none. A line with anything but words, quotes, `;`, `&&`, `||` and `|`
    matches only the pattern `*`.
    """
    if "*" in patterns:
        return True
    parts = split_commands(command)
    return bool(parts) and all(any(_matches(" ".join(words), pattern) for pattern in patterns) for words in parts or ())


def split_commands(line: str) -> list[list[str]] | None:
    """Return the words of each command in a shell's line; None if only a shell can tell what the line does."""
    if _EXPANSION.search(line):
        return None
    lexer = shlex.shlex(line, posix=True, punctuation_chars=_PUNCTUATION)
    lexer.whitespace_split = True
    lexer.commenters = ""
    parts: list[list[str]] = [[]]
    try:
        for word in lexer:
            if word in _SEPARATORS:
                parts.append([])
            elif word and set(word) <= set(_PUNCTUATION):
                return None
            else:
                parts[-1].append(word)
    except ValueError:  # a quote that is not closed
        return None
    return parts if all(parts) else None


def _matches(command: str, pattern: str) -> bool:
    return fnmatchcase(command, pattern) or (pattern.endswith(" *") and command == pattern[:-2])
