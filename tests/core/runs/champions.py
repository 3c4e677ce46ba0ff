"""Who must hold the title of a run by the rule, worked out again from the fold scores alone."""

from tabsmith.modeling.results import Evaluation
from tabsmith.orchestration.loop.champion import ChampionStatus, judge_challenger
from tabsmith.runs.snapshot import RunSnapshot


def champion_by_the_rule(run: RunSnapshot) -> int:
    """The champion's iteration; 0 for none."""
    assert run.metric is not None
    best: Evaluation | None = None
    title, winner = ChampionStatus(), 0
    for each in run.trials:
        if each.state != "scored" or each.skipped:
            continue
        assert each.recipe is not None
        mean = sum(fold.score for fold in each.folds) / len(each.folds)
        challenger = Evaluation(each.recipe, each.folds, mean, 0.0, 0.0, "")
        judgement = judge_challenger(best, challenger, run.metric, on_probation=title.probation)
        title = title.after(judgement)
        if judgement.won:
            best, winner = challenger, each.iteration
    return winner
