"""Where Claude Code keeps the conversations of errands, so that they can go on later.

A folder of tabsmith's own, for nothing of the user's settings, memory or list of conversations is to come in or to
change there. The user's login is another matter: the program looks for it where the user's own does, and renews it
there. What has not been touched for thirty days the program removes by itself.
"""

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from tabsmith.agents.usage import NO_USAGE, Usage
from tabsmith.paths import folders

_KEYS: Final = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN")
_COUNTERS: Final = b'"type":"cost-state"'


def config_home() -> Path:
    """The folder. The program must be able to write there, also in a sandbox."""
    return folders().state / "claude-code"


def session_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """`variables` with those that lead the program to its folder, which is made, and to the user's login."""
    config_home().mkdir(mode=0o700, parents=True, exist_ok=True)
    own = variables.get("CLAUDE_CONFIG_DIR", "")
    led = {
        **variables,
        "CLAUDE_CONFIG_DIR": str(config_home()),
        # Empty means the program's usual place, which is more than a folder where the system has a store for keys.
        "CLAUDE_SECURESTORAGE_CONFIG_DIR": variables.get("CLAUDE_SECURESTORAGE_CONFIG_DIR", own),
    }
    if not any(variables.get(name) for name in _KEYS):
        settings = Path(own or variables.get("HOME", "~")).expanduser() / ".claude.json"
        if key := _key_of_login(settings):
            led["ANTHROPIC_API_KEY"] = key
    return led


def transcript(session: str) -> Path | None:
    """The file of a conversation; None when there is none."""
    return next(config_home().glob(f"projects/*/{session}.jsonl"), None)


def counters_of(session: str) -> Usage:
    """Where the program's counters stood when it left this conversation: there they begin when it goes on. Nothing when
    it was killed, for then they begin anew."""
    path = transcript(session)
    if path is None:
        return NO_USAGE
    with path.open("rb") as lines:
        states = [line for line in lines if _COUNTERS in line[:100]]
    if not states:
        return NO_USAGE
    from tabsmith.agents.claude_code.usage_tracker import sum_counters  # late: it imports the kit

    state: dict[str, Any] = json.loads(states[-1])
    cost = Decimal(str(state.get("totalCostUSD") or 0))
    return sum_counters(list(state.get("modelUsage", {}).values()), turns=0, cost=cost, unpriced=0)


def _key_of_login(settings: Path) -> str:
    """The key that a login for the API, unlike one for a subscription, leaves in the user's settings."""
    try:
        found = json.loads(settings.read_bytes())
    except (OSError, ValueError):
        return ""  # nobody logged in that way; the program says what it lacks
    key = found.get("primaryApiKey") if isinstance(found, dict) else None
    return key if isinstance(key, str) else ""
