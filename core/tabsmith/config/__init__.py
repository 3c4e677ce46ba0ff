"""Settings: a typed tree, from TOML in the config folder and from the environment, with every key described."""

from tabsmith.config.loading import Setting, check, describe, load
from tabsmith.config.settings import Settings

__all__ = ["Setting", "Settings", "check", "describe", "load"]
