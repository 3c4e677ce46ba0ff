"""What the tests of the transport have in common: an Api at the loopback server, a status, and waiting."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from tabsmith.telegram.bot_token import BotToken
from tabsmith.telegram.render.messages import Button, OutgoingMessage
from tabsmith.telegram.render.text import own
from tabsmith.telegram.status import BridgePaths, BridgeStatus, StatusWriter
from tabsmith.telegram.transport.bot_api import BotApi
from tests.peers.telegram_server import TelegramServer


@contextlib.asynccontextmanager
async def api_at(
    server: TelegramServer, *, timeout: float = 5.0, patience: float = 5.0, token: str = ""
) -> AsyncIterator[BotApi]:
    """An Api that is started, and closed at the end."""
    api = BotApi(BotToken(token or server.token), server.address, timeout, patience=patience)
    try:
        yield api
    finally:
        await api.close()


@contextlib.asynccontextmanager
async def running(*parts: Callable[[], object]) -> AsyncIterator[None]:
    """The coroutines of `parts` at work, cancelled at the end; a part that failed raises."""
    tasks = [asyncio.ensure_future(part()) for part in parts]  # type: ignore[call-overload]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    for each in ended:
        if isinstance(each, BaseException) and not isinstance(each, asyncio.CancelledError):
            raise each


async def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait for something to be so."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while not condition():
        assert loop.time() < end, "what was waited for did not come to be"
        await asyncio.sleep(0.005)


def keeper(folder: Path) -> StatusWriter:
    """A status in `folder`."""
    return StatusWriter(BridgePaths(folder), BridgeStatus(pid=1, started_at=0.0))


def text(words: str, *buttons: tuple[str, str]) -> OutgoingMessage:
    """A message in plain words, with buttons in one row."""
    row = tuple(Button(label, data) for label, data in buttons)
    return OutgoingMessage((own(words),), (row,) if row else ())


def everything_in(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Each file below `folder`."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path, path.read_bytes()


@contextlib.contextmanager
def server_that_keeps_its_token(
    folder: Path, keeper: StatusWriter, caplog: pytest.LogCaptureFixture
) -> Iterator[TelegramServer]:
    """The server; afterwards its token must be nowhere: in no log line, and in no file of `folder`."""
    caplog.set_level(logging.DEBUG)
    with TelegramServer() as server:
        yield server
    keeper.write()
    secret = server.token.partition(":")[2]
    assert secret not in caplog.text
    found = list(everything_in(folder))
    assert found
    assert [path for path, data in found if secret.encode() in data] == []
