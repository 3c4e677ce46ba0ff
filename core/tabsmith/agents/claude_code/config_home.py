"""The folder in which Claude Code keeps the conversations of coding jobs, so that they can be resumed.

The folder is tabsmith's own, so that the user's settings, memory and list of conversations neither influence a job nor
change. The user's login is shared: the program looks for it, and renews it, where the user's own Claude Code does. The
program itself removes conversations that were not touched for thirty days.
"""

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from tabsmith.agents.usage import NO_USAGE, Usage
from tabsmith.paths import folders

KEYS: Final = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN")
"""The variables in which Claude Code looks for a key."""

_COUNTERS: Final = b'"type":"cost-state"'


def config_home() -> Path:
    """Return the folder, which need not exist yet."""
    return folders().state / "claude-code"


def session_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """Make the folder, and return `variables` with those that lead the program to it and to the user's login."""
    config_home().mkdir(mode=0o700, parents=True, exist_ok=True)
    own = variables.get("CLAUDE_CONFIG_DIR", "")
    result = {
        **variables,
        "CLAUDE_CONFIG_DIR": str(config_home()),
        # Empty means the program's usual place, which on some systems is a store for keys, not a folder.
        "CLAUDE_SECURESTORAGE_CONFIG_DIR": variables.get("CLAUDE_SECURESTORAGE_CONFIG_DIR", own),
    }
    if not any(variables.get(name) for name in KEYS):
        settings = Path(own or variables.get("HOME", "~")).expanduser() / ".claude.json"
        if key := _key_of_login(settings):
            result["ANTHROPIC_API_KEY"] = key
    return result


def transcript(session: str) -> Path | None:
    """Return the file of a conversation; None if there is none."""
    return next(config_home().glob(f"projects/*/{session}.jsonl"), None)


def counters_of(session: str) -> Usage:
    """Return the program's usage counters at the end of a conversation, from which a resumed one goes on. They are zero
    if the program was killed, as they then begin anew."""
    path = transcript(session)
    if path is None:
        return NO_USAGE
    with path.open("rb") as lines:
        states = [line for line in lines if _COUNTERS in line[:100]]
    if not states:
        return NO_USAGE
    from tabsmith.agents.claude_code.usage_tracker import sum_counters  # late: it imports claude-agent-sdk

    state: dict[str, Any] = json.loads(states[-1])
    cost = Decimal(str(state.get("totalCostUSD") or 0))
    return sum_counters(list(state.get("modelUsage", {}).values()), turns=0, cost=cost, unpriced=0)


def _key_of_login(settings: Path) -> str:
    """The key that a login for the API (not for a subscription) leaves in the user's settings; "" if there is none."""
    try:
        decoded = json.loads(settings.read_bytes())
    except (OSError, ValueError):
        return ""  # there is no such login; the program itself says what it lacks
    key = decoded.get("primaryApiKey") if isinstance(decoded, dict) else None
    return key if isinstance(key, str) else ""
