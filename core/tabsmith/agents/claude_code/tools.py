"""The tools of Claude Code that a coding job may use: what a call is about to do, and how it is reported."""

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
"""The tools that the program is given; it ignores those that it does not know."""

_PATHS: Final = ("file_path", "notebook_path", "path")
_SUBJECTS: Final = (
    "command",
    "file_path",
    "notebook_path",
    "url",
    "query",
    "pattern",
    "path",
)  # the most telling first
_OBEYED: Final = frozenset({".git", ".claude", ".mcp.json", ".vscode"})
"""Files and folders that programs run or obey later, perhaps outside the sandbox."""

_INPUT_CHARACTERS: Final = 300
_TEXT_CHARACTERS: Final = 8_000


def read_tool_call(tool: str, arguments: Mapping[str, Any], folder: Path) -> ToolCall:
    """Return what the call of `tool` is about to do in `folder`."""
    use = TOOL_KINDS.get(tool, "other")
    paths = [str(arguments[name]) for name in _PATHS if arguments.get(name)]
    if tool == "Glob":
        paths.append(str(Path(arguments.get("path") or "") / _fixed_folder(str(arguments.get("pattern") or ""))))
    if use == "read" and not paths:
        paths = ["."]
    if use == "write" and any(_is_obeyed(path, folder) for path in paths):
        use = "other"  # not an ordinary file: the user is asked
    return ToolCall(use, tool, _subject(arguments), tuple(paths))


def message_activity(text: str) -> Activity:
    """Report a message of the agent."""
    return Activity("message", clean_block(redact(text), _TEXT_CHARACTERS))


def tool_activity(block: ToolUseBlock, folder: Path) -> Activity:
    """Report a tool call, with paths relative to the folder."""
    subject = _subject(block.input).replace(f"{folder}/", "")
    return Activity("tool", clean(redact(subject), _INPUT_CHARACTERS), tool=clean(block.name))


def result_activity(block: ToolResultBlock, tool: str) -> Activity:
    """Report what the tool returned."""
    content = block.content or ""
    if not isinstance(content, str):
        content = "\n".join(str(part.get("text") or f"[{part.get('type')}]") for part in content)
    return Activity(
        "result", clean_block(redact(content), _TEXT_CHARACTERS), tool=clean(tool), failed=bool(block.is_error)
    )


def _subject(arguments: Mapping[str, Any]) -> str:
    return next((str(arguments[name]) for name in _SUBJECTS if arguments.get(name)), "") or json.dumps(
        arguments, ensure_ascii=False
    )


def _fixed_folder(pattern: str) -> str:
    """The folder that a file pattern cannot leave; the root if the pattern has a way up or out after its first wildcard."""
    parts = PurePath(pattern).parts
    first = next((index for index, part in enumerate(parts) if set(part) & set("*?[{")), len(parts))
    rest = "/".join(parts[first:])
    return "/" if any(escape in rest for escape in ("..", "{/", ",/")) else str(PurePath(*parts[:first]))


def _is_obeyed(path: str, folder: Path) -> bool:
    inside = path_inside(folder, path)
    return inside is not None and bool(_OBEYED & set(inside.parts))
