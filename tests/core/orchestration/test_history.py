"""The history of all runs, written by many threads and processes at once, some of which are killed."""

import collections
import itertools
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from tabsmith.agents.usage import Usage
from tabsmith.errors import StorageError
from tabsmith.modeling.metric_catalogue import get_metric
from tabsmith.orchestration.history import HistoryRecord, earlier_recipes, open_history
from tabsmith.paths import folders
from tabsmith.recipes.recipe import Recipe

WRITE = """
import os, sys, threading
from decimal import Decimal
from pathlib import Path
from tabsmith.agents.usage import Usage
from tabsmith.orchestration.history import HistoryRecord, earlier_recipes, open_history
from tabsmith.recipes.recipe import Recipe
path, process, threads, each = Path(sys.argv[1]), *map(int, sys.argv[2:])
history = open_history(path)
recipe = Recipe("lightgbm", parameters={"leaves": 31}, dropped=tuple(f"column {n}" for n in range(200)))
said = threading.Lock()

def write(thread):
    number = 0
    while number != each:
        number += 1
        history.append(HistoryRecord(
            at=float(number), run_id=f"run-{process}-{thread}", iteration=number, table="t", target="y", metric="rmse",
            planned="llm", actual="search", reason="x" * 2_000, recipe=recipe, recipe_id=recipe.id, state="scored",
            score=number / 7, usage=Usage(1, 2, 3, 4, 5, 1, Decimal("0.1")),
        ))
        if each < 0:
            with said:
                os.write(1, b"%d %d\\n" % (thread, number))

writers = [threading.Thread(target=write, args=(thread,)) for thread in range(threads)]
for writer in writers:
    writer.start()
for writer in writers:
    writer.join()
"""


def writer(path: Path, process: int, threads: int, each: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", WRITE, str(path), str(process), str(threads), str(each)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def record(iteration: int = 1, **changes: object) -> HistoryRecord:
    fields: dict[str, object] = {
        "at": 1.0,
        "run_id": "run",
        "iteration": iteration,
        "table": "t",
        "target": "y",
        "metric": "rmse",
        "planned": "search",
        "actual": "search",
        "state": "scored",
    }
    return HistoryRecord(**{**fields, **changes})  # type: ignore[arg-type]


def iterations(path: Path) -> dict[str, list[int]]:
    """Those of each run, as they stand in the history."""
    found: dict[str, list[int]] = collections.defaultdict(list)
    for each in open_history(path).read().values:
        found[each.run_id].append(each.iteration)
    return found


def test_a_record_comes_back_as_it_was(tabsmith_home: Path) -> None:
    wanted = record(
        reason="the llm agent failed three times",
        sessions=("a", "b"),
        recipe=Recipe("linear", parameters={"alpha": 0.1}),
        recipe_id="0123456789ab",
        score=0.1 + 0.2,
        standard_error=1e-300,
        champion="won",
        usage=Usage(1, 2, 3, 4, 5, 6, Decimal("0.10000000000000000001"), 7),
    )
    with open_history() as history:
        history.append(wanted)
    assert open_history().read().values == (wanted,)
    assert folders().history_file.stat().st_mode & 0o777 == 0o600
    assert folders().history_file.is_relative_to(tabsmith_home)


def test_reading_goes_on_where_it_was(tmp_path: Path) -> None:
    with open_history(tmp_path / "history.jsonl") as history:
        history.append(record(1))
        first = history.read()
        history.append(record(2))
        assert [each.iteration for each in history.read(first.next_offset).values] == [2]


def test_a_score_that_is_no_number_is_refused(tmp_path: Path) -> None:
    with open_history(tmp_path / "history.jsonl") as history, pytest.raises(StorageError):
        history.append(record(score=float("nan")))
    assert history.read().values == ()


def test_eight_processes_of_four_threads_each_write_all_their_records(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    writers = [writer(path, process, 4, 100) for process in range(8)]
    for process in writers:
        assert process.wait(120) == 0
        assert process.stdout is not None
        process.stdout.close()
    runs = [f"run-{process}-{thread}" for process, thread in itertools.product(range(8), range(4))]
    assert iterations(path) == {run: list(range(1, 101)) for run in runs}
    assert open_history(path).read().skipped == 0


def acknowledgements(process: "subprocess.Popen[str]") -> Iterator[tuple[int, int]]:
    """Thread and number of each record that is known to be stored; a torn last line says nothing."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.endswith("\n"):
            thread, number = line.split()
            yield int(thread), int(number)


def test_writers_killed_again_and_again_lose_no_record_that_was_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    steady = writer(path, 99, 4, 60)
    acknowledged: dict[str, int] = collections.defaultdict(int)
    for process in range(10):
        with writer(path, process, 4, -1) as dying:
            said = acknowledgements(dying)
            for thread, number in itertools.islice(said, 5 + 3 * process):
                acknowledged[f"run-{process}-{thread}"] = number
            dying.kill()
            for thread, number in said:
                acknowledged[f"run-{process}-{thread}"] = number
    assert steady.wait(120) == 0
    assert steady.stdout is not None
    steady.stdout.close()

    found = iterations(path)
    assert [found[f"run-99-{thread}"] for thread in range(4)] == [list(range(1, 61))] * 4
    assert len(acknowledged) >= 10
    for run, last in acknowledged.items():
        # all, once and in order, and at most one that was stored and not yet acknowledged
        assert found[run] in (list(range(1, last + 1)), list(range(1, last + 2)))
    assert open_history(path).read().skipped <= 10  # at most one torn line for each death


def test_the_best_recipes_of_other_runs_on_the_same_table_are_found_each_once(tmp_path: Path) -> None:
    history = open_history(tmp_path / "history.jsonl", sync=False)
    recipes = [Recipe("linear", parameters={"alpha": float(n)}) for n in range(4)]
    scores = [(0, 3.0), (1, 1.0), (1, 2.0), (2, 2.5)]
    for number, (recipe, score) in enumerate(scores, 1):
        history.append(record(number, table="abc", recipe=recipes[recipe], recipe_id=recipes[recipe].id, score=score))
    others = (
        {"table": "xyz"},
        {"target": "z"},
        {"metric": "mae"},
        {"run_id": "this"},
        {"state": "failed", "score": None},
    )
    for number, other in enumerate(others, 10):
        fields = {"table": "abc", "recipe": recipes[3], "recipe_id": recipes[3].id, "score": 0.1, **other}
        history.append(record(number, **fields))  # type: ignore[arg-type]
    found = earlier_recipes(history, "abc", "y", get_metric("rmse"), run_id="this")
    assert [(each.recipe, each.score) for each in found] == [(recipes[1], 1.0), (recipes[2], 2.5), (recipes[0], 3.0)]
    assert found[0].reason == "RMSE 1 in an earlier run"
