"""An update that is handled again, as after a kill at the worst moment, changes nothing and says nothing twice."""

from pathlib import Path

import msgspec
import pytest

from tabsmith.storage import Found
from tabsmith.telegram.chat_state import session_user
from tabsmith.workflow.session import SessionStore, WorkflowSession
from tests.core.telegram.bridges import Bridge
from tests.core.telegram.conftest import ADA, Serve
from tests.core.telegram.test_flows import LONG, Step, presses, says, sends, trains, upload_and_train
from tests.peers.telegram_server import TelegramServer
from tests.soak import SOAK


def journeys(houses: Path) -> dict[str, list[Step]]:
    return {
        "by file": [
            Step(sends(houses), "Check the columns"),
            Step(presses("Choose step by step"), "What should be predicted?"),
            Step(says("price"), "Which columns may the model use?"),
            Step(says("all but 3"), "How should it be trained?"),
            Step(presses("Back"), "Which columns may the model use?"),
        ],
        "by path": [
            Step(says(f"/train {houses}"), "Load the table now?"),
            Step(presses("Load now"), "Check the columns"),
            Step(presses("Accept"), "How should it be trained?"),
            *trains()[:2],
        ],
        "to predictions": [
            *upload_and_train(houses),
            Step(says(f"/predict {houses}"), "240 rows predicted with"),
            Step(sends(houses), "240 rows predicted with"),
            Step(presses("Finish"), "Done"),
        ],
    }


def saved() -> WorkflowSession | None:
    """Ada's conversation on disk, but for when it was last looked at."""
    loaded = SessionStore(session_user(ADA)).load()
    return msgspec.structs.replace(loaded.value, updated_at=0.0, revision=0) if isinstance(loaded, Found) else None


def forget(bridge: Bridge, *, said: bool) -> None:
    """Have the bridge not know that it handled the last update; with `said`, nor that it said anything in it."""
    lines = bridge.paths.inbox.read_bytes().splitlines()
    number = msgspec.json.decode(lines[-1])["update_id"]
    assert msgspec.json.decode(lines[-1])["type"] == "handled"
    bridge.paths.inbox.write_bytes(b"".join(line + b"\n" for line in lines[:-1]))
    if said:
        first = f'"{number}.0"'.encode()  # what was said at once; the results of work are turns of their own
        kept = [line for line in bridge.paths.outbox.read_bytes().splitlines() if first not in line]
        bridge.paths.outbox.write_bytes(b"".join(line + b"\n" for line in kept))


@pytest.mark.soak
@pytest.mark.parametrize("name", ["by path", "to predictions", *(["by file"] if SOAK else [])])
def test_an_update_handled_again_changes_nothing_and_says_nothing_twice(
    name: str, houses: Path, server: TelegramServer, serve: Serve
) -> None:
    ada = server.person(ADA)
    bridge = serve(server.address, **LONG)
    for act, answer in journeys(houses)[name]:
        act(ada)
        ada.wait(answer, seconds=60)
        settled(server, bridge)
        before, messages = saved(), len(ada.messages)

        bridge.kill()
        forget(bridge, said=False)
        bridge.start()
        settled(server, bridge)
        assert saved() == before, f"after {answer!r} was handled again"
        assert len(ada.messages) == messages, [each.text[:80] for each in ada.messages[messages:]]

        bridge.kill()
        forget(bridge, said=True)
        bridge.start()
        settled(server, bridge)
        assert len(ada.messages) == messages + 1, f"{answer!r} was taken, and is said now"
        assert saved() == before, f"after {answer!r} was said again"


def settled(server: TelegramServer, bridge: Bridge) -> None:
    """Wait until the last update is handled, and everything is said."""

    def is_settled() -> bool:
        done = b'"handled"' in bridge.paths.inbox.read_bytes().splitlines()[-1]
        out = bridge.paths.outbox.read_bytes()
        return done and out.count(b'"type":"queued"') == out.count(b'"type":"sent"') + out.count(b'"type":"gave_up"')

    assert server.wait_until(is_settled), bridge.said()
