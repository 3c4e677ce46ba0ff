"""Everything known of one try, or of the ensemble, as lines."""

from tabsmith import formatting
from tabsmith.orchestration.loop_state import Trial
from tabsmith.presentation import budgets, recipes, scores
from tabsmith.presentation.scores import metric_direction
from tabsmith.presentation.spans import Line, Span, line, span
from tabsmith.presentation.trials import proposed_by, trial_result
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.text import clean, clean_block, plural
from tabsmith_tui.views import leaderboard
from tabsmith_tui.views import tasks as task_views

_MOST_FOLDS = 20


def trial_details(snapshot: RunSnapshot, key: str) -> tuple[str, tuple[Line, ...]]:
    """Title and lines for the row `key` of a table; says so when there is no such try (any more)."""
    task = task_views.task_of_row(snapshot, key)
    if task is not None:
        return f"Task {clean(task.name, 60)}", task_views.task_details(task, snapshot)
    if key == leaderboard.ENSEMBLE:
        return "The ensemble", _ensemble(snapshot)
    found = next((trial for trial in snapshot.trials if str(trial.iteration) == key), None)
    if found is None:
        return f"Iteration {clean(key, 12)}", (
            line("The run began this iteration again after it was resumed.", "warn"),
        )
    return f"Iteration {found.iteration}", _try(snapshot, found)


def overview(snapshot: RunSnapshot, trial: Trial) -> tuple[Line, ...]:
    """The change and its reason, the score, the message, and the folds beside those of the champion of that time."""
    lines = _head(snapshot, trial)
    if trial.reason:
        lines += [(), line("Why, in the agent's words", "mark")]
        lines += [line(part) for part in clean_block(trial.reason, 8_000).splitlines()]
    if trial.message:
        lines += [(), line("Result", "mark")]
        lines += [line(part, "warn") for part in clean_block(trial.message, 8_000).splitlines()]
    return (*lines, *_folds(snapshot, trial, champion_then(snapshot, trial)))


def assessment(trial: Trial) -> tuple[Line, ...]:
    """Quality with its parts, and the decision with the thresholds and the rule that fired."""
    lines: list[Line] = []
    quality, decision = trial.quality, trial.decision
    if quality is not None:
        by = "by tabsmith's own rule" if quality.grader == "heuristic" else "by a model"
        lines += [(Span("quality    ", "dim"), Span(f"{quality.value:.2f}", "strong"), Span(f"  {by}", "dim"))]
        if quality.fallback:
            lines.append((Span("           ", "dim"), span(f"no model's grade: {quality.fallback}", "warn", 600)))
        if quality.words:
            lines.append((Span("           ", "dim"), span(quality.words, limit=1_000)))
        for part in quality.parts:
            head = f"  {clean(part.name, 20):<20} {part.value:.2f} of weight {part.weight:.2f}  "
            lines.append((Span(head), span(part.why, "dim", 300)))
    if decision is not None:
        limits = decision.thresholds
        by = "you decided" if decision.by == "person" else f"confidence {decision.confidence:.2f}"
        lines += [(), (Span("decision   ", "dim"), Span(decision.label, "strong"), Span(f"  {by}", "dim"))]
        lines.append((Span("rule       ", "dim"), span(decision.rule, limit=1_000)))
        lines.append(
            (Span("thresholds ", "dim"), Span(f"proceed from {limits.proceed:g}, escalate below {limits.escalate:g}"))
        )
    return tuple(lines) or (line("No assessment yet." if not trial.ended_at else "No assessment.", "dim"),)


def recipe(trial: Trial) -> tuple[Line, ...]:
    """The recipe in full."""
    if trial.recipe is None:
        return (line("There is no recipe.", "dim"),)
    return ((span(recipes.recipe_title(trial.recipe), "strong"),), *recipes.recipe_lines(trial.recipe))


def champion_then(snapshot: RunSnapshot, trial: Trial) -> Trial | None:
    """The champion at the time when the trial was proposed; None before the first."""
    before = (other for other in reversed(snapshot.trials) if other.won and other.iteration < trial.iteration)
    return next(before, None)


def against_champion_then(snapshot: RunSnapshot, trial: Trial) -> tuple[Line, ...]:
    """The differences of recipe and score to the champion of that time."""
    best = champion_then(snapshot, trial)
    if best is None or best.recipe is None:
        return (line("There was no champion yet.", "dim"),)
    if trial.recipe is None:
        return (line("There is no recipe to compare.", "dim"),)
    head = (Span(f"#{best.iteration} ", "dim"), span(recipes.recipe_title(best.recipe), "strong"))
    return (head, *_compared(snapshot, trial, best))


def _try(snapshot: RunSnapshot, trial: Trial) -> tuple[Line, ...]:
    lines = _head(snapshot, trial)
    if trial.message:
        lines.append(())
        lines.append(line("Result", "mark"))
        lines.extend(line(part, "warn") for part in clean_block(trial.message, 8_000).splitlines())
    if trial.recipe is not None:
        lines.append(())
        lines.append(line("Recipe", "mark"))
        lines.extend(recipes.recipe_lines(trial.recipe))
    lines.extend(_difference(snapshot, trial))
    lines.extend(_folds(snapshot, trial))
    return tuple(lines)


def _head(snapshot: RunSnapshot, trial: Trial) -> list[Line]:
    """Name, where it stands, what was tried, by whom, what it cost, its score."""
    lines: list[Line] = []
    name = (
        recipes.recipe_title(trial.recipe)
        if trial.recipe
        else "no recipe yet"
        if trial.state == "asking"
        else "no recipe"
    )
    lines.append((span(name, "strong"),))
    lines.append((Span("status     ", "dim"), trial_result(trial, snapshot)))
    if trial.change:
        lines.append((Span("tried      ", "dim"), span(trial.change, limit=600)))
    if trial.agent:
        sure = f"  {trial.confidence:.0%} sure of it" if trial.confidence is not None else ""
        lines.append((Span("agent      ", "dim"), span(proposed_by(trial)), Span(sure, "dim")))
    if trial.sessions:
        cost = Span(budgets.usage_cost(trial.usage), "warn" if trial.usage.unpriced else "plain")
        lines.append((Span("cost       ", "dim"), cost, Span(f"  {budgets.token_counts(trial.usage)}", "dim")))
    lines.extend(_score(snapshot, trial))
    return lines


def _score(snapshot: RunSnapshot, trial: Trial) -> list[Line]:
    metric = snapshot.metric
    if trial.mean is None or metric is None:
        return [(Span("score      ", "dim"), Span(f"{formatting.UNKNOWN} (not scored)", "dim"))]
    score = formatting.plus_minus(trial.mean, trial.standard_error)
    lines: list[Line] = [
        (Span("score      ", "dim"), Span(score, "strong"), Span(f"   {metric_direction(metric)}", "dim"))
    ]
    if trial.delta is not None:
        difference = Span(scores.difference_text(trial.delta), scores.difference_tone(trial.delta, metric))
        lines.append((Span("           ", "dim"), difference, Span(" against the best so far then", "dim")))
    lines.append((Span("time       ", "dim"), Span(formatting.duration(trial.seconds))))
    return lines


def _difference(snapshot: RunSnapshot, trial: Trial) -> list[Line]:
    best = snapshot.champion_trial
    if best is None or best.recipe is None or trial.recipe is None:
        return []
    lines: list[Line] = [(), line("Against the champion", "mark")]
    if best.iteration == trial.iteration:
        return [*lines, line("It is the champion.", "good")]
    return [*lines, *_compared(snapshot, trial, best)]


def _compared(snapshot: RunSnapshot, trial: Trial, best: Trial) -> list[Line]:
    """Recipe and score of the one against those of the other. Both have a recipe."""
    assert trial.recipe is not None
    assert best.recipe is not None
    lines = [*recipes.change_lines(best.recipe, trial.recipe)]
    pair = scores.paired_difference(trial.folds, best.folds)
    if pair is not None:
        words = f"{formatting.difference(pair.mean)} {formatting.PLUS_MINUS} {formatting.significant(pair.error, 2)}"
        tone = "plain" if pair.noise else scores.difference_tone(pair.mean, snapshot.metric)
        noise = ", within one standard error" if pair.noise else ""
        lines.append((Span(words, tone), Span(f" on {plural(pair.folds, 'shared fold')}{noise}", "dim")))
    return lines


def _folds(snapshot: RunSnapshot, trial: Trial, best: Trial | None = None) -> list[Line]:
    """The folds; beside each the score of `best` on the same one."""
    if not trial.folds:
        return []
    champion = f"  {'champion':>12}" if best else ""
    done = f"{len(trial.folds)} of {snapshot.folds}" if snapshot.folds else str(len(trial.folds))
    lines: list[Line] = [
        (),
        line(f"Folds  {done}", "mark"),
        line(f"{'fold':>4}  {'score':>12}{champion}  {'fit':>10}  {'predict':>10}", "dim"),
    ]
    theirs = {fold.fold: fold.score for fold in best.folds} if best else {}
    for fold in trial.folds[:_MOST_FOLDS]:
        fit, predict = formatting.duration(fold.fit_seconds), formatting.duration(fold.predict_seconds)
        beside = f"  {formatting.number(theirs.get(fold.fold)):>12}" if best else ""
        lines.append(line(f"{fold.fold + 1:>4}  {formatting.number(fold.score):>12}{beside}  {fit:>10}  {predict:>10}"))
    if len(trial.folds) > _MOST_FOLDS:
        lines.append(line(f"+{len(trial.folds) - _MOST_FOLDS} more", "dim"))
    return lines


def _ensemble(snapshot: RunSnapshot) -> tuple[Line, ...]:
    together = snapshot.ensemble
    if together is None:
        return (line("No ensemble was built.", "dim"),)
    names = {
        trial.recipe.id: recipes.recipe_title(trial.recipe) for trial in snapshot.trials if trial.recipe is not None
    }
    lines: list[Line] = [
        (Span("score      ", "dim"), Span(formatting.plus_minus(together.score, together.standard_error), "strong")),
        line("on out-of-fold predictions", "dim"),
        (),
        line("Members", "mark"),
    ]
    members = sorted(zip(together.weights, together.recipes, strict=False), reverse=True)
    lines.extend(
        (Span(f"{formatting.percent(weight):>7}  ", "accent"), span(names.get(recipe, f"recipe {recipe}")))
        for weight, recipe in members
    )
    return tuple(lines)
