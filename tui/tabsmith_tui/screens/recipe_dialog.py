"""The dialog in which a person writes a recipe of their own: a family and its parameters, each within its range."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll

from tabsmith.errors import UsageError
from tabsmith.families.registry import families, family_parameters
from tabsmith.families.spec import ParameterSpec, ParameterValue
from tabsmith.recipes.own_recipes import parse_parameter, recipe_with, show_parameter
from tabsmith.recipes.recipe import Recipe
from tabsmith.text import clean
from tabsmith.workflow.form import Option
from tabsmith_tui.actions import bindings
from tabsmith_tui.screens.base import DialogScreen
from tabsmith_tui.widgets.bars import KeysBar
from tabsmith_tui.widgets.fields import Entry, FieldRow, PickLine, TypedLine
from tabsmith_tui.widgets.literal import TextLine, literal, set_border_title


class FamilyRow(FieldRow):
    """The family of the recipe."""

    def __init__(self, family: str) -> None:
        super().__init__("family", id="family")
        self._family = family

    def make_entry(self) -> PickLine:
        return PickLine(tuple(Option(spec.name, spec.label) for spec in families()), self._family)


class ParameterRow(FieldRow):
    """One parameter; an empty field means its default."""

    def __init__(self, spec: ParameterSpec, value: ParameterValue | None) -> None:
        super().__init__(spec.name.replace("_", " "))
        self.spec = spec
        self._text = "" if value is None else show_parameter(value)

    def make_entry(self) -> Entry:
        default = "" if self.spec.default is None else show_parameter(self.spec.default)
        match self.spec.kind:
            case "choice":
                return PickLine(tuple(Option(each, each) for each in self.spec.choices), self._text or default)
            case "boolean":
                return PickLine((Option("false", "no"), Option("true", "yes")), self._text or default)
            case _:
                return TypedLine(self._text, placeholder=default or "the library's own", select_on_focus=False)

    def on_mount(self) -> None:
        self.show_help()

    def show_help(self) -> None:
        """Show what the parameter means, and its range."""
        spec = self.spec
        span = f"{spec.low:g} to {spec.high:g}; " if spec.kind in ("integer", "number") else ""
        self.show_note(literal(f"{span}{spec.description}", 200))

    def parsed(self) -> ParameterValue | None:
        """The value; None for the default. Raises UsageError for a text that cannot be one."""
        value = parse_parameter(self.spec, self.value) if self.value.strip() else None
        return None if value == self.spec.default else value


class RecipeDialog(DialogScreen[Recipe | None]):
    """A form of one recipe, which starts from another; closes with the recipe, or None for no change.

    What `start` says of columns and features is kept, also for another family.
    """

    ABOUT = "A recipe of your own. Choose a family, change what you like, and it is the next to be fitted."
    BINDINGS: ClassVar[list[BindingType]] = bindings("question.try")
    DEFAULT_CSS = """
    RecipeDialog .dialog { height: 85%; border-title-color: $primary; border-title-style: bold; }
    RecipeDialog FieldRow .label { width: 24; }
    RecipeDialog FieldRow > .note { margin: 0 0 0 25; }
    RecipeDialog VerticalScroll { height: 1fr; }
    """

    def __init__(self, start: Recipe) -> None:
        super().__init__()
        self._start = start

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            set_border_title(dialog, "A recipe of your own")
            yield FamilyRow(self._start.family)
            with VerticalScroll(id="parameters", can_focus=False):
                yield from self._rows(self._start)
            yield TextLine(id="warning")
        yield KeysBar()

    def on_mount(self) -> None:
        self.query_one(FamilyRow).entry.focus()

    async def on_pick_line_turned(self, event: PickLine.Turned) -> None:
        """Another family has other parameters."""
        event.stop()
        family = self.query_one(FamilyRow).value
        if event.line is self.query_one(FamilyRow).entry:
            parameters = self.query_one("#parameters", VerticalScroll)
            await parameters.remove_children()
            await parameters.mount(*self._rows(self._start if family == self._start.family else Recipe(family)))

    def on_input_submitted(self, event: TypedLine.Submitted) -> None:
        """Take the recipe with enter too."""
        event.stop()
        self.action_take()

    def action_take(self) -> None:
        """Close with the recipe, unless a parameter cannot be what was typed."""
        parameters: dict[str, ParameterValue] = {}
        wrong: list[ParameterRow] = []
        for row in self.query(ParameterRow):
            try:
                value = row.parsed()
            except UsageError as error:
                row.show_note(literal(f"✘ {clean(error.what, 200)}", 220), bad=True)
                wrong.append(row)
            else:
                row.show_help()
                if value is not None:
                    parameters[row.spec.name] = value
        if wrong:
            wrong[0].entry.focus()
        else:
            self.dismiss(recipe_with(self._start, self.query_one(FamilyRow).value, parameters))

    @staticmethod
    def _rows(recipe: Recipe) -> list[ParameterRow]:
        return [ParameterRow(spec, recipe.parameters.get(spec.name)) for spec in family_parameters(recipe.family)]
