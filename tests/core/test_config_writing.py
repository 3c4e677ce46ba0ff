"""A setting is changed in a file that stays readable."""

import os
import re
import tomllib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tabsmith import config
from tabsmith.config.keys import all_keys
from tabsmith.config.loading import set_value
from tabsmith.errors import ConfigError


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setenv("TABSMITH_HOME", str(tmp_path))
    return tmp_path / "config" / "config.toml"


def test_a_value_that_is_set_is_loaded_and_the_others_stay(path):
    set_value("training.time", "90", env={})
    changed = set_value("agents.default", "llm", env={})
    assert (changed.value, changed.source) == ("llm", "file")
    loaded = config.load({})
    assert (loaded.training.time, loaded.agents.default) == (90.0, "llm")


def test_the_file_explains_every_key_and_holds_only_what_was_set(path):
    set_value("telegram.allowed_users", "5, 6", env={})
    text = path.read_text()
    assert all(key.description in text for key in all_keys().values())
    assert tomllib.loads(text)["telegram"] == {"allowed_users": [5, 6]}
    assert not any(table for name, table in tomllib.loads(text).items() if name not in ("telegram", "agents", "ui"))


def test_every_default_in_the_file_is_what_holds_without_it(path):
    set_value("training.time", "60", env={})
    before = config.load({})
    path.write_text(re.sub(r"^# (\w+ = )", r"\1", path.read_text(), flags=re.MULTILINE))
    set_in_file = {each.key for each in config.describe({}) if each.source == "file"}
    assert set_in_file == set(all_keys()) - {"ui.keymap"}
    assert config.load({}) == before


def test_nothing_given_puts_a_key_back_to_its_default(path):
    set_value("training.time", "90", env={})
    changed = set_value("training.time", "", env={})
    assert (changed.value, changed.source) == ("60", "default")


def test_a_keymap_entry_is_set_and_removed_alone(path):
    set_value("ui.keymap.app.quit", "ctrl+x,f10", env={})
    set_value("ui.keymap.run", "r", env={})
    assert config.load({}).ui.keymap == {"app.quit": "ctrl+x,f10", "run": "r"}
    set_value("ui.keymap.run", "", env={})
    assert config.load({}).ui.keymap == {"app.quit": "ctrl+x,f10"}


@pytest.mark.parametrize(
    ("key", "text", "words"),
    [
        ("training.tim", "5", "'training.time'"),
        ("training", "5", "no setting"),
        ("home", "/x", "no setting"),
        ("training.time", "soon", "must be a number"),
        ("agents.grader", "person", "one of heuristic, llm"),
        ("agents.acp.command", "'open", "must be a list of words"),
    ],
)
def test_a_wrong_key_or_value_changes_nothing(path, key, text, words):
    set_value("training.cores", "1", env={})
    before = path.read_bytes()
    with pytest.raises(ConfigError, match=words):
        set_value(key, text, env={})
    assert path.read_bytes() == before


def test_a_file_with_an_unknown_key_is_not_written_over(path):
    path.parent.mkdir()
    path.write_text("[training]\nlater = 5\n")
    with pytest.raises(ConfigError, match=r"training\.later"):
        set_value("training.time", "5", env={})
    assert path.read_text() == "[training]\nlater = 5\n"


def test_a_wrong_value_in_the_file_can_be_mended(path):
    path.parent.mkdir()
    path.write_text("[training]\ntime = -5\n")
    assert set_value("training.time", "5", env={}).value == "5"


def test_a_file_behind_a_link_is_changed_where_it_is(path, tmp_path):
    real = tmp_path / "dotfiles.toml"
    real.write_text("")
    path.parent.mkdir()
    path.symlink_to(real)
    set_value("training.time", "5", env={})
    assert path.is_symlink()
    assert tomllib.loads(real.read_text())["training"]["time"] == 5


def test_the_environment_still_overrides_what_was_set(path):
    changed = set_value("training.time", "5", env={"TABSMITH_TRAINING__TIME": "7"})
    assert (changed.value, changed.source) == ("7", "environment")
    assert config.load({}).training.time == 5.0


def test_a_secret_is_stored_for_this_user_alone_and_not_handed_back(path):
    changed = set_value("telegram.token", "1:SECRET", env={})
    assert changed.value == "set"
    assert os.stat(path).st_mode & 0o077 == 0


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda text: text.strip()))
def test_any_text_comes_back_as_it_was_set(path, text):
    set_value("agents.llm.model", text, env={})
    assert config.load({}).agents.llm.model == text.strip()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(action=st.text(st.characters(exclude_categories=["Cs"]), min_size=1), keys=st.from_regex(r"\A[a-z+,]+\Z"))
def test_any_action_name_comes_back_as_it_was_set(path, action, keys):
    set_value("ui.keymap", "", env={})
    set_value(f"ui.keymap.{action}", keys, env={})
    assert config.load({}).ui.keymap == {action: keys}
