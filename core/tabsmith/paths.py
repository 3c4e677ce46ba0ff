"""The folders that tabsmith writes to: those of the platform, or all below TABSMITH_HOME."""

import os
from dataclasses import dataclass
from pathlib import Path


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
    """The folders in use; `TABSMITH_HOME` is read at every call, so that a test can move them."""
    home = os.environ.get("TABSMITH_HOME")
    if home:
        root = Path(home).expanduser().absolute()
        return Folders(root / "config", root / "state", root / "data", root / "cache")
    import platformdirs

    dirs = platformdirs.PlatformDirs("tabsmith", appauthor=False)
    return Folders(dirs.user_config_path, dirs.user_state_path, dirs.user_data_path, dirs.user_cache_path)
