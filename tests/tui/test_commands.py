"""The command line as a person and as a script meet it: documents, words, exit statuses."""

import csv
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest

import tabsmith
from tabsmith_tui.commands.root import run

PROGRAM = [sys.executable, "-m", "tabsmith_tui.cli"]


@pytest.fixture
def houses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small regression table in the current folder, and one core to train on."""
    monkeypatch.setenv("TABSMITH_TRAINING__CORES", "1")
    lines = ["area,rooms,district,price"]
    for row in range(150):
        area, rooms, district = 40 + row % 97, 1 + row % 5, "abc"[row % 3]
        lines.append(f"{area},{rooms},{district},{area * 31 + rooms * 500 + ord(district) * 20 + row % 7}")
    path = tmp_path / "houses.csv"
    path.write_text("\n".join(lines) + "\n")
    monkeypatch.chdir(tmp_path)
    return path


def document(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> Any:
    """What a command prints with --json, and nothing else on stdout."""
    assert run([*arguments, "--json"]) == status
    return json.loads(capsys.readouterr().out)


def words(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    """What a command prints for people."""
    assert run(list(arguments)) == status
    return capsys.readouterr().out


def test_the_version_is_that_of_the_library() -> None:
    done = subprocess.run([*PROGRAM, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"tabsmith {tabsmith.__version__}\n"


def test_the_quick_help_is_the_help_that_click_would_print() -> None:
    # In an interpreter of its own: click keeps what it once made of the help option, with the settings of that time.
    program = (
        "import click; from tabsmith_tui.commands.root import tabsmith as root\n"
        "with click.Context(root, info_name='tabsmith', terminal_width=80) as context: print(root.get_help(context))"
    )
    wanted = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    done = subprocess.run([*PROGRAM, "--help"], capture_output=True, text=True, check=True)
    assert done.stdout == wanted.stdout


@pytest.mark.parametrize("question", ["--version", "--help"])
def test_a_quick_question_imports_neither_textual_nor_pandas_nor_click(question: str) -> None:
    program = (
        "import sys; sys.argv = ['tabsmith', sys.argv[1]]\n"
        "from tabsmith_tui.cli import main\n"
        "main(); print([name for name in ('textual', 'pandas', 'click', 'msgspec') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program, question], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n")


def test_read_says_what_was_found(capsys: pytest.CaptureFixture[str], houses: Path) -> None:
    found = document(capsys, "read", str(houses), "--rows", "2")
    assert (found["rows"], found["columns"]) == (150, ["area", "rooms", "district", "price"])
    assert found["path"] == "fast"
    assert found["dialect"]["delimiter"] == ","
    assert found["encoding"].lower().startswith("utf")
    assert found["rejected"] == found["repaired"] == []
    assert found["sample"][0]["area"] == "40"
    assert "district" in words(capsys, "read", str(houses), "--rows", "2")


def test_read_writes_the_table_as_it_was_understood(capsys: pytest.CaptureFixture[str], houses: Path) -> None:
    found = document(capsys, "read", str(houses), "--out", "copy.csv")
    with Path(found["out"]).open(newline="") as copy, houses.open(newline="") as original:
        assert list(csv.reader(copy)) == list(csv.reader(original))
    assert run(["read", str(houses), "--out", "copy.xlsx"]) == 2


def test_schema_names_target_task_and_split_with_evidence(capsys: pytest.CaptureFixture[str], houses: Path) -> None:
    found = document(capsys, "schema", str(houses))
    assert (found["target"], found["task"]) == ("price", "regression")
    assert {"name", "confidence", "reason"} <= set(found["targets"][0])
    assert all({"name", "kind", "role", "evidence", "warnings"} <= set(column) for column in found["columns"])
    assert found["split"]["kind"] == "random"
    assert document(capsys, "schema", str(houses), "--target", "district")["task"] == "multiclass"


def test_the_main_job_from_table_to_prediction(capsys: pytest.CaptureFixture[str], houses: Path) -> None:
    trained = document(capsys, "train", str(houses), "--model", "ridge", "--iterations", "1", "--time", "60")
    assert {
        "run_id", "model_id", "task", "target", "metric", "greater_is_better", "cv_score", "cv_se", "holdout_score",
        "holdout_interval", "holdout_rows", "iterations", "tries", "seconds", "agent", "usage", "sessions", "champion",
        "leaderboard", "outcome", "exit_reason",
    } <= set(trained)  # fmt: skip
    assert (trained["task"], trained["target"], trained["metric"]) == ("regression", "price", "rmse")
    assert trained["greater_is_better"] is False
    assert trained["agent"] == {"planned": "search", "actual": "search", "reason": ""}
    assert trained["usage"]["cost"] == "0"
    assert trained["holdout_interval"][0] <= trained["holdout_score"] <= trained["holdout_interval"][1]
    assert trained["outcome"] == "success"

    new = houses.with_name("new.csv")
    new.write_text("\n".join(line.rsplit(",", 1)[0] for line in houses.read_text().splitlines()) + "\n")
    predicted = document(capsys, "predict", trained["model_id"], str(new), "--out", "out.csv")
    assert (predicted["rows"], predicted["missing"], predicted["extra"]) == (150, [], [])
    assert predicted["columns"][-1] == "prediction"
    assert len(Path(predicted["out"]).read_text().splitlines()) == 151

    scored = document(capsys, "predict", trained["model_id"], str(houses), "--out", "scored.csv", "--column", "guess")
    assert scored["added"] == ["guess"]
    assert scored["score"]["rows"] == 150
    assert scored["score"]["scores"][0]["metric"]["name"] == "rmse"

    explained = document(capsys, "models", "explain", trained["model_id"])
    assert {each["column"] for each in explained["importance"]} == {"area", "rooms", "district"}
    assert document(capsys, "models", "show", trained["model_id"]) == explained
    moved = document(capsys, "predict", trained["model_id"], str(new), "--out", "moved.csv", "--explain", "1")
    assert moved["explained"] == ["contributor 1", "contribution 1"]
    assert '"area"' in Path(moved["out"]).read_text().splitlines()[1]
    assert run(["predict", trained["model_id"], "--explain", str(new)]) == 2
    assert "write --explain last" in capsys.readouterr().err

    bad = houses.with_name("bad.csv")
    bad.write_text("Area,rooms,district\n40,1,a\n50,2,b,x,y,z,1,2\nmany,3,z\n")
    told = document(capsys, "predict", trained["model_id"], str(bad), "--out", "bad-out.csv", status=1)
    assert (told["rows"], told["bad_row_count"], told["bad_rows"][0]["row"]) == (3, 1, 2)
    assert told["matched"] == [{"column": "area", "found": "Area"}]
    assert told["unread"] == [{"column": "area", "count": 1, "examples": [{"row": 3, "text": "many"}]}]
    assert told["unseen"] == [{"column": "district", "count": 1, "levels": ["z"]}]
    assert run(["predict", trained["model_id"], str(bad), "--out", "bad-out.csv", "--allow-bad-rows"]) == 2
    assert "--force" in capsys.readouterr().err
    assert run(["predict", trained["model_id"], str(bad), "--out", "bad-out.csv", "--allow-bad-rows", "--force"]) == 0
    said = capsys.readouterr()
    assert "row 2 has no prediction" in said.err
    assert said.out.splitlines()[-4].split()[:2] == ["prediction", "reason"]
    narrow = houses.with_name("narrow.csv")
    narrow.write_text("rooms,district\n1,a\n")
    assert run(["predict", trained["model_id"], str(narrow), "--out", "narrow-out.csv"]) == 2
    assert "--allow-missing" in capsys.readouterr().err
    allowed = document(
        capsys, "predict", trained["model_id"], str(narrow), "--out", "narrow-out.csv", "--allow-missing"
    )
    assert (allowed["rows"], allowed["missing"]) == (1, ["area"])

    listed = document(capsys, "models", "list")
    assert [model["id"] for model in listed] == [trained["model_id"]]
    assert document(capsys, "models", "show", trained["model_id"])["run_id"] == trained["run_id"]
    check = ["models", "check-lookahead", trained["model_id"], "--time", "area"]
    whole = {"rooms": (0, 0), "district": (0, 0), "price": (0, 0)}
    checked = document(capsys, *check)["columns"]
    assert {each["column"]: (each["features"], each["predictions"]) for each in checked} == whole
    assert "Nothing looks ahead" in words(capsys, *check, str(new))
    exported = document(capsys, "models", "export", trained["model_id"], "model.zip")
    assert document(capsys, "models", "delete", trained["model_id"])["deleted"] == trained["model_id"]
    assert document(capsys, "models") == []
    assert document(capsys, "predict", exported["out"], str(new), "--out", "again.csv")["rows"] == 150

    assert document(capsys, "runs")[0]["id"] == trained["run_id"]
    assert document(capsys, "runs", "show", "last")["cv_score"] == trained["cv_score"]
    assert document(capsys, "runs", "attach", "last")["outcome"] == "success"
    assert run(["runs", "resume", "last"]) == 2
    assert run(["runs", "stop", "last"]) == 2


def test_the_report_and_the_progress_are_for_people(capsys: pytest.CaptureFixture[str], houses: Path) -> None:
    assert run(["train", str(houses), "--model", "linear", "--iterations", "1"]) == 0
    told = capsys.readouterr()
    assert "test set" in told.out
    assert "RMSE, lower is better" in told.out
    assert "tabsmith predict" in told.out
    assert "champion" in told.err


def test_a_schema_in_words_is_read_only_when_training_starts(capsys: pytest.CaptureFixture[str], houses: Path) -> None:
    words_file = houses.with_name("schema.txt")
    words_file.write_text("target: price\nfeatures: area, rooms\n")
    arguments = ("train", str(houses), "--schema", f"@{words_file}", "--model", "linear", "--iterations", "1")
    trained = document(capsys, *arguments)
    assert trained["target"] == "price"
    shown = document(capsys, "models", "show", trained["model_id"])
    used = [column["name"] for column in shown["schema"]["columns"] if column["role"] == "feature"]
    assert used == ["area", "rooms"]


def test_a_detached_run_is_found_stopped_and_listed(capsys: pytest.CaptureFixture[str], houses: Path) -> None:
    started = document(capsys, "train", str(houses), "--time", "300", "--detach")
    deadline = time.monotonic() + 60
    while document(capsys, "runs", "show", started["run_id"], status=1)["tries"] < 1:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert document(capsys, "runs", "stop", started["run_id"][-6:])["state"] == "done"
    assert document(capsys, "runs", "show", started["run_id"])["outcome"] == "partial"
    assert run(["runs", "delete", started["run_id"]]) == 0
    assert document(capsys, "runs") == []


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["read", "gone.csv"], "PathNotFoundError"),
        (["train", "/dev/null"], "SpecialFileError"),
        (["predict", "no-such-model", "houses.csv"], "ModelNotFoundError"),
        (["models", "show", "../../etc"], "ModelNotFoundError"),
        (["runs", "show", "nothing"], "RunNotFoundError"),
        (["train", "houses.csv", "--metric", "niceness"], "UsageError"),
        (["train", "houses.csv", "--model", "nonsense"], "UsageError"),
        (["schema", "houses.csv", "--target", "pricee"], "SchemaError"),
        (["train", "houses.csv", "--schema", "{"], "SchemaError"),
    ],
)
def test_wrong_use_is_named_with_a_next_step_and_exits_2(
    capsys: pytest.CaptureFixture[str], houses: Path, arguments: list[str], name: str
) -> None:
    assert run([*arguments, "--json"]) == 2
    told = capsys.readouterr()
    error = json.loads(told.out)["error"]
    assert error["name"] == name
    assert error["next_step"]
    assert name in told.err
    assert "Traceback" not in told.err


def test_unknown_options_and_commands_exit_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train"]) == 2
    assert run(["nonsense"]) == 2
    assert run(["read", "--nonsense"]) == 2
    assert "Usage" in capsys.readouterr().err


def test_settings_are_shown_changed_and_checked(capsys: pytest.CaptureFixture[str], tabsmith_home: Path) -> None:
    assert run(["config", "set", "training.time", "90"]) == 0
    assert words(capsys, "config", "path").strip() == str(tabsmith_home / "config" / "config.toml")
    shown = {each["key"]: each for each in document(capsys, "config", "show")}
    assert (shown["training.time"]["value"], shown["training.time"]["source"]) == ("90", "file")
    assert run(["config", "check"]) == 0
    assert run(["config", "set", "training.tme", "90"]) == 2
    assert "training.time" in capsys.readouterr().err
    (tabsmith_home / "config" / "config.toml").write_text("[training]\ntme = 3\n")
    assert run(["config", "check"]) == 2


def test_the_doctor_finds_everything_in_place(capsys: pytest.CaptureFixture[str]) -> None:
    found = document(capsys, "doctor")
    assert {each["state"] for each in found} <= {"ok", "warning"}
    assert {"python", "settings", "state", "models", "duckdb"} <= {each["what"] for each in found}


def test_check_says_what_is_damaged_and_clean_removes_only_what_was_agreed_to(
    capsys: pytest.CaptureFixture[str], tabsmith_home: Path
) -> None:
    session, leftover = tabsmith_home / "state" / "sessions" / "me.json", tabsmith_home / "state" / ".tabsmith-a.tmp"
    session.parent.mkdir(parents=True)
    session.write_text("{")
    leftover.write_text("x")
    os.utime(leftover, (1, 1))
    (damage,) = document(capsys, "check", status=1)["damages"]
    assert (damage["kind"], damage["path"]) == ("document", str(session))
    assert "mended by itself" in words(capsys, "check", status=1)
    planned = document(capsys, "clean")
    assert [each["path"] for each in planned["removable"]] == [str(leftover)]
    assert not planned["removed"]
    assert str(leftover) in words(capsys, "clean")
    assert leftover.exists(), "off a terminal nobody has agreed"
    assert document(capsys, "clean", "--yes")["removed"]
    assert not leftover.exists()
    assert session.exists()


def doctors_word(capsys: pytest.CaptureFixture[str], what: str) -> tuple[str, str]:
    """What the doctor finds of one thing: its state and the words."""
    return next((each["state"], each["says"]) for each in document(capsys, "doctor") if each["what"] == what)


def test_the_doctor_says_which_agents_are_usable_and_why_not(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-nobody-may-see-this")
    assert doctors_word(capsys, "agent search") == ("ok", "usable: a part of tabsmith; needs no language model")
    state, says = doctors_word(capsys, "agent llm")
    assert (state, says[:11]) == ("ok", "not usable:")
    assert "agents.llm.model" in says
    assert run(["config", "set", "agents.default", "llm"]) == 0
    assert doctors_word(capsys, "agent llm")[0] == "warning"
    assert run(["config", "set", "agents.llm.model", "openai:some-model"]) == 0
    state, says = doctors_word(capsys, "agent llm")
    assert (state, says[:7]) == ("ok", "usable:")
    assert run(["doctor"]) == 0
    shown = capsys.readouterr()
    assert "nobody-may-see" not in shown.out + shown.err


def test_the_doctor_says_whether_a_models_server_takes_connections(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TABSMITH_AGENTS__LLM__MODEL", "openai:some-model")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setenv("TABSMITH_AGENTS__LLM__BASE_URL", f"http://127.0.0.1:{port}/v1")
        listening = doctors_word(capsys, "llm server")
    assert listening == ("ok", f"127.0.0.1:{port} accepts connections; nothing was sent")
    state, says = doctors_word(capsys, "llm server")
    assert (state, "accepts no connection" in says) == ("warning", True)


def test_the_doctor_knows_the_packages_of_every_extra(capsys: pytest.CaptureFixture[str]) -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = {re.match(r"[\w-]+", each)[0] for name, needs in extras.items() if name != "all" for each in needs}
    assert wanted <= {each["what"] for each in document(capsys, "doctor")}


def test_with_broken_settings_the_doctor_looks_at_no_agent(
    capsys: pytest.CaptureFixture[str], tabsmith_home: Path
) -> None:
    (tabsmith_home / "config").mkdir(parents=True)
    (tabsmith_home / "config" / "config.toml").write_text("[agents]\ndefault = 3\n")
    found = {each["what"]: each["state"] for each in document(capsys, "doctor", status=1)}
    assert (found["settings"], found["agents"]) == ("problem", "warning")


def test_off_a_terminal_tabsmith_alone_does_the_whole_main_job_on_the_sample(tmp_path: Path) -> None:
    surroundings = {**os.environ, "TABSMITH_TRAINING__TIME": "12", "TABSMITH_TRAINING__CORES": "1"}
    done = subprocess.run(
        PROGRAM, capture_output=True, text=True, stdin=subprocess.DEVNULL, env=surroundings, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "test set" in done.stdout
    assert "champion" in done.stderr


def test_ctrl_c_stops_the_run_keeps_its_model_and_exits_130(houses: Path) -> None:
    training = subprocess.Popen(
        [*PROGRAM, "train", str(houses), "--time", "300"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert training.stderr is not None
    for line in training.stderr:
        if "champion" in line:
            break
    training.send_signal(signal.SIGINT)
    out, _ = training.communicate(timeout=60)
    assert training.returncode == 130
    assert "test set" in out


def test_hostile_names_reach_the_terminal_as_plain_text(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    hostile = "\x1b]52;c;AAAA\x07[/nope]\u202e"
    table = tmp_path / "hostile.csv"
    rows = "\n".join(f"\x1b[2J{row % 3},{row}" for row in range(60))
    table.write_text(f'"{hostile}",target\n{rows}\n', encoding="utf-8")
    for arguments in (["read", str(table), "--rows", "3"], ["schema", str(table)]):
        assert run(arguments) == 0
        told = capsys.readouterr()
        assert not set("\x1b\x07\u202e") & set(told.out + told.err)
