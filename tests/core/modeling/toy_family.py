"""A program: registers a family of its own, and takes it from a reply's text to predictions of a saved model.

In a process of its own, because the list of families is complete once it was read. Prints what came of each step.
"""

import json
import sys
from pathlib import Path
from zipfile import ZipFile

import msgspec

from tabsmith.families import registry
from tabsmith.families.spec import FamilySpec, entry, integer


class ToyModel(msgspec.Struct, frozen=True):
    """The first column of the features, and nothing learned."""

    repeats: int

    @property
    def rounds(self):
        """None: nothing is boosted."""
        return 0

    def predict(self, X):
        """The column as the second class's score."""
        import numpy as np

        score = 1 / (1 + np.exp(-self.repeats * X[:, 0]))
        return np.column_stack([1 - score, score])

    def save(self, path):
        """As JSON."""
        path.write_bytes(msgspec.json.encode(self))


registry.register(
    FamilySpec(
        name="toy",
        label="toy model",
        aliases="plaything",
        parameters=(integer("repeats", 1, 9, 2, "how often"),),
        portfolio=lambda size: [entry(0, "toy, default", repeats=min(3, size.rows))],
        fit=lambda request: ToyModel(request.parameters.integer("repeats")),
        load=lambda path, file, features: msgspec.json.decode(path.read_bytes(), type=ToyModel),
        saved_file="toy.json",
        preload=("colorsys",),
    )
)


def main(folder: Path) -> None:
    """Print, as JSON, what the program made of the family."""
    from tabsmith.modeling.model import load_model
    from tabsmith.recipes.portfolio import portfolio
    from tabsmith.recipes.recipe import Recipe
    from tabsmith.recipes.validation import parse_recipe, recipe_json_schema, validate_recipe
    from tabsmith.runs.stages import preload
    from tabsmith.tables.profile.types import TableProfile
    from tests.core.modeling.shapes import finished, prepared, schema, table

    preload()
    recipe = parse_recipe('{"family": "toy", "parameters": {"repeats": 3}, "dropped": ["gaps"]}')
    assert isinstance(recipe, Recipe)
    wrong = Recipe(family="toy", parameters={"repeats": 10})
    plan = schema("flag", "binary")
    data = prepared()
    report = finished(data, folder, recipe, importance_seconds=0)
    rows = table(20, seed=3)
    model = load_model(report.model_id)
    exported = model.save(folder / "toy.zip")
    steps = {
        "words": [registry.find_family(text) for text in ("TOY", "Toy Model", "plaything")],
        "valid": [validate_recipe(each, plan).valid for each in (recipe, wrong)],
        "portfolio": [each.name for each in portfolio(plan, TableProfile(rows=50, columns=()), only=("toy",))],
        "in the portfolio of all": any(each.family == "toy" for each in portfolio(plan, TableProfile(50, ()))),
        "schema": '"const":"toy"' in recipe_json_schema().decode(),
        "label": registry.family_labels()["toy"],
        "score": report.cv_score,
        "files": sorted(path.name for path in map(Path, ZipFile(exported).namelist()) if path.name == "toy.json")[:1],
        "the same exported": bool((load_model(exported).predict_proba(rows) == model.predict_proba(rows)).all()),
        "preloaded": "colorsys" in sys.modules,
    }
    print(json.dumps(steps))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
