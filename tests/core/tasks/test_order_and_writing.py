"""Tasks in their order, what can start, and the file written again."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabsmith.errors import TaskFileError
from tabsmith.limits import Limits
from tabsmith.tasks import Blocked, Task, TaskFile, TaskPermissions, next_task, order, parse, write


def task(name: str, *depends_on: str, place: str = "") -> Task:
    return Task(
        name=name, goal="Do it.", folder=place or name, accept="true", depends_on=depends_on,
        place=Path("/w", place or name),
    )  # fmt: skip


def names(tasks: tuple[Task, ...]) -> list[str]:
    return [each.name for each in tasks]


def test_dependencies_come_first_and_the_rest_stays_as_it_was() -> None:
    tasks = (task("report", "clean"), task("load"), task("clean", "load"), task("other"))
    assert names(order(tasks)) == ["load", "clean", "report", "other"]
    assert names(order((task("b"), task("a"), task("c")))) == ["b", "a", "c"]


def test_a_circle_has_no_order() -> None:
    with pytest.raises(TaskFileError, match="a → b → a"):
        order((task("a", "b"), task("b", "a")))


def run_all(tasks: Sequence[Task], *, failing: str = "") -> tuple[list[str], list[Blocked]]:
    """The names of the tasks in the order in which they run, and the tasks that are blocked in the end."""
    done: list[str] = []
    failed: list[str] = []
    while (step := next_task(tasks, done, failed)).task is not None:
        (failed if step.task.name == failing else done).append(step.task.name)
    return done, list(step.blocked)


def test_tasks_run_one_after_the_other_each_when_what_it_needs_is_done() -> None:
    tasks = (task("report", "clean"), task("load"), task("clean", "load"), task("free"))
    assert run_all(tasks) == (["load", "clean", "report", "free"], [])
    assert next_task(tasks, {"load", "free"}, ()).task == tasks[2]


def test_a_failure_blocks_all_that_builds_on_it_and_nothing_else() -> None:
    tasks = (task("load"), task("clean", "load"), task("report", "clean", "free"), task("free"))
    done, blocked = run_all(tasks, failing="load")
    assert [(each.task.name, each.by) for each in blocked] == [("clean", ("load",)), ("report", ("clean",))]
    assert done == ["free"]


def test_tasks_in_one_folder_take_turns_in_the_order_of_the_file_and_after_what_they_depend_on() -> None:
    tasks = (task("a", place="f"), task("b", place="f/g"), task("c", place="other"))
    assert run_all(tasks)[0] == ["a", "b", "c"]
    crossed = (task("a0", "b3", place="x"), task("a1", place="x"), task("b2", "a1", place="y"), task("b3", place="y"))
    done, blocked = run_all(crossed)
    assert (sorted(done), blocked) == (["a0", "a1", "b2", "b3"], [])
    assert done.index("b3") < done.index("a0")
    assert done.index("a1") < done.index("b2")


words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(lambda text: bool(text.strip()))
lines = st.lists(words, min_size=1, max_size=4).map("\n".join)
budgets = st.builds(
    Limits,
    iterations=st.integers(0, 1_000),
    seconds=st.sampled_from([0.0, 1.5, 90.0]),
    tokens=st.integers(0, 10**9),
    dollars=st.sampled_from(["", "1.00", "0.125", "250.50"]),
    failures=st.integers(0, 9),
)
tasks = st.builds(
    Task,
    name=st.just("one"),
    goal=lines,
    folder=st.just("one"),
    accept=st.sampled_from(["true", "sh -c 'exit 0'", "cd x\npython3 -m unittest", 'test "a\\r" = b']),
    agent=st.sampled_from(["claude-code", "acp"]),
    rubric=st.one_of(st.just(""), lines),
    conversation=st.sampled_from(["fresh", "continue"]),
    workspace=st.sampled_from(["auto", "copy", "worktree"]),
    accept_seconds=st.sampled_from([120.0, 1.0, 0.5]),
    turns=st.integers(0, 50),
    silence_seconds=st.sampled_from([0.0, 60.0]),
    limits=budgets,
    may=st.builds(
        TaskPermissions, read=st.sampled_from([("**",), ("*.csv", "in/**")]), write=st.sampled_from([(), ("out/**",)]),
        run=st.lists(words, max_size=2).map(tuple), network=st.booleans(),
    ),
    place=st.just(Path("/tmp/one").resolve()),
)  # fmt: skip


@given(budget=budgets, first=tasks)
def test_a_file_written_and_read_is_the_same(budget: Limits, first: Task) -> None:
    second = Task(
        name="two", goal="Then this.", folder="/tmp/two", accept="true", depends_on=("one",),
        place=Path("/tmp/two").resolve(),
    )  # fmt: skip
    file = TaskFile(Path("/tmp/tasks.toml"), budget, (first, second))
    assert parse(write(file), file.path, allowed=(Path("/tmp"),)) == file


def test_a_written_file_holds_only_what_is_not_the_default() -> None:
    file = TaskFile(Path("/w/tasks.toml"), Limits(dollars="1.00"), (task("one"),))
    assert write(file) == (
        '[budget]\ndollars = "1.00"\n\n[[task]]\nname = "one"\ngoal = "Do it."\nfolder = "one"\n'
        'agent = "claude-code"\naccept = "true"\n'
    )
