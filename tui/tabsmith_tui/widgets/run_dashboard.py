"""The panels of a run: champion, agent, selected trial, score, leaderboard, iterations, log."""

from collections.abc import Sequence
from typing import ClassVar, Final, Protocol

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, Vertical

from tabsmith.presentation import budgets, tasks
from tabsmith.presentation.events import run_log
from tabsmith.presentation.scores import metric_direction
from tabsmith.presentation.spans import Line, Span, line
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.text import plural
from tabsmith_tui.views import (
    leaderboard,
    run_cards,
    run_header,
    score_plot,
    task_activity,
    task_pages,
    trial_details,
)
from tabsmith_tui.views import (
    tasks as task_views,
)
from tabsmith_tui.views.lines import LineColumn
from tabsmith_tui.widgets.drawing import Drawing
from tabsmith_tui.widgets.lines_table import LinesTable
from tabsmith_tui.widgets.literal import literal, set_border_title
from tabsmith_tui.widgets.log_view import LogView, log_title

_TASKS: Final = "Every row is a task of the file. enter or a second click shows its iterations, escape shows all again."
_WORK: Final = (
    "Every row is an iteration: the agent worked in the folder, then tabsmith ran the acceptance command, which alone "
    "decides. enter or a second click opens all that is known of it."
)


class TableRows(Protocol):
    """Rows by index; a row is made only when it is visible."""

    def __len__(self) -> int: ...

    @property
    def columns(self) -> Sequence[LineColumn]:
        """The columns of the rows."""
        ...

    def key(self, index: int) -> str:
        """The key of a row, the same at all times."""
        ...

    def cells(self, index: int) -> Sequence[Span]:
        """The row's cells, one for each column."""
        ...


class TrialsTable(LinesTable, inherit_bindings=False):
    """A table of trials whose cursor stays on its trial when rows are added above; the screen handles enter."""

    HELP = (
        "Every row is a recipe that was tried. enter or a second click opens all that is known of it. Δ is its "
        "score minus the champion's: green is better, red worse."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        binding for binding in LinesTable.BINDINGS if not (isinstance(binding, Binding) and binding.key == "enter")
    ]

    def __init__(self, columns: Sequence[LineColumn], *, id: str) -> None:  # noqa: A002
        super().__init__(columns, id=id)
        self.help_text = ""  # of rows that are no recipes
        self._rows: TableRows | None = None

    @property
    def key(self) -> str:
        """The key of the row under the cursor; "" without rows."""
        return self._rows.key(self.cursor) if self._rows is not None and self.cursor < len(self._rows) else ""

    def show(self, rows: TableRows) -> None:
        """Show these rows. A cursor on the first row stays there, so that the newest or best row is visible."""
        current = self.key if self.cursor else ""
        self._rows = rows
        cursor = next((index for index in range(len(rows)) if rows.key(index) == current), 0) if current else 0
        self.show_rows(len(rows), rows.cells, columns=rows.columns, cursor=cursor)


class ScorePlot(Drawing):
    """The score over the iterations; of a task file, the activity of its agent."""

    HELP = (
        "The score over the iterations. The line is the champion; a star marks a recipe that became champion, a dot one "
        "that did not."
    )

    def show_run(self, snapshot: RunSnapshot, now: float) -> None:
        """Draw the curve of a run, or what the agent of a task file does `now`."""
        if tasks.has_tasks(snapshot):
            second = int(now) if task_activity.has_clock(snapshot) else 0
            value = (snapshot.latest, snapshot.state, snapshot.retry, snapshot.updated_at, second)
            self.show(value, lambda width, height: task_activity.activity_lines(snapshot, now, width, height))
            return
        curve = score_plot.curve(snapshot)
        self.show(curve, lambda width, height: score_plot.draw_curve(curve, width, height))


class RunDashboard(Container):
    """All panels; `run.tcss` decides which of them a screen of a given size shows."""

    def __init__(self) -> None:
        super().__init__(id="board")
        # These widgets are attributes, because a last event may come while the screen is being taken down.
        self.budget = Drawing(id="budget")
        self.glance = Drawing(id="glance", grows=True)
        self.champion = Drawing(id="champion-card", grows=True)
        self.agent = Drawing(id="agent-card", grows=True)
        self.selected = Drawing(id="selected-card")
        self.plot = ScorePlot(id="score-plot")
        self.leaderboard = TrialsTable(leaderboard.LEADERBOARD_COLUMNS, id="leaderboard-table")
        self.iterations = TrialsTable(leaderboard.ITERATION_COLUMNS, id="iterations-table")
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
            set_border_title(self._panels[name], name.capitalize())
        self._panels["iterations"].add_class("-behind")
        self.table = self.leaderboard  # the table in use
        self._snapshot: RunSnapshot | None = None
        self._words = ""
        self._agent_lines: tuple[Line, ...] = ()  # the agent's card without its clock

    def compose(self) -> ComposeResult:
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

    def panel(self, table: TrialsTable) -> Container:
        """The panel of a table."""
        return self._panels["leaderboard" if table is self.leaderboard else "iterations"]

    def turn_to(self, table: TrialsTable) -> None:
        """Use this table; the screen shows it."""
        self.table = table
        self._show_selected()

    def show(self, snapshot: RunSnapshot, now: float, words: str = "") -> None:
        """Show the run as it is `now`, with the trials and log lines that hold `words`."""
        self.show_clock(snapshot, now)
        if snapshot is self._snapshot and words == self._words:
            return
        self._snapshot, self._words = snapshot, words
        self._show_cards(snapshot, now)
        self._show_agent(snapshot, now)
        self._show_tables(snapshot, words)
        self.log_view.show(run_log(snapshot), self._log_words)
        self._show_titles()

    def show_clock(self, snapshot: RunSnapshot, now: float) -> None:
        """Draw what changes with time."""
        used, left = budgets.limit_uses(snapshot, now), budgets.time_left(snapshot, now)
        self.budget.show((used, left), lambda width, _height: (run_header.budget_line(used, left, width),))
        if snapshot is self._snapshot and run_cards.has_clock(snapshot):
            self._show_agent(snapshot, now)
        if snapshot is self._snapshot and task_activity.has_clock(snapshot):
            self.plot.show_run(snapshot, now)

    def on_lines_table_moved(self) -> None:
        """Show the trial under the cursor."""
        self._show_selected()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Use the table that has the focus."""
        if isinstance(event.widget, TrialsTable):
            self.turn_to(event.widget)

    def on_log_view_following_changed(self) -> None:
        """Show whether the log follows."""
        self._show_titles()

    def _show_cards(self, snapshot: RunSnapshot, now: float) -> None:
        self._agent_lines = run_cards.agent_card(snapshot)
        self.plot.show_run(snapshot, now)
        if tasks.has_tasks(snapshot):
            self.champion.show_lines(task_views.task_card(snapshot))
            self.leaderboard.help_text, self.iterations.help_text = _TASKS, _WORK
            set_border_title(self._panels["champion"], "Tasks", tasks.task_progress(snapshot))
            set_border_title(self._panels["score"], "Last" if snapshot.state.ended else "Now")
            return
        self.champion.show_lines(run_cards.champion_card(snapshot))
        metric = snapshot.metric
        set_border_title(
            self._panels["score"], literal(f"Score  {metric_direction(metric)}" if metric else "Score", 80)
        )

    def _show_agent(self, snapshot: RunSnapshot, now: float) -> None:
        """The agent's card and the two lines of a small screen, with what changes over time."""
        lines = (*self._agent_lines, *run_cards.agent_activity(snapshot, now))
        self.agent.show_wrapped(lines)
        first = task_views.task_line(snapshot) if tasks.has_tasks(snapshot) else run_cards.champion_line(snapshot)
        self.glance.show_lines((first, run_cards.agent_line(snapshot, now)))
        # A run that never pauses shows no mode, like a run without an agent.
        mode = f"m {snapshot.mode}" if snapshot.mode != "automatic" else ""
        notes = plural(len(snapshot.notes), "note") if snapshot.notes else ""
        set_border_title(self._panels["agent"], "Agent", "  ".join(part for part in (notes, mode) if part))

    def _show_tables(self, snapshot: RunSnapshot, words: str) -> None:
        if tasks.has_tasks(snapshot):
            self.leaderboard.show(task_views.TaskList(snapshot))
            self.iterations.show(task_views.TaskIterations(snapshot, words))
        else:
            self.leaderboard.show(leaderboard.Leaderboard(snapshot, words))
            self.iterations.show(leaderboard.Iterations(snapshot, words))
        self._show_selected()

    def _show_selected(self) -> None:
        if self._snapshot is None:
            return
        key = self.table.key
        title, lines = _selected(self._snapshot, key) if key else ("Selected", ())
        set_border_title(self._panels["selected"], literal(title, 200), "d all of it" if key else "")
        self.selected.show_wrapped(lines)

    @property
    def _log_words(self) -> str:
        """The filter of the log: the name of a task filters iterations, and not log lines."""
        snapshot = self._snapshot
        return "" if snapshot is not None and task_views.is_task_name(snapshot, self._words) else self._words

    def _show_titles(self) -> None:
        snapshot, words = self._snapshot, self._words
        if snapshot is None:
            return
        best = "Tasks" if tasks.has_tasks(snapshot) else "Leaderboard"
        scored = len(snapshot.tasks) or len(snapshot.leaderboard) + (snapshot.ensemble is not None)
        for panel, name, table, everything, other, filtered in (
            ("leaderboard", best, self.leaderboard, scored, "t iterations", "" if snapshot.tasks else words),
            ("iterations", "Iterations", self.iterations, len(snapshot.trials), f"t {best.lower()}", words),
        ):
            set_border_title(
                self._panels[panel],
                literal(leaderboard.table_title(name, table.count, everything, filtered), 80),
                other,
            )
        view = self.log_view
        heading = log_title(following=view.following, newer=view.newer, words=self._log_words)
        skipped = f"{plural(snapshot.skipped, 'journal line')} not understood" if snapshot.skipped else ""
        set_border_title(self._panels["log"], literal(heading, 100), skipped)


def _selected(snapshot: RunSnapshot, key: str) -> tuple[str, tuple[Line, ...]]:
    """The title and lines of the trial under the cursor."""
    trial = next((trial for trial in snapshot.trials if str(trial.iteration) == key), None)
    if trial is None or trial.work is None:
        return trial_details.trial_details(snapshot, key)
    words = trial.work.words
    claim = ((), line("The agent's own claim", "mark"), line(words)) if words else ()
    return f"Iteration {trial.iteration}", (*task_pages.summary(snapshot, trial), *claim)
