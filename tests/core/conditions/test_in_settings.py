"""A breakpoint in the settings that is no condition is refused where it is written and where it is read."""

from pathlib import Path

import pytest

from tabsmith import config
from tabsmith.config.loading import set_value
from tabsmith.errors import ConfigError


def test_conditions_and_names_of_built_in_ones_are_taken(tabsmith_home: Path) -> None:
    set_value("agents.breakpoints", "low confidence, quality < 0.5 and iteration > 3", env={})
    assert config.load({}).agents.breakpoints == ("low confidence", "quality < 0.5 and iteration > 3")
    shown = {each.key: each for each in config.describe({})}["agents.breakpoints"]
    assert shown.type == "a list of conditions"


def test_one_that_is_none_is_refused_when_it_is_set_and_the_file_stays(tabsmith_home: Path) -> None:
    set_value("agents.breakpoints", "quality < 0.5", env={})
    with pytest.raises(ConfigError, match="nearest one is 'quality'") as caught:
        set_value("agents.breakpoints", "iteration > 3, qualty < 0.5", env={})
    assert "agents.breakpoints" in caught.value.what
    assert "character 1 of 'qualty < 0.5'" in caught.value.what
    assert config.load({}).agents.breakpoints == ("quality < 0.5",)


def test_one_that_is_none_is_refused_in_the_file_and_in_the_environment(tabsmith_home: Path) -> None:
    file = tabsmith_home / "config" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text('[agents]\nbreakpoints = ["low confidense"]\n')
    with pytest.raises(ConfigError, match="'low confidence'") as caught:
        config.load({})
    assert str(file) in caught.value.where
    file.unlink()
    with pytest.raises(ConfigError, match="compares numbers") as caught:
        config.load({"TABSMITH_AGENTS__BREAKPOINTS": "valid > 1"})
    assert "TABSMITH_AGENTS__BREAKPOINTS" in caught.value.where
    assert len(config.check({"TABSMITH_AGENTS__BREAKPOINTS": "valid > 1"})) == 1
