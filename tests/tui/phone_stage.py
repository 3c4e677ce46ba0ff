"""A bridge that holds what a test says, and remembers what it was told."""

from typing import Any

from msgspec.structs import replace

from tabsmith.errors import TabsmithError
from tabsmith.storage import LockOwner
from tabsmith.telegram.activity import ActivityEntry, BridgeUser
from tabsmith.telegram.health import HealthCheck
from tabsmith.telegram.service import BridgeStarted, BridgeStopped
from tabsmith.telegram.status import BridgeStatus, BridgeTrouble
from tabsmith_tui.bridge_client import BridgeClient, BridgeSnapshot
from tests.tui.stage import NOW

ADA, BO, STRANGER = 5_550_001, 5_550_002, 5_559_999

PEOPLE = (
    BridgeUser(ADA, "Ada", NOW - 40, "confirming schema", "own", "allowed"),
    BridgeUser(BO, "Bo Brandt", NOW - 7_200, "training", "local", "allowed"),
    BridgeUser(5_550_003, "", 0.0, "", "own", "allowed"),
)
MESSAGES = (
    ActivityEntry(NOW - 7_400, "in", STRANGER, f"user {STRANGER}", "", "not answered: not on the list"),
    ActivityEntry(NOW - 7_260, "in", BO, "Bo Brandt", "/status"),
    ActivityEntry(NOW - 7_258, "out", BO, "Bo Brandt", "Run 7f3a02: ● running, RMSE 21,480 ±…"),
    ActivityEntry(NOW - 180, "in", ADA, "Ada", "a file: housing.csv"),
    ActivityEntry(NOW - 178, "out", ADA, "Ada", "housing.csv, 1.3 MB: load it now?"),
    ActivityEntry(NOW - 60, "in", ADA, "Ada", "pressed a button"),
    ActivityEntry(NOW - 58, "out", ADA, "Ada", "Check the columns Target Sale_Price, re…", "waits to be sent"),
)
WELL = (
    HealthCheck("process", "ok", "Process 4711 runs since 2026-11-20 11:02:10 (3 h 4 min ago)."),
    HealthCheck("single instance", "ok", "One bridge of this bot runs."),
    HealthCheck("last poll", "ok", "Telegram answered 4.0 s ago."),
    HealthCheck("conflicts", "ok", "No other program was seen to poll with this token."),
    HealthCheck("handlers", "ok", "Every command and kind of message is answered."),
    HealthCheck("queue", "ok", "Messages are sent as they come."),
    HealthCheck("recent errors", "ok", "None in the last 15 min."),
    HealthCheck("token", "ok", "The token comes from the settings file."),
    HealthCheck("allowed users", "ok", "3 people may talk to the bridge."),
)
NOT_WELL = (
    *WELL[:3],
    HealthCheck(
        "conflicts",
        "fail",
        "Another program polls with this token; each takes messages away from the other.",
        "12 answers 409, the last at 2026-11-20 14:06:20",
        "Stop the other one; if you know of none, have @BotFather revoke the token and set the new one.",
    ),
    *WELL[4:6],
    HealthCheck("recent errors", "warn", "1 error in the last 15 min.", "14:06 polling: 409"),
    *WELL[7:],
)
SAID = BridgeStatus(
    pid=4711,
    started_at=NOW - 11_061,
    bot="@ada_tabsmith_bot",
    polled_at=NOW - 4,
    written_at=NOW - 1,
    received=1_204,
    handled=1_204,
    sent=1_310,
    to_send=1,
)
EMPTY = BridgeSnapshot(missing="", has_token=False, allowed=(), server="")
OFF = BridgeSnapshot(
    missing="", has_token=True, allowed=(ADA, BO, 5_550_003), server="", people=PEOPLE, checks=WELL[5:]
)
ON = replace(OFF, owner=LockOwner(4711, NOW - 11_061), status=SAID, messages=MESSAGES, checks=WELL)
TROUBLED = replace(
    ON,
    server="http://127.0.0.1:8081",
    status=replace(
        SAID, troubles=(BridgeTrouble(NOW - 11, "polling", "terminated by other getUpdates request (409)"),)
    ),
    checks=NOT_WELL,
)


class FixedBridge(BridgeClient):
    """Shows `bridge`, and becomes what it is told to."""

    def __init__(self, bridge: BridgeSnapshot = EMPTY, fails: TabsmithError | None = None) -> None:
        self.bridge = bridge
        self.fails = fails
        self.told: list[tuple[Any, ...]] = []

    def look(self, now: float) -> BridgeSnapshot:
        return self.bridge

    def start(self) -> BridgeStarted:
        self._tell("start")
        self.bridge = replace(ON, people=self.bridge.people, allowed=self.bridge.allowed)
        return BridgeStarted(4711, NOW, "polls")

    def stop(self) -> BridgeStopped:
        self._tell("stop")
        self.bridge = replace(self.bridge, owner=None)
        return BridgeStopped("ended", 4711, NOW)

    def test(self, user: int) -> None:
        self._tell("test", user)

    def set_token(self, token: str) -> None:
        self._tell("token", token)
        self.bridge = replace(self.bridge, has_token=True)

    def set_allowed(self, numbers: str) -> None:
        self._tell("allowed", numbers)

    def _tell(self, *what: Any) -> None:
        self.told.append(what)
        if self.fails is not None:
            raise self.fails
