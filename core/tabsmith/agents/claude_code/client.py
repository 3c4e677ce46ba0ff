"""The agent that is the Claude Code program: a fresh session for each question, without tools, files or settings."""

import asyncio
import importlib.util
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tabsmith.agents.agent_program import run_program
from tabsmith.agents.api_keys import agent_environment
from tabsmith.agents.protocol import ModelAgentName, ModelReply, ModelRequest
from tabsmith.config.settings import AgentSettings
from tabsmith.errors import AgentError, AgentMissingError, AgentTimeoutError

INSTALL_HINT: Final = "Install it with `pip install 'tabsmith[claude]'`, or choose another agent."
_TURNS: Final = "3"  # the answer, and two corrections where it does not fit the schema
QUIET_VARIABLES: Final = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "CLAUDE_CODE_ENTRYPOINT": "sdk-py",
    "CLAUDE_CODE_MAX_RETRIES": "1",  # tabsmith's own retries are the ones that count; see claude_code_talk
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_TELEMETRY": "1",
}
OUTER_SESSION_VARIABLES: Final = frozenset({"CLAUDECODE", "CLAUDE_CODE_SESSION_ID"})


def make_client(settings: AgentSettings) -> "ClaudeCodeClient":
    """The speaker behind `claude-code`; nothing is started before it is asked."""
    return ClaudeCodeClient(settings.claude_code.model)


def find_program() -> Path:
    """The program: the one inside the package claude-agent-sdk, or else `claude` on the PATH.

    Imports nothing. Raises AgentMissingError.
    """
    package = importlib.util.find_spec("claude_agent_sdk")
    if package is None or package.origin is None:
        raise AgentMissingError("The package claude-agent-sdk is not installed.", next_step=INSTALL_HINT)
    inside = Path(package.origin).parent / "_bundled" / "claude"
    if os.access(inside, os.X_OK):
        return inside
    on_path = shutil.which("claude")
    if on_path is None:
        raise AgentMissingError(
            "The program claude is neither in the package claude-agent-sdk nor on the PATH.", next_step=INSTALL_HINT
        )
    return Path(on_path)


class ClaudeCodeClient:
    """Puts each question to a new process of Claude Code, in an empty folder that goes away with it."""

    name: ModelAgentName = "claude-code"

    def __init__(self, model: str | None) -> None:
        self.model = model or ""
        self._used: set[str] = set()

    async def ask(self, question: ModelRequest, hear: Callable[[ModelReply], None]) -> str:
        """The structured answer as JSON, or the text of the reply. Raises AgentError; see `Speaker`."""
        if question.session in self._used:
            raise AgentError(f"The session id {question.session} was used before: every question needs a new one.")
        self._used.add(question.session)
        program = find_program()
        from tabsmith.agents.claude_code.conversation import (
            converse,  # late: it imports the kit, which find_program looked for
        )

        variables = {name: value for name, value in agent_environment().items() if name not in OUTER_SESSION_VARIABLES}
        try:
            async with asyncio.timeout(question.seconds):
                with tempfile.TemporaryDirectory(prefix="tabsmith-claude-", ignore_cleanup_errors=True) as folder:
                    empty = Path(folder) / "empty"
                    empty.mkdir()
                    system = Path(folder) / "system.txt"
                    system.write_text(question.prompt.system, encoding="utf-8")
                    async with run_program(
                        self._command(program, question, system),
                        mark=question.session,
                        environment={**variables, **QUIET_VARIABLES, "PWD": str(empty)},
                        folder=empty,
                    ) as claude:
                        return await converse(claude, question, hear)
        except TimeoutError as error:
            raise AgentTimeoutError(
                f"Claude Code gave no answer within {question.seconds:g} seconds.",
                next_step="Wait longer with `tabsmith config set agents.timeout SECONDS`, or choose a faster model.",
            ) from error
        except OSError as error:
            what = f"Claude Code cannot be started: {error.strerror or error}."
            raise AgentMissingError(what, where=str(program), next_step=INSTALL_HINT) from error

    async def close(self) -> None:
        """Nothing to let go of: no program outlives its question."""

    def _command(self, program: Path, question: ModelRequest, system: Path) -> list[str]:
        """What the letter says goes by a file and by stdin: everybody may read a command line."""
        command = [str(program), "--input-format", "stream-json", "--output-format", "stream-json", "--verbose"]
        command += ["--include-partial-messages", f"--session-id={question.session}", "--no-session-persistence"]
        command += ["--system-prompt-file", str(system), "--max-turns", _TURNS]
        command += ["--tools", "", "--permission-mode", "dontAsk", "--disable-slash-commands"]
        command += ["--setting-sources=", "--strict-mcp-config"]
        if self.model:
            command.append(f"--model={self.model}")
        shape = json.loads(bytes(question.shape) or b"null")
        if shape:
            command += ["--json-schema", json.dumps(shape)]
        return command
