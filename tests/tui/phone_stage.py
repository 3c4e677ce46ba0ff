"""A bridge that holds what a test says, and remembers what it was told."""

from typing import Any

from msgspec.structs import replace

from tabsmith.errors import TabsmithError
from tabsmith.storage import Owner
from tabsmith.telegram.activity import Line, Visitor
from tabsmith.telegram.health import Check
from tabsmith.telegram.service import Started, Stopped
from tabsmith.telegram.status import Status, Trouble
from tabsmith_tui.phone import Bridge, Phone
from tests.tui.stage import NOW

ADA, BO, STRANGER = 5_550_001, 5_550_002, 5_559_999

PEOPLE = (
    Visitor(ADA, "Ada", NOW - 40, "confirming schema", "own", "allowed"),
    Visitor(BO, "Bo Brandt", NOW - 7_200, "training", "local", "allowed"),
    Visitor(5_550_003, "", 0.0, "", "own", "allowed"),
)
MESSAGES = (
    Line(NOW - 7_400, "in", STRANGER, f"user {STRANGER}", "", "not answered: not on the list"),
    Line(NOW - 7_260, "in", BO, "Bo Brandt", "/status"),
    Line(NOW - 7_258, "out", BO, "Bo Brandt", "Run 7f3a02: ● running, RMSE 21,480 ±…"),
    Line(NOW - 180, "in", ADA, "Ada", "a file: housing.csv"),
    Line(NOW - 178, "out", ADA, "Ada", "housing.csv, 1.3 MB: load it now?"),
    Line(NOW - 60, "in", ADA, "Ada", "pressed a button"),
    Line(NOW - 58, "out", ADA, "Ada", "Is this right? Target Sale_Price, re…", "waits to be sent"),
)
WELL = (
    Check("process", "ok", "Process 4711 runs since 2026-11-20 11:02:10 (3 h 4 min ago)."),
    Check("single instance", "ok", "One bridge of this bot runs."),
    Check("last poll", "ok", "Telegram answered 4.0 s ago."),
    Check("conflicts", "ok", "No other program was seen to poll with this token."),
    Check("handlers", "ok", "Every command and kind of message is answered."),
    Check("queue", "ok", "Messages are sent as they come."),
    Check("recent errors", "ok", "None in the last 15 min."),
    Check("token", "ok", "The token comes from the settings file."),
    Check("allowed users", "ok", "3 people may talk to the bridge."),
)
NOT_WELL = (
    *WELL[:3],
    Check(
        "conflicts",
        "fail",
        "Another program polls with this token; each takes messages away from the other.",
        "12 answers 409, the last at 2026-11-20 14:06:20",
        "Stop the other one; if you know of none, have @BotFather revoke the token and set the new one.",
    ),
    *WELL[4:6],
    Check("recent errors", "warn", "1 error in the last 15 min.", "14:06 polling: 409"),
    *WELL[7:],
)
SAID = Status(
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
EMPTY = Bridge(missing="", has_token=False, allowed=(), server="")
OFF = Bridge(missing="", has_token=True, allowed=(ADA, BO, 5_550_003), server="", people=PEOPLE, checks=WELL[5:])
ON = replace(OFF, held=Owner(4711, NOW - 11_061), said=SAID, messages=MESSAGES, checks=WELL)
TROUBLED = replace(
    ON,
    server="http://127.0.0.1:8081",
    said=replace(SAID, troubles=(Trouble(NOW - 11, "polling", "terminated by other getUpdates request (409)"),)),
    checks=NOT_WELL,
)


class FixedPhone(Phone):
    """Shows `bridge`, and becomes what it is told to."""

    def __init__(self, bridge: Bridge = EMPTY, fails: TabsmithError | None = None) -> None:
        self.bridge = bridge
        self.fails = fails
        self.told: list[tuple[Any, ...]] = []

    def look(self, now: float) -> Bridge:
        return self.bridge

    def start(self) -> Started:
        self._tell("start")
        self.bridge = replace(ON, people=self.bridge.people, allowed=self.bridge.allowed)
        return Started(4711, NOW, "polls")

    def stop(self) -> Stopped:
        self._tell("stop")
        self.bridge = replace(self.bridge, held=None)
        return Stopped("ended", 4711, NOW)

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
