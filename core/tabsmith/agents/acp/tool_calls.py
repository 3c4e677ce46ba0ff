"""The tool calls of an agent of the Agent Client Protocol, which reports each of them piece by piece."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tabsmith.agents.agent_jobs import Activity, ToolKind
from tabsmith.agents.confined_files import path_inside
from tabsmith.agents.permission_policy import ToolCall, safe_text
from tabsmith.text import clean

if TYPE_CHECKING:
    from acp.schema import ToolCall as AcpToolCall
    from acp.schema import ToolCallUpdate

_RESULT_CHARACTERS: Final = 4_000
_USES: Final[dict[str, ToolKind]] = {
    "read": "read",
    "search": "read",
    "edit": "write",
    "delete": "write",
    "move": "write",
    "execute": "run",
    "fetch": "fetch",
    "think": "think",
}
_PATH_FIELDS: Final = ("path", "file_path", "notebook_path", "filePath", "source", "destination")
_SUBJECT_FIELDS: Final = ("command", "cmd", "url")


class PartialToolCall:
    """One call, as far as it was reported."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._title = ""
        self._input: object = None
        self._output: object = None
        self._paths: tuple[str, ...] = ()
        self._content = ""
        self._shown = False
        self.kind = "other"
        self.over = False

    def update(self, update: "AcpToolCall | ToolCallUpdate") -> list[Activity]:
        """Take in an update. Return the activities to report: the call, once its purpose is known, and its result."""
        self.kind = update.kind or self.kind
        self._title = update.title or self._title
        self._input = update.raw_input or self._input
        self._output = update.raw_output or self._output
        if update.locations:
            self._paths = tuple(item.path for item in update.locations)
        if update.content:
            self._content = "\n".join(_text_of(item) for item in update.content)
        ends = update.status in ("completed", "failed") and not self.over
        activities: list[Activity] = []
        if not self._shown and (self._input or self._paths or ends or update.status == "in_progress"):
            self._shown = True
            activities.append(Activity("tool", safe_text(self.call.what, _RESULT_CHARACTERS), tool=self._tool))
        if ends:
            self.over = True
            text = self._output if isinstance(self._output, str) else self._content
            failed = update.status == "failed"
            activities.append(Activity("result", safe_text(text, _RESULT_CHARACTERS), tool=self._tool, failed=failed))
            self._input = self._output = None  # they can be whole files
            self._content = ""
        return activities

    def broken_off(self) -> Activity:
        """Return the result of a call that was broken off."""
        self.over = True
        return Activity("result", "broken off", tool=self._tool, failed=True)

    @property
    def call(self) -> ToolCall:
        """The call, for the permission policy."""
        use = _USES.get(self.kind, "other")
        fields = self._input if isinstance(self._input, dict) else {}
        paths = (*self._paths, *(item for name in _PATH_FIELDS if isinstance(item := fields.get(name), str) and item))
        paths = tuple(dict.fromkeys(paths))
        what = self._title
        for subject in (fields.get(name) for name in _SUBJECT_FIELDS) if use in ("run", "fetch") else ():
            if isinstance(subject, list):
                subject = shlex.join(str(item) for item in subject)
            if isinstance(subject, str) and subject:
                what = subject
                break
        else:
            if paths and use in ("read", "write"):
                what = " ".join(self._seen(path) for path in paths)
        return ToolCall(use, self._tool, what, paths)

    @property
    def _tool(self) -> str:
        return clean(self.kind.replace("_", " "), 40)

    def _seen(self, path: str) -> str:
        inside = path_inside(self._folder, path)
        return path if inside is None else str(inside)


def _text_of(content: object) -> str:
    from acp.schema import ContentToolCallContent, FileEditToolCallContent, TextContentBlock

    if isinstance(content, ContentToolCallContent) and isinstance(content.content, TextContentBlock):
        return content.content.text
    if isinstance(content, FileEditToolCallContent):
        return content.path
    return ""
