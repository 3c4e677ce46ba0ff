"""A check whether a model's server accepts connections. It takes a second at most and sends nothing."""

import socket
import threading
from typing import Final
from urllib.parse import urlsplit

from tabsmith.agents.llm.providers import choose_endpoint
from tabsmith.config.settings import LlmSettings

_TIMEOUT: Final = 1.0  # seconds to wait for a connection


def server_address(settings: LlmSettings) -> str:
    """Return `host:port` of the llm agent's server. Raises AgentMissingError if the settings name no model."""
    address = urlsplit(choose_endpoint(settings).base_url)
    return f"{address.hostname}:{address.port or {'http': 80}.get(address.scheme, 443)}"


def connection_problem(address: str) -> str:
    """Return why `host:port` cannot be connected to, or ""."""
    host, _, port = address.rpartition(":")
    outcome: list[str] = []

    def connect() -> None:
        try:
            socket.create_connection((host, int(port)), timeout=_TIMEOUT).close()
        except OSError as error:
            outcome.append(error.strerror or str(error))
        else:
            outcome.append("")

    attempt = threading.Thread(target=connect, daemon=True)  # looking up a name has no time limit of its own
    attempt.start()
    attempt.join(_TIMEOUT)
    return outcome[0] if outcome else f"no answer within {_TIMEOUT:g} s"
