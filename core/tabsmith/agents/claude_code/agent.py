"""The agent `claude-code`: what the registry asks for, its coding agent, and the folder that keeps its conversations.

Claude Code keeps the conversations of coding jobs in a folder of tabsmith's own, so that they can be resumed, and so that
the user's settings, memory and list of conversations neither influence a job nor change. The user's login is shared: the
program looks for it, and renews it, where the user's own Claude Code does. The program itself removes conversations that
were not touched for thirty days.
"""

import json
import shlex
import tempfile
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from tabsmith.agents.agent_jobs import (
    Activity,
    AgentJob,
    AgentJobResult,
    AskPermission,
    CodingAgent,
    Deadline,
    JobSandbox,
    OnActivity,
)
from tabsmith.agents.agent_program import CALL_MARK, run_program
from tabsmith.agents.api_keys import keys_file
from tabsmith.agents.backend import Availability, not_usable
from tabsmith.agents.claude_code.client import (
    INSTALL_HINT,
    QUIET_VARIABLES,
    ClaudeCodeClient,
    claude_environment,
    find_program,
)
from tabsmith.agents.permission_policy import PermissionPolicy
from tabsmith.agents.protocol import AgentName, ModelClient, OnReply
from tabsmith.agents.usage import NO_USAGE, Usage
from tabsmith.config.settings import AgentSettings
from tabsmith.errors import AgentError, AgentMissingError, ConfigError
from tabsmith.paths import folders
from tabsmith.text import clean

KEYS: Final = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN")
"""The variables in which Claude Code looks for a key."""

_COUNTERS: Final = b'"type":"cost-state"'


def config_home() -> Path:
    """Return the folder, which need not exist yet."""
    return folders().state / "claude-code"


def session_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """Make the folder, and return `variables` with those that lead the program to it and to the user's login."""
    config_home().mkdir(mode=0o700, parents=True, exist_ok=True)
    own = variables.get("CLAUDE_CONFIG_DIR", "")
    result = {
        **variables,
        "CLAUDE_CONFIG_DIR": str(config_home()),
        # Empty means the program's usual place, which on some systems is a store for keys, not a folder.
        "CLAUDE_SECURESTORAGE_CONFIG_DIR": variables.get("CLAUDE_SECURESTORAGE_CONFIG_DIR", own),
    }
    if not any(variables.get(name) for name in KEYS):
        settings = Path(own or variables.get("HOME", "~")).expanduser() / ".claude.json"
        if key := _key_of_login(settings):
            result["ANTHROPIC_API_KEY"] = key
    return result


def transcript(session: str) -> Path | None:
    """Return the file of a conversation; None if there is none."""
    return next(config_home().glob(f"projects/*/{session}.jsonl"), None)


def counters_of(session: str) -> Usage:
    """Return the program's usage counters at the end of a conversation, from which a resumed one goes on. They are zero
    if the program was killed, as they then begin anew."""
    path = transcript(session)
    if path is None:
        return NO_USAGE
    with path.open("rb") as lines:
        states = [line for line in lines if _COUNTERS in line[:100]]
    if not states:
        return NO_USAGE
    from tabsmith.agents.claude_code.usage_tracker import sum_counters  # late: it imports claude-agent-sdk

    state: dict[str, Any] = json.loads(states[-1])
    cost = Decimal(str(state.get("totalCostUSD") or 0))
    return sum_counters(list(state.get("modelUsage", {}).values()), turns=0, cost=cost, unpriced=0)


def _key_of_login(settings: Path) -> str:
    """The key that a login for the API (not for a subscription) leaves in the user's settings; "" if there is none."""
    try:
        decoded = json.loads(settings.read_bytes())
    except (OSError, ValueError):
        return ""  # there is no such login; the program itself says what it lacks
    key = decoded.get("primaryApiKey") if isinstance(decoded, dict) else None
    return key if isinstance(key, str) else ""


_VARIABLES: Final = {
    **QUIET_VARIABLES,
    "CLAUDE_CODE_DISABLE_AUTO_MEMORY": "1",
    "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS": "1",  # the job is over when the agent says so
    "CLAUDE_CODE_DISABLE_CLAUDE_MDS": "1",
}
_MARKS: Final = (CALL_MARK, "TABSMITH_AGENTS_PROCESS")


class ClaudeCodingAgent:
    """Does each job in a process and a session of its own. A job that resumes a session begins as a copy of it.

    Each command that the agent runs is put into `sandbox`. After a command the program reads in TMPDIR where the command left
    its shell, so TMPDIR is the sandbox's. The program's own socket lies elsewhere.
    """

    name: AgentName = "claude-code"

    def __init__(self, model: str, sandbox: JobSandbox) -> None:
        self._model = model
        self._sandbox = sandbox

    async def work(
        self, job: AgentJob, on_reply: OnReply, on_activity: OnActivity, ask_permission: AskPermission
    ) -> AgentJobResult:
        """Do the job; see `CodingAgent`. Raises AgentError."""
        program = find_program()
        from tabsmith.agents.claude_code.coding_session import run_session  # late: they import claude-agent-sdk
        from tabsmith.agents.claude_code.usage_tracker import ClaudeUsageTracker

        environment = claude_environment()
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
                own = Path(folder) / "own"
                own.mkdir(mode=0o700)
                _write_shell(shell, self._sandbox)
                async with run_program(
                    self._command(program, job, system),
                    mark=job.session,
                    environment={
                        **variables,
                        **_VARIABLES,
                        "CLAUDE_CODE_SHELL_PREFIX": str(shell),
                        "XDG_RUNTIME_DIR": str(own),
                        "TMPDIR": str(self._sandbox.temporary),
                        # The program asks git about the folder, outside of the sandbox, and git obeys a repository's own
                        # settings, which an agent can write. The agent's commands have their repository.
                        "GIT_DIR": str(own / "no-repository"),
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


def _write_shell(path: Path, sandbox: JobSandbox) -> None:
    """Write the shell that runs the agent's commands in their sandbox, with the sandbox's variables and the marks of this
    call, and nothing else of the program's environment."""
    variables = [f"{name}={value}" for name, value in sandbox.command_variables.items()]
    line = shlex.join(["env", "-i", *variables])
    marks = " ".join(f'"{name}=${name}"' for name in _MARKS)
    shell = shlex.join(sandbox.wrap_command(["bash", "-c"]))
    path.write_text(f'#!/bin/sh\nexec {line} {marks} {shell} "$1"\n', encoding="utf-8")
    path.chmod(0o700)


_CLOUDS: Final = ("CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_USE_FOUNDRY")


def availability(settings: AgentSettings) -> Availability:
    """Tell whether the program is there, and whether its login can be seen."""
    try:
        program = find_program()
        variables = claude_environment()
    except (AgentMissingError, ConfigError) as error:
        return not_usable("claude-code", error)
    name = model_name(settings)
    model = f"{clean(name, 60)}, " if name else ""
    login = _login(variables)
    if login:
        return Availability("claude-code", "usable", f"{model}{clean(program)}, {login}")
    return Availability(
        "claude-code",
        "unknown",
        f"{model}{clean(program)}; no key is set, and its own login cannot be seen",
        f"Run `claude` once and log in, or set ANTHROPIC_API_KEY in the environment or in {keys_file()}.",
    )


def key_variables(_settings: AgentSettings) -> tuple[str, ...]:
    """Return the variables in which Claude Code looks for a key."""
    return KEYS


def model_name(settings: AgentSettings) -> str:
    """Return the model that the settings name; "" for the program's own choice."""
    return settings.claude_code.model or ""


def make_client(settings: AgentSettings) -> ModelClient:
    """Return a client; it starts a program for each prompt."""
    return ClaudeCodeClient(model_name(settings))


def make_coding_agent(settings: AgentSettings, sandbox: JobSandbox) -> CodingAgent:
    """Return a coding agent whose commands run in the job's sandbox. The program itself stays outside, because it needs
    its login and its model's server; its file tools pass the permission policy."""
    return ClaudeCodingAgent(model_name(settings), sandbox)


def _login(variables: Mapping[str, str]) -> str:
    """How Claude Code will identify itself, in words; "" if that cannot be seen."""
    for name in KEYS:
        if variables.get(name, "").strip():
            return f"with the key in {name}"
    for name in _CLOUDS:
        if variables.get(name, "").strip() not in {"", "0", "false"}:
            return f"by {name}"
    home = variables.get("CLAUDE_CONFIG_DIR") or f"{variables.get('HOME', '')}/.claude"
    return "with its own login" if Path(home, ".credentials.json").is_file() else ""
