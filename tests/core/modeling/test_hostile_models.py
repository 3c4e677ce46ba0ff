"""Model files as attackers make them: refused with ModelDamagedError, or predicted from in a process behind walls."""

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import zipfile

import numpy as np
import pytest

from tabsmith.errors import ModelDamagedError
from tabsmith.families.estimator import FitRequest, ParameterValues, RegressionLoss, fit_estimator, load_estimator
from tabsmith.families.registry import family_names, get_family
from tabsmith.modeling import archive, store
from tabsmith.modeling.confined.model import ConfinedModel
from tabsmith.modeling.features.text_vectorizers import TextVectorizer, new_vectorizer
from tabsmith.modeling.model import load_model
from tabsmith.modeling.rows import NumberColumn, RowArrays
from tests.core.modeling.shapes import finished, prepared, quick
from tests.soak import rounds

SMALL = {"n_estimators": 10, "max_iter": 5, "iterations": 5}
ROWS = 120
COLUMNS = 4


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A small saved classifier of every family: its folder by the family's name, and the matrix that it was fitted to."""
    random_numbers = np.random.default_rng(0)
    X, y = random_numbers.normal(size=(ROWS, COLUMNS)), random_numbers.integers(0, 3, ROWS)
    X[:, 3] = random_numbers.integers(0, 5, ROWS)
    folders = {}
    for name in family_names():
        family = get_family(name)
        parameters = {key: value for key, value in SMALL.items() if key in {each.name for each in family.parameters}}
        request = FitRequest(
            family, ParameterValues(family, parameters), "multiclass", X, y, 3, RegressionLoss(),
            categorical=(3,) if family.requirements.native_levels else (),
            inner=lambda: (np.arange(100), np.arange(100, ROWS)), threads=1, seed=0, seconds_left=lambda: 1e9,
        )  # fmt: skip
        folders[name] = tmp_path_factory.mktemp(name)
        fit_estimator(request, 3).save(folders[name])
    return folders, X


def _tampered(folder, tmp_path, change):
    """A copy of an estimator's folder whose library's file went through `change`, which takes and gives its bytes."""
    copy = tmp_path / "copy"
    copy.mkdir(exist_ok=True)
    for path in folder.iterdir():
        data = path.read_bytes()
        (copy / path.name).write_bytes(data if path.name == "estimator.json" else change(data))
    return copy


def _repacked(data, tmp_path, change):
    """A zip's bytes with every member through `change`, which takes a name and bytes and gives bytes."""
    (tmp_path / "in.zip").write_bytes(data)
    with zipfile.ZipFile(tmp_path / "in.zip") as old, zipfile.ZipFile(tmp_path / "out.zip", "w") as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return (tmp_path / "out.zip").read_bytes()


def _with_other_bytes(data, chance):
    """The bytes with up to eight of them in a row overwritten by what a number has at its ends, or cut off."""
    place = chance.randrange(len(data))
    if chance.random() < 0.1:
        return data[:place]
    other = chance.choice((b"\xff" * 4, b"\x00" * 4, b"\xff\xff\xff\x7f", b"\x00\x00\x00\x00\x00\x00\xf8\x7f", b"9"))
    return data[:place] + other + data[place + len(other) :]


@pytest.mark.filterwarnings(
    "ignore::RuntimeWarning"
)  # of huge numbers, which are finite, and what comes of them is not
@pytest.mark.parametrize("family", family_names())
def test_an_altered_estimator_is_refused_or_predicts(saved, tmp_path, family):
    folders, X = saved
    refused = 0
    for number in range(rounds(2_000, 25)):
        chance = random.Random(number)

        def change(data, chance=chance):
            if not data.startswith(b"PK"):
                return _with_other_bytes(data, chance)
            with zipfile.ZipFile(folders[family] / "estimator.skops") as archive:
                victim = chance.choice(archive.namelist())
            return _repacked(
                data, tmp_path, lambda name, part: _with_other_bytes(part, chance) if name == victim else part
            )

        folder = _tampered(folders[family], tmp_path, change)
        try:
            estimator = load_estimator(folder, COLUMNS)
        except ModelDamagedError as error:
            refused += bool(error.next_step)
        else:
            assert estimator.predict(X).shape == (ROWS, 3)
    assert refused


def test_a_booster_whose_numbers_do_not_go_together_is_refused(saved, tmp_path):
    folders, _ = saved
    text = (folders["lightgbm"] / "booster.txt").read_text(encoding="ascii")

    def altered(name, change):
        begin = text.index(f"\n{name}=") + 1
        end = text.index("\n", begin)
        return text[:begin] + f"{name}={change(text[begin + len(name) + 1 : end])}" + text[end:]

    cases = {
        "max_feature_idx": lambda _: "99",
        "num_tree_per_iteration": lambda _: "1",
        "tree_sizes": lambda sizes: sizes + " 5",
        "objective": lambda _: "regression",
        "left_child": lambda children: " ".join(["0", *children.split()[1:]]),
        "right_child": lambda children: " ".join([*children.split()[:-1], "-70"]),
        "split_feature": lambda features: " ".join(["7", *features.split()[1:]]),
        "leaf_value": lambda values: " ".join(["nan", *values.split()[1:]]),
        "num_leaves": lambda _: "999999999",
        "decision_type": lambda kinds: " ".join(["1", *kinds.split()[1:]]),
    }
    for name, change in cases.items():
        longer = altered(name, change)
        sizes = longer.index(
            "tree_sizes="
        )  # the first tree is as long as it says again, so that its numbers are looked at
        first = int(text[text.index("tree_sizes=") + 11 :].split()[0])
        if name not in {"tree_sizes", "max_feature_idx", "num_tree_per_iteration", "objective"}:
            end = longer.index(" ", sizes)
            longer = f"{longer[:sizes]}tree_sizes={first + len(longer) - len(text)}{longer[end:]}"
        folder = _tampered(folders["lightgbm"], tmp_path, lambda _, longer=longer: longer.encode())
        with pytest.raises(ModelDamagedError, match="refused"):
            load_estimator(folder, COLUMNS)


def test_a_vectorizer_that_reads_files_or_searches_for_ever_is_refused(tmp_path):
    texts = ["red apple pie", "green apple", "red pie"] * 3
    vectorizer = new_vectorizer("text", characters=False).fit(texts)
    words = len(vectorizer.vocabulary_)
    place = tmp_path / "text-0.skops"
    TextVectorizer(vectorizer, None).save(place)
    loaded = TextVectorizer.load(place, words)
    np.testing.assert_array_equal(loaded.transform(texts, words), vectorizer.transform(texts).toarray())
    for harm in (
        {"input": "filename"},
        {"token_pattern": "(a+)+$"},
        {"stop_words": ["red"]},
        {"ngram_range": (1, 900)},
    ):
        usual = {name: getattr(vectorizer, name) for name in harm}
        vectorizer.set_params(**harm)
        place.unlink()
        TextVectorizer(vectorizer, None).save(place)
        vectorizer.set_params(**usual)
        with pytest.raises(ModelDamagedError, match=next(iter(harm))):
            TextVectorizer.load(place, words)


def test_an_array_that_declares_more_than_it_holds_takes_no_memory(saved, tmp_path):
    folders, _ = saved

    def change(_name, part):
        if b"(3, 4), }" not in part:
            return part
        return part.replace(b"(3, 4), }" + b" " * 12, b"(3, 4" + b"0" * 12 + b"), }", 1)

    folder = _tampered(folders["linear"], tmp_path, lambda data: _repacked(data, tmp_path, change))
    with pytest.raises(ModelDamagedError, match="not as large as it declares"):
        load_estimator(folder, COLUMNS)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The members of a small saved model, its folder, and the number of its outputs."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TABSMITH_HOME", str(home))
        report = finished(prepared(), home / "run", quick("linear"), importance_seconds=0)
        folder = store.model_folder(report.model_id)
        return store.read_model_file(folder), folder


def test_an_archive_that_is_not_as_its_manifest_says_leaves_nothing_behind(exported, tmp_path, monkeypatch):
    _, folder = exported
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "unpacked"))
    (tmp_path / "unpacked").mkdir()
    archive.pack_model(folder, tmp_path / "model.zip")
    whole = (tmp_path / "model.zip").read_bytes()

    def longer(name, part):
        return part + b" " * (name == "report.json")

    def without(name, part):
        return part if name != "manifest.json" else b"{}"

    cases = {
        "another size": _repacked(whole, tmp_path, longer),
        "no manifest": _repacked(whole, tmp_path, without),
        "whole zip": whole[:-40],
    }
    for words, data in cases.items():
        (tmp_path / "model.zip").write_bytes(data)
        with pytest.raises(ModelDamagedError, match=words):
            load_model(tmp_path / "model.zip")
    assert list((tmp_path / "unpacked").iterdir()) == []


@pytest.mark.parametrize(
    "decisions",
    [
        {"calibration": {"method": "isotonic", "given": [0.1, 0.9], "calibrated": [0.5]}},
        {"calibration": {"method": "isotonic", "given": [0.1, 0.9], "calibrated": [5.0, 9.0]}},
        {"calibration": {"method": "temperature", "temperature": 0.0}},
        {"rule": {"rule": "class weights", "weights": [1.0, 2.0, 3.0, 4.0, 5.0]}},
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_decisions_that_contradict_themselves_are_damage(exported, tmp_path, decisions):
    file, folder = exported
    copy = tmp_path / "model"
    shutil.copytree(folder, copy)
    for path in (copy, *copy.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    content = json.loads((copy / "model.json").read_bytes())
    content["decisions"].update(decisions)
    data = json.dumps(content).encode()
    (copy / "model.json").write_bytes(data)
    manifest = json.loads((copy / "manifest.json").read_bytes())
    manifest["files"]["model.json"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
    (copy / "manifest.json").write_text(json.dumps(manifest))
    assert file.classes
    with pytest.raises(ModelDamagedError):
        load_model(copy)


def test_a_model_whose_process_dies_is_damaged(exported):
    file, folder = exported
    model = ConfinedModel(folder, file.members, len(file.classes), 4 << 30)
    os.kill(model.process_id, signal.SIGSEGV)
    with pytest.raises(ModelDamagedError, match="signal 11"):
        model.predict(RowArrays(2, {"x": NumberColumn(np.zeros(2))}))


def test_a_model_that_takes_more_memory_than_it_may_is_damaged(exported):
    file, folder = exported
    with pytest.raises(ModelDamagedError, match="cannot be used"):
        ConfinedModel(folder, file.members, len(file.classes), 1 << 20)


def test_the_process_of_a_model_has_no_files_and_no_network(tmp_path):
    (tmp_path / "secret").write_text("x")
    (tmp_path / "model").mkdir()
    code = """
import json, socket, sys
from pathlib import Path
from tabsmith.modeling.confined.messages import MembersToLoad
from tabsmith.modeling.confined.server import confine
folder = Path(sys.argv[1])
confine(MembersToLoad(str(folder / "model"), (), 8 << 30))
def tried(action):
    try:
        action()
    except OSError as error:
        return type(error).__name__
    return "allowed"
print(json.dumps([
    tried(lambda: (folder / "secret").read_text()),
    tried(lambda: (folder / "model/new").write_text("x")),
    tried(lambda: socket.socket(socket.AF_INET)),
]))
"""
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == ["PermissionError"] * 3
