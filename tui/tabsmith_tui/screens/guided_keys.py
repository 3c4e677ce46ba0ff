"""The keys of the guided screen: each asks the step that is shown, or opens a dialog and answers with what it chose."""

from typing import TYPE_CHECKING, Final

from textual.screen import Screen

from tabsmith.errors import ErrorReport
from tabsmith.workflow import actions
from tabsmith.workflow.form import ColumnLine
from tabsmith.workflow.states import State
from tabsmith_tui.widgets.literal import assemble
from tabsmith_tui.widgets.steps.base import StepView
from tabsmith_tui.widgets.steps.result import result_of
from tabsmith_tui.widgets.steps.schema import SchemaStep
from tabsmith_tui.widgets.steps.train import ReviewStep

if TYPE_CHECKING:
    from tabsmith.tables.info import Preview
    from tabsmith.tables.schema.types import Split
    from tabsmith.workflow.session import WorkflowSession
    from tabsmith_tui.app import TabsmithApp
    from tabsmith_tui.screens.column_editor import ColumnEdit
    from tabsmith_tui.store import SessionOwner

STEP_ACTIONS: Final = frozenset(
    {"next", "accept", "start", "result", "watch", "edit", "use", "target", "split", "lines", "preview", "predict"}
    | {"filter", "reject", "new", "copy"}
)


class GuidedKeys(Screen[None]):
    """The actions of the guided screen; what they need of it is declared here."""

    if TYPE_CHECKING:
        owner: SessionOwner | None

        @property
        def tabsmith(self) -> TabsmithApp: ...
        @property
        def session(self) -> WorkflowSession: ...
        @property
        def view(self) -> StepView | None: ...
        @property
        def working(self) -> bool: ...
        async def begin(self) -> None: ...
        async def give(self, answer: actions.WorkflowAction) -> bool: ...
        async def preview(self) -> Preview | ErrorReport | None: ...
        def end_work(self) -> None: ...
        def show_review(self, *, reviewing: bool) -> None: ...
        def show_error(self, error: BaseException | ErrorReport) -> None: ...

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Whether the action means something at the step that is shown."""
        view = self.view
        if action not in STEP_ACTIONS:
            return True
        if view is None or action not in view.ALLOWED:
            return False
        if action == "copy":
            return bool(view.to_copy())
        if action == "lines" and isinstance(view, SchemaStep):
            return bool(view.field.rejected or view.field.repaired)
        return True

    # Going on and back --------------------------------------------------------------------------------------------

    def action_next(self) -> None:
        """Take what is shown."""
        if self.view is not None:
            self.view.go_on()

    async def action_accept(self) -> None:
        """Take the schema; where something is missing, go there instead."""
        view = self.view
        if not isinstance(view, SchemaStep):
            return
        if view.prompt.missing:
            self.app.notify(f"Still missing: {', '.join(view.prompt.missing)}.", severity="warning")
            if not view.field.target or view.field.task == "none":
                self.action_target()
            return
        view.go_on()

    async def action_start(self) -> None:
        """Start training."""
        await self.give(actions.Train())

    def action_watch(self) -> None:
        """Open the run."""
        self.tabsmith.open_run(self.session.run_id)

    def action_result(self) -> None:
        """The whole report."""
        result = result_of(self.view.prompt) if self.view else None
        if result is not None:
            self.tabsmith.open_result(result.model.model_id)

    async def action_predict(self) -> None:
        """On to new rows."""
        await self.give(actions.PredictRows())

    async def action_new(self) -> None:
        """The model stays; begin again."""
        if await self.give(actions.Finish()):
            await self.give(actions.Begin())

    async def action_back(self) -> None:
        """One step back; work under way ends; before the first step, home."""
        view = self.view
        if view is None:  # the conversation is still being taken up
            self.tabsmith.open_home()
            return
        if isinstance(view, SchemaStep) and view.close_filter():
            return
        if isinstance(view, ReviewStep):
            self.show_review(reviewing=False)
            return
        working = self.working
        if working:
            self.end_work()
        target = self.session.schema.target if self.session.schema else ""
        if working and self.session.state is State.CONFIRMING_SCHEMA and target:
            await self.give(actions.ChangeTarget(target))  # the target it has already: nobody waits for another one
            self.app.notify("Cancelled. The target stays as it was.")
        elif self.session.state is State.TRAINING or view.prompt.back_to in (None, State.IDLE):
            self.tabsmith.open_home()
        else:
            if working:
                self.app.notify("Cancelled.")
            await self.give(actions.Back())

    def action_cancel(self) -> None:
        """Give the session up, after a question."""
        from tabsmith_tui.screens.dialogs import DialogAnswer, QuestionScreen

        if self.view is None:
            return
        running = self.session.state is State.TRAINING
        text = "What you typed and chose in these steps is removed. Files, models and runs stay."
        question = QuestionScreen(
            "Give this session up?",
            assemble(
                text,
                "\nThe run that is at work goes on." if running else "",
                f"\nIt is the conversation of {self.owner.phone}: it ends there too." if self.owner else "",
            ),
            (
                DialogAnswer("", "back", "keep everything"),
                DialogAnswer("cancel", "give it up", "home, with nothing half done"),
            ),
        )
        self.app.push_screen(question, self._cancelled)

    async def _cancelled(self, answer: str | None) -> None:
        if answer == "cancel":
            self.end_work()
            if await self.give(actions.Cancel()):
                self.tabsmith.open_home()

    def ask_new(self) -> None:
        """A session is under way already: go on with it, or begin anew."""
        from tabsmith_tui.screens.dialogs import DialogAnswer, QuestionScreen

        question = QuestionScreen(
            "You are in the middle of something",
            assemble(f"Your session stands at “{self.session.state.value}”. Go on with it, or begin anew?"),
            (
                DialogAnswer("", "go on", "with everything as you left it"),
                DialogAnswer("new", "begin anew", "the old one is removed"),
            ),
        )

        async def answered(answer: str | None) -> None:
            if answer == "new" and await self.give(actions.Cancel()):
                await self.begin()

        self.app.push_screen(question, answered)

    # The schema ---------------------------------------------------------------------------------------------------

    @property
    def _schema(self) -> SchemaStep:
        view = self.view
        assert isinstance(view, SchemaStep)
        return view

    def action_edit(self) -> None:
        """Kind and role of the column under the cursor."""
        from tabsmith_tui.screens.column_editor import ColumnEditor

        line = self._schema.table.current
        if line is None:
            return

        async def edited(edit: "ColumnEdit | None") -> None:
            if edit is not None:
                await self._change(line, edit)

        self.app.push_screen(ColumnEditor(line), edited)

    async def _change(self, line: ColumnLine, edit: "ColumnEdit") -> None:
        if edit.kind != line.kind and not await self.give(actions.ChangeKind(line.name, edit.kind)):
            return
        if edit.role != line.role:
            await self.give(actions.ChangeRole(line.name, edit.role))

    def action_target(self) -> None:
        """Another column to predict."""
        from tabsmith_tui.screens.pickers import target_picker

        async def picked(name: str | None) -> None:
            if name is not None:
                await self.give(actions.ChangeTarget(name))

        self.app.push_screen(target_picker(self._schema.field), picked)

    def action_split(self) -> None:
        """How rows are held out."""
        from tabsmith_tui.screens.pickers import SplitPicker

        async def picked(split: "Split | None") -> None:
            if split is not None:
                await self.give(actions.ChangeSplit(split))

        self.app.push_screen(SplitPicker(self._schema.field), picked)

    def action_use(self) -> None:
        """Feature or not."""
        self._schema.toggle()

    def action_filter(self) -> None:
        """Narrow the columns down."""
        self._schema.open_filter()

    def action_reject(self) -> None:
        """Another table."""
        self._schema.reject()

    def action_lines(self) -> None:
        """Lines rejected and repaired."""
        from tabsmith_tui.screens.table_views import LinesView

        if self.session.table is not None:
            self.app.push_screen(LinesView(self.session.table))

    def action_preview(self) -> None:
        """The first rows."""
        self.run_worker(self._show_preview(), group="preview", exclusive=True, exit_on_error=False)

    async def _show_preview(self) -> None:
        from tabsmith.tables.read.sources import describe_source
        from tabsmith_tui.screens.table_views import PreviewView

        found = await self.preview()
        if isinstance(found, ErrorReport):
            self.show_error(found)
        elif found is not None and self.session.source is not None:
            self.app.push_screen(PreviewView(found, describe_source(self.session.source)))

    async def action_copy(self) -> None:
        """Copy what the step has to copy, and say where it went."""
        from tabsmith_tui.clipboard import copy

        text = self.view.to_copy() if self.view else ""
        if not text:
            return
        try:
            copied = await copy(text, self.app)
        except OSError as error:
            self.app.notify(f"Could not copy: {error}", severity="error")
            return
        self.app.notify(copied.words)
