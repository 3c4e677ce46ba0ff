"""Runs of task files: the real Claude Code works in a folder, and a command of tabsmith's own says what came of it."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tabsmith.limits import Limits
from tabsmith.orchestration.decisions import AllowTool, Continue, Extend, Reply
from tabsmith.orchestration.events import AcceptanceEnded
from tabsmith.runs.events import Answer, RunState
from tabsmith.runs.folder import RunFolder
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.tasks import Task, TaskPermissions
from tests.core.runs.conftest import Begin, ended, until
from tests.core.runs.scripted import Asked
from tests.core.runs.tasking import DONE, bash, books_balance, task, write
from tests.peers.model_server import Fault
from tests.peers.model_server import Reply as Said
from tests.soak import rounds

pytest.importorskip("claude_agent_sdk", reason="the extra claude-code is not installed")

THREE = "def add(a, b): return a + b\ndef subtract(a, b): return a - b\ndef multiply(a, b): return a * b\n"
FOUR = THREE + "def divide(a, b): return a / b\n"
CHECK = """python3 -c 'from calculator import *
assert (add(7, 2), subtract(7, 2), multiply(7, 2), divide(7, 2)) == (9, 5, 14, 3.5)'"""
PEOPLE = "name,age\nAlice,30\nBob,25\nCharlie,35\n"
AVERAGE = 'test "$(cat average.txt)" = 30.0'
ANYTHING = TaskPermissions(run=("*",))


def files(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def answer(folder: RunFolder, given: Reply) -> RunSnapshot:
    """Answer the open question; the run as it was when it asked."""
    asked = until(folder, lambda run: run.question is not None and run.state is RunState.ASKING)
    assert asked.question is not None
    open_ = asked.question.id
    folder.send(Answer(id=open_, reply=given))
    until(folder, lambda run: run.question is None or run.question.id != open_)
    return asked


def worked_in(run: RunSnapshot) -> Path:
    """Where the first task of a run is worked on."""
    assert run.spec is not None
    return RunFolder(run.spec.id).root / "tasks" / run.tasks[0].name / "folder"


def answer_budget(folder: RunFolder) -> RunSnapshot:
    """Extend the dollars; whatever is asked before is left as it was decided."""
    while True:
        asked = until(folder, lambda run: run.question is not None and run.state is RunState.ASKING)
        assert asked.question is not None
        if asked.question.cause == "budget":
            assert asked.question.limit == "dollars"
            return answer(folder, Extend("dollars", "5"))
        answer(folder, Continue())


def test_a_calculator_is_written_in_two_iterations_of_which_the_first_is_rejected(
    begin: Begin, claude: Asked, tmp_path: Path
) -> None:
    server = claude([write("calculator.py", THREE), DONE, write("calculator.py", FOUR), DONE])
    work, beside = tmp_path / "calculator", tmp_path / "beside"
    beside.mkdir()
    (beside / "mine").write_text("untouched")
    run = ended(begin(task(work, CHECK)))

    assert (run.outcome, run.exit_reason) == ("success", "done")
    first, second = (each.work for each in run.trials)
    assert first is not None
    assert first.acceptance is not None
    assert second is not None
    assert second.acceptance is not None
    assert (first.acceptance.verdict, first.acceptance.status) == ("rejected", 1)
    assert "divide" in first.acceptance.output
    assert second.acceptance.verdict == "accepted"
    assert [each.path for each in first.changes] == ["calculator.py"]
    assert [(each.lines_added, each.lines_removed) for each in second.changes] == [(1, 0)]
    assert "divide" in bytes(server.requests[-1].body).decode().split("The end of what the acceptance", 1)[1]
    (state,) = run.tasks
    assert (state.outcome, state.exit_reason, state.handed_back) == ("success", "done", "yes")
    assert files(work) == {"calculator.py": FOUR}
    assert files(beside) == {"mine": "untouched"}
    books_balance(run, server)


def test_an_average_is_computed_and_the_proof_of_it_is_not_the_agents_word(
    begin: Begin, claude: Asked, tmp_path: Path
) -> None:
    compute = "awk -F, 'NR>1{s+=$2;n++}END{printf \"%.1f\",s/n}' people.csv > average.txt"
    server = claude([bash(compute), DONE])
    work = tmp_path / "people"
    average = task(work, AVERAGE, may=ANYTHING)
    (work / "people.csv").write_text(PEOPLE)
    run = ended(begin(average))
    assert run.outcome == "success", run.log
    assert files(work) == {"people.csv": PEOPLE, "average.txt": "30.0"}
    books_balance(run, server)


def test_an_agent_that_claims_a_wrong_answer_fails_and_its_folder_stays_as_it_was(
    begin: Begin, claude: Asked, tmp_path: Path
) -> None:
    claim = Said(text="The average is computed and verified: all tests pass.")
    server = claude([write("average.txt", "90.0"), claim])
    work = tmp_path / "people"
    average = task(work, AVERAGE)
    (work / "people.csv").write_text(PEOPLE)
    run = ended(begin(average, iterations=2))
    assert (run.outcome, run.exit_reason) == ("failed", "iterations")
    (state,) = run.tasks
    assert (state.outcome, state.exit_reason, state.handed_back) == ("failed", "iterations", "no")
    assert "without acceptance" in state.reason
    assert run.error is not None
    assert "people: failed" in run.error.what
    assert any(isinstance(event, AcceptanceEnded) and event.acceptance.status == 1 for event in run.log)
    assert files(work) == {"people.csv": PEOPLE}
    books_balance(run, server)


def test_an_agent_that_leads_nowhere_is_given_up(begin: Begin, claude: Asked, tmp_path: Path) -> None:
    claude([DONE])
    run = ended(begin(task(tmp_path / "nothing", "test -e made")))
    assert (run.outcome, run.exit_reason) == ("failed", "stuck")
    assert "led nowhere" in run.tasks[0].reason


TASKS = rounds(10, 5)


@pytest.mark.soak
def test_many_tasks_in_a_file_twice_are_all_booked_and_a_failure_blocks_those_behind_it(
    begin: Begin, claude: Asked, tmp_path: Path
) -> None:
    named = [f"t{number}" for number in range(TASKS)]
    good, failing, most = TASKS - 2, named[-2], TASKS // 2 + 1

    def all_tasks(round_: int) -> Sequence[Task]:
        return [
            task(
                tmp_path / f"{name}-{round_}",
                "test -e made",
                name=name,
                depends_on=(named[number - 1],) if number in (1, 2, TASKS - 1) else (),
                may=ANYTHING,
            )
            for number, name in enumerate(named)
        ]

    done = [bash("touch made"), DONE]
    server = claude([*done * good, DONE, DONE, DONE])
    runs = [ended(begin(*all_tasks(1), iterations=3 * TASKS), 120)]
    assert [each.outcome for each in runs[0].tasks] == ["success"] * good + ["failed", "blocked"]
    assert (runs[0].tasks[-1].exit_reason, runs[0].tasks[-1].reason) == ("blocked", f"{failing} did not succeed")
    assert (runs[0].outcome, len(runs[0].trials)) == ("partial", good + 3)
    assert {each.how for each in runs[0].tasks[:-1]} == {"copy"}
    server.stop()
    server.say(done * most)
    server.start()
    runs.append(ended(begin(*all_tasks(2), iterations=most), 120))
    assert [each.outcome for each in runs[1].tasks] == ["success"] * most + ["blocked"] * (TASKS - most)
    assert {each.exit_reason for each in runs[1].tasks[most:]} == {"iterations"}
    assert runs[1].exit_reason == "iterations"
    ids = [session.id for run in runs for session in run.sessions]
    assert len(set(ids)) == len(ids) == good + 3 + most
    assert {session.outcome for run in runs for session in run.sessions} == {"answered"}
    assert list(dict.fromkeys(request.session for request in server.requests)) == ids
    assert sum(run.usage.tokens for run in runs) == sum(
        each.tokens.input + each.tokens.output + each.tokens.cache_read + each.tokens.cache_write
        for each in server.requests
    )
    assert sum(run.usage.turns for run in runs) == server.handed_out.calls


def test_a_server_that_hangs_ends_the_errand_by_silence_and_what_was_done_is_kept(
    begin: Begin, claude: Asked, tmp_path: Path
) -> None:
    server = claude([write("half", "1"), Fault("hang"), write("whole", "2"), DONE])
    run = ended(begin(task(tmp_path / "quiet", "test -e half -a -e whole", silence_seconds=6)))
    assert run.outcome == "success"
    assert [each.work.end for each in run.trials if each.work] == ["silence", "done"]
    assert files(tmp_path / "quiet") == {"half": "1", "whole": "2"}
    books_balance(run, server)


def test_a_person_is_asked_for_permissions_and_may_refuse(begin: Begin, claude: Asked, tmp_path: Path) -> None:
    server = claude([bash("touch refused"), bash("touch made"), DONE])
    folder = begin(task(tmp_path / "asking", "test -e made"), mode="confirm")
    first = answer(folder, AllowTool("no")).question
    second = answer(folder, AllowTool("once")).question
    assert first is not None
    assert second is not None
    assert (first.cause, first.what, first.details) == ("permission", "Bash: touch refused", "risk medium")
    assert second.what == "Bash: touch made"
    run = ended(folder)
    work = run.trials[0].work
    assert work is not None
    assert [(each.allowed, each.by) for each in work.permissions] == [("no", "person"), ("once", "person")]
    assert run.outcome == "success"
    assert run.trials[0].quality is not None
    assert run.trials[0].quality.value == pytest.approx(0.85)
    assert files(tmp_path / "asking") == {"made": ""}
    books_balance(run, server)


def test_accepted_work_in_conflict_is_not_handed_back_and_the_person_is_told_where_it_lies(
    begin: Begin, claude: Asked, tmp_path: Path
) -> None:
    claude([bash("echo agent >shared && mkdir -p .vscode && echo {} >.vscode/tasks.json"), DONE])
    work = tmp_path / "both"
    ours = task(work, "grep -q agent shared && ! test -e .vscode")
    (work / "shared").write_text("first")
    folder = begin(ours, mode="confirm")
    asked = until(folder, lambda run: run.question is not None and run.state is RunState.ASKING)
    assert asked.question is not None
    (work / "shared").write_text("mine")
    answer(folder, AllowTool("once"))
    run = ended(folder)
    (state,) = run.tasks
    assert (state.outcome, state.exit_reason, state.handed_back) == ("partial", "not handed back", "refused")
    assert str(worked_in(run)) in state.reason
    assert (work / "shared").read_text() == "mine"
    assert (worked_in(run) / "shared").read_text() == "agent\n"
    proved = run.trials[0].work
    assert proved is not None
    assert proved.acceptance is not None
    assert proved.acceptance.restored == (".vscode", ".vscode/tasks.json")
    assert run.trials[0].facts is not None
    assert (run.trials[0].facts.accepted, run.trials[0].facts.champion_changed) == (True, False)


def test_a_turn_limit_keeps_the_work_and_an_unaccepted_task_is_partial(
    begin: Begin, claude: Asked, tmp_path: Path
) -> None:
    server = claude([write(f"part{number}", "") for number in range(9)])
    run = ended(begin(task(tmp_path / "long", "test -e part8", turns=2), iterations=2))
    assert [each.work.end for each in run.trials if each.work] == ["turn limit"] * 2
    assert (run.outcome, run.exit_reason) == ("partial", "iterations")
    assert run.tasks[0].handed_back == "no"
    assert set(files(worked_in(run))) == {"part0", "part1", "part2", "part3"}
    assert files(tmp_path / "long") == {}
    books_balance(run, server)


def test_a_dollar_limit_is_extended_by_a_person_and_the_task_goes_on(
    begin: Begin, claude: Asked, tmp_path: Path
) -> None:
    server = claude([DONE, write("made", ""), DONE])
    folder = begin(task(tmp_path / "dear", "test -e made"), mode="confirm", dollars="0.001")
    asked = answer_budget(folder)
    assert asked.usage.cost > 0
    run = ended(folder)
    assert run.outcome == "success"
    assert run.limits.dollars == "5"
    books_balance(run, server)


def test_a_dollar_limit_ends_the_file_when_nobody_is_to_be_asked(begin: Begin, claude: Asked, tmp_path: Path) -> None:
    server = claude([DONE])
    tasks = [task(tmp_path / name, "test -e made") for name in ("one", "two")]
    run = ended(begin(*tasks, dollars="0.001"))
    assert [(each.outcome, each.exit_reason) for each in run.tasks] == [("failed", "budget"), ("blocked", "budget")]
    assert (run.outcome, run.exit_reason) == ("failed", "budget")
    books_balance(run, server)


@pytest.mark.parametrize("limits", [{"tokens": 2_800}, {"dollars": "0.008"}], ids=["tokens", "dollars"])
def test_an_agent_is_stopped_in_the_middle_of_its_work_once_the_money_is_spent(
    limits: dict[str, int | str], begin: Begin, claude: Asked, tmp_path: Path
) -> None:
    wait = "sleep 600" if "tokens" in limits else "true"
    server = claude([write("half", ""), bash(wait), DONE])
    run = ended(begin(task(tmp_path / "dear", "test -e whole", may=ANYTHING), **limits))
    work = run.trials[0].work
    assert work is not None
    assert work.end == "budget"
    assert len(server.requests) == 2
    assert (run.outcome, run.exit_reason) == ("partial", "budget")
    assert "half" in files(worked_in(run))
    books_balance(run, server)


def test_a_task_whose_own_time_is_over_in_the_middle_of_its_work_is_partial(
    begin: Begin, claude: Asked, tmp_path: Path
) -> None:
    claude([write("half", ""), Fault("hang")])
    run = ended(begin(task(tmp_path / "slow", "test -e whole", limits=Limits(seconds=8.0))))
    assert (run.outcome, run.exit_reason, len(run.trials)) == ("partial", "budget", 1)
    assert "half" in files(worked_in(run))


def test_the_limit_of_one_task_leaves_the_others_theirs(begin: Begin, claude: Asked, tmp_path: Path) -> None:
    server = claude([DONE, bash("touch made"), DONE])
    tasks = [
        task(tmp_path / "first", "test -e made", limits=Limits(tokens=1)),
        task(tmp_path / "second", "test -e made", may=ANYTHING),
    ]
    run = ended(begin(*tasks))
    assert [(each.outcome, each.exit_reason) for each in run.tasks] == [("failed", "budget"), ("success", "done")]
    assert run.outcome == "partial"
    books_balance(run, server)


def test_a_conversation_that_goes_on_has_a_session_of_its_own_and_is_booked_once(
    begin: Begin, claude: Asked, tmp_path: Path
) -> None:
    server = claude([write("half", ""), Said(text="MARK-first"), write("whole", ""), DONE])
    run = ended(begin(task(tmp_path / "talk", "test -e whole", conversation="continue")))
    assert (run.outcome, len(run.trials)) == ("success", 2)
    assert "MARK-first" in bytes(server.requests[-1].body).decode()
    assert len(run.sessions) == 2
    books_balance(run, server)
