"""Whether a model's server takes connections: looked at for at most a second, and nothing is asked of it."""

import socket
import threading
from typing import Final
from urllib.parse import urlsplit

from tabsmith.agents.llm.providers import choose_endpoint
from tabsmith.config.settings import LlmSettings

_PATIENCE: Final = 1.0  # seconds to wait for a connection


def server_address(settings: LlmSettings) -> str:
    """`host:port` of the server that the llm agent asks. Raises AgentMissingError when the settings name none."""
    address = urlsplit(choose_endpoint(settings).base_url)
    return f"{address.hostname}:{address.port or {'http': 80}.get(address.scheme, 443)}"


def connection_problem(place: str) -> str:
    """Why there is no connection to `host:port` within the time; "" when there is one."""
    host, _, port = place.rpartition(":")
    outcome: list[str] = []

    def connect() -> None:
        try:
            socket.create_connection((host, int(port)), timeout=_PATIENCE).close()
        except OSError as error:
            outcome.append(error.strerror or str(error))
        else:
            outcome.append("")

    attempt = threading.Thread(target=connect, daemon=True)  # a look-up of a name has no time limit of its own
    attempt.start()
    attempt.join(_PATIENCE)
    return outcome[0] if outcome else f"no answer within {_PATIENCE:g} s"
