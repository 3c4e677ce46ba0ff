"""Where things live: the platform's own folders, all moved at once by TABSMITH_HOME."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Folders:
    """The four folders that tabsmith writes to; none is created before something is written."""

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
    def runs(self) -> Path:
        return self.state / "runs"

    @property
    def history_file(self) -> Path:
        return self.state / "history.jsonl"

    @property
    def models(self) -> Path:
        return self.data / "models"

    @property
    def uploads(self) -> Path:
        """Files that were sent here, a folder for each person."""
        return self.data / "uploads"

    @property
    def tables(self) -> Path:
        return self.cache / "tables"


def folders() -> Folders:
    """The folders in force now; `TABSMITH_HOME` is read at every call, so a test can move them."""
    home = os.environ.get("TABSMITH_HOME")
    if home:
        root = Path(home).expanduser().absolute()
        return Folders(root / "config", root / "state", root / "data", root / "cache")
    import platformdirs

    place = platformdirs.PlatformDirs("tabsmith", appauthor=False)
    return Folders(place.user_config_path, place.user_state_path, place.user_data_path, place.user_cache_path)
