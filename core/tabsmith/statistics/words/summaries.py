"""The rules for descriptions, counts, missing values, outliers and what happens over time."""

from collections.abc import Sequence

from msgspec.structs import replace

from tabsmith.statistics.plan import Aggregate, Describe, Frequency, MissingValues, Outliers, Plan, Relate, Rows, Trend
from tabsmith.statistics.selected_rows import is_number, is_time
from tabsmith.statistics.words.names import is_group
from tabsmith.statistics.words.request import NamedValue, Request, may_group
from tabsmith.statistics.words.unsure import MANY_GROUPS, Unsure, pair_choices, refuse_groups, with_rows
from tabsmith.text import clean, plural


def missing_and_more(request: Request) -> tuple[Plan, ...]:
    """Missing values and outliers, perhaps together with a description of the same columns."""
    plans: list[Plan] = []
    wants_missing = request.has("operation:missing") and not request.has("missing rule:")
    wants_outliers = request.has("operation:outliers", "outlier method:")
    if not wants_missing and not wants_outliers:
        return ()
    columns = tuple(request.named())
    related = (
        request.has("operation:relate", "operation:compare", "operation:influence", "operation:trend")
        or request.periods
    )
    if wants_outliers:
        numbers = tuple(request.numbers_of(columns))
        if columns and not numbers:
            raise Unsure(
                f"Outliers are looked for in numbers; {request.names.shown(columns)} holds none.",
                (Frequency(columns=columns[:1]),),
            )
        if len(numbers) < len(columns) and not request.has("role:by"):
            raise Unsure("Outliers are looked for in numbers alone.", (Outliers(columns=numbers),))
        method = next(iter(request.of("outlier method:")), "iqr")
        plans.append(Outliers(columns=numbers, method=method))  # type: ignore[arg-type] # a name of the lexicon
    if wants_missing:
        plans.append(MissingValues(columns=columns))
    if related:
        raise Unsure("Missing values and outliers are listed by themselves. It would be:", plans)
    refuse_groups(request, "This", plans)
    if request.has("aggregate:", "operation:describe", "distribution"):
        unlike = request.of("aggregate:") in (["minimum"], ["maximum"]) and not request.has("operation:describe")
        if not unlike:
            plans = [*_describe_columns(request), *plans]
    return with_rows(request, plans)


def trend(request: Request) -> tuple[Plan, ...]:
    """What moves along the dates of the table."""
    names = request.names
    dates = [name for name in request.named() if is_time(names.column(name))]
    by_date = [name for name in request.named("by") if is_time(names.column(name))]
    against_date = dates and request.has("versus", "picture", "direction", "operation:relate")
    wanted = request.has("operation:trend", "period") or request.periods or by_date or against_date
    if not wanted:
        return ()
    others = [name for name in request.named() if name not in dates]
    groups = [name for name in request.named("by") if name in others]
    values = [name for name in others if name not in groups]
    time = dates[0] if dates else ""
    if not time:
        known = [column.name for column in names.profile.columns if is_time(column)]
        if not known:
            years = [
                name
                for name in ("year", "month", "week", "day")
                for column in names.profile.columns
                if column.name.lower() == name
            ]
            hint = f" {names.shown(years)} can part the rows: say “by {years[0]}”." if years else ""
            raise Unsure(f"This table has no column of dates, so nothing can be followed over time.{hint}")
        if len(known) > 1:
            raise Unsure(
                f"Along which dates: {names.shown(known)}?",
                *(tuple(Trend(time=name, value=value) for value in values or [""]) for name in known),
            )
        time = known[0]
    texts = [name for name in values if not is_number(names.column(name))]
    if (texts and len(values) > len(texts)) or len(groups) > 1:
        raise Unsure("A trend has one column of numbers, and at most one that parts the rows.")
    by = groups[0] if groups else ""
    if texts:
        if request.has("aggregate:") or by:
            raise Unsure(
                f"{names.shown(texts)} holds no numbers; its number of rows can be followed:",
                (Trend(time=time, by=texts[0]),),
            )
        by, values = texts[0], []
    plans = tuple(Trend(time=time, value=value, by=by) for value in values or [""])
    unlike = [name for name in request.of("aggregate:") if name not in {"mean", "typical"}]
    if unlike and values:
        raise Unsure("Over time, means are followed. It would be:", plans)
    if request.has("operation:compare", "compare method:") and request.values:
        raise Unsure("Over time, groups are not tested against each other. It would be:", plans)
    return with_rows(request, plans)


def first_and_last(request: Request) -> tuple[Plan, ...]:
    """The first or last of the moments in a column of dates."""
    dates = [name for name in request.named() if is_time(request.names.column(name))]
    if not dates or not request.has("first", "last") or request.has("operation:trend"):
        return ()
    ends: tuple[Aggregate, ...] = ("minimum",) if request.has("first") else ()
    ends += ("maximum",) if request.has("last") else ()
    return with_rows(request, (Describe(columns=tuple(dates), by=tuple(request.named("by")), aggregates=ends),))


def frequency(request: Request) -> tuple[Plan, ...]:
    """Counts of values, of rows, shares and what is most common."""
    if request.has("row count"):
        columns = tuple(request.named())
        return with_rows(request, (Frequency(columns=columns),) if columns else (Describe(aggregates=("count",)),))
    if request.has("column count"):
        return (Describe(),)
    columns = tuple(dict.fromkeys([*request.named("by"), *request.named()]))
    common = request.has("most", "least", "top", "first") and not request.has("aggregate:")
    asked = request.has("operation:frequency", "distinct", "share") or common
    if not asked or (request.has("aggregate:") and set(request.numbers_of(columns)) - set(request.named("by"))):
        return ()
    _ask_about_numbers_and_dates(request, columns, common=common)
    values = list(request.values)
    if request.has("share") and not request.has("operation:frequency"):
        values, columns = _share_of(request, columns)
    if not columns:
        return _count_values(request, values)
    most = next((int(text) for text in request.numbers if text.isdigit() and int(text)), 0)
    plan = Frequency(columns=columns, most=most) if most else Frequency(columns=columns)
    return with_rows(request, (plan,), values)


def _ask_about_numbers_and_dates(request: Request, columns: Sequence[str], *, common: bool) -> None:
    """Raise Unsure where counting the values of these columns is hardly what is meant."""
    names = request.names
    many = tuple(name for name in request.numbers_of(columns) if names.column(name).distinct > MANY_GROUPS)
    by = tuple(name for name in columns if name not in many)
    summed, described = (Describe(columns=many, by=by, aggregates=("sum",)),), (Describe(columns=many, by=by),)
    if many and request.has("share"):
        raise Unsure(f"{names.shown(many)} holds numbers. It can be summed, or described:", summed, described)
    if many and common and by:
        means = (Describe(columns=many, by=by, aggregates=("mean",)),)
        raise Unsure(f"By what should the {names.shown(by)} be ordered? It would be:", means, (Frequency(columns=by),))
    if many:
        values = plural(names.column(many[0]).distinct, "different value")
        raise Unsure(
            f"{names.shown(many)} has {values}: should they be counted, summed or described?",
            (Frequency(columns=tuple(columns)),), summed, described,
        )  # fmt: skip
    dates = [name for name in request.named("subject") if is_time(names.column(name))]
    groups = tuple(request.named("by"))
    if dates and groups and request.has("operation:frequency"):
        raise Unsure(
            f"What should be counted: rows for each {names.shown(groups)}, or rows along {names.shown(dates)}?",
            (Frequency(columns=groups),), (Trend(time=dates[0], by=groups[0]),),
        )  # fmt: skip


def _count_values(request: Request, values: Sequence[NamedValue]) -> tuple[Plan, ...]:
    """Counts of rows by values alone ("how many in Bern?"), or of all rows."""
    if not values:
        if request.has("operation:frequency") and not request.unread:
            return (Describe(aggregates=("count",)),)
        offered = request.names.profile.columns[:4]
        raise Unsure("Of which column?", *((Frequency(columns=(column.name,)),) for column in offered))
    held = {value.candidates[0][0] for value in values if len(value.candidates) == 1}
    if len(held) == 1:
        return with_rows(request, (Frequency(columns=tuple(held)),), values)
    if len(held) == 2:
        return (Frequency(columns=tuple(sorted(held))),)
    value = next((value for value in values if len(value.candidates) > 1), values[0])
    raise Unsure(
        f"Several columns hold “{clean(value.text, 40)}”. Which one is meant?",
        *((Frequency(columns=(column,), rows=Rows(column, (text,))),) for column, text in value.candidates),
    )


def _share_of(request: Request, columns: tuple[str, ...]) -> tuple[list[NamedValue], tuple[str, ...]]:
    """A share of a value is read from the counts of its whole column: "what share is female" counts the column sex.

    With another column ("what share of women survived") the value chooses the rows whose shares are counted.
    """
    values: list[NamedValue] = []
    for value in request.values:
        held = [pair for pair in value.candidates if pair[0] in columns] or list(value.candidates)
        if len(held) == 1 and not value.negated:
            column = held[0][0]
            if not columns or column in columns or value.of_column or set(columns) <= set(request.named("by")):
                columns = columns if column in columns else (*columns, column)
                continue
        values.append(value)
    return values, columns


def describe(request: Request) -> tuple[Plan, ...]:
    """Descriptions of columns, and what is left: columns alone, and pictures of them."""
    return with_rows(request, _describe_columns(request))


def _describe_columns(request: Request) -> tuple[Plan, ...]:
    names = request.names
    by, subjects, aggregates = _parts_of_description(request)
    wide = [name for name in request.numbers_of(by) if names.column(name).distinct > MANY_GROUPS]
    if wide and subjects:
        values = plural(names.column(wide[0]).distinct, "different value")
        raise Unsure(
            f"{names.shown(wide)} has {values}, too many for groups.", (Relate(columns=(subjects[0], wide[0])),)
        )
    rule = next(iter(request.of("missing rule:")), "leave out")
    plan = Describe(columns=tuple(subjects), by=by, aggregates=aggregates, missing=rule)  # type: ignore[arg-type] # a name of the lexicon
    described = request.has("operation:describe", "distribution", "picture", "columns", "missing rule:")
    if not subjects:
        return _describe_unnamed(request, plan, described=described)
    _ask_about_texts(request, plan)
    if aggregates or (described and (request.has("operation:describe", "missing rule:"))):
        return (plan,)
    if not described and len(subjects) > 1 and not by:
        raise Unsure(f"What should be done with {names.shown(subjects)}?", *pair_choices(request, subjects))
    if request.has("picture") and len(subjects) == 2 and not by:
        return (Relate(columns=tuple(subjects)),)
    if not all(name in names.texts for name in subjects):
        return (plan,)
    if by:
        return (Frequency(columns=(*by, *subjects)),)
    return tuple(Frequency(columns=(name,)) for name in subjects)


def _parts_of_description(request: Request) -> tuple[tuple[str, ...], list[str], tuple[Aggregate, ...]]:
    """The columns that part the rows, those that are described, and what is told of them."""
    aggregates = _aggregates(request)
    by = tuple(request.named("by"))
    subjects = [name for name in request.named() if name not in by]
    if by or not subjects:
        return by, subjects, aggregates
    if aggregates and (chosen := _which(request, subjects)):
        means = tuple(name for name in aggregates if name not in {"minimum", "maximum"})
        wanted: tuple[Aggregate, ...] = means or ("mean", *aggregates)
        return (chosen,), [name for name in subjects if name != chosen], wanted
    by, subjects = _grouped_by_place(request, subjects)
    return by, subjects, aggregates


def _describe_unnamed(request: Request, plan: Describe, *, described: bool) -> tuple[Plan, ...]:
    """A description in which no column is named but those that part the rows."""
    everything = request.has("columns", "operation:describe")
    if plan.by and not described and not plan.aggregates:
        return (Frequency(columns=plan.by),)
    if everything or (described and not plan.by and request.has("missing rule:")):
        return (plan,)
    if plan.by or plan.aggregates:
        raise Unsure(
            "Of which column?", *((replace(plan, columns=(name,)),) for name in request.numbers_to_offer(*plan.by))
        )
    if described:
        offered = request.names.profile.columns[:4]
        raise Unsure("Of which column?", *((Describe(columns=(column.name,)),) for column in offered))
    return (_values_alone(request),) if request.values else ()


def _ask_about_texts(request: Request, plan: Describe) -> None:
    """Raise Unsure where numbers are to be computed of columns that hold none."""
    texts = [name for name in plan.columns if name not in request.numbers_of(plan.columns)]
    if not texts or set(plan.aggregates) <= {"mode", "minimum", "maximum"}:
        return
    if len(texts) == len(plan.columns):
        counted = (Frequency(columns=(*plan.by, *texts)),)
        raise Unsure(f"{request.names.shown(texts)} holds no numbers to compute with.", counted)
    raise Unsure(
        f"{request.names.shown(texts)} holds no numbers. Should it part the rows?",
        (Describe(columns=tuple(request.numbers_of(plan.columns)), by=tuple(texts), aggregates=plan.aggregates),),
    )


def _aggregates(request: Request) -> tuple[Aggregate, ...]:
    wanted: list[str] = []
    for name in request.of("aggregate:"):
        wanted += {"range": ["minimum", "maximum"], "typical": ["mean", "median"]}.get(name, [name])
    if request.has("operation:describe"):
        return ()
    return tuple(dict.fromkeys(wanted))  # type: ignore[arg-type] # names of the lexicon


def _which(request: Request, subjects: Sequence[str]) -> str:
    """The column that parts the rows in "which city has the highest average price"; "" in other questions."""
    if (
        len(subjects) < 2
        or not is_group(request.names.column(subjects[0]))
        or is_number(request.names.column(subjects[0]))
    ):
        return ""
    asks = request.has("filler", "top") and request.has(
        "aggregate:maximum", "aggregate:minimum", "aggregate:mean", "most"
    )
    return subjects[0] if asks and all(is_number(request.names.column(name)) for name in subjects[1:]) else ""


def _grouped_by_place(request: Request, subjects: list[str]) -> tuple[tuple[str, ...], list[str]]:
    """The columns that part the rows though only "for", "in" or "of" says so ("average price for city"), and the others."""
    numbers = [
        column.name
        for column in request.columns
        if column.part == "subject" and is_number(request.names.column(column.name))
    ]
    placed = [
        column.name for column in request.columns
        if column.part in {"for", "in", "with", "on"} and may_group(request.names, column.name) and not is_number(request.names.column(column.name))
    ]  # fmt: skip
    chosen = {column for value in request.values for column, _ in value.candidates}
    if numbers and placed and set(placed) <= chosen:  # "mean price for the north region": the value says it all
        return (), [name for name in subjects if name not in placed]
    if numbers and placed:
        return tuple(dict.fromkeys(placed)), [name for name in subjects if name not in placed]
    return (), subjects


def _values_alone(request: Request) -> Plan:
    value = request.values[0]
    if len(value.candidates) > 1 or len(request.values) > 1:
        raise Unsure(
            f"What of {clean(value.text, 40)}?",
            *((Frequency(columns=(column,), rows=Rows(column, (text,))),) for column, text in value.candidates),
        )
    return Frequency(columns=(value.candidates[0][0],))
