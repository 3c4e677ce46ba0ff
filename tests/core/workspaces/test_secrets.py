"""Keys and passwords in the user's folder: not in the copy, not overwritten, unless they are named."""

import subprocess
from pathlib import Path

import pytest

from tabsmith.workspaces import Workspace, WorkspaceLimits

SECRETS = (".env", ".env.local", ".ssh/id_ed25519", "deep/.aws/credentials", "server.pem", "terraform.tfstate")
OTHERS = (".env.example", "keys.py", "id_rsa.pub", "environment.yml")


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    folder = tmp_path / "origin"
    for name in (*SECRETS, *OTHERS):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"MARK {name}")
    return folder


def copied(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and ".git/" not in str(path)}


@pytest.mark.parametrize("how", ["copy", "worktree"])
def test_secrets_are_not_in_the_copy_and_what_an_agent_writes_in_their_place_is_not_handed_back(
    origin: Path, tmp_path: Path, how
) -> None:
    if how == "worktree":
        line = "git init -q . && git add -f . && git -c user.name=a -c user.email=b commit -qm first"
        subprocess.run(["/bin/sh", "-c", line], cwd=origin, check=True)
    workspace = Workspace.create(origin, tmp_path / "place", how)
    assert workspace.made.how == how
    workspace.renew_repository()
    assert copied(workspace.folder) == set(OTHERS)
    assert {left.path for left in workspace.made.left_out if left.why == "secret"} == {
        ".env", ".env.local", ".ssh", "deep/.aws", "server.pem", "terraform.tfstate",
    }  # fmt: skip
    (workspace.folder / ".env").write_text("overwritten")
    (workspace.folder / "made.pem").write_text("made by the work")
    workspace.mark(1)
    result = workspace.merge_back(1)
    assert (origin / ".env").read_text() == "MARK .env"
    assert (origin / "made.pem").read_text() == "made by the work"
    assert ".env" in {left.path for left in result.left_out}


def test_a_secret_that_is_named_is_copied_and_what_may_not_be_read_is_not(origin: Path, tmp_path: Path) -> None:
    limits = WorkspaceLimits(named=(".env",), readable=("*.py", ".env"))
    workspace = Workspace.create(origin, tmp_path / "place", "copy", limits)
    assert copied(workspace.folder) == {".env", "keys.py"}
