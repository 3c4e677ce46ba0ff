"""The steps around training: its settings with their defaults, the review with the equivalent command, the progress."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.message import Message

from tabsmith.formatting import plus_minus
from tabsmith.presentation import budgets
from tabsmith.presentation.labels import RUN_STATES
from tabsmith.presentation.scores import metric_direction
from tabsmith.presentation.spans import LabelledLine, line, span
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.text import plural
from tabsmith.workflow.form import Fact, StepForm, TextField
from tabsmith_tui.widgets.literal import FactList, TextLine, literal
from tabsmith_tui.widgets.steps.base import FactLines, FormRow, StepView


class ReviewStep(StepView):
    """All settings on one page; enter starts training."""

    ALLOWED: ClassVar[frozenset[str]] = frozenset({"start", "copy", "explore"})
    ABOUT = "The last look before training. Enter starts it; c copies the command line that does the same."

    def compose(self) -> ComposeResult:
        with VerticalScroll():
            yield FactLines()
            yield TextLine("The same from the command line (c copies it):", classes="caption")
            yield TextLine(classes="command")

    def facts(self, form: StepForm) -> tuple[Fact, ...]:
        """The facts of the form, then the values of its fields."""
        facts = list(form.facts)
        for field in self.inputs:
            if isinstance(field, TextField):
                facts.append(Fact(field.label, field.value or field.empty))
            else:
                chosen = next((option for option in field.options if option.value == field.value), None)
                facts.append(
                    Fact(field.label, chosen.label if chosen else field.value, chosen.detail if chosen else "")
                )
        return tuple(facts)

    def show(self, form: StepForm) -> None:
        super().show(form)
        self.query_one(".command", TextLine).show(literal("$ " + form.command, 20_000))

    def take_focus(self) -> None:
        self.query_one(VerticalScroll).focus()

    def to_copy(self) -> str:
        return self.form.command + "\n"


class TrainingStep(StepView, can_focus=True):
    """The progress of the run; it continues whatever happens to this screen."""

    ALLOWED: ClassVar[frozenset[str]] = frozenset({"watch"})
    ABOUT = "The run works in the background. Enter watches it; you may leave, and find it again at home or here."

    def compose(self) -> ComposeResult:
        yield TextLine(classes="say")
        yield FactList([("state", line("starting…", "dim"))])

    def show_run(self, run: RunSnapshot, now: float) -> None:
        """Show the progress of the run."""
        facts: list[LabelledLine] = [
            ("state", (RUN_STATES[run.state].span, span(f"   {run.message}" if run.message else "", "dim", 200))),
            ("time", line(budgets.elapsed(run, now))),
        ]
        champion = run.champion_trial
        if champion is not None and run.metric is not None:
            score = plus_minus(champion.mean, champion.standard_error)
            facts.append(("best", line(f"{score}   {metric_direction(run.metric)}")))
        facts.append(("tries", line(f"{plural(run.tried, 'recipe')} scored")))
        self.query_one(FactList).show(facts)


class ModelStep(StepView):
    """A form. Enter always does something: it goes to the first wrong value and says why it is wrong."""

    ABOUT = (
        "Every value shown is a sensible one; enter takes them. Up and down go through the fields, left and "
        "right through the values of a choice. Nothing is trained before you have seen it all on one page."
    )

    class ToReview(Message):
        """The person wants to see the page before training."""

    def words(self, form: StepForm) -> str:
        return f"{form.words} Training starts on the next page."

    def compose(self) -> ComposeResult:
        yield TextLine(classes="say")
        with VerticalScroll(can_focus=False):
            yield TextLine(classes="problem")
            for field in self.inputs:
                yield FormRow(field)
            yield FactLines()

    def go_on(self) -> None:
        self.post_message(self.ToReview())

    def show_first_problem(self) -> None:
        """Go to the first wrong value, and say why it is wrong."""
        bad = next((row for row in self.query(FormRow) if row.field.problem), None)
        if bad is None:
            return
        bad.entry.focus()
        assert bad.field.problem is not None
        self.app.notify(f"{bad.field.label}: {bad.field.problem.what}", severity="warning")
