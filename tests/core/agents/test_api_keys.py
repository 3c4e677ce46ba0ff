"""Keys: where they come from, when their file is refused, and that no text shows them."""

import os
from pathlib import Path

import pytest

from tabsmith.agents.api_keys import agent_environment, keys_file, redact
from tabsmith.errors import ConfigError

SECRET = "not-to-be-seen-4711"


@pytest.fixture
def file(monkeypatch: pytest.MonkeyPatch) -> Path:
    """A good file with one key."""
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OTHER_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    path = keys_file()
    path.parent.mkdir(parents=True)
    path.touch(mode=0o600)
    path.write_text(f"# mine\n\nOPENAI_API_KEY={SECRET}\n")
    return path


def refusal(path: Path) -> ConfigError:
    """The error, which names the file and shows nothing of it, not in its causes either."""
    with pytest.raises(ConfigError) as caught:
        agent_environment()
    assert str(path) in str(caught.value)
    assert SECRET not in caught.value.report().details
    return caught.value


def test_without_a_file_there_is_the_environment_alone() -> None:
    assert agent_environment() == dict(os.environ)


def test_the_file_adds_to_the_environment(file: Path) -> None:
    file.write_text(f"OPENAI_API_KEY={SECRET}\n  OTHER_TOKEN = 1\n".replace(" = ", "="))
    assert agent_environment() == {**os.environ, "OPENAI_API_KEY": SECRET, "OTHER_TOKEN": "1"}


def test_the_environment_wins_over_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "of-the-shell")
    assert agent_environment()["OPENAI_API_KEY"] == "of-the-shell"


@pytest.mark.parametrize(
    ("line", "value"), [("A_KEY=a=b", "a=b"), ('A_KEY="a b"', "a b"), ("A_KEY='#'", "#"), ("A_KEY='", "'")]
)
def test_a_value_may_hold_signs_and_stand_in_quotes(file: Path, line: str, value: str) -> None:
    file.write_text(line)
    assert agent_environment()["A_KEY"] == value


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601])
def test_a_file_open_to_others_is_refused(file: Path, mode: int) -> None:
    file.chmod(mode)
    assert "chmod 600" in refusal(file).next_step


@pytest.mark.parametrize(
    "line",
    [
        SECRET,
        f"openai_key={SECRET}",
        f"A KEY={SECRET}",
        f"1KEY={SECRET}",
        f"export A_KEY={SECRET}",
        f"={SECRET}",
        "A_KEY=",
        "A_KEY=''",
        f"A_KEY={SECRET}\0x",
        f"A_KEY={SECRET}\x1b[2J",
    ],
)
def test_a_malformed_line_is_refused_by_its_number(file: Path, line: str) -> None:
    file.write_text(f"B_KEY=1\n{line}\n")
    assert "line 2" in refusal(file).what


def test_what_is_no_text_is_refused(file: Path) -> None:
    file.write_bytes(SECRET.encode() + b"\xff\xfe\x00")
    assert "UTF-8" in refusal(file).what


def test_a_folder_a_pipe_and_a_link_to_nothing_are_refused(file: Path) -> None:
    file.unlink()
    file.mkdir()
    assert "not a file" in refusal(file).what
    file.rmdir()
    os.mkfifo(file, 0o600)
    assert "not a file" in refusal(file).what
    file.unlink()
    file.symlink_to(file.with_name("gone"))
    assert "nothing" in refusal(file).what


def test_a_link_to_a_file_of_ones_own_is_followed(file: Path) -> None:
    elsewhere = file.rename(file.with_name("elsewhere"))
    file.symlink_to(elsewhere)
    assert agent_environment()["OPENAI_API_KEY"] == SECRET
    elsewhere.chmod(0o644)
    refusal(file)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
def test_a_link_to_another_users_file_is_refused(file: Path) -> None:
    elsewhere = file.rename(file.with_name("elsewhere"))
    file.symlink_to(elsewhere)
    os.chown(elsewhere, 65_534, 65_534)
    assert "another user" in refusal(file).what


def test_secrets_of_both_sources_are_hidden(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_AUTH_TOKEN", "token-of-the-shell")
    monkeypatch.setenv("TABSMITH_TELEGRAM__TOKEN", "token-of-the-shell-and-more")
    said = redact(f"{SECRET}, token-of-the-shell, (token-of-the-shell-and-more)")
    assert said == "•••, •••, (•••)"


def test_short_values_and_other_variables_are_left_alone(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_TOKEN", "dummy")
    monkeypatch.setenv("SOME_KEYBOARD", "dvorak-layout")
    assert redact("a dummy with dvorak-layout") == "a dummy with dvorak-layout"


@pytest.mark.parametrize("key", ["sk-ant-api03-abcdefgh", "sk-proj-Ab_9-xyzwv", "sk-abcd********wxyz"])
def test_what_looks_like_a_key_is_hidden(key: str) -> None:
    assert redact(f'Incorrect API key provided: "{key}".') == 'Incorrect API key provided: "•••".'
    assert (
        redact("a risk-adjusted task-oriented desk-bound scikit") == "a risk-adjusted task-oriented desk-bound scikit"
    )


def test_hiding_works_while_the_file_is_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", "key-of-the-shell")
    file.chmod(0o644)
    assert redact("key-of-the-shell") == "•••"
