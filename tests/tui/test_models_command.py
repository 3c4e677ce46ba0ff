"""`tabsmith models` beside list, show, export and delete: names, notes, aliases, comparisons."""

import json
from pathlib import Path

import pytest

from tabsmith_tui.commands.root import run
from tests.core.modeling.shapes import finished, prepared, quick


def test_models_are_named_promoted_compared_and_rolled_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = prepared("number", "regression", rows=300)
    first, second = (
        finished(data, tmp_path / family, quick(family), importance_seconds=0).model_id
        for family in ("linear", "nearest_neighbors")
    )

    def said(*arguments: str, status: int = 0) -> str:
        assert run(["models", *arguments]) == status
        printed = capsys.readouterr()
        return printed.out or printed.err  # what is done without a result is talk

    assert first in said("rename", first, "The line")
    assert json.loads(said("note", first, "for the board", "--json")) == {
        "model_id": first, "name": "The line", "note": "for the board",
    }  # fmt: skip
    said("promote", second)
    assert json.loads(said("promote", first, "--json")) == {"alias": "production", "model_id": first}
    assert "The line (production)" in said("list")
    assert "for the board" in said("show", "production")
    compared = json.loads(said("compare", "production", second, "--json"))
    assert (compared["first"], compared["better"], compared["on"]) == (first, "first", "test set")
    assert f"{first} is better" in said("compare", "production", second)
    assert second in said("rollback")
    said("rollback", status=2)
    said("compare", first, "nobody", status=2)
