"""Settings: a typed tree, from TOML in the config folder and from the environment, with every key described."""

from tabsmith.config.loading import Setting, check, describe, load
from tabsmith.config.settings import (
    AcpSettings,
    AgentSettings,
    ClaudeCodeSettings,
    LlmSettings,
    PathSettings,
    ProfileSettings,
    Settings,
    TelegramSettings,
    TrainingSettings,
    UiSettings,
)

__all__ = [
    "AcpSettings",
    "AgentSettings",
    "ClaudeCodeSettings",
    "LlmSettings",
    "PathSettings",
    "ProfileSettings",
    "Setting",
    "Settings",
    "TelegramSettings",
    "TrainingSettings",
    "UiSettings",
    "check",
    "describe",
    "load",
]
