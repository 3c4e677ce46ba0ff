"""What a run is asked to do, as data: `runs/<id>/run.json`, written once before the worker starts."""

import secrets
import time
from typing import Literal, TypeAlias

import msgspec

from tabsmith.agents.protocol import AgentName
from tabsmith.limits import Limits
from tabsmith.modeling.results import MetricName
from tabsmith.orchestration.questions import Mode
from tabsmith.recipes.recipe import Family
from tabsmith.tables.read.sources import Source, TasksSource
from tabsmith.tables.schema.types import ManualSchema, Schema


class Detect(msgspec.Struct, frozen=True, tag="detect", tag_field="schema"):
    """Understand the table while training starts; `target` is empty when it is to be found too."""

    target: str = ""


class Confirmed(msgspec.Struct, frozen=True, tag="confirmed", tag_field="schema"):
    """A person has seen and accepted this schema; `fingerprint` is the table they saw."""

    accepted: Schema
    fingerprint: str


class Deferred(msgspec.Struct, frozen=True, tag="deferred", tag_field="schema"):
    """A schema given in words; the table is read for the first time when training starts."""

    manual: ManualSchema


SchemaChoice: TypeAlias = Detect | Confirmed | Deferred


class ModelChoice(msgspec.Struct, frozen=True):
    """How to train: by which metric, with which families, for how long; who proposes, and when a person is asked."""

    metric: MetricName | Literal["default"] = "default"
    family: Family | Literal["any"] = "any"
    agent: AgentName = "search"
    limits: Limits = Limits(seconds=60.0)
    seed: int = 0
    cores: int = 0  # 0 takes all
    mode: Mode = "automatic"
    breakpoints: tuple[str, ...] = ()  # conditions, see tabsmith.conditions


class RunSpec(msgspec.Struct, frozen=True):
    """A run, asked for."""

    id: str
    created_at: float
    source: Source | TasksSource
    schema: SchemaChoice
    choice: ModelChoice


def new_run_id(now: float | None = None) -> str:
    """A name that sorts by time and is never given twice: `20261120-140631-7f3a9c`."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(time.time() if now is None else now))
    return f"{stamp}-{secrets.token_hex(3)}"
