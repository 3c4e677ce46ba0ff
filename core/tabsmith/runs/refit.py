"""A saved model fitted again on all rows, as long as it takes: what the end of its run had no time for.

Imports the numerical libraries; a command imports this module when it is asked for.
"""

import math
import tempfile
import time
from pathlib import Path

from msgspec.structs import replace

from tabsmith.errors import UsageError
from tabsmith.modeling import store
from tabsmith.modeling.large_tables.whole_table import rows_to_learn
from tabsmith.modeling.model_files import HOLDOUT, StoredMember, is_member_file
from tabsmith.modeling.refit import REFIT_FILE, fit_refit, plan_seeds, refits_of
from tabsmith.modeling.results import Delivery, ModelReport
from tabsmith.modeling.training_data import TrainingData
from tabsmith.processes import available_cores
from tabsmith.runs.explain import find_run, training_data_of
from tabsmith.runs.pool import Progress
from tabsmith.storage.sealed import SEAL_FILE

SUFFIX = "-all"  # of the id of a model that was fitted again


def refit_saved_model(model: str, progress: Progress) -> ModelReport:
    """Fit the recipes of the model with the id or alias `model` on all rows, its test set included unless that is a table of its own, and save what comes
    of it as a model of its own, with the scores of the measured one; returns its report.

    The model itself stays as it is, so that an alias can be promoted and rolled back. Raises UsageError for a model that
    has learned from all rows, or was fitted again before; ExplanationError if its table is gone; ModelNotFoundError,
    ModelDamagedError and StorageError.
    """
    report = store.read_report(model)
    model_id = f"{report.model_id}{SUFFIX}"
    if report.delivery is not None and report.delivery.refitted == report.delivery.recipes:
        raise UsageError(
            f"The model {report.model_id} has learned from all rows already.",
            next_step=f"Use it as it is: tabsmith predict {report.model_id} NEW_ROWS.csv",
        )
    if store.model_folder(model_id).exists():
        raise UsageError(
            f"The model {report.model_id} was fitted again before, as {model_id}.",
            next_step=f"Use that one: tabsmith predict {model_id} NEW_ROWS.csv",
        )
    progress(-1.0, "setting the rows apart as they were")
    data = training_data_of(report, find_run(report.run_id))
    refits = plan_seeds(report.members)
    with tempfile.TemporaryDirectory(prefix="tabsmith-refit-") as folder:
        for done, refit in enumerate(refits):
            progress(done / len(refits), f"fitting on all rows: {done} of {len(refits)}")
            fit_refit(data, refit, Path(folder), threads=available_cores(), seconds_left=lambda: math.inf)
        return _save(report, model_id, data, Path(folder))


def _save(report: ModelReport, model_id: str, data: TrainingData, root: Path) -> ModelReport:
    """Save the models of all rows that lie below `root`, with what the measured model brought."""
    measured = store.model_folder(report.model_id)
    files = {HOLDOUT: measured / HOLDOUT} if (measured / HOLDOUT).is_file() else {}
    members = []
    for position, member in enumerate(report.members):
        folders = []
        for fitted in refits_of(member.recipe, root):
            folders.append(f"members/{position}-{member.recipe.id}/{fitted.name}")
            for path in sorted(fitted.iterdir()):
                if path.name not in (REFIT_FILE, SEAL_FILE):
                    assert is_member_file(path.name), path.name
                    files[f"{folders[-1]}/{path.name}"] = path
        members.append(StoredMember(member.recipe, member.weight, tuple(folders)))
    recipes = len(report.members)
    report = replace(
        report,
        model_id=model_id,
        created_at=time.time(),
        delivery=Delivery(
            rows=max(rows_to_learn(data, each.recipe) for each in report.members), refitted=recipes, recipes=recipes
        ),
    )
    store.save_model(report, replace(store.read_model_file(measured), members=tuple(members)), files)
    return report
