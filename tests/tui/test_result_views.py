"""What the result screen says of a report, without a terminal."""

from pathlib import Path

import msgspec
import pytest
from rich.cells import cell_len

from tabsmith.modeling.results import ColumnImportance, Confusion, Holdout, ModelScore, Residuals
from tabsmith.presentation import models
from tabsmith.presentation.explanations import explanation_lines, learning_lines
from tabsmith.presentation.spans import plain_text
from tabsmith.tables.read.sources import FileSource, SampleSource
from tabsmith_tui.views import result_charts
from tests.stories import journals
from tests.stories.hostile import HOSTILE
from tests.stories.journals import class_report, explanation, price_report


def test_the_hold_out_score_comes_with_its_interval_rows_and_direction():
    shown = plain_text(models.score_lines(price_report()))
    assert "RMSE, lower is better" in shown
    assert "on the test set, 586 rows no model had seen" in shown
    assert "21,020  19,480 to 22,640  lower is better" in shown
    assert "0.9268  0.9103 to 0.9401  higher is better" in shown
    assert "cross-validated score 21,190 ± 300, the best of 9 tries" in shown
    assert "95 % interval" in shown


def test_a_missing_hold_out_is_said_in_words():
    report = price_report(holdout=None)
    assert "No test set: the table was too small" in plain_text(models.score_lines(report))
    assert "no score on a test set" in plain_text(models.caution_lines(report))


def test_a_missing_interval_is_said_in_words():
    report = class_report()
    assert "accuracy    0.8268  no interval" in plain_text(models.score_lines(report))
    assert "A score without an interval" in plain_text(models.caution_lines(report))


def test_a_small_hold_out_is_warned_of():
    report = price_report(holdout=Holdout(31, (ModelScore(journals.RMSE, 21_000, 15_000, 29_000),)))
    assert "Only 31 rows" in plain_text(models.score_lines(report))


def test_members_are_in_words_with_their_weights_heaviest_first():
    shown = plain_text(models.member_lines(price_report()))
    assert shown.index("64.0 %  CatBoost") < shown.index("24.0 %  LightGBM") < shown.index("12.0 %  random forest")
    single = price_report(members=(journals.EnsembleMember(journals.CAT, 1.0),))
    assert "weighted average" not in plain_text(models.member_lines(single))


def test_what_was_not_done_is_listed():
    report = price_report(importance=(), iterations=12, tries=9)
    shown = plain_text(models.caution_lines(report))
    assert "3 of 12 iterations gave no score" in shown
    assert "importance of the columns was not measured" in shown
    assert "Street: 96.2 % of it is missing" in shown


def test_nothing_to_warn_of_is_said_too():
    table = journals.schema()
    columns = tuple(journals.msgspec.structs.replace(each, warnings=()) for each in table.columns)
    report = price_report(schema=journals.msgspec.structs.replace(table, columns=columns), iterations=9)
    assert plain_text(models.caution_lines(report)) == "Nothing was left out or cut short."


def test_an_explanation_says_what_was_measured_and_a_dash_for_what_is_unknown():
    shown = plain_text(explanation_lines(class_report(explanation=explanation())))
    assert "Yes        —      0 %      0 %      375" in shown
    assert "tenure: 0 to 9  log loss 0.5690, by its probabilities 0.4100, elsewhere 0.2230 (280 rows)" in shown
    assert "row 3,972     is Yes, predicted No  its class was given 2.6 %" in shown
    assert "Twice the rows would bring about 0.9144 (0.9090 to 0.9210)" in shown
    assert explanation_lines(class_report()) == ()
    no_gain = msgspec.structs.replace(explanation().learning_curve, doubled_low=0.905)
    assert "not shown" in plain_text(learning_lines(no_gain, journals.AUC))


def test_the_model_says_where_it_lies():
    shown = plain_text(models.model_facts(price_report(), Path("/models/sale-price-7f3a9c")))
    assert "/models/sale-price-7f3a9c" in shown
    assert "predicts  Sale_Price (regression) from 3 columns" in shown


def test_the_copied_lines_are_python_and_shell_that_can_be_run():
    import ast
    import shlex

    report = price_report()
    for source in (FileSource("it's here/data.csv"), SampleSource("iris"), None):
        copied = models.usage_examples(report, source)
        python, shell = copied.split("# command line\n")
        ast.parse(python)
        for line in shell.strip().splitlines():
            assert shlex.split(line)[0] == "tabsmith"
    assert shlex.split(models.usage_examples(report, FileSource("it's here/data.csv")).strip().splitlines()[-1])[
        :3
    ] == [
        "tabsmith",
        "train",
        "it's here/data.csv",
    ]


# Pictures ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [30, 54, 76, 150])
def test_importance_bars_fill_the_width_and_keep_their_order(width):
    shown = (
        ColumnImportance("small", 0.001, 0.0001),
        ColumnImportance("large", 0.2, 0.01),
        ColumnImportance("none", -0.01, 0.02),
    )
    lines = result_charts.importance(shown, journals.AUC, width)
    drawn = plain_text(lines)
    assert drawn.index("large") < drawn.index("small")
    assert "1 column: no measurable effect" in drawn
    assert "ROC AUC falls" in drawn
    assert all(cell_len(plain_text([line])) <= width for line in lines[1:])


def test_of_many_columns_the_less_important_are_counted():
    many = tuple(ColumnImportance(f"column {place}", 1.0 / (place + 1), 0.0) for place in range(50))
    assert "+30 columns of less importance" in plain_text(result_charts.importance(many, journals.RMSE, 80))


def test_importance_that_was_not_measured_or_helps_nowhere_is_said_in_words():
    assert "was not measured" in plain_text(result_charts.importance((), journals.RMSE, 80))
    assert "No column alone" in plain_text(
        result_charts.importance((ColumnImportance("a", -1.0, 0.1),), journals.RMSE, 80)
    )


def test_a_confusion_matrix_shows_counts_and_the_share_right_of_every_class():
    drawn = plain_text(result_charts.confusion(Confusion(("died", "survived"), ((92, 8), (20, 60))), 70))
    assert "152 of 180 rows right, 28 wrong" in drawn
    assert "92.0 %" in drawn
    assert "75.0 %" in drawn


def test_a_class_without_rows_has_a_dash_and_not_0_per_cent():
    drawn = plain_text(result_charts.confusion(Confusion(("a", "b"), ((3, 0), (0, 0))), 70))
    assert "—" in drawn


def test_of_many_classes_the_worst_confusions_are_listed():
    report = class_report([f"class {place}" for place in range(12)])
    lines = result_charts.confusion(report.outcome, 76)
    drawn = plain_text(lines)
    assert "12 classes; what was taken for what most often" in drawn
    assert "taken for" in drawn
    assert "more" not in drawn.splitlines()[0]
    assert len(lines) <= 16
    assert all(cell_len(plain_text([line])) <= 76 for line in lines)


def test_a_narrow_screen_gets_the_list_instead_of_a_broken_matrix():
    report = class_report([f"a rather long class name {place}" for place in range(8)])
    assert "taken for" in plain_text(result_charts.confusion(report.outcome, 40))


@pytest.mark.parametrize(("width", "height"), [(30, 8), (54, 16), (116, 16)])
def test_residuals_are_a_cloud_around_the_diagonal_and_a_distribution(width, height):
    lines = result_charts.residuals(price_report().outcome, width, height)
    assert any("⠀" < character <= "⣿" for character in plain_text(lines))
    assert "half of the rows" in plain_text(lines)
    assert all(cell_len(plain_text([line])) <= width for line in lines[1:-2])


def test_residuals_without_rows_or_with_equal_values_are_drawn_too():
    nothing = Residuals((), (), (0.0, 0.0, 0.0), (), 0.0, 0.0)
    assert "no rows to draw" in plain_text(result_charts.residuals(nothing, 60, 12))
    same = Residuals((5.0, 5.0), (5.0, 5.0), (0.0, 0.0, 0.0), (2,), 0.0, 0.0)
    assert "2 rows" in plain_text(result_charts.residuals(same, 60, 12))


def test_hostile_names_stay_harmless_in_every_part():
    report = price_report(HOSTILE, source=HOSTILE[4], model_id="m")
    classes = class_report(HOSTILE)
    few = class_report(HOSTILE[:4])
    shown = [
        models.model_subject(report),
        plain_text(models.caution_lines(report)),
        plain_text(models.model_facts(report, Path("/m"))),
        plain_text(result_charts.importance(report.importance, report.metric, 80)),
        plain_text(result_charts.confusion(classes.outcome, 80)),
        plain_text(result_charts.confusion(few.outcome, 120)),
        *(plain_text(explanation_lines(class_report(explanation=explanation(name, name)))) for name in HOSTILE),
    ]
    for each in shown:
        assert not any(character in each for character in "\x1b\x07\x9b\x9d\u202e\u2066\x00\x7f")
        assert len(each) < 20_000
