"""The runs screen: list, open, resume, stop, delete; several runs side by side."""

from collections.abc import Sequence
from functools import partial

from tabsmith.presentation.spans import LabelledLine
from tabsmith.presentation.summaries import run_cells, run_facts
from tabsmith.runs.events import RunState
from tabsmith.runs.watch import RunSummary
from tabsmith.text import plural
from tabsmith_tui.actions import bindings_of
from tabsmith_tui.screens.base import start_worker
from tabsmith_tui.screens.dialogs import DialogAnswer, QuestionScreen
from tabsmith_tui.screens.listing import ListScreen
from tabsmith_tui.widgets.literal import ContentText, assemble, contents, literal
from tabsmith_tui.widgets.menu import Item

REFRESH_SECONDS = 2.0
MOST_SIDE_BY_SIDE = 4  # runs side by side
_ORDER = {"At work": 0, "Interrupted": 1, "Ended": 2}


class RunsScreen(ListScreen[RunSummary]):
    """All runs. Running ones are refreshed."""

    SCOPE = "runs"
    BINDINGS = bindings_of("runs")
    ABOUT = (
        "Every run, those at work first. A run is a process of its own: it continues when you leave. An interrupted one "
        "lost its process (a reboot, a kill) and can be resumed at its next step. Deleting a run keeps its model."
    )
    EMPTY = "There are no runs yet. Go back with esc, and press n to train a first model."

    def __init__(self) -> None:
        super().__init__()
        self.marked: list[str] = []  # in the order in which they were marked

    def on_mount(self) -> None:
        """Refresh while a run is running."""
        super().on_mount()
        self.set_interval(REFRESH_SECONDS, self._refresh_living)

    def _refresh_living(self) -> None:
        if self.is_current and any(not run.state.ended for run in self.things.values()):
            self.action_reload()

    def load(self) -> dict[str, RunSummary]:
        runs = sorted(self.services.store.runs(), key=lambda run: _ORDER[self.group_of(run)])
        return {run.id: run for run in runs}

    def item(self, key: str, thing: RunSummary) -> Item:
        state, *cells = contents(run_cells(thing, self.services.clock()))
        if self.marked:
            state = assemble(("▪ " if key in self.marked else "  ", "$accent"), state)
        return Item(key, (state, *cells, literal(thing.id, 40, "$quiet")))

    def group_of(self, thing: RunSummary) -> str:
        if not thing.state.ended:
            return "At work"
        return "Interrupted" if thing.state is RunState.INTERRUPTED else "Ended"

    def facts(self, thing: RunSummary) -> Sequence[LabelledLine]:
        return run_facts(thing, self.services.clock())

    def note(self, thing: RunSummary) -> ContentText:
        if thing.problem:
            return assemble(("✘ ", "$bad"), literal(thing.problem, 300))
        if thing.damaged_lines:
            return f"{plural(thing.damaged_lines, 'line')} of its journal cannot be read: tabsmith check says more."
        if thing.state is RunState.INTERRUPTED:
            return "Its process is gone. r resumes it at its next step; what it had done is kept."
        return ""

    def heading(self) -> str:
        living = sum(not run.state.ended for run in self.things.values())
        marked = f" · {len(self.marked)} marked" if self.marked else ""
        return plural(len(self.things), "run") + (f" · {living} at work" if living else "") + marked

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Offer only what is possible with the run under the cursor."""
        if action == "beside":
            return len(self.marked) > 1
        if action not in ("open", "resume", "stop", "delete", "mark"):
            return True
        run = self.current if self.is_mounted else None
        if run is None:
            return False
        match action:
            case "resume":
                return run.state is RunState.INTERRUPTED
            case "stop":
                return not run.state.ended
            case "delete":
                return run.state.ended
            case _:
                return True

    def action_open(self) -> None:
        """Open the run."""
        if run := self.current:
            self.services.open_screen("run", run.id)

    def action_mark(self) -> None:
        """Mark or unmark the run; at most four are marked."""
        run = self.current
        if run is None:
            return
        if run.id in self.marked:
            self.marked.remove(run.id)
        elif len(self.marked) < MOST_SIDE_BY_SIDE:
            self.marked.append(run.id)
        else:
            self.app.notify(f"{MOST_SIDE_BY_SIDE} runs are marked already; unmark one with space.", severity="warning")
        self.draw()

    def action_beside(self) -> None:
        """Open the marked runs side by side."""
        from tabsmith_tui.screens.side_by_side import SideBySideScreen

        self.app.push_screen(SideBySideScreen(self.marked))

    async def action_resume(self) -> None:
        """Resume an interrupted run, and open it."""
        if run := self.current:
            try:
                await self.services.supervisor.resume_run(run.id)
            except Exception as error:  # noqa: BLE001 - shown with its real name
                self.show_error(error)
                return
            self.services.open_screen("run", run.id)

    async def action_stop(self) -> None:
        """Stop the run; its best model is kept."""
        if run := self.current:
            from tabsmith.runs.events import Stop

            if await self.succeeds(partial(self.services.store.send, run.id, Stop())):
                kept = "what it worked on is kept" if run.tasks else "it keeps its best model so far"
                self.app.notify(f"Run {run.id} was told to stop; {kept}.")
                self.action_reload()

    def action_delete(self) -> None:
        """Delete the run, after a question."""
        run = self.current
        if run is None:
            return
        kept = f" Its model {run.model_id} stays." if run.model_id else " It has no model."
        if run.tasks:
            kept = " So do the folders it worked in; what was handed back stays."

        def answered(answer: str | None) -> None:
            if answer == "delete":
                start_worker(self, partial(self._delete, run), "delete")

        self.app.push_screen(
            QuestionScreen(
                "Delete this run?",
                assemble(literal(run.source, 60), "\n", (run.id, "$quiet"), "\n\nIts journal and records go.", kept),
                (DialogAnswer("", "keep it"), DialogAnswer("delete", "delete it", "cannot be undone")),
            ),
            answered,
        )

    async def _delete(self, run: RunSummary) -> None:
        if await self.succeeds(partial(self.services.store.delete_run, run.id)):
            self.app.notify(f"Run {run.id} is deleted.")
            self.marked = [run_id for run_id in self.marked if run_id != run.id]
            await self._reload()
