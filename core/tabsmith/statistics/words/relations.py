"""The rules for questions about several columns together: regressions, relations and comparisons of groups."""

from collections.abc import Sequence
from typing import NoReturn

from msgspec.structs import replace

from tabsmith.statistics.plan import Compare, Plan, Regress, Relate
from tabsmith.statistics.words.names import is_group
from tabsmith.statistics.words.request import NamedValue, Request, may_group
from tabsmith.statistics.words.unsure import MANY_GROUPS, Unsure, pair_choices, with_rows
from tabsmith.text import clean


def regress(request: Request) -> tuple[Plan, ...]:
    """Regressions of an outcome on others."""
    families = [family for family in request.of("family:") if family != "formula"]
    if not families and not request.has("operation:regress", "family:formula"):
        return ()
    family = families[0] if families else "auto"
    behind = (
        request.named("on", "function", "controls", "with", "by", "for")
        if request.has("operation:regress")
        else request.named("on", "by", "with", "controls", "for")
    )
    subjects = [name for name in request.named("subject", "between", "in", "to") if name not in behind]
    if request.has("operation:influence") and request.has("role:on"):  # "the effect of X on Y, controlling for Z"
        outcome, causes = request.named("on"), [*subjects, *request.named("controls", "with", "by")]
    elif request.has("operation:influence") and len(subjects) > 1:  # "does X affect Y, controlling for Z"
        at = request.place("operation:influence")
        outcome = [column.name for column in request.columns if column.at > at and column.name in subjects]
        causes = [name for name in [*subjects, *behind] if name not in outcome]
    elif (
        request.has("operation:relate")
        and request.has("role:controls")
        and len(subjects) + len(request.named("on", "to", "with")) == 2
    ):
        pair = [*subjects, *request.named("on", "to", "with")]
        outcome, causes = pair[:1], [*pair[1:], *request.named("controls")]
    elif len(subjects) > 1 and not behind:
        raise Unsure(
            "Which column is the outcome, and which ones explain it?",
            *(_regression(name, [other for other in subjects if other != name], family) for name in subjects[:4]),
        )
    elif not subjects and behind:
        outcome, causes = behind[:1], behind[1:]
    else:
        outcome, causes = subjects[:1], [*subjects[1:], *behind]
    if not outcome:
        raise Unsure("Which column should be explained, and by which ones? Say: regress A on B and C.")
    if not causes:
        raise Unsure(
            f"By which columns should {clean(outcome[0], 40)} be explained?",
            *(_regression(outcome[0], [other], family) for other in request.numbers_to_offer(outcome[0])),
        )
    return with_rows(request, _regression(outcome[0], causes, family))


def _regression(outcome: str, predictors: Sequence[str], family: str) -> tuple[Plan, ...]:
    return (Regress(outcome=outcome, predictors=tuple(dict.fromkeys(predictors)), family=family),)  # type: ignore[arg-type] # a name of the lexicon


def relate(request: Request) -> tuple[Plan, ...]:
    """How columns go together: two, all pairs, or one against the others."""
    asked = request.has("operation:relate", "operation:influence", "relate method:", "matrix", "drivers")
    if not asked:
        return ()
    if request.has("operation:compare", "compare method:") and request.has("operation:relate"):
        raise Unsure(
            "Should the columns be related, or groups of rows be compared?",
            *pair_choices(request, request.named()),
        )
    method = next(iter(request.of("relate method:")), "auto")
    columns = request.named()
    explained = [column.name for column in request.columns if column.at > request.place("operation:influence")]
    if (
        request.has("operation:influence")
        and request.named("by", "with", "on")
        and explained[:1] == columns[:1]
        and len(columns) > 1
    ):
        return with_rows(request, _regression(columns[0], columns[1:], "auto"))  # "explain price by area and rooms"
    groups = request.named("by") if not request.has("operation:influence") else []
    if groups and (not request.has("matrix") or set(groups) < set(columns)) and len(columns) - len(groups) >= 2:
        rest = tuple(name for name in columns if name not in groups)
        raise Unsure(
            f"Relations are not parted by {request.names.shown(groups)}. Of all rows it would be:",
            (Relate(columns=rest, method=method),),  # type: ignore[arg-type] # a name of the lexicon
        )
    values = [value for value in request.values if not value.of_column or value.part == "where"]
    if request.has("drivers") and len(columns) > 1 and not request.has("operation:"):
        target = request.named("for", "to", "on", "in") or columns[:1]
        others = tuple(name for name in columns if name != target[0])
        return with_rows(request, (Relate(target=target[0], columns=others, method=method),))  # type: ignore[arg-type]
    if not columns:
        if request.values:
            candidates = {column for value in request.values for column, _ in value.candidates}
            if len(candidates) == 1:
                return (Relate(target=candidates.pop(), method=method),)  # type: ignore[arg-type] # a name of the lexicon
        return with_rows(request, (Relate(method=method),))  # type: ignore[arg-type] # a name of the lexicon
    if len(columns) == 1:
        if request.has("matrix") and not request.has("operation:influence", "drivers"):
            raise Unsure("Of which columns?", (Relate(),), (Relate(target=columns[0]),))
        return with_rows(request, (Relate(target=columns[0], method=method),), values)  # type: ignore[arg-type] # a name of the lexicon
    if len(columns) == 2:
        return with_rows(request, (Relate(columns=tuple(columns), method=method),), values)  # type: ignore[arg-type] # as above
    return with_rows(request, (_several(request, columns, method),), values)


def _several(request: Request, columns: list[str], method: str) -> Relate:
    """Three columns and more: one against the others if the question sets it apart, else all pairs."""
    at = max(request.place("operation:relate"), request.place("operation:influence"))
    before = list(dict.fromkeys(column.name for column in request.columns if column.at < at))
    after = [name for name in columns if name not in before]
    target = ""
    if not request.has("matrix"):
        apart = request.named("to", "on", "with")
        if request.has("operation:influence") and len(after) == 1:
            target = after[0]
        elif len(before) == 1:
            target = before[0]
        elif len(apart) == 1:
            target = apart[0]
    if not target:
        return Relate(columns=tuple(columns), method=method)  # type: ignore[arg-type] # a name of the lexicon
    return Relate(target=target, columns=tuple(name for name in columns if name != target), method=method)  # type: ignore[arg-type]


def compare(request: Request) -> tuple[Plan, ...]:
    """Whether a column differs between groups, or between two measurements."""
    methods = request.of("compare method:")
    counted = request.has("operation:frequency", "distinct", "top")
    levels = _levels(request)
    asked = bool(methods) or (request.has("operation:compare") and not counted) or request.has("versus")
    moved = request.has("direction") and not request.has("operation:frequency", "share")
    if not asked and not (moved and (len(request.named()) > 1 or len(levels) > 1)):
        return ()
    method = methods[0] if methods else "auto"
    if not methods and "variance" in request.of("aggregate:"):
        method = "equal_variances"  # "are the variances of income equal across sex?"
    columns = request.named()
    if method == "normality":
        values = request.numbers_of(columns)
        if not values:
            raise Unsure("Which column of numbers should be tested for normality?")
        groups = request.named("by")
        return with_rows(
            request,
            tuple(Compare(value=name, by=groups[0] if groups else "", method="normality") for name in values if name not in groups),
        )  # fmt: skip
    if levels:
        return _compare_levels(request, levels, method)
    return _compare_columns(request, columns, method)


def _levels(request: Request) -> list[NamedValue]:
    """The values that are set against each other."""
    if len(request.values) < 2:
        return []
    columns = [{column for column, _ in value.candidates} for value in request.values]
    shared = set.intersection(*columns)
    if shared:
        return list(request.values)
    for value in request.values:  # one of them may choose the rows, the others share a column
        others = [other for other in request.values if other is not value]
        if len(others) > 1 and set.intersection(*({column for column, _ in other.candidates} for other in others)):
            return others
    return []


def _compare_levels(request: Request, levels: list[NamedValue], method: str) -> tuple[Plan, ...]:
    shared = [
        column for column, _ in levels[0].candidates
        if all(any(column == other for other, _ in value.candidates) for value in levels)
    ]  # fmt: skip
    named = [column for column in shared if column in request.named()]
    shared = named if len(named) == 1 else shared
    values = [name for name in request.named() if name not in shared]
    filters = [value for value in request.values if value not in levels]

    def plans(by: str) -> tuple[Plan, ...]:
        texts = tuple(next(text for column, text in value.candidates if column == by) for value in levels)
        return tuple(Compare(value=name, by=by, levels=tuple(dict.fromkeys(texts)), method=method) for name in values)  # type: ignore[arg-type] # a name of the lexicon

    if not values:
        raise Unsure(
            f"In what should {' and '.join(clean(value.text, 30) for value in levels)} be compared?",
            *((replace(plan, value=name),) for name in request.numbers_to_offer(shared[0])
              for plan in [Compare(value=name, by=shared[0], levels=tuple(text for value in levels for column, text in value.candidates if column == shared[0]))]),
        )  # fmt: skip
    if len(shared) > 1:
        raise Unsure(
            f"Several columns hold these values: {request.names.shown(shared)}. Which one is meant?",
            *(plans(by) for by in shared),
        )
    return with_rows(request, plans(shared[0]), filters)


def _compare_columns(request: Request, columns: list[str], method: str) -> tuple[Plan, ...]:
    asked = request.has("operation:compare", "compare method:")
    if not columns or (len(columns) == 1 and not request.named("by")):
        if not asked:
            return ()
        _ask_what_to_compare(request, columns)
    groups = [name for name in request.named("by") if name in columns]
    if not groups and len(columns) == 2 and len(request.numbers_of(columns)) == 2:
        return _compare_two_numbers(request, columns, method)
    if not groups:
        others = [name for name in columns if name in request.names.texts]
        if not (len(others) == 1 and len(columns) > 1) and not (len(columns) == 2 == len(others)):
            raise Unsure("Which column is compared, and which one holds the groups?", *pair_choices(request, columns))
        if len(others) == 2 and request.has("versus") and not asked:
            return with_rows(request, (Relate(columns=tuple(columns)),))
        groups = others[-1:]
    rest = [name for name in columns if name not in groups]
    if len(groups) > 1:
        raise Unsure(
            "Groups are taken from one column at a time.",
            *(tuple(Compare(value=name, by=by) for name in rest) for by in groups if rest),
        )
    by = groups[0]
    if not rest:
        raise Unsure(
            f"What should be compared between the groups of {clean(by, 40)}?",
            *((Compare(value=name, by=by),) for name in request.numbers_to_offer(by)),
        )
    if not may_group(request.names, by):
        return with_rows(request, tuple(Relate(columns=(name, by)) for name in rest))
    return with_rows(request, tuple(Compare(value=name, by=by, method=method) for name in rest))  # type: ignore[arg-type] # a name of the lexicon


def _ask_what_to_compare(request: Request, columns: Sequence[str]) -> NoReturn:
    if not columns:
        raise Unsure("What should be compared?")
    groups = [
        column.name for column in request.names.profile.columns
        if is_group(column) and 1 < column.distinct <= MANY_GROUPS and column.name not in columns
    ]  # fmt: skip
    raise Unsure(
        f"Between which groups should {clean(columns[0], 40)} be compared?",
        *((Compare(value=columns[0], by=name),) for name in groups[:4]),
    )


def _compare_two_numbers(request: Request, columns: list[str], method: str) -> tuple[Plan, ...]:
    first, second = columns
    paired: tuple[Plan, ...] = (Compare(value=first, paired_with=second, method=method),)  # type: ignore[arg-type] # a name of the lexicon
    if method in {"paired_t", "wilcoxon", "mcnemar"}:
        return with_rows(request, paired)
    relate: tuple[Plan, ...] = (Relate(columns=(first, second)),)
    if request.has("versus", "direction") and not request.has("operation:compare", "compare method:"):
        return with_rows(request, relate)
    few = [name for name in columns if may_group(request.names, name)]
    grouped = [(Compare(value=other, by=name, method=method),) for name in few for other in columns if other != name]  # type: ignore[arg-type]
    if len(few) == 1 and method != "auto":
        return with_rows(request, grouped[0])
    raise Unsure(
        f"Should {clean(first, 40)} and {clean(second, 40)} be compared row by row, or related?",
        paired, relate, *grouped,
    )  # fmt: skip
