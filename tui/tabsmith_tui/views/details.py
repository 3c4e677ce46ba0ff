"""Everything known of one try, or of the ensemble, as lines."""

from tabsmith.runs.snapshot import RunSnapshot, Try
from tabsmith.text import clean, clean_block, plural
from tabsmith_tui import numbers
from tabsmith_tui.views import comparison, recipe_words, tries
from tabsmith_tui.views.lines import Line, Span, line, span
from tabsmith_tui.views.score_plot import direction

_MOST_FOLDS = 20


def details(snapshot: RunSnapshot, key: str) -> tuple[str, tuple[Line, ...]]:
    """Title and lines for the row `key` of a table; says so when there is no such try (any more)."""
    if key == tries.ENSEMBLE:
        return "The ensemble", _ensemble(snapshot)
    found = next((each for each in snapshot.tries if str(each.iteration) == key), None)
    if found is None:
        return f"Iteration {clean(key, 12)}", (line("The run began this iteration anew after it was resumed.", "warn"),)
    return f"Iteration {found.iteration}", _try(snapshot, found)


def _try(snapshot: RunSnapshot, each: Try) -> tuple[Line, ...]:
    lines: list[Line] = []
    name = recipe_words.title(each.recipe) if each.recipe else "no recipe yet"
    lines.append((span(name, "strong"),))
    lines.append((Span("stands     ", "dim"), tries.said(each, snapshot)))
    if each.change:
        lines.append((Span("tried      ", "dim"), span(each.change, limit=600)))
    if each.agent:
        lines.append((Span("agent      ", "dim"), span(each.agent)))
    lines.extend(_score(snapshot, each))
    if each.message:
        lines.append(())
        lines.append(line("What was said", "mark"))
        lines.extend(line(part, "warn") for part in clean_block(each.message, 8_000).splitlines())
    if each.recipe is not None:
        lines.append(())
        lines.append(line("Recipe", "mark"))
        lines.extend(recipe_words.in_full(each.recipe))
    lines.extend(_difference(snapshot, each))
    lines.extend(_folds(snapshot, each))
    return tuple(lines)


def _score(snapshot: RunSnapshot, each: Try) -> list[Line]:
    metric = snapshot.metric
    if each.mean is None or metric is None:
        return [(Span("score      ", "dim"), Span(f"{numbers.UNKNOWN} (not scored)", "dim"))]
    score = numbers.uncertain(each.mean, each.standard_error)
    lines: list[Line] = [(Span("score      ", "dim"), Span(score, "strong"), Span(f"   {direction(metric)}", "dim"))]
    if each.delta is not None:
        words = comparison.gain_words(each.delta)
        lines.append(
            (
                Span("           ", "dim"),
                Span(words, comparison.gain_tone(each.delta)),
                Span(
                    " than the champion of its time" if abs(each.delta) >= 5e-6 else " as the champion of its time",
                    "dim",
                ),
            )
        )
    lines.append((Span("time       ", "dim"), Span(numbers.duration(each.seconds))))
    return lines


def _difference(snapshot: RunSnapshot, each: Try) -> list[Line]:
    best, metric = snapshot.champion_try, snapshot.metric
    if best is None or best.recipe is None or each.recipe is None:
        return []
    lines: list[Line] = [(), line("Against the champion", "mark")]
    if best.iteration == each.iteration:
        return [*lines, line("It is the champion.", "good")]
    said = recipe_words.difference(each.recipe, best.recipe)
    lines.extend(line(f"· {words}") for words in said[:40])
    if len(said) > 40:
        lines.append(line(f"+{len(said) - 40} more", "dim"))
    if not said:
        lines.append(line("The recipes are the same.", "dim"))
    pair = comparison.paired(each.folds, best.folds, metric) if metric else None
    if pair is not None:
        way = "better" if pair.gain > 0 else "worse"
        words = f"{numbers.uncertain(abs(pair.gain), pair.error)} {way} on {plural(pair.folds, 'shared fold')}"
        lines.append(
            (
                Span(words, "plain" if pair.noise else comparison.gain_tone(pair.gain)),
                Span(", within one standard error" if pair.noise else "", "dim"),
            )
        )
    return lines


def _folds(snapshot: RunSnapshot, each: Try) -> list[Line]:
    if not each.folds:
        return []
    done = f"{len(each.folds)} of {snapshot.folds}" if snapshot.folds else str(len(each.folds))
    lines: list[Line] = [
        (),
        line(f"Folds  {done}", "mark"),
        line(f"{'fold':>4}  {'score':>12}  {'fit':>10}  {'predict':>10}", "dim"),
    ]
    for fold in each.folds[:_MOST_FOLDS]:
        fit, predict = numbers.duration(fold.fit_seconds), numbers.duration(fold.predict_seconds)
        lines.append(line(f"{fold.fold + 1:>4}  {numbers.number(fold.score):>12}  {fit:>10}  {predict:>10}"))
    if len(each.folds) > _MOST_FOLDS:
        lines.append(line(f"+{len(each.folds) - _MOST_FOLDS} more", "dim"))
    return lines


def _ensemble(snapshot: RunSnapshot) -> tuple[Line, ...]:
    together = snapshot.ensemble
    if together is None:
        return (line("No ensemble was built.", "dim"),)
    names = {each.recipe.id: recipe_words.title(each.recipe) for each in snapshot.tries if each.recipe is not None}
    lines: list[Line] = [
        (Span("score      ", "dim"), Span(numbers.uncertain(together.score, together.standard_error), "strong")),
        line("on out-of-fold predictions", "dim"),
        (),
        line("Members", "mark"),
    ]
    members = sorted(zip(together.weights, together.recipes, strict=False), reverse=True)
    lines.extend(
        (Span(f"{numbers.share(weight):>7}  ", "accent"), span(names.get(recipe, f"recipe {recipe}")))
        for weight, recipe in members
    )
    return tuple(lines)
