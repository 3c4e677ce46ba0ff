"""A saved model's files, as data: what `models/<id>/` holds. Light: no numerical library."""

import re
from functools import cache
from typing import Final

import msgspec

from tabsmith.families.registry import families
from tabsmith.modeling.decisions.types import Decisions
from tabsmith.modeling.explanation.types import BackgroundCells
from tabsmith.recipes.recipe import Recipe
from tabsmith.storage import FileFingerprint
from tabsmith.tables.schema.types import ProblemType

FORMAT: Final = 3  # 3 has decisions, which an older tabsmith would leave out without a word
FORMAT_WITH_COLUMN_FORMATS: Final = 2
"""Models of this format and later know how the texts of each column are read (`ColumnSchema.format`)."""
MANIFEST: Final = "manifest.json"
REPORT: Final = "report.json"
SCHEMA: Final = "schema.json"
MODEL: Final = "model.json"
HOLDOUT: Final = "holdout.npz"  # of format 3 on, where there is a test set
SIMPLE: Final = "simple.json"
"""What it takes to save one recipe of an ensemble as a model of its own (see decisions/simple_model.py)."""
SIMPLE_HOLDOUT: Final = "simple.npz"  # its predictions of the test set

MODEL_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@cache
def _member_files() -> re.Pattern[str]:
    of_families = "|".join(re.escape(name) for name in sorted({spec.saved_file for spec in families()}))
    return re.compile(rf"features\.json|estimator\.json|text-\d{{1,4}}\.skops|{of_families}")


@cache
def _model_files() -> re.Pattern[str]:
    member = rf"members/\d{{1,3}}-[0-9a-f]{{12}}/(?:fold|all)-\d{{1,3}}/(?:{_member_files().pattern})"
    return re.compile(rf"report\.json|schema\.json|model\.json|holdout\.npz|simple\.json|simple\.npz|{member}")


def is_member_file(name: str) -> bool:
    """Whether a fold model may have a file of this name."""
    return _member_files().fullmatch(name) is not None


def is_model_file(name: str) -> bool:
    """Whether a saved model may have a file at this place in its folder, beside the manifest."""
    return _model_files().fullmatch(name) is not None


class StoredMember(msgspec.Struct, frozen=True):
    """A recipe, its weight, and the folders of its fold models."""

    recipe: Recipe
    weight: float
    folders: tuple[str, ...]


class ModelFile(msgspec.Struct, frozen=True):
    """`model.json`: the class labels in their own types, the members, the levels of categories in training, the few
    training rows that explained predictions are compared with, and what is decided about the ensemble's predictions.

    A column with more than `delivery.MAX_LEVELS` levels is not among `levels`. Models of earlier versions have no
    `background`.
    """

    classes: tuple[bool | int | float | str, ...]
    members: tuple[StoredMember, ...]
    levels: dict[str, tuple[str, ...]] = {}
    background: BackgroundCells = {}
    decisions: Decisions = Decisions()


class Manifest(msgspec.Struct, frozen=True):
    """`manifest.json`: every file of the model with its mark."""

    format: int
    id: str
    created_at: float
    versions: dict[str, str]  # of the libraries that made it
    types: tuple[str, ...]  # that its skops files hold; for people, never trusted
    files: dict[str, FileFingerprint]


class ModelSummary(msgspec.Struct, frozen=True):
    """A saved model in a line. One that is `damaged` says why, and may lack the rest."""

    id: str
    created_at: float = 0.0
    source: str = ""
    target: str = ""
    task: ProblemType = "none"
    metric: str = ""
    cv_score: float | None = None
    holdout_score: float | None = None
    members: tuple[str, ...] = ()  # families, by weight
    size: int = 0  # bytes
    damaged: str = ""
    name: str = ""  # that a person gave it
    note: str = ""
    aliases: tuple[str, ...] = ()  # that mean this model
