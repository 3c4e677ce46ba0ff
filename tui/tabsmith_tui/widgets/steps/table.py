"""The steps that choose a table: its path, whether it is loaded now, and a schema in words if it is read later."""

from collections.abc import Mapping
from textwrap import indent
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import OptionList

from tabsmith.errors import ErrorReport
from tabsmith.formatting import count, size
from tabsmith.tables.info import Estimate
from tabsmith.tables.schema.manual import EXAMPLES
from tabsmith.workflow.form import Fact, StepForm, TextField
from tabsmith.workflow.session import FieldName
from tabsmith_tui.widgets.fields import TypedText
from tabsmith_tui.widgets.literal import TextLine, assemble, literal, literal_block
from tabsmith_tui.widgets.path_field import PathField
from tabsmith_tui.widgets.steps.base import ChoiceList, FactLines, StepView
from tabsmith_tui.widgets.steps.choices import ChoicesStep


class PathStep(StepView):
    """A path to type, complete or paste, also with quotes, `~` or `file://`."""

    ALLOWED: ClassVar[frozenset[str]] = frozenset({"next", "copy"})
    ABOUT = (
        "Type, complete (tab) or paste the path of a table: CSV, TSV, Parquet, JSON, JSONL, Excel; packed with gzip or "
        "zstd too. Nothing is read before you press enter."
    )

    def __init__(self, form: StepForm, recent: tuple[str, ...] = ()) -> None:
        super().__init__(form)
        self.recent = recent

    @property
    def text_field(self) -> TextField:
        """The form's field for the path."""
        return next(field for field in self.form.fields if isinstance(field, TextField))

    def compose(self) -> ComposeResult:
        field = self.text_field
        yield TextLine(literal_block(self.form.words, 2_000), classes="say")
        yield PathField(field.value, placeholder=field.example, recent=self.recent)
        with VerticalScroll(can_focus=False):
            yield TextLine(classes="problem")
            yield FactLines(self.form.facts)
            yield ChoiceList(self.form.choices[1:])

    def on_mount(self) -> None:
        self._show_problem()

    def show(self, form: StepForm) -> None:
        super().show(form)
        self.query_one(".say", TextLine).show(literal_block(form.words, 2_000))
        self.query_one(FactLines).show_facts(form.facts)
        self.query_one(ChoiceList).show(form.choices[1:])
        self._show_problem()

    def take_focus(self) -> None:
        self.query_one(PathField).line.focus()

    def texts(self) -> Mapping[FieldName, str]:
        return {self.text_field.name: self.query_one(PathField).value}

    def on_path_field_changed(self, event: PathField.Changed) -> None:
        event.stop()
        self.post_message(self.Typed(self.text_field.name, event.value))

    def on_path_field_submitted(self, event: PathField.Submitted) -> None:
        event.stop()
        self.go_on()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.choose(self.form.choices[1 + event.option_index])

    def _show_problem(self) -> None:
        field = self.text_field
        self.show_problem(field.problem or self.form.problem, named=field.problem is None)
        choices = self.query_one(ChoiceList)
        choices.display = bool(choices.choices)


class LoadStep(ChoicesStep):
    """Load now, or defer; only the beginning of the file has been read so far."""

    ALLOWED: ClassVar[frozenset[str]] = frozenset({"next", "copy"})
    ABOUT = (
        "Load now reads the whole table once and shows what it holds. Defer reads nothing: you describe the target and "
        "the features in words, and the table is read when training starts."
    )

    _estimated: tuple[Fact, ...] = ()

    def compose(self) -> ComposeResult:
        yield TextLine(literal_block(self.form.words, 2_000), classes="say")
        with VerticalScroll(can_focus=False):
            yield TextLine(classes="problem")
            yield FactLines(self.form.facts)
            yield TextLine(id="estimate-problem")
            yield ChoiceList(self.form.choices, self.form.default)

    def on_mount(self) -> None:
        super().on_mount()
        self._show_estimated((Fact("Rows", "…", "looking at its beginning"),))
        self.query_one("#estimate-problem").display = False

    def show_estimate(self, estimate: Estimate | ErrorReport) -> None:
        """Show what loading will cost, or why that cannot be estimated."""
        if isinstance(estimate, ErrorReport):
            self._show_no_estimate(estimate)
            return
        about = "" if estimate.format == "sample" else "about "
        unsized = any(fact.label == "Size" for fact in self.form.facts) or not estimate.size
        self._show_estimated(
            (
                Fact("Format", estimate.format + ("" if unsized else f", {size(estimate.size)}")),
                Fact("Rows", f"{about}{count(estimate.rows)}" if estimate.rows else "—"),
                Fact("Columns", count(estimate.columns) if estimate.columns else "—"),
                Fact("Memory", f"about {size(estimate.memory)}", "while it is read"),
            )
        )

    def _show_no_estimate(self, problem: ErrorReport) -> None:
        self._show_estimated(())
        line = self.query_one("#estimate-problem", TextLine)
        line.show(assemble(("No estimate can be given: ", "$warn"), literal(problem.what, 200)))
        line.display = True

    def _show_estimated(self, facts: tuple[Fact, ...]) -> None:
        """Show these facts below those of the source."""
        self._estimated = facts
        self.query_one(FactLines).show_facts((*self.form.facts, *facts))

    def show(self, form: StepForm) -> None:
        super().show(form)
        self._show_estimated(self._estimated)


FORMS: Final = (
    ("\nlines of name: value\n", "bold"),
    (f"{indent(EXAMPLES.pairs, '  ')}\n", "$quiet"),
    ("JSON\n", "bold"),
    (f"  {EXAMPLES.json}\n", "$quiet"),
    ("a simple list, the target first\n", "bold"),
    (f"  {EXAMPLES.names}", "$quiet"),
)


class ManualStep(StepView):
    """A text in one of three notations: lines of `name: value`, JSON, or a list."""

    ALLOWED: ClassVar[frozenset[str]] = frozenset({"next", "copy"})
    ABOUT = (
        "Nothing has been read, so say what to predict and from which columns. Use any of the three notations. F9 or "
        "ctrl+enter continues; enter starts a new line."
    )

    @property
    def text_field(self) -> TextField:
        """The form's field for the schema."""
        return next(field for field in self.form.fields if isinstance(field, TextField))

    def compose(self) -> ComposeResult:
        yield TextLine(literal_block(self.form.words, 2_000), classes="say")
        yield TypedText(self.text_field.value)
        yield TextLine(assemble(("f9", "bold $accent"), (" continues   ", "$quiet"), ("tab, escape", "bold $accent"),
                         (" leave the text", "$quiet")), classes="hint")  # fmt: skip
        with VerticalScroll(can_focus=False):
            yield TextLine(classes="problem")
            yield TextLine(classes="example")

    def on_mount(self) -> None:
        self._show_problem()

    def show(self, form: StepForm) -> None:
        super().show(form)
        self._show_problem()

    def take_focus(self) -> None:
        self.query_one(TypedText).focus()

    def texts(self) -> Mapping[FieldName, str]:
        return {self.text_field.name: self.query_one(TypedText).text}

    def on_text_area_changed(self, event: TypedText.Changed) -> None:
        event.stop()
        text = event.text_area.text
        if text != self.text_field.value:
            self.post_message(self.Typed(self.text_field.name, text))

    def _show_problem(self) -> None:
        field = self.text_field
        self.show_problem(field.problem, named=False)
        self.query_one(".example", TextLine).show(assemble((self.text_field.help + "\n", "$quiet"), *FORMS))
