"""The steps that choose a table: its path, whether it is loaded now, and a schema in words if it is read later."""

from collections.abc import Mapping
from textwrap import indent
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.containers import VerticalScroll

from tabsmith.errors import ErrorReport
from tabsmith.formatting import count, size
from tabsmith.tables.info import Estimate
from tabsmith.tables.schema.manual import EXAMPLES
from tabsmith.workflow.form import Fact, StepForm
from tabsmith.workflow.session import FieldName
from tabsmith_tui.widgets.fields import TypedText
from tabsmith_tui.widgets.literal import TextLine, assemble, literal
from tabsmith_tui.widgets.path_field import PathField
from tabsmith_tui.widgets.steps.base import ChoiceList, FactLines, StepView


class PathStep(StepView):
    """A path to type, complete or paste, also with quotes, `~` or `file://`."""

    LISTED_FROM = 1
    ABOUT = (
        "Type, complete (tab) or paste the path of a table: CSV, TSV, Parquet, JSON, JSONL, Excel; packed with gzip or "
        "zstd too. Nothing is read before you press enter."
    )

    def __init__(self, form: StepForm, recent: tuple[str, ...] = ()) -> None:
        super().__init__(form)
        self.recent = recent

    def compose(self) -> ComposeResult:
        field = self.text_field
        yield TextLine(classes="say")
        yield PathField(field.value, placeholder=field.example, recent=self.recent)
        with VerticalScroll(can_focus=False):
            yield TextLine(classes="problem")
            yield FactLines()
            yield ChoiceList()


class LoadStep(StepView):
    """Load now, or defer; only the beginning of the file has been read so far."""

    ALLOWED: ClassVar[frozenset[str]] = frozenset({"next", "copy", "reading"})
    ABOUT = (
        "Load now reads the whole table once and shows what it holds. Defer reads nothing: you describe the target and "
        "the features in words, and the table is read when training starts."
    )

    _estimated: tuple[Fact, ...] = (Fact("Rows", "…", "looking at its beginning"),)

    def compose(self) -> ComposeResult:
        yield TextLine(classes="say")
        with VerticalScroll(can_focus=False):
            yield TextLine(classes="problem")
            yield FactLines()
            no_estimate = TextLine(id="estimate-problem")
            no_estimate.display = False
            yield no_estimate
            yield ChoiceList(self.form.default)

    def facts(self, form: StepForm) -> tuple[Fact, ...]:
        return (*form.facts, *self._estimated)

    def show_estimate(self, estimate: Estimate | ErrorReport) -> None:
        """Show what loading will cost, or why that cannot be estimated."""
        if isinstance(estimate, ErrorReport):
            self._estimated = ()
            line = self.query_one("#estimate-problem", TextLine)
            line.show(assemble(("No estimate can be given: ", "$warn"), literal(estimate.what, 200)))
            line.display = True
        else:
            about = "" if estimate.format == "sample" else "about "
            unsized = any(fact.label == "Size" for fact in self.form.facts) or not estimate.size
            self._estimated = (
                Fact("Format", estimate.format + ("" if unsized else f", {size(estimate.size)}")),
                Fact("Rows", f"{about}{count(estimate.rows)}" if estimate.rows else "—"),
                Fact("Columns", count(estimate.columns) if estimate.columns else "—"),
                Fact("Memory", f"about {size(estimate.memory)}", "while it is read"),
            )
        self.query_one(FactLines).show_facts(self.facts(self.form))


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

    ABOUT = (
        "Nothing has been read, so say what to predict and from which columns. Use any of the three notations. F9 or "
        "ctrl+enter continues; enter starts a new line."
    )

    def compose(self) -> ComposeResult:
        yield TextLine(classes="say")
        yield TypedText(self.text_field.value)
        yield TextLine(assemble(("f9", "bold $accent"), (" continues   ", "$quiet"), ("tab, escape", "bold $accent"),
                         (" leave the text", "$quiet")), classes="hint")  # fmt: skip
        with VerticalScroll(can_focus=False):
            yield TextLine(classes="problem")
            yield TextLine(assemble((self.text_field.help + "\n", "$quiet"), *FORMS), classes="example")

    def texts(self) -> Mapping[FieldName, str]:
        return {self.text_field.name: self.query_one(TypedText).text}
