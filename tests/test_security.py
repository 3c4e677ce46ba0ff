"""SECURITY.md is kept true: each test that it names exists; and the promises that have no better place."""

import ast
import json
import os
import re
from pathlib import Path

import pytest

from tabsmith import config
from tabsmith.errors import ConfigError, PathOutsideError
from tabsmith.paths import folders
from tabsmith.tables.read import guard
from tabsmith.text import clean, escaped_json

ROOT = Path(__file__).resolve().parent.parent
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def test_every_test_that_the_threat_model_names_exists():
    named = NAMED.findall((ROOT / "SECURITY.md").read_text(encoding="utf-8"))
    assert named
    missing = []
    for file, name in named:
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        tests = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        missing += [f"{file}::{name}"] * (name not in tests)
    assert missing == []


def test_json_output_holds_nothing_that_a_terminal_obeys():
    hostile = "a\x9b31mb\u202ec\u2066d\x7fe\u2028f\U000e0041g"
    printed = escaped_json(json.dumps({"name": hostile}, ensure_ascii=False, indent=2))
    assert json.loads(printed) == {"name": hostile}
    assert clean(printed.replace("\n", " "), 1_000) == printed.replace("\n", " ")


def test_an_upload_is_read_by_its_own_person_alone(monkeypatch, tmp_path):
    monkeypatch.setenv("TABSMITH_HOME", str(tmp_path))
    sent = folders().uploads / "7" / "1" / "table.csv"
    sent.parent.mkdir(parents=True)
    sent.write_text("a,b\n1,2\n")
    paths = config.load().paths
    assert guard.check_path(sent, allowed=paths.readable_by("7"), max_mb=1).size == 8
    with pytest.raises(PathOutsideError):
        guard.check_path(sent, allowed=paths.readable_by("8"), max_mb=1)


def test_a_home_that_is_not_utf_8_is_refused_in_words(monkeypatch):
    monkeypatch.setenv("TABSMITH_HOME", os.fsdecode(b"/tmp/h\xff"))
    with pytest.raises(ConfigError, match="not UTF-8") as raised:
        folders()
    assert "TABSMITH_HOME" in raised.value.next_step
    assert str(raised.value).encode()
