"""The specification of a run, as data: `runs/<id>/run.json`, written once before the worker starts."""

import secrets
import time
from typing import Literal, TypeAlias

import msgspec

from tabsmith.agents.protocol import AgentName
from tabsmith.config.settings import Mode
from tabsmith.limits import Limits
from tabsmith.modeling.results import MetricName
from tabsmith.recipes.recipe import Family
from tabsmith.tables.read.sources import Source, TasksSource
from tabsmith.tables.schema.types import ManualSchema, Schema


class Detect(msgspec.Struct, frozen=True, tag="detect", tag_field="schema"):
    """Detect the schema when training starts; an empty `target` is detected too."""

    target: str = ""


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

    metric: MetricName | Literal["default"] = "default"
    family: Family | Literal["any"] = "any"
    agent: AgentName = "search"
    limits: Limits = Limits(seconds=60.0)
    seed: int = 0
    cores: int = 0  # 0 takes all
    mode: Mode = "automatic"
    breakpoints: tuple[str, ...] = ()  # conditions, see tabsmith.conditions
    keep_measured: bool = False  # deliver the model that the test set measured, not one fitted again on all rows


class RunSpec(msgspec.Struct, frozen=True):
    """The specification of a run."""

    id: str
    created_at: float
    source: Source | TasksSource
    schema: SchemaChoice
    choice: ModelChoice


def new_run_id(now: float | None = None) -> str:
    """Return an id that sorts by time and is unique: `20261120-140631-7f3a9c`. `now` is in seconds since 1970."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(time.time() if now is None else now))
    return f"{stamp}-{secrets.token_hex(3)}"
