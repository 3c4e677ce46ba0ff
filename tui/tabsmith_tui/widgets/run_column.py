"""A run in a column: its pill, and below it what `views/run_column.py` makes of it."""

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message

from tabsmith.presentation import budgets
from tabsmith.presentation.spans import line
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith_tui.views.run_column import run_column
from tabsmith_tui.widgets.drawing import Drawing
from tabsmith_tui.widgets.literal import TextLine, assemble, literal, set_border_title
from tabsmith_tui.widgets.pill import pill


class RunColumn(Vertical, can_focus=True):
    """One of several; a second click opens the run."""

    HELP = "A run. Left and right go to the next column, enter opens the run of this one."
    DEFAULT_CSS = """
    RunColumn { width: 1fr; border: round $border; border-title-color: $foreground; padding: 0 1; }
    RunColumn:focus { border: round $primary; border-title-color: $primary; border-title-style: bold; }
    RunColumn Line { height: 1; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    class Chosen(Message):
        """Open the run of this column."""

    def __init__(self, run_id: str) -> None:
        super().__init__()
        self.run_id = run_id
        self._stands = TextLine()
        self._drawing = Drawing()
        set_border_title(self, literal(f"run {budgets.short_run_id(run_id)}"))

    def compose(self) -> ComposeResult:
        """The pill with the time, then the rest."""
        yield self._stands
        yield self._drawing

    def show(self, run: RunSnapshot, now: float) -> None:
        """Show the run as it is `now`."""
        doing = literal(f"  {run.message}" if run.message and not run.state.ended else "", 80, "$quiet")
        self._stands.show(assemble(pill(run.state), f"  {budgets.elapsed(run, now)}", doing))
        moment = 0.0 if run.state.ended else float(int(now))  # what moves with time is drawn once in a second
        self._drawing.show((run, moment), lambda width, height: run_column(run, now, width, height))

    def show_problem(self, problem: str) -> None:
        """The run cannot be read."""
        self._stands.show(literal("✘ cannot be read", style="$bad"))
        self._drawing.show(problem, lambda _width, _height: (line(problem, "bad"),))

    @property
    def text(self) -> str:
        """What is drawn below the pill."""
        return self._drawing.text

    def on_click(self, event: events.Click) -> None:
        """The second click of two opens it."""
        if event.chain == 2:
            self.post_message(self.Chosen())
