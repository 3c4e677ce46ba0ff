"""For tests of the bridge as a whole: a table, a server on loopback, and bridges as real processes."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.core import houses as houses_table
from tests.core.telegram.bridges import Bridge
from tests.peers.telegram_server import TOKEN, TelegramServer

ADA, BOB, EVE = 7, 8, 666

Serve = Callable[..., Bridge]


@pytest.fixture
def houses(tmp_path: Path) -> Path:
    """A regression table of two numbers and a category, in which `price` follows from the others."""
    return houses_table.written(tmp_path / "houses.csv")


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
