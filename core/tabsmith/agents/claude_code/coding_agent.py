"""The agent with hands that is the Claude Code program: sent into a folder, it does there what it may."""

import shlex
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Final, TypeAlias

from tabsmith.agents.agent_jobs import Activity, AgentJob, AgentJobResult, PermissionAnswer, PermissionRequest
from tabsmith.agents.agent_program import run_program
from tabsmith.agents.api_keys import agent_environment, is_secret
from tabsmith.agents.claude_code.client import INSTALL_HINT, OUTER_SESSION_VARIABLES, QUIET_VARIABLES, find_program
from tabsmith.agents.claude_code.config_home import counters_of, session_variables, transcript
from tabsmith.agents.deadline import Deadline
from tabsmith.agents.permission_policy import PermissionPolicy
from tabsmith.agents.protocol import ModelAgentName, ModelReply
from tabsmith.config.settings import AgentSettings
from tabsmith.errors import AgentError, AgentMissingError

CommandWrapper: TypeAlias = Callable[[list[str]], list[str]]
"""Makes of a command the one that runs it in a sandbox, with the same environment and the same pipes."""

_ALONE: Final = {
    **QUIET_VARIABLES,
    "CLAUDE_CODE_DISABLE_AUTO_MEMORY": "1",
    "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS": "1",  # the errand is over when the agent says so
    "CLAUDE_CODE_DISABLE_CLAUDE_MDS": "1",
}

_SECRET_TOO: Final = ("ANTHROPIC_CUSTOM_HEADERS",)


def make_coding_agent(
    settings: AgentSettings,
    wrap: CommandWrapper = lambda command: command,
    commands: CommandWrapper = lambda command: command,
) -> "ClaudeCodingAgent":
    """The hand behind `claude-code`; nothing is started before it is sent. `wrap` puts its program into a sandbox,
    which must let it write to the errand's folder, to `claude_code_home.home()` and to the temporary folder."""
    return ClaudeCodingAgent(settings.claude_code.model or "", wrap, commands)


class ClaudeCodingAgent:
    """Each errand is a process of its own and a session of its own, also when it continues another: then it begins as
    a copy of that conversation."""

    name: ModelAgentName = "claude-code"

    def __init__(self, model: str, wrap: CommandWrapper, commands: CommandWrapper) -> None:
        self._model = model
        self._wrap = wrap
        self._command_wrap = commands

    async def work(
        self,
        errand: AgentJob,
        hear: Callable[[ModelReply], None],
        show: Callable[[Activity], None],
        allow: Callable[[PermissionRequest], Awaitable[PermissionAnswer]],
    ) -> AgentJobResult:
        """Carry the errand out; see `Hand`. What was done when an error is raised stays done. Raises AgentError."""
        program = find_program()
        from tabsmith.agents.claude_code.coding_session import run_session  # late: they import the kit
        from tabsmith.agents.claude_code.usage_tracker import ClaudeUsageTracker

        given = {name: value for name, value in agent_environment().items() if name not in OUTER_SESSION_VARIABLES}
        if not Path(errand.folder).is_dir():
            raise AgentError("The folder to work in is not there.", where=errand.folder)
        if transcript(errand.session) is not None:
            raise AgentError(f"The session id {errand.session} was used before: every errand needs a new one.")
        if errand.continues and transcript(errand.continues) is None:
            raise AgentError(
                f"Claude Code has no conversation {errand.continues} any more, so it cannot be continued.",
                next_step="Begin a new one.",
            )
        patience = Deadline(errand.silence, errand.seconds)

        def tell(text: str) -> None:
            show(Activity("message", text))

        gate = PermissionPolicy(Path(errand.folder), errand.rights, errand.asking, allow, patience, tell)
        ledger = ClaudeUsageTracker(hear, counters_of(errand.continues), tools=True)
        try:
            with tempfile.TemporaryDirectory(prefix="tabsmith-claude-", ignore_cleanup_errors=True) as folder:
                system, shell = Path(folder) / "system.txt", Path(folder) / "shell"
                system.write_text(errand.prompt.system, encoding="utf-8")
                variables = session_variables(given)
                _write_shell(shell, variables, self._command_wrap)
                async with run_program(
                    self._wrap(self._command(program, errand, system)),
                    mark=errand.session,
                    environment={
                        **variables,
                        **_ALONE,
                        "CLAUDE_CODE_SHELL_PREFIX": str(shell),
                        "PWD": errand.folder,
                    },
                    folder=Path(errand.folder),
                ) as claude:
                    return await run_session(claude, errand, ledger, show, gate, patience)
        except OSError as error:
            what = f"Claude Code cannot be started: {error.strerror or error}."
            raise AgentMissingError(what, where=str(program), next_step=INSTALL_HINT) from error

    def _command(self, program: Path, errand: AgentJob, system: Path) -> list[str]:
        """What the letter says goes by a file and by stdin: everybody may read a command line."""
        from tabsmith.agents.claude_code.tools import TOOL_KINDS

        command = [str(program), "--input-format", "stream-json", "--output-format", "stream-json", "--verbose"]
        command += ["--include-partial-messages", f"--session-id={errand.session}"]
        if errand.continues:
            command += [f"--resume={errand.continues}", "--fork-session"]
        command += ["--append-system-prompt-file", str(system), "--system-prompt-snapshot", "off"]
        command += ["--max-turns", str(errand.turns), "--tools", ",".join(TOOL_KINDS)]
        if errand.dollars:  # the program counts what the conversation cost before
            whole = Decimal(errand.dollars) + counters_of(errand.continues).cost
            command += ["--max-budget-usd", f"{whole:f}"]
        command += ["--permission-mode", "default", "--permission-prompt-tool", "stdio"]
        command += ["--disable-slash-commands", "--setting-sources=", "--strict-mcp-config"]
        if self._model:
            command.append(f"--model={self._model}")
        return command


def _write_shell(path: Path, variables: Mapping[str, str], wrap: CommandWrapper) -> None:
    """The shell of the agent's commands, in its sandbox. They have none of the keys, which they could tell the model,
    or write down."""
    shell = shlex.join(wrap(["bash", "-c"]))
    secrets = [name for name in variables if name.isidentifier() and (is_secret(name) or name in _SECRET_TOO)]
    path.write_text(f'#!/bin/sh\nunset {" ".join(secrets)}\nexec {shell} "$1"\n', encoding="utf-8")
    path.chmod(0o700)
