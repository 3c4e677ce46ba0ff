"""Saved models: whole, read-only, and refused when anything about them is not as it was saved."""

import json
import os
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import skops.io

from tabsmith.errors import ModelDamagedError, ModelNotFoundError, UsageError
from tabsmith.families import skops_files
from tabsmith.families.estimator import EstimatorFile
from tabsmith.families.registry import family_names
from tabsmith.modeling import store
from tabsmith.modeling.model import load_model
from tests.core.modeling.shapes import finished, prepared, quick, table


@pytest.fixture
def report(tmp_path):
    return finished(prepared(), tmp_path / "run", quick("linear"), quick("random_forest"), importance_seconds=0)


def _unlocked(report) -> Path:
    """The model's folder, made writable as an attacker's would be."""
    folder = store.model_folder(report.model_id)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder


def _claim(folder: Path, path: Path) -> None:
    """Write into the manifest that `path` is as it should be."""
    manifest = folder / "manifest.json"
    content = json.loads(manifest.read_bytes())
    import hashlib

    data = path.read_bytes()
    name = path.relative_to(folder).as_posix()
    content["files"][name] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
    manifest.write_text(json.dumps(content))


@pytest.mark.filterwarnings("ignore::tabsmith.errors.NewRowsWarning")  # of users that it never saw
def test_a_model_of_every_family_predicts_the_same_loaded_exported_and_copied(tmp_path):
    data = prepared("level", "multiclass")
    report = finished(data, tmp_path / "run", *(quick(family) for family in family_names()), importance_seconds=0)
    assert {member.recipe.family for member in report.members} == set(family_names())
    model = load_model(report.model_id)
    rows = table(40, seed=9)
    expected = model.predict_proba(rows)
    assert model.classes_.tolist() == ["high", "low", "middle"]
    np.testing.assert_allclose(expected.sum(axis=1), 1.0)
    exported = store.export_model(report.model_id, tmp_path / "model.zip")
    store.delete_model(report.model_id)
    with pytest.raises(ModelNotFoundError):
        load_model(report.model_id)
    again = load_model(exported)
    np.testing.assert_array_equal(again.predict_proba(rows), expected)
    np.testing.assert_array_equal(load_model(again.save(tmp_path / "copy.zip")).predict_proba(rows), expected)
    with pytest.raises(UsageError, match="exists already"):
        again.save(tmp_path / "copy.zip")


def test_a_saved_model_is_read_only_and_leaves_nothing_beside_it(report):
    folder = store.model_folder(report.model_id)
    for path in (folder, *folder.rglob("*")):
        assert not path.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH)
    assert [path.name for path in folder.parent.iterdir()] == [report.model_id]


def test_the_list_reads_json_only(report):
    code = (
        "import sys\nfrom tabsmith.modeling import store\n"
        "(model,) = store.list_models()\n"
        "assert model.members == ('linear', 'random_forest') and not model.damaged and model.cv_score > 0.5, model\n"
        "store.export_model(model.id, __import__('pathlib').Path(sys.argv[1]))\n"
        "heavy = {'numpy', 'pandas', 'sklearn', 'skops', 'lightgbm', 'catboost', 'duckdb'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    out = store.model_folder(report.model_id).parent / "out.zip"
    done = subprocess.run([sys.executable, "-c", code, out], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_list_shows_a_damaged_model_as_that(report):
    folder = _unlocked(report)
    (folder / "model.json").write_bytes(b"{")
    (model,) = store.list_models()
    assert model.damaged == "model.json is not as it was saved"
    (folder / "report.json").write_bytes(b"\xff" * 9)
    (model,) = store.list_models()
    assert model.id == report.model_id
    assert "report.json" in model.damaged
    store.delete_model(report.model_id)
    assert store.list_models() == ()


def test_a_changed_added_or_missing_file_is_named(report):
    folder = _unlocked(report)
    victim = next(folder.rglob("features.json"))
    before = victim.read_bytes()
    victim.write_bytes(before.replace(b"0", b"1", 1))
    with pytest.raises(ModelDamagedError, match=r"features\.json: it is not as it was saved"):
        load_model(report.model_id)
    victim.unlink()
    with pytest.raises(ModelDamagedError, match=r"features\.json: it is missing"):
        load_model(report.model_id)
    victim.write_bytes(before)
    (victim.parent / "extra.py").write_text("")
    with pytest.raises(ModelDamagedError, match=r"extra\.py: it is not part of the model"):
        load_model(report.model_id)


def test_a_link_in_place_of_a_file_is_refused(report, tmp_path):
    folder = _unlocked(report)
    victim = folder / "model.json"
    (tmp_path / "elsewhere.json").write_bytes(victim.read_bytes())
    victim.unlink()
    victim.symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(ModelDamagedError, match="not a plain file"):
        load_model(report.model_id)


class Malicious:
    """What an attacker would put into a skops file."""

    def __reduce__(self):
        return os.system, ("touch pwned",)


def test_a_skops_file_with_another_type_is_refused_though_the_manifest_vouches_for_it(report, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = _unlocked(report)
    victim = next(folder.rglob("estimator.skops"))
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import FunctionTransformer

    for payload in (Malicious(), [Malicious()], FunctionTransformer(os.system), Pipeline([("x", "passthrough")])):
        victim.unlink()
        skops.io.dump(payload, victim)
        _claim(folder, victim)
        with pytest.raises(ModelDamagedError, match="which models do not use"):
            load_model(report.model_id)
    assert not (tmp_path / "pwned").exists()


def test_a_schema_written_by_hand_cannot_smuggle_a_function_in(tmp_path):
    for node in (
        {"__class__": "system", "__module__": "posix", "__loader__": "FunctionNode"},
        {"__class__": "str", "__module__": "builtins", "__loader__": "MethodNode", "content": {}},
        {"__class__": "list", "__module__": "builtins", "__loader__": "ListNode",
         "content": [{"__class__": "system", "__module__": "posix", "__loader__": "TypeNode"}]},
    ):  # fmt: skip
        path = tmp_path / "hand.skops"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("schema.json", json.dumps({**node, "protocol": 2, "_skops_version": "0.16"}))
        with pytest.raises(ModelDamagedError):
            skops_files.read(path)
    path.write_bytes(b"not a zip")
    with pytest.raises(ModelDamagedError, match="not a skops file"):
        skops_files.read(path)


def test_a_tree_that_leads_nowhere_is_refused(tmp_path):
    from sklearn.tree import DecisionTreeClassifier

    from tabsmith.families import forests

    tree = DecisionTreeClassifier().fit(np.arange(20).reshape(-1, 1), np.arange(20) % 2).tree_
    state = tree.__getstate__()
    state["nodes"]["left_child"][0] = 0  # for ever
    tree.__setstate__(state)
    skops_files.dump([tree], tmp_path / "estimator.skops")
    file = EstimatorFile("random_forest", outputs=2, present=(0, 1))
    with pytest.raises(ModelDamagedError, match="does not lead to leaves"):
        forests.load(tmp_path / "estimator.skops", file, 1)


@pytest.mark.parametrize(
    ("name", "words"), [("../evil.json", "no file"), ("/etc/evil", "no file"), ("members/x.py", "no file")]
)
def test_an_archive_with_foreign_names_is_refused_before_anything_is_written(tmp_path, name, words):
    path = tmp_path / "model.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("manifest.json", "{}")
        archive.writestr(name, "x")
    with pytest.raises(ModelDamagedError, match=words):
        load_model(path)
    assert not (tmp_path.parent / "evil.json").exists()


def test_an_archive_with_a_link_a_bomb_or_the_same_name_twice_is_refused(tmp_path):
    link = zipfile.ZipInfo("model.json")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    cases = {"not a plain file": [(link, "/etc/passwd")], "unpacks to": [("model.json", b"0" * (20 << 20))]}
    for words, items in cases.items():
        path = tmp_path / "model.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for item, content in items:
                archive.writestr(item, content)
        with pytest.raises(ModelDamagedError, match=words):
            load_model(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.json", "1")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("model.json", "2")
    with pytest.raises(ModelDamagedError, match="twice"):
        load_model(path)
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(ModelDamagedError, match="not a whole zip"):
        load_model(path)


def test_a_name_that_is_no_models_name_is_not_found():
    for name in ("../../etc", "", "nobody", "a" * 200):
        with pytest.raises(ModelNotFoundError):
            load_model(name)
        with pytest.raises(ModelNotFoundError):
            store.delete_model(name)


def test_a_save_that_is_ended_half_way_leaves_no_model(report, tmp_path, monkeypatch):
    data = prepared()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "sync_folder", full)
    from tabsmith.errors import StorageError

    with pytest.raises(StorageError, match="disk is full"):
        finished(data, tmp_path / "again", quick("linear"), importance_seconds=0)
    assert [model.id for model in store.list_models()] == [report.model_id]
    assert len(list(store.model_folder(report.model_id).parent.iterdir())) == 1


def test_what_a_killed_save_left_behind_is_removed_by_the_next_one(tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    models = store.model_folder("any").parent
    for name in (f".dead.{gone.pid}.partial", f".alive.{os.getpid()}.partial"):
        (models / name / "members").mkdir(parents=True)
    report = finished(prepared(), tmp_path / "run", quick("linear"), importance_seconds=0)
    assert sorted(path.name for path in models.iterdir()) == [f".alive.{os.getpid()}.partial", report.model_id]
