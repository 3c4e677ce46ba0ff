"""The work that the conversation asks for, carried out beside the guided screen; its results are answers too."""

from typing import TYPE_CHECKING

from textual.screen import Screen
from textual.worker import Worker

from tabsmith.errors import ErrorReport
from tabsmith.tables.info import Preview
from tabsmith.workflow import actions
from tabsmith.workflow import effects as do
from tabsmith.workflow.effects import (
    RunnableJob,
    RunnableRun,
    describe_job,
    estimate_table,
    read_first_rows,
    run_job,
    start_run,
)
from tabsmith_tui.screens.guided_parts import WorkLine
from tabsmith_tui.widgets.steps.load import LoadStep

if TYPE_CHECKING:
    from tabsmith.workflow.awaited_run import AwaitedRun
    from tabsmith.workflow.session import WorkflowSession
    from tabsmith_tui.app import TabsmithApp


class GuidedWork(Screen[None]):
    """Jobs one at a time, runs, estimates and first rows; what they need of the guided screen is declared here."""

    if TYPE_CHECKING:
        awaited: AwaitedRun

        @property
        def tabsmith(self) -> TabsmithApp: ...
        @property
        def session(self) -> WorkflowSession: ...
        async def give(self, answer: actions.WorkflowAction) -> bool: ...

    def __init__(self) -> None:
        super().__init__()
        self._work: Worker[None] | None = None
        self._preview: tuple[str, Preview] | None = None  # of the table with that fingerprint

    @property
    def working(self) -> bool:
        """Whether work that can be cancelled is under way."""
        return self._work is not None and not self._work.is_finished

    def begin_work(self, effect: do.Effect) -> None:
        """Have it carried out; its result is given to the conversation."""
        match effect:
            case do.ReadSource() | do.DetectTarget() | do.PredictFile():
                self._work = self.run_worker(self._carry_out(effect), group="job", exclusive=True, exit_on_error=False)
            case do.StartTraining() | do.ResumeTraining():
                if isinstance(effect, do.ResumeTraining):
                    self.awaited.resumed(effect.run_id)
                self.run_worker(self._start(effect), group="run", exit_on_error=False)
            case _:
                raise TypeError(f"{type(effect).__name__} is carried out by the conversation itself")

    async def _carry_out(self, effect: RunnableJob) -> None:
        line = self.query_one(WorkLine)
        line.begin(describe_job(effect))
        previews: list[Preview] = []
        try:
            answer = await run_job(effect, self.tabsmith.supervisor, line.progress, previews.append)
        finally:
            line.end()
        if isinstance(answer, actions.TableLoaded) and previews:
            self._preview = (answer.info.fingerprint, previews[0])
        self._work = None
        await self.give(answer)

    def end_work(self) -> None:
        """End the work under way, and its process with it."""
        if self._work is not None:
            self._work.cancel()
            self._work = None
        self.query_one(WorkLine).end()

    async def _start(self, effect: RunnableRun) -> None:
        run_id = effect.spec.id if isinstance(effect, do.StartTraining) else effect.run_id
        failed = await start_run(effect, self.tabsmith.supervisor)
        if failed is not None:
            await self.give(failed)
        elif self.app.screen is self:
            self.tabsmith.open_run(run_id)

    async def preview(self) -> Preview | ErrorReport | None:
        """The first rows of the table; read again when this sitting has not seen them yet."""
        table = self.session.table
        if table is None:
            return None
        if self._preview is None or self._preview[0] != table.fingerprint:
            line = self.query_one(WorkLine)
            line.begin("reading the first rows")
            try:
                found = await read_first_rows(table.source, self.tabsmith.supervisor, line.progress)
            finally:
                line.end()
            if isinstance(found, ErrorReport):
                return found
            self._preview = (table.fingerprint, found)
        return self._preview[1]

    def begin_estimate(self, view: LoadStep) -> None:
        """Look at what loading will cost, and show it at the step."""
        self.run_worker(self._estimate(view), group="estimate", exclusive=True, exit_on_error=False)

    async def _estimate(self, view: LoadStep) -> None:
        source = self.session.source
        if source is None:
            return
        found = await estimate_table(source, self.tabsmith.supervisor)
        if view.is_attached:
            view.show_estimate(found)
