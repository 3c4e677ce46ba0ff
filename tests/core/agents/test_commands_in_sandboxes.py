"""Commands of the real Claude Code succeed in every sandbox: in its folder, with git, a home and a temporary folder."""

import subprocess
import uuid
from pathlib import Path

import pytest

from tabsmith.agents.agent_jobs import AgentJob, PermissionRules
from tabsmith.agents.protocol import Prompt
from tabsmith.agents.server.job_runner import JobRunner
from tabsmith.agents.server.messages import ActivityReported, ServerMessage
from tabsmith.sandbox.policy import LEVELS, WALLS, SandboxLevel
from tabsmith.sandbox.runner import level_works
from tabsmith.workspaces import Workspace
from tests.peers.model_server import Reply, Use

pytest.importorskip("claude_agent_sdk")

pytestmark = pytest.mark.usefixtures("claude_home")

COMMANDS = (
    "true",
    "git status --short && git log --format=%s && git diff --stat",
    'echo mine >"$HOME/mine" && cat "$HOME/mine" && f=$(mktemp) && echo there >"$f" && cat "$f"',
    "git add new && git commit -qm second && git log --format=%s",
    "env",
)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository of the user, with a password in its settings and a hook."""
    folder = tmp_path / "origin"
    folder.mkdir()
    line = "git init -q . && echo a >a && git add a && git -c user.name=a -c user.email=b commit -qm first"
    subprocess.run(["/bin/sh", "-c", line], cwd=folder, check=True)
    with (folder / ".git/config").open("a") as config:
        config.write('[remote "origin"]\n\turl = https://me:MARK-password@localhost/x.git\n')
    (folder / ".git/hooks/pre-commit").write_text("#!/bin/sh\nexit 1\n")
    (folder / ".git/hooks/pre-commit").chmod(0o755)
    return folder


@pytest.mark.parametrize(
    ("level", "how"), [*((level, "copy") for level in LEVELS), ("landlock", "worktree")], ids=lambda each: each
)
async def test_every_command_succeeds_and_none_gets_what_is_not_its_own(
    serve, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, level: SandboxLevel, how
) -> None:
    if not level_works(level):
        pytest.skip(f"the sandbox level {level} is not on this machine")
    for name in ("DATABASE_URL", "GITHUB_PAT", "OPENAI_API_KEY", "ANTHROPIC_CUSTOM_HEADERS"):
        monkeypatch.setenv(name, "MARK-secret")
    workspace = Workspace.create(repository, tmp_path / "place", how)
    assert workspace.made.how == how
    readable = workspace.renew_repository()
    (workspace.folder / "new").write_text("new")
    serve(*(Use("Bash", {"command": command}) for command in COMMANDS), Reply(text="It is done."))
    sent: list[ServerMessage] = []
    job = AgentJob(
        session=str(uuid.uuid4()),
        prompt=Prompt("", "Do it."),
        folder=str(workspace.folder),
        rules=PermissionRules(run=("*",)),
        sandbox=level,
        readable=tuple(map(str, readable)),
    )
    await JobRunner(sent.append).run("claude-code", job, 10)
    results = [each.activity for each in sent if isinstance(each, ActivityReported) and each.activity.kind == "result"]
    assert [(each.failed, each.text) for each in results if each.failed] == []
    assert [each.text for each in results[1:4]] == ["?? new\nfirst", "mine\nthere", "second\nfirst"]
    assert "MARK" not in "".join(each.text for each in results)
    assert "ANTHROPIC" not in results[4].text
    assert (
        subprocess.run(["git", "log", "--format=%s"], cwd=repository, capture_output=True, check=True).stdout
        == b"first\n"
    )
    if level in WALLS:
        assert not list((tmp_path / "HOME").glob("mine"))
