"""For tests of the bridge as a whole: a table, a server on loopback, and bridges as real processes."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.core.telegram.bridges import Bridge
from tests.peers.telegram_server import TOKEN, TelegramServer

ADA, BOB, EVE = 7, 8, 666
ROWS = 240

Serve = Callable[..., Bridge]


@pytest.fixture
def houses(tmp_path: Path) -> Path:
    """A regression table of two numbers and a category, in which `price` follows from the others."""
    lines = ["area,rooms,district,price"]
    for row in range(ROWS):
        area, rooms, district = 40 + row % 97, 1 + row % 5, "abc"[row % 3]
        lines.append(f"{area},{rooms},{district},{area * 31 + rooms * 500 + ord(district) * 20 + row % 7}")
    path = tmp_path / "houses.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def server() -> Iterator[TelegramServer]:
    """The project's own Bot API server."""
    with TelegramServer() as running:
        yield running


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts bridges to a server's address; kills those that are left."""
    begun: list[Bridge] = []

    def begin(address: str, users: tuple[int, ...] = (ADA, BOB), **variables: str) -> Bridge:
        bridge = Bridge(tmp_path, address, TOKEN, users, **variables).start()
        begun.append(bridge)
        return bridge

    yield begin
    for bridge in begun:
        bridge.kill()
