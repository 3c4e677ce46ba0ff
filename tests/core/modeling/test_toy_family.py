"""The list of families: a family is added in one place, before the list is read."""

import json
import subprocess
import sys

import msgspec
import pytest

from tabsmith.families import registry


def test_a_family_of_ones_own_needs_the_registry_alone(tmp_path):
    command = [sys.executable, "-m", "tests.core.modeling.toy_family", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    steps = json.loads(done.stdout)
    assert steps.pop("score") > 0.6
    assert steps == {
        "words": ["toy", "toy", "toy"],
        "valid": [True, False],
        "portfolio": ["toy, default"],
        "in the portfolio of all": True,
        "schema": True,
        "label": "toy model",
        "files": ["toy.json"],
        "the same exported": True,
        "preloaded": True,
    }


def test_a_family_that_comes_too_late_or_twice_is_refused():
    first, *_ = registry.families()
    with pytest.raises(RuntimeError, match="too late"):
        registry.register(msgspec.structs.replace(first, name="late"))
    with pytest.raises(ValueError, match="already"):
        registry.register(first)


def test_every_family_has_a_label_of_its_own_and_is_found_by_its_words():
    specs = registry.families()
    assert len({spec.label for spec in specs}) == len(specs)
    for spec in specs:
        for word in (spec.name, spec.label, *spec.aliases.split()):
            assert registry.find_family(word) == spec.name
