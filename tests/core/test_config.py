"""Settings: where each value comes from, and what is said about a wrong one."""

import ast
import os
from operator import attrgetter
from pathlib import Path

import pytest

from tabsmith import config
from tabsmith.config.keys import all_keys
from tabsmith.config.settings import TrainingSettings
from tabsmith.errors import ConfigError
from tabsmith.paths import folders

ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setenv("TABSMITH_HOME", str(tmp_path))
    for name in [name for name in os.environ if name.startswith("TABSMITH_") and "__" in name]:
        monkeypatch.delenv(name)
    file = tmp_path / "config" / "config.toml"
    file.parent.mkdir()
    return file


def setting(key: str, **options) -> config.Setting:
    return next(each for each in config.describe(**options) if each.key == key)


def refusal(text: str, path: Path) -> ConfigError:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        config.load({})
    return caught.value


def test_without_a_file_everything_has_its_default(path, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(path.parent)
    loaded = config.load({})
    assert loaded.agents.default == "search"
    assert loaded.training == TrainingSettings(time=60.0, cores=0)
    assert loaded.paths.allowed == ()
    assert loaded.paths.readable == (folders().uploads,)
    assert loaded.telegram.allowed_users == ()
    assert loaded.profile.samples is True
    assert not path.exists()


def test_the_file_moves_with_tabsmith_home(path):
    path.write_text("[training]\ntime = 5\n")
    assert config.load({}).training.time == 5.0
    assert config.load().training.time == 5.0


def test_the_environment_overrides_the_file_and_the_file_the_default(path):
    path.write_text('[agents]\ndefault = "acp"\n[training]\ntime = 5\n')
    env = {"TABSMITH_TRAINING__TIME": "7.5"}
    assert config.load(env).training.time == 7.5
    assert [setting(key, env=env).source for key in ("agents.default", "training.time", "training.cores")] == [
        "file",
        "environment",
        "default",
    ]


@pytest.mark.parametrize(
    ("variable", "text", "read"),
    [
        ("AGENTS__LLM__MODEL", "openai:x", lambda s: s.agents.llm.model == "openai:x"),
        ("AGENTS__DEFAULT", "claude-code", lambda s: s.agents.default == "claude-code"),
        ("AGENTS__ACP__COMMAND", "python 'my agent.py' --x", lambda s: s.agents.acp.command[1] == "my agent.py"),
        ("AGENTS__ACP__COMMAND", '["python", "a b"]', lambda s: s.agents.acp.command == ("python", "a b")),
        ("PATHS__ALLOWED", "/data, ~/x", lambda s: s.paths.allowed == (Path("/data"), Path.home() / "x")),
        ("PATHS__ALLOWED", '["/with, comma"]', lambda s: s.paths.allowed == (Path("/with, comma"),)),
        ("PATHS__ALLOWED", "sub", lambda s: s.paths.allowed == (Path.cwd() / "sub",)),
        ("TELEGRAM__ALLOWED_USERS", "1, 22", lambda s: s.telegram.allowed_users == (1, 22)),
        ("TELEGRAM__ALLOWED_USERS", "[3]", lambda s: s.telegram.allowed_users == (3,)),
        ("PROFILE__SAMPLES", "off", lambda s: s.profile.samples is False),
        ("PROFILE__SAMPLES", "YES", lambda s: s.profile.samples is True),
        ("TRAINING__CORES", " 2 ", lambda s: s.training.cores == 2),
        ("UI__KEYMAP", '{"quit": "f10", "run": ["a", "b"]}', lambda s: s.ui.keymap == {"quit": "f10", "run": "a,b"}),
        ("TRAINING__TIME", "", lambda s: s.training.time == 60.0),
    ],
)
def test_a_variable_is_read_as_its_key_takes_it(path, variable, text, read):
    assert read(config.load({f"TABSMITH_{variable}": text}))


def test_variables_without_a_table_in_their_name_are_not_settings(path):
    assert config.load({"TABSMITH_HOME": "/x", "TABSMITH_LOG": "1", "OTHER__KEY": "x"}) == config.load({})


@pytest.mark.parametrize(
    ("text", "name", "nearest", "where"),
    [
        ("[training]\ntim = 5\n", "training.tim", "training.time", "table [training]"),
        ("[agents.lm]\nmodel = 'x'\n", "agents.lm.model", "agents.llm.model", "table [agents.lm]"),
        ("[telegramm]\n", "telegramm", "telegram.", "config.toml"),
        ("training = 5\n", "training", "training.", "config.toml"),
    ],
)
def test_an_unknown_key_in_the_file_is_named_with_its_table_and_the_nearest_one(path, text, name, nearest, where):
    error = refusal(text, path)
    assert name in error.what
    assert nearest in error.what
    assert str(path) in error.where
    assert where in error.where


def test_an_unknown_variable_is_named_with_the_nearest_key(path):
    with pytest.raises(ConfigError) as caught:
        config.load({"TABSMITH_AGENTS__LLM__MODLE": "x"})
    assert "'agents.llm.model'" in caught.value.what
    assert "TABSMITH_AGENTS__LLM__MODLE" in caught.value.where


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[training]\ntime = 0\n", "training.time must be a number from 1 to 2,592,000, not 0"),
        ("[training]\ntime = nan\n", "not nan"),
        ("[training.time]\nseconds = 5\n", "training.time must be a number"),
        ("[training]\ntime = 'long'\n", "not 'long'"),
        ("[training]\ncores = 1.5\n", "training.cores must be a whole number from 0 to 4,096, not 1.5"),
        ("[training]\ncores = true\n", "not True"),
        ("[agents]\ndefault = 'gpt'\n", "agents.default must be one of search, llm, claude-code, acp, not 'gpt'"),
        ("[paths]\nallowed = ['~no such user/x']\n", "paths.allowed must be a list of folders"),
        ("[paths]\nallowed = [5]\n", "paths.allowed must be a list of folders"),
        ("[profile]\nsamples = 'maybe'\n", "profile.samples must be true or false"),
        ("[ui]\nkeymap = 5\n", "ui.keymap must be a table of text"),
        ("[ui.keymap]\nquit = 5\n", "ui.keymap must be a table of text"),
        ("[telegram]\nallowed_users = ['me']\n", "telegram.allowed_users must be a list of whole numbers"),
        ("[training\n", "not valid TOML"),
        ("a = 1\na = 2\n", "not valid TOML"),
        ("x = " + "[" * 50_000, "not valid TOML"),
    ],
)
def test_a_wrong_file_is_refused_in_words_with_what_is_allowed(path, text, words):
    error = refusal(text, path)
    assert words in error.what
    assert str(path) in error.where
    assert error.next_step


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("TRAINING__TIME", "soon"),
        ("TRAINING__TIME", "nan"),
        ("TRAINING__CORES", "-1"),
        ("PROFILE__SAMPLES", "maybe"),
        ("TELEGRAM__ALLOWED_USERS", "1,x"),
        ("PATHS__ALLOWED", "[1]"),
        ("PATHS__ALLOWED", "["),
        ("AGENTS__ACP__COMMAND", "unclosed 'quote"),
        ("UI__KEYMAP", "quit"),
    ],
)
def test_a_wrong_variable_is_refused_by_its_name(path, variable, text):
    with pytest.raises(ConfigError, match=r"must be") as caught:
        config.load({f"TABSMITH_{variable}": text})
    assert f"TABSMITH_{variable}" in caught.value.where


def test_a_settings_file_that_is_no_text_or_no_file_is_refused(path):
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="not valid TOML"):
        config.load({})
    path.unlink()
    path.mkdir()
    with pytest.raises(ConfigError, match="not a file"):
        config.load({})


def test_all_mistakes_are_found_at_once(path):
    path.write_text("[training]\ntim = 5\ncores = -1\n")
    env = {"TABSMITH_X__Y": "1"}
    assert len(config.check(env)) == 3
    assert config.check({"TABSMITH_HOME": "/x"}, path.with_name("none.toml")) == ()
    with pytest.raises(ConfigError, match="2 more mistakes"):
        config.load(env)


def test_every_key_is_described(path):
    described = config.describe({})
    assert [each.key for each in described] == list(all_keys())
    assert {each.key for each in described} >= {"agents.llm.base_url", "paths.max_mb", "training.cores", "ui.keymap"}
    for each in described:
        assert each.description.endswith(".")
        assert each.type
        assert each.value == each.default
        assert each.source == "default"


def test_a_secret_is_never_shown(path):
    token = "123456:SECRET"
    env = {"TABSMITH_TELEGRAM__TOKEN": token}
    assert setting("telegram.token", env=env).value == "set"
    assert setting("telegram.token", env={}).value == "not set"
    loaded = config.load(env)
    assert loaded.telegram.token == token
    assert "SECRET" not in repr(loaded)
    assert "SECRET" not in str(refusal("[telegram]\ntoken = ['123456:SECRET']\n", path))


def test_the_tree_cannot_be_changed(path):
    with pytest.raises(AttributeError):
        config.load({}).training.time = 5  # type: ignore[misc]


def test_the_empty_table_of_a_setting_that_is_gone_is_no_mistake_and_its_key_is_unknown(path):
    """A file that `config set` wrote has the heading of every table there was then."""
    path.write_text('[engine]\n# kind = "local"\n[training]\ncores = 2\n')
    assert config.load({}).training.cores == 2
    assert "engine.kind" in refusal("[engine]\nkind = 'dask'\n", path).what
    assert "agents.default" in refusal("[agents]\ndefault = {}\n", path).what


def _readers(section: str, field: str, struct: str) -> list[str]:
    """Where the program reads `section.field`: by the section's name, or in a module that calls it `settings`."""
    readers = []
    for root in ("core/tabsmith", "tui/tabsmith_tui"):
        for file in (ROOT / root).rglob("*.py"):
            if file.parent == ROOT / "core/tabsmith/config":
                continue
            text = file.read_text(encoding="utf-8")
            called_settings = struct in text or f"settings = settings.{section}\n" in text
            for node in ast.walk(ast.parse(text)) if f".{field}" in text else ():
                if isinstance(node, ast.Attribute) and node.attr == field:
                    owner = ast.unparse(node.value).removesuffix("()").rpartition(".")[2].strip("_")
                    if owner == section or (owner == "settings" and called_settings):
                        readers.append(f"{file.name}:{node.lineno}")
    return readers


@pytest.mark.parametrize("name", list(all_keys()))
def test_every_setting_is_read_by_the_program(name):
    *sections, field = name.split(".")
    struct = type(attrgetter(".".join(sections))(config.Settings())).__name__
    assert _readers(sections[-1], field, struct), f"{name} is accepted, and no code reads it"
