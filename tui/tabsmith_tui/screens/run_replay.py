"""A run played again on its screen: from the beginning, held, event by event, and back to how it stands now."""

import asyncio
from typing import TYPE_CHECKING

from textual.screen import Screen

from tabsmith.errors import TabsmithError
from tabsmith.runs.folder import RunFolder
from tabsmith_tui.views.journal import Replay

if TYPE_CHECKING:
    from tabsmith.errors import ErrorReport
    from tabsmith_tui.widgets.run_board import RunDashboard


class RunReplay(Screen[None]):
    """The keys of a replay; what they need of the screen is declared here."""

    run_id: str
    board: "RunDashboard"
    replay: Replay | None = None
    playing = False

    if TYPE_CHECKING:

        def draw(self) -> None: ...
        def show_error(self, error: BaseException | ErrorReport) -> None: ...
        def action_leave(self) -> None: ...

    @property
    def replaying(self) -> bool:
        """Whether the journal is being played again."""
        return self.replay is not None

    def play_on(self, seconds: float) -> None:
        """As much as `seconds` of a replay hold, while it plays."""
        if self.playing and self.replay is not None:
            self.replay.play(seconds)
            self.playing = not self.replay.ended

    async def action_replay(self) -> None:
        """Play the journal again from its beginning."""
        try:
            self.replay = Replay(await asyncio.to_thread(lambda: RunFolder(self.run_id).events().read().values))
        except TabsmithError as error:
            self.show_error(error)
            return
        self.playing = True
        self.board.log_view.action_follow()
        self.draw()

    def action_play(self) -> None:
        """In a replay: play on, from the start when it is at its end; or hold."""
        if self.replay is not None:
            if self.replay.ended:
                self.replay.go(0)
            self.playing = not self.playing
            self.draw()

    def action_step(self, by: int) -> None:
        """In a replay: some events on or back."""
        if self.replay is not None:
            self.playing = False
            self.replay.step(by)
            self.draw()

    def action_back(self) -> None:
        """From the replay to the run as it is now; from there to where one came from."""
        if self.replay is None:
            self.action_leave()
        else:
            self.replay, self.playing = None, False
            self.draw()
