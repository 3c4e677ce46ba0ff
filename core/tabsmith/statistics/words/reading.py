"""What the grammar made of a question: plans to run, a question back, or a request that another part carries out."""

from typing import Literal, TypeAlias

import msgspec

from tabsmith.statistics.plan import Plan


class Understood(msgspec.Struct, frozen=True, tag="understood", tag_field="reading"):
    """The question is a request for these plans, nearly always one; `sentence` says them in words before they run."""

    plans: tuple[Plan, ...]
    sentence: str
    remarks: tuple[str, ...] = ()  # how names were read: typing errors, parts of names, words for values


RequestKind: TypeAlias = Literal["train", "predict", "models", "rows"]
"""Work of other parts: train a model, predict rows with one, list the models, show the table's rows."""


class Elsewhere(msgspec.Struct, frozen=True, tag="elsewhere", tag_field="reading"):
    """The person asks for something that is no statistic."""

    kind: RequestKind
    sentence: str
    target: str = ""  # the column to predict, if it was named
    predictors: tuple[str, ...] = ()


class AskBack(msgspec.Struct, frozen=True, tag="ask back", tag_field="reading"):
    """The question can be understood in several ways or in none: `text` asks, `choices` can be taken as they are."""

    text: str
    choices: tuple[Understood | Elsewhere, ...] = ()
    examples: tuple[str, ...] = ()  # questions about this table's own columns


Reading: TypeAlias = Understood | AskBack | Elsewhere
