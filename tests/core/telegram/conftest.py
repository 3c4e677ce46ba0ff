"""For tests of the bridge as a whole: a table, a server on loopback, and bridges as real processes."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.core import houses as houses_table
from tests.core.telegram.bridge_parent import BridgeParent
from tests.core.telegram.bridges import Bridge
from tests.forked_programs import forked
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


@pytest.fixture(scope="session")
def bridge_parent() -> Iterator[BridgeParent]:
    """The process that the bridges of all tests are forked from."""
    parent = BridgeParent(forked("fork server"))
    yield parent
    parent.close()


@pytest.fixture
def serve(tmp_path: Path, bridge_parent: BridgeParent) -> Iterator[Serve]:
    """Starts bridges to a server's address; kills those that are left. With `own_program`, `python -m` is run."""
    begun: list[Bridge] = []

    def begin(
        address: str, users: tuple[int, ...] = (ADA, BOB), *, own_program: bool = False, **variables: str
    ) -> Bridge:
        parent = None if own_program else bridge_parent
        bridge = Bridge(tmp_path, address, TOKEN, users, parent, **variables).start()
        begun.append(bridge)
        return bridge

    yield begin
    for bridge in begun:
        bridge.kill()
