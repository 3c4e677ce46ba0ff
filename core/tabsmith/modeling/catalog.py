"""What a person says of saved models, beside the models themselves, which nobody changes: names, notes, aliases.

An alias (`production`) means the model that was promoted last under it, and stands wherever a model's id is asked for.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from tabsmith.paths import folders
from tabsmith.storage import Document, Found

DEFAULT_ALIAS: Final = "production"
_VERSION: Final = 1


class ModelLabel(msgspec.Struct, frozen=True):
    """The name that a person gave to a model, and their note on it; both may be empty."""

    name: str = ""
    note: str = ""


class ModelCatalog(msgspec.Struct, frozen=True):
    """The labels by model id, and for each alias the ids that were promoted under it, the latest last."""

    labels: dict[str, ModelLabel] = {}
    aliases: dict[str, tuple[str, ...]] = {}

    def label(self, model_id: str) -> ModelLabel:
        """The label of a model; an empty one if it has none."""
        return self.labels.get(model_id, ModelLabel())

    def model_of(self, alias: str) -> str:
        """The id of the model that an alias means; "" if there is no such alias."""
        promoted = self.aliases.get(alias, ())
        return promoted[-1] if promoted else ""

    def aliases_of(self, model_id: str) -> tuple[str, ...]:
        """The aliases that mean a model now."""
        return tuple(alias for alias, promoted in self.aliases.items() if promoted and promoted[-1] == model_id)


def read_catalog() -> ModelCatalog:
    """The catalog as it is saved; an empty one if there is none. A damaged one is moved aside. Raises StorageError."""
    loaded = _document().load()
    return loaded.value if isinstance(loaded, Found) else ModelCatalog()


def update_catalog(change: Callable[[ModelCatalog], ModelCatalog]) -> ModelCatalog:
    """Save what `change` makes of the catalog, under its lock, and return that. Raises StorageError."""
    return _document().update(lambda saved: change(saved or ModelCatalog()))


def _document() -> Document[ModelCatalog]:
    return Document(folders().model_catalog, ModelCatalog, version=_VERSION, name="model catalog")
