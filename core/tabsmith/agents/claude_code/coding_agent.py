"""The coding agent that is the Claude Code program: it is sent into a folder and does there what it may."""

import shlex
import tempfile
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Final

from tabsmith.agents.agent_jobs import (
    Activity,
    AgentJob,
    AgentJobResult,
    AskPermission,
    CommandWrapper,
    OnActivity,
)
from tabsmith.agents.agent_program import run_program
from tabsmith.agents.api_keys import agent_environment, is_secret
from tabsmith.agents.claude_code.client import INSTALL_HINT, OUTER_SESSION_VARIABLES, QUIET_VARIABLES, find_program
from tabsmith.agents.claude_code.config_home import counters_of, session_variables, transcript
from tabsmith.agents.deadline import Deadline
from tabsmith.agents.permission_policy import PermissionPolicy
from tabsmith.agents.protocol import AgentName, OnReply
from tabsmith.errors import AgentError, AgentMissingError

_VARIABLES: Final = {
    **QUIET_VARIABLES,
    "CLAUDE_CODE_DISABLE_AUTO_MEMORY": "1",
    "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS": "1",  # the job is over when the agent says so
    "CLAUDE_CODE_DISABLE_CLAUDE_MDS": "1",
}
_OTHER_SECRETS: Final = ("ANTHROPIC_CUSTOM_HEADERS",)


class ClaudeCodingAgent:
    """Does each job in a process and a session of its own. A job that resumes a session begins as a copy of it.

    `wrap_commands` puts each command that the agent runs into a sandbox.
    """

    name: AgentName = "claude-code"

    def __init__(self, model: str, wrap_commands: CommandWrapper) -> None:
        self._model = model
        self._wrap_commands = wrap_commands

    async def work(
        self, job: AgentJob, on_reply: OnReply, on_activity: OnActivity, ask_permission: AskPermission
    ) -> AgentJobResult:
        """Do the job; see `CodingAgent`. Raises AgentError."""
        program = find_program()
        from tabsmith.agents.claude_code.coding_session import run_session  # late: they import claude-agent-sdk
        from tabsmith.agents.claude_code.usage_tracker import ClaudeUsageTracker

        environment = {
            name: value for name, value in agent_environment().items() if name not in OUTER_SESSION_VARIABLES
        }
        if not Path(job.folder).is_dir():
            raise AgentError("The folder to work in is not there.", where=job.folder)
        if transcript(job.session) is not None:
            raise AgentError(f"The session id {job.session} was used before: every job needs a new one.")
        if job.resumes and transcript(job.resumes) is None:
            raise AgentError(
                f"Claude Code has no conversation {job.resumes} any more, so it cannot be continued.",
                next_step="Begin a new one.",
            )
        deadline = Deadline(job.silence, job.seconds)

        def on_notice(text: str) -> None:
            on_activity(Activity("message", text))

        policy = PermissionPolicy(Path(job.folder), job.rules, job.mode, ask_permission, deadline, on_notice)
        tracker = ClaudeUsageTracker(on_reply, counters_of(job.resumes), tools=True)
        try:
            with tempfile.TemporaryDirectory(prefix="tabsmith-claude-", ignore_cleanup_errors=True) as folder:
                system, shell = Path(folder) / "system.txt", Path(folder) / "shell"
                system.write_text(job.prompt.system, encoding="utf-8")
                variables = session_variables(environment)
                _write_shell(shell, variables, self._wrap_commands)
                async with run_program(
                    self._command(program, job, system),
                    mark=job.session,
                    environment={
                        **variables,
                        **_VARIABLES,
                        "CLAUDE_CODE_SHELL_PREFIX": str(shell),
                        "PWD": job.folder,
                    },
                    folder=Path(job.folder),
                ) as claude:
                    return await run_session(claude, job, tracker, on_activity, policy, deadline)
        except OSError as error:
            what = f"Claude Code cannot be started: {error.strerror or error}."
            raise AgentMissingError(what, where=str(program), next_step=INSTALL_HINT) from error

    def _command(self, program: Path, job: AgentJob, system: Path) -> list[str]:
        """The command line. The prompt goes by a file and by stdin, because every user can read a command line."""
        from tabsmith.agents.claude_code.tools import TOOL_KINDS

        command = [str(program), "--input-format", "stream-json", "--output-format", "stream-json", "--verbose"]
        command += ["--include-partial-messages", f"--session-id={job.session}"]
        if job.resumes:
            command += [f"--resume={job.resumes}", "--fork-session"]
        command += ["--append-system-prompt-file", str(system), "--system-prompt-snapshot", "off"]
        command += ["--max-turns", str(job.turns), "--tools", ",".join(TOOL_KINDS)]
        if job.dollars:  # the program also counts what the resumed conversation cost
            limit = Decimal(job.dollars) + counters_of(job.resumes).cost
            command += ["--max-budget-usd", f"{limit:f}"]
        command += ["--permission-mode", "default", "--permission-prompt-tool", "stdio"]
        command += ["--disable-slash-commands", "--setting-sources=", "--strict-mcp-config"]
        if self._model:
            command.append(f"--model={self._model}")
        return command


def _write_shell(path: Path, variables: Mapping[str, str], wrap: CommandWrapper) -> None:
    """Write the shell that runs the agent's commands in their sandbox, without the keys, which the commands could tell
    the model or write down."""
    shell = shlex.join(wrap(["bash", "-c"]))
    secrets = [name for name in variables if name.isidentifier() and (is_secret(name) or name in _OTHER_SECRETS)]
    path.write_text(f'#!/bin/sh\nunset {" ".join(secrets)}\nexec {shell} "$1"\n', encoding="utf-8")
    path.chmod(0o700)
