"""`understand`: a question in people's words becomes plans, a question back, or a request to another part.

The grammar is a table of phrases (`lexicon.py`), the names of the table's columns and values (`names.py`), and one rule
for each operation here. A word that none of them knows makes it ask back, because it could change the meaning.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from tabsmith.statistics.plan import Frequency, Plan, Regress, Relate
from tabsmith.statistics.words.examples import example_questions
from tabsmith.statistics.words.names import TableNames
from tabsmith.statistics.words.pieces import QuestionPiece, pieces_of
from tabsmith.statistics.words.plan_sentences import plans_sentence
from tabsmith.statistics.words.reading import AskBack, Elsewhere, Reading, Understood
from tabsmith.statistics.words.relations import compare, regress, relate
from tabsmith.statistics.words.request import Request, may_group, read_request
from tabsmith.statistics.words.summaries import describe, first_and_last, frequency, missing_and_more, trend
from tabsmith.statistics.words.tokens import name_words, singular, stem, tokens_of
from tabsmith.statistics.words.unsure import Unsure
from tabsmith.tables.profile.types import TableProfile
from tabsmith.text import clean, similar

MOST_CHOICES: Final = 6
_RULES: Final[tuple[Callable[[Request], tuple[Plan, ...]], ...]] = (
    first_and_last, missing_and_more, regress, relate, trend, compare, frequency, describe,
)  # fmt: skip
"""The rules in their order: the first that knows what is asked decides."""


def understand(
    question: str, profile: TableProfile, *, values: Mapping[str, Sequence[str]] | None = None, table_name: str = ""
) -> Reading:
    """What `question` asks of a table with this profile.

    `values` are values of columns beside the frequent ones of the profile; `table_name` is a word for the table's rows
    that means nothing more ("how many houses" of houses.csv).
    """
    names = TableNames(profile, values)
    tokens = tokens_of(question)
    row_words = {stem(word) for word in name_words(table_name)}
    pieces = tuple(
        piece for piece in pieces_of(tokens, names) if not (piece.kind == "unknown" and stem(singular(piece.text.lower())) in row_words)
    )  # fmt: skip
    if not pieces:
        return _ask_again(names, "Nothing was asked." if not tokens else "That is no question about this table.")
    return _read(pieces, names)


def _read(pieces: tuple[QuestionPiece, ...], names: TableNames) -> Reading:
    doubtful = next((at for at, piece in enumerate(pieces) if piece.kind == "column" and len(piece.columns) > 1), None)
    if doubtful is not None:
        return _ask_which_column(pieces, doubtful, names)
    request = read_request(pieces, names)
    try:
        reading = _decide(request)
    except Unsure as unsure:
        if request.unread:
            return _ask_again(names, f"{_unread_sentence(request)} {unsure.text}", unsure.choices)
        return _ask_again(names, unsure.text, unsure.choices)
    if isinstance(reading, Elsewhere):
        return reading if not request.unread else AskBack(_unread_sentence(request), (reading,), _examples(names))
    plans = reading
    if request.unread:
        return _ask_again(names, _unread_sentence(request), (plans,))
    return Understood(plans, plans_sentence(plans), tuple(dict.fromkeys(request.remarks)))


def _unread_sentence(request: Request) -> str:
    words = ", ".join(f"“{clean(word, 40)}”" for word in dict.fromkeys(request.unread))
    columns = [column.name for column in request.names.profile.columns]
    near = [name for word in request.unread for name in similar(word, columns, count=2, cutoff=0.5)]
    hint = f" The nearest columns are {request.names.shown(list(dict.fromkeys(near))[:3])}." if near else ""
    return f"{words} is neither a column or value of this table nor a word that is understood here.{hint}"


def _ask_again(names: TableNames, text: str, choices: Sequence[Sequence[Plan] | Elsewhere] = ()) -> AskBack:
    readings = tuple(
        choice if isinstance(choice, Elsewhere) else Understood(tuple(choice), plans_sentence(choice))
        for choice in choices
    )
    return AskBack(text, tuple(dict.fromkeys(readings))[:MOST_CHOICES], _examples(names))


def _examples(names: TableNames) -> tuple[str, ...]:
    return example_questions(names.profile)


def _ask_which_column(pieces: tuple[QuestionPiece, ...], at: int, names: TableNames) -> AskBack:
    """Ask which of several columns a name means; each choice is the question with that column."""
    piece = pieces[at]
    choices: list[Understood | Elsewhere] = []
    for column in piece.columns[:MOST_CHOICES]:
        same = tuple(
            replace(other, columns=(column,)) if other.kind == "column" and other.columns == piece.columns else other
            for other in pieces
        )
        reading = _read(same, names)
        choices += reading.choices if isinstance(reading, AskBack) else [reading]
    text = f"“{clean(piece.text, 40)}” may be {_either(names, piece.columns[:MOST_CHOICES])}. Which one is meant?"
    return AskBack(text, tuple(dict.fromkeys(choices))[:MOST_CHOICES], _examples(names))


def _either(names: TableNames, columns: Sequence[str]) -> str:
    return f"{names.shown(columns[:-1])} or {names.shown(columns[-1:])}"


# What is asked for ---------------------------------------------------------------------------------------------------


def _decide(request: Request) -> tuple[Plan, ...] | Elsewhere:
    elsewhere = _elsewhere(request)
    if elsewhere is not None:
        return elsewhere
    if request.has("unsupported"):
        raise Unsure(
            "That cannot be done here: a table is described, related, compared, regressed, counted, searched for missing"
            " values and outliers, and followed over time."
        )
    if request.unknown_value:
        column, text = request.unknown_value
        known = [value.text for value in request.names.column(column).top]
        near = similar(text, known, count=1, cutoff=0.5) or tuple(known[:4])
        raise Unsure(
            f"{clean(column, 40)} has no value “{clean(text, 40)}”. It has {', '.join(clean(v, 30) for v in near)}."
        )
    if request.open_filter:
        values = ", ".join(clean(value.text, 30) for value in request.names.column(request.open_filter).top[:4])
        raise Unsure(f"Which value of {clean(request.open_filter, 40)}? For example {values}.")
    if request.has("which rows"):
        raise Unsure(
            "Single rows are not listed here: their number, or what goes with a column, can be told.",
            *_of_rows(request),
        )
    for rule in _RULES:
        plans = rule(request)
        if plans:
            if request.bounds:
                raise Unsure(
                    f"Rows are chosen by a value, not by a bound such as “{clean(request.bounds[0], 40)}”. Of all rows it would be:",
                    plans,
                )
            return plans
    if request.bounds:
        raise Unsure(f"Rows are chosen by a value, not by a bound such as “{clean(request.bounds[0], 40)}”.")
    raise Unsure("What should be done with this table? " + _request_examples(request))


def _of_rows(request: Request) -> list[tuple[Plan, ...]]:
    columns = request.named()
    if not columns:
        return []
    counts: list[tuple[Plan, ...]] = (
        [(Frequency(columns=tuple(columns[:1])),)] if may_group(request.names, columns[0]) else []
    )
    return [*counts, (Relate(target=columns[0]),)]


def _request_examples(request: Request) -> str:
    examples = _examples(request.names)
    return "For example: " + "; ".join(examples[:3]) + "." if examples else "It has no columns with values."


def _elsewhere(request: Request) -> Elsewhere | None:
    columns = request.named()
    if request.has("train"):
        target, predictors = _target(request)
        about = f" that predicts {clean(target, 60)}" if target else ""
        using = f" from {request.names.shown(predictors)}" if predictors else ""
        return Elsewhere("train", f"Train a model{about}{using}.", target, tuple(predictors))
    if request.has("predict") and not request.has("operation:influence", "operation:relate", "drivers"):
        if request.has("these rows", "model") and not columns:
            return Elsewhere("predict", "Predict rows with a model that was trained before.")
        return _predict(request)
    if request.has("model") and not columns and not request.values and not request.has("operation:regress", "family:"):
        return Elsewhere("models", "List the models that were trained.")
    if request.has("rows") or (
        not columns and request.has("top", "first", "last", "list") and not request.has("operation:", "aggregate:", "distinct", "column")
        and not request.values and not request.has("most", "strongest")
    ):  # fmt: skip
        return Elsewhere("rows", "Show rows of the table.")
    return None


def _target(request: Request) -> tuple[str, list[str]]:
    predictors = request.named("on", "with", "by")
    others = [name for name in request.named() if name not in predictors]
    target = next((column.name for column in request.columns if column.part == "for"), others[0] if others else "")
    return target, [name for name in dict.fromkeys([*others, *predictors]) if name != target]


def _predict(request: Request) -> Elsewhere:
    target, predictors = _target(request)
    if not target:
        raise Unsure("Predict what?", Elsewhere("predict", "Predict rows with a model that was trained before."))
    about = clean(target, 60)
    train = Elsewhere(
        "train",
        f"Train a model that predicts {about}{f' from {request.names.shown(predictors)}' if predictors else ''}.",
        target,
        tuple(predictors),
    )
    regress = [(Regress(outcome=target, predictors=tuple(predictors)),)] if predictors else []
    raise Unsure(
        f"Should a model be trained that predicts {about}, or its relation be described?",
        train,
        *regress,
        (Relate(target=target, columns=tuple(predictors)),) if len(predictors) != 1 else (Relate(columns=(target, *predictors)),),
        Elsewhere("predict", "Predict rows with a model that was trained before."),
    )  # fmt: skip
