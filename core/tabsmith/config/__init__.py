"""Settings: a typed tree, from TOML in the config folder and from the environment, with every key described."""

from tabsmith.config.loading import Setting, check, describe, load
from tabsmith.config.tree import (
    Acp,
    Agents,
    ClaudeCode,
    Engine,
    Llm,
    Paths,
    Profile,
    Settings,
    Telegram,
    Training,
    Ui,
)

__all__ = [
    "Acp",
    "Agents",
    "ClaudeCode",
    "Engine",
    "Llm",
    "Paths",
    "Profile",
    "Setting",
    "Settings",
    "Telegram",
    "Training",
    "Ui",
    "check",
    "describe",
    "load",
]
