"""Parts of the guided screen: which view shows which prompt, what goes on now, and what a person should know first."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace
from textual.content import Content
from textual.widgets import Static

from tabsmith.runs.jobs import Progressed
from tabsmith.tables.read.sources import describe_source
from tabsmith.text import clean, plural
from tabsmith.workflow.actions import ChooseUpload
from tabsmith.workflow.form import StepForm
from tabsmith.workflow.session import SessionNotice, WorkflowSession
from tabsmith.workflow.states import GuidedStep, State, StepMark
from tabsmith_tui.widgets.literal import ContentText, assemble, literal
from tabsmith_tui.widgets.path_field import LONGEST
from tabsmith_tui.widgets.steps.base import StepView
from tabsmith_tui.widgets.steps.choices import ChoicesStep
from tabsmith_tui.widgets.steps.load import LoadStep
from tabsmith_tui.widgets.steps.manual import ManualStep
from tabsmith_tui.widgets.steps.model import ModelStep
from tabsmith_tui.widgets.steps.path import PathStep
from tabsmith_tui.widgets.steps.result import PredictStep, ResultStep
from tabsmith_tui.widgets.steps.schema import SchemaStep
from tabsmith_tui.widgets.steps.train import ReviewStep, TrainingStep

if TYPE_CHECKING:
    from tabsmith_tui.store import SessionOwner

_VIEWS: Final[dict[State, type[StepView]]] = {
    State.AWAITING_FILE_PATH: PathStep,
    State.AWAITING_DATA: PathStep,
    State.CHOOSING_LOAD_OPTION: LoadStep,
    State.CONFIRMING_SCHEMA: SchemaStep,
    State.AWAITING_SCHEMA_INPUT: ManualStep,
    State.CONFIGURING_MODEL: ModelStep,
    State.TRAINING: TrainingStep,
    State.TRAINED: ResultStep,
    State.PREDICTING: PredictStep,
}

_BAR: Final = 16
_RUNS_LOOKED_AT: Final = 30


def view_for(state: State, *, reviewing: bool) -> type[StepView]:
    """The view that shows a state; before training, one page with everything is shown too."""
    if reviewing and state is State.CONFIGURING_MODEL:
        return ReviewStep
    return _VIEWS.get(state, ChoicesStep)


def for_terminal(prompt: StepForm, *, reviewing: bool) -> StepForm:
    """The prompt as this screen shows it: a file cannot be sent to a terminal; and the page before training is a
    step of its own in the list."""
    if prompt.state is State.CHOOSING_DATA_SOURCE:
        default = prompt.choices[prompt.default]
        choices = tuple(choice for choice in prompt.choices if not isinstance(choice.answer, ChooseUpload))
        place = choices.index(default) if default in choices else 0
        prompt = replace(prompt, choices=choices, default=place)
    if not (reviewing and prompt.state is State.CONFIGURING_MODEL):
        return prompt
    marks = {GuidedStep.MODEL: StepMark.DONE, GuidedStep.TRAIN: StepMark.CURRENT}
    steps = tuple(replace(line, mark=marks.get(line.step, line.mark)) for line in prompt.steps)
    return replace(prompt, title="Ready to train?", steps=steps, step=GuidedStep.TRAIN)


def subject(session: WorkflowSession, owner: "SessionOwner | None" = None) -> ContentText:
    """Whose session it is when it is not the terminal's own, and what it is about, for the line at the top."""
    parts = [assemble((f"▸ {owner.phone}", "$accent"), " · ")] if owner else []
    if session.source is None:
        return assemble(*parts, "a new model")
    parts.append(literal(describe_source(session.source), 60))
    if session.table is not None and session.table.source == session.source and session.load == "now":
        shape = f" · {plural(session.table.rows, 'row')} · {plural(len(session.table.profile.columns), 'column')}"
        parts.append(assemble((shape, "$quiet")))
    return assemble(*parts)


def recent_files() -> tuple[str, ...]:
    """The files of the newest runs, newest first; those that are gone are left out."""
    from tabsmith.errors import TabsmithError
    from tabsmith.runs.folder import RunFolder, run_ids
    from tabsmith.tables.read.sources import FileSource

    paths: dict[str, None] = {}
    for run_id in run_ids()[:_RUNS_LOOKED_AT]:
        try:
            source = RunFolder(run_id).spec().source
        except TabsmithError:  # a damaged run is listed with its problem on the runs screen
            continue
        if isinstance(source, FileSource) and Path(source.path).is_file():
            paths[source.path] = None
    return tuple(path for path in paths if clean(path, LONGEST) == path)


class NoticeBox(Static):
    """What changed while a person was away; it goes with the next answer."""

    DEFAULT_CSS = "NoticeBox { height: auto; color: $warn; margin-bottom: 1; }"

    def show(self, notices: tuple[SessionNotice, ...]) -> None:
        """Show these; nothing when there are none."""
        self.update(Content("\n").join([literal(f"! {notice.text}", 600) for notice in notices]))
        self.display = bool(notices)


class WorkLine(Static):
    """Work under way: what, how far, and how to end it."""

    DEFAULT_CSS = "WorkLine { height: 1; text-wrap: nowrap; text-overflow: ellipsis; }"

    def begin(self, what: str) -> None:
        """Show that `what` is being done."""
        self._what = clean(what, 100)
        self.progress(Progressed(-1.0, ""))
        self.display = True

    def progress(self, progressed: Progressed) -> None:
        """Show how far it is."""
        share, message = progressed.share, clean(progressed.message, 80)
        full = round(max(0.0, min(1.0, share)) * _BAR)
        how_far = "" if share < 0 else f"  {'━' * full}{'╌' * (_BAR - full)} {share:.0%}"
        said = f"  {message}" if message else ""
        how_to_end = ("   esc cancels", "$quiet")
        self.update(assemble(("◔ ", "$accent"), self._what, (how_far, "$accent"), how_to_end, (said, "$quiet")))

    def end(self) -> None:
        """Nothing is being done any more."""
        self.display = False
