"""The panels of a run: champion, agent, selected try, score, leaderboard, iterations, log. It draws a snapshot."""

from textual import events
from textual.app import ComposeResult
from textual.containers import Container, Horizontal, Vertical

from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.text import plural
from tabsmith_tui.views import cards, details, header, log, score_plot, tries
from tabsmith_tui.views.lines import Line, wrap_line
from tabsmith_tui.widgets.drawing import Drawing
from tabsmith_tui.widgets.literal import entitle, literal
from tabsmith_tui.widgets.log_view import LogView
from tabsmith_tui.widgets.tries_table import TriesTable


class ScorePlot(Drawing):
    """The score over training time."""

    HELP = (
        "The score over training time. The line is the champion; a star is where a recipe took the title, a dot one "
        "that did not."
    )

    def show_run(self, snapshot: RunSnapshot) -> None:
        """Draw the curve of this run."""
        curve = score_plot.curve(snapshot)
        self.show(curve, lambda width, height: score_plot.draw(curve, width, height))


class RunBoard(Container):
    """All panels; what is shown in which size is decided by run.tcss."""

    def __init__(self) -> None:
        super().__init__(id="board")
        # Held, not queried: a last event may come while the screen is being taken down, part by part.
        self.budget = Drawing(id="budget")
        self.glance = Drawing(id="glance", grows=True)
        self.champion = Drawing(id="champion-card", grows=True)
        self.agent = Drawing(id="agent-card", grows=True)
        self.selected = Drawing(id="selected-card")
        self.plot = ScorePlot(id="score-plot")
        self.leaderboard = TriesTable(tries.LEADERBOARD_COLUMNS, id="leaderboard-table")
        self.iterations = TriesTable(tries.ITERATION_COLUMNS, id="iterations-table")
        self.log_view = LogView(id="log-view")
        self._panels = {
            name: Container(inner, id=name, classes="panel")
            for name, inner in (
                ("champion", self.champion),
                ("agent", self.agent),
                ("selected", self.selected),
                ("score", self.plot),
                ("leaderboard", self.leaderboard),
                ("iterations", self.iterations),
                ("log", self.log_view),
            )
        }
        for name in ("champion", "agent", "score"):
            entitle(self._panels[name], name.capitalize())
        self._panels["iterations"].add_class("-behind")
        self.table = self.leaderboard  # the one that is worked in
        self._snapshot: RunSnapshot | None = None
        self._words = ""

    def compose(self) -> ComposeResult:
        """Every panel once."""
        yield self.budget
        yield self.glance
        with Horizontal(id="main"):
            with Vertical(id="left"):
                yield self._panels["champion"]
                yield self._panels["agent"]
                yield self._panels["selected"]
            with Vertical(id="right"):
                yield self._panels["score"]
                yield self._panels["leaderboard"]
                yield self._panels["iterations"]
        yield self._panels["log"]

    def panel(self, table: TriesTable) -> Container:
        """The panel that holds `table`."""
        return self._panels["leaderboard" if table is self.leaderboard else "iterations"]

    def turn_to(self, table: TriesTable) -> None:
        """Make this the table that is worked in; the screen shows it."""
        self.table = table
        self._show_selected()

    def show(self, snapshot: RunSnapshot, now: float, words: str = "") -> None:
        """Show the run as it is `now`, with the tries and log lines that hold `words`."""
        self.show_clock(snapshot, now)
        if snapshot is self._snapshot and words == self._words:
            return
        self._snapshot, self._words = snapshot, words
        self._show_cards(snapshot)
        self._show_tables(snapshot, words)
        self.log_view.show(snapshot.log, words)
        self._show_titles()

    def show_clock(self, snapshot: RunSnapshot, now: float) -> None:
        """Only what moves with time."""
        used, left = header.budgets(snapshot, now), header.time_left(snapshot, now)
        self.budget.show((used, left), lambda width, _height: (header.budget_line(used, left, width),))

    def on_lines_table_moved(self) -> None:
        """Show the try that is under the cursor now."""
        self._show_selected()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """The cursor of the table with the focus counts."""
        if isinstance(event.widget, TriesTable):
            self.turn_to(event.widget)

    def on_log_view_following_changed(self) -> None:
        """Say whether the log follows."""
        self._show_titles()

    def _show_cards(self, snapshot: RunSnapshot) -> None:
        self.champion.show_lines(cards.champion(snapshot))
        self.agent.show_lines(cards.agent(snapshot))
        self.glance.show_lines(_glance(snapshot))
        self.plot.show_run(snapshot)
        metric = snapshot.metric
        entitle(self._panels["score"], literal(f"Score  {score_plot.direction(metric)}" if metric else "Score", 80))

    def _show_tables(self, snapshot: RunSnapshot, words: str) -> None:
        self.leaderboard.show(tries.Leaderboard(snapshot, words))
        self.iterations.show(tries.Iterations(snapshot, words))
        self._show_selected()

    def _show_selected(self) -> None:
        if self._snapshot is None:
            return
        key = self.table.key
        title, lines = details.details(self._snapshot, key) if key else ("Selected", ())
        entitle(self._panels["selected"], literal(title, 200), "d all of it" if key else "")
        self.selected.show(lines, lambda width, _height: [part for line in lines for part in wrap_line(line, width)])

    def _show_titles(self) -> None:
        snapshot, words = self._snapshot, self._words
        if snapshot is None:
            return
        scored = len(snapshot.leaderboard) + (snapshot.ensemble is not None)
        for name, table, everything in (
            ("Leaderboard", self.leaderboard, scored),
            ("Iterations", self.iterations, len(snapshot.tries)),
        ):
            title = literal(tries.title(name, table.count, everything, words), 80)
            other = "t iterations" if name == "Leaderboard" else "t leaderboard"
            entitle(self._panels[name.lower()], title, other)
        view = self.log_view
        heading = log.title(following=view.following, newer=view.newer, words=words)
        skipped = f"{plural(snapshot.skipped, 'journal line')} not understood" if snapshot.skipped else ""
        entitle(self._panels["log"], literal(heading, 100), skipped)


def _glance(snapshot: RunSnapshot) -> tuple[Line, ...]:
    return (cards.champion_line(snapshot), cards.agent_line(snapshot))
