"""The Telegram screen: whether the bridge runs, who talks to it, its messages and health; started, stopped and set here."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, TypeVar

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.widgets import OptionList

from tabsmith.errors import TabsmithError
from tabsmith.formatting import time_of_day
from tabsmith.telegram.activity import BridgeUser
from tabsmith_tui.actions import bindings_of
from tabsmith_tui.bridge_client import ALLOWED, TOKEN, BridgeClient, BridgeSnapshot, variable
from tabsmith_tui.screens.base import STYLES, TabsmithScreen, start_worker
from tabsmith_tui.views import bridge as view
from tabsmith_tui.widgets.drawing import Drawing, ReadingPane
from tabsmith_tui.widgets.literal import TextLine, assemble, content, literal, set_border_title
from tabsmith_tui.widgets.menu import Group, Item, Menu


class People(Menu):
    """The people who talk to the bridge or may; the cursor chooses who gets a test message."""

    HELP = "People who wrote to the bot, and those on the list who have not yet. m sends a test message to one of them."

    def show(self, people: Sequence[BridgeUser], now: float) -> None:
        """Show these people; the cursor stays on its person."""
        self.put([Group("", tuple(_person(user, now) for user in people), grow=3)])


def _person(user: BridgeUser, now: float) -> Item:
    return Item(
        str(user.user),
        (
            literal(user.name or user.user, 40),
            literal(user.user if user.name else "", 24, "$quiet"),
            literal(view.seen(user, now), 30, "$quiet"),
            literal(view.where(user), 60, "" if user.may == "allowed" else "$warn"),
        ),
    )


T = TypeVar("T")

WIDE: Final = 110
REFRESH_SECONDS: Final = 1.0


class BridgeScreen(TabsmithScreen):
    """A view of the bridge's files and of the settings, refreshed every second; it keeps nothing of its own."""

    SCOPE = "bridge"
    CSS_PATH = STYLES / "bridge.tcss"
    BINDINGS = bindings_of("bridge")
    AUTO_FOCUS = "People"
    ABOUT = (
        "The bridge lets you and others on a list do from Telegram what the guided steps do here, on the same "
        "sessions, runs and models. It is a process of its own and keeps running when tabsmith is left. The token is never "
        "shown."
    )

    def __init__(self) -> None:
        super().__init__()
        self.snapshot: BridgeSnapshot | None = None
        self._doing: view.Doing = ""

    @property
    def _client(self) -> BridgeClient:
        return self.services.bridge_client

    def body(self) -> ComposeResult:
        self.set_class(self.app.size.width >= WIDE, "-wide")
        yield TextLine(id="trouble")
        with VerticalScroll(id="desk", can_focus=False):
            with Vertical(id="left"):
                with Vertical(id="how", classes="panel") as how:
                    set_border_title(how, "Bridge")
                    yield Drawing(grows=True, id="facts")
                with Vertical(id="missing", classes="panel") as missing:
                    set_border_title(missing, "Three steps to your phone")
                    yield ReadingPane(id="steps")
                with Vertical(id="who", classes="panel") as who:
                    set_border_title(who, "People")
                    yield People(id="people")
                    yield TextLine("Nobody is on the list, and nobody has written.", id="nobody", classes="quiet")
                with Vertical(id="well", classes="panel") as well:
                    set_border_title(well, "Health")
                    yield ReadingPane(id="health")
            with Vertical(id="said", classes="panel") as said:
                set_border_title(said, "Messages")
                yield ReadingPane(id="messages")

    def on_mount(self) -> None:
        """Refresh after the first frame, and then every second."""
        self.show_subject("Telegram")
        self.call_after_refresh(self.action_reload)
        self.set_interval(REFRESH_SECONDS, self._look_again)

    def on_resize(self, event: events.Resize) -> None:
        """Put the panels side by side where there is room."""
        self.set_class(event.size.width >= WIDE, "-wide")
        if self.snapshot is not None:
            self._show(self.snapshot)

    # What is there --------------------------------------------------------------------------------------------------

    def action_reload(self) -> None:
        """Refresh everything."""
        start_worker(self, self._look, "look")

    def _look_again(self) -> None:
        busy = any(worker.group == "look" and not worker.is_finished for worker in self.workers)
        if self.is_current and not busy:
            self.action_reload()

    async def _look(self) -> None:
        try:
            bridge = await asyncio.to_thread(self._client.look, self.services.clock())
        except TabsmithError as error:
            if self.is_open:
                self._say_trouble(error)
            return
        if self.is_open:  # not left meanwhile
            self._say_trouble(None)
            self._show(bridge)

    def _say_trouble(self, error: TabsmithError | None) -> None:
        line = self.query_one("#trouble", TextLine)
        line.display = error is not None
        if error is not None:
            line.show(literal(f"✘ {error.what} {error.where} {error.next_step}", 600))

    def _show(self, bridge: BridgeSnapshot) -> None:
        self.snapshot = bridge
        now = self.services.clock()
        self.query_one("#facts", Drawing).show_wrapped(view.facts(bridge, now, self._doing))
        missing = view.steps(bridge)
        self.query_one("#missing").display = bool(missing)
        self.query_one("#steps", ReadingPane).show(missing)
        for panel in ("#who", "#well", "#said"):
            self.query_one(panel).display = bridge.has_token
        self.query_one(People).show(bridge.people, now)
        self.query_one(People).display = bool(bridge.people)
        self.query_one("#nobody").display = not bridge.people
        self.query_one("#messages", ReadingPane).show(view.messages(bridge.messages, now, self.app.size.width))
        self.query_one("#health", ReadingPane).show(view.health(bridge, now))
        pill = content([(view.pill(bridge, self._doing),)])
        self.show_status(pill, assemble(("looked ", "$quiet"), time_of_day(now)))
        self.refresh_bindings()

    @property
    def _chosen(self) -> BridgeUser | None:
        """The person under the cursor."""
        current = self.query_one(People).current
        return (
            next((user for user in self.snapshot.people if str(user.user) == current), None) if self.snapshot else None
        )

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """A click chooses; only the key sends."""
        event.stop()

    # Telling it -----------------------------------------------------------------------------------------------------

    async def _run(self, work: Callable[[], T]) -> T | TabsmithError:
        """The result of `work`, run off the UI thread, or its error; afterwards everything is refreshed."""
        try:
            return await asyncio.to_thread(work)
        except TabsmithError as error:
            return error
        finally:
            if self.is_open:
                self.action_reload()

    def action_start(self) -> None:
        """Start the bridge."""
        start_worker(self, self._start, "bridge", alone=True)

    async def _start(self) -> None:
        self._do("starting")
        try:
            started = await self._run(self._client.start)
        finally:
            self._do("")
        if isinstance(started, TabsmithError):
            self.show_error(started)
        elif started.reached == "polls":
            self.app.notify("The bridge is on, and Telegram answers it.")
        else:
            words = f"The bridge is on. Telegram has not answered yet; it keeps trying. {started.trouble}"
            self.app.notify(words, severity="warning", timeout=10)

    def action_stop(self) -> None:
        """Stop the bridge, after a question."""
        from tabsmith_tui.screens.dialogs import DialogAnswer, QuestionScreen

        def answered(answer: str | None) -> None:
            if answer == "stop":
                start_worker(self, self._stop, "bridge", alone=True)

        question = QuestionScreen(
            "Stop the bridge?",
            "Nobody at a phone is answered while it is off. What they write meanwhile is answered when it is on again; "
            "runs continue.",
            (DialogAnswer("", "back", "leave it on"), DialogAnswer("stop", "stop", "it ends within seconds")),
        )
        self.app.push_screen(question, answered)

    async def _stop(self) -> None:
        self._do("stopping")
        try:
            stopped = await self._run(self._client.stop)
        finally:
            self._do("")
        if isinstance(stopped, TabsmithError):
            self.show_error(stopped)
        elif stopped.how == "killed":
            self.app.notify("The bridge did not end in time and was killed. Nothing that came in is lost.", timeout=10)
        else:
            self.app.notify("The bridge is off.")

    def _do(self, doing: view.Doing) -> None:
        self._doing = doing
        if self.snapshot is not None and self.is_open:
            self._show(self.snapshot)

    def action_test(self) -> None:
        """Send a test message to the person under the cursor."""
        person = self._chosen
        if person is None:
            return
        if person.may != "allowed":
            self.app.notify(f"{person.name} is not on the list of allowed users.", severity="warning")
        elif not person.seen_at:
            words = f"{person.user} has not written yet, and a bot may write only to those who wrote to it first."
            self.app.notify(words, severity="warning")
        else:
            start_worker(self, partial(self._test, person), "bridge", alone=True)

    async def _test(self, person: BridgeUser) -> None:
        asked = await self._run(partial(self._client.test, person.user))
        if isinstance(asked, TabsmithError):
            self.show_error(asked)
        else:
            self.app.notify(f"A test message to {person.name} is on its way; it is shown below when it is sent.")

    # Setting --------------------------------------------------------------------------------------------------------

    def action_token(self) -> None:
        """Ask for the token, which is not shown."""
        from tabsmith_tui.screens.dialogs import AskLineScreen

        if self.snapshot is None or not self._may_change(TOKEN, self.snapshot):
            return
        if self.snapshot.owner is not None:
            self.app.notify("Stop the bridge first: it speaks as the bot of the token it has.", severity="warning")
            return
        question = "The token that @BotFather gave you. It is not shown; only you can read the file that keeps it."
        self.app.push_screen(AskLineScreen("The bot's token", question, self._take_token, secret=True))

    async def _take_token(self, token: str) -> TabsmithError | None:
        if not token:
            return TabsmithError("Nothing was typed.", next_step="Paste the token, or go back with escape.")
        return await self._taken(partial(self._client.set_token, token), "The token is set.")

    def action_users(self) -> None:
        """Ask who may talk to the bot."""
        from tabsmith_tui.screens.dialogs import AskLineScreen

        if self.snapshot is None or not self._may_change(ALLOWED, self.snapshot):
            return
        wrote = ", ".join(map(str, view.strangers(self.snapshot)[:5]))
        question = assemble(
            "The numbers of those who may talk to the bot, separated by commas. Nobody else gets an answer.",
            f"\nWrote lately and got no answer: {wrote}" if wrote else "",
        )
        numbers = ", ".join(map(str, self.snapshot.allowed))
        ask = AskLineScreen("Allowed users", question, self._take_users, text=numbers, example="123456789, 987654321")
        self.app.push_screen(ask)

    async def _take_users(self, numbers: str) -> TabsmithError | None:
        return await self._taken(partial(self._client.set_allowed, numbers), "The list is saved, and counts at once.")

    async def _taken(self, work: Callable[[], None], saved: str) -> TabsmithError | None:
        error = await self._run(work)
        if error is None:
            self.app.notify(saved)
        return error

    def _may_change(self, key: str, bridge: BridgeSnapshot) -> bool:
        """Whether the settings file decides about `key`; if not, tell what does."""
        if key in bridge.fixed:
            words = f"Given by the environment variable {variable(key)}, which overrides the file: change it there."
            self.app.notify(words, title=key, severity="warning")
        return key not in bridge.fixed

    # Keys -----------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Whether an action has a meaning for the bridge as it is."""
        bridge = self.snapshot
        if action in ("start", "stop", "test") and (bridge is None or self._doing):
            return False
        match action:
            case "start":
                return bridge is not None and bridge.owner is None and bridge.has_token and not bridge.missing
            case "stop":
                return bridge is not None and bridge.owner is not None
            case "test":
                return bridge is not None and bridge.owner is not None and bool(bridge.people)
            case _:
                return True

    def action_back(self) -> None:
        """Go back to the screen before."""
        self.app.pop_screen()
