"""A file predicted: one row in, one row out, as it stood; what was not understood is named, and what can be scored is."""

import csv
import json
import math
import zipfile
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pytest

from tabsmith.errors import MissingColumnError, NewRowsWarning, UsageError
from tabsmith.modeling import scoring
from tabsmith.modeling.metric_catalogue import default_metric
from tabsmith.modeling.model import Model, load_model
from tabsmith.modeling.predict import predict_file, preview_predictions, source_to_predict
from tabsmith.modeling.results import (
    AssumedReading,
    MatchedColumn,
    PredictedFile,
    UnreadCell,
    UnreadCells,
    UnreadRow,
    UnseenLevels,
)
from tabsmith.modeling.rows import RowArrays
from tabsmith.modeling.training_data import prepare_training_data
from tabsmith.tables.read.reader import read_source
from tabsmith.tables.read.sources import FileSource
from tabsmith.tables.schema.detect import detect_schema
from tabsmith.tables.schema.edits import with_role
from tabsmith.tables.snapshot import load_frame
from tests.core.modeling.shapes import finished, quick

HEADER = "dose,site,usd,noise,yield"


def _lines(rows: int, seed: int) -> list[str]:
    draw = np.random.default_rng(seed)
    lines = []
    for _ in range(rows):
        dose, site, usd, noise = draw.uniform(0, 100), int(draw.integers(3)), draw.uniform(500, 3000), draw.normal()
        truth = 2 * dose + 20 * site + 0.01 * usd + draw.normal()
        lines.append(f'{dose:.2f},{"ABC"[site]},"${usd:,.2f}",{noise:.3f},{truth:.3f}')
    return lines


def _trained(folder: Path, lines: list[str], target: str, task: str, name: str) -> Path:
    """A model of these lines, as an exported file."""
    path = folder / "table.csv"
    path.write_text("\n".join([HEADER, *lines]) + "\n")
    info = read_source(FileSource(str(path)), allowed=(folder,), max_mb=10)
    schema = detect_schema(info, target, problem_type=task)
    data = prepare_training_data(load_frame(info), schema, default_metric(schema.problem_type), seed=0)
    report = finished(data, folder / f"run-{name}", quick("linear"))
    return load_model(report.model_id).save(folder / name)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Exported models: of the number `yield`, and of the class `site`."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TABSMITH_HOME", str(folder / "home"))
        lines = _lines(200, 1)
        return {
            "number": _trained(folder, lines, "yield", "regression", "number"),
            "class": _trained(folder, lines, "site", "multiclass", "class"),
        }


@pytest.fixture
def model(saved: dict[str, Path]) -> Model:
    return load_model(saved["number"])


def _predict(model: Model, path: Path, text: str, out: str = "out.csv", **options) -> PredictedFile:
    path.write_text(text)
    info = read_source(source_to_predict(model, FileSource(str(path))), allowed=(path.parent,), max_mb=10)
    return predict_file(model, info, path.with_name(out), **options)


def _written(done: PredictedFile) -> tuple[list[str], list[list[str]]]:
    with open(done.out, newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    return header, rows


def test_a_line_that_cannot_be_read_gets_an_empty_prediction_and_a_reason(model: Model, tmp_path: Path) -> None:
    text = 'dose,site,usd,noise\n10,A,"$1,000.00",0\n10,A,x,y,z,v\n20,B,"$1,000.00",0\n'
    done = _predict(model, tmp_path / "new.csv", text)
    header, rows = _written(done)
    assert header == ["dose", "site", "usd", "noise", "prediction", "reason"]
    assert [row[0] for row in rows] == ["10", "", "20"]
    assert rows[1][4] == ""
    assert "6 values" in rows[1][5]
    assert rows[0][5] == rows[2][5] == ""
    assert float(rows[2][4]) - float(rows[0][4]) == pytest.approx(40, abs=3)
    assert (done.rows, done.bad_row_count, len(done.bad_rows)) == (3, 1, 1)
    assert done.bad_rows[0] == UnreadRow(2, rows[1][5])
    preview = preview_predictions(model.report, done, 10)
    assert preview.names == ("prediction", "reason", "dose", "site", "usd", "noise")
    assert preview.rows[1][0] == ""
    with pytest.warns(NewRowsWarning, match="no prediction: 1"):
        predicted = model.predict(tmp_path / "new.csv")
    assert np.isnan(predicted).tolist() == [False, True, False]
    assert predicted[[0, 2]].tolist() == [float(rows[0][4]), float(rows[2][4])]


def test_a_label_that_cannot_be_predicted_is_none(saved: dict[str, Path], tmp_path: Path) -> None:
    model = load_model(saved["class"])
    text = 'dose,usd,noise,yield\n10,"$1,000.00",0,30\n1,2,3,4,5,6\n'
    done = _predict(model, tmp_path / "new.csv", text)
    header, rows = _written(done)
    assert header[-5:-1] == ["prediction", "probability of A", "probability of B", "probability of C"]
    assert rows[1][4:8] == ["", "", "", ""]
    with pytest.warns(NewRowsWarning):
        assert model.predict(tmp_path / "new.csv").tolist() == [rows[0][4], None]


@pytest.mark.parametrize(
    "texts",
    [
        ("1E5", "2E7"),
        ("+4930123456", "+49 (0)30 123-45"),
        ("012", "0012"),
        ("01/02/2024", "1.2.24"),
        ("1.50", "2.00"),
        (" padded ", "x"),
        ("12345678901234567890", "0.1000"),
        ("-5 °C", "TRUE"),
        ('say ""hi"", now', "a;b"),
        ("", "NA"),
    ],
)
def test_a_cell_that_the_model_does_not_use_comes_out_as_it_went_in(model, tmp_path: Path, texts) -> None:
    cells = [f'"{text}"' if '"' in text or " " in text else text for text in texts]
    rows = "".join(f'{cell},{n},A,"$1,000.00",0\n' for n, cell in enumerate(cells))
    done = _predict(model, tmp_path / "new.csv", f"note,dose,site,usd,noise\n{rows}")
    header, written = _written(done)
    assert [row[header.index("note")] for row in written] == [text.replace('""', '"') for text in texts]
    assert [row[header.index("usd")] for row in written] == ["$1,000.00"] * 2
    assert done.extra == ("note",)


def test_what_is_not_understood_is_named(model: Model, tmp_path: Path) -> None:
    text = 'Dose,SITE,usd,noise\n10,A,ask,0\n10,D,"$1,000.00",0\n<5,a,"$1,000.00",\n'
    done = _predict(model, tmp_path / "new.csv", text)
    assert set(done.matched) == {MatchedColumn("dose", "Dose"), MatchedColumn("site", "SITE")}
    assert set(done.unread) == {
        UnreadCells("usd", 1, (UnreadCell(1, "ask"),)),
        UnreadCells("dose", 1, (UnreadCell(3, "<5"),)),
    }
    assert done.unparsable == 2
    assert done.unseen == (UnseenLevels("site", 1, ("D",)),)
    assert (done.missing, done.extra, done.score) == ((), (), None)
    frame = pd.read_csv(tmp_path / "new.csv", dtype=str)
    with pytest.warns(NewRowsWarning, match='"ask" in row 1'):
        predicted = model.predict(frame)
    assert predicted.tolist() == [float(row[-1]) for row in _written(done)[1]]


def test_an_important_column_that_is_missing_is_refused_with_its_importance(model: Model, tmp_path: Path) -> None:
    text = 'site,usd\nA,"$1,000.00"\n'
    with pytest.raises(MissingColumnError, match=r'"dose" \(without it, RMSE rises by [\d.]+\)') as caught:
        _predict(model, tmp_path / "new.csv", text)
    assert "--allow-missing" in caught.value.next_step
    assert not (tmp_path / "out.csv").exists()
    with pytest.raises(MissingColumnError):
        model.predict(tmp_path / "new.csv")
    done = _predict(model, tmp_path / "new.csv", text, allow_missing=True)
    assert set(done.missing) == {"dose", "noise"}
    assert model.predict(tmp_path / "new.csv", allow_missing=True).tolist() == [float(_written(done)[1][0][-1])]
    assert _predict(model, tmp_path / "new.csv", 'dose,site,usd\n1,A,"$1,000.00"\n').missing == ("noise",)


def test_rows_that_hold_the_target_are_scored_beside_the_test_set(model: Model, tmp_path: Path) -> None:
    lines = _lines(60, 2)
    lines[3] = lines[3].rsplit(",", 1)[0] + ",unknown"  # a word for a missing value
    lines[4] = lines[4].rsplit(",", 1)[0] + ",much"
    done = _predict(model, tmp_path / "new.csv", "\n".join([HEADER.replace("yield", "Yield"), *lines]) + "\n")
    assert done.score is not None
    assert done.score.rows == 58
    first = done.score.scores[0]
    assert [each.metric for each in done.score.scores] == [each.metric for each in model.report.holdout.scores]
    header, rows = _written(done)
    truth = [row[header.index("Yield")] for row in rows]
    scored = [place for place in range(60) if place not in (3, 4)]
    errors = [float(rows[place][-1]) - float(truth[place]) for place in scored]
    assert first.score == pytest.approx(np.sqrt(np.mean(np.square(errors))))
    assert first.low < first.score < first.high
    assert done.score.holdout == model.report.holdout.scores
    assert done.matched == (MatchedColumn("yield", "Yield"),)
    assert done.unread == (UnreadCells("yield", 1, (UnreadCell(5, "much"),)),)
    assert done.extra == ()


def test_a_class_that_the_model_does_not_know_is_not_scored(saved: dict[str, Path], tmp_path: Path) -> None:
    model = load_model(saved["class"])
    lines = _lines(40, 3)
    lines[0] = lines[0].replace(",A,", ",Z,").replace(",B,", ",Z,").replace(",C,", ",Z,")
    done = _predict(model, tmp_path / "new.csv", "\n".join([HEADER, *lines]) + "\n")
    assert done.score is not None
    assert done.score.rows == 39
    assert done.unseen == (UnseenLevels("site", 1, ("Z",)),)
    assert {each.metric.name for each in done.score.scores} >= {"log_loss", "accuracy"}


def test_new_rows_that_hold_the_weight_are_scored_by_it(model: Model) -> None:
    report = msgspec.structs.replace(model.report, schema=with_role(model.schema, "noise", "weight"))
    truth = pd.Series([1.0, 2.0, 3.0, 4.0])
    predictions = truth.to_numpy()[:, None] + np.array([[1.0], [2.0], [9.0], [9.0]])
    for weight, rows, rmse in (("noise", 2, np.sqrt((3 * 1 + 1 * 4) / 4)), ("", 4, np.sqrt((1 + 4 + 81 + 81) / 4))):
        scorer = scoring.RowsScorer(report, model.labels)
        scorer.add(truth, predictions, RowArrays(4, {}), pd.Series([3.0, 1.0, np.nan, -1.0]) if weight else None)
        score = scorer.result()
        assert score is not None
        assert (score.rows, score.weight) == (rows, weight)
        assert score.scores[0].score == pytest.approx(rmse)


def test_of_very_many_rows_evenly_spaced_ones_are_scored(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "MAX_ROWS", 100)
    scorer = scoring.RowsScorer(model.report, model.labels)
    rows = pd.read_csv(pd.io.common.StringIO("\n".join([HEADER, *_lines(50, 4)])))
    reader = model.reader(tuple(rows.columns))
    for batch in range(7):
        truth = pd.Series(np.arange(50.0) + 50 * batch)
        read = reader.read([rows[name] for name in rows.columns], 50)
        scorer.add(truth, truth.to_numpy()[:, None] + 2.0, read)
    score = scorer.result()
    assert score is not None
    assert score.rows == 88  # every fourth of 350
    assert {each.metric.name: each.score for each in score.scores}["mae"] == pytest.approx(2.0)


def test_the_column_of_predictions_has_the_name_that_was_asked_for(model: Model, tmp_path: Path) -> None:
    text = 'dose,site,usd,noise,prediction,reason\n10,A,"$1,000.00",0,p,r\n10,A,x,y,z,v,1,2,3\n'
    done = _predict(model, tmp_path / "new.csv", text, column="forecast")
    assert done.added == ("forecast",)
    assert done.columns[-2:] == ("forecast", "reason 2")
    assert _predict(model, tmp_path / "new.csv", text).added == ("prediction 2",)
    with pytest.raises(UsageError, match='column "dose" already'):
        _predict(model, tmp_path / "new.csv", text, column="dose")


def test_previews_have_no_more_digits_than_the_error_allows(model, saved: dict[str, Path], tmp_path: Path) -> None:
    done = _predict(model, tmp_path / "new.csv", 'dose,site,usd,noise\n10,A,"$1,000.00",0\n')
    full = float(_written(done)[1][0][-1])
    decimals = 1 - math.floor(math.log10(model.report.typical_error))
    assert preview_predictions(model.report, done, 5).rows[0][0] == f"{full:.{decimals}f}"
    assert decimals in (1, 2)
    of_classes = load_model(saved["class"])
    done = _predict(of_classes, tmp_path / "new.csv", 'dose,usd,noise,yield\n10,"$1,000.00",0,30\n')
    first = preview_predictions(of_classes.report, done, 5).rows[0]
    assert first[0] == "A"
    assert all(len(cell) == 5 for cell in first[1:4])


def test_typed_columns_of_a_parquet_file_keep_their_types(model: Model, tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"dose": [10.5, None], "site": ["A", "B"], "usd": [1000.0, 2000.0], "noise": [0, 1], "n": [7, 8]}
    )
    frame.to_parquet(tmp_path / "new.parquet")
    source = source_to_predict(model, FileSource(str(tmp_path / "new.parquet")))
    done = predict_file(model, read_source(source, allowed=(tmp_path,), max_mb=10), tmp_path / "out.parquet")
    written = pd.read_parquet(done.out)
    assert written["n"].tolist() == [7, 8]
    assert written["dose"].dtype == float
    assert written["prediction"].tolist() == model.predict(frame).tolist()
    texts = frame.astype({"dose": str, "noise": str}).assign(usd=["$1,000.00", "$2,000.00"]).replace("nan", "")
    assert model.predict(texts).tolist() == written["prediction"].tolist()


def test_a_model_saved_before_columns_had_formats_reads_the_rows_by_themselves_and_says_so(
    saved, tmp_path: Path
) -> None:
    old = tmp_path / "old"
    with zipfile.ZipFile(saved["number"]) as archive:
        archive.extractall(old)
    manifest = json.loads((old / "manifest.json").read_text())
    (old / "manifest.json").write_text(json.dumps({**manifest, "format": 1}))
    model = load_model(old)
    done = _predict(model, tmp_path / "new.csv", 'dose,site,usd,noise\n10,A,"$1,000.00",0\n20,A,"$1,000.00",0\n')
    assert done.assumed == (AssumedReading("", "formats unknown"),)
    expected = _predict(
        load_model(saved["number"]), tmp_path / "new.csv", (tmp_path / "new.csv").read_text(), "new.csv.csv"
    )
    assert [row[-1] for row in _written(done)[1]] == [row[-1] for row in _written(expected)[1]]
    with pytest.warns(NewRowsWarning, match="saved before"):
        model.predict(tmp_path / "new.csv")


def test_lines_of_several_files_that_cannot_be_read_keep_their_rows(model: Model, tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()
    (folder / "a.csv").write_text('dose,site,usd,noise\n10,A,"$1,000.00",0\n')
    (folder / "b.csv").write_text('dose,site,usd,noise\n20,B,"$1,000.00",0\n1,2,3,4,5,6,7\n')
    source = source_to_predict(model, FileSource(str(folder)))
    done = predict_file(model, read_source(source, allowed=(tmp_path,), max_mb=10), tmp_path / "out.csv")
    header, rows = _written(done)
    assert [row[0] for row in rows] == ["10", "20", ""]
    assert [bool(row[header.index("prediction")]) for row in rows] == [True, True, False]
    assert (done.bad_row_count, done.bad_rows[0].row) == (1, 3)
