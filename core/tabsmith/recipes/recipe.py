"""The recipe: a model as data, with its columns, feature steps, target transformation, family and hyperparameters."""

import hashlib
from typing import TYPE_CHECKING, Annotated, Final, Literal, TypeAlias

import msgspec

from tabsmith.families.feature_steps import FeatureStep, MonotoneDirection, TargetTransformation
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
    features: Annotated[tuple[FeatureStep, ...], msgspec.Meta(max_length=20)] = ()
    target: TargetTransformation = "none"
    monotone: dict[str, MonotoneDirection] = {}  # what the prediction does as a column grows, all else the same

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits of the content's SHA-256: the same for equal recipes, whatever their name.

        Fields that recipes did not always have count only where they are set, so a recipe keeps its id as fields come.
        """
        content = msgspec.to_builtins(msgspec.structs.replace(self, name=""), order="deterministic")
        for name, default in _LATER_FIELDS.items():
            if getattr(self, name) == default:
                del content[name]
        return hashlib.sha256(msgspec.json.encode(content)).hexdigest()[:12]


_LATER_FIELDS: Final = {"features": (), "target": "none", "monotone": {}}


class Problem(msgspec.Struct, frozen=True):
    """One problem of a recipe: its place in the recipe, and a sentence that an agent can act on."""

    where: str
    what: str


class Verdict(msgspec.Struct, frozen=True):
    """Whether a recipe may be fitted. `complete` is false when it leaves out what a recipe needs."""

    valid: bool
    complete: bool
    problems: tuple[Problem, ...] = ()
