"""The step that confirms the schema: target, task and split with their evidence, and a table of the columns."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content

from tabsmith.presentation.schemas import KIND_LABELS, PROBLEM_TYPE_LABELS, split_line
from tabsmith.presentation.spans import Line, Span, foreign
from tabsmith.presentation.tables import READING_LABELS
from tabsmith.tables.schema.types import Split
from tabsmith.text import plural
from tabsmith.workflow.actions import AcceptSchema, ChangeKind, ChangeRole, ChangeSplit, ChangeTarget, RejectSchema
from tabsmith.workflow.form import ColumnsField, Fact, StepForm
from tabsmith_tui.actions import bindings
from tabsmith_tui.widgets.fields import TypedLine
from tabsmith_tui.widgets.lines_table import LinesTable
from tabsmith_tui.widgets.literal import ContentText, TextLine, assemble, content, literal
from tabsmith_tui.widgets.schema_table import SchemaTable, column_evidence
from tabsmith_tui.widgets.steps.base import StepView


class FilterLine(TypedLine):
    """The filter of the columns; up, down and enter go back to them."""

    HELP = "Only columns whose name holds these letters are shown. Escape shows all again."


class SchemaStep(StepView):
    """The schema; one key accepts it, others edit it."""

    ALLOWED: ClassVar[frozenset[str]] = frozenset({"lines", "preview", "copy", "reading", "explore"})
    ACTIONS: ClassVar[tuple[str, ...]] = (
        *("guided.accept", "guided.edit", "guided.toggle", "guided.target", "guided.split"),
        *("guided.filter", "guided.reject"),
    )
    """The actions of the guided steps that work in this step alone."""
    BINDINGS: ClassVar[list[BindingType]] = bindings(*ACTIONS)
    ABOUT = "The columns as tabsmith understands them, with the evidence. Enter accepts them; change what is not right."

    def compose(self) -> ComposeResult:
        yield TextLine(classes="problem")
        yield TextLine(classes="head")
        columns_filter = FilterLine(placeholder="letters of a column's name", id="filter")
        columns_filter.display = False
        yield columns_filter
        yield SchemaTable()
        with VerticalScroll(can_focus=False, id="explain"):
            yield TextLine()
        yield TextLine(classes="foot")

    @property
    def field(self) -> ColumnsField:
        """The form's columns."""
        return next(field for field in self.form.fields if isinstance(field, ColumnsField))

    @property
    def table(self) -> SchemaTable:
        return self.query_one(SchemaTable)

    def show(self, form: StepForm) -> None:
        super().show(form)
        self.table.show_field(self.field)
        self.query_one(".head", TextLine).show(_head(self.field, self.form.facts))
        self._explain()
        self._foot()

    def take_focus(self) -> None:
        self.table.focus()

    def go_on(self) -> None:
        accept = next((choice for choice in self.form.choices if isinstance(choice.answer, AcceptSchema)), None)
        self.post_message(self.Acted(accept.answer if accept else AcceptSchema()))

    def action_accept(self) -> None:
        """Accept the schema; if something is missing, open the dialog for it instead."""
        if not self.form.missing:
            self.go_on()
            return
        self.app.notify(f"Still missing: {', '.join(self.form.missing)}.", severity="warning")
        if not self.field.target or self.field.task == "none":
            self.action_target()

    def action_edit(self) -> None:
        """Edit kind and role of the column under the cursor."""
        from tabsmith_tui.screens.column_dialogs import ColumnEdit, ColumnEditor

        column = self.table.current
        if column is None:
            return

        def edited(edit: ColumnEdit | None) -> None:
            kind = [ChangeKind(column.name, edit.kind)] if edit and edit.kind != column.kind else []
            role = [ChangeRole(column.name, edit.role)] if edit and edit.role != column.role else []
            self.post_message(self.Acted(*kind, *role))

        self.app.push_screen(ColumnEditor(column), edited)

    def action_target(self) -> None:
        """Choose the column to predict."""
        from tabsmith_tui.screens.column_dialogs import target_picker

        def picked(name: str | None) -> None:
            if name is not None:
                self.post_message(self.Acted(ChangeTarget(name)))

        self.app.push_screen(target_picker(self.field), picked)

    def action_split(self) -> None:
        """Choose the test set and the folds."""
        from tabsmith_tui.screens.column_dialogs import SplitPicker

        def picked(split: Split | None) -> None:
            if split is not None:
                self.post_message(self.Acted(ChangeSplit(split)))

        self.app.push_screen(SplitPicker(self.field), picked)

    def action_reject(self) -> None:
        """Choose another table."""
        self.post_message(self.Acted(RejectSchema()))

    def action_use(self) -> None:
        """Use the column under the cursor as a feature, or leave it out."""
        line = self.table.current
        if line is None or line.role == "target":
            self.app.notify("The target cannot be a feature. t chooses another target.", severity="warning")
            return
        self.post_message(self.Acted(ChangeRole(line.name, "ignore" if line.role == "feature" else "feature")))

    def action_filter(self) -> None:
        """Filter the columns by name."""
        line = self.query_one("#filter", FilterLine)
        line.display = True
        line.focus()

    def close_filter(self) -> bool:
        """Show all columns again; whether a filter was open."""
        line = self.query_one("#filter", FilterLine)
        if not line.display:
            return False
        line.value = ""
        line.display = False
        self.table.focus()
        return True

    def on_input_changed(self, event: TypedLine.Changed) -> None:
        event.prevent_default()  # a filter is no draft
        event.stop()
        self.table.filter(event.value)
        self._foot()

    def on_input_submitted(self, event: TypedLine.Submitted) -> None:
        event.prevent_default()  # it goes back to the columns and takes nothing
        event.stop()
        self.table.focus()

    def on_lines_table_moved(self, event: LinesTable.Moved) -> None:
        event.stop()
        self._explain()

    def _explain(self) -> None:
        line = self.table.current
        lines: tuple[Line, ...] = ()
        if line is not None:
            name = (
                Span("▸ ", "accent"),
                foreign(line.name, "strong"),
                Span(f"  {KIND_LABELS[line.kind]}, {line.role}"),
            )
            lines = (name, *column_evidence(line))
        self.query_one("#explain TextLine", TextLine).show(content(lines))

    def _foot(self) -> None:
        field, shown = self.field, self.table.shown
        parts: list[ContentText | tuple[object, str]] = []
        if shown < len(field.columns):
            parts.append((f"{shown:,} of {plural(len(field.columns), 'column')} shown   ", "$quiet"))
        warned = sum(bool(line.warnings) for line in field.columns)
        if warned:
            parts.append((f"! {plural(warned, 'column')} to check   ", "$warn"))
        if field.rejected:
            parts.append((f"{plural(field.rejected, 'line')} could not be read (v)   ", "$warn"))
        if field.repaired:
            parts.append((f"{plural(field.repaired, 'line')} repaired (v)", "$quiet"))
        foot = self.query_one(".foot", TextLine)
        foot.show(assemble(*parts))
        foot.display = bool(parts)


def _head(field: ColumnsField, facts: Sequence[Fact]) -> Content:
    """The target, the task, the split, and how the table was read."""
    if field.target:
        candidate = next((option for option in field.candidates if option.name == field.target), None)
        line = next((column for column in field.columns if column.name == field.target), None)
        why = f"{candidate.reason} ({candidate.confidence:.0%} sure)" if candidate else line.evidence if line else ""
        kind = KIND_LABELS[line.kind] if line else ""
        target = assemble(literal(field.target, 40, "bold $accent"), f"  {kind}  ", literal(why, 200, "$quiet"))
    else:
        target = assemble(("none found", "bold $warn"), ("   t chooses what to predict", "$quiet"))
    reason = literal(f"   {field.split.reason}" if field.split.reason else "", 200, "$quiet")
    return Content("\n").join(
        [
            assemble(("Target  ", "$quiet"), target),
            assemble(
                ("Task    ", "$quiet"), (PROBLEM_TYPE_LABELS[field.task], "$warn" if field.task == "none" else "")
            ),
            assemble(("Split   ", "$quiet"), content([split_line(field.split)]), reason),
            *(
                assemble((f"{fact.label:<8}", "$quiet"), literal(fact.value, 300))
                for fact in facts
                if fact.label in READING_LABELS
            ),
        ]
    )
