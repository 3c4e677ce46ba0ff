"""The tools of Claude Code that an errand may use: what a call of one wishes to do, and how it is told."""

import json
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any, Final

from claude_agent_sdk import ToolResultBlock, ToolUseBlock

from tabsmith.agents.agent_jobs import Activity, ToolKind
from tabsmith.agents.api_keys import redact
from tabsmith.agents.confined_files import path_inside
from tabsmith.agents.permission_policy import ToolCall
from tabsmith.text import clean, clean_block

TOOL_KINDS: Final[Mapping[str, ToolKind]] = {
    "Read": "read",
    "Glob": "read",
    "Grep": "read",
    "Edit": "write",
    "MultiEdit": "write",
    "Write": "write",
    "NotebookEdit": "write",
    "Bash": "run",
    "WebFetch": "fetch",
    "WebSearch": "fetch",
}
"""The tools that the program is given, those of them that it knows."""

_PATHS: Final = ("file_path", "notebook_path", "path")
_TELLING: Final = ("command", "file_path", "notebook_path", "url", "query", "pattern", "path")  # the best first
_OBEYED: Final = frozenset(
    {".git", ".claude", ".mcp.json", ".vscode"}
)  # what programs run or obey that come here later
_LONGEST_INPUT: Final = 300  # characters
_LONGEST_TEXT: Final = 8_000


def read_tool_call(tool: str, given: Mapping[str, Any], folder: Path) -> ToolCall:
    """What the call wishes to do in `folder`."""
    use = TOOL_KINDS.get(tool, "other")
    paths = [str(given[name]) for name in _PATHS if given.get(name)]
    if tool == "Glob":
        paths.append(str(Path(given.get("path") or "") / _fixed(str(given.get("pattern") or ""))))
    if use == "read" and not paths:
        paths = ["."]
    if use == "write" and any(_is_obeyed(path, folder) for path in paths):
        use = "other"  # not a file like others: a person is asked
    return ToolCall(use, tool, _told(given), tuple(paths))


def message_activity(text: str) -> Activity:
    """The agent says something."""
    return Activity("message", clean_block(redact(text), _LONGEST_TEXT))


def tool_activity(block: ToolUseBlock, folder: Path) -> Activity:
    """The agent uses a tool; paths in the folder are told from there."""
    told = _told(block.input).replace(f"{folder}/", "")
    return Activity("tool", clean(redact(told), _LONGEST_INPUT), tool=clean(block.name))


def result_activity(block: ToolResultBlock, tool: str) -> Activity:
    """What the tool gave."""
    content = block.content or ""
    if not isinstance(content, str):
        content = "\n".join(str(part.get("text") or f"[{part.get('type')}]") for part in content)
    return Activity(
        "result", clean_block(redact(content), _LONGEST_TEXT), tool=clean(tool), failed=bool(block.is_error)
    )


def _told(given: Mapping[str, Any]) -> str:
    return next((str(given[name]) for name in _TELLING if given.get(name)), "") or json.dumps(given, ensure_ascii=False)


def _fixed(pattern: str) -> str:
    """The folder that a pattern of files cannot leave; the root where it has a way up or out behind its first sign."""
    parts = PurePath(pattern).parts
    first = next((place for place, part in enumerate(parts) if set(part) & set("*?[{")), len(parts))
    behind = "/".join(parts[first:])
    return "/" if any(way in behind for way in ("..", "{/", ",/")) else str(PurePath(*parts[:first]))


def _is_obeyed(path: str, folder: Path) -> bool:
    place = path_inside(folder, path)
    return place is not None and bool(_OBEYED & set(place.parts))
