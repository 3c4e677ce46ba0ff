"""A saved model's files, as data: what `models/<id>/` holds. Light: no numerical library."""

import re
from typing import Final

import msgspec

from tabsmith.recipes.recipe import Recipe
from tabsmith.tables.schema.types import ProblemType

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
REPORT: Final = "report.json"
SCHEMA: Final = "schema.json"
MODEL: Final = "model.json"

MEMBER_FILES: Final = re.compile(
    r"features\.json|estimator\.json|estimator\.skops|text-\d{1,4}\.skops|booster\.txt|model\.cbm"
)
MODEL_FILES: Final = re.compile(
    r"report\.json|schema\.json|model\.json"
    rf"|members/\d{{1,3}}-[0-9a-f]{{12}}/fold-\d{{1,3}}/(?:{MEMBER_FILES.pattern})"
)
MODEL_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class StoredMember(msgspec.Struct, frozen=True):
    """A recipe, its weight, and the folders of its fold models."""

    recipe: Recipe
    weight: float
    folders: tuple[str, ...]


class ModelFile(msgspec.Struct, frozen=True):
    """`model.json`: the class labels in their own types, and the members."""

    classes: tuple[bool | int | float | str, ...]
    members: tuple[StoredMember, ...]


class FileFingerprint(msgspec.Struct, frozen=True):
    """A file as it was saved."""

    sha256: str
    size: int


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
