"""The folders that tabsmith writes to: those of the platform, or all below TABSMITH_HOME."""

import os
from dataclasses import dataclass
from pathlib import Path

from tabsmith.errors import ConfigError
from tabsmith.text import clean


@dataclass(frozen=True, slots=True)
class Folders:
    """The four folders that tabsmith writes to. No folder is created before something is written to it."""

    config: Path
    state: Path
    data: Path
    cache: Path

    @property
    def settings_file(self) -> Path:
        return self.config / "config.toml"

    @property
    def sessions(self) -> Path:
        return self.state / "sessions"

    @property
    def corrections(self) -> Path:
        """What a person changed in detected schemas, a folder for each person and a file for each table."""
        return self.state / "corrections"

    @property
    def findings(self) -> Path:
        """The findings that were made of each table, a folder for each user."""
        return self.state / "findings"

    @property
    def runs(self) -> Path:
        return self.state / "runs"

    @property
    def queue(self) -> Path:
        """The places of the trainings that run, and of those that wait for their turn."""
        return self.state / "queue"

    @property
    def history_file(self) -> Path:
        return self.state / "history.jsonl"

    @property
    def models(self) -> Path:
        return self.data / "models"

    @property
    def model_catalog(self) -> Path:
        """The names, notes and aliases of the models."""
        return self.data / "model_catalog.json"

    @property
    def uploads(self) -> Path:
        """Files that were sent through the bridge, a folder for each person."""
        return self.data / "uploads"

    @property
    def tables(self) -> Path:
        return self.cache / "tables"


def folders() -> Folders:
    """The folders in use; `TABSMITH_HOME` is read at every call, so that a test can move them.

    Raises ConfigError for a folder with a name that is not UTF-8.
    """
    home = os.environ.get("TABSMITH_HOME")
    if home:
        root = _require_text(Path(home).expanduser().absolute())
        return Folders(root / "config", root / "state", root / "data", root / "cache")
    import platformdirs

    dirs = platformdirs.PlatformDirs("tabsmith", appauthor=False)
    places = (dirs.user_config_path, dirs.user_state_path, dirs.user_data_path, dirs.user_cache_path)
    return Folders(*map(_require_text, places))


def _require_text(folder: Path) -> Path:
    """`folder`, if its path is text: paths are kept in JSON, which is UTF-8. Raises ConfigError."""
    try:
        str(folder).encode()
    except UnicodeEncodeError:
        raise ConfigError(
            "The folder for tabsmith's files has a name that is not UTF-8.",
            where=clean(os.fsencode(folder).decode(errors="backslashreplace"), 300),
            next_step="Set TABSMITH_HOME to a folder with a name in UTF-8.",
        ) from None
    return folder
