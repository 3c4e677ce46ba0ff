"""The specification of a run, as data: `runs/<id>/run.json`, written once before the worker starts."""

import secrets
import time
from typing import Literal, TypeAlias

import msgspec

from tabsmith.agents.protocol import AgentName
from tabsmith.config.settings import Mode
from tabsmith.families.registry import family_names
from tabsmith.limits import Limits
from tabsmith.modeling.decisions.goals import AUTOMATIC, LabelGoal
from tabsmith.modeling.metric_catalogue import MetricChoice
from tabsmith.recipes.recipe import Family, Recipe
from tabsmith.tables.read.sources import Source, TasksSource
from tabsmith.tables.schema.types import ManualSchema, Schema


class Detect(msgspec.Struct, frozen=True, tag="detect", tag_field="schema"):
    """Detect the schema when training starts; an empty `target` is detected too, and an empty `event` is found.

    Rows count by the column `weight`. What the user `corrected_by` changed in the schema of the same table before is
    changed again; "" leaves the schema as it is detected.
    """

    target: str = ""
    weight: str = ""
    event: str = ""
    corrected_by: str = ""


class Confirmed(msgspec.Struct, frozen=True, tag="confirmed", tag_field="schema"):
    """A person has accepted this schema, of the table with this fingerprint."""

    accepted: Schema
    fingerprint: str


class Deferred(msgspec.Struct, frozen=True, tag="deferred", tag_field="schema"):
    """A person has described the schema; the table is read for the first time when training starts."""

    manual: ManualSchema


SchemaChoice: TypeAlias = Detect | Confirmed | Deferred


class ModelChoice(msgspec.Struct, frozen=True):
    """How to train: the metric, the families, the limits, the agent that proposes, and when a person is asked."""

    metric: MetricChoice = "default"
    family: Family | Literal["any"] = "any"  # the only one, as runs were specified before `families`
    agent: AgentName = "search"
    limits: Limits = Limits(seconds=60.0)
    seed: int = 0
    cores: int = 0  # 0 takes all
    mode: Mode = "automatic"
    goal: LabelGoal = AUTOMATIC  # of the labels of two classes
    breakpoints: tuple[str, ...] = ()  # conditions, see tabsmith.conditions
    families: tuple[Family, ...] = ()  # only these; empty for all that suit the table
    exclude: tuple[Family, ...] = ()
    recipes: tuple[Recipe, ...] = ()  # a person's own, which are tried first
    resume_from: str = ""  # the id of a model whose recipes, and those of earlier runs, are tried first
    keep_measured: bool = False  # deliver the model that the test set measured, not one fitted again on all rows

    @property
    def only_families(self) -> tuple[Family, ...]:
        """The families that a person has limited the run to; empty for all that suit the table."""
        named = self.families if self.family == "any" else (self.family, *self.families)
        return tuple(name for name in dict.fromkeys(named) if name not in self.exclude)

    @property
    def allowed_families(self) -> tuple[Family, ...]:
        """The families that a recipe of an agent may have; empty for all."""
        if self.exclude and not self.only_families:
            return tuple(name for name in family_names() if name not in self.exclude)
        return self.only_families


class RunSpec(msgspec.Struct, frozen=True):
    """The specification of a run."""

    id: str
    created_at: float
    source: Source | TasksSource
    schema: SchemaChoice
    choice: ModelChoice
    test: Source | None = None  # the rows to measure the model on, in place of some of the table's own


def new_run_id(now: float | None = None) -> str:
    """Return an id that sorts by time and is unique: `20261120-140631-7f3a9c`. `now` is in seconds since 1970.

    The last part begins with the fraction of the second, so that runs that are started one after the other sort so.
    """
    at = time.time() if now is None else now
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(at))
    return f"{stamp}-{int(at % 1 * 0x1000):03x}{secrets.randbelow(0x1000):03x}"
