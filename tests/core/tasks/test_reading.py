"""A task file is read whole: what is right comes out typed, what is wrong is named with its place."""

import os
import shutil
import stat
from pathlib import Path

import pytest

from tabsmith.errors import TaskFileError
from tabsmith.limits import Limits
from tabsmith.tasks import TaskFile, TaskPermissions, parse, read

CALCULATOR = """\
[budget]
iterations = 6
dollars = "1.00"
[[task]]
name = "calculator"
goal = "Write calculator.py with add, subtract, multiply and divide."
folder = "calculator"
agent = "claude-code"
accept = "sh -c true"
depends_on = []
"""


def task(name: str = "one", /, *, more: str = "", **fields: str) -> str:
    """One [[task]] that is right, with `fields` (as TOML) in the place of its own."""
    values = {
        "name": f'"{name}"',
        "goal": '"Do it."',
        "folder": f'"{name}"',
        "accept": '"true"',
        **fields,
    }
    return "[[task]]\n" + "".join(f"{key} = {value}\n" for key, value in values.items() if value) + more


def parsed(text: str, folder: Path) -> TaskFile:
    return parse(text, folder / "tasks.toml", allowed=(folder,))


def problems(text: str, folder: Path) -> list[str]:
    with pytest.raises(TaskFileError) as caught:
        parsed(text, folder)
    for problem in caught.value.problems:
        assert str(problem)[:60] in str(caught.value)
    return [str(problem) for problem in caught.value.problems]


def test_a_file_as_in_the_manual_is_understood(tmp_path: Path) -> None:
    path = tmp_path / "tasks.toml"
    path.write_text(CALCULATOR)

    file = read(path, allowed=(tmp_path,))

    assert file.path == path
    assert file.budget == Limits(iterations=6, dollars="1.00")
    (only,) = file.tasks
    assert (only.name, only.agent, only.accept, only.depends_on) == ("calculator", "claude-code", "sh -c true", ())
    assert only.place == tmp_path.resolve() / "calculator"
    assert only.conversation == "fresh"
    assert only.may == TaskPermissions(read=("**",), write=("**",), run=(), network=False)


def test_every_field_of_a_task_can_be_given(tmp_path: Path) -> None:
    more = """\
[task.limits]
iterations = 3
seconds = 90
tokens = 10_000
dollars = 0.5
failures = 2
[task.may]
read = ["*.csv"]
write = ["out/**"]
run = ["python *"]
network = true
"""
    text = task(
        agent='"acp"', rubric='"Short."', conversation='"continue"', workspace='"copy"', accept_seconds="5",
        turns="12", silence_seconds="30.5", more=more,
    )  # fmt: skip

    (only,) = parsed(text, tmp_path).tasks

    assert (only.agent, only.rubric, only.conversation, only.workspace) == ("acp", "Short.", "continue", "copy")
    assert (only.accept_seconds, only.turns, only.silence_seconds) == (5.0, 12, 30.5)
    assert only.limits == Limits(iterations=3, seconds=90.0, tokens=10_000, dollars="0.50", failures=2)
    assert only.may == TaskPermissions(read=("*.csv",), write=("out/**",), run=("python *",), network=True)


@pytest.mark.parametrize(
    ("written", "means"),
    [('"1.00"', "1.00"), ('"$1"', "1.00"), ("1.5", "1.50"), ("2", "2.00"), ('"$ 0.125"', "0.125"), ("1e-3", "0.001")],
)
def test_dollars_are_taken_as_people_write_them(tmp_path: Path, written: str, means: str) -> None:
    assert parsed(f"[budget]\ndollars = {written}\n{task()}", tmp_path).budget.dollars == means


@pytest.mark.parametrize("amount", ['"1,5"', '"free"', "-1", "0", "true", "nan", "inf", '"-$1"', "1e9", "[1]", '"€1"'])
def test_what_is_no_amount_of_dollars_is_refused(tmp_path: Path, amount: str) -> None:
    (problem,) = problems(f"[budget]\ndollars = {amount}\n{task()}", tmp_path)
    assert problem.startswith("budget: dollars: must be ")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("iterations = 0", "budget: iterations: must be a whole number from 1 to 1,000,000, not 0"),
        ("iterations = -3", "budget: iterations: must be a whole number from 1 to 1,000,000, not -3"),
        ("tokens = 1.5", "budget: tokens: must be a whole number from 1 to 1,000,000,000,000, not 1.5"),
        ('seconds = "a minute"', "budget: seconds: must be a number over 0, up to 31,536,000, not 'a minute'"),
        ("seconds = nan", "budget: seconds: must be a number over 0, up to 31,536,000, not nan"),
        ("failures = true", "budget: failures: must be a whole number from 1 to 1,000,000, not true"),
        ("iteration = 2", "budget: there is no key 'iteration'; the nearest one is 'iterations'"),
    ],
)
def test_a_budget_that_is_none_is_refused_in_words(tmp_path: Path, line: str, words: str) -> None:
    assert problems(f"[budget]\n{line}\n{task()}", tmp_path) == [words]


def test_all_mistakes_are_named_at_once_each_with_its_place(tmp_path: Path) -> None:
    text = (
        "bugdet = 1\n"
        + task("first", goal='"  "', agent='"claude"')
        + task("clean", depends_on='["frist"]', accept='"no-such-program-here --x"', acept='"x"')
        + task("third", folder="")
        + task("", name="", goal="3")
    )

    found = problems(text, tmp_path)

    assert found == [
        "there is no key 'bugdet'; the nearest one is 'budget'",
        'task 1 "first": goal: is empty',
        "task 1 \"first\": agent: is one of claude-code, acp, not 'claude'; the nearest is 'claude-code'",
        "task 2 \"clean\": there is no key 'acept'; the nearest one is 'accept'",
        "task 2 \"clean\": accept: there is no program 'no-such-program-here' on this machine's PATH",
        'task 3 "third": has no folder',
        "task 4: has no name",
        "task 4: goal: must be text, not 3",
        "task 4: folder: is empty",
        "task 2 \"clean\": depends_on: there is no task 'frist'; the nearest one is 'first'",
    ]


@pytest.mark.parametrize("name", ["a/b", "..", ".hidden", "two words", "a" * 61, "x\\n", "con:", "-x"])
def test_a_name_that_cannot_name_a_file_is_refused(tmp_path: Path, name: str) -> None:
    assert any("name" in problem for problem in problems(task(name, folder='"f"'), tmp_path))


def test_names_that_differ_only_in_case_are_the_same(tmp_path: Path) -> None:
    assert problems(task("clean") + task("Clean"), tmp_path) == ['task 2 "Clean": name: is that of task 1 already']


def test_a_circle_of_dependencies_is_named(tmp_path: Path) -> None:
    text = (
        task("a", depends_on='["b"]')
        + task("b", depends_on='["c"]')
        + task("c", depends_on='["a"]')
        + task("self", depends_on='["self"]')
        + task("after", depends_on='["a"]')
    )
    assert problems(text, tmp_path) == [
        'task 1 "a": depends_on: tasks depend on each other in a circle: a → b → c → a',
        'task 4 "self": depends_on: tasks depend on each other in a circle: self → self',
    ]


def test_a_folder_outside_the_allowed_ones_is_refused_also_behind_a_link(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "outside").mkdir()
    (inside / "link").symlink_to(tmp_path / "outside")
    for folder in ("../outside", str(tmp_path / "outside"), "link", "link/new"):
        (problem,) = problems(task(folder=f'"{folder}"'), inside)
        assert "lies outside the folders that may be used" in problem


def test_a_folder_behind_a_link_inside_is_the_folder_it_means(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    (only,) = parsed(task(folder='"link"'), tmp_path).tasks
    assert only.place == tmp_path.resolve() / "real"
    assert only.folder == "link"


def test_a_folder_that_is_a_file_or_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    monkeypatch.setenv("TABSMITH_HOME", str(tmp_path / "own"))
    (tmp_path / "me").mkdir()
    (tmp_path / "own/state/runs").mkdir(parents=True)
    (tmp_path / "file").write_text("x")
    for folder, words in (
        ("file", "is a file, not a folder"),
        ("no/such", "in which it would be made, is not there"),
        ("~", "is too much to hand to an agent"),
        ("own", "tabsmith's own records"),
        ("own/state/runs", "tabsmith's own records"),
    ):
        (problem,) = problems(task(folder=f'"{folder}"'), tmp_path)
        assert words in problem


@pytest.mark.parametrize(
    "accept",
    ["python3 -m pytest -q", "PYTHONPATH=. python3 x.py", "test -f out.csv", "./check.sh", "( true; false ) && sh x",
     "! grep -q x y", "tools/run.py --all"],
)  # fmt: skip
def test_commands_for_a_shell_are_accepted(tmp_path: Path, accept: str) -> None:
    assert shutil.which("python3")
    assert parsed(task(accept=f"'{accept}'"), tmp_path).tasks[0].accept == accept


@pytest.mark.parametrize(
    ("accept", "words"),
    [
        ("", "is empty"),
        ("A=1", "names no program to run"),
        ("echo 'x", "cannot be understood"),
        ("pyhton -m pytest", "there is no program 'pyhton'"),
        ("/no/such/program", "/no/such/program is not there, or is no program"),
        ("../x.sh", "../x.sh lies outside the task's folder"),
    ],
)
def test_a_command_that_cannot_run_is_refused(tmp_path: Path, accept: str, words: str) -> None:
    (problem,) = problems(task(accept=f'"{accept}"'), tmp_path)
    assert words in problem


def test_patterns_that_lead_out_are_refused(tmp_path: Path) -> None:
    more = '[task.may]\nwrite = ["/etc/*", "../x", "ok/**"]\nread = ["/etc/*", "~/x", "*.csv"]\nnetwrok = true\n'
    found = problems(task(more=more), tmp_path)
    assert [problem.partition(": may: ")[2].partition(" lie")[0].partition(" lead")[0] for problem in found] == [
        "there is no key 'netwrok'; the nearest one is 'network'",
        "write: '/etc/*'",
        "write: '../x'",
        "read: '/etc/*'",
        "read: '~/x' must start from the task's folder, or from /, without ..",
    ]


def test_tasks_in_one_folder_without_a_dependency_are_warned_about(tmp_path: Path) -> None:
    text = task("a", folder='"f"') + task("b", folder='"f"', depends_on='["a"]') + task("c", folder='"f/g"')
    (tmp_path / "f").mkdir()
    (first, second) = parsed(text, tmp_path).warnings
    assert first.startswith("a and c work on the same folder (f/g)")
    assert second.startswith("b and c work on the same folder")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "there is no task"),
        ("task = []", "there is no task"),
        ("[task]\nname = 'x'", "write [[task]] with two brackets"),
        ("task = 'x'", "must be a list of tables, not text"),
        ("task = ['x']", "task 1: must be a table, not text"),
        ("budget = 3\n" + task(), "budget: must be a table, not a whole number"),
        ("[[task]]\n" * 501, "there are 501 tasks; a file may hold 500"),
        (task(depends_on='"a"'), "depends_on: must be a list of texts, not 'a'"),
        (task(depends_on="[1]"), "depends_on: must be a list of texts, not a list"),
        (task(name="1979-05-27"), "name: must be text, not a date or a time"),
        (task(goal='"a\\u0000b"'), "goal: holds a control character"),
        (task(folder='"a\\nb"'), "folder: must be one line"),
    ],
)
def test_what_has_not_the_shape_of_a_task_file_is_said(tmp_path: Path, text: str, words: str) -> None:
    assert any(words in problem for problem in problems(text, tmp_path))


def test_text_that_is_not_toml_names_its_line(tmp_path: Path) -> None:
    with pytest.raises(TaskFileError, match=r"not valid TOML: .*line 3"):
        parsed("[budget]\niterations = 1\nnonsense\n", tmp_path)


def test_files_that_are_none_are_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"# one\n[budget] # caf\xe9\n")
    (tmp_path / "big").write_bytes(b"#" * 1_000_001)
    os.mkfifo(tmp_path / "pipe")
    for name, words in (
        ("latin", "line 2 holds the byte 0xe9"),
        ("big", "over 1 MB"),
        ("pipe", "a pipe or a device"),
        ("missing", "no task file at this path"),
        (".", "a folder, not a task file"),
        ("nul\0", "cannot be read"),
    ):
        with pytest.raises(TaskFileError, match=words):
            read(tmp_path / name, allowed=(tmp_path,))


def test_a_file_that_may_not_be_read_says_so(tmp_path: Path) -> None:
    path = tmp_path / "tasks.toml"
    path.write_text(CALCULATOR)
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("root may read everything")
    with pytest.raises(TaskFileError, match="permission"):
        read(path, allowed=(tmp_path,))
    assert stat.S_IMODE(path.stat().st_mode) == 0


def test_a_hostile_name_cannot_reach_the_terminal(tmp_path: Path) -> None:
    (first, *_) = problems(task(name='"\\u001b[31mred"', folder='"f"'), tmp_path)
    assert "\x1b" not in first
