"""The recipe: a model as data, with derived columns, dropped columns, encoders, family and hyperparameters."""

import hashlib
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from tabsmith.families.registry import family_names
from tabsmith.families.spec import ParameterValue

if TYPE_CHECKING:
    Family: TypeAlias = str
else:  # decoders refuse a family that is not registered
    Family = Literal[family_names()]

Encoder: TypeAlias = Literal["auto", "one_hot", "ordinal", "target", "frequency", "native", "tfidf", "drop"]
"""How a column reaches the estimator; `auto` is the family's own default for the column's kind."""


class DerivedColumn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new column: a SQL scalar expression over the row's own columns, in DuckDB's dialect."""

    name: str
    sql: str


class Recipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A model that can be stored, compared and read. `name` is for people and not part of its identity."""

    family: Family
    name: str = ""
    derived: tuple[DerivedColumn, ...] = ()
    dropped: tuple[str, ...] = ()
    encoders: dict[str, Encoder] = {}
    parameters: dict[str, ParameterValue] = {}

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits of the content's SHA-256: the same for equal recipes, whatever their name."""
        content = msgspec.json.encode(msgspec.structs.replace(self, name=""), order="deterministic")
        return hashlib.sha256(content).hexdigest()[:12]


class Problem(msgspec.Struct, frozen=True):
    """One problem of a recipe: its place in the recipe, and a sentence that an agent can act on."""

    where: str
    what: str


class Verdict(msgspec.Struct, frozen=True):
    """Whether a recipe may be fitted. `complete` is false when it leaves out what a recipe needs."""

    valid: bool
    complete: bool
    problems: tuple[Problem, ...] = ()
