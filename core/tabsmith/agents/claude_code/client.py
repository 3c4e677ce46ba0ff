"""Asks the Claude Code program for answers: each request is a fresh session without tools, files or settings."""

import asyncio
import importlib.util
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

from tabsmith.agents.agent_program import run_program
from tabsmith.agents.api_keys import program_environment
from tabsmith.agents.protocol import AgentName, ModelRequest, OnReply
from tabsmith.errors import AgentError, AgentMissingError, AgentTimeoutError

INSTALL_HINT: Final = "Install it with `pip install 'tabsmith[claude]'`, or choose another agent."
_MAX_TURNS: Final = "3"  # the answer, and two corrections if it does not fit the schema
QUIET_VARIABLES: Final = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "CLAUDE_CODE_ENTRYPOINT": "sdk-py",
    "CLAUDE_CODE_MAX_RETRIES": "1",  # tabsmith's own retries are the ones that count; see conversation.py
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_TELEMETRY": "1",
}
_OWN_VARIABLES: Final = ("ANTHROPIC_*", "CLAUDE*", "DISABLE_*", "API_TIMEOUT_MS", "MAX_THINKING_TOKENS")
_CLOUD_VARIABLES: Final = {
    "CLAUDE_CODE_USE_BEDROCK": ("AWS_*",),
    "CLAUDE_CODE_USE_VERTEX": ("GOOGLE_*", "GCLOUD_*", "CLOUDSDK_*", "CLOUD_ML_REGION", "VERTEX_*"),
    "CLAUDE_CODE_USE_FOUNDRY": ("AZURE_*",),
}
OUTER_SESSION_VARIABLES: Final = frozenset({"CLAUDECODE", "CLAUDE_CODE_SESSION_ID"})


def find_program() -> Path:
    """Find the program inside the package claude-agent-sdk, or else `claude` on the PATH.

    The package is not imported. Raises AgentMissingError.
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


def claude_environment() -> dict[str, str]:
    """Return the environment for the program: its own variables, and those of the cloud that it is set to ask for its model.

    Raises ConfigError.
    """
    patterns = list(_OWN_VARIABLES)
    for switch, variables in _CLOUD_VARIABLES.items():
        if os.environ.get(switch, "").strip() not in {"", "0", "false"}:
            patterns += variables
    return {name: value for name, value in program_environment(patterns).items() if name not in OUTER_SESSION_VARIABLES}


class ClaudeCodeClient:
    """Sends each request to a new process of Claude Code, in an empty temporary folder."""

    name: AgentName = "claude-code"

    def __init__(self, model: str) -> None:
        self.model = model
        self._used: set[str] = set()

    async def ask(self, request: ModelRequest, on_reply: OnReply) -> str:
        """Return the structured answer as JSON, or the text of the reply; see `ModelClient`. Raises AgentError."""
        if request.session in self._used:
            raise AgentError(f"The session id {request.session} was used before: every request needs a new one.")
        self._used.add(request.session)
        program = find_program()
        from tabsmith.agents.claude_code.conversation import (
            converse,  # late: it imports the kit, which find_program looked for
        )

        variables = claude_environment()
        try:
            async with asyncio.timeout(request.seconds):
                with tempfile.TemporaryDirectory(prefix="tabsmith-claude-", ignore_cleanup_errors=True) as folder:
                    empty = Path(folder) / "empty"
                    empty.mkdir()
                    system = Path(folder) / "system.txt"
                    system.write_text(request.prompt.system, encoding="utf-8")
                    async with run_program(
                        self._command(program, request, system),
                        mark=request.session,
                        environment={**variables, **QUIET_VARIABLES, "PWD": str(empty)},
                        folder=empty,
                    ) as claude:
                        return await converse(claude, request, on_reply)
        except TimeoutError as error:
            raise AgentTimeoutError(
                f"Claude Code gave no answer within {request.seconds:g} seconds.",
                next_step="Wait longer with `tabsmith config set agents.timeout SECONDS`, or choose a faster model.",
            ) from error
        except OSError as error:
            what = f"Claude Code cannot be started: {error.strerror or error}."
            raise AgentMissingError(what, where=str(program), next_step=INSTALL_HINT) from error

    async def close(self) -> None:
        """Do nothing: no program outlives its request."""

    def _command(self, program: Path, request: ModelRequest, system: Path) -> list[str]:
        """The command line. The prompt goes by a file and by stdin, because every user can read a command line."""
        command = [str(program), "--input-format", "stream-json", "--output-format", "stream-json", "--verbose"]
        command += ["--include-partial-messages", f"--session-id={request.session}", "--no-session-persistence"]
        command += ["--system-prompt-file", str(system), "--max-turns", _MAX_TURNS]
        command += ["--tools", "", "--permission-mode", "dontAsk", "--disable-slash-commands"]
        command += ["--setting-sources=", "--strict-mcp-config"]
        if self.model:
            command.append(f"--model={self.model}")
        schema = json.loads(bytes(request.response_schema) or b"null")
        if schema:
            command += ["--json-schema", json.dumps(schema)]
        return command
