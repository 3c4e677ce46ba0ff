"""Files that people send, fetched from the loopback server."""

import os
from pathlib import Path

import pytest

from tabsmith.errors import StorageError
from tabsmith.telegram.transport.updates import (
    BotApiError,
    RejectedError,
    ServerError,
    TelegramFileTooLargeError,
    UnreachableError,
)
from tests.core.telegram.rig import api_at
from tests.peers.telegram_server import AnswerLost, CutShort, Garbage, Hang, Status, TelegramServer

ROWS = b"a,b\n" + b"1,2\n" * 100_000


async def _fetch(server: TelegramServer, to: Path, most: int = 1_000_000, **told: object) -> int:
    file = server.keep_file(ROWS, **told)  # type: ignore[arg-type]
    async with api_at(server, patience=0.5) as api:
        return await api.download(file["file_id"], to, most)


async def test_a_file_is_whole_in_its_place_and_for_this_user_only(tmp_path: Path) -> None:
    to = tmp_path / "of" / "1" / "rows.csv"
    before = os.umask(0)
    try:
        with TelegramServer() as server:
            assert await _fetch(server, to) == len(ROWS)
    finally:
        os.umask(before)
    assert to.read_bytes() == ROWS
    assert to.stat().st_mode & 0o777 == 0o600
    assert to.parent.stat().st_mode & 0o777 == 0o700
    assert list(to.parent.iterdir()) == [to]


@pytest.mark.parametrize("claimed", [None, 10, 0])
async def test_a_file_over_the_limit_is_given_up_whatever_its_size_was_said_to_be(
    tmp_path: Path, claimed: int | None
) -> None:
    with TelegramServer() as server, pytest.raises(TelegramFileTooLargeError):
        await _fetch(server, tmp_path / "rows.csv", len(ROWS) - 1, claimed_size=claimed)
    assert list(tmp_path.glob("**/*.*")) == []


async def test_a_file_of_exactly_the_limit_is_taken(tmp_path: Path) -> None:
    with TelegramServer() as server:
        assert await _fetch(server, tmp_path / "rows.csv", len(ROWS)) == len(ROWS)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (CutShort(), UnreachableError),
        (AnswerLost(), UnreachableError),
        (Hang(), UnreachableError),
        (Garbage(), ServerError),
        (Status(404), RejectedError),
    ],
)
async def test_a_file_that_does_not_come_whole_leaves_nothing_behind(
    tmp_path: Path, fault: CutShort, kind: type[BotApiError]
) -> None:
    to = tmp_path / "rows.csv"
    to.write_bytes(b"the one before")
    with TelegramServer() as server:
        server.fail("file", 1, fault)
        with pytest.raises(kind):
            await _fetch(server, to)
    assert to.read_bytes() == b"the one before"
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == ["rows.csv"]


async def test_a_path_that_the_server_names_is_never_one_of_this_machine(tmp_path: Path) -> None:
    here = tmp_path / "secrets"
    here.mkdir()
    (here / "file_1").write_bytes(b"of this machine")
    with TelegramServer() as server:
        await _fetch(server, tmp_path / "rows.csv", folder=str(here))
    assert (tmp_path / "rows.csv").read_bytes() == ROWS


async def test_a_file_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "taken").write_bytes(b"")
    with TelegramServer() as server, pytest.raises(StorageError):
        await _fetch(server, tmp_path / "taken" / "rows.csv")
