"""The models screen: list, report, predict, name, note, promote, compare, export, delete."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tabsmith.errors import TabsmithError
from tabsmith.modeling.catalog import DEFAULT_ALIAS
from tabsmith.presentation.comparisons import comparison_lines
from tabsmith.presentation.spans import LabelledLine
from tabsmith.presentation.summaries import model_cells, model_facts, report_facts
from tabsmith.text import plural
from tabsmith_tui.actions import bindings_of
from tabsmith_tui.screens.base import start_worker
from tabsmith_tui.screens.dialogs import DialogAnswer, QuestionScreen
from tabsmith_tui.screens.listing import ListScreen
from tabsmith_tui.widgets.literal import ContentText, assemble, content, contents, literal
from tabsmith_tui.widgets.menu import Item

if TYPE_CHECKING:
    from tabsmith.modeling.model_files import ModelSummary
    from tabsmith.modeling.results import ModelReport


_OF_A_MODEL: Final = frozenset(
    {"open", "predict", "export", "delete", "rename", "note_on", "promote", "mark", "compare"}
)


class ModelsScreen(ListScreen["ModelSummary"]):
    """All saved models."""

    SCOPE = "models"
    BINDINGS = bindings_of("models")
    ABOUT = (
        "Every model that was saved, newest first. A model is a folder of plain files with checksums; it needs nothing "
        "of the run it came from. Predict with it, look at its report, or export it to take it to another machine."
    )
    EMPTY = "There are no models yet. Go back with esc, and press n to train a first one."

    def __init__(self) -> None:
        super().__init__()
        self._reports: dict[str, ModelReport | None] = {}
        self.marked = ""  # the id of the model that another one is compared with

    def load(self) -> "dict[str, ModelSummary]":
        return {model.id: model for model in self.services.store.models()}

    def item(self, key: str, thing: "ModelSummary") -> Item:
        kind, *others = contents(model_cells(thing, self.services.clock()))
        if self.marked:
            kind = assemble(("▪ " if key == self.marked else "  ", "$accent"), kind)
        return Item(key, (kind, *others))

    def group_of(self, thing: "ModelSummary") -> str:  # noqa: ARG002
        return "Models"

    def facts(self, thing: "ModelSummary") -> Sequence[LabelledLine]:
        report = self._reports.get(thing.id)
        if thing.id not in self._reports and not thing.damaged:
            start_worker(self, partial(self._read_report, thing.id), "report", alone=True)
        return [*model_facts(thing, self.services.clock()), *(report_facts(report) if report else ())]

    async def _read_report(self, model_id: str) -> None:
        try:
            self._reports[model_id] = await asyncio.to_thread(self.services.store.report, model_id)
        except Exception as error:  # noqa: BLE001 - a damaged model must not break the list; the error is shown
            self._reports[model_id] = None
            self.app.notify(str(error), title=f"The report of {model_id} cannot be read", severity="error")
            return
        if self.current is not None and self.current.id == model_id:
            self._show_current()

    def note(self, thing: "ModelSummary") -> ContentText:
        return assemble(("✘ ", "$bad"), literal(thing.damaged, 300)) if thing.damaged else ""

    def heading(self) -> str:
        return plural(len(self.things), "model")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Offer only what is possible with the model under the cursor."""
        if action not in _OF_A_MODEL:
            return True
        model = self.current if self.is_mounted else None
        if action == "compare":
            return model is not None and self.marked not in ("", model.id) and not model.damaged
        return model is not None and (action == "delete" or not model.damaged)

    def action_open(self) -> None:
        """Open the report."""
        if model := self.current:
            self.services.open_screen("result", model.id)

    def action_predict(self) -> None:
        """Predict with the model."""
        if model := self.current:
            self.services.open_screen("predict", model.id)

    def action_export(self) -> None:
        """Ask for a path, and write the model there."""
        model = self.current
        if model is None:
            return
        from tabsmith_tui.screens.dialogs import AskPathScreen

        def answered(path: str | None) -> None:
            if path:
                start_worker(self, partial(self._export, model.id, Path(path).expanduser()), "export")

        suggestion = str(Path.cwd() / f"{model.id}.zip")
        self.app.push_screen(
            AskPathScreen("Export the model", assemble("One file with all of ", literal(model.id, 60)), suggestion),
            answered,
        )

    async def _export(self, model_id: str, file: Path) -> None:
        if await self.succeeds(partial(self.services.store.export_model, model_id, file)):
            self.app.notify(f"The model is in {file}.", timeout=10)

    def action_rename(self) -> None:
        """Ask for a name, and give it to the model."""
        if model := self.current:
            question = assemble("What ", literal(model.id, 60), " is called in every list; empty takes the name away.")
            keep = partial(self.services.store.rename_model, model.id)
            self._ask("Name the model", question, keep, text=model.name, example="Churn of 2026")

    def action_note_on(self) -> None:
        """Ask for a note, and keep it on the model."""
        if model := self.current:
            question = assemble("A note on ", literal(model.id, 60), "; empty takes it away.")
            keep = partial(self.services.store.note_on_model, model.id)
            self._ask("Note", question, keep, text=model.note, example="before the price change")

    def action_promote(self) -> None:
        """Ask for an alias, and let it mean the model."""
        if model := self.current:
            question = assemble(
                "The alias that means ", literal(model.id, 60), " from now on, wherever a model is named. ",
                "`tabsmith models rollback` takes it back.",
            )  # fmt: skip
            keep = partial(self.services.store.promote_model, model.id)
            self._ask("Promote the model", question, keep, text=DEFAULT_ALIAS, example=DEFAULT_ALIAS)

    def _ask(self, title: str, question: ContentText, keep: Callable[[str], None], *, text: str, example: str) -> None:
        """Ask for a line, and keep it; what is wrong with it is said in the dialog."""
        from tabsmith_tui.screens.dialogs import AskLineScreen

        async def take(typed: str) -> TabsmithError | None:
            try:
                await asyncio.to_thread(keep, typed)
            except TabsmithError as error:
                return error
            await self._reload()
            return None

        self.app.push_screen(AskLineScreen(title, question, take, text=text, example=example))

    def action_mark(self) -> None:
        """Mark the model, or unmark it."""
        if model := self.current:
            self.marked = "" if model.id == self.marked else model.id
            self.draw()

    def action_compare(self) -> None:
        """Compare the marked model with the one under the cursor, on the test set of both."""
        if model := self.current:
            start_worker(self, partial(self._compare, self.marked, model.id), "compare", alone=True)

    async def _compare(self, first: str, second: str) -> None:
        try:
            found = await asyncio.to_thread(self.services.store.compare_models, first, second)
        except Exception as error:  # noqa: BLE001 - shown with its real name
            self.show_error(error)
            return
        told = content(comparison_lines(found))
        self.app.push_screen(QuestionScreen("Two models on the same rows", told, (DialogAnswer("", "back"),)))

    def action_delete(self) -> None:
        """Delete the model, after a question."""
        model = self.current
        if model is None:
            return

        def answered(answer: str | None) -> None:
            if answer == "delete":
                start_worker(self, partial(self._delete, model.id), "delete")

        self.app.push_screen(
            QuestionScreen(
                "Delete this model?",
                assemble(
                    literal(model.source, 60), " → ", literal(model.target, 60), "\n", (model.id, "$quiet"),
                    "\n\nIts files go; the run it came from stays, but cannot make it again without training.",
                ),
                (DialogAnswer("", "keep it"), DialogAnswer("delete", "delete it", "cannot be undone")),
            ),
            answered,
        )  # fmt: skip

    async def _delete(self, model_id: str) -> None:
        if await self.succeeds(partial(self.services.store.delete_model, model_id)):
            self.app.notify(f"Model {model_id} is deleted.")
            await self._reload()
